"""The access log: an entry for each response, without secrets."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from app.core.log_config import ACCESS_LOGGER
from app.core.settings import Settings
from tests.support.databases import ADMIN_KEY
from tests.support.serving import serving


def entries(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.fields for record in caplog.records if record.name == ACCESS_LOGGER]  # type: ignore[attr-defined] # set by `extra`


def test_each_response_is_one_entry(
    fresh_settings: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, ACCESS_LOGGER)
    with serving(fresh_settings(access_log=True)) as service:
        caplog.clear()
        service.anonymous.get("/v1/facets?bank=hidden-query")
        service.admin.get("/v1/editing/banks")
        service.admin.head("/v1/editing/banks")
        service.anonymous.get("/v1/editing/banks")
        service.anonymous.get("/nothing%0Ahere")
        service.anonymous.options("/v1/facets")
        found = entries(caplog)
    seen = [(entry["method"], entry["path"], entry["status"]) for entry in found]
    assert seen == [
        ("GET", "/v1/facets", 422),
        ("GET", "/v1/editing/banks", 200),
        ("HEAD", "/v1/editing/banks", 200),
        ("GET", "/v1/editing/banks", 401),
        ("GET", "/nothing%0Ahere", 404),
        ("OPTIONS", "/v1/facets", 204),
    ]
    assert all(entry["client"] == "127.0.0.1" and entry["milliseconds"] >= 0 for entry in found)
    assert [entry["key_id"] is None for entry in found] == [True, False, False, True, True, True]
    assert "hidden-query" not in caplog.text
    assert ADMIN_KEY not in caplog.text


def test_there_are_no_entries_by_default(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, ACCESS_LOGGER)
    with serving(settings) as service:
        service.anonymous.get("/v1/facets")
        service.admin.get("/v1/editing/banks")
    assert entries(caplog) == []
