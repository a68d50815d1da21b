"""Resolves what a query asks for, and draws it."""

from dataclasses import dataclass
from typing import NamedTuple

from pyroaring import BitMap

from app.access.rights import Caller
from app.catalog.continuing import differs, hold, resume
from app.catalog.reading_parameters import take_answers, take_format
from app.catalog.service import Catalog, Reading
from app.core import entropy
from app.core.errors import Problem
from app.core.query import (
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
from app.draws.permutation import Permutation, bits_for
from app.draws.sampling import seeded, uniform
from app.published.filter import NAMES, parse_filter

MAX_COUNT = 100
DEFAULT_COUNT = 10
NEW = "new"
NEW_SEED_BYTES = 16

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
        {"type": "string", "minLength": 1, "maxLength": 64},
    ),
    Parameter(
        "cursor",
        "the `next_cursor` of a seeded draw: goes on without repeats",
        {"type": "string"},
    ),
    Parameter("strict", "refuse a draw that would be short", {"type": "boolean", "default": False}),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a query asks for, resolved for one caller and one edition."""

    members: BitMap
    held: str
    count: int
    strict: bool
    reading: Reading
    text_format: str
    seed: str | None
    made: bool
    order: Permutation | None
    after: int


class Drawn(NamedTuple):
    """What was drawn, in order; `cursor` leads on where there is more of a seeded draw."""

    numbers: list[int]
    seed: str | None
    cursor: str | None


class Drawer:
    """Plans and draws over one worker's catalog."""

    def __init__(self, catalog: Catalog, secrets: Secrets) -> None:
        """Draw from `catalog`, with cursors sealed by `secrets`."""
        self._catalog = catalog
        self._secrets = secrets

    def plan(self, query: bytes, caller: Caller) -> Plan:
        """Return what the query asks for; the Problem that is wrong with it."""
        pairs = split_query(query)
        reject_unknown(pairs, [*NAMES, *(p.name for p in PARAMETERS), "answers", "format"])
        count = take(pairs, "count", whole(1, MAX_COUNT), DEFAULT_COUNT)
        strict = take(pairs, "strict", boolean, default=False)
        text_format = take_format(pairs)
        seed = take(pairs, "seed", text(1, 64), None)
        cursor = take(pairs, "cursor", text(1, 4096), None)
        asked = parse_filter(pairs, self._catalog.known(caller))
        after, made, order = -1, seed == NEW, None
        if cursor is not None:
            place = open_place(self._secrets, cursor, self._catalog.mark.epoch)
            asked = resume(pairs, asked, place.filter)
            _same_seed(seed, place)
            seed, made, after = place.seed, place.made, place.position
            order = Permutation(seed, place.bits)
        elif seed is not None and not made:
            order = Permutation(seed, bits_for(self._catalog.largest_number))
        reading = self._catalog.reading(caller, asked.bank.any, take_answers(pairs))
        return Plan(
            members=self._catalog.members(reading.banks, asked),
            held=hold(asked),
            count=count,
            strict=strict,
            reading=reading,
            text_format=text_format,
            seed=seed,
            made=made,
            order=order,
            after=after,
        )

    def draw(self, plan: Plan) -> Drawn:
        """Draw; Problem not_enough where a strict draw would be short."""
        if plan.seed is None:
            drawn = Drawn(uniform(plan.members, plan.count, entropy.random_bytes), None, None)
        else:
            drawn = self._seeded(plan, plan.seed)
        if plan.strict and len(drawn.numbers) < plan.count:
            matching = len(plan.members)
            message = f"{len(drawn.numbers)} questions are left of the {plan.count} asked for."
            raise Problem("not_enough", message, context={"matching": matching})
        return drawn

    def _seeded(self, plan: Plan, seed: str) -> Drawn:
        order = plan.order
        if order is None:
            seed = entropy.random_bytes(NEW_SEED_BYTES).hex()
            order = Permutation(seed, bits_for(self._catalog.largest_number))
        stretch = seeded(plan.members, plan.count, order, plan.after)
        if not stretch.more:
            return Drawn(stretch.numbers, seed, None)
        place = Place(seed, plan.made, order.bits, stretch.position, plan.held)
        cursor = seal_place(self._secrets, place, self._catalog.mark.epoch)
        return Drawn(stretch.numbers, seed, cursor)


def _same_seed(seed: str | None, place: Place) -> None:
    if seed not in {None, place.seed} and not (seed == NEW and place.made):
        raise differs(["seed"])
