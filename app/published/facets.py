"""The facets by which questions are filtered and counted: each is declared here, and only here.

docs/architecture.md explains how to add a facet.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_args

from app.kinds import KINDS
from app.kinds.fields import Difficulty, Level
from app.taxonomy.vocabulary import Vocabularies

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.ASCII)
_METADATA_KEY = "facet"


@dataclass(frozen=True, slots=True)
class Facet:
    """One property of questions that a filter can name.

    A facet has either a fixed list of `values`, a `vocabulary` whose slugs are its values, or a
    `pattern` that a value matches in lower case. A bank has none of these: which banks a filter can
    name depends on the caller.
    """

    # The name in a question's content and its delivered JSON, of the column in `published`, and in
    # the search index.
    column: str
    # What OpenAPI says about the parameter.
    description: str
    # The name in a query string, in a filter in JSON, and in GET /v1/facets.
    parameter: str = ""
    # Whether a question can have several values: a list in JSON, joined by commas in the column.
    many: bool = False
    values: tuple[str, ...] = ()
    vocabulary: str | None = None
    pattern: re.Pattern[str] | None = None
    # Whether GET /v1/facets counts the facet.
    counted: bool = True
    # Whether counts are listed in the order of `values` instead of by count.
    ordered: bool = False
    # Whether a question may have no value; that of a facet with `many` always may.
    optional: bool = False
    example: tuple[str, ...] = ()

    @property
    def is_tree(self) -> bool:
        """Whether a question with a value counts as having every value above it, too."""
        return self.vocabulary == "categories"

    def column_text(self, content: Mapping[str, Any]) -> str:
        """Return what `published` stores for a question's content.

        A revision that is older than the facet has no value.
        """
        found = content.get(self.column)
        if not found:
            return ""
        return ",".join(found) if self.many else str(found)

    def values_in(self, text: str) -> Sequence[str]:
        """Return the values in a text of the column, as filters name them."""
        if not text:
            return ()
        if self.many:
            return text.split(",")
        return (text.casefold() if self.pattern is not None else text,)

    def empty_value(self) -> list[str] | None:
        """Return the JSON value of a question that has no value."""
        return [] if self.many else None


@dataclass(frozen=True, slots=True)
class FacetChoice:
    """The values of one facet in a filter.

    A question matches if it has one of `any`, or `any` is empty, and if it has none of `none`.
    """

    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()


ANY_VALUE = FacetChoice()


def _declare(facet: Facet) -> dict[str, Facet]:
    """Return the metadata of a field that declares a facet; the field's name is the parameter."""
    return {_METADATA_KEY: facet}


@dataclass(frozen=True, slots=True)
class FacetChoices:
    """The part of a filter that chooses by facet.

    Each field declares one facet. Query parameters have the same order.
    """

    bank: FacetChoice = field(
        default=ANY_VALUE,
        metadata=_declare(Facet("bank", "bank, by slug or name", counted=False)),
    )
    kind: FacetChoice = field(
        default=ANY_VALUE, metadata=_declare(Facet("kind", "kind of question", values=KINDS))
    )
    category: FacetChoice = field(
        default=ANY_VALUE,
        metadata=_declare(
            Facet(
                "categories",
                "category by slug, alias or name, with everything below it; several are OR-ed, a "
                "leading `-` excludes",
                many=True,
                vocabulary="categories",
                example=("ensembles",),
            )
        ),
    )
    company: FacetChoice = field(
        default=ANY_VALUE,
        metadata=_declare(
            Facet("companies", "company, likewise", many=True, vocabulary="companies")
        ),
    )
    tag: FacetChoice = field(
        default=ANY_VALUE,
        metadata=_declare(Facet("tags", "tag, likewise", many=True, vocabulary="tags")),
    )
    difficulty: FacetChoice = field(
        default=ANY_VALUE,
        metadata=_declare(
            Facet("difficulty", "how hard", values=get_args(Difficulty), ordered=True)
        ),
    )
    level: FacetChoice = field(
        default=ANY_VALUE,
        metadata=_declare(
            Facet("levels", "who it is for", many=True, values=get_args(Level), ordered=True)
        ),
    )
    language: FacetChoice = field(
        default=ANY_VALUE,
        metadata=_declare(Facet("language", "BCP 47 tag", pattern=_LANGUAGE)),
    )


FACETS: tuple[Facet, ...] = tuple(
    replace(each.metadata[_METADATA_KEY], parameter=each.name) for each in fields(FacetChoices)
)
FACET_BY_PARAMETER = {facet.parameter: facet for facet in FACETS}
BANK = FACET_BY_PARAMETER["bank"]
TAG = FACET_BY_PARAMETER["tag"]
# Facets that editors may change: a question keeps its bank and its kind.
CONTENT_FACETS = tuple(facet for facet in FACETS if facet.parameter not in {"bank", "kind"})
# In the order of GET /v1/facets: what editors classify by comes before kind and language.
COUNTED_FACETS = tuple(
    sorted(
        (facet for facet in FACETS if facet.counted),
        key=lambda facet: facet.parameter in {"kind", "language"},
    )
)


def with_descendants(facet: Facet, choice: FacetChoice, vocabularies: Vocabularies) -> FacetChoice:
    """Return a choice that names each category below those of `choice`, too."""
    if not facet.is_tree or choice == ANY_VALUE:
        return choice
    subtree = vocabularies.categories.subtree

    def expanded(slugs: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted({below for slug in slugs for below in subtree(slug)}))

    return FacetChoice(expanded(choice.any), expanded(choice.none))
