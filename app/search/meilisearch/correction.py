"""Pure: finds which words of a query the server corrected, from the highlights of the best hit."""

import re

from app.search.engine import HIGHLIGHT_END, HIGHLIGHT_START
from app.search.text.edit_distance import TokenMatrix, allowed_edits, tokens_within
from app.search.text.query import query_tokens
from app.search.text.tokenizer import tokenize

_HIGHLIGHT = re.compile(f"{HIGHLIGHT_START}([^{HIGHLIGHT_END}]*){HIGHLIGHT_END}")


def corrected_query(query: str, stem: str) -> str | None:
    """Return the query with each misspelt word replaced by the highlighted word that it matched.

    `stem` is the best hit's stem with highlights. None when the stem shows no correction.
    """
    highlighted = list({word.text for part in _HIGHLIGHT.findall(stem) for word in tokenize(part)})
    column = TokenMatrix(highlighted)
    typed = [word for word in query_tokens(query) if not word.is_compound]
    pieces = []
    end = 0
    for word in typed:
        is_last = word is typed[-1]
        is_prefix = is_last and any(other.startswith(word.text) for other in highlighted)
        if word.text in highlighted or is_prefix:
            continue
        max_edits = allowed_edits(word.text, known=False)
        candidates = tokens_within(word.text, column, max_edits, prefix=is_last)
        by_edits = sorted(candidates, key=lambda pair: pair[1])
        if by_edits:
            pieces += [query[end : word.start], by_edits[0][0]]
            end = word.end
    return "".join(pieces) + query[end:] if pieces else None
