"""The wording of options does not help a candidate who does not know the subject."""

import pytest

from tests.seed.bank import questions
from tests.seed.guesser import CLUES, chance, right_guesses

MARGIN = 0.05


@pytest.mark.parametrize("kind", ["single_choice", "multiple_choice"])
@pytest.mark.parametrize("sign", [1, -1], ids=["most", "least"])
@pytest.mark.parametrize("clue", CLUES)
def test_a_guesser_scores_no_better_than_chance(kind: str, sign: int, clue: str) -> None:
    bank = questions(kind)
    assert right_guesses(bank, CLUES[clue], sign) <= chance(bank) + MARGIN


def test_guessing_true_or_false_scores_no_better_than_chance() -> None:
    statements = questions("true_false")
    true = sum(question["answer"]["value"] for question in statements) / len(statements)
    assert abs(true - 0.5) <= MARGIN


def test_a_longer_statement_is_no_truer() -> None:
    statements = sorted(questions("true_false"), key=lambda question: len(question["stem"]))
    half = len(statements) // 2
    true = [question["answer"]["value"] for question in statements]
    guessed = sum(true[-half:]) + half - sum(true[:half])
    assert 0.4 <= guessed / (2 * half) <= 0.6
