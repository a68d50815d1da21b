"""The route of random questions, at the door and documented."""

import inspect
from collections.abc import Awaitable
from typing import NamedTuple

import orjson
from fastapi import APIRouter, Request, Response

from app.access.deps import CallerDep
from app.access.rights import Caller, View
from app.catalog.bodies.composer import Composed
from app.catalog.deps import CatalogDep
from app.catalog.examples import QUESTION
from app.catalog.http.cache_headers import reading_reply
from app.catalog.http.endpoint import KEPT_LENGTH, Kept, make_kept
from app.catalog.http.fast_routes import Answer, Door, Headers
from app.catalog.http.reading_parameters import ANSWERS, FORMAT
from app.catalog.index.filtering import MAX_BITMAP_BYTES, bitmap_bytes
from app.catalog.index.memo import Memo
from app.catalog.service import Catalog
from app.core.db.edition_clock import Mark
from app.core.http.deps import SecretsDep
from app.core.http.json_route import JsonRoute
from app.core.http.query_string import openapi_parameters
from app.core.http.replies import Reply, etag_of, reply_response
from app.core.openapi.operation_docs import problems, scope
from app.core.secrets import Secrets
from app.draws.schemas import RandomQuestions
from app.draws.service import MAX_PLANS, NEW, PARAMETERS, Drawer, Drawn, Plan
from app.published.question_filter import FILTER_PARAMETERS

NAME = "random"

router = APIRouter(tags=["questions"], route_class=JsonRoute)

EXAMPLE = {"items": [QUESTION], "total": 14, "seed": None, "short": False, "next_cursor": None}


class _Asked(NamedTuple):
    """A request, and the edition that it met."""

    query: bytes
    caller: Caller
    headers: Headers
    mark: Mark


class RandomHandler:
    """Answers random draws; what a draw by chance asks for is remembered until the edition moves.

    So is the answer to a seed that is asked for again: until then it is the same.
    """

    def __init__(self, catalog: Catalog, secrets: Secrets, kept: Kept) -> None:
        """Draw from `catalog`, remember answers in `kept`."""
        self._catalog = catalog
        self._drawer = Drawer(catalog, secrets)
        self._kept = kept
        self._plans: Memo[tuple[bytes, Caller], tuple[Plan, str | None]]
        self._plans = Memo(MAX_PLANS, MAX_BITMAP_BYTES)
        # Most seeds are asked for once: of these, that they were is all that is worth keeping.
        self._seen: set[int] = set()

    def __call__(self, query: bytes, caller: Caller, headers: Headers) -> Answer:
        """Answer one draw."""
        asked = _Asked(query, caller, headers, self._catalog.mark)
        known = self._plans.get(asked.mark, (query, caller))
        if known is None:
            kept = self._kept.get(asked.mark, self._key(asked))
            if kept is not None:
                return reading_reply(kept[0], caller, headers, public=True, etag=kept[1])
            known = self._plan(asked)
        plan, seed = known
        drawn = self._drawer.draw(plan, seed)
        composed = self._catalog.compose_live(drawn.numbers, plan.reading, plan.text_format)
        if isinstance(composed, Composed):
            return self._reply(plan, drawn, composed, asked)
        return self._later(plan, drawn, composed, asked)

    def _plan(self, asked: _Asked) -> tuple[Plan, str | None]:
        plan, seed = self._drawer.plan(asked.query, asked.caller)
        if seed is None or seed == NEW:
            key = (asked.query, asked.caller)
            self._plans.put(asked.mark, key, (plan, seed), bitmap_bytes(plan.members))
        return plan, seed

    async def _later(
        self, plan: Plan, drawn: Drawn, waiting: Awaitable[Composed], asked: _Asked
    ) -> Reply:
        return self._reply(plan, drawn, await waiting, asked)

    def _reply(self, plan: Plan, drawn: Drawn, composed: Composed, asked: _Asked) -> Reply:
        rest = b'"total":%d,"seed":%s,"short":%s,"next_cursor":%s' % (
            len(plan.members),
            b"null" if drawn.seed is None else orjson.dumps(drawn.seed),
            b"true" if len(drawn.numbers) < plan.wanted else b"false",
            b"null" if drawn.cursor is None else b'"' + drawn.cursor.encode() + b'"',
        )
        body = composed.joined(rest)
        # A draw by chance, or from a seed made for this very answer, is another one next time.
        if not drawn.repeats or self._catalog.is_secret(plan.reading):
            return reading_reply(body, asked.caller, asked.headers, public=True, storable=False)
        etag = etag_of(body)
        # What holds answers is read anew each time, under the right of that very request.
        if plan.reading.right is None and len(body) <= KEPT_LENGTH:
            self._keep(asked, body, etag)
        return reading_reply(body, asked.caller, asked.headers, public=True, etag=etag)

    def _keep(self, asked: _Asked, body: bytes, etag: bytes) -> None:
        key = self._key(asked)
        if asked.mark is self._catalog.mark and self._again(hash(key)):
            self._kept.put(asked.mark, key, (body, etag), len(body))

    def _key(self, asked: _Asked) -> tuple[str, bytes, View]:
        return NAME, asked.query, self._catalog.rights.view(asked.caller)

    def _again(self, asked: int) -> bool:
        if asked in self._seen:
            return True
        if len(self._seen) == MAX_PLANS:
            self._seen.clear()
        self._seen.add(asked)
        return False


def register(door: Door, catalog: Catalog, secrets: Secrets, kept: Kept) -> None:
    """Let the door answer random draws."""
    door.add("/v1/questions/random", RandomHandler(catalog, secrets, kept), timed=True)


@router.get(
    "/v1/questions/random",
    summary="Draw random questions",
    response_model=RandomQuestions,
    responses=problems(409, 410) | {200: {"content": {"application/json": {"example": EXAMPLE}}}},
    openapi_extra=scope(
        None, parameters=openapi_parameters((*PARAMETERS, *FILTER_PARAMETERS, ANSWERS, FORMAT))
    ),
)
async def draw_questions(
    request: Request, caller: CallerDep, catalog: CatalogDep, secrets: SecretsDep
) -> Response:
    """Draw questions that match a filter, each set of them equally likely.

    A seed repeats the draw for as long as the edition stays, and its `next_cursor` goes on without
    repeats, whatever is published meanwhile.
    """
    handler = RandomHandler(catalog, secrets, make_kept())
    answer = handler(request.scope["query_string"], caller, dict(request.scope["headers"]))
    return reply_response(await answer if inspect.isawaitable(answer) else answer)
