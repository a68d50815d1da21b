"""The fake server finds exactly what a real server finds; needs MEILI_BINARY."""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.meili.fake import FakeMeili
from tests.support.meili.real import RealMeili, binary_path

SEED = Path(__file__).parents[3] / "seed" / "questions"
QUERY_COUNT = 300
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


def make_documents(rng: random.Random) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted(SEED.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            content = json.loads(line)
            options = [str(option["text"]) for option in content.get("options") or []]
            found.append(
                {
                    "id": len(found) + 1,
                    "stem": str(content["stem"]),
                    "options": options,
                    "level": rng.randint(1, 5),
                    "tags": rng.sample(["a", "B c", "d"], rng.randint(0, 2)),
                }
            )
    return found[:600]


def misspelt(rng: random.Random, word: str) -> str:
    position = rng.randrange(len(word))
    end = position + rng.randint(0, 1)
    return word[:position] + rng.choice(LETTERS) * rng.randint(0, 1) + word[end:]


def make_queries(rng: random.Random, texts: list[str]) -> Iterator[dict[str, Any]]:
    for _ in range(QUERY_COUNT):
        words = re.findall(r"[a-zA-Z]{2,}", rng.choice(texts)) or ["model"]
        start = rng.randrange(len(words))
        query_words = words[start : start + rng.randint(1, 4)]
        query_words = [misspelt(rng, word) if rng.random() < 0.3 else word for word in query_words]
        if rng.random() < 0.4:
            query_words[-1] = query_words[-1][: max(1, len(query_words[-1]) - 2)]
        text = " ".join(query_words)
        query: dict[str, Any] = {
            "q": f'"{text}"' if rng.random() < 0.1 else text,
            "limit": 1000,
            "attributesToRetrieve": ["id"],
            "matchingStrategy": rng.choice(["last", "last", "all", "frequency"]),
            "facets": ["tags", "level"],
        }
        if rng.random() < 0.4:
            query["filter"] = rng.choice(FILTERS)
        if rng.random() < 0.3:
            query["attributesToSearchOn"] = ["stem"]
        yield query


def search_result(client: httpx.Client, query: dict[str, Any]) -> dict[str, Any]:
    """Return the sorted ids and the counts of a response, or its error."""
    response = client.post("/indexes/questions/search", json=query)
    body = dict(response.json())
    if not response.is_success:
        return {name: body[name] for name in ("code", "message")}
    return {
        "ids": sorted(hit["id"] for hit in body["hits"]),
        "total": body["estimatedTotalHits"],
        "facets": body["facetDistribution"],
        "stats": body["facetStats"],
    }


def client_with_documents(
    meili: FakeMeili | RealMeili, contents: list[dict[str, Any]]
) -> httpx.Client:
    headers = {"Authorization": f"Bearer {meili.key}", "Accept-Encoding": "identity"}
    client = httpx.Client(base_url=meili.url, headers=headers, timeout=60.0)
    client.post("/indexes", json={"uid": "questions", "primaryKey": "id"})
    client.patch("/indexes/questions/settings", json=SETTINGS)
    client.post("/indexes/questions/documents", json=contents)
    meili.wait_until_idle()
    return client


@pytest.mark.skipif(binary_path() is None, reason="MEILI_BINARY names no server")
def test_the_fake_and_a_real_server_find_the_same(tmp_path: Path) -> None:
    rng = random.Random(7)
    contents = make_documents(rng)
    with FakeMeili() as fake, RealMeili(str(binary_path()), tmp_path / "server") as real:
        fake_client = client_with_documents(fake, contents)
        real_client = client_with_documents(real, contents)
        for query in make_queries(rng, [document["stem"] for document in contents]):
            assert search_result(fake_client, query) == search_result(real_client, query), query
        fake_client.close()
        real_client.close()
