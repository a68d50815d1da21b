"""Pure: translates a QuestionFilter into conditions of the Meilisearch filter language."""

from collections.abc import Iterable

from app.published.facets import BANK, FACETS, with_descendants
from app.published.question_filter import QuestionFilter
from app.taxonomy.vocabulary import Vocabularies

# The server refuses this filter on an index without our settings, such as one that it created by
# itself; so such an index fails instead of giving incomplete hits.
READY_CONDITION = "ready = 1"


def filter_conditions(question_filter: QuestionFilter, vocabularies: Vocabularies) -> list[str]:
    """Return conditions that a question must all meet.

    A category includes its descendants. Banks are left out, because each has its own index.
    """
    conditions = [READY_CONDITION]
    for facet in FACETS:
        if facet is BANK:
            continue
        choice = with_descendants(facet, question_filter.choice(facet), vocabularies)
        if choice.any:
            conditions.append(f"{facet.column} IN {_list(choice.any)}")
        if choice.none:
            conditions.append(f"{facet.column} NOT IN {_list(choice.none)}")
    conditions += [f"tags = {quote(tag)}" for tag in question_filter.tag_all]
    if question_filter.exclude:
        conditions.append(f"question NOT IN {_list(map(str, question_filter.exclude))}")
    if question_filter.updated_after is not None:
        conditions.append(f"updated_at > {question_filter.updated_after:d}")
    return conditions


def quote(value: str) -> str:
    """Return a value as a quoted string; no character in it acts as an operator."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(map(quote, values))}]"
