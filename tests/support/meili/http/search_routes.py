"""The routes of searches."""

from typing import Any

from tests.support.meili import validation
from tests.support.meili.engine.index_search import SEARCH_FIELDS
from tests.support.meili.engine.multi_search import multi_search
from tests.support.meili.engine.search_responses import (
    FACET_SEARCH_FIELDS,
    search_facet_values,
    search_index,
)
from tests.support.meili.errors import invalid_key
from tests.support.meili.http.listener import Response
from tests.support.meili.http.server import RequestContext, Route, json_response


def _search(context: RequestContext) -> Response:
    uid = context.uid
    index = context.state.index(uid)
    parameters = validation.parse_object(context.json(), SEARCH_FIELDS)
    return json_response(search_index(uid, index, parameters))


def _search_by_get(context: RequestContext) -> Response:
    uid = context.uid
    index = context.state.index(uid)
    given = {name: _parse_text(name, text) for name, text in context.request.query_pairs}
    parameters = validation.parse_object(given, SEARCH_FIELDS)
    return json_response(search_index(uid, index, parameters))


def _parse_text(name: str, text: str) -> Any:
    """Return a parameter's text as the type that its field expects, if possible."""
    check = SEARCH_FIELDS[name].check if name in SEARCH_FIELDS else validation.string
    if check is validation.unsigned or name in ("page", "hitsPerPage"):
        return int(text) if text.isdigit() else text
    if check is validation.boolean:
        return {"true": True, "false": False}.get(text, text)
    is_list = name.startswith("attributesTo") or name in ("facets", "sort", "locales")
    return text.split(",") if is_list else text


def _search_facet_values(context: RequestContext) -> Response:
    uid, index = context.uid, context.index
    parameters = validation.parse_object(context.json(), FACET_SEARCH_FIELDS)
    return json_response(search_facet_values(uid, index, parameters))


def _multi_search(context: RequestContext) -> Response:
    def check_access(uid: str) -> None:
        if not context.credentials.can_access(uid):
            raise invalid_key()

    return json_response(multi_search(context.json(), context.state.index, check_access))


ROUTES = [
    Route("POST", "/indexes/{uid}/search", "search", _search, is_search=True),
    Route("GET", "/indexes/{uid}/search", "search", _search_by_get, is_search=True),
    Route("POST", "/indexes/{uid}/facet-search", "search", _search_facet_values, is_search=True),
    Route("POST", "/multi-search", "search", _multi_search, is_search=True),
]
