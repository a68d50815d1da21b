"""Resolves what a query asks for, and draws it."""

from functools import cache, partial
from string import ascii_letters, digits
from typing import NamedTuple

from pyroaring import BitMap

from app.access.rights import Caller
from app.catalog.http.cursor_filter import differs, hold, resume
from app.catalog.http.reading_parameters import take_answers, take_format
from app.catalog.index.filtering import MAX_BITMAP_BYTES, bitmap_bytes
from app.catalog.index.memo import Memo
from app.catalog.service import Catalog, Reading
from app.core import time_and_random
from app.core.errors import Problem
from app.core.http.query_string import (
    Parameter,
    boolean,
    reject_unknown,
    split_query,
    take,
    text,
    whole,
)
from app.core.secrets import Secrets
from app.draws.cursor import Place, open_place, seal_place
from app.draws.permutation import Permutation, Words, bits_for
from app.draws.sampling import uniform
from app.draws.seeded import Asked, draw, mapped
from app.published.question_filter import FILTER_NAMES, parse_filter

MAX_COUNT = 100
DEFAULT_COUNT = 10
NEW = "new"
MAX_SEED = 64
NEW_SEED_BYTES = 16
SEED = b"seed="
# Seeds that mean what they say, without a look at their encoding, are made of these.
PLAIN = (ascii_letters + digits + "._~-").encode()
# Only in queries up to this length the seed is looked at apart.
SHORT = 1_024
MAX_PLANS = 4_096
WORDS_BYTES = 16 * 1024 * 1024

PARAMETERS = (
    Parameter(
        "count",
        "how many questions",
        {"type": "integer", "minimum": 1, "maximum": MAX_COUNT, "default": DEFAULT_COUNT},
        example=5,
    ),
    Parameter(
        "seed",
        "repeats a draw for as long as the edition stays; `new` asks for a fresh one",
        {"type": "string", "minLength": 1, "maxLength": MAX_SEED},
    ),
    Parameter(
        "cursor",
        "the `next_cursor` of a seeded draw: goes on without repeats",
        {"type": "string"},
    ),
    Parameter("strict", "refuse a draw that would be short", {"type": "boolean", "default": False}),
)


class Plan(NamedTuple):
    """What a query asks for beside a seed, resolved for one caller and one edition.

    A seeded draw goes on behind the position `after` of an order of numbers below 2^bits; `made`
    tells that its cursor's seed was made here.
    """

    members: BitMap
    held: str
    wanted: int
    strict: bool
    reading: Reading
    text_format: str
    bits: int
    after: int = -1
    made: bool = False


class Drawn(NamedTuple):
    """What was drawn, in order; `cursor` leads on where there is more of a seeded draw.

    `repeats` tells that the same query gives the same while the edition stays.
    """

    numbers: list[int]
    seed: str | None
    cursor: str | None
    repeats: bool = False


