"""Selects the questions of a new quiz, from those that its author may read."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pyroaring import BitMap

from app.access.rights import Caller
from app.catalog.bodies.byte_cache import number_and_revision
from app.catalog.service import Catalog
from app.core import time_and_random
from app.core.errors import FieldError, Problem, invalid
from app.draws.permutation import Permutation, bits_for
from app.draws.sampling import uniform_sample
from app.draws.seeded import SeededRequest, draw_page
from app.published.question_filter import KnownNames, QuestionFilter, parse_filter_body
from app.quizzes.schemas import QuizCreate

SCOPE = "quizzes:write"


@dataclass(frozen=True, slots=True)
class Selection:
    """(number, revision) pairs in order, and the banks that the quiz may draw from."""

    items: list[tuple[int, int]]
    banks: frozenset[str]


def select_questions(catalog: Catalog, caller: Caller, body: QuizCreate) -> Selection:
    """Return the questions of a new quiz.

    Problem invalid_request if the caller cannot see a question or bank; exam_bank, not_enough,
    missing_scope.
    """
    if body.ids is not None:
        return _chosen(catalog, caller, body.ids)
    if body.filter is None or body.count is None:
        message = "the schema demands either ids, or filter and count"
        raise TypeError(message)
    # Exam banks may be named here, so that the error is exam_bank instead of an unknown value.
    rules = catalog.rights.banks
    banks = {slug: rules[slug].name for slug in sorted(catalog.rights.visible(caller))}
    question_filter = parse_filter_body(
        body.filter, KnownNames(banks, catalog.vocabularies), "/filter"
    )
    allowed = _allowed_banks(catalog, caller, question_filter)
    members = catalog.members(allowed, question_filter)
    return Selection(_drawn(catalog, members, body.count, body.seed), allowed)


def _allowed_banks(
    catalog: Catalog, caller: Caller, question_filter: QuestionFilter
) -> frozenset[str]:
    """Return the banks that the quiz may draw from."""
    for bank in question_filter.bank.any:
        _refuse_exam(catalog, bank, "/filter/bank")
    banks = catalog.rights.readable(caller)
    if question_filter.bank.any:
        banks &= frozenset(question_filter.bank.any)
    banks -= frozenset(question_filter.bank.none)
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
        message = f"{len(members)} questions match, and {count} were requested."
        raise Problem("not_enough", message, context={"matching": len(members)})
    if seed is None:
        numbers = uniform_sample(members, count, time_and_random.random_bytes)
    else:
        bits = bits_for(catalog.largest_number)
        numbers = draw_page(members, SeededRequest(Permutation(bits), seed, count)).numbers
    return [number_and_revision(key) for key in catalog.live_keys(numbers)]


def _chosen(catalog: Catalog, caller: Caller, ids: Sequence[UUID]) -> Selection:
    readable = catalog.rights.readable(caller)
    seen = catalog.rights.visible(caller)
    items: dict[int, int] = {}
    banks = set()
    errors = []
    for index, question_id in enumerate(ids):
        pointer = f"/ids/{index}"
        entry = catalog.find(question_id.bytes)
        if entry is None or entry.revision is None or entry.bank not in seen:
            detail = "No published question that you may read has this id."
            errors.append(FieldError("unknown_value", detail, pointer=pointer))
        elif entry.bank not in readable:
            _refuse_exam(catalog, entry.bank, pointer)
        elif entry.number in items:
            detail = "The question is in the quiz already."
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
        message = "Questions of an exam bank cannot be used in a practice quiz."
        raise Problem("exam_bank", message, context={"bank": bank, "pointer": pointer})
