"""Lists of terms, with the number of questions that match a filter."""

import pytest

from app.taxonomy.service import create_terms
from app.taxonomy.vocabulary import Term
from tests.catalog.support import ADMIN, CatalogWorker, make_question


def _counts(worker: CatalogWorker, address: str) -> dict[str, int]:
    return {term["slug"]: term["count"] for term in worker.read(address)["items"]}


def test_a_category_counts_the_questions_of_its_subcategories_once(worker: CatalogWorker) -> None:
    worker.publish(
        make_question(categories=("optics",)),
        make_question(categories=("optics", "physics")),
        make_question(categories=("arts",), difficulty="hard"),
    )
    worker.follow()
    assert _counts(worker, "/v1/categories") == {"arts": 1, "optics": 2, "physics": 2, "science": 2}
    assert _counts(worker, "/v1/categories?difficulty=hard") == {
        "arts": 1,
        "optics": 0,
        "physics": 0,
        "science": 0,
    }
    assert _counts(worker, "/v1/categories?category=arts")["optics"] == 0
    worker.execute("UPDATE categories SET parent = 'arts' WHERE slug = 'physics'")
    worker.execute("UPDATE clock SET config_version = config_version + 1")
    worker.follow()
    assert _counts(worker, "/v1/categories") == {"arts": 3, "optics": 2, "physics": 2, "science": 0}


def test_terms_have_the_members_of_their_vocabulary(worker: CatalogWorker) -> None:
    with worker.database.write() as session:
        create_terms(
            session, [("companies", Term("facebook", "Facebook", "The network.", ("meta",)))]
        )
    worker.publish(make_question(companies=("facebook",), tags=("viva",)))
    worker.follow()
    assert worker.read("/v1/companies?company=Meta")["items"][1] == {
        "slug": "facebook",
        "name": "Facebook",
        "description": "The network.",
        "aliases": ["meta"],
        "count": 1,
    }
    tag = worker.read("/v1/tags")["items"][1]
    assert (tag["slug"], tag["group"], tag["count"]) == ("viva", "format", 1)
    category = worker.read("/v1/categories")["items"][1]
    assert (category["slug"], category["parent"]) == ("optics", "physics")


def test_only_readable_banks_are_listed(worker: CatalogWorker) -> None:
    worker.make_bank("closed", read="restricted", answers="restricted")
    worker.publish(make_question(), make_question(bank="closed"))
    worker.follow()
    assert _counts(worker, "/v1/banks") == {"science": 1}
    assert worker.read("/v1/banks", ADMIN)["items"] == [
        {"slug": slug, "name": slug, "description": "", "aliases": [], "count": 1}
        for slug in ("closed", "science")
    ]


@pytest.mark.parametrize("route", ["categories", "companies", "tags"])
def test_pages_contain_each_term_once(worker: CatalogWorker, route: str) -> None:
    all_terms = worker.read(f"/v1/{route}")
    assert all_terms["next_cursor"] is None
    assert all_terms["total"] == len(all_terms["items"])
    found, cursor = [], ""
    while True:
        page = worker.read(f"/v1/{route}?limit=1{cursor}")
        found += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == all_terms["items"]
    assert worker.refusal(f"/v1/{route}?limit=1001").code == "invalid_request"
    assert worker.refusal(f"/v1/{route}?answers=true").errors[0].code == "unknown_parameter"


def test_a_cursor_contains_the_filter(worker: CatalogWorker) -> None:
    worker.publish(make_question(tags=("viva",)), make_question(tags=("viva",), difficulty="hard"))
    worker.follow()
    first = worker.read("/v1/tags?limit=1&difficulty=hard")
    cursor = first["next_cursor"]
    assert worker.read(f"/v1/tags?cursor={cursor}")["items"][0]["count"] == 1
    problem = worker.refusal(f"/v1/tags?cursor={cursor}&difficulty=easy")
    assert problem.errors[0].parameter == "difficulty"


def test_facets_contain_the_values_that_questions_have(worker: CatalogWorker) -> None:
    worker.publish(
        make_question(categories=("optics",), levels=("intern",), language="pt-BR"),
        make_question(difficulty="hard", companies=("amazon",)),
    )
    worker.follow()
    response = worker.read("/v1/facets?difficulty=hard")
    assert response["total"] == 1
    assert response["facets"] == {
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
