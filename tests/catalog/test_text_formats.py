"""The text formats: Markdown is converted, and nothing that an author writes becomes raw HTML."""

import random
from html.parser import HTMLParser
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.text.markdown import to_html
from app.catalog.text.nodes import to_nodes
from app.catalog.text.plain import to_text
from app.catalog.text.text_formats import convert
from tests.catalog.support import CatalogWorker, make_question
from tests.support.hypothesis_profiles import scaled

TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li", "pre"),
    *("em", "strong", "a", "code", "span", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    ("a", "href"),
    ("a", "title"),
    ("a", "rel"),
    ("code", "class"),
    ("span", "class"),
    ("p", "class"),
    ("ol", "start"),
    ("th", "align"),
    ("td", "align"),
}
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&colon;alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "[x](//evil.example/a)",
    "[x](/v1/editing/keys)",
    "[x](ftp://host/a)",
    "<javascript:alert(1)>",
    "![a](javascript:alert(1))",
    '!["><script>](http://host/a.png "onload=x")',
    '[x](http://a/ "\\" onmouseover=alert(1) \\"")',
    '[x](https://a/"onclick=alert(1))',
    "$</span><script>alert(1)</script>$",
    "$$\n</p><img src=x onerror=alert(1)>\n$$",
    '```html"onclick=x\n<b>\n```',
    "``` language-<script>\nx\n```",
    "|a|\n|-|\n|<svg/onload=alert(1)>|",
    "<!-- --!><svg onload=x>",
    "<style>*{}</style>",
    "&lt;script&gt;",
    "\x00\ufffe\u202e",
    "[a]: javascript:x\n\n[a]",
    "<a href='javascript:x'>y</a>",
    "<https://a/?<script>>",
    "\\<b>",
    "- " * 60 + "deep",
    "> " * 60 + "deep",
    "*" * 200,
    "[" * 200,
    "`" * 99,
]


