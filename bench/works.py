"""What is asked of a server: for each kind of work the addresses that rotate."""

import random

from bench.banks import CATEGORIES, COMPANIES, DIFFICULTIES, LEVELS, TAGS
from bench.prepared import Prepared

ADDRESSES = 500


def filters(chance: random.Random) -> str:
    """Return one filter in query form, of one to three parameters."""
    parts = [
        f"category={chance.choice(CATEGORIES)}",
        f"difficulty={chance.choice(DIFFICULTIES)}",
        f"level={chance.choice(LEVELS)}",
        f"tag={chance.choice(TAGS)}",
        f"company={chance.choice(COMPANIES)}",
    ]
    return "&".join(chance.sample(parts, chance.randint(1, 3)))


def works(bank: Prepared) -> dict[str, list[str]]:
    """Return the addresses of each kind of work over a bank; {n} is another one each time."""
    chance = random.Random(7)
    draw = "/v1/questions/random?count=10"
    return {
        "draw 10, unfiltered": [draw],
        "draw 10, rotating filters": [f"{draw}&{filters(chance)}" for _ in range(ADDRESSES)],
        "draw 10, seeded, rotating filters": [
            f"{draw}&seed=s{at}&{filters(chance)}" for at in range(ADDRESSES)
        ],
        "draw 10, every seed new, rotating filters": [
            f"{draw}&seed={{n}}&{filters(chance)}" for _ in range(ADDRESSES)
        ],
        "draw 10, every seed new, worst filter": [
            f"{draw}&seed={{n}}&category=-{CATEGORIES[0]}&exclude={bank.ids[0]}"
        ],
        "one by id": [f"/v1/questions/{question_id}" for question_id in bank.ids],
        "page of 20": [f"/v1/questions?limit=20&{filters(chance)}" for _ in range(ADDRESSES)],
    }
