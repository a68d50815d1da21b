"""The rights of callers, from their keys and the rules of banks."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.delegation import RULE_VALUES, opened_rules
from app.access.rights import ANONYMOUS, AnswerRight, BankRules, Caller, Rights
from app.access.scopes import BANK_SCOPES, GLOBAL_SCOPES, SCOPES, Scope, with_implied_scopes
from app.core.errors import Problem

SLUGS = ("a", "b", "c", "d")


@st.composite
def _rules(draw: st.DrawFn) -> dict[str, BankRules]:
    return {
        slug: BankRules(
            slug=slug,
            name=slug,
            description="",
            language="en",
            **{rule: draw(st.sampled_from(values)) for rule, values in RULE_VALUES.items()},  # type: ignore[arg-type]
        )
        for slug in draw(st.sets(st.sampled_from(SLUGS)))
    }


_banks = st.frozensets(st.sampled_from(SLUGS))
_scopes = st.frozensets(st.sampled_from(sorted(SCOPES)), max_size=4)
_secret = st.builds(
    Caller, kind=st.just("secret"), scopes=_scopes, banks=st.one_of(st.none(), _banks)
)
_publishable = st.builds(Caller, kind=st.just("publishable"), banks=_banks)
_callers = st.one_of(st.just(ANONYMOUS), _secret, _publishable)


@given(_rules(), _callers)
def test_nobody_reads_an_exam_bank_in_delivery(banks: dict[str, BankRules], caller: Caller) -> None:
    rights = Rights(banks)
    exams = {slug for slug, bank in banks.items() if bank.exposure == "exam"}
    assert not rights.readable(caller) & exams
    assert rights.answerable(caller) <= rights.readable(caller) <= rights.visible(caller)
    if caller.kind != "secret":
        assert not rights.visible(caller) & exams


@given(_rules(), _callers)
def test_a_key_sees_only_its_banks(banks: dict[str, BankRules], caller: Caller) -> None:
    seen = Rights(banks).visible(caller)
    if caller.kind == "anonymous":
        assert all(banks[slug].read == "public" for slug in seen)
    elif caller.banks is not None:
        assert seen <= caller.banks


@given(_rules(), _publishable)
def test_a_publishable_key_has_the_rights_of_anonymous_callers(
    banks: dict[str, BankRules], caller: Caller
) -> None:
    rights = Rights(banks)
    open_to_all = Rights({slug: replace(bank, read="public") for slug, bank in banks.items()})
    assert rights.answerable(caller) == open_to_all.answerable(ANONYMOUS) & (caller.banks or set())
    assert not any(caller.may(scope) for scope in SCOPES)


@given(_rules(), _callers)
def test_answers_need_a_public_bank_or_the_scope(
    banks: dict[str, BankRules], caller: Caller
) -> None:
    rights = Rights(banks)
    for slug in rights.readable(caller):
        may = banks[slug].answers == "public" or caller.may("answers:read", slug)
        assert (slug in rights.answerable(caller)) is may
        if may:
            assert rights.answer_right(caller, [slug]).banks == {slug}
        else:
            with pytest.raises(Problem) as refused:
                rights.answer_right(caller, [slug])
            assert refused.value.code == "answers_not_allowed"


def test_a_right_to_answers_cannot_be_made_elsewhere() -> None:
    with pytest.raises(TypeError):
        AnswerRight(frozenset({"a"}), object())
    with pytest.raises(Problem):
        Rights({}).answer_right(ANONYMOUS, [])


def test_implied_scopes() -> None:
    assert with_implied_scopes({"questions:write"}) == {
        "questions:write",
        "questions:read",
        "answers:read",
    }
    assert with_implied_scopes({"admin"}) == SCOPES
    assert set(get_args(Scope)) == SCOPES == BANK_SCOPES | GLOBAL_SCOPES


def test_a_global_scope_needs_a_key_on_all_banks() -> None:
    narrow = Caller(kind="secret", scopes=frozenset({"admin", "banks:write"}), banks=frozenset("a"))
    assert not any(narrow.may(scope) for scope in GLOBAL_SCOPES)
    assert not narrow.is_admin
    wide = replace(narrow, banks=None)
    assert all(wide.may(scope, "any") for scope in SCOPES)


@given(_rules(), _callers, st.sampled_from(sorted(BANK_SCOPES)), st.sampled_from(SLUGS))
def test_an_invisible_bank_is_not_found_rather_than_forbidden(
    banks: dict[str, BankRules], caller: Caller, scope: str, slug: str
) -> None:
    rights = Rights(banks)
    expected = None
    if slug not in rights.visible(caller):
        expected = "not_found"
    elif not caller.may(scope, slug):
        expected = "missing_scope"
    try:
        rights.require(caller, scope, slug)
        found = None
    except Problem as refused:
        found = refused.code
    assert found == expected
    assert (slug in rights.with_scope(caller, scope)) is (expected is None)


@given(_rules(), st.data())
def test_opened_rules_are_those_that_became_more_open(
    banks: dict[str, BankRules], data: st.DataObject
) -> None:
    for before in banks.values():
        rule = data.draw(st.sampled_from(sorted(RULE_VALUES)))
        value = data.draw(st.sampled_from(RULE_VALUES[rule]))
        after = replace(before, **{rule: value})  # type: ignore[arg-type]
        is_more = RULE_VALUES[rule].index(value) > RULE_VALUES[rule].index(getattr(before, rule))
        assert opened_rules(before, after) == ([rule] if is_more else [])
        assert opened_rules(before, before) == []
