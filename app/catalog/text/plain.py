"""Turns CommonMark into plain text, for places that show nothing else."""

from collections.abc import Callable

from markdown_it.tree import SyntaxTreeNode

from app.catalog.text.markdown import parse

INDENT = "  "


def to_text(text: str) -> str:
    """Return CommonMark text without its marks."""
    return _block(SyntaxTreeNode(parse(text))).strip()


def _block(node: SyntaxTreeNode) -> str:
    writer = _WRITERS.get(node.type)
    if writer is not None:
        return writer(node)
    return "\n\n".join(filter(None, map(_block, node.children)))


def _content(node: SyntaxTreeNode) -> str:
    return node.content.strip("\n")


def _inline(node: SyntaxTreeNode) -> str:
    if node.type in {"softbreak", "hardbreak"}:
        return " " if node.type == "softbreak" else "\n"
    if node.children:
        return "".join(map(_inline, node.children))
    return node.content


def _list(node: SyntaxTreeNode) -> str:
    start = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
    items = []
    for place, item in enumerate(node.children):
        mark = "- " if start is None else f"{start + place}. "
        inside = "\n".join(filter(None, map(_block, item.children)))
        items.append(mark + inside.replace("\n", "\n" + INDENT))
    return "\n".join(items)


def _table(node: SyntaxTreeNode) -> str:
    rows = [row for part in node.children for row in part.children]
    return "\n".join(" | ".join(map(_block, row.children)) for row in rows)


def _nothing(_: SyntaxTreeNode) -> str:
    return ""


_WRITERS: dict[str, Callable[[SyntaxTreeNode], str]] = {
    "inline": _inline,
    "fence": _content,
    "code_block": _content,
    "math_block": lambda node: node.content.strip(),
    "bullet_list": _list,
    "ordered_list": _list,
    "table": _table,
    "hr": _nothing,
}
