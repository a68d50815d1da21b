"""Reads the files of the seed bank, and states what the outline of its topics requires."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

Question = dict[str, Any]

SEED = Path(__file__).parents[2] / "seed"
TOPICS = frozenset(range(1, 98))
# Topics about the candidate's own work cannot be graded.
PERSONAL = frozenset({9, 19})
CODE = frozenset(range(62, 66))
# Questions on products of a vendor, which may change.
VENDOR = frozenset({47, 48, *range(67, 75), 84})
COMPANIES = {
    "amazon": range(66, 69),
    "microsoft": range(69, 71),
    "google": range(71, 75),
    "accenture": range(75, 77),
    "wipro": range(77, 79),
    "infosys": range(79, 81),
    "tcs": range(81, 83),
    "apple": range(83, 85),
    "facebook": range(85, 87),
}
LEVELS = {
    "intern": range(5, 10),
    "fresher": range(10, 15),
    "experienced": range(15, 20),
    "advanced": range(20, 23),
}
# Groups of topics with the same questions.
REPEATED_TOPICS = (
    {5, 63, 90},
    {91, 96},
    {59, 97},
    {26, 33, 85},
    {42, 86},
    {3, 93},
    {21, 43},
    {57, 80},
    {4, 27, 94},
    {8, 64},
    {53, 54},
    {55, 92},
)
UNGRADED = frozenset({"open", "code"})
CHOICE = frozenset({"single_choice", "multiple_choice"})


@cache
def files() -> dict[str, list[Question]]:
    """Return the questions of each file, by the file's name."""
    return {
        path.stem: [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for path in sorted((SEED / "questions").glob("*.jsonl"))
    }


@cache
def terms() -> dict[str, list[dict[str, Any]]]:
    """Return banks, categories, companies and tags."""
    return dict(json.loads((SEED / "terms.json").read_text("utf-8")))


@cache
def quizzes() -> list[dict[str, Any]]:
    """Return the ready-made quizzes."""
    return list(json.loads((SEED / "quizzes.json").read_text("utf-8")))


def questions(*kinds: str) -> list[Question]:
    """Return the questions of the given kinds, or of all."""
    return [
        question
        for in_file in files().values()
        for question in in_file
        if not kinds or question["kind"] in kinds
    ]


def graded() -> list[Question]:
    """Return the questions that a machine can grade."""
    return [question for question in questions() if question["kind"] not in UNGRADED]


def topic(question: Question) -> int:
    """Return the number of the topic that a question belongs to."""
    return int(question["external_id"][1:4])


def subtree(category: str) -> set[str]:
    """Return a category and its descendants."""
    found = {category}
    while (
        more := {term["slug"] for term in terms()["categories"] if term["parent"] in found} - found
    ):
        found |= more
    return found


def top_categories() -> list[str]:
    """Return the categories without a parent."""
    return [term["slug"] for term in terms()["categories"] if term["parent"] is None]


def texts(question: Question) -> Iterator[str]:
    """Yield each text that people read, except the explanation and code."""
    yield question["stem"]
    yield from question["hints"]
    for option in question.get("options", ()):
        yield option["text"]
        yield option["feedback"]
    if question["kind"] == "open":
        answer = question["answer"]
        yield answer["model"]
        for part in ("key_points", "mistakes", "follow_ups"):
            yield from answer[part]
        for line in answer["rubric"]:
            yield line["criterion"]
