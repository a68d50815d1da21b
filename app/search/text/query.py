"""Pure: what a caller typed, cleaned, so that nothing in it is more than words."""

import re
import unicodedata

from app.search.text.words import Word, words

MAX_CHARACTERS = 200
MAX_WORDS = 12
# A word of the query may be a compound of many.
MAX_TERMS = 24

_QUOTES = re.compile('["\u201c-\u201f\u00ab\u00bb\u2039\u203a`]')
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212"


class QueryTooLongError(ValueError):
    """The query has too many characters or words; the message says which and how many may be."""


def clean_query(text: str) -> str:
    """Return the query in NFKC with single spaces; empty when there is no word in it.

    Quotes and leading dashes are taken off, so that no engine takes them for operators.
    """
    if len(text) > MAX_CHARACTERS:
        message = f"At most {MAX_CHARACTERS} characters."
        raise QueryTooLongError(message)
    plain = _QUOTES.sub(" ", unicodedata.normalize("NFKC", text))
    shown = "".join(_visible(char) for char in plain)
    typed = [word.lstrip(_DASHES) for word in shown.split()]
    if len(typed) > MAX_WORDS:
        message = f"At most {MAX_WORDS} words."
        raise QueryTooLongError(message)
    joined = " ".join(word for word in typed if word)
    return joined if any(True for _ in words(joined, typed=True)) else ""


def query_words(cleaned: str) -> list[Word]:
    """Return the words of a cleaned query, parts of compounds before the whole; the first 24."""
    return list(words(cleaned, typed=True))[:MAX_TERMS]


def _visible(char: str) -> str:
    if char.isalnum() or char == " ":
        return char
    category = unicodedata.category(char)
    if category == "Cf":
        return ""
    return " " if category[0] in "CZ" else char
