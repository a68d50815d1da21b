"""Pure: what stays of Markdown when it is read aloud, without what a highlight may not hold."""

import re
from collections.abc import Iterable

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

# The private use area holds the marks of highlights, so that text can never forge one.
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\ue000-\uf8ff]+")
# Text without any of these is what its Markdown shows.
_MARKUP = re.compile(r"[\\`*_\[\]<>|~&$]|^\s*(?:#|[-+]\s|\d+[.)]\s|[-=]{2,}\s*$)", re.MULTILINE)
_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table").use(dollarmath_plugin)
_SPACES = {"softbreak", "hardbreak"}


def plain_text(markdown: str) -> str:
    """Return the text of Markdown in one line: alternatives of images, code and TeX as written."""
    text = markdown
    if _MARKUP.search(markdown):
        text = "".join(_pieces(_PARSER.parse(markdown)))
    return " ".join(_UNWANTED.sub(" ", text).split())


def _pieces(tokens: Iterable[Token]) -> Iterable[str]:
    for token in tokens:
        if token.children:
            yield from _pieces(token.children)
            if token.type != "image":
                yield " "
        elif token.content:
            yield token.content
            if token.block:
                yield " "
        elif token.type in _SPACES:
            yield " "
