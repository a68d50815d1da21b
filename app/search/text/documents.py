"""Pure: what is indexed of a question, as plain text in fields, whatever the engine."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from app.published.follower import PublishedRow
from app.search.text.plain_text import plain_text
from app.taxonomy.vocabulary import VOCABULARIES, Vocabularies, Vocabulary


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
    """Return what each term adds to the documents that hold it, by `vocabulary/slug`.

    When one differs from before, the documents of rows that hold its slug do too.
    """
    return {
        f"{name}/{slug}": _term_text(vocabulary, slug)
        for name in VOCABULARIES
        for vocabulary in (vocabularies.named(name),)
        for slug in vocabulary.terms
    }


def _options(values: Mapping[str, Any]) -> Iterator[str]:
    for option in values.get("options") or ():
        yield option["text"]
    for name in ("unit", "starter"):
        if values.get(name):
            # Not Markdown: code stays as it is written.
            yield " ".join(values[name].split())


def _terms(row: PublishedRow, values: Mapping[str, Any], vocabularies: Vocabularies) -> str:
    texts = [
        _term_text(vocabularies.named(name), slug)
        for name in VOCABULARIES
        for slug in row.text(name).split(",")
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
