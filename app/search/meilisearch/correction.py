"""Pure: what a query was taken for, told by what the engine marked in the best hit's stem."""

import re

from app.search.engine import MARK_END, MARK_START
from app.search.text.corrections import Column, most_edits, nearest
from app.search.text.query import query_words
from app.search.text.words import words

_MARKED = re.compile(f"{MARK_START}([^{MARK_END}]*){MARK_END}")


def corrected(text: str, stem: str) -> str | None:
    """Return the query with the marked words in place of those that only resemble them.

    None when nothing was corrected, as far as the stem tells.
    """
    marked = list({word.text for part in _MARKED.findall(stem) for word in words(part)})
    column = Column(marked)
    typed = [word for word in query_words(text) if not word.joined]
    pieces = []
    at = 0
    for word in typed:
        last = word is typed[-1]
        if word.text in marked or (last and any(one.startswith(word.text) for one in marked)):
            continue
        most = most_edits(word.text, known=False)
        near = sorted(nearest(word.text, column, most, prefix=last), key=lambda pair: pair[1])
        if near:
            pieces += [text[at : word.start], near[0][0]]
            at = word.end
    return "".join(pieces) + text[at:] if pieces else None
