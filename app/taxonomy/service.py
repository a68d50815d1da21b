"""What can be done with terms: one meaning for each name, a tree without circles."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from app.core.db.edition_clock import bump_config
from app.core.db.references import count_uses
from app.core.errors import FieldError, Problem, invalid, near_misses, not_found
from app.core.fields import MAX_NAME
from app.core.http.idempotency import Idempotency
from app.taxonomy import repository
from app.taxonomy.repository import Lock
from app.taxonomy.schemas import MAX_ALIASES, TermWrite
from app.taxonomy.vocabulary import Term, fold, slugify


def find_term(session: Session, vocabulary: str, slug: str, lock: Lock | None = None) -> Term:
    """Return a term; 404 where there is none."""
    if lock == "change" and vocabulary == "categories":
        # A move locks all of them, so whoever may move one begins with that.
        repository.lock_tree(session)
    term = repository.find(session, vocabulary, slug, lock)
    if term is None:
        raise not_found()
    return term


def create_term(session: Session, vocabulary: str, wanted: TermWrite, once: Idempotency) -> Term:
    """Make a term; 409 name_taken where a name of it means another one."""
    term = term_of(wanted, wanted.slug or slugify(wanted.name))
    if not term.slug:
        detail = "Nothing of the name can stand in a slug: give one."
        raise invalid(FieldError("missing_value", detail, pointer="/slug"))
    _refuse_long_names(term)
    if term.parent is not None:
        _refuse_circle(repository.lock_tree(session), term)
    _take_names(session, vocabulary, term.slug, term.keys)
    repository.add(session, vocabulary, term)
    once.record(session, 201, term.slug)
    bump_config(session)
    return term


def update_term(session: Session, vocabulary: str, before: Term, wanted: TermWrite) -> Term:
    """Give a locked term new values; 409 name_taken where a name of it means another one."""
    term = term_of(wanted, before.slug)
    _refuse_long_names(term)
    if term.parent not in {None, before.parent}:
        _refuse_circle(repository.lock_tree(session), term)
    _take_names(session, vocabulary, term.slug, term.keys - before.keys)
    repository.free_names(session, vocabulary, before.keys - term.keys)
    repository.change(session, vocabulary, term)
    bump_config(session)
    return term


def delete_term(session: Session, vocabulary: str, term: Term) -> None:
    """Delete a term that is locked for its removal; 409 in_use with the count of its uses."""
    slug = repository.table_of(vocabulary).c.slug
    count = sum(count_uses(session, slug, term.slug).values())
    if count:
        message = "Questions or other terms refer to it."
        raise Problem("in_use", message, context={"count": count})
    repository.remove(session, vocabulary, term.slug)
    bump_config(session)


def absorb(session: Session, vocabulary: str, slug: str, into: str) -> None:
    """Delete a term that no question has any more; all its names are aliases of another from then.

    What lay below it lies below the other one. Locks the clock. 422 where the other one lies below
    it itself, or would have too many aliases.
    """
    kept = find_term(session, vocabulary, into, "change")
    gone = find_term(session, vocabulary, slug, "removal")
    below: list[Term] = []
    if vocabulary == "categories":
        tree = repository.lock_tree(session)
        if slug in _line(tree, kept.parent):
            detail = "It lies below the category that is to go."
            raise invalid(FieldError("invalid_value", detail, pointer="/into"))
        below = [
            find_term(session, vocabulary, child) for child, over in tree.items() if over == slug
        ]
    named = {fold(name): name for name in (gone.slug, gone.name, *gone.aliases)}
    aliases = (*kept.aliases, *named.values())
    if len(aliases) > MAX_ALIASES:
        detail = f"It would have more than {MAX_ALIASES} aliases."
        raise invalid(FieldError("invalid_value", detail, pointer="/into"))
    for child in below:
        repository.change(session, vocabulary, replace(child, parent=into))
    repository.remove(session, vocabulary, slug)
    repository.take_names(session, vocabulary, into, gone.keys)
    repository.change(session, vocabulary, replace(kept, aliases=aliases))
    bump_config(session)


def create_terms(session: Session, terms: Sequence[tuple[str, Term]]) -> None:
    """Make those (vocabulary, term) that do not exist, in any order; locks the clock.

    A term exists where its slug means something. Problem name_taken where only another name of
    it does, invalid_request for a parent that is neither there nor among the terms.
    """
    made = 0
    for vocabulary in repository.NAMES:
        given = {term.slug: term for name, term in terms if name == vocabulary}
        existing = repository.holders(session, vocabulary, {fold(slug) for slug in given})
        fresh = {slug: term for slug, term in given.items() if fold(slug) not in existing}
        tree = repository.lock_tree(session) if any(t.parent for t in fresh.values()) else {}
        tree |= {slug: term.parent for slug, term in fresh.items()}
        for term in fresh.values():
            _refuse_long_names(term)
            if term.parent is not None:
                _refuse_circle(tree, term)
            _take_names(session, vocabulary, term.slug, term.keys)
        # Those nearest to a root first: a parent has to be there before its children.
        for term in sorted(fresh.values(), key=lambda term: _depth(tree, term)):
            repository.add(session, vocabulary, term)
        made += len(fresh)
    if made:
        bump_config(session)


def term_of(wanted: TermWrite, slug: str) -> Term:
    """Return what an editor wrote as a term; an alias that says nothing new is left out."""
    values = wanted.model_dump(exclude={"slug"})
    term = Term(slug=slug, **(values | {"aliases": ()}))
    aliases: dict[str, str] = {}
    for alias in wanted.aliases:
        if fold(alias) not in term.keys:
            aliases.setdefault(fold(alias), alias)
    return replace(term, aliases=tuple(aliases.values()))


def _refuse_long_names(term: Term) -> None:
    # Compatibility characters can unfold into many.
    if any(not 1 <= len(fold(name)) <= MAX_NAME for name in (term.name, *term.aliases)):
        detail = f"At most {MAX_NAME} characters when its ligatures are written out."
        raise invalid(FieldError("invalid_value", detail, pointer="/name"))


def _refuse_circle(tree: dict[str, str | None], term: Term) -> None:
    """Raise 422 for a parent that does not exist, and for one that lies below the term itself."""
    parent = term.parent
    if parent not in tree:
        detail = "There is no such category."
        near = near_misses(str(parent), tree)
        raise invalid(FieldError("unknown_value", detail, pointer="/parent", suggestions=near))
    if term.slug in _line(tree, parent):
        detail = "It lies below the category itself."
        raise invalid(FieldError("invalid_value", detail, pointer="/parent"))


def _line(tree: dict[str, str | None], slug: str | None) -> list[str]:
    """Return a category and those above it, up to the root or to where it begins again."""
    line: list[str] = []
    while slug is not None and slug not in line:
        line.append(slug)
        slug = tree.get(slug)
    return line


def _depth(tree: dict[str, str | None], term: Term) -> int:
    return len(_line(tree, term.slug))


def _take_names(session: Session, vocabulary: str, slug: str, keys: frozenset[str]) -> None:
    """Let names mean the term; 409 name_taken where one means another, even since a moment ago."""
    _refuse_taken(session, vocabulary, keys)
    try:
        with session.begin_nested():
            repository.take_names(session, vocabulary, slug, keys)
    except IntegrityError:
        _refuse_taken(session, vocabulary, keys)
        raise


def _refuse_taken(session: Session, vocabulary: str, keys: frozenset[str]) -> None:
    holders = repository.holders(session, vocabulary, keys)
    if holders:
        name = min(holders)
        message = f"`{name}` means the term `{holders[name]}` already."
        raise Problem("name_taken", message, context={"slug": holders[name]})
