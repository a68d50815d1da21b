"""Merges two terms: replaces one by the other in every question, including live revisions."""

from app.core.errors import FieldError, Problem, invalid
from app.questions import repository
from app.questions.live_and_draft import change_live_and_draft
from app.questions.state import QuestionState, Values
from app.questions.unit_of_work import UnitOfWork
from app.taxonomy import repository as terms
from app.taxonomy import service as taxonomy


def merge_terms(unit_of_work: UnitOfWork, vocabulary: str, slug: str, into: str) -> int:
    """Replace a term by another in every question; return how many questions had it.

    The term is deleted; its slug, name and aliases become aliases of the other. Locks the edition
    clock.
    """
    session = unit_of_work.session
    taxonomy.find_term(session, vocabulary, slug)
    # Not locked yet: questions are locked before terms (app/core/db/lock_order).
    if into == slug or terms.find(session, vocabulary, into) is None:
        detail = "Another term of the vocabulary, by slug."
        raise invalid(FieldError("unknown_value", detail, pointer="/into"))
    ids = repository.questions_with_term(session, vocabulary, slug)
    repository.lock(session, ids)
    # From here on no question can get the term. Terms are locked in the order of their slugs, so
    # two merges in opposite directions cannot deadlock; for categories the tree is locked first.
    if vocabulary == "categories":
        taxonomy.find_term(session, vocabulary, into, "change")
    for each in sorted((slug, into)):
        taxonomy.find_term(session, vocabulary, each, "removal" if each == slug else "change")
    if set(repository.questions_with_term(session, vocabulary, slug)) - set(ids):
        message = "Another question got the term meanwhile; nothing was written."
        raise Problem("overloaded", message, headers={"Retry-After": "1"})
    for part in repository.chunks(sorted(ids)):
        questions = list(repository.load(session, part).values())
        for question in questions:
            _replace_in_question(unit_of_work, question, vocabulary, slug, into)
        unit_of_work.write(questions)
    taxonomy.merge_into(session, vocabulary, slug, into)
    unit_of_work.publish_changes()
    return len(ids)


def _replace_in_question(
    unit_of_work: UnitOfWork, question: QuestionState, vocabulary: str, slug: str, into: str
) -> None:
    live = question.live is not None and slug in question.live.values[vocabulary]
    note = f"{slug} merged into {into}"
    change_live_and_draft(
        question,
        lambda values: replace_term(values, vocabulary, slug, into),
        unit_of_work.now,
        note,
        live=live,
    )
    if live:
        unit_of_work.mark_public_change(question)


def replace_term(values: Values, vocabulary: str, slug: str, into: str) -> Values:
    """Return content with one term replaced by another, which keeps its own evidence if any."""
    given = dict.fromkeys(into if term == slug else term for term in values[vocabulary])
    changed = {**values, vocabulary: list(given)}
    evidence = values["evidence"]
    if vocabulary == "companies" and slug in evidence:
        kept = {name: known for name, known in evidence.items() if name != slug}
        changed["evidence"] = {into: evidence[slug]} | kept
    return changed
