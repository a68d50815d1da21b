"""Generates banks of questions with realistic sizes and facets.

The same number of questions always gives the same bank.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import orjson

CATEGORIES = [f"subject-{number}" for number in range(35)]
COMPANIES = [f"company-{number}" for number in range(9)]
TAGS = [f"tag-{number}" for number in range(20)]
LEVELS = ["intern", "fresher", "experienced", "advanced"]
DIFFICULTIES = ["easy", "medium", "hard"]
WORDS = [
    "model",
    "data",
    "gradient",
    "tree",
    "forest",
    "kernel",
    "margin",
    "cluster",
    "feature",
    "label",
    "loss",
    "network",
    "layer",
    "batch",
    "epoch",
    "sample",
    "variance",
    "bias",
    "metric",
    "recall",
    "precision",
    "threshold",
    "class",
    "weight",
    "vector",
    "matrix",
]


def terms() -> dict[str, list[dict[str, object]]]:
    """Return the bank and the terms of the questions, as `load_terms` reads them."""
    return {
        "banks": [
            {
                "slug": "bench",
                "name": "Bench",
                "description": "",
                "language": "en",
                "read": "public",
                "answers": "restricted",
                "exposure": "open",
                "reveal": "score",
            }
        ],
        "categories": [_term(slug) for slug in CATEGORIES],
        "companies": [_term(slug) for slug in COMPANIES],
        "tags": [_term(slug) for slug in TAGS],
    }


def _term(slug: str) -> dict[str, object]:
    return {"slug": slug, "name": slug.replace("-", " "), "description": "", "aliases": []}


def questions(count: int) -> Iterator[dict[str, object]]:
    """Yield `count` questions in the JSON Lines format of imports."""
    chance = random.Random(count)
    for number in range(count):
        options = [" ".join(chance.choices(WORDS, k=5)) for _ in range(4)]
        yield {
            "external_id": f"bench-{count}-{number}",
            "kind": "single_choice",
            "stem": f"Question {number}: what does " + " ".join(chance.choices(WORDS, k=14)) + "?",
            "options": [
                {"text": f"{text} {index}", "key": index == 0} for index, text in enumerate(options)
            ],
            "explanation": " ".join(chance.choices(WORDS, k=25)),
            "categories": [chance.choice(CATEGORIES)],
            "companies": [chance.choice(COMPANIES)] if chance.random() < 0.2 else [],
            "tags": chance.sample(TAGS, 2),
            "difficulty": chance.choice(DIFFICULTIES),
            "levels": chance.sample(LEVELS, chance.randint(1, 2)),
        }


def write_bank(path: Path, count: int) -> None:
    """Write `count` questions as JSON Lines."""
    with path.open("wb") as file:
        for question in questions(count):
            file.write(orjson.dumps(question) + b"\n")
