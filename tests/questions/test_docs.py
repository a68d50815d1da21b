"""docs/questions.md: its examples are what the service accepts and delivers."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import pytest

from app.core.secrets import Secrets
from app.kinds import KINDS, content_values, parse_content
from app.published.publishing import Publication
from app.questions.rendering import Renderer
from app.questions.state import PendingRevision, RevisionContent, new_question
from app.questions.validation import IDENTITY_FIELDS

PAGE = (Path(__file__).parent.parent.parent / "docs" / "questions.md").read_text()
FIELDS = {
    "single_choice": {"options"},
    "multiple_choice": {"options"},
    "true_false": {"value"},
    "short_text": {"text"},
    "numeric": {"value"},
    "open": {"text"},
    "code": {"text"},
}


class Example(NamedTuple):
    """The four blocks of one kind."""

    sent: dict[str, Any]
    delivered: dict[str, Any]
    answers: dict[str, Any]
    response: dict[str, Any]


def example(kind: str) -> Example:
    section = re.search(rf"\n## {kind}\n(.*?)(?=\n## |\Z)", PAGE, re.DOTALL)
    assert section, f"the page has no section {kind}"
    blocks = re.findall(r"```json\n(.*?)```", section.group(1), re.DOTALL)
    return Example(*(json.loads(block) for block in blocks))


def milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def rendered(shown: Example) -> Publication:
    """Render what the editor sends, with the ids and times that the page shows."""
    values = {name: value for name, value in shown.sent.items() if name not in IDENTITY_FIELDS}
    ids = {option["text"]: option["id"] for option in shown.delivered.get("options", ())}
    if ids:
        values["options"] = [{**option, "id": ids[option["text"]]} for option in values["options"]]
    content = parse_content({"language": "en"} | values)
    delivered = shown.delivered
    revision = RevisionContent(
        1, milliseconds(delivered["updated_at"]), content_values(content), content
    )
    question = new_question(
        UUID(delivered["id"]), shown.sent["bank"], None, PendingRevision(revision, None)
    )
    question.publish(revision, milliseconds(delivered["published_at"]))
    return Renderer(Secrets(("the order of options is a secret here",))).publication(question, None)


def in_one_order(document: dict[str, Any]) -> dict[str, Any]:
    if "options" not in document:
        return document
    options = sorted(document["options"], key=lambda option: option["id"])
    return document | {"options": options}


def test_the_page_shows_every_kind() -> None:
    assert re.findall(r"\n## (\w+)\n", PAGE) == list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_editor_example_renders_to_the_delivered_and_answer_examples(kind: str) -> None:
    shown = example(kind)
    entry = rendered(shown)
    assert in_one_order(orjson.loads(entry.document)) == in_one_order(shown.delivered)
    assert list(orjson.loads(entry.document)) == list(shown.delivered)
    assert orjson.loads(entry.answers) == shown.answers


@pytest.mark.parametrize("kind", KINDS)
def test_the_response_example_fits_the_delivered_question(kind: str) -> None:
    shown = example(kind)
    assert shown.response.keys() == FIELDS[kind]
    if "options" in shown.response:
        ids = {option["id"] for option in shown.delivered["options"]}
        assert set(shown.response["options"]) <= ids
        assert len(shown.response["options"]) == 1 or kind == "multiple_choice"
