"""Merges two terms: every question that has the one gets the other, live ones at once."""

from app.core.errors import FieldError, Problem, invalid
from app.questions import repository
from app.questions.renewing import renew
from app.questions.state import Held, Values
from app.questions.unit_of_work import Ledger
from app.taxonomy import repository as terms
from app.taxonomy import service as taxonomy


def merge_terms(ledger: Ledger, vocabulary: str, slug: str, into: str) -> int:
    """Replace a term by another in every question, and return how many had it; locks the clock.

    The term is gone then: its slug, its name and its aliases are aliases of the other.
    """
    session = ledger.session
    taxonomy.find_term(session, vocabulary, slug)
    # Not locked: questions come first.
    if into == slug or terms.find(session, vocabulary, into) is None:
        detail = "Another term of the vocabulary, by slug."
        raise invalid(FieldError("unknown_value", detail, pointer="/into"))
    ids = repository.users_of(session, vocabulary, slug)
    repository.lock(session, ids)
    # From here on nobody can give the term to a question. By slug, so that two merges in opposite
    # directions never wait in a circle; of categories the whole tree is locked before either.
    if vocabulary == "categories":
        taxonomy.find_term(session, vocabulary, into, "change")
    for each in sorted((slug, into)):
        taxonomy.find_term(session, vocabulary, each, "removal" if each == slug else "change")
    if set(repository.users_of(session, vocabulary, slug)) - set(ids):
        message = "Another question was given the term meanwhile; nothing was written."
        raise Problem("overloaded", message, headers={"Retry-After": "1"})
    for part in repository.chunks(sorted(ids)):
        helds = list(repository.load(session, part).values())
        for held in helds:
            _replace(ledger, held, vocabulary, slug, into)
        ledger.write(helds)
    taxonomy.absorb(session, vocabulary, slug, into)
    ledger.go_public()
    return len(ids)


def _replace(ledger: Ledger, held: Held, vocabulary: str, slug: str, into: str) -> None:
    live = held.live is not None and slug in held.live.values[vocabulary]
    note = f"{slug} merged into {into}"
    renew(
        held,
        lambda values: replaced(values, vocabulary, slug, into),
        ledger.now,
        note,
        live=live,
    )
    if live:
        ledger.note_public(held)


def replaced(values: Values, vocabulary: str, slug: str, into: str) -> Values:
    """Return content with one term in the place of another, its evidence where that has none."""
    given = dict.fromkeys(into if term == slug else term for term in values[vocabulary])
    changed = {**values, vocabulary: list(given)}
    evidence = values["evidence"]
    if vocabulary == "companies" and slug in evidence:
        kept = {name: known for name, known in evidence.items() if name != slug}
        changed["evidence"] = {into: evidence[slug]} | kept
    return changed
