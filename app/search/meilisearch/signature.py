"""Pure: builds the document of a question, and the signature that detects stale documents.

Takes a row of the change feed; the loader sends the document, and the comparison compares the
signature of each document with the one that the database asks for.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson

from app.published.follower import PublishedRow
from app.search.text.documents import VOCABULARIES, SearchDocument

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
        for slug in getattr(row, vocabulary).split(",")
    ]
    data = orjson.dumps([FORMAT_VERSION, includes_answer, row.id.hex(), row[2:], row.number, texts])
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
        "kind": row.kind,
        "categories": _slugs(row.categories),
        "companies": _slugs(row.companies),
        "tags": _slugs(row.tags),
        "levels": _slugs(row.levels),
        "difficulty": row.difficulty,
        "language": row.language.casefold(),
        "updated_at": row.updated_at,
    }


def _slugs(joined: str) -> list[str]:
    return joined.split(",") if joined else []
