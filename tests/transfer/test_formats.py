"""The file formats: rows, their positions, and the merge patches of CSV rows."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.transfer.formats import FORMATS
from app.transfer.formats.rows import FILE_START, MAX_ROW_BYTES, parsed_rows

JSONL = FORMATS["jsonl"]
CSV = FORMATS["csv"]
TEXT = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20
)


def rows(file_format, data, position=FILE_START):
    return list(parsed_rows(file_format, io.BytesIO(data), position))


def csv_file(*lines):
    return ("\r\n".join(lines) + "\r\n").encode()


@given(st.lists(st.dictionaries(TEXT, TEXT, max_size=3), max_size=8))
def test_reading_json_lines_can_start_after_any_row(values):
    data = b"".join(json.dumps(value).encode() + b"\n" for value in values)
    found = rows(JSONL, data)
    assert [row.values for row in found] == values
    for index, row in enumerate(found):
        assert [later.values for later in rows(JSONL, data, row.end)] == values[index + 1 :]


@given(st.lists(st.lists(TEXT, min_size=3, max_size=3).filter(any), max_size=8))
def test_reading_csv_can_start_after_any_row(cells):
    header = ["external_id", "stem", "explanation"]
    views = [dict(zip(header, row, strict=True)) | {"kind": "short_text"} for row in cells]
    data = CSV.header() + CSV.write(views)
    found = rows(CSV, data)
    assert [[row.values[name] or "" for name in header] for row in found] == cells
    for index, row in enumerate(found):
        later = rows(CSV, data, row.end)
        assert [row.values["stem"] for row in later] == [row[1] for row in cells[index + 1 :]]
        assert [row.line for row in later] == [row.line for row in found[index + 1 :]]


def test_a_byte_order_mark_is_skipped():
    mark = b"\xef\xbb\xbf"
    assert rows(JSONL, mark + b'{"kind":"open"}')[0].values == {"kind": "open"}
    assert rows(CSV, mark + csv_file("kind", "open"))[0].values == {"kind": "open"}


def test_blank_lines_are_skipped_but_counted():
    assert [row.line for row in rows(JSONL, b'\n{"a":1}\r\n\n  \n{"a":2}')] == [2, 5]
    assert [row.line for row in rows(CSV, csv_file("kind,stem", "", ",", "open,x"))] == [4]


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[1]",
        b'{"stem": NaN}',
        b'{"stem": "\xff"}',
        b'{"stem": "\\u0000"}',
        b'{"stem": "\\ud800"}',
        b'{"stem": ' + b"[" * 30 + b"]" * 30 + b"}",
        b'{"stem": "' + b"x" * MAX_ROW_BYTES + b'"}',
    ],
)
def test_the_json_line_after_a_bad_one_is_read(line):
    bad, good = rows(JSONL, line + b'\n{"kind": "open"}\n')
    assert (bad.line, len(bad.faults), good.line, good.faults) == (1, 1, 2, ())


@pytest.mark.parametrize("row", ['a,"b"c', "a,b,c", "a", 'a,"\xff"', "a,\0", "a,b\rc"])
def test_the_csv_row_after_a_bad_one_is_read(row):
    bad, good = rows(CSV, b"kind,stem\r\n" + row.encode("latin-1") + b"\r\nx,y\r\n")
    assert (bad.line, len(bad.faults), good.line, good.faults) == (2, 1, 3, ())


def test_an_unclosed_quote_does_not_read_the_whole_file_into_memory():
    bad = rows(CSV, b'kind,stem\r\nx,"y\r\n' + b"x,y\r\n" * MAX_ROW_BYTES)[0]
    assert "never closed" in bad.faults[0].hint


@pytest.mark.parametrize(
    "kind", [b'"kind":"numeric",', rb'"\u006bind":"n\u0075meric",', b"", b'"kind":null,']
)
def test_numbers_of_numeric_answers_are_exact_decimals(kind: bytes):
    # A row without a kind may match a numeric question.
    value = rows(JSONL, b'{%b"answer":{"value":0.12345678901234567890123}}' % kind)[0]
    assert str(value.values["answer"]["value"]) == "0.12345678901234567890123"


def test_unknown_and_repeated_columns_are_errors_with_suggestions():
    errors = CSV.header_errors(io.BytesIO(csv_file("stem,compnies,stem")))
    assert [(error.code, list(error.suggestions)) for error in errors] == [
        ("unknown_field", ["companies"]),
        ("invalid_value", []),
    ]
    assert CSV.header_errors(io.BytesIO(b""))[0].code == "missing_value"


def patch(existing=None, **values):
    return CSV.patch(values, existing)


CHOICE = {
    "kind": "single_choice",
    "options": [
        {"id": "1", "text": "red", "key": True, "feedback": "yes"},
        {"id": "2", "text": "blue", "key": False, "feedback": None},
    ],
}


def test_the_error_of_an_unknown_key_letter_names_the_options():
    _, faults = patch(
        kind="single_choice", option_a="1", option_b="2", option_c="3", option_d="4", correct="E"
    )
    assert [(fault.field, fault.value) for fault in faults] == [("correct", "E")]
    assert "A to D" in faults[0].hint


def test_a_cell_of_another_kind_is_an_error():
    _, faults = patch(kind="numeric", value="3", option_a="3")
    assert [fault.field for fault in faults] == ["option_a"]
    _, faults = patch(kind="open", stem="Why?")
    assert [fault.field for fault in faults] == ["kind"]


def test_an_absent_column_changes_nothing_and_an_empty_cell_clears():
    changed, faults = patch(CHOICE, correct="B", explanation="")
    assert not faults
    assert changed["explanation"] is None
    assert [(o["id"], o["key"], o["feedback"]) for o in changed["options"]] == [
        ("1", False, "yes"),
        ("2", True, None),
    ]


def test_an_option_under_another_letter_keeps_id_key_and_feedback():
    changed, _ = patch(CHOICE, option_a="green", option_b="red", option_c="blue")
    assert [(o["text"], o.get("id"), o["key"], o["feedback"]) for o in changed["options"]] == [
        ("green", None, False, None),
        ("red", "1", True, "yes"),
        ("blue", "2", False, None),
    ]


def test_an_emptied_option_is_removed():
    changed, _ = patch(CHOICE, option_b="")
    assert [option["text"] for option in changed["options"]] == ["red"]


@pytest.mark.parametrize(("cell", "value"), [("TRUE", True), (" false ", False)])
def test_true_and_false_are_case_insensitive(cell, value):
    assert patch(kind="true_false", correct=cell) == (
        {"kind": "true_false", "answer": {"value": value}},
        [],
    )


def test_the_error_of_a_bad_number_names_its_column():
    _, faults = patch(kind="true_false", correct="true", points="many", time_seconds="1e99")
    assert [fault.field for fault in faults] == ["points", "time_seconds"]


@pytest.mark.parametrize(
    ("pointer", "kind", "column"),
    [
        ("/stem", "open", "stem"),
        ("/options", "single_choice", "correct"),
        ("/options/0/text", "single_choice", "option_a"),
        ("/options/9/feedback", "multiple_choice", "feedback_j"),
        ("/options/0/key", "single_choice", "correct"),
        ("/options/10/text", "single_choice", "correct"),
        ("/answer", "true_false", "correct"),
        ("/answer", "short_text", "accept"),
        ("/answer/accept/0", "short_text", "accept"),
        ("/answer/value", "numeric", "value"),
        ("/answer/value", "true_false", "correct"),
        ("/source/url", "numeric", "source_url"),
        ("/source", "numeric", "source"),
        ("/kind", "riddle", "kind"),
        ("/kind", None, "kind"),
    ],
)
def test_an_error_names_the_column_of_its_value(pointer, kind, column):
    assert CSV.field_name(pointer, kind) == column


COLUMNS = [
    *("external_id", "kind", "stem"),
    *(f"option_{letter}" for letter in "abcdefghij"),
    *("correct", "accept", "match", "value", "tolerance", "tolerance_kind", "unit"),
    *("explanation", "hints"),
    *(f"feedback_{letter}" for letter in "abcdefghij"),
    *("categories", "companies", "tags", "difficulty", "levels", "language", "points"),
    *("time_seconds", "family", "source", "source_url", "licence"),
]


def test_the_header_names_every_column_in_a_fixed_order():
    header = CSV.header().decode().strip().split(",")
    assert [name for name in header if name in COLUMNS] == COLUMNS
