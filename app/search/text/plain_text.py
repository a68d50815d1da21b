"""Pure: converts Markdown to plain text in one line; an indexing step.

Removes private-use characters, so that text cannot forge the marks of a highlight.
"""

import re
from collections.abc import Iterable

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

# Control characters, and the private-use area that HIGHLIGHT_START and HIGHLIGHT_END come from.
_REMOVED = re.compile("[\x00-\x1f\x7f-\x9f\ue000-\uf8ff]+")
# Text without any of these renders as it is written.
_MARKUP = re.compile(r"[\\`*_\[\]<>|~&$]|^\s*(?:#|[-+]\s|\d+[.)]\s|[-=]{2,}\s*$)", re.MULTILINE)
_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table").use(dollarmath_plugin)
_BREAKS = {"softbreak", "hardbreak"}


def plain_text(markdown: str) -> str:
    """Return the text in one line; alternatives of images, code and TeX stay as written."""
    text = markdown
    if _MARKUP.search(markdown):
        text = "".join(_texts(_PARSER.parse(markdown)))
    return " ".join(_REMOVED.sub(" ", text).split())


def _texts(tokens: Iterable[Token]) -> Iterable[str]:
    for token in tokens:
        if token.children:
            yield from _texts(token.children)
            if token.type != "image":
                yield " "
        elif token.content:
            yield token.content
            if token.block:
                yield " "
        elif token.type in _BREAKS:
            yield " "
