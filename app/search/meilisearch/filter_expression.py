"""Pure: the one filter as an expression of the Meilisearch language, every value quoted."""

from collections.abc import Iterable

from app.published.facets import BANK, FACETS, with_descendants
from app.published.question_filter import QuestionFilter
from app.taxonomy.vocabulary import Vocabularies

# Only an index with our settings can be filtered, so one that the server made by itself is refused.
READY = "ready = 1"


def expression(question_filter: QuestionFilter, vocabularies: Vocabularies) -> list[str]:
    """Return conditions, all of which a question must meet; banks are indexes of their own.

    Categories stand for everything below them as well.
    """
    conditions = [READY]
    for facet in FACETS:
        if facet is BANK:
            continue
        choice = with_descendants(facet, question_filter.choice(facet), vocabularies)
        if choice.any:
            conditions.append(f"{facet.column} IN {_list(choice.any)}")
        if choice.none:
            conditions.append(f"{facet.column} NOT IN {_list(choice.none)}")
    conditions += [f"tags = {quoted(tag)}" for tag in question_filter.tag_all]
    if question_filter.exclude:
        conditions.append(f"question NOT IN {_list(map(str, question_filter.exclude))}")
    if question_filter.updated_after is not None:
        conditions.append(f"updated_at > {question_filter.updated_after:d}")
    return conditions


def quoted(value: str) -> str:
    """Return a value that means itself, whatever stands in it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, values))}]"
