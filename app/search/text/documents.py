"""Pure: what is indexed of a question, as plain text in fields, whatever the engine."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from app.kinds import DETAILS, KindDetails, Leaf, TextType, values_at
from app.published.follower import PublishedRow
from app.search.text.plain_text import plain_text
from app.taxonomy.vocabulary import Vocabularies, Vocabulary

# Fields of each vocabulary in the change feed, and the vocabulary that names their slugs.
VOCABULARIES = ("categories", "companies", "tags")


class SearchDocument(NamedTuple):
    """One live question; `answer` is empty unless the answers of its bank are public."""

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
    """Return what to index of a live row: its document's bytes and, where allowed, its answers'.

    Raises ValueError, TypeError or KeyError for bytes that are no question.
    """
    values = orjson.loads(document)
    if row.revision is None:
        message = "a question without a live revision is not indexed"
        raise ValueError(message)
    details = DETAILS[values["kind"]]
    return SearchDocument(
        number=row.number,
        id=str(UUID(bytes=row.id)),
        bank=row.bank,
        revision=row.revision,
        stem=plain_text(values["stem"]),
        options=_joined(_texts(values, details.public_texts)),
        terms=_terms(row, values, details, vocabularies),
        hints=_joined(values.get("hints") or ()),
        answer="" if answers is None else _joined(_answer(orjson.loads(answers), details)),
    )


def term_texts(vocabularies: Vocabularies) -> dict[str, str]:
    """Return what each term adds to the documents that hold it, by `vocabulary/slug`.

    When one differs from before, the documents of rows that hold its slug do too.
    """
    return {
        f"{name}/{slug}": _term_text(vocabulary, slug)
        for name in VOCABULARIES
        for vocabulary in (getattr(vocabularies, name),)
        for slug in vocabulary.terms
    }


def _texts(values: Mapping[str, Any], leaves: Iterable[Leaf]) -> Iterator[str]:
    """Yield the texts to be searched among the leaves of a kind."""
    for leaf in leaves:
        if leaf.text_type is TextType.MARKDOWN:
            yield from values_at(values, leaf.path)
        elif leaf.text_type is TextType.PLAIN:
            # Lines of code must not be taken for the blocks of Markdown.
            yield from (" ".join(text.split()) for text in values_at(values, leaf.path))


def _terms(
    row: PublishedRow, values: Mapping[str, Any], details: KindDetails, vocabularies: Vocabularies
) -> str:
    texts = [
        _term_text(getattr(vocabularies, name), slug)
        for name in VOCABULARIES
        for slug in getattr(row, name).split(",")
        if slug
    ]
    for leaf in details.public_texts:
        if leaf.text_type is TextType.NAME:
            texts += values_at(values, leaf.path)
    return " ; ".join(texts)


def _term_text(vocabulary: Vocabulary, slug: str) -> str:
    term = vocabulary.terms.get(slug)
    names = (slug,) if term is None else (term.name, *term.aliases)
    return " , ".join(" ".join(name.split()) for name in names)


def _answer(answers: Mapping[str, Any], details: KindDetails) -> Iterator[str]:
    yield answers.get("explanation") or ""
    yield from (answers.get("feedback") or {}).values()
    yield from _texts(answers, details.answer_texts)


def _joined(markdown: Iterable[str]) -> str:
    return " ; ".join(filter(None, map(plain_text, markdown)))
