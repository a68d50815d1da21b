"""Pure: marks in a stem what an interpretation of the query matched; the last step of a search."""

from app.search.embedded.interpretation import Interpretation
from app.search.engine import HIGHLIGHT_END, HIGHLIGHT_START
from app.search.text.tokenizer import Token, tokenize


class Highlighter:
    """Highlights the tokens of one interpretation."""

    def __init__(self, interpretation: Interpretation) -> None:
        """Collect the tokens and phrases of all variants."""
        self._tokens: set[str] = set()
        self._phrases: list[tuple[str, ...]] = []
        self._prefix: str | None = None
        for group in interpretation.groups:
            for variant in group.variants:
                if len(variant.tokens) == 1 or variant.scattered:
                    self._tokens.update(variant.tokens)
                else:
                    self._phrases.append(variant.tokens)
                if variant.prefix:
                    self._prefix = variant.tokens[-1]

    def highlight(self, stem: str) -> str:
        """Return the stem with HIGHLIGHT_START and HIGHLIGHT_END around what matches."""
        tokens = list(tokenize(stem))
        spans = sorted(
            [(token.start, token.end) for token in tokens if self._matches(token.text)]
            + self._phrase_spans([token for token in tokens if not token.is_compound])
        )
        pieces = []
        at = 0
        for start, end in spans:
            if end <= at:
                continue
            # A compound and one of its parts may both match: their spans overlap.
            begin = max(start, at)
            pieces += [stem[at:begin], HIGHLIGHT_START, stem[begin:end], HIGHLIGHT_END]
            at = end
        return "".join((*pieces, stem[at:])).replace(HIGHLIGHT_END + HIGHLIGHT_START, "")

    def _matches(self, token: str) -> bool:
        if token in self._tokens:
            return True
        return self._prefix is not None and token.startswith(self._prefix)

    def _phrase_spans(self, tokens: list[Token]) -> list[tuple[int, int]]:
        spans = []
        texts = [token.text for token in tokens]
        for phrase in self._phrases:
            spans += [
                (tokens[at].start, tokens[at + len(phrase) - 1].end)
                for at in range(len(texts) - len(phrase) + 1)
                if tuple(texts[at : at + len(phrase)]) == phrase
            ]
        return spans
