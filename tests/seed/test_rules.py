"""The seed bank covers its outline, and its items follow the rules of item writing."""

import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from app.kinds import parse_content
from tests.seed import rules
from tests.seed.bank import (
    CHOICE,
    CODE,
    COMPANIES,
    LEVELS,
    PERSONAL,
    REPEATED_TOPICS,
    TOPICS,
    UNGRADED,
    VENDOR,
    Question,
    files,
    graded,
    questions,
    subtree,
    terms,
    top_categories,
    topic,
)

BANK = questions()
KINDS = {
    "single_choice": "single",
    "multiple_choice": "multiple",
    "true_false": "true-false",
    "numeric": "numeric",
    "short_text": "text",
    "open": "open",
    "code": "code",
}
# From this number of questions on, a category is called large.
LARGE_CATEGORY = 15


def faults(rule: Callable[[Question], Iterator[str]], *kinds: str) -> list[str]:
    return [
        f"{question['external_id']} {fault}"
        for question in questions(*kinds)
        for fault in rule(question)
    ]


def test_at_least_three_hundred_questions_can_be_graded() -> None:
    assert len(graded()) >= 300


def test_every_topic_has_its_interview_question() -> None:
    counts = Counter(topic(question) for question in questions("open", "code"))
    assert counts == Counter(TOPICS)
    assert {topic(question) for question in questions("code")} == CODE


def test_every_topic_but_the_personal_ones_has_a_single_choice() -> None:
    assert {topic(question) for question in questions("single_choice")} == TOPICS - PERSONAL
    assert not PERSONAL & {topic(question) for question in graded()}


def test_every_company_topic_has_five_graded_questions_of_mixed_kinds() -> None:
    for company, topics in COMPANIES.items():
        of_company = [question for question in graded() if company in question["companies"]]
        assert len(of_company) >= 10, company
        for number in topics:
            kinds = Counter(question["kind"] for question in graded() if topic(question) == number)
            assert kinds.total() >= 5, number
            assert len(kinds) >= 3, number


@pytest.mark.parametrize("kind", ["multiple_choice", "true_false", "numeric", "short_text"])
def test_every_other_kind_that_can_be_graded_has_fifteen(kind: str) -> None:
    assert len(questions(kind)) >= 15


def test_companies_and_their_evidence_are_those_of_the_outline() -> None:
    expected = {number: company for company, topics in COMPANIES.items() for number in topics}
    for question in BANK:
        company = expected.get(topic(question))
        assert question["companies"] == ([company] if company else []), question["external_id"]
        assert question["evidence"].keys() == set(question["companies"]), question["external_id"]


def test_levels_are_given_and_those_of_the_outline_kept() -> None:
    expected = {number: level for level, topics in LEVELS.items() for number in topics}
    for question in BANK:
        if level := expected.get(topic(question)):
            assert question["levels"] == [level], question["external_id"]
        assert question["levels"], question["external_id"]
    for level in LEVELS:
        assert sum(level in question["levels"] for question in graded()) >= 50, level


def test_large_categories_have_questions_of_every_difficulty() -> None:
    for term in terms()["categories"]:
        below = subtree(term["slug"])
        found = [question for question in BANK if below & set(question["categories"])]
        assert found, term["slug"]
        if len(found) >= LARGE_CATEGORY:
            difficulties = Counter(question["difficulty"] for question in found)
            assert min(difficulties[name] for name in ("easy", "medium", "hard")) >= 2, term["slug"]


def test_each_file_holds_the_questions_of_one_primary_category_in_order() -> None:
    known = {term["slug"] for term in terms()["categories"]}
    for name, in_file in files().items():
        assert name in known
        assert {question["categories"][0] for question in in_file} == {name}
        names = [question["external_id"] for question in in_file]
        assert names == sorted(names)


def test_external_ids_are_unique_and_name_topic_and_kind() -> None:
    names = [question["external_id"] for question in BANK]
    assert len(set(names)) == len(names)
    for question in BANK:
        pattern = rf"t\d{{3}}-{KINDS[question['kind']]}(-\d)?"
        assert re.fullmatch(pattern, question["external_id"]), question["external_id"]


def test_every_question_is_valid() -> None:
    for question in BANK:
        parse_content({key: value for key, value in question.items() if key != "external_id"})


