"""Measures the relevance of searches over the seed bank, with queries that were judged by hand."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson

JUDGEMENTS = Path(__file__).parent.parent / "tests" / "search" / "judgements.jsonl"
# Only the first hits count: users rarely read further.
TOP_HITS = 10

# Takes a query; returns the external ids of the hits, best first.
SearchFunction = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Judgement:
    """A query with the external ids of its relevant questions; `part` is `tuning` or `unseen`."""

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


def load_judgements() -> list[Judgement]:
    """Return all judged queries."""
    rows = map(orjson.loads, JUDGEMENTS.read_bytes().splitlines())
    return [Judgement(**(row | {"relevant": frozenset(row["relevant"])})) for row in rows]


def reciprocal_rank_and_recall(judged: Judgement, hits: Sequence[str]) -> tuple[float, float]:
    """Return the reciprocal rank of the first relevant hit, and the recall among the hits.

    If more than ten questions are relevant, finding ten of them is a recall of 1.
    """
    relevant_ranks = (rank for rank, name in enumerate(hits, 1) if name in judged.relevant)
    found = sum(name in judged.relevant for name in hits)
    reciprocal_rank = 1 / next(relevant_ranks, float("inf"))
    return reciprocal_rank, found / min(len(judged.relevant), TOP_HITS)


def mean_score(scores: Iterable[tuple[float, float]]) -> Score:
    """Return the means over queries."""
    pairs = list(scores)
    count = len(pairs)
    mrr, recall = (sum(values) / count for values in zip(*pairs, strict=True))
    return Score(count, mrr, recall)


def mean_scores(search: SearchFunction, judged: Sequence[Judgement]) -> dict[str, Score]:
    """Return the mean scores over all queries, and over each part and kind of them."""
    scores = [
        (each, reciprocal_rank_and_recall(each, search(each.q)[:TOP_HITS])) for each in judged
    ]
    names = ["all", *dict.fromkeys(each.part for each in judged)]
    names += dict.fromkeys(each.kind for each in judged)
    return {
        name: mean_score(score for each, score in scores if name in {"all", each.part, each.kind})
        for name in names
    }


def search_over_http(client: httpx.Client, admin: httpx.Client) -> SearchFunction:
    """Return a function that searches a service; `admin` may list the external ids."""
    names: dict[str, str] = {}
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": 100} | ({"cursor": cursor} if cursor else {})
        page = admin.get("/v1/editing/questions", params=query).raise_for_status().json()
        names |= {item["id"]: item["external_id"] for item in page["items"]}
        cursor = page["next_cursor"]

    def search(q: str) -> list[str]:
        response = client.get("/v1/search", params={"q": q, "limit": TOP_HITS})
        return [names[item["id"]] for item in response.raise_for_status().json()["items"]]

    return search
