"""The rules of terms: names are unique in a vocabulary, and categories form a tree."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from app.core.db.edition_clock import bump_config
from app.core.db.references import count_references
from app.core.errors import FieldError, Problem, invalid, near_misses, not_found
from app.core.fields import MAX_NAME
from app.core.http.idempotency import Idempotency
from app.taxonomy import repository
from app.taxonomy.repository import Lock
from app.taxonomy.schemas import MAX_ALIASES, TermWrite
from app.taxonomy.vocabulary import VOCABULARIES, Term, fold, slugify


def find_term(session: Session, vocabulary: str, slug: str, lock: Lock | None = None) -> Term:
    """Return a term; 404 if there is none."""
    if lock == "change" and vocabulary == "categories":
        # Moving a category locks the whole tree. Locking it first avoids a deadlock.
        repository.lock_tree(session)
    term = repository.find(session, vocabulary, slug, lock)
    if term is None:
        raise not_found()
    return term


def create_term(
    session: Session, vocabulary: str, values: TermWrite, idempotency: Idempotency
) -> Term:
    """Create a term; 409 `name_taken` if one of its names belongs to another term."""
    term = term_of(values, values.slug or slugify(values.name))
    if not term.slug:
        detail = "No slug can be created from this name: send a `slug`."
        raise invalid(FieldError("missing_value", detail, pointer="/slug"))
    _check_name_lengths(term)
    if term.parent is not None:
        _check_parent(repository.lock_tree(session), term)
    _assign_names(session, vocabulary, term.slug, term.keys)
    repository.add(session, vocabulary, term)
    idempotency.record(session, 201, term.slug)
    bump_config(session)
    return term


def update_term(session: Session, vocabulary: str, before: Term, values: TermWrite) -> Term:
    """Update a locked term; 409 `name_taken` if one of its names belongs to another term."""
    term = term_of(values, before.slug)
    _check_name_lengths(term)
    if term.parent not in {None, before.parent}:
        _check_parent(repository.lock_tree(session), term)
    _assign_names(session, vocabulary, term.slug, term.keys - before.keys)
    repository.remove_names(session, vocabulary, before.keys - term.keys)
    repository.change(session, vocabulary, term)
    bump_config(session)
    return term


def delete_term(session: Session, vocabulary: str, term: Term) -> None:
    """Delete a term that is locked for removal; 409 `in_use` with the number of references."""
    slug = repository.vocabulary_table(vocabulary).c.slug
    count = sum(count_references(session, slug, term.slug).values())
    if count:
        message = "Questions or other terms refer to this term."
        raise Problem("in_use", message, context={"count": count})
    repository.remove(session, vocabulary, term.slug)
    bump_config(session)


def merge_into(session: Session, vocabulary: str, slug: str, into: str) -> None:
    """Delete a term that no question has, and make its names aliases of the term `into`.

    Categories below it move below `into`. 422 if `into` is itself below the deleted category, or
    would get too many aliases.
    """
    target = find_term(session, vocabulary, into, "change")
    merged_term = find_term(session, vocabulary, slug, "removal")
    children: list[Term] = []
    if vocabulary == "categories":
        tree = repository.lock_tree(session)
        if slug in _ancestors(tree, target.parent):
            detail = "This category is below the one that would be deleted."
            raise invalid(FieldError("invalid_value", detail, pointer="/into"))
        children = [
            find_term(session, vocabulary, child) for child, over in tree.items() if over == slug
        ]
    named = {
        fold(name): name for name in (merged_term.slug, merged_term.name, *merged_term.aliases)
    }
    aliases = (*target.aliases, *named.values())
    if len(aliases) > MAX_ALIASES:
        detail = f"The term would have more than {MAX_ALIASES} aliases."
        raise invalid(FieldError("invalid_value", detail, pointer="/into"))
    for child in children:
        repository.change(session, vocabulary, replace(child, parent=into))
    repository.remove(session, vocabulary, slug)
    repository.add_names(session, vocabulary, into, merged_term.keys)
    repository.change(session, vocabulary, replace(target, aliases=aliases))
    bump_config(session)


def create_terms(session: Session, terms: Sequence[tuple[str, Term]]) -> None:
    """Create the (vocabulary, term) pairs that do not exist yet, in any order.

    A term exists if its slug is a name of any term. Problem `name_taken` if only another of its
    names is; `invalid_request` for a parent that neither exists nor is among the terms.
    """
    created = 0
    for vocabulary in VOCABULARIES:
        given = {term.slug: term for name, term in terms if name == vocabulary}
        existing = repository.name_owners(session, vocabulary, {fold(slug) for slug in given})
        fresh = {slug: term for slug, term in given.items() if fold(slug) not in existing}
        tree = repository.lock_tree(session) if any(t.parent for t in fresh.values()) else {}
        tree |= {slug: term.parent for slug, term in fresh.items()}
        for term in fresh.values():
            _check_name_lengths(term)
            if term.parent is not None:
                _check_parent(tree, term)
            _assign_names(session, vocabulary, term.slug, term.keys)
        # Parents before their children.
        for term in sorted(fresh.values(), key=lambda term: _depth(tree, term)):
            repository.add(session, vocabulary, term)
        created += len(fresh)
    if created:
        bump_config(session)


def term_of(body: TermWrite, slug: str) -> Term:
    """Return the term in a request body, without redundant aliases."""
    values = body.model_dump(exclude={"slug"})
    term = Term(slug=slug, **(values | {"aliases": ()}))
    aliases: dict[str, str] = {}
    for alias in body.aliases:
        if fold(alias) not in term.keys:
            aliases.setdefault(fold(alias), alias)
    return replace(term, aliases=tuple(aliases.values()))


def _check_name_lengths(term: Term) -> None:
    # Folding can expand one compatibility character into several.
    if any(not 1 <= len(fold(name)) <= MAX_NAME for name in (term.name, *term.aliases)):
        detail = f"At most {MAX_NAME} characters after ligatures are expanded."
        raise invalid(FieldError("invalid_value", detail, pointer="/name"))


def _check_parent(tree: dict[str, str | None], term: Term) -> None:
    """Raise 422 for a parent that does not exist or is below the term itself."""
    parent = term.parent
    if parent not in tree:
        detail = "There is no such category."
        near = near_misses(str(parent), tree)
        raise invalid(FieldError("unknown_value", detail, pointer="/parent", suggestions=near))
    if term.slug in _ancestors(tree, parent):
        detail = "This parent is below the category itself."
        raise invalid(FieldError("invalid_value", detail, pointer="/parent"))


def _ancestors(tree: dict[str, str | None], slug: str | None) -> list[str]:
    """Return a category and its ancestors; stops at the root or when a cycle closes."""
    ancestors: list[str] = []
    while slug is not None and slug not in ancestors:
        ancestors.append(slug)
        slug = tree.get(slug)
    return ancestors


def _depth(tree: dict[str, str | None], term: Term) -> int:
    return len(_ancestors(tree, term.slug))


def _assign_names(session: Session, vocabulary: str, slug: str, keys: frozenset[str]) -> None:
    """Assign names to a term; 409 `name_taken` if one belongs to another, also concurrently."""
    _check_names_free(session, vocabulary, keys)
    try:
        with session.begin_nested():
            repository.add_names(session, vocabulary, slug, keys)
    except IntegrityError:
        _check_names_free(session, vocabulary, keys)
        raise


def _check_names_free(session: Session, vocabulary: str, keys: frozenset[str]) -> None:
    name_owners = repository.name_owners(session, vocabulary, keys)
    if name_owners:
        name = min(name_owners)
        message = f"`{name}` already names the term `{name_owners[name]}`."
        raise Problem("name_taken", message, context={"slug": name_owners[name]})
