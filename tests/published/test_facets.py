"""The declaration of facets agrees with contents, tables and schemas."""

from typing import get_origin

import pytest

from app.catalog.schemas import DeliveredQuestion
from app.kinds import KINDS
from app.kinds.content import Content
from app.published.facets import CONTENT_FACETS, FACETS, Facet
from app.published.feed_columns import FACET_COLUMNS, facet_texts
from app.published.models import Published
from app.published.question_filter import QuestionFilter, QuestionFilterBody, filter_from_canonical
from app.questions.models import Question
from app.questions.schemas import QuestionRead
from app.taxonomy.vocabulary import VOCABULARIES


def _id(facet: Facet) -> str:
    return facet.parameter


def test_each_facet_has_a_name_of_its_own() -> None:
    assert len({facet.parameter for facet in FACETS}) == len(FACETS)
    assert len({facet.column for facet in FACETS}) == len(FACETS)


@pytest.mark.parametrize("facet", FACETS, ids=_id)
def test_each_facet_has_a_column_in_the_change_feed(facet: Facet) -> None:
    assert facet.column in {*FACET_COLUMNS, "bank"}
    assert facet.column in Published.model_fields


@pytest.mark.parametrize("facet", CONTENT_FACETS, ids=_id)
def test_each_facet_of_the_content_is_a_field_of_it(facet: Facet) -> None:
    field = Content.model_fields[facet.column]
    assert (get_origin(field.annotation) is list) == facet.many
    if facet.optional:
        assert field.get_default(call_default_factory=True) is None


@pytest.mark.parametrize("facet", CONTENT_FACETS, ids=_id)
def test_the_list_of_editors_can_be_filtered_by_each_facet(facet: Facet) -> None:
    assert (facet.column in Question.model_fields) == (facet.vocabulary is None)


@pytest.mark.parametrize("facet", CONTENT_FACETS, ids=_id)
def test_each_facet_is_documented(facet: Facet) -> None:
    assert facet.column in DeliveredQuestion.model_fields
    assert facet.column in QuestionRead.model_fields
    assert facet.parameter in QuestionFilterBody.model_fields


@pytest.mark.parametrize("facet", FACETS, ids=_id)
def test_values_come_from_one_source(facet: Facet) -> None:
    sources = [bool(facet.values), facet.vocabulary in VOCABULARIES, facet.pattern is not None]
    assert sum(sources) == (0 if facet.parameter == "bank" else 1)


def test_a_column_holds_the_values_of_the_content() -> None:
    content = {"kind": KINDS[0], "levels": ["intern", "fresher"], "language": "pt-BR"}
    texts = dict(zip(FACET_COLUMNS, facet_texts(content), strict=True))
    assert {name: text for name, text in texts.items() if text} == {
        "kind": KINDS[0],
        "levels": "intern,fresher",
        "language": "pt-BR",
    }
    values = {facet.parameter: facet.values_in(texts[facet.column]) for facet in CONTENT_FACETS}
    assert values["level"] == ["intern", "fresher"]
    assert values["language"] == ("pt-br",)
    assert values["tag"] == values["difficulty"] == ()


def test_the_canonical_text_of_a_filter_does_not_change() -> None:
    # Cursors, marks and quizzes that clients hold contain such texts.
    canonical = (
        '{"bank":[["a"],[]],"category":[["b"],["c"]],"company":[[],["d"]],"difficulty":[["easy"],'
        '[]],"exclude":["00000000-0000-0000-0000-000000000003"],"kind":[["open"],[]],"language":'
        '[["en"],[]],"level":[["intern"],["advanced"]],"tag":[["e"],[]],"tag_all":["f","g"],'
        '"updated_after":5}'
    )
    assert filter_from_canonical(canonical).canonical() == canonical
    assert QuestionFilter().canonical() == "{}"
