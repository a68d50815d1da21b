"""Splits texts into tokens like the real server's tokenizer, charabia, and folds words."""

import re
import sys
import unicodedata
from functools import lru_cache
from typing import NamedTuple

# Separators besides the Unicode categories of punctuation and space; exceptions from them;
# separators of two characters; and the separators that end a sentence.
MORE_SEPARATORS = "\0`\t\n\r\u200c+±×÷"
MATHS_SIGNS = range(0x2212, 0x2300)
NO_SEPARATORS = "\u00a0\u2000\u2001\u202f\u205f\u2011\u037e\u0387\u2329\u232a\u228e"
LONG_SEPARATORS = (". ", ", ")
HARD_SEPARATORS = frozenset("\0!;?¡§¶¿´…‥․‼‽⁇⁈⁉※、。") | {". ", ", "}
SEPARATOR_CATEGORIES = frozenset({"Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "Zp", "Zs"})


class Token(NamedTuple):
    """A word or separator of a text; `word` is the folded word, empty for a separator.

    `hard`: the separator ends a sentence. `stop`: the word is a stop word.
    """

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
        chr(n)
        for n in range(sys.maxunicode + 1)
        if unicodedata.category(chr(n)) in SEPARATOR_CATEGORIES
    }
    maths = {chr(n) for n in MATHS_SIGNS if unicodedata.category(chr(n)) == "Sm"}
    return frozenset(
        (found | maths | set(MORE_SEPARATORS) | set(LONG_SEPARATORS)) - set(NO_SEPARATORS)
    )


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Return the text in lower case, without compatibility forms and combining marks."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text).lower()
    plain = "".join(c for c in parts if unicodedata.category(c) != "Mn")
    return plain.replace("æ", "ae").replace("œ", "oe")


def fold_facet(text: str) -> str:
    """Return a facet value in the form that filters compare."""
    return unicodedata.normalize("NFKD", text.strip()).lower()


class Tokenizer:
    """Splits texts; dictionary words take precedence over separators, even inside words."""

    def __init__(
        self,
        dictionary: tuple[str, ...] = (),
        separators: tuple[str, ...] = (),
        non_separators: tuple[str, ...] = (),
        stop_words: tuple[str, ...] = (),
    ) -> None:
        self.separators = (_separators() | set(separators)) - set(non_separators)
        self.stop_words = frozenset(fold(word) for word in stop_words)
        single = "".join(re.escape(c) for c in self.separators if len(c) == 1)
        parts_by_length = [(word, True) for word in dictionary if word]
        parts_by_length += [(word, False) for word in self.separators if len(word) > 1]
        parts_by_length.sort(key=lambda pair: -len(pair[0]))
        parts = [
            f"({re.escape(word)})" if is_word else re.escape(word)
            for word, is_word in parts_by_length
        ]
        self.pattern = re.compile("|".join([*parts, f"[{single}]"]))

    def split(self, text: str) -> list[Token]:
        """Return all words and separators of the text in order."""
        tokens: list[Token] = []
        position = 0
        for match in self.pattern.finditer(text):
            if match.start() > position:
                tokens.append(self._word(text[position : match.start()], position))
            tokens.append(self._separator_or_word(match))
            position = match.end()
        if position < len(text):
            tokens.append(self._word(text[position:], position))
        return tokens

    def words(self, text: str) -> tuple[str, ...]:
        return tuple(token.word for token in self.split(text) if token.word)

    def indexed_words(self, text: str) -> set[str]:
        """Return the words of a text without stop words, faster than `split`."""
        if text.isascii() and not self.stop_words:
            return {part.lower() for part in self.pattern.split(text) if part}
        return {token.word for token in self.split(text) if token.word and not token.stop}

    def _separator_or_word(self, match: re.Match[str]) -> Token:
        text = match.group()
        plain = text if text.isascii() else unicodedata.normalize("NFKD", text)
        # A character such as "…" whose decomposition is no separator is a word.
        if match.lastindex or plain not in self.separators:
            return self._word(text, match.start())
        return Token(text, match.start(), "", plain in HARD_SEPARATORS)

    def _word(self, text: str, start: int) -> Token:
        word = fold(text)
        return Token(text, start, word, hard=False, stop=word in self.stop_words)


@lru_cache(maxsize=64)
def tokenizer(
    dictionary: tuple[str, ...],
    separators: tuple[str, ...],
    non_separators: tuple[str, ...],
    stop_words: tuple[str, ...],
) -> Tokenizer:
    return Tokenizer(dictionary, separators, non_separators, stop_words)
