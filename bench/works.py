"""The kinds of work that a server is loaded with: for each, the request paths to rotate."""

import random

from bench.banks import CATEGORIES, COMPANIES, DIFFICULTIES, LEVELS, TAGS
from bench.prepared import PreparedBank

PATHS_PER_WORK = 500


def random_filter(chance: random.Random) -> str:
    """Return a filter of one to three parameters, as part of a query string."""
    parts = [
        f"category={chance.choice(CATEGORIES)}",
        f"difficulty={chance.choice(DIFFICULTIES)}",
        f"level={chance.choice(LEVELS)}",
        f"tag={chance.choice(TAGS)}",
        f"company={chance.choice(COMPANIES)}",
    ]
    return "&".join(chance.sample(parts, chance.randint(1, 3)))


def request_paths(bank: PreparedBank) -> dict[str, list[str]]:
    """Return the paths of each kind of work over a bank; {n} stands for a new number each time."""
    chance = random.Random(7)
    draw = "/v1/questions/random?count=10"
    return {
        "draw 10, unfiltered": [draw],
        "draw 10, rotating filters": [
            f"{draw}&{random_filter(chance)}" for _ in range(PATHS_PER_WORK)
        ],
        "draw 10, seeded, rotating filters": [
            f"{draw}&seed=s{number}&{random_filter(chance)}" for number in range(PATHS_PER_WORK)
        ],
        "draw 10, every seed new, rotating filters": [
            f"{draw}&seed={{n}}&{random_filter(chance)}" for _ in range(PATHS_PER_WORK)
        ],
        "draw 10, every seed new, worst filter": [
            f"{draw}&seed={{n}}&category=-{CATEGORIES[0]}&exclude={bank.ids[0]}"
        ],
        "one by id": [f"/v1/questions/{question_id}" for question_id in bank.ids],
        "page of 20": [
            f"/v1/questions?limit=20&{random_filter(chance)}" for _ in range(PATHS_PER_WORK)
        ],
    }
