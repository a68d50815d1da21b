"""Pure: makes a search document of a published question; the indexing step of both engines.

Takes a row of the change feed with its JSON documents, and returns plain text in fields.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from app.kinds import DETAILS, KindDetails, Leaf, Path, TextType, values_at
from app.published.follower import PublishedRow
from app.search.text.plain_text import plain_text
from app.taxonomy.vocabulary import VOCABULARIES, Vocabularies, Vocabulary


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


class _SearchedPaths(NamedTuple):
    """Where the texts of a kind's questions are: in the document, and in the answer side."""

    markdown: tuple[Path, ...]
    plain: tuple[Path, ...]
    names: tuple[Path, ...]
    answer: tuple[Path, ...]


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
    paths = _PATHS[row.text("kind")]
    return SearchDocument(
        number=row.number,
        id=str(UUID(bytes=row.id)),
        bank=row.bank,
        revision=row.revision,
        stem=plain_text(values["stem"]),
        options=_joined(_options(values, paths)),
        terms=_terms(row, _texts(values, paths.names), vocabularies),
        hints=_joined(values.get("hints") or ()),
        answer="" if answers is None else _joined(_answer(orjson.loads(answers), paths.answer)),
    )


def term_texts(vocabularies: Vocabularies) -> dict[str, str]:
    """Return the text that each term adds to the documents of its questions, by `vocabulary/slug`.

    When a text changes, the questions with that slug must be indexed again.
    """
    return {
        f"{name}/{slug}": _term_text(vocabulary, slug)
        for name in VOCABULARIES
        for vocabulary in (vocabularies.named(name),)
        for slug in vocabulary.terms
    }


def _paths(leaves: Iterable[Leaf], *text_types: TextType) -> tuple[Path, ...]:
    return tuple(leaf.path for leaf in leaves if leaf.text_type in text_types)


def _searched_paths(details: KindDetails) -> _SearchedPaths:
    return _SearchedPaths(
        markdown=_paths(details.public_texts, TextType.MARKDOWN),
        plain=_paths(details.public_texts, TextType.PLAIN),
        names=_paths(details.public_texts, TextType.NAME),
        answer=_paths(details.answer_texts, TextType.MARKDOWN, TextType.PLAIN),
    )


_PATHS = {kind: _searched_paths(details) for kind, details in DETAILS.items()}


def _texts(values: Mapping[str, Any], paths: Iterable[Path]) -> list[str]:
    return [text for path in paths for text in values_at(values, path)]


def _options(values: Mapping[str, Any], paths: _SearchedPaths) -> list[str]:
    # In one line, so that the lines of code are not taken for blocks of Markdown.
    plain = (" ".join(text.split()) for text in _texts(values, paths.plain))
    return [*_texts(values, paths.markdown), *plain]


def _terms(row: PublishedRow, names: Iterable[str], vocabularies: Vocabularies) -> str:
    texts = [
        _term_text(vocabularies.named(name), slug)
        for name in VOCABULARIES
        for slug in row.text(name).split(",")
        if slug
    ]
    return " ; ".join([*texts, *names])


def _term_text(vocabulary: Vocabulary, slug: str) -> str:
    term = vocabulary.terms.get(slug)
    names = (slug,) if term is None else (term.name, *term.aliases)
    return " , ".join(" ".join(name.split()) for name in names)


def _answer(answers: Mapping[str, Any], paths: Iterable[Path]) -> list[str]:
    feedback = (answers.get("feedback") or {}).values()
    return [answers.get("explanation") or "", *feedback, *_texts(answers, paths)]


def _joined(markdown: Iterable[str]) -> str:
    return " ; ".join(filter(None, map(plain_text, markdown)))
