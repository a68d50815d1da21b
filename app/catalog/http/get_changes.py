"""GET /v1/changes: what to put into a copy and what to take out of it, since a mark."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from pyroaring import BitMap

from app.access.rights import Caller, View
from app.catalog.bodies.composer import Composed
from app.catalog.http.cursor_filter import differs, hold, resume
from app.catalog.http.endpoint import Body, Endpoint, finished, quoted
from app.catalog.http.reading_parameters import ANSWERS, FORMAT, take_answers, take_format
from app.catalog.index.category_fingerprint import has_moved, remembered
from app.catalog.service import Reading
from app.core.db.edition_clock import Mark, read_mark
from app.core.errors import FieldError, Problem, invalid
from app.core.http.pages import MAX_CURSOR, open_cursor, resync_required, seal_cursor
from app.core.http.query_string import (
    Pairs,
    Parameter,
    reject_unknown,
    split_query,
    take,
    text,
    whole,
)
from app.published.question_filter import NAMES, PARAMETERS, QuestionFilter, parse_filter

ROUTE = "changes"
MAX_LIMIT = 1000
DEFAULT_LIMIT = 100
WAIT_SECONDS = 2.0
STEP_SECONDS = 0.01

CHANGES_LIMIT = Parameter(
    "limit",
    "how many questions and deletions on a page",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
)
AFTER = Parameter(
    "after",
    "the `mark` of the last page; without it the walk starts with everything that matches",
    {"type": "string", "maxLength": MAX_CURSOR},
)
CHANGES_PARAMETERS = (*PARAMETERS, AFTER, CHANGES_LIMIT, ANSWERS, FORMAT)
_KNOWN = (*NAMES, *(parameter.name for parameter in CHANGES_PARAMETERS))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a copy stands: it has applied everything up to `at.seq`.

    Up to `begun` it was empty, so it does not have to be told what it lacks. `view` stands for
    the banks and answers that it was made from, `tree` for the places of categories.
    """

    held: str
    answers: bool
    text_format: str
    at: Mark
    begun: int
    view: str
    tree: str


