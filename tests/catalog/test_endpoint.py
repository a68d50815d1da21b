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
from tests.catalog.support import ADMIN, Shelf, make_question


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


def test_a_response_is_cached_by_query_and_rights_until_the_edition_changes(shelf: Shelf) -> None:
    shelf.make_bank("closed", read="restricted", answers="restricted")
    shelf.follow()
    endpoint = CountRequests("count", shelf.catalog)
    assert [_body(endpoint) for _ in range(3)] == [b"1", b"1", b"1"]
    assert [_body(endpoint, b"a=1") for _ in range(2)] == [b"2", b"2"]
    assert [_body(endpoint, caller=ADMIN) for _ in range(2)] == [b"3", b"3"]
    assert _body(endpoint) == b"1"
    shelf.publish(make_question())
    shelf.follow()
    assert _body(endpoint) == b"4"


def test_endpoints_that_share_a_cache_do_not_share_responses(shelf: Shelf) -> None:
    cache = ResponseCache()
    first = CountRequests("first", shelf.catalog, cache)
    second = CountRequests("second", shelf.catalog, cache)
    assert [_body(first), _body(first), _body(second)] == [b"1", b"1", b"1"]
    assert (first.count, second.count) == (1, 1)


def test_a_response_can_be_cached_from_the_second_request_on(shelf: Shelf) -> None:
    endpoint = CountSecondRequests("count", shelf.catalog)
    assert [_body(endpoint) for _ in range(4)] == [b"1", b"2", b"2", b"2"]


def test_some_responses_are_never_cached(shelf: Shelf) -> None:
    endpoint = CountRequests("count", shelf.catalog)
    endpoint.cacheable = False
    assert [_body(endpoint) for _ in range(2)] == [b"1", b"2"]
    endpoint.cacheable, endpoint.storable = True, False
    assert [_body(endpoint) for _ in range(2)] == [b"3", b"4"]
    endpoint.storable, endpoint.padding = True, MAX_CACHED_BODY_BYTES
    assert _body(endpoint) != _body(endpoint)


def test_routes_return_answers_only_to_those_who_may_read_them(shelf: Shelf) -> None:
    shelf.make_bank("silent", answers="restricted")
    public, restricted = make_question(), make_question(bank="silent")
    shelf.publish(public, restricted)
    shelf.follow()
    page = shelf.read("/v1/questions?answers=true")
    assert [item["id"] for item in page["items"]] == [str(public.id)]
    assert page["items"][0]["answer"] == {"value": True}
    assert shelf.refusal("/v1/questions?answers=true&bank=silent").code == "answers_not_allowed"
    assert (
        shelf.refusal(f"/v1/questions/{restricted.id}?answers=true").code == "answers_not_allowed"
    )
    assert shelf.read(f"/v1/questions/{restricted.id}") == restricted.document
    assert shelf.read("/v1/questions?answers=true", ADMIN)["total"] == 2
    assert shelf.refusal("/v1/changes?answers=true&bank=silent").code == "answers_not_allowed"
    shelf.execute("UPDATE banks SET answers = 'restricted'")
    shelf.execute("UPDATE clock SET terms = terms + 1")
    shelf.follow()
    assert shelf.refusal("/v1/questions?answers=true").code == "answers_not_allowed"


def test_cache_control_depends_on_key_and_answers(shelf: Shelf) -> None:
    shelf.make_bank("silent", answers="restricted")
    public, restricted = make_question(), make_question(bank="silent")
    shelf.publish(public, restricted)
    shelf.follow()

    def cache_control(address: str, caller: Caller) -> bytes:
        return dict(shelf.get(address, caller).headers)[b"cache-control"]

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
        reply = shelf.get(address, ADMIN)
        assert dict(reply.headers)[b"cache-control"] == b"no-store"
        assert b"etag" not in dict(reply.headers)


def test_an_entity_tag_gives_304_until_the_response_changes(shelf: Shelf) -> None:
    question = make_question()
    shelf.publish(question)
    shelf.follow()
    for address in ("/v1/questions", f"/v1/questions/{question.id}", "/v1/tags"):
        first = shelf.get(address)
        etag = dict(first.headers)[b"etag"]
        again = shelf.get(address, headers={b"if-none-match": etag})
        assert (again.status, again.body) == (304, b"")
        assert dict(again.headers)[b"etag"] == etag
        question.revision += 1
        question.tags = ("viva",) if question.tags == () else ()
        shelf.publish(question)
        shelf.follow()
        assert shelf.get(address, headers={b"if-none-match": etag}).status == 200


@pytest.mark.parametrize("query", ["bogus=1", "answers=perhaps", "format=pdf&answers=true"])
def test_an_unknown_id_is_not_found_whatever_the_parameters(shelf: Shelf, query: str) -> None:
    question = make_question()
    shelf.publish(question)
    shelf.follow()
    unknown = "01a212d9-09c2-7c02-85fe-000000000000"
    for absent in (unknown, "no-id"):
        assert shelf.refusal(f"/v1/questions/{absent}?{query}").code == "not_found"
    assert shelf.refusal(f"/v1/questions/{unknown}?format=%FF").code == "malformed_request"
    assert shelf.refusal(f"/v1/questions/{question.id}?bogus=1").code == "invalid_request"
