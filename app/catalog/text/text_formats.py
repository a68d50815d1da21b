"""Gives the texts of a question in another format: HTML, plain text, or trees of nodes."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson

from app.catalog.text.markdown import to_html
from app.catalog.text.nodes import to_nodes
from app.catalog.text.plain import to_text

MARKDOWN = "markdown"
FORMATS = (MARKDOWN, "html", "text", "nodes")

EACH = "*"
NODE_OVERHEAD = 150

# Where CommonMark stands, in the public part of a question and in its answer part.
_PLACES: tuple[tuple[str, ...], ...] = (
    ("stem",),
    ("hints", EACH),
    ("options", EACH, "text"),
    ("explanation",),
    ("feedback", EACH),
    ("answer", "model"),
    ("answer", "key_points", EACH),
    ("answer", "mistakes", EACH),
    ("answer", "follow_ups", EACH),
)


class Presented(NamedTuple):
    """A part of a question as it is sent.

    `nodes` are (JSON pointer, JSON) pairs; the pointer is what stands between the quotes.
    """

    body: bytes
    nodes: tuple[tuple[bytes, bytes], ...] = ()


def size_of(presented: Presented) -> int:
    """Return about how many bytes a part takes in memory."""
    parts = sum(len(where) + len(what) + NODE_OVERHEAD for where, what in presented.nodes)
    return len(presented.body) + parts


def present(body: bytes, text_format: str) -> Presented:
    """Return a question's document, or its answer part, in a text format."""
    if text_format == MARKDOWN:
        return Presented(body)
    document = orjson.loads(body)
    texts = [found for place in _PLACES for found in _texts(document, place, "")]
    if text_format == "nodes":
        return Presented(body, tuple((_quoted(at), _nodes(part[key])) for part, key, at in texts))
    convert = _CONVERTERS[text_format]
    for part, key, _ in texts:
        part[key] = convert(part[key])
    return Presented(orjson.dumps(document))


def _texts(value: Any, place: tuple[str, ...], pointer: str) -> Iterator[tuple[Any, Any, str]]:  # noqa: ANN401 - JSON
    """Yield container, key and pointer of every text at a place."""
    step, rest = place[0], place[1:]
    if step != EACH:
        keys: Any = [step] if isinstance(value, dict) and step in value else []
    else:
        keys = list(value) if isinstance(value, dict) else range(len(value or ()))
    for key in keys:
        at = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        if rest:
            yield from _texts(value[key], rest, at)
        elif isinstance(value[key], str):
            yield value, key, at


def _quoted(pointer: str) -> bytes:
    return orjson.dumps(pointer)[1:-1]


def _nodes(text: str) -> bytes:
    return orjson.dumps(to_nodes(text))


_CONVERTERS: dict[str, Callable[[str], str]] = {"html": to_html, "text": to_text}
