"""Finds the terms that rows name, by slug, alias or name, and gathers those that do not exist."""

from collections.abc import Iterator

from app.taxonomy.vocabulary import Vocabularies, Vocabulary, slugify
from app.transfer.formats.rows import Fault, Values, shown

VOCABULARIES = ("categories", "companies", "tags")
MAX_UNKNOWN = 1_000


class TermFinder:
    """Replaces the terms of rows by their slugs; `unknown` holds (vocabulary, value) in order."""

    def __init__(self, vocabularies: Vocabularies, *, create: bool) -> None:
        """Look up in `vocabularies`; with `create` an unknown term is no fault."""
        self._vocabularies = {name: getattr(vocabularies, name) for name in VOCABULARIES}
        self._create = create
        self._known: dict[tuple[str, str], str] = {}
        self.unknown: dict[tuple[str, str], None] = {}

    def resolve(self, values: Values) -> list[Fault]:
        """Replace the terms in a row's values, and return a fault for each unknown one."""
        faults: list[Fault] = []
        for name in VOCABULARIES:
            given = values.get(name)
            if given and isinstance(given, list):
                values[name] = list(self._slugs(name, given, name, faults))
        evidence = values.get("evidence")
        if evidence and isinstance(evidence, dict):
            slugs = self._slugs("companies", list(evidence), "evidence", faults)
            values["evidence"] = dict(zip(slugs, evidence.values(), strict=True))
        return faults

    def _slugs(
        self, vocabulary: str, given: list[object], field: str, faults: list[Fault]
    ) -> Iterator[object]:
        for value in given:
            # The content's own check says what is wrong with anything but text.
            slug = self._slug(vocabulary, value) if isinstance(value, str) else value
            if slug is None:
                faults.append(self._fault(vocabulary, str(value), field))
            yield value if slug is None else slug

    def _slug(self, vocabulary: str, value: str) -> str | None:
        known = self._known.get((vocabulary, value))
        if known is not None:
            return known
        slug: str | None = self._vocabularies[vocabulary].resolve(value)
        if slug is None:
            if len(self.unknown) < MAX_UNKNOWN:
                self.unknown[vocabulary, value] = None
            return (slugify(value) or None) if self._create else None
        if len(self._known) < 100_000:
            self._known[vocabulary, value] = slug
        return slug

    def _fault(self, vocabulary: str, value: str, field: str) -> Fault:
        names: Vocabulary = self._vocabularies[vocabulary]
        near = names.near(value)
        hint = f"Did you mean {', '.join(near)}? " if near else ""
        hint += f"There is no such term in {vocabulary}"
        if self._create:
            hint += ", and no slug can be made of it."
        else:
            hint += "; make it first, or import with create_terms=true."
        return Fault(field, "unknown_value", shown(value), hint)
