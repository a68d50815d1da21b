"""Pure: how text becomes words, the same for documents, queries and highlights."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

# Signs that belong to the letter before them, and vowels that some scripts write as marks.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e"
_MARKS += "\u1dc0-\u1dff\u20d0-\u20ff"
_LETTER = rf"(?:[^\W_]|[{_MARKS}])"
_JOINT = "[-\u2010\u2011\u2013'\u2019_]"
_INSIDE = r"[\w\s.+*/^|,!{}\\-]"
# Terms of the field whose signs are part of their name: O(n log n), C++, C#, A*, R^2, .NET, 1.3
_NAMES = (
    rf"(?<!\w)(?:[oθω]\({_INSIDE}{{1,24}}\)|[a-z]\+\+|[a-z]\#|[a-z]\*(?!\w)|[a-z]\^\{{?\d\}}?)"
    r"|\.net(?!\w)|\d+(?:\.\d+)+"
)
_WORD = re.compile(rf"{_NAMES}|{_LETTER}+(?:{_JOINT}{_LETTER}+)*", re.IGNORECASE)
_TYPED = re.compile(
    rf"{_NAMES}|(?<!\w)[oθω]\({_INSIDE}{{0,24}}$|{_LETTER}+(?:{_JOINT}{_LETTER}+)*", re.IGNORECASE
)
_PART = re.compile(rf"{_LETTER}+")
_NAME_SIGNS = re.compile(r"[+#*(.^]")
_NOISE = re.compile(r"[\s^{}\\_]+")
_DROPPED = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u1dc0-\u1dff\u20d0-\u20ff]+")
# Written without spaces: each sign is a word.
_SPACELESS = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
# The signs that a word may hold beside letters and digits; an engine must not split at them.
SIGNS = "+#*()./|,!-"


class Word(NamedTuple):
    """One word with its place in the text; a `joined` word is a compound without its joints."""

    text: str
    start: int
    end: int
    joined: bool = False


def words(text: str, *, typed: bool = False) -> Iterator[Word]:
    """Yield the words of a text in order, a compound's parts before the whole of it.

    With `typed` the text is a query whose end may be an unfinished `O(n`.
    """
    for found in (_TYPED if typed else _WORD).finditer(text):
        raw, start = found.group(), found.start()
        if raw.isascii() and raw.isalnum():
            yield Word(raw.lower(), start, found.end())
        elif _NAME_SIGNS.search(raw):
            yield Word(_NOISE.sub("", fold(raw)), start, found.end())
        else:
            yield from _parts(raw, start)


def indexed_text(text: str) -> str:
    """Return what an index holds of a text: its words between spaces, joined compounds behind."""
    if text.isascii() and not _NOT_PLAIN.search(text):
        plain = " ".join(_ASCII.findall(text.lower()))
        return f" {plain} " if plain else ""
    found = list(words(text))
    ordered = [word.text for word in found if not word.joined]
    ordered += [word.text for word in found if word.joined]
    return f" {' '.join(ordered)} " if ordered else ""


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Return the form in which words are compared: NFKC, no case, no diacritics."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKC", text).casefold()
    letters = _DROPPED.sub("", unicodedata.normalize("NFD", plain))
    return unicodedata.normalize("NFKC", letters)


# Text without these, in ASCII, has neither compounds nor names with signs.
_NOT_PLAIN = re.compile(r"[+#*(^_'-]|\.(?=\w)")
_ASCII = re.compile("[a-z0-9]+")


def _parts(raw: str, start: int) -> Iterator[Word]:
    texts = []
    for found in _PART.finditer(raw):
        for part, at in _pieces(found.group(), start + found.start()):
            # Folding may take a sign apart: one half becomes 1, a fraction slash and 2.
            for piece in _PART.findall(fold(part)):
                texts.append(piece)
                yield Word(piece, at, at + len(part))
    if len(texts) > 1 and not _SPACELESS.search(raw):
        yield Word("".join(texts), start, start + len(raw), joined=True)


def _pieces(raw: str, start: int) -> Iterator[tuple[str, int]]:
    if not raw.isascii() and _SPACELESS.search(raw):
        yield from ((sign, start + place) for place, sign in enumerate(raw))
    else:
        yield raw, start
