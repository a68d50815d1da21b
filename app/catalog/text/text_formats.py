"""Converts the Markdown in questions to another format: HTML, plain text, or trees of nodes."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson

from app.catalog.text.markdown import to_html
from app.catalog.text.nodes import to_nodes
from app.catalog.text.plain import to_text
from app.kinds import EACH, MARKDOWN_PATHS, Path

MARKDOWN = "markdown"
FORMATS = (MARKDOWN, "html", "text", "nodes")

NODE_OVERHEAD_BYTES = 150


class ConvertedPart(NamedTuple):
    """A part of a question in a text format: its JSON object, and its nodes if the format has any.

    `nodes` are pairs of bytes: a JSON pointer, escaped for a JSON string but without the quotes,
    and the JSON of the tree of nodes of the text at that pointer.
    """

    body: bytes
    nodes: tuple[tuple[bytes, bytes], ...] = ()


def memory_size(part: ConvertedPart) -> int:
    """Return about how many bytes of memory a part takes."""
    nodes = sum(len(pointer) + len(tree) + NODE_OVERHEAD_BYTES for pointer, tree in part.nodes)
    return len(part.body) + nodes


def convert(body: bytes, text_format: str) -> ConvertedPart:
    """Return the JSON of a delivered question, or of its answer side, in a text format.

    Only fields that the kinds declare to be Markdown are converted.
    """
    if text_format == MARKDOWN:
        return ConvertedPart(body)
    document = orjson.loads(body)
    texts = [found for path in MARKDOWN_PATHS for found in _texts(document, path, "")]
    if text_format == "nodes":
        nodes = ((_escaped(pointer), _tree(part[key])) for part, key, pointer in texts)
        return ConvertedPart(body, tuple(nodes))
    convert_text = _CONVERTERS[text_format]
    for part, key, _ in texts:
        part[key] = convert_text(part[key])
    return ConvertedPart(orjson.dumps(document))


def _texts(value: Any, path: Path, pointer: str) -> Iterator[tuple[Any, Any, str]]:  # noqa: ANN401 - JSON
    """Yield the container, key and JSON pointer of every text at a path."""
    step, later_steps = path[0], path[1:]
    if step != EACH:
        keys: Any = [step] if isinstance(value, dict) and step in value else []
    else:
        keys = _element_keys(value)
    for key in keys:
        pointer_of_key = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        if later_steps:
            yield from _texts(value[key], later_steps, pointer_of_key)
        elif isinstance(value[key], str):
            yield value, key, pointer_of_key


def _element_keys(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return list(value)
    return range(len(value)) if isinstance(value, list) else ()


def _escaped(pointer: str) -> bytes:
    return orjson.dumps(pointer)[1:-1]


def _tree(text: str) -> bytes:
    return orjson.dumps(to_nodes(text))


_CONVERTERS: dict[str, Callable[[str], str]] = {"html": to_html, "text": to_text}