class _CheckingParser(HTMLParser):
    """Parses HTML as a browser does; raises AssertionError for anything that is not allowed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert tag in TAGS, tag
        found = dict(attrs)
        assert {(tag, name) for name in found} <= ATTRIBUTES, found
        if tag == "a":
            assert found.get("rel") == "nofollow noopener noreferrer"
            assert str(found["href"]).lower().startswith(("http://", "https://", "mailto:"))
        if tag == "span":
            assert found == {"class": "math"}

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)


def _checked_tags(html: str) -> list[str]:
    parser = _CheckingParser()
    parser.feed(html)
    parser.close()
    return parser.tags


def _node_tags(nodes: list[Any]) -> list[str]:
    found = []
    for node in nodes:
        if not isinstance(node, str):
            assert set(node) == {"tag", "attributes", "children"}
            found += [node["tag"], *_node_tags(node["children"])]
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_not_interpreted(text: str) -> None:
    assert _node_tags(to_nodes(text)) == _checked_tags(to_html(text))
    to_text(text)


@scaled(2)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(HOSTILE),
            st.sampled_from(["\n", "\n\n", " ", "**", "_", "$", "`", "|", "# ", "- ", "1. ", "> "]),
            st.text(max_size=12),
        ),
        max_size=8,
    ).map("".join)
)
def test_no_combination_of_hostile_texts_is_interpreted(text: str) -> None:
    assert _node_tags(to_nodes(text)) == _checked_tags(to_html(text))
    to_text(text)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a *b* **c** `d`", "<p>a <em>b</em> <strong>c</strong> <code>d</code></p>"),
        ("$x < y$", '<p><span class="math">x &lt; y</span></p>'),
        ("It costs $5 and not $10.", "<p>It costs $5 and not $10.</p>"),
        ("$$\nx^2\n$$", '<p class="display"><span class="math">x^2</span></p>'),
        ("![a *cat*](http://host/cat.png)", "<p>a cat</p>"),
        ("[in](/there)", "<p>in</p>"),
        (
            "[out](https://host/a 'b')",
            '<p><a href="https://host/a" title="b" rel="nofollow noopener noreferrer">out</a></p>',
        ),
        (
            "```python\nx = 1 < 2\n```",
            '<pre><code class="language-python">x = 1 &lt; 2\n</code></pre>',
        ),
        (
            "|a|b|\n|-|-:|\n|1|2|",
            (
                '<table>\n<thead>\n<tr>\n<th>a</th>\n<th align="right">b</th>\n</tr>\n</thead>\n'
                '<tbody>\n<tr>\n<td>1</td>\n<td align="right">2</td>\n</tr>\n</tbody>\n</table>'
            ),
        ),
    ],
)
def test_markdown_to_html(text: str, html: str) -> None:
    assert to_html(text) == html


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("# Head\n\na *b*\nc  \nd", "Head\n\na b c\nd"),
        ("- one\n- two\n  1. deep\n  2. er", "- one\n- two\n  1. deep\n  2. er"),
        ("3. c\n4. d", "3. c\n4. d"),
        ("|a|b|\n|-|-|\n|1|2|", "a | b\n1 | 2"),
        ("```\nx < y\n```\n\n---\n\n> said", "x < y\n\nsaid"),
        ("[out](https://host) ![alt](http://host/x.png) $e=mc^2$", "out alt e=mc^2"),
        ("&lt;b&gt; <i>", "<b> <i>"),
    ],
)
def test_markdown_to_plain_text(text: str, plain: str) -> None:
    assert to_text(text) == plain


def test_markdown_to_nodes() -> None:
    link = {"href": "https://host", "rel": "nofollow noopener noreferrer"}
    assert to_nodes("a *b* [c](https://host)\n\n---") == [
        {
            "tag": "p",
            "attributes": {},
            "children": [
                "a ",
                {"tag": "em", "attributes": {}, "children": ["b"]},
                " ",
                {"tag": "a", "attributes": link, "children": ["c"]},
            ],
        },
        {"tag": "hr", "attributes": {}, "children": []},
    ]


def test_all_markdown_fields_are_converted_and_no_others() -> None:
    document: dict[str, Any] = {
        "stem": "*s*",
        "hints": ["*h*"],
        "options": [{"id": "*i*", "text": "*o*"}],
        "tags": ["*t*"],
        "starter": "*code*",
        "source": {"title": "*title*", "url": None},
        "answer": {
            "model": "*m*",
            "key_points": ["*k*"],
            "mistakes": ["*w*"],
            "follow_ups": [],
            "solution": "*code*",
            "rubric": [{"criterion": "*c*", "points": 1}],
        },
        "explanation": None,
        "feedback": {"a~/b": "*f*"},
    }
    found = orjson.loads(convert(orjson.dumps(document), "text").body)
    expected = document | {
        "stem": "s",
        "hints": ["h"],
        "options": [{"id": "*i*", "text": "o"}],
        "answer": dict(document["answer"]) | {"model": "m", "key_points": ["k"], "mistakes": ["w"]},
        "feedback": {"a~/b": "f"},
    }
    assert found == expected
    nodes = convert(orjson.dumps(document), "nodes")
    assert orjson.loads(nodes.body) == document
    assert [pointer for pointer, _ in nodes.nodes] == [
        b"/stem",
        b"/hints/0",
        b"/options/0/text",
        b"/feedback/a~0~1b",
        b"/answer/model",
        b"/answer/key_points/0",
        b"/answer/mistakes/0",
    ]


def test_a_text_where_another_kind_has_a_list_is_left_unchanged() -> None:
    document = {
        "stem": "s",
        "hints": "*no list*",
        "options": "*x*",
        "answer": {"key_points": "*k*"},
    }
    for text_format in ("html", "text", "nodes"):
        found = orjson.loads(convert(orjson.dumps(document), text_format).body)
        assert found | {"stem": "s"} == document


def test_formats_on_the_routes(worker: CatalogWorker) -> None:
    questions = [make_question(stem="*Is* it $x<y$?"), make_question(stem="**No**")]
    worker.publish(*questions)
    worker.follow()
    address = f"/v1/questions/{questions[0].id}"
    assert worker.read(f"{address}?format=text")["stem"] == "Is it x<y?"
    html = worker.read("/v1/questions?format=html&sort=oldest&answers=true")
    assert html["items"][0]["stem"] == '<p><em>Is</em> it <span class="math">x&lt;y</span>?</p>'
    assert html["items"][1]["explanation"] == "<p><em>So</em> it is.</p>"
    nodes = worker.read("/v1/questions?format=nodes&sort=oldest&answers=true")
    assert list(nodes) == ["items", "nodes", "total", "next_cursor"]
    assert nodes["items"][0]["stem"] == "*Is* it $x<y$?"
    assert set(nodes["nodes"]) == {
        "/items/0/stem",
        "/items/0/explanation",
        "/items/1/stem",
        "/items/1/explanation",
    }
    alone = worker.read(f"{address}?format=nodes")
    assert alone["nodes"]["/stem"] == nodes["nodes"]["/items/0/stem"]
    # A cached response is the same; after a change the response is new.
    assert worker.read("/v1/questions?format=nodes&sort=oldest&answers=true") == nodes
    questions[1].revision, questions[1].stem = 2, "*Yes*"
    worker.publish(questions[1])
    worker.follow()
    again = worker.read("/v1/questions?format=html&sort=oldest")
    assert [item["stem"] for item in again["items"]][1] == "<p><em>Yes</em></p>"
    assert again["items"][0]["stem"] == html["items"][0]["stem"]


def test_long_hostile_text_is_rendered_in_time() -> None:
    """The time to render grows about linearly, so no text can block a worker."""
    random_source = random.Random(1)
    for piece in ("[", "*a ", "<", "`", "![", "$", "\\", "a|", "&"):
        to_html((piece * 20_000)[:20_000])
    to_html("".join(random_source.choices("[]()*_`$<>!|\n ", k=20_000)))
