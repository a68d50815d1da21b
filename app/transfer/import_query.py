"""The query parameters of an import."""

from app.core.errors import FieldError, invalid
from app.core.http.query_string import (
    Pairs,
    Parameter,
    boolean,
    int_between,
    one_of,
    reject_unknown,
    single_value,
    text_of_length,
)
from app.transfer.formats import FORMATS
from app.transfer.service import ImportOptions

DEFAULT_WAIT_SECONDS = 10
MAX_WAIT_SECONDS = 60

PARAMETERS = (
    Parameter(
        "bank",
        "the bank to import into (required)",
        {"type": "string"},
        example="science",
    ),
    Parameter(
        "file_format",
        "by default csv if the file's name ends in .csv, else jsonl",
        {"type": "string", "enum": list(FORMATS)},
    ),
    Parameter(
        "dry_run",
        "check the file and report, but write nothing",
        {"type": "boolean", "default": False},
    ),
    Parameter(
        "state",
        "the state of the questions after the import; published needs `questions:publish`",
        {"type": "string", "enum": ["draft", "published"], "default": "draft"},
    ),
    Parameter(
        "create_terms",
        "create terms that do not exist; needs `taxonomy:write`",
        {"type": "boolean", "default": False},
    ),
    Parameter(
        "wait",
        "seconds to wait for the end of the import",
        {
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_WAIT_SECONDS,
            "default": DEFAULT_WAIT_SECONDS,
        },
    ),
)


def parse_import_query(pairs: Pairs) -> tuple[ImportOptions, int]:
    """Return the options, and the seconds to wait for the end of the import.

    The file format is empty if the query does not name one. Problem invalid_request for an unknown
    parameter or value, and for a missing bank.
    """
    reject_unknown(pairs, [parameter.name for parameter in PARAMETERS])
    bank = single_value(pairs, "bank", text_of_length(1, 64), "")
    if not bank:
        detail = "Name the bank to import into."
        raise invalid(FieldError("missing_value", detail, parameter="bank"))
    state = single_value(pairs, "state", one_of("draft", "published"), "draft")
    options = ImportOptions(
        bank,
        single_value(pairs, "file_format", one_of(*FORMATS), ""),
        "published" if state == "published" else "draft",
        create_terms=single_value(pairs, "create_terms", boolean, default=False),
        dry_run=single_value(pairs, "dry_run", boolean, default=False),
    )
    return options, single_value(
        pairs, "wait", int_between(0, MAX_WAIT_SECONDS), DEFAULT_WAIT_SECONDS
    )
