"""Pure: marks in a stem what a reading of a query found there."""

from app.search.embedded.interpretation import Reading
from app.search.engine import MARK_END, MARK_START
from app.search.text.words import Word, words


class Highlighter:
    """Marks the words of one reading."""

    def __init__(self, reading: Reading) -> None:
        """Take every way to say each group."""
        self._words: set[str] = set()
        self._phrases: list[tuple[str, ...]] = []
        self._prefix: str | None = None
        for group in reading.groups:
            for way in group.ways:
                if len(way.words) == 1 or way.apart:
                    self._words.update(way.words)
                else:
                    self._phrases.append(way.words)
                if way.prefix:
                    self._prefix = way.words[-1]

    def mark(self, stem: str) -> str:
        """Return the stem with the marks of engine.py around what was found."""
        found = list(words(stem))
        spans = sorted(
            [(word.start, word.end) for word in found if self._holds(word.text)]
            + self._in_rows([word for word in found if not word.joined])
        )
        pieces = []
        at = 0
        for start, end in spans:
            if end <= at:
                continue
            # A compound may be found by a part and as a whole.
            begin = max(start, at)
            pieces += [stem[at:begin], MARK_START, stem[begin:end], MARK_END]
            at = end
        return "".join((*pieces, stem[at:])).replace(MARK_END + MARK_START, "")

    def _holds(self, word: str) -> bool:
        if word in self._words:
            return True
        return self._prefix is not None and word.startswith(self._prefix)

    def _in_rows(self, found: list[Word]) -> list[tuple[int, int]]:
        spans = []
        texts = [word.text for word in found]
        for phrase in self._phrases:
            spans += [
                (found[at].start, found[at + len(phrase) - 1].end)
                for at in range(len(texts) - len(phrase) + 1)
                if tuple(texts[at : at + len(phrase)]) == phrase
            ]
        return spans
