"""Merging two terms edits every question that has one of them."""

from typing import Any

import orjson
import pytest
from sqlalchemy import text

from tests.questions.examples import make_terms, published_rows
from tests.support.serving import Service

PATH = "/v1/editing/questions"
AT_ANY = {"If-Match": "*"}


@pytest.fixture
def bank(service: Service) -> str:
    return service.make_bank()


def documents(service: Service) -> dict[str, dict[str, Any]]:
    with service.database.read() as session:
        rows = session.connection().execute(
            text(
                "SELECT body FROM documents JOIN published USING (number, revision) "
                "WHERE revision IS NOT NULL"
            )
        )
        found = [orjson.loads(bytes(body)) for (body,) in rows]
    return {document["id"]: document for document in found}


def merge(service: Service, vocabulary: str, slug: str, into: str) -> dict[str, Any]:
    url = f"/v1/editing/{vocabulary}/{slug}/merge"
    return service.expect(service.admin.post(url, json={"into": into}), 200)


def test_live_revision_and_draft_get_the_other_term_and_the_draft_stays_unpublished(
    service: Service, bank: str
) -> None:
    make_terms(service, tags=["lab-viva", "viva", "other"])
    live = service.make_question(tags=["other", "lab-viva", "viva"])
    edited = service.make_question(tags=["lab-viva"], points=1)
    patch = {"points": 5, "tags": ["other"]}
    service.expect(service.admin.patch(f"{PATH}/{edited['id']}", json=patch, headers=AT_ANY), 200)
    draft = service.make_question(publish=False, tags=["lab-viva"])
    newer = service.make_question()
    patch = {"tags": ["lab-viva"]}
    service.expect(service.admin.patch(f"{PATH}/{newer['id']}", json=patch, headers=AT_ANY), 200)
    untouched = service.make_question(tags=["viva"])
    before = {row[0]: row for row in published_rows(service)}
    done = merge(service, "tags", "lab-viva", "viva")
    assert done == {"slug": "lab-viva", "into": "viva", "questions": 4}
    public = documents(service)
    assert public[str(live["id"])]["tags"] == ["other", "viva"]
    assert public[str(edited["id"])]["tags"] == ["viva"]
    assert public[str(edited["id"])]["points"] == 1
    after = {row[0]: row for row in published_rows(service)}
    for same in (newer, untouched):
        key = str(same["id"]).replace("-", "")
        assert after[key] == before[key]
    views = {
        name: service.admin.get(f"{PATH}/{made['id']}").json()
        for name, made in {"live": live, "edited": edited, "draft": draft, "newer": newer}.items()
    }
    assert views["live"]["unpublished_changes"] is False
    assert (views["edited"]["tags"], views["edited"]["points"]) == (["other"], 5)
    assert views["edited"]["unpublished_changes"] is True
    assert (views["draft"]["tags"], views["draft"]["state"]) == (["viva"], "draft")
    assert views["newer"]["tags"] == ["viva"]
    revisions = service.admin.get(f"{PATH}/{live['id']}/revisions").json()["items"]
    assert revisions[0]["note"] == "lab-viva merged into viva"


def test_names_of_the_merged_term_find_the_remaining_term(service: Service, bank: str) -> None:
    for body in (
        {"slug": "facebook", "name": "Facebook", "aliases": ["FB"]},
        {"slug": "meta", "name": "Meta", "aliases": []},
    ):
        service.expect(service.admin.post("/v1/editing/companies", json=body), 201)
    known = {"source": "outline", "first_seen": None, "last_seen": None, "times_seen": 2}
    made = service.make_question(companies=["facebook"], evidence={"facebook": known})
    merge(service, "companies", "facebook", "meta")
    seen = service.admin.get(f"{PATH}/{made['id']}").json()
    assert (seen["companies"], seen["evidence"]) == (["meta"], {"meta": known})
    for name in ("facebook", "Facebook", "fb", "meta"):
        assert service.admin.get(f"{PATH}?company={name}").json()["total"] == 1
    assert service.admin.get("/v1/editing/companies/facebook").status_code == 404
    again = service.admin.post("/v1/editing/companies", json={"name": "facebook"})
    assert again.json()["code"] == "name_taken"


def test_subcategories_move_with_a_merged_category(service: Service, bank: str) -> None:
    make_terms(service, categories=["ensembles", "committees"])
    for slug, parent in (("boosting", "committees"), ("stacking", "boosting")):
        body = {"slug": slug, "name": slug, "parent": parent}
        service.expect(service.admin.post("/v1/editing/categories", json=body), 201)
    below = service.admin.post("/v1/editing/categories/committees/merge", json={"into": "stacking"})
    assert below.status_code == 422
    merge(service, "categories", "committees", "ensembles")
    assert service.admin.get("/v1/editing/categories/boosting").json()["parent"] == "ensembles"


def test_an_invalid_merge_is_refused(service: Service, bank: str) -> None:
    make_terms(service, tags=["viva"])
    url = "/v1/editing/tags/viva/merge"
    assert service.admin.post(url, json={"into": "viva"}).status_code == 422
    assert service.admin.post(url, json={"into": "nowhere"}).status_code == 422
    assert service.admin.post(url, json={}).status_code == 422
    assert service.admin.post("/v1/editing/tags/none/merge", json={}).status_code == 404
    writer = service.make_key("questions:write", "questions:publish")
    assert writer.post(url, json={"into": "viva"}).status_code == 403


def test_a_term_of_a_draft_or_live_revision_cannot_be_deleted(service: Service, bank: str) -> None:
    make_terms(service, tags=["viva"])
    made = service.make_question(tags=["viva"])
    url = f"{PATH}/{made['id']}"
    service.expect(service.admin.patch(url, json={"tags": []}, headers=AT_ANY), 200)
    refused = service.admin.delete("/v1/editing/tags/viva")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    service.expect(service.admin.post(f"{url}/publish", headers=AT_ANY), 200)
    assert service.admin.delete("/v1/editing/tags/viva").status_code == 204
    gone = service.admin.post(f"{url}/publish", json={"revision": 1}, headers=AT_ANY)
    assert gone.status_code == 422
