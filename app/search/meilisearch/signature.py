"""Pure: a question as its bank's index holds it, and the signature that both sides compare."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson

from app.published.facets import BANK, FACETS, Facet
from app.published.feed_columns import PublishedRow
from app.search.text.documents import SearchDocument
from app.taxonomy.vocabulary import VOCABULARIES

# Part of every signature: raise it when what is indexed changes, and every index is mended.
FORMAT = 1


def signature(row: PublishedRow, texts: Mapping[str, str], with_answer: bool) -> str:
    """Return 16 digits that differ whenever a live row is to be indexed differently.

    `texts` is what terms add (documents.term_texts). Documents and answers are immutable, so the
    row, the names of its terms and the bank's rule decide what is indexed.
    """
    names = [
        texts.get(f"{name}/{slug}", slug)
        for name in VOCABULARIES
        for slug in row.text(name).split(",")
    ]
    live = [row.bank, row.seq, row.revision, *row.facets, row.updated_at]
    data = orjson.dumps([FORMAT, with_answer, row.id.hex(), live, row.number, names])
    return blake2b(data, digest_size=8).hexdigest()


def indexed(row: PublishedRow, document: SearchDocument, signed: str) -> dict[str, Any]:
    """Return the document to send: what is searched, what is filtered, and its signature.

    `ready` is the same in all: a filter on it refuses an index that lacks our settings.
    """
    return {
        "id": row.number,
        "revision": row.revision,
        "signature": signed,
        "ready": 1,
        "stem": document.stem,
        "options": document.options,
        "terms": document.terms,
        "hints": document.hints,
        "answer": document.answer,
        "question": document.id,
        **{facet.column: _filtered(facet, row) for facet in FACETS if facet is not BANK},
        "updated_at": row.updated_at,
    }


def _filtered(facet: Facet, row: PublishedRow) -> list[str] | str | None:
    values = facet.values_in(row.text(facet.column))
    if facet.many:
        return list(values)
    return values[0] if values else None
