"""Draws the questions of a plan."""

from dataclasses import dataclass
from functools import cache, partial

from app.catalog.index.memo import Memo
from app.catalog.service import Catalog
from app.core import time_and_random
from app.core.errors import Problem
from app.core.secrets import Secrets
from app.draws.cursor import DrawPosition, seal_position
from app.draws.permutation import Permutation, Words
from app.draws.planner import NEW_SEED, DrawPlan
from app.draws.sampling import uniform_sample
from app.draws.seeded import SeededRequest, draw_page, premixed_members

NEW_SEED_BYTES = 16
MAX_CACHED_SETS = 4_096
CACHED_SETS_BYTES = 16 * 1024 * 1024


@dataclass(slots=True)
class DrawResult:
    """Question numbers in the order drawn; `cursor` continues a seeded draw if more are left.

    `is_repeatable` is True if the same query gives the same draw again in the same edition.
    """

    numbers: list[int]
    seed: str | None
    cursor: str | None
    is_repeatable: bool = False


class Drawer:
    """Draws from one worker's catalog."""

    def __init__(self, catalog: Catalog, secrets: Secrets) -> None:
        """Draw from `catalog`; seal cursors with `secrets`."""
        self._catalog = catalog
        self._secrets = secrets
        # The first step of mapping a set to a seeded order, which is the same for all seeds: with
        # it cached, a draw with a new seed or the next page from a cursor skips that step.
        self._premixed: Memo[tuple[str, frozenset[str], int], Words]
        self._premixed = Memo(MAX_CACHED_SETS, CACHED_SETS_BYTES)
        self._order = cache(Permutation)

    def draw(self, plan: DrawPlan, seed: str | None) -> DrawResult:
        """Draw; Problem not_enough if the plan is strict and too few questions are left."""
        if seed is None:
            numbers = uniform_sample(
                plan.members, plan.question_count, time_and_random.random_bytes
            )
            result = DrawResult(numbers, None, None)
        else:
            result = self._draw_seeded(plan, seed)
        if plan.strict and len(result.numbers) < plan.question_count:
            matching = len(plan.members)
            message = (
                f"{len(result.numbers)} questions are left of the {plan.question_count} requested."
            )
            raise Problem("not_enough", message, context={"matching": matching})
        return result

    def _draw_seeded(self, plan: DrawPlan, seed: str) -> DrawResult:
        is_repeatable = seed != NEW_SEED
        if not is_repeatable:
            seed = time_and_random.random_bytes(NEW_SEED_BYTES).hex()
        request = SeededRequest(self._order(plan.bits), seed, plan.question_count, plan.position)
        page = draw_page(plan.members, request, partial(self._premix, plan))
        cursor = None
        if page.more:
            is_generated = plan.is_generated or not is_repeatable
            position = DrawPosition(
                seed, is_generated, plan.bits, page.position, plan.packed_filter
            )
            cursor = seal_position(self._secrets, position, self._catalog.mark.epoch)
        return DrawResult(page.numbers, seed, cursor, is_repeatable)

    def _premix(self, plan: DrawPlan) -> Words:
        mark, key = self._catalog.mark, (plan.packed_filter, plan.access.banks, plan.bits)
        words = self._premixed.get(mark, key)
        if words is None:
            words = premixed_members(plan.members, plan.bits)
            self._premixed.put(mark, key, words, words.nbytes)
        return words
