"""What all delivery routes have in common: rights to answers, cache headers, cached responses."""

from collections.abc import Awaitable

import pytest

from app.access.rights import ANONYMOUS, Caller
from app.catalog.http.endpoint import (
    MAX_CACHED_BODY_BYTES,
    Endpoint,
    ReadRequest,
    ResponseBody,
    ResponseCache,
)
from app.core.http.replies import Reply
from tests.catalog.support import ADMIN, CatalogWorker, make_question


class CountRequests(Endpoint):
    """Returns how many bodies it has made, and `padding` zeros."""

    count = 0
    padding = 0
    storable = True
    cacheable = True

    def make(self, request: ReadRequest) -> ResponseBody | Awaitable[ResponseBody]:
        self.count += 1
        data = b"%d%s" % (self.count, b"0" * self.padding)
        return ResponseBody(data, None, self.storable, self.cacheable)


class CountSecondRequests(CountRequests):
    CACHED_FROM_SECOND_REQUEST = True


def _body(endpoint: Endpoint, query: bytes = b"", caller: Caller = ANONYMOUS) -> bytes:
    reply = endpoint(query, caller, {})
    assert isinstance(reply, Reply)
    return reply.body


def test_a_response_is_cached_by_query_and_rights_until_the_edition_changes(
    worker: CatalogWorker,
) -> None:
    worker.make_bank("closed", read="restricted", answers="restricted")
    worker.follow()
    endpoint = CountRequests("count", worker.catalog)
    assert [_body(endpoint) for _ in range(3)] == [b"1", b"1", b"1"]
    assert [_body(endpoint, b"a=1") for _ in range(2)] == [b"2", b"2"]
    assert [_body(endpoint, caller=ADMIN) for _ in range(2)] == [b"3", b"3"]
    assert _body(endpoint) == b"1"
    worker.publish(make_question())
    worker.follow()
    assert _body(endpoint) == b"4"


def test_endpoints_that_share_a_cache_do_not_share_responses(worker: CatalogWorker) -> None:
    cache = ResponseCache()
    first = CountRequests("first", worker.catalog, cache)
    second = CountRequests("second", worker.catalog, cache)
    assert [_body(first), _body(first), _body(second)] == [b"1", b"1", b"1"]
    assert (first.count, second.count) == (1, 1)


def test_a_response_can_be_cached_from_the_second_request_on(worker: CatalogWorker) -> None:
    endpoint = CountSecondRequests("count", worker.catalog)
    assert [_body(endpoint) for _ in range(4)] == [b"1", b"2", b"2", b"2"]


def test_some_responses_are_never_cached(worker: CatalogWorker) -> None:
    endpoint = CountRequests("count", worker.catalog)
    endpoint.cacheable = False
    assert [_body(endpoint) for _ in range(2)] == [b"1", b"2"]
    endpoint.cacheable, endpoint.storable = True, False
    assert [_body(endpoint) for _ in range(2)] == [b"3", b"4"]
    endpoint.storable, endpoint.padding = True, MAX_CACHED_BODY_BYTES
    assert _body(endpoint) != _body(endpoint)


def test_routes_return_answers_only_to_those_who_may_read_them(worker: CatalogWorker) -> None:
    worker.make_bank("silent", answers="restricted")
    public, restricted = make_question(), make_question(bank="silent")
    worker.publish(public, restricted)
    worker.follow()
    page = worker.read("/v1/questions?answers=true")
    assert [item["id"] for item in page["items"]] == [str(public.id)]
    assert page["items"][0]["answer"] == {"value": True}
    assert worker.refusal("/v1/questions?answers=true&bank=silent").code == "answers_not_allowed"
    assert (
        worker.refusal(f"/v1/questions/{restricted.id}?answers=true").code == "answers_not_allowed"
    )
    assert worker.read(f"/v1/questions/{restricted.id}") == restricted.document
    assert worker.read("/v1/questions?answers=true", ADMIN)["total"] == 2
    assert worker.refusal("/v1/changes?answers=true&bank=silent").code == "answers_not_allowed"
    worker.execute("UPDATE banks SET answers = 'restricted'")
    worker.execute("UPDATE clock SET config_version = config_version + 1")
    worker.follow()
    assert worker.refusal("/v1/questions?answers=true").code == "answers_not_allowed"


def test_cache_control_depends_on_key_and_answers(worker: CatalogWorker) -> None:
    worker.make_bank("silent", answers="restricted")
    public, restricted = make_question(), make_question(bank="silent")
    worker.publish(public, restricted)
    worker.follow()

    def cache_control(address: str, caller: Caller) -> bytes:
        return dict(worker.get(address, caller).headers)[b"cache-control"]

    for address in ("/v1/questions", f"/v1/questions/{restricted.id}", "/v1/changes", "/v1/facets"):
        assert cache_control(address, ANONYMOUS) == b"public, max-age=60"
        assert cache_control(address, ADMIN) == b"private, no-cache"
    assert cache_control("/v1/questions?answers=true", ANONYMOUS) == b"public, max-age=60"
    assert cache_control("/v1/questions?answers=true&bank=science", ADMIN) == b"private, no-cache"
    for address in (
        "/v1/questions?answers=true",
        f"/v1/questions/{restricted.id}?answers=true",
        "/v1/changes?answers=true",
    ):
        reply = worker.get(address, ADMIN)
        assert dict(reply.headers)[b"cache-control"] == b"no-store"
        assert b"etag" not in dict(reply.headers)


def test_an_entity_tag_gives_304_until_the_response_changes(worker: CatalogWorker) -> None:
    question = make_question()
    worker.publish(question)
    worker.follow()
    for address in ("/v1/questions", f"/v1/questions/{question.id}", "/v1/tags"):
        first = worker.get(address)
        etag = dict(first.headers)[b"etag"]
        again = worker.get(address, headers={b"if-none-match": etag})
        assert (again.status, again.body) == (304, b"")
        assert dict(again.headers)[b"etag"] == etag
        question.revision += 1
        question.tags = ("viva",) if question.tags == () else ()
        worker.publish(question)
        worker.follow()
        assert worker.get(address, headers={b"if-none-match": etag}).status == 200


@pytest.mark.parametrize("query", ["bogus=1", "answers=perhaps", "format=pdf&answers=true"])
def test_an_unknown_id_is_not_found_whatever_the_parameters(
    worker: CatalogWorker, query: str
) -> None:
    question = make_question()
    worker.publish(question)
    worker.follow()
    unknown = "01a212d9-09c2-7c02-85fe-000000000000"
    for absent in (unknown, "no-id"):
        assert worker.refusal(f"/v1/questions/{absent}?{query}").code == "not_found"
    assert worker.refusal(f"/v1/questions/{unknown}?format=%FF").code == "malformed_request"
    assert worker.refusal(f"/v1/questions/{question.id}?bogus=1").code == "invalid_request"
