"""Names are found in any spelling, slugs are valid, and categories form a tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.fields import MAX_SLUG, is_slug
from app.taxonomy.vocabulary import Term, Vocabulary, fold, slugify


def _term(slug: str, *aliases: str, name: str = "", parent: str | None = None) -> Term:
    return Term(slug, name or slug.replace("-", " ").title(), "", aliases, parent)


FACEBOOK = _term("facebook", "Meta", "Meta Platforms", name="Facebook")
VOCABULARY = Vocabulary([_term("netflix"), FACEBOOK, _term("amazon"), _term("apple")])


@given(st.text())
def test_slugify_returns_a_slug_or_an_empty_string(text: str) -> None:
    slug = slugify(text)
    assert slug == "" or is_slug(slug)
    assert slugify(slug) == slug


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Lab viva", "lab-viva"),
        ("  K-Means++ ", "k-means-plus-plus"),
        ("C#", "c-sharp"),
        ("C", "c"),
        ("R&D", "r-and-d"),
        ("Übergröße", "ubergrosse"),
        ("数学", ""),
        ("--", ""),
        ("01983a5e-7f3c-7bd2-9c4e-0a1b2c3d4e5f", ""),
        ("x" * 100, "x" * MAX_SLUG),
        ("word " * 20, "-".join(["word"] * 13)[:MAX_SLUG]),
    ],
)
def test_slugify_examples(text: str, slug: str) -> None:
    assert slugify(text) == slug


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert fold(f"  {text}\t") == folded


@pytest.mark.parametrize(
    "text", ["facebook", "FACEBOOK", " Facebook ", "meta", "META  platforms", "ｍｅｔａ"]
)
def test_a_term_is_found_by_slug_name_or_alias_in_any_case(text: str) -> None:
    assert VOCABULARY.resolve(text) == "facebook"


@pytest.mark.parametrize("text", ["", "faceboo", "meta,", "-meta", "netflix amazon"])
def test_an_unknown_name_is_not_found(text: str) -> None:
    assert VOCABULARY.resolve(text) is None


def test_suggestions_are_slugs_for_slugs_names_and_aliases() -> None:
    assert VOCABULARY.near("Amazn") == ["amazon"]
    assert VOCABULARY.near("metta") == ["facebook"]
    assert VOCABULARY.near("meta platfroms") == ["facebook"]
    assert VOCABULARY.near("qqq") == VOCABULARY.near("") == []
    alike = Vocabulary([_term(f"term-{letter}") for letter in "abcdef"])
    assert len(alike.near("term-x")) == 3


@given(st.text(max_size=300))
def test_there_are_at_most_three_suggestions(text: str) -> None:
    near = VOCABULARY.near(text)
    assert set(near) <= VOCABULARY.terms.keys()
    assert len(near) == len(set(near)) <= 3


def test_terms_are_ordered_by_name() -> None:
    terms = Vocabulary([_term("a", name="zulu"), _term("b", name="Alpha"), _term("c", name="beta")])
    assert list(terms.terms) == ["b", "c", "a"]


@st.composite
def _trees(draw: st.DrawFn) -> dict[str, str | None]:
    count = draw(st.integers(1, 12))
    parents: dict[str, str | None] = {}
    for place in range(count):
        above = draw(st.one_of(st.none(), st.integers(0, place - 1))) if place else None
        parents[f"c{place}"] = None if above is None else f"c{above}"
    return parents


@given(_trees())
def test_a_subtree_has_all_descendants(parents: dict[str, str | None]) -> None:
    vocabulary = Vocabulary(_term(slug, parent=parent) for slug, parent in parents.items())

    def leads_to(slug: str | None, top: str) -> bool:
        return slug is not None and (slug == top or leads_to(parents[slug], top))

    for top in parents:
        assert vocabulary.subtree(top) == {slug for slug in parents if leads_to(slug, top)}


def test_a_flat_term_is_its_own_subtree() -> None:
    assert VOCABULARY.subtree("facebook") == {"facebook"}
