"""A short fingerprint of the category tree, which shows whether a category has moved since."""

import base64
import hashlib

from app.taxonomy.vocabulary import Term, Vocabulary

# Of each category the fingerprint holds a hash of its slug, and one of its slug and parent.
HASH_BYTES = 3
PAIR_BYTES = 2 * HASH_BYTES
# A tree with more categories is hashed as one text, so that a mark stays short.
MAX_CATEGORIES = 300
WHOLE_TREE = "#"


def fingerprint(categories: Vocabulary) -> str:
    """Return a text that `has_moved_category` can compare with a later tree."""
    terms = categories.terms.values()
    if len(terms) > MAX_CATEGORIES:
        return WHOLE_TREE + _tree_hash(categories)
    pairs = sorted(_short_hash(term.slug) + _short_hash(_position(term)) for term in terms)
    return base64.b85encode(b"".join(pairs)).decode()


def has_moved_category(categories: Vocabulary, before: str) -> bool:
    """Return whether a category of the tree with the fingerprint `before` has another parent.

    New and deleted categories do not count: a new one holds nothing that was published before, and
    a deleted one was empty.
    """
    if before.startswith(WHOLE_TREE):
        return before != WHOLE_TREE + _tree_hash(categories)
    data = base64.b85decode(before)
    pairs = {data[at : at + PAIR_BYTES] for at in range(0, len(data), PAIR_BYTES)}
    slugs = {pair[:HASH_BYTES] for pair in pairs}
    return any(
        _short_hash(term.slug) in slugs
        and _short_hash(term.slug) + _short_hash(_position(term)) not in pairs
        for term in categories.terms.values()
    )


def _position(term: Term) -> str:
    return f"{term.slug}/{term.parent}"


def _short_hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=HASH_BYTES).digest()


def _tree_hash(categories: Vocabulary) -> str:
    positions = sorted(map(_position, categories.terms.values()))
    return hashlib.blake2b("\n".join(positions).encode(), digest_size=16).hexdigest()
