"""Exports questions to files: selects the questions a caller may export, and streams them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import BinaryIO
from uuid import UUID

from app.access.access_snapshot import AccessSnapshot
from app.access.rights import Caller, Rights
from app.core.db.database import Database
from app.core.errors import FieldError, Problem, invalid, near_misses
from app.core.http.query_string import (
    Pairs,
    Parameter,
    one_of,
    reject_unknown,
    single_value,
    split_query,
)
from app.core.secrets import load_secrets
from app.core.settings import Settings
from app.published import question_filter as filters
from app.published.facets import FacetChoice
from app.published.question_filter import KnownNames, QuestionFilter, parse_filter
from app.questions.listing import QuestionSelection, iter_views
from app.taxonomy.vocabulary import Vocabularies
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from app.transfer.formats import FORMATS
from app.transfer.formats.rows import Format

CHUNK_ROWS = 500
STATES = ("draft", "published", "archived")
REQUIRED_SCOPES = ("exports:read", "answers:read")

FILE_FORMAT = Parameter(
    "file_format",
    "jsonl is lossless; csv leaves out the kinds `open` and `code`, which it cannot hold",
    {"type": "string", "enum": list(FORMATS), "default": "jsonl"},
)
STATE = Parameter(
    "state",
    "the states of the questions; others than published need `questions:read`",
    {"type": "string", "enum": list(STATES)},
    many=True,
    example=["published"],
)
PARAMETERS = (FILE_FORMAT, STATE, *filters.FILTER_PARAMETERS)

# The command line has direct access to the database, so it exports with all rights.
OPERATOR = Caller(kind="secret", scopes=frozenset({"admin"}), banks=None)


@dataclass(frozen=True, slots=True)
class Export:
    """The selection of one export, and the format of its file."""

    selection: QuestionSelection
    vocabularies: Vocabularies
    file_format: Format

    def chunks(self, database: Database, settings: Settings) -> Iterator[bytes]:
        """Yield the file in chunks.

        Each chunk is read in a transaction of its own, so that a slow client keeps none open;
        a question is exported as it is when its chunk is read.
        """
        secrets = load_secrets(settings)
        if head := self.file_format.header():
            yield head
        after: UUID | None = None
        while True:
            with database.read() as session:
                views = iter_views(
                    session,
                    secrets,
                    self.selection,
                    self.vocabularies,
                    self.selection.banks,
                    CHUNK_ROWS,
                    after,
                )
                chunk = list(islice(views, CHUNK_ROWS))
            if not chunk:
                return
            yield self.file_format.write(chunk)
            after = UUID(chunk[-1]["id"])


def plan_export(pairs: Pairs, rights: Rights, caller: Caller, vocabularies: Vocabularies) -> Export:
    """Return the export that a query string requests.

    Without the parameter `bank`, it covers all banks that the caller may export. Problem
    missing_scope for a bank or a state that the caller may not export; invalid_request for an
    unknown parameter or value.
    """
    reject_unknown(pairs, [parameter.name for parameter in PARAMETERS])
    file_format = FORMATS[single_value(pairs, "file_format", one_of(*FORMATS), "jsonl")]
    states = _states(pairs)
    seen = rights.visible(caller)
    known = KnownNames({slug: rights.banks[slug].name for slug in sorted(seen)}, vocabularies)
    requested = _supported_filter(parse_filter(pairs, known), file_format)
    banks = frozenset(requested.bank.any) or _exportable_banks(rights, caller) - frozenset(
        requested.bank.none
    )
    for bank in sorted(banks):
        for scope in REQUIRED_SCOPES:
            rights.require(caller, scope, bank)
    if not banks:
        raise _missing_scope("exports:read")
    sees_drafts = banks <= rights.with_scope(caller, "questions:read")
    if not sees_drafts and states != ("published",):
        raise _missing_scope("questions:read")
    selection = QuestionSelection(
        banks=banks, filter=requested, states=states, live=not sees_drafts
    )
    return Export(selection, vocabularies, file_format)


def export_to(
    database: Database, settings: Settings, target: BinaryIO, file_format: str, query: str
) -> None:
    """Write an export for the command line; `query` is a query string as the route takes it."""
    pairs = split_query(query.encode())
    if not any(name == FILE_FORMAT.name for name, _ in pairs):
        pairs.append((FILE_FORMAT.name, file_format))
    access, vocabulary_snapshot = AccessSnapshot(settings), VocabularySnapshot()
    with database.read() as session:
        access.load(session)
        vocabulary_snapshot.load(session)
    export = plan_export(pairs, access.rights, OPERATOR, vocabulary_snapshot.current)
    target.writelines(export.chunks(database, settings))


def _states(pairs: Pairs) -> tuple[str, ...]:
    given = [part for name, value in pairs if name == STATE.name for part in value.split(",")]
    unknown = [value for value in given if value not in STATES]
    if unknown:
        detail = f"One of {', '.join(STATES)}."
        near = near_misses(unknown[0], STATES)
        raise invalid(FieldError("unknown_value", detail, parameter=STATE.name, suggestions=near))
    return tuple(dict.fromkeys(given)) or ("published",)


def _supported_filter(requested: QuestionFilter, file_format: Format) -> QuestionFilter:
    """Return the filter restricted to the kinds of the format.

    Problem invalid_request when the filter names another kind.
    """
    kinds = file_format.kinds()
    if kinds is None:
        return requested
    unsupported = sorted(set(requested.kind.any) - kinds)
    if unsupported:
        detail = f"{file_format.name} cannot hold {', '.join(unsupported)}: export them as jsonl."
        raise invalid(FieldError("invalid_value", detail, parameter="kind"))
    return replace(
        requested,
        kind=FacetChoice(requested.kind.any or tuple(sorted(kinds)), requested.kind.none),
    )


def _exportable_banks(rights: Rights, caller: Caller) -> frozenset[str]:
    exports, answers = (rights.with_scope(caller, scope) for scope in REQUIRED_SCOPES)
    return exports & answers


def _missing_scope(scope: str) -> Problem:
    message = f"The key does not have the scope `{scope}` on all of these banks."
    return Problem("missing_scope", message, context={"scope": scope})