class Drawer:
    """Plans and draws over one worker's catalog."""

    def __init__(self, catalog: Catalog, secrets: Secrets) -> None:
        """Draw from `catalog`, with cursors sealed by `secrets`."""
        self._catalog = catalog
        self._secrets = secrets
        self._plans: Memo[tuple[bytes, Caller], Plan] = Memo(MAX_PLANS, MAX_BITMAP_BYTES)
        self._words: Memo[tuple[str, frozenset[str], int], Words] = Memo(MAX_PLANS, WORDS_BYTES)
        self._order = cache(Permutation)

    def plan(self, query: bytes, caller: Caller) -> tuple[Plan, str | None]:
        """Return what the query asks for, and its seed; the Problem that is wrong with it.

        The seed is None for a draw by chance, and `new` where each answer has one of its own.
        Everyone who draws by one filter has a seed of their own, so what else a query asks for is
        remembered apart from it, until the edition moves.
        """
        before, found, following = query.partition(SEED)
        stands = found and SEED not in following and (not before or before.endswith(b"&"))
        if not stands or len(query) > SHORT:
            return self._plan(query, caller)
        raw, _, behind = following.partition(b"&")
        mark, rest = self._catalog.mark, before + behind
        plan = self._plans.get(mark, (rest, caller))
        if plan is None:
            plan, resumed = self._plan(rest, caller)
            if resumed is not None:
                # A cursor, which has its own seed: whether they agree is to be seen.
                return self._plan(query, caller)
            self._plans.put(mark, (rest, caller), plan, bitmap_bytes(plan.members))
        return plan, _seed(raw)

    def _plan(self, query: bytes, caller: Caller) -> tuple[Plan, str | None]:
        pairs = split_query(query)
        reject_unknown(pairs, [*FILTER_NAMES, *(p.name for p in PARAMETERS), "answers", "format"])
        count = take(pairs, "count", whole(1, MAX_COUNT), DEFAULT_COUNT)
        strict = take(pairs, "strict", boolean, default=False)
        text_format = take_format(pairs)
        seed = take(pairs, "seed", text(1, MAX_SEED), None)
        cursor = take(pairs, "cursor", text(1, 4096), None)
        asked = parse_filter(pairs, self._catalog.known(caller))
        place = None
        if cursor is not None:
            place = open_place(self._secrets, cursor, self._catalog.mark.epoch)
            asked = resume(pairs, asked, place.filter)
            _same_seed(seed, place)
        reading = self._catalog.reading(caller, asked.bank.any, take_answers(pairs))
        plan = Plan(
            members=self._catalog.members(reading.banks, asked),
            held=hold(asked),
            wanted=count,
            strict=strict,
            reading=reading,
            text_format=text_format,
            bits=bits_for(self._catalog.largest_number),
        )
        if place is None:
            return plan, seed
        resumed = plan._replace(bits=place.bits, after=place.position, made=place.made)
        return resumed, place.seed

    def draw(self, plan: Plan, seed: str | None) -> Drawn:
        """Draw; Problem not_enough where a strict draw would be short."""
        if seed is None:
            drawn = Drawn(
                uniform(plan.members, plan.wanted, time_and_random.random_bytes), None, None
            )
        else:
            drawn = self._seeded(plan, seed)
        if plan.strict and len(drawn.numbers) < plan.wanted:
            matching = len(plan.members)
            message = f"{len(drawn.numbers)} questions are left of the {plan.wanted} asked for."
            raise Problem("not_enough", message, context={"matching": matching})
        return drawn

    def _seeded(self, plan: Plan, seed: str) -> Drawn:
        repeats = seed != NEW
        if not repeats:
            seed = time_and_random.random_bytes(NEW_SEED_BYTES).hex()
        asked = Asked(self._order(plan.bits), seed, plan.wanted, plan.after)
        stretch = draw(plan.members, asked, partial(self._mapped, plan))
        cursor = None
        if stretch.more:
            made = plan.made or not repeats
            place = Place(seed, made, plan.bits, stretch.position, plan.held)
            cursor = seal_place(self._secrets, place, self._catalog.mark.epoch)
        return Drawn(stretch.numbers, seed, cursor, repeats)

    def _mapped(self, plan: Plan) -> Words:
        mark, key = self._catalog.mark, (plan.held, plan.reading.banks, plan.bits)
        words = self._words.get(mark, key)
        if words is None:
            words = mapped(plan.members, plan.bits)
            self._words.put(mark, key, words, words.nbytes)
        return words


def _seed(raw: bytes) -> str | None:
    if 0 < len(raw) <= MAX_SEED and not raw.translate(None, PLAIN):
        return raw.decode()
    return take(split_query(b"seed=" + raw), "seed", text(1, MAX_SEED), None)


def _same_seed(seed: str | None, place: Place) -> None:
    if seed not in {None, place.seed} and not (seed == NEW and place.made):
        raise differs(["seed"])
