"""Picks the questions of a new quiz from what its maker may read."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pyroaring import BitMap

from app.access.rights import Caller
from app.catalog.bodies.byte_cache import pair_of
from app.catalog.service import Catalog
from app.core import time_and_random
from app.core.errors import FieldError, Problem, invalid
from app.draws.permutation import Permutation, bits_for
from app.draws.sampling import uniform
from app.draws.seeded import Asked, draw
from app.published.question_filter import KnownNames, QuestionFilter, parse_filter_body
from app.quizzes.schemas import QuizCreate

SCOPE = "quizzes:write"


@dataclass(frozen=True, slots=True)
class Selection:
    """(number, revision) pairs in order, and the banks that the plan admits."""

    items: list[tuple[int, int]]
    banks: frozenset[str]


def select_questions(catalog: Catalog, caller: Caller, wanted: QuizCreate) -> Selection:
    """Return the questions of a new quiz.

    Problem invalid_request for what the caller cannot name, exam_bank, not_enough, missing_scope.
    """
    if wanted.ids is not None:
        return _chosen(catalog, caller, wanted.ids)
    if wanted.filter is None or wanted.count is None:
        message = "the schema lets through either ids, or filter and count"
        raise TypeError(message)
    # Exam banks may be named here, so that the refusal can say what they are.
    rules = catalog.rights.banks
    banks = {slug: rules[slug].name for slug in sorted(catalog.rights.seen(caller))}
    asked = parse_filter_body(wanted.filter, KnownNames(banks, catalog.vocabularies), "/filter")
    admitted = _admitted(catalog, caller, asked)
    members = catalog.members(admitted, asked)
    return Selection(_drawn(catalog, members, wanted.count, wanted.seed), admitted)


def _admitted(catalog: Catalog, caller: Caller, asked: QuestionFilter) -> frozenset[str]:
    for bank in asked.bank.any:
        _refuse_exam(catalog, bank, "/filter/bank")
    banks = catalog.rights.readable(caller)
    if asked.bank.any:
        banks &= frozenset(asked.bank.any)
    banks -= frozenset(asked.bank.none)
    for bank in banks:
        catalog.rights.require(caller, SCOPE, bank)
    if not banks:
        detail = "The filter admits no bank that this key may read."
        raise invalid(FieldError("invalid_value", detail, pointer="/filter/bank"))
    return banks


def _drawn(
    catalog: Catalog, members: BitMap, count: int, seed: str | None
) -> list[tuple[int, int]]:
    if len(members) < count:
        message = f"{len(members)} questions match, and {count} were asked for."
        raise Problem("not_enough", message, context={"matching": len(members)})
    if seed is None:
        numbers = uniform(members, count, time_and_random.random_bytes)
    else:
        bits = bits_for(catalog.largest_number)
        numbers = draw(members, Asked(Permutation(bits), seed, count)).numbers
    return [pair_of(key) for key in catalog.live_keys(numbers)]


def _chosen(catalog: Catalog, caller: Caller, ids: Sequence[UUID]) -> Selection:
    readable = catalog.rights.readable(caller)
    seen = catalog.rights.seen(caller)
    items: dict[int, int] = {}
    banks = set()
    errors = []
    for place, question_id in enumerate(ids):
        pointer = f"/ids/{place}"
        entry = catalog.find(question_id.bytes)
        if entry is None or entry.revision is None or entry.bank not in seen:
            detail = "No published question that you may read has this id."
            errors.append(FieldError("unknown_value", detail, pointer=pointer))
        elif entry.bank not in readable:
            _refuse_exam(catalog, entry.bank, pointer)
        elif entry.number in items:
            detail = "The question stands in the quiz already."
            errors.append(FieldError("invalid_value", detail, pointer=pointer))
        else:
            items[entry.number] = entry.revision
            banks.add(entry.bank)
    if errors:
        raise invalid(*errors)
    for bank in banks:
        catalog.rights.require(caller, SCOPE, bank)
    return Selection(list(items.items()), frozenset(banks))


def _refuse_exam(catalog: Catalog, bank: str, pointer: str) -> None:
    rules = catalog.rights.banks.get(bank)
    if rules is not None and rules.exposure == "exam":
        message = "Questions of an exam bank are seen only inside assessed attempts."
        raise Problem("exam_bank", message, context={"bank": bank, "pointer": pointer})
