"""Vocabularies: every term, with what the caller sees of it under a filter."""

import pytest

from app.taxonomy.service import create_terms
from app.taxonomy.vocabulary import Term
from tests.catalog.support import ADMIN, Shelf, make_question


def _counts(shelf: Shelf, address: str) -> dict[str, int]:
    return {term["slug"]: term["count"] for term in shelf.read(address)["items"]}


def test_a_category_counts_everything_below_it_once(shelf: Shelf) -> None:
    shelf.publish(
        make_question(categories=("optics",)),
        make_question(categories=("optics", "physics")),
        make_question(categories=("arts",), difficulty="hard"),
    )
    shelf.follow()
    assert _counts(shelf, "/v1/categories") == {"arts": 1, "optics": 2, "physics": 2, "science": 2}
    assert _counts(shelf, "/v1/categories?difficulty=hard") == {
        "arts": 1,
        "optics": 0,
        "physics": 0,
        "science": 0,
    }
    assert _counts(shelf, "/v1/categories?category=arts")["optics"] == 0
    shelf.execute("UPDATE categories SET parent = 'arts' WHERE slug = 'physics'")
    shelf.execute("UPDATE clock SET config_version = config_version + 1")
    shelf.follow()
    assert _counts(shelf, "/v1/categories") == {"arts": 3, "optics": 2, "physics": 2, "science": 0}


def test_terms_come_as_they_are_with_what_belongs_to_them(shelf: Shelf) -> None:
    with shelf.database.write() as session:
        create_terms(
            session, [("companies", Term("facebook", "Facebook", "The network.", ("meta",)))]
        )
    shelf.publish(make_question(companies=("facebook",), tags=("viva",)))
    shelf.follow()
    assert shelf.read("/v1/companies?company=Meta")["items"][1] == {
        "slug": "facebook",
        "name": "Facebook",
        "description": "The network.",
        "aliases": ["meta"],
        "count": 1,
    }
    tag = shelf.read("/v1/tags")["items"][1]
    assert (tag["slug"], tag["group"], tag["count"]) == ("viva", "format", 1)
    category = shelf.read("/v1/categories")["items"][1]
    assert (category["slug"], category["parent"]) == ("optics", "physics")


def test_banks_are_those_that_the_caller_may_read(shelf: Shelf) -> None:
    shelf.make_bank("closed", read="restricted", answers="restricted")
    shelf.publish(make_question(), make_question(bank="closed"))
    shelf.follow()
    assert _counts(shelf, "/v1/banks") == {"science": 1}
    assert shelf.read("/v1/banks", ADMIN)["items"] == [
        {"slug": slug, "name": slug, "description": "", "aliases": [], "count": 1}
        for slug in ("closed", "science")
    ]


@pytest.mark.parametrize("route", ["categories", "companies", "tags"])
def test_pages_of_terms_hold_each_once(shelf: Shelf, route: str) -> None:
    whole = shelf.read(f"/v1/{route}")
    assert whole["next_cursor"] is None
    assert whole["total"] == len(whole["items"])
    found, cursor = [], ""
    while True:
        page = shelf.read(f"/v1/{route}?limit=1{cursor}")
        found += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == whole["items"]
    assert shelf.refusal(f"/v1/{route}?limit=1001").code == "invalid_request"
    assert shelf.refusal(f"/v1/{route}?answers=true").errors[0].code == "unknown_parameter"


def test_the_filter_of_a_cursor_goes_on_counting(shelf: Shelf) -> None:
    shelf.publish(make_question(tags=("viva",)), make_question(tags=("viva",), difficulty="hard"))
    shelf.follow()
    first = shelf.read("/v1/tags?limit=1&difficulty=hard")
    cursor = first["next_cursor"]
    assert shelf.read(f"/v1/tags?cursor={cursor}")["items"][0]["count"] == 1
    problem = shelf.refusal(f"/v1/tags?cursor={cursor}&difficulty=easy")
    assert problem.errors[0].parameter == "difficulty"


def test_facets_tell_values_that_there_are(shelf: Shelf) -> None:
    shelf.publish(
        make_question(categories=("optics",), levels=("intern",), language="pt-BR"),
        make_question(difficulty="hard", companies=("amazon",)),
    )
    shelf.follow()
    answer = shelf.read("/v1/facets?difficulty=hard")
    assert answer["total"] == 1
    assert answer["facets"] == {
        "category": [],
        "company": [{"slug": "amazon", "name": "Amazon", "count": 1}],
        "tag": [],
        "difficulty": [
            {"slug": "easy", "name": "Easy", "count": 1},
            {"slug": "hard", "name": "Hard", "count": 1},
        ],
        "level": [],
        "kind": [{"slug": "true_false", "name": "True false", "count": 1}],
        "language": [{"slug": "en", "name": "en", "count": 1}],
    }
