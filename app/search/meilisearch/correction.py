"""Pure: what a query was taken for, told by what the engine marked in the best hit's stem."""

import re

from app.search.engine import HIGHLIGHT_END, HIGHLIGHT_START
from app.search.text.edit_distance import TokenMatrix, allowed_edits, tokens_within
from app.search.text.query import query_tokens
from app.search.text.tokenizer import tokenize

_MARKED = re.compile(f"{HIGHLIGHT_START}([^{HIGHLIGHT_END}]*){HIGHLIGHT_END}")


def corrected(text: str, stem: str) -> str | None:
    """Return the query with the marked words in place of those that only resemble them.

    None when nothing was corrected, as far as the stem tells.
    """
    marked = list({word.text for part in _MARKED.findall(stem) for word in tokenize(part)})
    column = TokenMatrix(marked)
    typed = [word for word in query_tokens(text) if not word.is_compound]
    pieces = []
    at = 0
    for word in typed:
        last = word is typed[-1]
        if word.text in marked or (last and any(one.startswith(word.text) for one in marked)):
            continue
        most = allowed_edits(word.text, known=False)
        near = sorted(tokens_within(word.text, column, most, prefix=last), key=lambda pair: pair[1])
        if near:
            pieces += [text[at : word.start], near[0][0]]
            at = word.end
    return "".join(pieces) + text[at:] if pieces else None
