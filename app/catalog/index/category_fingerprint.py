"""What a mark remembers of the tree of categories: enough to notice that one has another place."""

import base64
import binascii
import hashlib

from app.taxonomy.vocabulary import Vocabulary

# Bytes kept of a slug and of its place; so many categories fit a mark.
SHORT = 3
PIECE = 2 * SHORT
MOST = 300
WHOLE = "#"


def remembered(categories: Vocabulary) -> str:
    """Return what is kept of the tree; of a very large one, its hash."""
    terms = categories.terms.values()
    if len(terms) > MOST:
        return WHOLE + _whole(categories)
    pieces = sorted(_short(term.slug) + _short(f"{term.slug}/{term.parent}") for term in terms)
    return base64.b85encode(b"".join(pieces)).decode()


def has_moved(categories: Vocabulary, before: str) -> bool:
    """Return whether a category that existed then has another parent now.

    One that is new holds nothing that was published before, one that is gone was empty.
    """
    if before.startswith(WHOLE):
        return before != WHOLE + _whole(categories)
    data = base64.b85decode(before)
    pieces = {data[at : at + PIECE] for at in range(0, len(data), PIECE)}
    existed = {piece[:SHORT] for piece in pieces}
    return any(
        _short(term.slug) in existed
        and _short(term.slug) + _short(f"{term.slug}/{term.parent}") not in pieces
        for term in categories.terms.values()
    )


def _short(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=SHORT).digest()


def _whole(categories: Vocabulary) -> str:
    places = sorted(f"{term.slug}/{term.parent}" for term in categories.terms.values())
    data = hashlib.blake2b("\n".join(places).encode(), digest_size=16).digest()
    return binascii.hexlify(data).decode()
