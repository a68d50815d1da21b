"""Pure: makes a search document of a published question; the indexing step of both engines.

Takes a row of the change feed with its JSON documents, and returns plain text in fields.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from app.published.follower import PublishedRow
from app.search.text.plain_text import plain_text
from app.taxonomy.vocabulary import Vocabularies, Vocabulary

# The vocabularies; the columns of the change feed that hold their slugs have the same names.
VOCABULARIES = ("categories", "companies", "tags")


class SearchDocument(NamedTuple):
    """One live question as plain text; `answer` is empty unless the bank's answers are public."""

    number: int
    id: str
    bank: str
    revision: int
    stem: str
    options: str
    terms: str
    hints: str
    answer: str


def search_document(
    row: PublishedRow, document: bytes, answers: bytes | None, vocabularies: Vocabularies
) -> SearchDocument:
    """Return the search document of a live row, from its JSON document and its answers' JSON.

    `answers` is None where the answers must not be searched. Raises ValueError, TypeError or
    KeyError if the bytes are not a question.
    """
    values = orjson.loads(document)
    if row.revision is None:
        message = "a question without a live revision is not indexed"
        raise ValueError(message)
    return SearchDocument(
        number=row.number,
        id=str(UUID(bytes=row.id)),
        bank=row.bank,
        revision=row.revision,
        stem=plain_text(values["stem"]),
        options=_joined(_options(values)),
        terms=_terms(row, values, vocabularies),
        hints=_joined(values.get("hints") or ()),
        answer="" if answers is None else _joined(_answer(orjson.loads(answers))),
    )


def term_texts(vocabularies: Vocabularies) -> dict[str, str]:
    """Return the text that each term adds to the documents of its questions, by `vocabulary/slug`.

    When a text changes, the questions with that slug must be indexed again.
    """
    return {
        f"{name}/{slug}": _term_text(vocabulary, slug)
        for name in VOCABULARIES
        for vocabulary in (getattr(vocabularies, name),)
        for slug in vocabulary.terms
    }


def _options(values: Mapping[str, Any]) -> Iterator[str]:
    for option in values.get("options") or ():
        yield option["text"]
    for name in ("unit", "starter"):
        if values.get(name):
            # These fields are not Markdown: code stays as it is written.
            yield " ".join(values[name].split())


def _terms(row: PublishedRow, values: Mapping[str, Any], vocabularies: Vocabularies) -> str:
    texts = [
        _term_text(getattr(vocabularies, name), slug)
        for name in VOCABULARIES
        for slug in getattr(row, name).split(",")
        if slug
    ]
    if values.get("programming_language"):
        texts.append(values["programming_language"])
    return " ; ".join(texts)


def _term_text(vocabulary: Vocabulary, slug: str) -> str:
    term = vocabulary.terms.get(slug)
    names = (slug,) if term is None else (term.name, *term.aliases)
    return " , ".join(" ".join(name.split()) for name in names)


def _answer(answers: Mapping[str, Any]) -> Iterator[str]:
    yield answers.get("explanation") or ""
    yield from (answers.get("feedback") or {}).values()
    answer = answers.get("answer") or {}
    for name in ("model", "solution"):
        yield answer.get(name) or ""
    for name in ("accept", "key_points", "mistakes", "follow_ups"):
        yield from answer.get(name) or ()
    for criterion in answer.get("rubric") or ():
        yield criterion["criterion"]


def _joined(markdown: Iterable[str]) -> str:
    return " ; ".join(filter(None, map(plain_text, markdown)))
