"""Resolves the terms that rows name, by slug, alias or name, and creates missing ones."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from app.taxonomy import service as taxonomy
from app.taxonomy.vocabulary import VOCABULARIES, Term, Vocabularies, Vocabulary, slugify
from app.transfer.formats.rows import Fault, Values, excerpt

MAX_UNKNOWN_TERMS = 1_000
MAX_CACHED_NAMES = 100_000
# The slug of a longer name would be cut off, so that several names could share it.
MAX_NAME_LENGTH = 64


class TermFinder:
    """Replaces the terms of rows by their slugs.

    `unknown` has the unknown terms as (vocabulary, value) in the order in which they were found,
    at most MAX_UNKNOWN_TERMS.
    """

    def __init__(self, vocabularies: Vocabularies, *, create: bool) -> None:
        """Search in `vocabularies`; with `create` an unknown term is no error."""
        self._vocabularies = {name: vocabularies.named(name) for name in VOCABULARIES}
        self._create = create
        self._cached_slugs: dict[str, dict[str, str]] = {name: {} for name in VOCABULARIES}
        self.unknown: dict[tuple[str, str], None] = {}

    def resolve(self, values: Values) -> list[Fault]:
        """Replace the terms in a row's values in place; return an error for each unknown one."""
        errors: list[Fault] = []
        for vocabulary, cached_slugs in self._cached_slugs.items():
            names = values.get(vocabulary)
            if names and isinstance(names, list):
                try:
                    values[vocabulary] = [cached_slugs[name] for name in names]
                except (KeyError, TypeError):
                    values[vocabulary] = self._slugs(vocabulary, names, vocabulary, errors)
        evidence = values.get("evidence")
        if evidence and isinstance(evidence, dict):
            slugs = self._slugs("companies", list(evidence), "evidence", errors)
            values["evidence"] = dict(zip(slugs, evidence.values(), strict=True))
        return errors

    def _slugs(
        self, vocabulary: str, names: list[Any], field: str, errors: list[Fault]
    ) -> list[Any]:
        # A name that is no text stays as it is: the validation of the content reports it.
        slugs = [self._slug(vocabulary, name) if isinstance(name, str) else name for name in names]
        for index, slug in enumerate(slugs):
            if slug is None and isinstance(names[index], str):
                errors.append(self._error(vocabulary, names[index], field))
                slugs[index] = names[index]
        return slugs

    def _slug(self, vocabulary: str, name: str) -> str | None:
        terms: Vocabulary = self._vocabularies[vocabulary]
        slugified = slugify(name) if len(name) <= MAX_NAME_LENGTH else ""
        slug = terms.resolve(name) or (terms.resolve(slugified) if slugified else None)
        if slug is None:
            is_recorded = self._record_unknown(vocabulary, name)
            return slugified if slugified and is_recorded and self._create else None
        if len(self._cached_slugs[vocabulary]) < MAX_CACHED_NAMES:
            self._cached_slugs[vocabulary][name] = slug
        return slug

    def _record_unknown(self, vocabulary: str, name: str) -> bool:
        if len(self.unknown) < MAX_UNKNOWN_TERMS:
            self.unknown[vocabulary, name] = None
        return (vocabulary, name) in self.unknown

    def _error(self, vocabulary: str, name: str, field: str) -> Fault:
        terms: Vocabulary = self._vocabularies[vocabulary]
        near = terms.near(name)
        hint = f"Did you mean {', '.join(near)}? " if near else ""
        hint += f"There is no such term in {vocabulary}"
        if not self._create:
            hint += "; create it first, or import with create_terms=true."
        elif (vocabulary, name) in self.unknown:
            limit = f"a name has at most {MAX_NAME_LENGTH} characters"
            hint += f", and no slug can be made of it ({limit})."
        else:
            hint += f", and one import creates at most {MAX_UNKNOWN_TERMS} terms."
        return Fault(field, "unknown_value", excerpt(name), hint)


def create_terms(session: Session, unknown: Sequence[tuple[str, str]]) -> None:
    """Create a term for each unknown (vocabulary, value); locks the clock, so call it last."""
    terms: dict[tuple[str, str], Term] = {}
    for vocabulary, value in unknown:
        slug = slugify(value)
        name = " ".join(value.split())
        terms.setdefault((vocabulary, slug), Term(slug, name, description="", aliases=()))
    if terms:
        taxonomy.create_terms(
            session, [(vocabulary, term) for (vocabulary, _), term in terms.items()]
        )
