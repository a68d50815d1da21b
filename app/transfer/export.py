"""Exports questions as files: which a caller gets, and their rows, a chunk at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import BinaryIO
from uuid import UUID

from app.access.access_snapshot import AccessSnapshot
from app.access.rights import Caller, Rights
from app.core.db.database import Database
from app.core.errors import FieldError, Problem, invalid, near_misses
from app.core.http.query_string import Pairs, Parameter, one_of, reject_unknown, split_query, take
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

CHUNK = 500
STATES = ("draft", "published", "archived")
SCOPES = ("exports:read", "answers:read")

FILE_FORMAT = Parameter(
    "file_format",
    "jsonl loses nothing; csv leaves out `open` and `code`, which do not fit into cells",
    {"type": "string", "enum": list(FORMATS), "default": "jsonl"},
)
STATE = Parameter(
    "state",
    "where questions stand; others than published need `questions:read`",
    {"type": "string", "enum": list(STATES)},
    many=True,
    example=["published"],
)
PARAMETERS = (FILE_FORMAT, STATE, *filters.FILTER_PARAMETERS)

# The command line acts for whoever may read the database anyway.
OPERATOR = Caller(kind="secret", scopes=frozenset({"admin"}), banks=None)


@dataclass(frozen=True, slots=True)
class Export:
    """What one export holds, and how it is written."""

    wanted: QuestionSelection
    vocabularies: Vocabularies
    file_format: Format

    def chunks(self, database: Database, settings: Settings) -> Iterator[bytes]:
        """Yield the file, part by part, each question as it stands when its part is read.

        Each part is a transaction of its own, so a slow reader holds nothing in the database.
        """
        secrets = load_secrets(settings)
        if header := self.file_format.header():
            yield header
        after: UUID | None = None
        while True:
            with database.read() as session:
                views = iter_views(
                    session,
                    secrets,
                    self.wanted,
                    self.vocabularies,
                    self.wanted.banks,
                    CHUNK,
                    after,
                )
                part = list(islice(views, CHUNK))
            if not part:
                return
            yield self.file_format.write(part)
            after = UUID(part[-1]["id"])


def plan_export(pairs: Pairs, rights: Rights, caller: Caller, vocabularies: Vocabularies) -> Export:
    """Return what a query asks to be exported.

    Without `bank` that is what the caller may export. Problem missing_scope for a bank, or a
    state, that it may not; invalid_request for what there is not.
    """
    reject_unknown(pairs, [parameter.name for parameter in PARAMETERS])
    file_format = FORMATS[take(pairs, "file_format", one_of(*FORMATS), "jsonl")]
    states = _states(pairs)
    seen = rights.seen(caller)
    known = KnownNames({slug: rights.banks[slug].name for slug in sorted(seen)}, vocabularies)
    asked = _fitting(parse_filter(pairs, known), file_format)
    banks = frozenset(asked.bank.any) or _exportable(rights, caller) - frozenset(asked.bank.none)
    for bank in sorted(banks):
        for scope in SCOPES:
            rights.require(caller, scope, bank)
    if not banks:
        raise _missing("exports:read")
    sees_drafts = banks <= rights.with_scope(caller, "questions:read")
    if not sees_drafts and states != ("published",):
        raise _missing("questions:read")
    wanted = QuestionSelection(banks=banks, filter=asked, states=states, live=not sees_drafts)
    return Export(wanted, vocabularies, file_format)


def export_to(
    database: Database, settings: Settings, target: BinaryIO, file_format: str, query: str
) -> None:
    """Write an export from the command line; `query` is that of the route."""
    pairs = split_query(query.encode())
    if not any(name == FILE_FORMAT.name for name, _ in pairs):
        pairs.append((FILE_FORMAT.name, file_format))
    access, glossary = AccessSnapshot(settings), VocabularySnapshot()
    with database.read() as session:
        access.load(session)
        glossary.load(session)
    export = plan_export(pairs, access.rights, OPERATOR, glossary.current)
    target.writelines(export.chunks(database, settings))


def _states(pairs: Pairs) -> tuple[str, ...]:
    given = [part for name, value in pairs if name == STATE.name for part in value.split(",")]
    unknown = [value for value in given if value not in STATES]
    if unknown:
        detail = f"One of {', '.join(STATES)}."
        near = near_misses(unknown[0], STATES)
        raise invalid(FieldError("unknown_value", detail, parameter=STATE.name, suggestions=near))
    return tuple(dict.fromkeys(given)) or ("published",)


def _fitting(asked: QuestionFilter, file_format: Format) -> QuestionFilter:
    """Return the filter without the kinds that the format cannot carry; 422 where it names one."""
    kinds = file_format.kinds()
    if kinds is None:
        return asked
    unfit = sorted(set(asked.kind.any) - kinds)
    if unfit:
        detail = f"{file_format.name} cannot carry {', '.join(unfit)}: export them as jsonl."
        raise invalid(FieldError("invalid_value", detail, parameter="kind"))
    return replace(asked, kind=FacetChoice(asked.kind.any or tuple(sorted(kinds)), asked.kind.none))


def _exportable(rights: Rights, caller: Caller) -> frozenset[str]:
    exports, answers = (rights.with_scope(caller, scope) for scope in SCOPES)
    return exports & answers


def _missing(scope: str) -> Problem:
    message = f"The key does not have the scope `{scope}` on every bank concerned."
    return Problem("missing_scope", message, context={"scope": scope})
