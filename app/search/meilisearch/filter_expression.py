"""Pure: translates a QuestionFilter into conditions of the Meilisearch filter language."""

from collections.abc import Callable, Iterable

from app.published.question_filter import Choice, QuestionFilter
from app.taxonomy.vocabulary import Vocabularies

# The server refuses this filter on an index without our settings, such as one that it created by
# itself; so such an index fails instead of giving incomplete hits.
READY_CONDITION = "ready = 1"


def filter_conditions(question_filter: QuestionFilter, vocabularies: Vocabularies) -> list[str]:
    """Return conditions that a question must all meet.

    A category includes its descendants. Banks are left out, because each has its own index.
    """
    conditions = [READY_CONDITION]
    for attribute, choice in (
        ("kind", question_filter.kind),
        (
            "categories",
            _with_descendants(question_filter.category, vocabularies.categories.subtree),
        ),
        ("companies", question_filter.company),
        ("tags", question_filter.tag),
        ("difficulty", question_filter.difficulty),
        ("levels", question_filter.level),
        ("language", question_filter.language),
    ):
        if choice.any:
            conditions.append(f"{attribute} IN {_list(choice.any)}")
        if choice.none:
            conditions.append(f"{attribute} NOT IN {_list(choice.none)}")
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


def _with_descendants(choice: Choice, subtree: Callable[[str], frozenset[str]]) -> Choice:
    def expand(slugs: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted({descendant for slug in slugs for descendant in subtree(slug)}))

    return Choice(expand(choice.any), expand(choice.none))
