"""A candidate who does not know the subject and guesses from the wording alone."""

import re
from collections.abc import Callable, Iterable
from statistics import fmean, median

from tests.seed.bank import Question
from tests.seed.rules import ABSOLUTES, HEDGES, content_words

Score = Callable[[str, str, list[str]], float]


def _length(_stem: str, option: str, _others: list[str]) -> float:
    return len(option)


def _words(_stem: str, option: str, _others: list[str]) -> float:
    return len(option.split())


def _qualified(_stem: str, option: str, _others: list[str]) -> float:
    return len(HEDGES.findall(option)) + len(re.findall(r"[,;:()]|\d+", option))


def _hedged(_stem: str, option: str, _others: list[str]) -> float:
    return len(HEDGES.findall(option))


def _absolute(_stem: str, option: str, _others: list[str]) -> float:
    return len(ABSOLUTES.findall(option))


def _odd_length(_stem: str, option: str, others: list[str]) -> float:
    return abs(len(option) - median(map(len, others)))


def _odd_start(_stem: str, option: str, others: list[str]) -> float:
    return sum(other.split()[0] != option.split(maxsplit=1)[0] for other in others)


def _odd_marks(_stem: str, option: str, others: list[str]) -> float:
    return sum(_marks(other) != _marks(option) for other in others)


def _stem_words(stem: str, option: str, _others: list[str]) -> float:
    return len(_all_words(stem) & _all_words(option))


def _stem_content(stem: str, option: str, _others: list[str]) -> float:
    return len(content_words(stem) & content_words(option))


def _like_the_others(_stem: str, option: str, others: list[str]) -> float:
    return sum(len(_all_words(other) & _all_words(option)) for other in others)


def _marks(text: str) -> list[str]:
    return sorted(re.findall(r"[^\w\s]", text))


def _all_words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


CLUES: dict[str, Score] = {
    "length": _length,
    "words": _words,
    "qualified": _qualified,
    "hedged": _hedged,
    "absolute": _absolute,
    "odd length": _odd_length,
    "odd start": _odd_start,
    "odd marks": _odd_marks,
    "words of the stem": _stem_words,
    "content words of the stem": _stem_content,
    "like the others": _like_the_others,
}


def right_guesses(bank: Iterable[Question], clue: Score, sign: int) -> float:
    """Return how often the option with the highest (+1) or lowest (-1) score is right.

    Among options with the same score, the guesser picks one at random.
    """
    return fmean(_expected(question, clue, sign) for question in bank)


def chance(bank: Iterable[Question]) -> float:
    """Return how often an option picked at random is right."""
    return fmean(fmean(float(option["key"]) for option in question["options"]) for question in bank)


def _expected(question: Question, clue: Score, sign: int) -> float:
    options = question["options"]
    shown = [option["text"] for option in options]
    scores = [
        sign * clue(question["stem"], text, shown[:index] + shown[index + 1 :])
        for index, text in enumerate(shown)
    ]
    best = max(scores)
    return fmean(
        float(option["key"]) for option, score in zip(options, scores, strict=True) if score == best
    )
