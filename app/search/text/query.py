"""Pure: cleans the text that a user typed and splits it into tokens; the first step of a search."""

import re
import unicodedata

from app.search.text.tokenizer import Token, tokenize

MAX_CHARACTERS = 200
MAX_WORDS = 12
# A word of the query may be a compound of many tokens.
MAX_TOKENS = 24

_QUOTES = re.compile('["\u201c-\u201f\u00ab\u00bb\u2039\u203a`]')
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212"


class QueryTooLongError(ValueError):
    """The query has too many characters or words; the message states the limit."""


def clean_query(text: str) -> str:
    """Return the query in NFKC with single spaces; empty when it has no token.

    Removes quotes and leading dashes, which engines would read as operators. Raises
    QueryTooLongError.
    """
    if len(text) > MAX_CHARACTERS:
        message = f"At most {MAX_CHARACTERS} characters."
        raise QueryTooLongError(message)
    unquoted = _QUOTES.sub(" ", unicodedata.normalize("NFKC", text))
    visible = "".join(_visible(character) for character in unquoted)
    words = [word.lstrip(_DASHES) for word in visible.split()]
    if len(words) > MAX_WORDS:
        message = f"At most {MAX_WORDS} words."
        raise QueryTooLongError(message)
    cleaned = " ".join(word for word in words if word)
    return cleaned if any(True for _ in tokenize(cleaned, is_query=True)) else ""


def query_tokens(cleaned: str) -> list[Token]:
    """Return the first 24 tokens of a cleaned query; parts of a compound come before it."""
    return list(tokenize(cleaned, is_query=True))[:MAX_TOKENS]


def _visible(character: str) -> str:
    """Return the character; a space for control characters, nothing for format characters."""
    if character.isalnum() or character == " ":
        return character
    category = unicodedata.category(character)
    if category == "Cf":
        return ""
    return " " if category[0] in "CZ" else character
