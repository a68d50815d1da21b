"""Spelling correction: edit distances, corrections by the lexicon, interpretations of queries."""

import string

from hypothesis import given
from hypothesis import strategies as st

from app.search.embedded.interpreter import Interpreter
from app.search.embedded.lexicon import Lexicon
from app.search.embedded.synonym_table import SynonymTable
from app.search.text.edit_distance import TokenMatrix, allowed_edits, tokens_within

TOKENS = st.text("abc", min_size=1, max_size=9)


def edits(token: str, other: str) -> list[int]:
    """Return the edit distances between a token and each prefix of another, cell by cell."""
    table = [[row + column for column in range(len(other) + 1)] for row in range(len(token) + 1)]
    for row in range(1, len(token) + 1):
        for column in range(1, len(other) + 1):
            table[row][column] = min(
                table[row - 1][column] + 1,
                table[row][column - 1] + 1,
                table[row - 1][column - 1] + (token[row - 1] != other[column - 1]),
            )
            swapped = token[row - 2 : row] == other[column - 2 : column][::-1]
            if min(row, column) > 1 and swapped:
                table[row][column] = min(table[row][column], table[row - 2][column - 2] + 1)
    return table[-1]


@given(TOKENS, st.lists(TOKENS, unique=True, max_size=30), st.sampled_from([1, 2]), st.booleans())
def test_comparing_all_tokens_in_one_step_equals_comparing_each_one(
    token: str, others: list[str], max_edits: int, prefix: bool
) -> None:
    found = dict(tokens_within(token, TokenMatrix(others), max_edits, prefix=prefix))
    expected = {}
    for other in others:
        distances = edits(token, other)
        distance = min(distances) if prefix else distances[-1]
        if distance <= max_edits:
            expected[other] = distance
    assert found == expected


def test_short_tokens_and_names_with_digits_or_signs_are_not_corrected() -> None:
    assert allowed_edits("tree", known=True) == 0
    assert allowed_edits("tere", known=False) == 1
    assert allowed_edits("forest", known=True) == 1
    assert allowed_edits("overfitting", known=True) == 2
    for token in ("1024567", "c++", "resnet50", "a" * 40):
        assert allowed_edits(token, known=False) == 0


def lexicon(**frequencies: int) -> Lexicon:
    return Lexicon(100, [(token, "stem", frequency) for token, frequency in frequencies.items()])


def corrections(
    vocabulary: Lexicon, token: str, *, prefix: bool = False, with_answers: bool = False
) -> list[str]:
    found = vocabulary.corrections(token, prefix=prefix, with_answers=with_answers)
    return [correction.token for correction in found]


def test_the_nearest_and_most_frequent_corrections_come_first() -> None:
    vocabulary = lexicon(gradient=50, gradients=9, gradual=3, radiant=80)
    assert corrections(vocabulary, "gradeint") == ["gradient", "gradients"]
    assert corrections(vocabulary, "grdua", prefix=True) == ["gradual"]


def test_tokens_of_answers_count_only_where_answers_are_searched() -> None:
    vocabulary = Lexicon(9, [("entropy", "stem", 3), ("kurtosis", "answer", 2)])
    assert corrections(vocabulary, "kurtossis") == []
    assert corrections(vocabulary, "kurtossis", with_answers=True) == ["kurtosis"]
    assert vocabulary.frequency("kurtosis", with_answers=False) == 0
    assert vocabulary.prefix_frequency("kurt", with_answers=False) == 0
    assert vocabulary.prefix_frequency("kurt", with_answers=True) == 2
    assert vocabulary.tokens_with_prefix("kurt", 5, with_answers=False) == []


def test_swapped_first_letters_and_a_missing_space_are_corrected() -> None:
    vocabulary = lexicon(gradient=5, cross=4, validation=4)
    assert corrections(vocabulary, "rgadient")[0] == "gradient"
    halves = vocabulary.split_in_two("crossvalidation", with_answers=False)
    assert halves == ("cross", "validation")
    assert vocabulary.split_in_two("crossvalue", with_answers=False) is None


def test_another_form_of_a_long_token_is_a_correction() -> None:
    assert corrections(lexicon(hallucinates=2), "hallucination")[0] == "hallucinates"


def test_tokens_that_no_question_contains_are_not_in_the_lexicon() -> None:
    vocabulary = Lexicon(9, [("entropy", "stem", 0)])
    assert corrections(vocabulary, "entropi") == []


@given(st.text(string.ascii_lowercase + " -'.+#*()", max_size=60))
def test_any_query_can_be_interpreted(text: str) -> None:
    vocabulary = lexicon(gradient=50, descent=9, knn=3)
    synonyms = SynonymTable({"k nn": ("knn",), "": ("x",), "gradient descent": ("sgd", "")})
    interpreter = Interpreter(text, vocabulary, synonyms, with_answers=False)
    exact = interpreter.exact
    corrected = interpreter.corrected(unknown_only=False)
    for interpretation in filter(None, (exact, corrected)):
        for group in interpretation.groups:
            assert group.variants
            assert all(variant.tokens and all(variant.tokens) for variant in group.variants)
            assert text[group.start : group.end]
