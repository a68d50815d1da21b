"""Finds the terms that rows name, by slug, alias or name, and makes those that do not exist."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from app.taxonomy import service as taxonomy
from app.taxonomy.vocabulary import VOCABULARIES, Term, Vocabularies, Vocabulary, slugify
from app.transfer.formats.rows import Fault, Values, excerpt

MAX_UNKNOWN = 1_000
MAX_CACHED = 100_000
# A longer name would have to share the beginning of its slug with others.
MAX_NAME = 64


class TermFinder:
    """Replaces the terms of rows by their slugs; `unknown` holds (vocabulary, value) in order."""

    def __init__(self, vocabularies: Vocabularies, *, create: bool) -> None:
        """Look up in `vocabularies`; with `create` an unknown term is no fault."""
        self._vocabularies = {name: vocabularies.named(name) for name in VOCABULARIES}
        self._create = create
        self._known: dict[str, dict[str, str]] = {name: {} for name in VOCABULARIES}
        self.unknown: dict[tuple[str, str], None] = {}

    def resolve(self, values: Values) -> list[Fault]:
        """Replace the terms in a row's values, and return a fault for each unknown one."""
        faults: list[Fault] = []
        for name, known in self._known.items():
            given = values.get(name)
            if given and isinstance(given, list):
                try:
                    values[name] = [known[value] for value in given]
                except (KeyError, TypeError):
                    values[name] = self._slugs(name, given, name, faults)
        evidence = values.get("evidence")
        if evidence and isinstance(evidence, dict):
            slugs = self._slugs("companies", list(evidence), "evidence", faults)
            values["evidence"] = dict(zip(slugs, evidence.values(), strict=True))
        return faults

    def _slugs(
        self, vocabulary: str, given: list[Any], field: str, faults: list[Fault]
    ) -> list[Any]:
        # The content's own check says what is wrong with anything but text.
        slugs = [
            self._slug(vocabulary, value) if isinstance(value, str) else value for value in given
        ]
        for place, slug in enumerate(slugs):
            if slug is None and isinstance(given[place], str):
                faults.append(self._fault(vocabulary, given[place], field))
                slugs[place] = given[place]
        return slugs

    def _slug(self, vocabulary: str, value: str) -> str | None:
        names: Vocabulary = self._vocabularies[vocabulary]
        plain = slugify(value) if len(value) <= MAX_NAME else ""
        slug = names.resolve(value) or (names.resolve(plain) if plain else None)
        if slug is None:
            noted = self._note(vocabulary, value)
            return plain if plain and noted and self._create else None
        if len(self._known[vocabulary]) < MAX_CACHED:
            self._known[vocabulary][value] = slug
        return slug

    def _note(self, vocabulary: str, value: str) -> bool:
        if len(self.unknown) < MAX_UNKNOWN:
            self.unknown[vocabulary, value] = None
        return (vocabulary, value) in self.unknown

    def _fault(self, vocabulary: str, value: str, field: str) -> Fault:
        names: Vocabulary = self._vocabularies[vocabulary]
        near = names.near(value)
        hint = f"Did you mean {', '.join(near)}? " if near else ""
        hint += f"There is no such term in {vocabulary}"
        if not self._create:
            hint += "; make it first, or import with create_terms=true."
        elif (vocabulary, value) in self.unknown:
            hint += f", and no slug can be made of it (a name has at most {MAX_NAME} characters)."
        else:
            hint += f", and one import makes at most {MAX_UNKNOWN} terms."
        return Fault(field, "unknown_value", excerpt(value), hint)


def create_terms(session: Session, unknown: Sequence[tuple[str, str]]) -> None:
    """Make a term of each unknown (vocabulary, value)."""
    terms: dict[tuple[str, str], Term] = {}
    for vocabulary, value in unknown:
        slug = slugify(value)
        name = " ".join(value.split())
        terms.setdefault((vocabulary, slug), Term(slug, name, description="", aliases=()))
    if terms:
        taxonomy.create_terms(
            session, [(vocabulary, term) for (vocabulary, _), term in terms.items()]
        )
