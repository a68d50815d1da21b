"""Words of a text as charabia splits them: separators, a dictionary, folded letters."""

import re
import sys
import unicodedata
from functools import lru_cache
from typing import NamedTuple

# Separators that are no punctuation by category, punctuation that is none, and longer ones.
OTHERS = "\0`\t\n\r\u200c+±×÷"
MATHS = range(0x2212, 0x2300)
NOT = "\u00a0\u2000\u2001\u202f\u205f\u2011\u037e\u0387\u2329\u232a\u228e"
LONG = (". ", ", ")
HARD = frozenset("\0!;?¡§¶¿´…‥․‼‽⁇⁈⁉※、。") | {". ", ", "}
CATEGORIES = frozenset({"Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "Zp", "Zs"})


class Token(NamedTuple):
    """A piece of a text: `word` is its folded form, empty for a separator."""

    text: str
    start: int
    word: str
    hard: bool
    stop: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@lru_cache(maxsize=1)
def _separators() -> frozenset[str]:
    found = {
        chr(n) for n in range(sys.maxunicode + 1) if unicodedata.category(chr(n)) in CATEGORIES
    }
    maths = {chr(n) for n in MATHS if unicodedata.category(chr(n)) == "Sm"}
    return frozenset((found | maths | set(OTHERS) | set(LONG)) - set(NOT))


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Return the text without case, compatibility forms and marks."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text).lower()
    plain = "".join(c for c in parts if unicodedata.category(c) != "Mn")
    return plain.replace("æ", "ae").replace("œ", "oe")


def fold_facet(text: str) -> str:
    """Return a facet's string in the form in which filters compare it."""
    return unicodedata.normalize("NFKD", text.strip()).lower()


class Tokenizer:
    """Splits texts; words of the dictionary win over separators, even inside other words."""

    def __init__(
        self,
        dictionary: tuple[str, ...] = (),
        separators: tuple[str, ...] = (),
        others: tuple[str, ...] = (),
        stop_words: tuple[str, ...] = (),
    ) -> None:
        self.separators = (_separators() | set(separators)) - set(others)
        self.stop_words = frozenset(fold(word) for word in stop_words)
        single = "".join(re.escape(c) for c in self.separators if len(c) == 1)
        long = [(word, True) for word in dictionary if word]
        long += [(word, False) for word in self.separators if len(word) > 1]
        long.sort(key=lambda pair: -len(pair[0]))
        parts = [f"({re.escape(word)})" if kept else re.escape(word) for word, kept in long]
        self.pattern = re.compile("|".join([*parts, f"[{single}]"]))

    def split(self, text: str) -> list[Token]:
        """Return words and separators in order; together they are the text."""
        tokens: list[Token] = []
        place = 0
        for match in self.pattern.finditer(text):
            if match.start() > place:
                tokens.append(self._word(text[place : match.start()], place))
            tokens.append(self._piece(match))
            place = match.end()
        if place < len(text):
            tokens.append(self._word(text[place:], place))
        return tokens

    def words(self, text: str) -> tuple[str, ...]:
        return tuple(token.word for token in self.split(text) if token.word)

    def kept_words(self, text: str) -> set[str]:
        """Return the words of a text but stop words, faster than `split` does."""
        if text.isascii() and not self.stop_words:
            return {part.lower() for part in self.pattern.split(text) if part}
        return {token.word for token in self.split(text) if token.word and not token.stop}

    def _piece(self, match: re.Match[str]) -> Token:
        piece = match.group()
        plain = piece if piece.isascii() else unicodedata.normalize("NFKD", piece)
        # What decomposes into something that is no separator is a word, such as three dots.
        if match.lastindex or plain not in self.separators:
            return self._word(piece, match.start())
        return Token(piece, match.start(), "", plain in HARD)

    def _word(self, text: str, start: int) -> Token:
        word = fold(text)
        return Token(text, start, word, hard=False, stop=word in self.stop_words)


@lru_cache(maxsize=64)
def tokenizer(
    dictionary: tuple[str, ...],
    separators: tuple[str, ...],
    others: tuple[str, ...],
    stop_words: tuple[str, ...],
) -> Tokenizer:
    return Tokenizer(dictionary, separators, others, stop_words)