def test_terms_are_known_and_tags_name_a_format_and_a_role() -> None:
    tags = {term["slug"]: term["group"] for term in terms()["tags"]}
    categories = {term["slug"] for term in terms()["categories"]}
    for question in BANK:
        assert set(question["categories"]) <= categories, question["external_id"]
        assert {tags[tag] for tag in question["tags"]} == {"format", "role"}, question[
            "external_id"
        ]


def test_questions_take_a_realistic_time() -> None:
    for question in BANK:
        least, most = (120, 2400) if question["kind"] in UNGRADED else (20, 240)
        assert least <= question["time_seconds"] <= most, question["external_id"]


def test_only_vendor_topics_have_a_date_of_review() -> None:
    for question in BANK:
        assert bool(question["review_by"]) == (topic(question) in VENDOR), question["external_id"]


def test_sources_and_licences_are_named_only_where_there_are_some() -> None:
    for question in BANK:
        source = question["source"]
        assert source is None or source["title"] or source["url"], question["external_id"]
        assert question["licence"] is None, question["external_id"]


def test_questions_that_give_each_other_away_share_a_family() -> None:
    families = {
        number: {
            question["family"]
            for question in questions("open", "code")
            if topic(question) == number
        }
        for number in TOPICS
    }
    assert all(question["family"] for question in BANK)
    for topics in REPEATED_TOPICS:
        assert len(set.union(*(families[number] for number in topics))) == 1, topics


@pytest.mark.parametrize("rule", [rules.key_faults, rules.option_faults, rules.form_faults])
def test_options_are_well_formed(rule: Callable[[Question], Iterator[str]]) -> None:
    assert not faults(rule, *CHOICE)


def test_stems_ask_a_full_question_and_emphasise_negatives() -> None:
    assert not faults(rules.stem_faults, *(set(KINDS) - UNGRADED - {"true_false"}))


def test_texts_are_within_their_lengths() -> None:
    assert not faults(rules.length_faults)


def test_markup_is_closed() -> None:
    assert not faults(rules.markup_faults)


def test_the_key_is_seldom_the_longest_or_the_shortest_option() -> None:
    single = questions("single_choice")
    for extreme in (1, -1):
        assert sum(rules.key_is(question, extreme) for question in single) <= len(single) / 3


def test_keys_are_spread_over_the_positions() -> None:
    positions = Counter(
        [option["key"] for option in question["options"]].index(True)
        for question in questions("single_choice")
    )
    assert max(positions.values()) <= 0.3 * positions.total()
    assert min(positions[each] for each in range(4)) >= 0.2 * positions.total()


def test_the_rank_of_the_key_among_numeric_options_is_not_predictable() -> None:
    ordered = [
        question
        for question in questions("single_choice")
        if all(re.fullmatch(r"-?\d+(\.\d+)?", option["text"]) for option in question["options"])
    ]
    ranks = Counter(
        sorted(float(option["text"]) for option in question["options"]).index(
            float(rules.keys(question)[0])
        )
        for question in ordered
    )
    assert not ordered or max(ranks.values()) <= max(2, len(ordered) / 2)


def test_a_word_of_the_stem_is_seldom_in_the_key_alone() -> None:
    choice = questions(*CHOICE)
    assert sum(bool(rules.giveaway_words(question)) for question in choice) <= len(choice) / 20


@pytest.mark.parametrize("pattern", [rules.ABSOLUTES, rules.HEDGES], ids=["absolutes", "hedges"])
def test_absolutes_and_hedges_are_as_frequent_in_keys_as_in_distractors(
    pattern: re.Pattern[str],
) -> None:
    choice = questions(*CHOICE)
    right = rules.share_with(pattern, [key for item in choice for key in rules.keys(item)])
    wrong = rules.share_with(pattern, [text for item in choice for text in rules.distractors(item)])
    assert wrong <= 1.5 * right + 0.005
    assert right <= 1.5 * wrong + 0.005


def test_no_run_of_eight_words_is_repeated() -> None:
    assert not rules.repeated_runs(BANK)


def test_top_categories_have_ten_questions() -> None:
    for category in top_categories():
        if category != "experience":
            below = subtree(category)
            found = [question for question in graded() if below & set(question["categories"])]
            assert len(found) >= 10, category
