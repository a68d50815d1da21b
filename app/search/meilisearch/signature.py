"""Pure: builds the document of a question, and the signature that detects stale documents.

Takes a row of the change feed; the loader sends the document, and the comparison compares the
signature of each document with the one that the database asks for.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson

from app.published.facets import BANK, FACETS, Facet
from app.published.feed_columns import PublishedRow
from app.search.text.documents import SearchDocument
from app.taxonomy.vocabulary import VOCABULARIES

# Part of every signature: increment it when the indexed content changes; comparisons then resend
# every document.
FORMAT_VERSION = 1


def row_signature(row: PublishedRow, term_texts: Mapping[str, str], includes_answer: bool) -> str:
    """Return 16 hexadecimal digits that change whenever a live row must be indexed differently.

    `term_texts` comes from the indexing context. Documents and answers are immutable, so the row,
    the texts of its terms and the bank's rule determine what is indexed.
    """
    texts = [
        term_texts.get(f"{vocabulary}/{slug}", slug)
        for vocabulary in VOCABULARIES
        for slug in row.text(vocabulary).split(",")
    ]
    live = [row.bank, row.seq, row.revision, *row.facets, row.updated_at]
    data = orjson.dumps([FORMAT_VERSION, includes_answer, row.id.hex(), live, row.number, texts])
    return blake2b(data, digest_size=8).hexdigest()


def build_document(row: PublishedRow, document: SearchDocument, signature: str) -> dict[str, Any]:
    """Return the document to send: the searched text, the filterable fields and the signature.

    `ready` is 1 in every document. Searches filter on it, and the server refuses that filter on an
    index without our settings.
    """
    return {
        "id": row.number,
        "revision": row.revision,
        "signature": signature,
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
