"""Renders CommonMark with tables and TeX to sanitised HTML; raw HTML is disabled."""

import re
from collections.abc import Sequence
from typing import Any, cast

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

_EXTERNAL_LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
_LANGUAGE_CLASS = re.compile(r"language-[A-Za-z0-9_+#-]{1,32}")
_ALIGN_STYLE = re.compile(r"text-align:(left|center|right)")

_TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li", "pre"),
    *("em", "strong", "a", "code", "span", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "code": {"class"},
    "ol": {"start"},
    "th": {"align"},
    "td": {"align"},
}
_CLASSES = {"span": {"math"}, "p": {"display"}}


def _filter_attribute(tag: str, name: str, value: str) -> str | None:
    """Return the attribute's value, None to remove the attribute."""
    if name == "href":
        return value if _EXTERNAL_LINK.match(value) else None
    if (tag, name) == ("code", "class"):
        return value if _LANGUAGE_CLASS.fullmatch(value) else None
    return value


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    allowed_classes=_CLASSES,
    attribute_filter=_filter_attribute,
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow noopener noreferrer",
)


def parse(text: str) -> list[Token]:
    """Return the text's tokens, without internal links, and with alt texts instead of images."""
    return _PARSER.parse(text)


def to_html(text: str) -> str:
    """Return sanitised HTML of CommonMark text."""
    return _CLEANER.clean(_PARSER.render(text)).strip()


def alt_text(token: Token) -> str:
    """Return the alternative text of an image as plain text."""
    renderer = cast(RendererHTML, _PARSER.renderer)
    return renderer.renderInlineAsText(token.children, _PARSER.options, {})


def _simplify(state: StateCore) -> None:
    """Replace images with their alternative texts, and remove links that are not external."""
    for token in state.tokens:
        if token.children:
            token.children = _without_images(_without_internal_links(token.children))
        style = token.attrGet("style")
        if isinstance(style, str) and (found := _ALIGN_STYLE.fullmatch(style)):
            token.attrs = {"align": found[1]}


def _without_images(tokens: Sequence[Token]) -> list[Token]:
    return [
        Token("text", "", 0, content=alt_text(token)) if token.type == "image" else token
        for token in tokens
    ]


def _without_internal_links(tokens: Sequence[Token]) -> list[Token]:
    kept = []
    # For each open link, whether it is external.
    is_external: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            is_external.append(_EXTERNAL_LINK.match(str(token.attrGet("href"))) is not None)
            if not is_external[-1]:
                continue
        elif token.type == "link_close" and not is_external.pop():
            continue
        kept.append(token)
    return kept


def _math(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:  # noqa: ANN401 - a render rule
    return f'<span class="math">{escapeHtml(tokens[index].content.strip())}</span>'


def _math_block(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:  # noqa: ANN401 - likewise
    return f'<p class="display">{_math(_, tokens, index)}</p>\n'


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "xhtmlOut": False}).enable("table")
    dollarmath_plugin(
        parser, allow_labels=False, allow_space=False, allow_digits=False, double_inline=True
    )
    for name in ("math_inline", "math_inline_double"):
        parser.add_render_rule(name, _math)
    parser.add_render_rule("math_block", _math_block)
    parser.core.ruler.push("simplify", _simplify)
    return parser


_PARSER = _make_parser()
