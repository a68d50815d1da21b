"""The route of random questions, at the door and documented."""

import inspect
from collections.abc import Awaitable

import orjson
from fastapi import APIRouter, Request, Response

from app.access.deps import CallerDep
from app.access.rights import Caller
from app.catalog.caching import reading_reply
from app.catalog.composing import Composed
from app.catalog.deps import CatalogDep
from app.catalog.door import Answer, Door, Headers
from app.catalog.examples import QUESTION
from app.catalog.filtering import BITMAPS_BYTES, bitmap_bytes
from app.catalog.memo import Memo
from app.catalog.reading_parameters import ANSWERS, FORMAT
from app.catalog.service import Catalog
from app.core.bodies import JsonRoute
from app.core.deps import SecretsDep
from app.core.openapi import problems, scope
from app.core.query import openapi_parameters
from app.core.replies import Reply, reply_response
from app.core.secrets import Secrets
from app.draws.schemas import RandomQuestions
from app.draws.service import MAX_PLANS, NEW, PARAMETERS, Drawer, Drawn, Plan
from app.published.filter import PARAMETERS as FILTER

router = APIRouter(tags=["questions"], route_class=JsonRoute)

EXAMPLE = {"items": [QUESTION], "total": 14, "seed": None, "short": False, "next_cursor": None}


# What a query asks for, and what was drawn where that is the same each time.
_Known = tuple[Plan, str | None, Drawn | None]


class RandomHandler:
    """Answers random draws; a query's plan is remembered until the edition moves.

    So is what was drawn from a seed that is asked for again: until then it is the same.
    """

    def __init__(self, catalog: Catalog, secrets: Secrets) -> None:
        """Draw from `catalog`."""
        self._catalog = catalog
        self._drawer = Drawer(catalog, secrets)
        self._plans: Memo[tuple[bytes, Caller], _Known] = Memo(MAX_PLANS, BITMAPS_BYTES)
        # Most seeds are asked for once: of these, that they were is all that is worth keeping.
        self._seen: set[int] = set()

    def __call__(self, query: bytes, caller: Caller, headers: Headers) -> Answer:
        """Answer one draw."""
        plan, drawn = self._drawn(query, caller)
        composed = self._catalog.compose_live(drawn.numbers, plan.reading, plan.text_format)
        if isinstance(composed, Composed):
            return self._reply(plan, drawn, composed, caller, headers)
        return self._later(plan, drawn, composed, caller, headers)

    def _drawn(self, query: bytes, caller: Caller) -> tuple[Plan, Drawn]:
        mark, key = self._catalog.mark, (query, caller)
        known = self._plans.get(mark, key)
        if known is not None:
            plan, seed, drawn = known
        else:
            plan, seed = self._drawer.plan(query, caller)
            chance = seed is None or seed == NEW
            drawn = None if chance else self._drawer.draw(plan, seed)
            if drawn is None or self._again(hash(key)):
                self._plans.put(mark, key, (plan, seed, drawn), bitmap_bytes(plan.members))
        return plan, self._drawer.draw(plan, seed) if drawn is None else drawn

    def _again(self, asked: int) -> bool:
        if asked in self._seen:
            return True
        if len(self._seen) == MAX_PLANS:
            self._seen.clear()
        self._seen.add(asked)
        return False

    async def _later(
        self,
        plan: Plan,
        drawn: Drawn,
        waiting: Awaitable[Composed],
        caller: Caller,
        headers: Headers,
    ) -> Reply:
        return self._reply(plan, drawn, await waiting, caller, headers)

    def _reply(
        self, plan: Plan, drawn: Drawn, composed: Composed, caller: Caller, headers: Headers
    ) -> Reply:
        rest = b'"total":%d,"seed":%s,"short":%s,"next_cursor":%s' % (
            len(plan.members),
            b"null" if drawn.seed is None else orjson.dumps(drawn.seed),
            b"true" if len(drawn.numbers) < plan.wanted else b"false",
            b"null" if drawn.cursor is None else b'"' + drawn.cursor.encode() + b'"',
        )
        # A draw by chance, or from a seed made for this very answer, is another one next time.
        storable = drawn.repeats and not self._catalog.is_secret(plan.reading)
        return reading_reply(composed.joined(rest), caller, headers, public=True, storable=storable)


def register(door: Door, catalog: Catalog, secrets: Secrets) -> None:
    """Let the door answer random draws."""
    door.add("/v1/questions/random", RandomHandler(catalog, secrets), timed=True)


@router.get(
    "/v1/questions/random",
    summary="Draw random questions",
    response_model=RandomQuestions,
    responses=problems(409, 410) | {200: {"content": {"application/json": {"example": EXAMPLE}}}},
    openapi_extra=scope(
        None, parameters=openapi_parameters((*PARAMETERS, *FILTER, ANSWERS, FORMAT))
    ),
)
async def draw_questions(
    request: Request, caller: CallerDep, catalog: CatalogDep, secrets: SecretsDep
) -> Response:
    """Draw questions that match a filter, each set of them equally likely.

    A seed repeats the draw for as long as the edition stays, and its `next_cursor` goes on without
    repeats, whatever is published meanwhile.
    """
    handler = RandomHandler(catalog, secrets)
    answer = handler(request.scope["query_string"], caller, dict(request.scope["headers"]))
    return reply_response(await answer if inspect.isawaitable(answer) else answer)
