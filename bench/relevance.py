"""Measures what a search finds of the seed bank against queries that were judged by hand."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson

JUDGEMENTS = Path(__file__).parent.parent / "tests" / "search" / "judgements.jsonl"
# Who searches looks at so many.
LOOKED_AT = 10

Find = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Judgement:
    """A query, and the questions that answer it; `part` is `tuning` or `unseen`."""

    q: str
    kind: str
    part: str
    relevant: frozenset[str]


@dataclass(frozen=True)
class Score:
    """Mean reciprocal rank of the first relevant question, and recall among the first ten."""

    queries: int
    mrr: float
    recall: float


def judgements() -> list[Judgement]:
    """Return every judged query."""
    rows = map(orjson.loads, JUDGEMENTS.read_bytes().splitlines())
    return [Judgement(**(row | {"relevant": frozenset(row["relevant"])})) for row in rows]


def rank(judged: Judgement, found: Sequence[str]) -> tuple[float, float]:
    """Return the reciprocal rank and the recall of one query.

    Where more than ten are relevant, ten of them are all that could be found.
    """
    first = (place for place, name in enumerate(found, 1) if name in judged.relevant)
    hits = sum(name in judged.relevant for name in found)
    return 1 / next(first, float("inf")), hits / min(len(judged.relevant), LOOKED_AT)


def scored(ranks: Iterable[tuple[float, float]]) -> Score:
    """Return the means over queries."""
    found = list(ranks)
    count = len(found)
    mrr, recall = (sum(values) / count for values in zip(*found, strict=True))
    return Score(count, mrr, recall)


def relevance(find: Find, judged: Sequence[Judgement]) -> dict[str, Score]:
    """Return the scores over all queries, and of each part and kind of them."""
    ranks = [(each, rank(each, find(each.q)[:LOOKED_AT])) for each in judged]
    names = ["all", *dict.fromkeys(each.part for each in judged)]
    names += dict.fromkeys(each.kind for each in judged)
    return {
        name: scored(found for each, found in ranks if name in {"all", each.part, each.kind})
        for name in names
    }


def finder(client: httpx.Client, admin: httpx.Client) -> Find:
    """Return what asks a service for the external ids of what it finds."""
    names: dict[str, str] = {}
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": 100} | ({"cursor": cursor} if cursor else {})
        page = admin.get("/v1/editing/questions", params=query).raise_for_status().json()
        names |= {item["id"]: item["external_id"] for item in page["items"]}
        cursor = page["next_cursor"]

    def find(q: str) -> list[str]:
        answer = client.get("/v1/search", params={"q": q, "limit": LOOKED_AT})
        return [names[item["id"]] for item in answer.raise_for_status().json()["items"]]

    return find
