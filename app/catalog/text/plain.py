"""Converts CommonMark to plain text."""

from collections.abc import Callable

from markdown_it.tree import SyntaxTreeNode

from app.catalog.text.markdown import parse

INDENT = "  "


def to_text(text: str) -> str:
    """Return CommonMark text without its markup."""
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
    for index, item in enumerate(node.children):
        marker = "- " if start is None else f"{start + index}. "
        text = "\n".join(filter(None, map(_block, item.children)))
        items.append(marker + text.replace("\n", "\n" + INDENT))
    return "\n".join(items)


def _table(node: SyntaxTreeNode) -> str:
    rows = [row for section in node.children for row in section.children]
    return "\n".join(" | ".join(map(_block, row.children)) for row in rows)


def _empty(_: SyntaxTreeNode) -> str:
    return ""


_WRITERS: dict[str, Callable[[SyntaxTreeNode], str]] = {
    "inline": _inline,
    "fence": _content,
    "code_block": _content,
    "math_block": lambda node: node.content.strip(),
    "bullet_list": _list,
    "ordered_list": _list,
    "table": _table,
    "hr": _empty,
}
