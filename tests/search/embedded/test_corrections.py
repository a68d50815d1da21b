"""Misspelt words find what was meant, however many words there are to compare with."""

import string

from hypothesis import given
from hypothesis import strategies as st

from app.search.embedded.interpretation import Equals, Reader
from app.search.embedded.lexicon import Lexicon
from app.search.text.edit_distance import Column, most_edits, nearest

WORD = st.text("abc", min_size=1, max_size=9)


def edits(one: str, other: str) -> list[int]:
    """Return the edits between a word and each beginning of another, one letter at a time."""
    table = [[row + column for column in range(len(other) + 1)] for row in range(len(one) + 1)]
    for row in range(1, len(one) + 1):
        for column in range(1, len(other) + 1):
            table[row][column] = min(
                table[row - 1][column] + 1,
                table[row][column - 1] + 1,
                table[row - 1][column - 1] + (one[row - 1] != other[column - 1]),
            )
            swapped = one[row - 2 : row] == other[column - 2 : column][::-1]
            if min(row, column) > 1 and swapped:
                table[row][column] = min(table[row][column], table[row - 2][column - 2] + 1)
    return table[-1]


@given(WORD, st.lists(WORD, unique=True, max_size=30), st.sampled_from([1, 2]), st.booleans())
def test_all_words_compared_at_once_are_those_compared_one_by_one(
    word: str, others: list[str], most: int, prefix: bool
) -> None:
    found = dict(nearest(word, Column(others), most, prefix=prefix))
    expected = {}
    for other in others:
        rows = edits(word, other)
        least = min(rows) if prefix else rows[-1]
        if least <= most:
            expected[other] = least
    assert found == expected


def test_short_words_and_names_with_digits_are_left_alone() -> None:
    assert most_edits("tree", known=True) == 0
    assert most_edits("tere", known=False) == 1
    assert most_edits("forest", known=True) == 1
    assert most_edits("overfitting", known=True) == 2
    for word in ("1024567", "c++", "resnet50", "a" * 40):
        assert most_edits(word, known=False) == 0


def lexicon(**counts: int) -> Lexicon:
    return Lexicon(100, [(word, "stem", count) for word, count in counts.items()])


def test_the_nearest_and_commonest_come_first() -> None:
    words = lexicon(gradient=50, gradients=9, gradual=3, radiant=80)
    found = words.corrections("gradeint", prefix=False, answers=False)
    assert [each.word for each in found] == ["gradient", "gradients"]
    begun = words.corrections("grdua", prefix=True, answers=False)
    assert [each.word for each in begun] == ["gradual"]


def test_words_of_answers_stand_apart() -> None:
    words = Lexicon(9, [("entropy", "stem", 3), ("kurtosis", "answer", 2)])
    assert words.corrections("kurtossis", prefix=False, answers=False) == []
    assert [each.word for each in words.corrections("kurtossis", prefix=False, answers=True)] == [
        "kurtosis"
    ]
    assert words.count("kurtosis", answers=False) == 0
    assert words.prefix_count("kurt", answers=False) == 0
    assert words.prefix_count("kurt", answers=True) == 2
    assert words.starting_with("kurt", 5, answers=False) == []


def test_swapped_first_letters_and_a_missing_space_are_seen() -> None:
    words = lexicon(gradient=5, cross=4, validation=4)
    assert words.corrections("rgadient", prefix=False, answers=False)[0].word == "gradient"
    assert words.halves("crossvalidation", answers=False) == ("cross", "validation")
    assert words.halves("crossvalue", answers=False) is None


def test_other_forms_of_a_long_word_are_seen() -> None:
    words = lexicon(hallucinates=2)
    assert words.corrections("hallucination", prefix=False, answers=False)[0].word == "hallucinates"


def test_words_that_no_question_holds_any_more_are_no_words() -> None:
    words = Lexicon(9, [("entropy", "stem", 0)])
    assert words.corrections("entropi", prefix=False, answers=False) == []


@given(st.text(string.ascii_lowercase + " -'.+#*()", max_size=60))
def test_any_words_can_be_read(text: str) -> None:
    words = lexicon(gradient=50, descent=9, knn=3)
    equals = Equals({"k nn": ("knn",), "": ("x",), "gradient descent": ("sgd", "")})
    reader = Reader(text, words, equals, answers=False)
    exact = reader.exact
    corrected = reader.corrected(unknown_only=False)
    for reading in filter(None, (exact, corrected)):
        for group in reading.groups:
            assert group.ways
            assert all(way.words and all(way.words) for way in group.ways)
            assert text[group.start : group.end]
