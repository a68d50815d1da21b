"""Lists of questions for editors and exports: the filter as SQL, over newest or live revisions."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select
from sqlmodel import Session

from app.core.secrets import Secrets
from app.published.facets import ANY_VALUE, FACETS, Facet, FacetChoice, with_descendants
from app.published.question_filter import QuestionFilter
from app.questions import repository
from app.questions.rendering import Renderer
from app.questions.repository import LINKS, PUBLISHED, QUESTION
from app.questions.state import QuestionState, Values
from app.questions.views import editing_view, live_view
from app.taxonomy.vocabulary import Vocabularies

CHUNK_QUESTIONS = 500

# Returns the SQL condition that a question has one of the given values.
Condition: TypeAlias = Callable[[Sequence[str]], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class QuestionSelection:
    """Selects questions by bank, filter and state.

    With `live` the filter applies to live revisions, and only published questions are selected.
    """

    banks: Collection[str]
    filter: QuestionFilter = field(default_factory=QuestionFilter)
    states: Sequence[str] = ()
    external_ids: Sequence[str] = ()
    unpublished_changes: bool | None = None
    live: bool = False


def conditions(
    selection: QuestionSelection, vocabularies: Vocabularies
) -> list[ColumnElement[bool]]:
    """Return the SQL conditions of a selection; with `live` the statement must join `published`."""
    question_filter = selection.filter
    facets: Any = PUBLISHED.c if selection.live else QUESTION.c
    found: list[ColumnElement[bool]] = [QUESTION.c.bank.in_(sorted(selection.banks))]
    for facet in FACETS:
        choice = with_descendants(facet, question_filter.choice(facet), vocabularies)
        if choice != ANY_VALUE:
            found += _choice_conditions(
                choice, _facet_condition(facet, facets, live=selection.live)
            )
    found += [_has_term("tags", (slug,), live=selection.live) for slug in question_filter.tag_all]
    if question_filter.exclude:
        found.append(QUESTION.c.id.not_in(question_filter.exclude))
    if question_filter.updated_after is not None:
        found.append(facets.updated_at > question_filter.updated_after)
    return found + _state_conditions(selection)


def _state_conditions(selection: QuestionSelection) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if selection.states:
        found.append(QUESTION.c.state.in_(selection.states))
    if selection.external_ids:
        found.append(QUESTION.c.external_id.in_(selection.external_ids))
    differs = and_(
        QUESTION.c.published_revision.is_not(None),
        QUESTION.c.published_revision != QUESTION.c.revision,
    )
    if selection.unpublished_changes is not None:
        found.append(differs if selection.unpublished_changes else ~differs)
    if selection.live:
        found.append(PUBLISHED.c.revision.is_not(None))
    return found


def _choice_conditions(choice: FacetChoice, condition: Condition) -> Iterator[ColumnElement[bool]]:
    if choice.any:
        yield condition(choice.any)
    if choice.none:
        yield ~condition(choice.none)


def _facet_condition(facet: Facet, table: Any, *, live: bool) -> Condition:  # noqa: ANN401 - its columns
    """Return the function that makes the SQL condition of a facet."""
    if facet.vocabulary is not None:
        return partial(_has_term, facet.vocabulary, live=live)
    column = table[facet.column]
    if facet.many:
        joined = literal(",") + column + literal(",")
        return lambda values: or_(*(joined.contains(f",{value},") for value in values))
    folded = func.lower(column) if facet.pattern is not None else column
    return folded.in_


def _has_term(name: str, slugs: Sequence[str], *, live: bool) -> ColumnElement[bool]:
    links = LINKS[name]
    side = links.c.in_live if live else links.c.in_draft
    return QUESTION.c.id.in_(select(links.c.question_id).where(links.c.slug.in_(slugs), side))


def _select(selection: QuestionSelection, vocabularies: Vocabularies, *columns: Any) -> Select[Any]:  # noqa: ANN401
    statement = select(*columns).select_from(QUESTION)
    if selection.live:
        statement = statement.join(PUBLISHED, PUBLISHED.c.id == QUESTION.c.id)
    return statement.where(*conditions(selection, vocabularies))


def page(
    session: Session,
    selection: QuestionSelection,
    vocabularies: Vocabularies,
    before: UUID | None,
    limit: int,
) -> tuple[list[QuestionState], int]:
    """Return at most `limit` questions, the newest first, and the total count."""
    connection = session.connection()
    total = connection.execute(_select(selection, vocabularies, func.count())).scalar_one()
    statement = _select(selection, vocabularies, QUESTION.c.id).order_by(QUESTION.c.id.desc())
    if before is not None:
        statement = statement.where(QUESTION.c.id < before)
    ids = list(connection.execute(statement.limit(limit)).scalars())
    found = repository.load(session, ids)
    return [found[question_id] for question_id in ids], total


def iter_views(  # noqa: PLR0913, PLR0917 - what an export knows
    session: Session,
    secrets: Secrets,
    selection: QuestionSelection,
    vocabularies: Vocabularies,
    answers: Collection[str],
    chunk: int = CHUNK_QUESTIONS,
    after: UUID | None = None,
) -> Iterator[Values]:
    """Yield editing views in the order of ids after `after`; read `chunk` questions at a time.

    Answers are included for the banks in `answers`. With `live` the live revision is shown.
    """
    renderer = Renderer(secrets)
    view = live_view if selection.live else editing_view
    statement = _select(selection, vocabularies, QUESTION.c.id).order_by(QUESTION.c.id).limit(chunk)
    while True:
        part = statement if after is None else statement.where(QUESTION.c.id > after)
        ids = list(session.connection().execute(part).scalars())
        if not ids:
            return
        found = repository.load(session, ids)
        for question_id in ids:
            question = found[question_id]
            yield view(question, renderer, answers=question.bank in answers)
        after = ids[-1]
