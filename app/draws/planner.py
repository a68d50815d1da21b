"""Parses the query of a random draw into a plan, and caches plans."""

from string import ascii_letters, digits
from typing import NamedTuple

from pyroaring import BitMap

from app.access.rights import Caller
from app.catalog.http.cursor_filter import differs_from_cursor, pack_filter, restore_filter
from app.catalog.http.reading_parameters import ANSWERS, FORMAT, parse_answers, parse_format
from app.catalog.index.filtering import MAX_BITMAP_BYTES, bitmap_bytes
from app.catalog.index.memo import Memo
from app.catalog.service import Catalog, ReadAccess
from app.core.http.query_string import (
    Parameter,
    boolean,
    int_between,
    reject_unknown,
    single_value,
    split_query,
    text_of_length,
)
from app.core.secrets import Secrets
from app.draws.cursor import DrawPosition, open_position
from app.draws.permutation import bits_for
from app.published.question_filter import FILTER_NAMES, FILTER_PARAMETERS, parse_filter

MAX_COUNT = 100
DEFAULT_COUNT = 10
NEW_SEED = "new"
MAX_SEED_CHARACTERS = 64
MAX_CURSOR_CHARACTERS = 4_096
MAX_CACHED_PLANS = 4_096

SEED_PARAMETER = b"seed="
# A seed of these characters only is the same with and without URL decoding.
UNRESERVED = (ascii_letters + digits + "._~-").encode()

DRAW_PARAMETERS = (
    Parameter(
        "count",
        "how many questions",
        {"type": "integer", "minimum": 1, "maximum": MAX_COUNT, "default": DEFAULT_COUNT},
        example=5,
    ),
    Parameter(
        "seed",
        "repeats a draw as long as the edition is the same; `new` requests a generated seed",
        {"type": "string", "minLength": 1, "maxLength": MAX_SEED_CHARACTERS},
    ),
    Parameter(
        "cursor",
        "the `next_cursor` of a seeded draw: continues it without repeats",
        {"type": "string"},
    ),
    Parameter(
        "strict",
        "refuse to draw fewer questions than `count`",
        {"type": "boolean", "default": False},
    ),
    *FILTER_PARAMETERS,
    ANSWERS,
    FORMAT,
)
_KNOWN = (*FILTER_NAMES, *(parameter.name for parameter in DRAW_PARAMETERS))


class DrawPlan(NamedTuple):
    """Everything that a query asks for except the seed, for one caller and one edition.

    `bits` is the width of numbers in a seeded order. A draw that continues from a cursor starts
    after `position`; `is_generated` is True if the server chose the cursor's seed.
    """

    members: BitMap
    packed_filter: str
    question_count: int
    strict: bool
    access: ReadAccess
    text_format: str
    bits: int
    position: int = -1
    is_generated: bool = False


class Planner:
    """Makes the plans of draws over one worker's catalog."""

    def __init__(self, catalog: Catalog, secrets: Secrets) -> None:
        """Plan over `catalog`; open cursors with `secrets`."""
        self._catalog = catalog
        self._secrets = secrets
        # Parsing a query takes longer than drawing. The plan of a seeded query is cached under the
        # query without its seed, because clients that draw by the same filter have different seeds.
        self._plans: Memo[tuple[bytes, Caller], tuple[DrawPlan, str | None]]
        self._plans = Memo(MAX_CACHED_PLANS, MAX_BITMAP_BYTES)

    def plan(self, query: bytes, caller: Caller) -> tuple[DrawPlan, str | None]:
        """Return the plan of a query and its seed; raise the Problem if the query is not valid.

        The seed is None for an unseeded draw, and `new` if the server has to choose one.
        """
        cached = self._plans.get(self._catalog.mark, (query, caller))
        return self._plan(query, caller) if cached is None else cached

    def _plan(self, query: bytes, caller: Caller) -> tuple[DrawPlan, str | None]:
        before, separator, after = query.partition(SEED_PARAMETER)
        if not separator:
            return self._parse_and_cache(query, caller)
        if SEED_PARAMETER in after or (before and not before.endswith(b"&")):
            # More than one seed, or a longer name that ends in `seed`.
            return self._parse(query, caller)
        raw_seed, _, after = after.partition(b"&")
        if raw_seed == NEW_SEED.encode():
            return self._parse_and_cache(query, caller)
        plan, seed = self.plan(before + after, caller)
        if seed is not None:
            # The seed of a cursor: parse both, because they must not differ.
            return self._parse(query, caller)
        return plan, _decode_seed(raw_seed)

    def _parse_and_cache(self, query: bytes, caller: Caller) -> tuple[DrawPlan, str | None]:
        plan, seed = self._parse(query, caller)
        if seed is None or seed == NEW_SEED:
            size = bitmap_bytes(plan.members) + len(query)
            self._plans.put(self._catalog.mark, (query, caller), (plan, seed), size)
        return plan, seed

    def _parse(self, query: bytes, caller: Caller) -> tuple[DrawPlan, str | None]:
        pairs = split_query(query)
        reject_unknown(pairs, _KNOWN)
        count = single_value(pairs, "count", int_between(1, MAX_COUNT), DEFAULT_COUNT)
        strict = single_value(pairs, "strict", boolean, default=False)
        text_format = parse_format(pairs)
        seed = single_value(pairs, "seed", text_of_length(1, MAX_SEED_CHARACTERS), None)
        cursor = single_value(pairs, "cursor", text_of_length(1, MAX_CURSOR_CHARACTERS), None)
        question_filter = parse_filter(pairs, self._catalog.nameable_values(caller))
        position = None
        if cursor is not None:
            position = open_position(self._secrets, cursor, self._catalog.mark.epoch)
            question_filter = restore_filter(pairs, question_filter, position.packed_filter)
            _check_same_seed(seed, position)
        access = self._catalog.read_access(caller, question_filter.bank.any, parse_answers(pairs))
        plan = DrawPlan(
            members=self._catalog.members(access.banks, question_filter),
            packed_filter=pack_filter(question_filter),
            question_count=count,
            strict=strict,
            access=access,
            text_format=text_format,
            bits=bits_for(self._catalog.largest_number),
        )
        if position is None:
            return plan, seed
        continued = plan._replace(
            bits=position.bits, position=position.position, is_generated=position.is_generated
        )
        return continued, position.seed


def _decode_seed(raw: bytes) -> str | None:
    if 0 < len(raw) <= MAX_SEED_CHARACTERS and not raw.translate(None, UNRESERVED):
        return raw.decode()
    pairs = split_query(SEED_PARAMETER + raw)
    return single_value(pairs, "seed", text_of_length(1, MAX_SEED_CHARACTERS), None)


def _check_same_seed(seed: str | None, position: DrawPosition) -> None:
    """Raise Problem if a seed beside a cursor is not the cursor's."""
    if seed not in {None, position.seed} and not (seed == NEW_SEED and position.is_generated):
        raise differs_from_cursor(["seed"])
