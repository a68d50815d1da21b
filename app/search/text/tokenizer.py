"""Pure: splits text into tokens. Documents, queries and highlights use the same tokenizer.

Used on both sides: indexing stores `indexed_text`, a query is split by `tokenize`.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

# Combining marks that belong to the letter before them, and vowel signs of Indic and Thai scripts.
_COMBINING_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e"
_COMBINING_MARKS += "\u1dc0-\u1dff\u20d0-\u20ff"
_LETTER = rf"(?:[^\W_]|[{_COMBINING_MARKS}])"
_JOINER = "[-\u2010\u2011\u2013'\u2019_]"
_INSIDE_PARENTHESES = r"[\w\s.+*/^|,!{}\\-]"
# Technical names whose signs are part of the name: O(n log n), C++, C#, A*, R^2, .NET, 1.3
_SIGNED_NAME = (
    rf"(?<!\w)(?:[oθω]\({_INSIDE_PARENTHESES}{{1,24}}\)|[a-z]\+\+|[a-z]\#|[a-z]\*(?!\w)"
    r"|[a-z]\^\{?\d\}?)|\.net(?!\w)|\d+(?:\.\d+)+"
)
_COMPOUND = rf"{_LETTER}+(?:{_JOINER}{_LETTER}+)*"
_DOCUMENT_TOKEN = re.compile(rf"{_SIGNED_NAME}|{_COMPOUND}", re.IGNORECASE)
_QUERY_TOKEN = re.compile(
    rf"{_SIGNED_NAME}|(?<!\w)[oθω]\({_INSIDE_PARENTHESES}{{0,24}}$|{_COMPOUND}", re.IGNORECASE
)
_COMPOUND_PART = re.compile(rf"{_LETTER}+")
_NAME_SIGNS = re.compile(r"[+#*(.^]")
_IGNORED_IN_NAMES = re.compile(r"[\s^{}\\_]+")
_DIACRITICS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u1dc0-\u1dff\u20d0-\u20ff]+")
# Scripts without spaces between words (kana, Han): each character is a token.
_SPACELESS_SCRIPT = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
# Characters beside letters and digits that a token may contain; an engine must not split at them.
WORD_SIGNS = "+#*()./|,!-"


class Token(NamedTuple):
    """A folded token and its position in the text, as character offsets.

    `is_compound` marks a compound that is written together: `k-nn` gives the tokens `k` and `nn`,
    and the compound `knn` over both.
    """

    text: str
    start: int
    end: int
    is_compound: bool = False


def tokenize(text: str, *, is_query: bool = False) -> Iterator[Token]:
    """Yield the tokens of a text in order; the parts of a compound come before the compound.

    With `is_query` the end of the text may be an unfinished `O(n`.
    """
    for match in (_QUERY_TOKEN if is_query else _DOCUMENT_TOKEN).finditer(text):
        raw, start = match.group(), match.start()
        if raw.isascii() and raw.isalnum():
            yield Token(raw.lower(), start, match.end())
        elif _NAME_SIGNS.search(raw):
            yield Token(_IGNORED_IN_NAMES.sub("", fold(raw)), start, match.end())
        else:
            yield from _compound_tokens(raw, start)


def indexed_text(text: str) -> str:
    """Return the text as an index stores it: tokens between spaces, compounds at the end."""
    # Most texts are plain ASCII. This shortcut tokenizes them with one regular expression; see
    # "embedded index of … questions" in docs/benchmarks.md.
    if text.isascii() and not _NEEDS_TOKENIZER.search(text):
        plain = " ".join(_ASCII_TOKEN.findall(text.lower()))
        return f" {plain} " if plain else ""
    tokens = list(tokenize(text))
    ordered = [token.text for token in tokens if not token.is_compound]
    ordered += [token.text for token in tokens if token.is_compound]
    return f" {' '.join(ordered)} " if ordered else ""


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Return the form in which tokens are compared: NFKC, lower case, no diacritics."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKC", text).casefold()
    letters = _DIACRITICS.sub("", unicodedata.normalize("NFD", plain))
    return unicodedata.normalize("NFKC", letters)


# ASCII text without these has neither compounds nor names with signs.
_NEEDS_TOKENIZER = re.compile(r"[+#*(^_'-]|\.(?=\w)")
_ASCII_TOKEN = re.compile("[a-z0-9]+")


def _compound_tokens(raw: str, start: int) -> Iterator[Token]:
    texts = []
    for match in _COMPOUND_PART.finditer(raw):
        for part, position in _split_spaceless(match.group(), start + match.start()):
            # Folding may split a character: ½ becomes 1, a fraction slash and 2.
            for piece in _COMPOUND_PART.findall(fold(part)):
                texts.append(piece)
                yield Token(piece, position, position + len(part))
    if len(texts) > 1 and not _SPACELESS_SCRIPT.search(raw):
        yield Token("".join(texts), start, start + len(raw), is_compound=True)


def _split_spaceless(raw: str, start: int) -> Iterator[tuple[str, int]]:
    if not raw.isascii() and _SPACELESS_SCRIPT.search(raw):
        yield from ((character, start + offset) for offset, character in enumerate(raw))
    else:
        yield raw, start
