"""The content of a question after its row is imported: which options keep their ids."""

from typing import Any

import pytest

from app.kinds import content_values, give_item_ids, parse_content
from app.taxonomy.vocabulary import Vocabularies, Vocabulary
from app.transfer.formats import FORMATS
from app.transfer.rows.candidates import read_content
from app.transfer.rows.term_lookup import TermFinder
from tests.questions.examples import BODIES


def existing_choice() -> dict[str, Any]:
    content = parse_content(BODIES["single_choice"] | {"language": "en"})
    give_item_ids([content])
    return content_values(content)


def options_after(existing: dict[str, Any], options: list[dict[str, Any]]) -> list[dict[str, Any]]:
    finder = TermFinder(Vocabularies(Vocabulary(), Vocabulary(), Vocabulary()), create=False)
    row = {"kind": "single_choice", "options": options}
    content, faults = read_content(row, existing, "en", FORMATS["jsonl"], finder)
    assert not faults
    assert content is not None
    found: list[dict[str, Any]] = content_values(content)["options"]
    return found


def test_an_option_keeps_its_id_by_id_or_by_text() -> None:
    existing = existing_choice()
    first, second, third = (option["id"] for option in existing["options"])
    found = options_after(
        existing,
        [
            {"text": "Earth", "key": False},
            {"id": first, "text": "Vulcan", "key": True},
            {"text": "Venus", "key": False},
            {"id": "of another question", "text": "Mars", "key": False},
        ],
    )
    assert [option["id"] for option in found] == [third, first, second, None]


@pytest.mark.parametrize("unusable", [[], {}, 5, None])
def test_an_id_that_is_not_text_is_replaced(unusable: Any) -> None:
    existing = existing_choice()
    options = [{**option, "id": unusable} for option in existing["options"]]
    found = options_after(existing, options)
    assert [option["id"] for option in found] == [option["id"] for option in existing["options"]]
