"""Where a real server may be started, the fake one finds exactly what the real one finds."""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.meili.fake import FakeMeili
from tests.support.meili.real import RealMeili, binary

SEED = Path(__file__).parents[3] / "seed" / "questions"
QUERIES = 300
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SETTINGS = {
    "searchableAttributes": ["stem", "options"],
    "filterableAttributes": ["id", "level", "tags"],
    "sortableAttributes": ["level"],
    "dictionary": ["C++", "c++", "k-NN", "k-nn"],
    "synonyms": {"overfitting": ["too complex model"], "knn": ["k-nn"], "svm": ["support vector"]},
    "typoTolerance": {"disableOnNumbers": True},
}
FILTERS = [
    "level > 2",
    "level 2 TO 4",
    "tags = A OR NOT level = 1",
    'tags IN [a, "b c"] AND level != 3',
    "tags IS EMPTY",
    "id NOT IN [1, 2, 3]",
    ["level >= 2", ["tags = a", "tags = d"]],
    "level =",
    "level IN [1",
    "nothing = 1",
    "(level = 1",
]


def documents(chance: random.Random) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for path in sorted(SEED.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            content = json.loads(line)
            options = [str(option["text"]) for option in content.get("options") or []]
            made.append(
                {
                    "id": len(made) + 1,
                    "stem": str(content["stem"]),
                    "options": options,
                    "level": chance.randint(1, 5),
                    "tags": chance.sample(["a", "B c", "d"], chance.randint(0, 2)),
                }
            )
    return made[:600]


def misspelt(chance: random.Random, word: str) -> str:
    place = chance.randrange(len(word))
    end = place + chance.randint(0, 1)
    return word[:place] + chance.choice(LETTERS) * chance.randint(0, 1) + word[end:]


def queries(chance: random.Random, texts: list[str]) -> Iterator[dict[str, Any]]:
    for _ in range(QUERIES):
        words = re.findall(r"[a-zA-Z]{2,}", chance.choice(texts)) or ["model"]
        start = chance.randrange(len(words))
        asked = words[start : start + chance.randint(1, 4)]
        asked = [misspelt(chance, word) if chance.random() < 0.3 else word for word in asked]
        if chance.random() < 0.4:
            asked[-1] = asked[-1][: max(1, len(asked[-1]) - 2)]
        text = " ".join(asked)
        query: dict[str, Any] = {
            "q": f'"{text}"' if chance.random() < 0.1 else text,
            "limit": 1000,
            "attributesToRetrieve": ["id"],
            "matchingStrategy": chance.choice(["last", "last", "all", "frequency"]),
            "facets": ["tags", "level"],
        }
        if chance.random() < 0.4:
            query["filter"] = chance.choice(FILTERS)
        if chance.random() < 0.3:
            query["attributesToSearchOn"] = ["stem"]
        yield query


def found(client: httpx.Client, query: dict[str, Any]) -> dict[str, Any]:
    """Return what a query finds, in no order, or how it is refused."""
    answer = client.post("/indexes/questions/search", json=query)
    body = dict(answer.json())
    if not answer.is_success:
        return {name: body[name] for name in ("code", "message")}
    return {
        "ids": sorted(hit["id"] for hit in body["hits"]),
        "total": body["estimatedTotalHits"],
        "facets": body["facetDistribution"],
        "stats": body["facetStats"],
    }


def filled(meili: FakeMeili | RealMeili, contents: list[dict[str, Any]]) -> httpx.Client:
    headers = {"Authorization": f"Bearer {meili.key}", "Accept-Encoding": "identity"}
    client = httpx.Client(base_url=meili.url, headers=headers, timeout=60.0)
    client.post("/indexes", json={"uid": "questions", "primaryKey": "id"})
    client.patch("/indexes/questions/settings", json=SETTINGS)
    client.post("/indexes/questions/documents", json=contents)
    meili.idle()
    return client


@pytest.mark.skipif(binary() is None, reason="MEILI_BINARY names no server")
def test_both_find_the_same(tmp_path: Path) -> None:
    chance = random.Random(7)
    contents = documents(chance)
    with FakeMeili() as fake, RealMeili(str(binary()), tmp_path / "server") as real:
        one, other = filled(fake, contents), filled(real, contents)
        for query in queries(chance, [document["stem"] for document in contents]):
            assert found(one, query) == found(other, query), query
        one.close()
        other.close()
