"""The documentation names files, modules and targets that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    # Written by `make bench` and `make prove`.
    if not path.name.startswith(("benchmarks", "proof"))
)
FILE = re.compile(r"`((?:app|tests|docs|migrations|bench|seed|openapi)/[\w./-]+\.\w+)`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_a_page_names_files_that_exist(page: Path) -> None:
    text = page.read_text()
    missing = {name for name in FILE.findall(text) if not (ROOT / name).exists()}
    missing |= {link for link in LINK.findall(text) if not (page.parent / link).exists()}
    assert missing == set()


def test_each_decision_record_has_its_parts_and_is_in_the_index() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    records = sorted((ROOT / "docs" / "adr").glob("0*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text()
        for part in ("Status", "Context", "Decision", "Alternatives", "What enforces it"):
            assert f"**{part}" in text, (record.name, part)
        assert f"]({record.name})" in index


def test_the_glossary_has_no_entry_twice() -> None:
    entries = re.findall(
        r"^- \*\*(.+?)\*\*", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE
    )
    assert len(entries) > 50
    lower = [entry.lower() for entry in entries]
    assert {entry for entry in lower if lower.count(entry) > 1} == set()
