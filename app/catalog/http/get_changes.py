"""GET /v1/changes: what a client's copy has to add and to delete since its mark."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from pyroaring import BitMap

from app.access.rights import Caller, View
from app.catalog.http.cursor_filter import differs_from_cursor, pack_filter, restore_filter
from app.catalog.http.endpoint import (
    Endpoint,
    ReadRequest,
    ResponseBody,
    json_token,
    when_composed,
)
from app.catalog.http.reading_parameters import ANSWERS, FORMAT, parse_answers, parse_format
from app.catalog.index.category_fingerprint import fingerprint, has_moved_category
from app.core.db.edition_clock import Mark, read_mark
from app.core.errors import FieldError, Problem, invalid
from app.core.http.pages import MAX_CURSOR, open_cursor, resync_required, seal_cursor
from app.core.http.query_string import (
    Pairs,
    Parameter,
    int_between,
    reject_unknown,
    single_value,
    split_query,
    text_of_length,
)
from app.published.question_filter import (
    FILTER_NAMES,
    FILTER_PARAMETERS,
    QuestionFilter,
    parse_filter,
)

ROUTE = "changes"
MAX_LIMIT = 1000
DEFAULT_LIMIT = 100
# How long a request waits for changes that another worker process has seen already.
WAIT_SECONDS = 2.0
WAIT_STEP_SECONDS = 0.01

CHANGES_LIMIT = Parameter(
    "limit",
    "how many questions and deletions on a page",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
)
AFTER = Parameter(
    "after",
    "the `mark` of the last page; without it the first page of everything that matches",
    {"type": "string", "maxLength": MAX_CURSOR},
)
CHANGES_PARAMETERS = (*FILTER_PARAMETERS, AFTER, CHANGES_LIMIT, ANSWERS, FORMAT)
_KNOWN = (*FILTER_NAMES, *(parameter.name for parameter in CHANGES_PARAMETERS))


class CopyState(NamedTuple):
    """The content of a client's mark: which copy it has, and how far the copy is up to date.

    The copy contains all changes up to `at.seq`. While the first walk lasts, `first_seq` is the
    `seq` at which it started: the copy was empty then, so earlier deletions are left out; later it
    is 0. `view_hash` stands for the banks and answers that the client could read, and
    `categories` for the tree of categories; "" if the filter has none.
    """

    packed_filter: str
    answers: bool
    text_format: str
    at: Mark
    first_seq: int
    view_hash: str
    categories: str


class GetChanges(Endpoint):
    """Returns changes page by page, until a copy equals what matches."""

    def make(self, request: ReadRequest) -> ResponseBody | Awaitable[ResponseBody]:
        """Return one page of changes."""
        pairs = split_query(request.query)
        reject_unknown(pairs, _KNOWN)
        sealed = single_value(pairs, "after", text_of_length(1, MAX_CURSOR), None)
        if sealed is None:
            return self._page(pairs, request.caller, None)
        before = self._opened(sealed)
        if before.at.epoch != self._catalog.mark.epoch:
            raise resync_required()
        if self._is_ahead(before.at):
            return self._page_later(pairs, request.caller, before)
        return self._page(pairs, request.caller, before)

    def _page(
        self, pairs: Pairs, caller: Caller, before: CopyState | None
    ) -> ResponseBody | Awaitable[ResponseBody]:
        limit = single_value(pairs, "limit", int_between(1, MAX_LIMIT), DEFAULT_LIMIT)
        if before is None:
            state = self._start(pairs, caller)
        else:
            self._check_unchanged(pairs, caller, before)
            state = before
        sent = parse_filter(pairs, self._catalog.nameable_values(caller))
        question_filter = restore_filter(pairs, sent, state.packed_filter)
        access = self._catalog.read_access(caller, question_filter.bank.any, state.answers)
        members = self._catalog.members(access.banks, question_filter)
        view = self._catalog.rights.view(caller)
        numbers, state, more = self._changed(members, view, state, limit)
        matching = [number for number in numbers if number in members]
        deleted = [number for number in numbers if number not in members]
        deleted_ids = self._catalog.index.ids(deleted) if deleted else []
        json = b'"deleted":%b,"mark":%b,"more":%b' % (
            orjson.dumps([str(UUID(bytes=question_id)) for question_id in deleted_ids]),
            json_token(self._sealed(state)),
            b"true" if more else b"false",
        )
        composed = self._catalog.compose_live(matching, access, state.text_format)
        return when_composed(composed, lambda ready: ResponseBody(ready.to_json(json), access))

    def _changed(
        self, members: BitMap, view: View, state: CopyState, limit: int
    ) -> tuple[list[int], CopyState, bool]:
        """Return the next numbers that changed, the state after them, and whether more follow."""
        index, now = self._catalog.index, self._catalog.mark
        wanted = limit + 1
        numbers: list[int] = []
        seq = state.at.seq
        if seq < state.first_seq:
            numbers = index.first_changed(members, after=seq, last=state.first_seq, limit=wanted)
        if len(numbers) < wanted:
            banks = [index.all_by_bank[bank] for bank in view.readable if bank in index.all_by_bank]
            changed = BitMap.union(BitMap(), *banks)
            numbers += index.first_changed(
                changed,
                after=max(seq, state.first_seq),
                last=now.seq,
                limit=wanted - len(numbers),
            )
        more = len(numbers) > limit
        numbers = numbers[:limit]
        reached = now._replace(seq=index.seq(numbers[-1])) if more else now
        first_seq = state.first_seq if reached.seq < state.first_seq else 0
        return numbers, state._replace(at=reached, first_seq=first_seq), more

    def _start(self, pairs: Pairs, caller: Caller) -> CopyState:
        """Return the state of an empty copy."""
        answers, text_format = parse_answers(pairs), parse_format(pairs)
        question_filter = parse_filter(pairs, self._catalog.nameable_values(caller))
        mark = self._catalog.mark
        return CopyState(
            packed_filter=pack_filter(question_filter),
            answers=answers,
            text_format=text_format,
            at=mark._replace(seq=0),
            first_seq=mark.seq,
            view_hash=self._view_hash(caller, answers=answers),
            categories=self._category_fingerprint(question_filter),
        )

    def _check_unchanged(self, pairs: Pairs, caller: Caller, before: CopyState) -> None:
        """Raise Problem if the request's parameters differ from those of the mark.

        Problem resync_required if the changes since the mark do not suffice to update the copy.
        """
        sent = {name for name, _ in pairs}
        given = {"answers": parse_answers(pairs), "format": parse_format(pairs)}
        known = {"answers": before.answers, "format": before.text_format}
        wrong = [name for name in given if name in sent and given[name] != known[name]]
        if wrong:
            raise differs_from_cursor(wrong)
        if before.view_hash != self._view_hash(caller, answers=before.answers):
            raise resync_required()
        categories = self._catalog.vocabularies.categories
        if before.categories and has_moved_category(categories, before.categories):
            raise resync_required()

    def _view_hash(self, caller: Caller, *, answers: bool) -> str:
        """Return a hash of the readable banks and, with `answers`, of those with answers."""
        view = self._catalog.rights.view(caller)
        parts = [sorted(view.readable), sorted(view.answerable) if answers else []]
        return hashlib.blake2b(orjson.dumps(parts), digest_size=16).hexdigest()

    def _category_fingerprint(self, question_filter: QuestionFilter) -> str:
        has_categories = question_filter.category.any or question_filter.category.none
        return fingerprint(self._catalog.vocabularies.categories) if has_categories else ""

    def _is_ahead(self, at: Mark) -> bool:
        mark = self._catalog.mark
        return at.seq > mark.seq or at.config_version > mark.config_version

    async def _page_later(self, pairs: Pairs, caller: Caller, before: CopyState) -> ResponseBody:
        """Wait for changes that another worker process has seen, then return the page.

        Problem resync_required if the mark is ahead of the database.
        """
        at = before.at
        clock = await asyncio.to_thread(self._read_clock)
        if not clock.covers(at):
            raise resync_required()
        deadline = time.monotonic() + WAIT_SECONDS
        while self._is_ahead(at):
            if time.monotonic() > deadline:
                message = "This worker has not received the changes up to the mark yet."
                raise Problem("not_caught_up", message, headers={"Retry-After": "1"})
            await asyncio.sleep(WAIT_STEP_SECONDS)
        if at.epoch != self._catalog.mark.epoch:
            raise resync_required()
        page = self._page(pairs, caller, before)
        return page if isinstance(page, ResponseBody) else await page

    def _read_clock(self) -> Mark:
        with self._catalog.database.engine.connect() as connection:
            return read_mark(connection)

    def _sealed(self, state: CopyState) -> str:
        values = [
            state.packed_filter,
            state.answers,
            state.text_format,
            *state.at,
            state.first_seq,
            state.view_hash,
            state.categories,
        ]
        return seal_cursor(self._catalog.secrets, ROUTE, {"v": values})

    def _opened(self, sealed: str) -> CopyState:
        try:
            values: Any = open_cursor(self._catalog.secrets, ROUTE, sealed)["v"]
        except Problem as error:
            detail = "Send the `mark` of this route's last page, unchanged."
            raise invalid(FieldError("invalid_value", detail, parameter="after")) from error
        packed_filter, answers, text_format, epoch, seq, terms, first_seq, view, categories = values
        at = Mark(epoch, seq, terms)
        return CopyState(packed_filter, answers, text_format, at, first_seq, view, categories)
