"""The documentation page in a real browser: it works under its own policy and keeps no key."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.support.databases import ADMIN_KEY
from tests.support.serving import Service

pytestmark = pytest.mark.browser

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,1600",
)
WAIT_SECONDS = 20


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for flag in (*FLAGS, f"--user-data-dir={tmp_path}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


def _find(browser: webdriver.Chrome, selector: str) -> WebElement:
    wait = WebDriverWait(browser, WAIT_SECONDS)
    found: WebElement = wait.until(lambda page: page.find_element(By.CSS_SELECTOR, selector))
    return found


def _click(browser: webdriver.Chrome, selector: str) -> None:
    browser.execute_script("arguments[0].click()", _find(browser, selector))


def test_a_reader_tries_a_route_and_the_key_is_not_kept(
    shared: Service, browser: webdriver.Chrome
) -> None:
    browser.get(f"{shared.url}/docs")
    _click(browser, ".btn.authorize")
    _find(browser, ".auth-container input").send_keys(ADMIN_KEY)
    _click(browser, ".auth-btn-wrapper .authorize")
    _click(browser, ".auth-btn-wrapper .btn-done")
    operation = "#operations-banks-list_editing_banks"
    _click(browser, f"{operation} .opblock-summary-control")
    _click(browser, f"{operation} .try-out__btn")
    _click(browser, f"{operation} .execute")
    status = _find(browser, f"{operation} .live-responses-table tbody .response-col_status")
    assert status.text.startswith("200")
    assert browser.execute_script("return localStorage.length + sessionStorage.length") == 0
    assert ADMIN_KEY not in browser.execute_script("return document.cookie")
    complaints = [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]
    assert complaints == []


def test_an_import_can_be_sent_from_the_page(shared: Service, browser: webdriver.Chrome) -> None:
    browser.get(f"{shared.url}/docs")
    operation = "[id$='create_import']"
    _click(browser, f"{operation} .opblock-summary-control")
    _click(browser, f"{operation} .try-out__btn")
    assert _find(browser, f"{operation} input[type=file]").is_enabled()
