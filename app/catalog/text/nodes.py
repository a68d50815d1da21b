"""Converts CommonMark to trees of nodes, for clients that create elements without HTML."""

from html.parser import HTMLParser
from typing import Any

from app.catalog.text.markdown import to_html

Node = str | dict[str, Any]

_VOID_TAGS = {"br", "hr"}


def to_nodes(text: str) -> list[Node]:
    """Return the sanitised HTML of the text as nodes: elements are objects, text is strings."""
    builder = _Builder()
    builder.feed(to_html(text))
    builder.close()
    return builder.root


class _Builder(HTMLParser):
    """Builds the tree; the sanitiser closes every element, so unclosed ones need no handling."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root: list[Node] = []
        self._open: list[list[Node]] = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        children: list[Node] = []
        attributes = {name: value or "" for name, value in attrs}
        self._open[-1].append({"tag": tag, "attributes": attributes, "children": children})
        if tag not in _VOID_TAGS:
            self._open.append(children)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID_TAGS:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        # The renderer adds line breaks between blocks; they are not part of the text.
        if len(self._open) > 1 or data.strip():
            self._open[-1].append(data)
