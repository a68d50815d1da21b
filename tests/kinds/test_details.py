"""What follows from the annotations of content types, and which annotations are refused."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import pytest
from typing_extensions import TypedDict

from app.kinds import DETAILS, EACH, KINDS, MARKDOWN_PATHS, MODELS, TextType, values_at
from app.kinds.content import Content, PublicPart
from app.kinds.declarations.details import details_of
from app.kinds.declarations.leaves import leaves
from app.kinds.declarations.markdown_paths import markdown_paths
from app.kinds.declarations.text_type import Markdown, Plain
from app.kinds.fields import Part
from app.kinds.options import Choice
from app.kinds.schema_fields import with_content_fields, with_public_fields


def paths(kind: str, text_type: TextType) -> set[str]:
    found = leaves(MODELS[kind])
    return {"/".join(leaf.path) for leaf in found if leaf.text_type is text_type}


SHARED = {
    TextType.MARKDOWN: {"stem", "hints/*", "explanation"},
    TextType.PLAIN: {"evidence/*/source", "media/*/alt", "source/title", "licence"},
    TextType.NAME: set(),
    TextType.DECIMAL: set(),
    TextType.DATA: {
        *("version", "kind", "difficulty", "levels/*", "language", "family", "translation_group"),
        *("categories/*", "companies/*", "tags/*", "review_by", "media/*/url", "source/url"),
        *("evidence/*/first_seen", "evidence/*/last_seen"),
    },
}
OPTIONS = {
    TextType.MARKDOWN: {"options/*/text", "options/*/feedback"},
    TextType.DATA: {"options/*/id"},
}
OWN: dict[str, dict[TextType, set[str]]] = {
    "single_choice": OPTIONS,
    "multiple_choice": OPTIONS,
    "true_false": {},
    "short_text": {TextType.PLAIN: {"answer/accept/*"}, TextType.DATA: {"answer/match"}},
    "numeric": {
        TextType.PLAIN: {"unit"},
        TextType.DECIMAL: {"answer/value", "answer/tolerance"},
        TextType.DATA: {"answer/tolerance_kind"},
    },
    "open": {
        TextType.MARKDOWN: {
            *("answer/model", "answer/key_points/*", "answer/mistakes/*", "answer/follow_ups/*"),
        },
        TextType.PLAIN: {"answer/rubric/*/criterion"},
    },
    "code": {
        TextType.NAME: {"programming_language"},
        TextType.PLAIN: {"starter", "answer/solution"},
        TextType.DATA: {"answer/tests/*/call", "answer/tests/*/expected"},
    },
}


@pytest.mark.parametrize("text_type", TextType)
@pytest.mark.parametrize("kind", OWN)
def test_every_text_of_a_kind_has_the_expected_type(kind: str, text_type: TextType) -> None:
    assert paths(kind, text_type) == SHARED[text_type] | OWN[kind].get(text_type, set())


@pytest.mark.parametrize("kind", KINDS)
def test_no_string_of_a_kind_is_without_a_text_type(kind: str) -> None:
    """The JSON schema shows each string independently of the annotations."""
    strings = _strings(MODELS[kind].model_json_schema(), MODELS[kind].model_json_schema(), ())
    typed = {leaf.path for leaf in leaves(MODELS[kind]) if leaf.text_type is not None}
    assert strings - {("version",)} == typed - {("version",)}


def _strings(schema: Any, root: Any, path: tuple[str, ...]) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    if "$ref" in schema:
        return _strings(root["$defs"][schema["$ref"].rpartition("/")[2]], root, path)
    if schema.get("type") == "string":
        found.add(path)
    for each in schema.get("anyOf", ()):
        found |= _strings(each, root, path)
    for name, each in schema.get("properties", {}).items():
        found |= _strings(each, root, (*path, name))
    for each in (schema.get("items"), *schema.get("patternProperties", {}).values()):
        if isinstance(each, dict):
            found |= _strings(each, root, (*path, EACH))
    return found


def test_markdown_is_converted_in_documents_and_answers() -> None:
    assert {"/".join(path) for path in MARKDOWN_PATHS} >= {
        *("stem", "hints/*", "options/*/text"),
        *("explanation", "feedback/*"),
        *("answer/model", "answer/key_points/*", "answer/mistakes/*", "answer/follow_ups/*"),
    }


def test_items_are_the_parts_with_an_id() -> None:
    for kind in OWN:
        expected = ("options",) if kind in {"single_choice", "multiple_choice"} else ()
        assert DETAILS[kind].item_lists == DETAILS[kind].public_item_lists == expected


def test_kinds_whose_numbers_need_more_digits_than_a_float() -> None:
    assert [kind for kind in OWN if DETAILS[kind].has_exact_numbers] == ["numeric"]


def test_kinds_that_fit_into_a_csv() -> None:
    unfit = [kind for kind in OWN if DETAILS[kind].csv_columns is None]
    assert unfit == ["open", "code"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("stem", ["s"]),
        ("hints/*", ["a", "b"]),
        ("options/*/text", ["x", "y"]),
        ("feedback/*", ["f", "g"]),
        ("unit", []),
        ("answer/model", []),
    ],
)
def test_values_at_a_path(path: str, expected: list[str]) -> None:
    document = {
        "stem": "s",
        "hints": ["a", "b"],
        "options": [{"text": "x"}, {"text": "y"}, {"text": None}],
        "feedback": {"1": "f", "2": "g"},
        "unit": None,
    }
    assert values_at(document, tuple(path.split("/"))) == expected


class Note(Part):
    note: Markdown


class Noted(Content):
    kind: Literal["noted"]
    answer: Note


class Untyped(Content):
    kind: Literal["untyped"]
    remark: str
    answer: Note


class AnyPublic(Content):
    kind: Literal["any_public"]
    answer: Note

    def public_part(self) -> Any:
        return {}


class WithoutAnswer(Content):
    kind: Literal["without_answer"]


class PublicNote(PublicPart):
    note: Annotated[dict[str, object], "a mapping whose values are not described"]


class Undescribed(Content):
    kind: Literal["undescribed"]
    answer: Note

    def public_part(self) -> PublicNote:
        return {"note": {}}


@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        (Untyped, "remark: a str needs a TextType"),
        (AnyPublic, "Any is not supported"),
        (WithoutAnswer, "answer: .* is not supported"),
        (Undescribed, r"note/\*: .* is not supported"),
    ],
)
def test_a_kind_that_does_not_describe_its_texts_is_refused(
    content_type: type[Content], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        details_of(content_type)


class PublicStatement(PublicPart):
    statement: Plain


class StatementPlain(Content):
    kind: Literal["statement_plain"]
    answer: Note

    def public_part(self) -> PublicStatement:
        return {"statement": ""}


class MarkdownStatement(PublicPart):
    statement: Markdown


class StatementMarkdown(StatementPlain):
    def public_part(self) -> MarkdownStatement:
        return {"statement": ""}


def test_a_path_is_markdown_in_all_kinds_or_in_none() -> None:
    kinds = [details_of(StatementPlain), details_of(StatementMarkdown)]
    with pytest.raises(TypeError, match="statement is Markdown in one kind"):
        markdown_paths(kinds)


def csv_kind(columns: Mapping[str, str] | None) -> type[Content]:
    class Csv(Noted):
        CSV_COLUMNS: ClassVar = columns

    return Csv


def test_the_csv_columns_of_a_kind() -> None:
    assert details_of(csv_kind(None)).csv_columns is None
    columns = details_of(csv_kind({"note": "answer/note"})).csv_columns
    assert columns is not None
    assert [(column.name, column.path) for column in columns] == [("note", ("answer", "note"))]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "no column of CSV_COLUMNS holds answer/note"),
        ({"note": "answer"}, "answer does not fit into one cell"),
        ({"note": "answer/nothing"}, "answer/nothing does not fit into one cell"),
    ],
)
def test_a_csv_that_would_lose_content_is_refused(columns: dict[str, str], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        details_of(csv_kind(columns))


def test_schemas_of_questions_name_the_fields_of_all_kinds() -> None:
    class Question(Part):
        unit: Plain | None = None

    public = with_public_fields(Question)
    assert {*public.model_fields} >= {"unit", "options", "programming_language", "starter"}
    assert {*with_content_fields(Question).model_fields} >= {*public.model_fields, "answer"}
    assert with_public_fields(public) is public


def test_a_shape_may_be_a_typed_dict() -> None:
    class Shape(TypedDict):
        texts: list[Markdown]
        count: int

    assert [(leaf.path, leaf.text_type) for leaf in leaves(Shape)] == [
        (("texts", EACH), TextType.MARKDOWN),
        (("count",), None),
    ]


def test_options_of_a_choice_fit_although_a_cell_holds_no_list_of_parts() -> None:
    columns = details_of(MODELS["single_choice"]).csv_columns
    assert issubclass(MODELS["single_choice"], Choice)
    assert columns is not None
    assert {column.name for column in columns} >= {"option_a", "feedback_j", "correct"}