class GetChanges(Endpoint):
    """Leads a copy to what matches now."""

    def make(self, query: bytes, caller: Caller) -> Body | Awaitable[Body]:
        """Return one page of changes."""
        pairs = split_query(query)
        reject_unknown(pairs, _KNOWN)
        after = take(pairs, "after", text(1, MAX_CURSOR), None)
        if after is None:
            return self._page(pairs, caller, None)
        place = self._opened(after)
        if place.at.epoch != self._catalog.mark.epoch:
            raise resync_required()
        if self._is_ahead(place.at):
            return self._page_later(pairs, caller, place)
        return self._page(pairs, caller, place)

    def _page(self, pairs: Pairs, caller: Caller, before: Place | None) -> Body | Awaitable[Body]:
        limit = take(pairs, "limit", whole(1, MAX_LIMIT), DEFAULT_LIMIT)
        place = self._resumed(pairs, caller, before)
        asked = self._asked(pairs, caller, place)
        reading = self._catalog.reading(caller, asked.bank.any, place.answers)
        members = self._catalog.members(reading.banks, asked)
        view = self._catalog.rights.view(caller)
        numbers, place, more = self._walk(members, view, place, limit)
        kept = [number for number in numbers if number in members]
        gone = [number for number in numbers if number not in members]
        deleted = orjson.dumps(
            [str(UUID(bytes=found)) for found in self._catalog.index.ids(gone)] if gone else []
        )
        rest = b'"deleted":%b,"mark":%b,"more":%b' % (
            deleted,
            quoted(self._sealed(place)),
            b"true" if more else b"false",
        )
        return self._finish(kept, reading, place, rest)

    def _finish(
        self, numbers: list[int], reading: Reading, place: Place, rest: bytes
    ) -> Body | Awaitable[Body]:
        composed = self._catalog.compose_live(numbers, reading, place.text_format)

        def finish(ready: Composed) -> Body:
            return Body(ready.joined(rest), reading)

        return finished(composed, finish)

    def _walk(
        self, members: BitMap, view: View, place: Place, limit: int
    ) -> tuple[list[int], Place, bool]:
        """Return the next numbers that changed, the place behind them, and whether more follow."""
        index, now = self._catalog.index, self._catalog.mark
        wanted = limit + 1
        numbers: list[int] = []
        seq = place.at.seq
        if seq < place.begun:
            numbers = index.first(members, after=seq, last=place.begun, limit=wanted)
        if len(numbers) < wanted:
            banks = [index.every[bank] for bank in view.readable if bank in index.every]
            changed = BitMap.union(BitMap(), *banks)
            numbers += index.first(
                changed,
                after=max(seq, place.begun),
                last=now.seq,
                limit=wanted - len(numbers),
            )
        more = len(numbers) > limit
        numbers = numbers[:limit]
        reached = now._replace(seq=index.seq(numbers[-1])) if more else now
        begun = place.begun if reached.seq < place.begun else 0
        moved = Place(
            place.held, place.answers, place.text_format, reached, begun, place.view, place.tree
        )
        return numbers, moved, more

    def _resumed(self, pairs: Pairs, caller: Caller, before: Place | None) -> Place:
        """Return the place to go on from; Problem resync_required where no delta leads on."""
        answers, text_format = take_answers(pairs), take_format(pairs)
        sent = {name for name, _ in pairs}
        if before is None:
            asked = parse_filter(pairs, self._catalog.known(caller))
            mark = self._catalog.mark
            tree = remembered(self._catalog.vocabularies.categories) if _by_tree(asked) else ""
            view = self._view(caller, answers=answers)
            start = mark._replace(seq=0)
            return Place(hold(asked), answers, text_format, start, mark.seq, view, tree)
        given = {"answers": answers, "format": text_format}
        known = {"answers": before.answers, "format": before.text_format}
        wrong = [name for name in given if name in sent and given[name] != known[name]]
        if wrong:
            raise differs(wrong)
        if before.view != self._view(caller, answers=before.answers):
            raise resync_required()
        if before.tree and has_moved(self._catalog.vocabularies.categories, before.tree):
            raise resync_required()
        return before

    def _asked(self, pairs: Pairs, caller: Caller, place: Place) -> QuestionFilter:
        return resume(pairs, parse_filter(pairs, self._catalog.known(caller)), place.held)

    def _view(self, caller: Caller, *, answers: bool) -> str:
        """Return what stands for the banks that are visible, and for the right to their answers."""
        view = self._catalog.rights.view(caller)
        parts = [sorted(view.readable), sorted(view.answerable) if answers else []]
        return hashlib.blake2b(orjson.dumps(parts), digest_size=16).hexdigest()

    def _is_ahead(self, at: Mark) -> bool:
        mark = self._catalog.mark
        return at.seq > mark.seq or at.config_version > mark.config_version

    async def _page_later(self, pairs: Pairs, caller: Caller, place: Place) -> Body:
        """Wait for what another worker has seen already; a mark ahead of the clock is void."""
        clock = await asyncio.to_thread(self._read_clock)
        if not clock.covers(place.at):
            raise resync_required()
        deadline = time.monotonic() + WAIT_SECONDS
        while self._is_ahead(place.at):
            if time.monotonic() > deadline:
                message = "What the mark has seen has not arrived here."
                raise Problem("not_caught_up", message, headers={"Retry-After": "1"})
            await asyncio.sleep(STEP_SECONDS)
        if place.at.epoch != self._catalog.mark.epoch:
            raise resync_required()
        page = self._page(pairs, caller, place)
        return page if isinstance(page, Body) else await page

    def _read_clock(self) -> Mark:
        with self._catalog.database.engine.connect() as connection:
            return read_mark(connection)

    def _sealed(self, place: Place) -> str:
        values = [
            place.held,
            place.answers,
            place.text_format,
            *place.at,
            place.begun,
            place.view,
            place.tree,
        ]
        return seal_cursor(self._catalog.secrets, ROUTE, {"v": values})

    def _opened(self, mark: str) -> Place:
        try:
            values: Any = open_cursor(self._catalog.secrets, ROUTE, mark)["v"]
        except Problem as error:
            detail = "Send the `mark` of this route's last page, unchanged."
            raise invalid(FieldError("invalid_value", detail, parameter="after")) from error
        held, answers, text_format, epoch, seq, terms, begun, view, tree = values
        return Place(held, answers, text_format, Mark(epoch, seq, terms), begun, view, tree)


def _by_tree(asked: QuestionFilter) -> bool:
    return bool(asked.category.any or asked.category.none)
