"""The editors' list of questions, by filter and by state."""

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from app.core.db.database import Database
from app.core.db.edition_clock import start_epoch
from app.core.secrets import Secrets
from app.kinds import parse_content
from app.published.facets import FacetChoice
from app.published.question_filter import QuestionFilter
from app.questions.bulk_edit import BulkEdit, save_many
from app.questions.listing import QuestionSelection, iter_views, page
from app.taxonomy.service import create_terms
from app.taxonomy.vocabulary import Term, Vocabularies, Vocabulary
from tests.questions.examples import BODIES, make_terms
from tests.support.hypothesis_profiles import scaled
from tests.support.publications import make_bank
from tests.support.serving import Service

PATH = "/v1/editing/questions"
AT_ANY = {"If-Match": "*"}
_numbers = itertools.count(1)
SECRETS = Secrets(("a secret of at least thirty-two characters",))


@pytest.fixture
def bank(service: Service) -> str:
    return service.make_bank()


def ids(service: Service, query: str) -> list[str]:
    return [item["id"] for item in service.admin.get(f"{PATH}?{query}").json()["items"]]


def test_drafts_are_filtered_by_their_newest_revision(service: Service, bank: str) -> None:
    make_terms(service, categories=["ensembles"], companies=["acme"], tags=["viva", "lab"])
    body = {"slug": "boosting", "name": "Boosting", "parent": "ensembles"}
    service.expect(service.admin.post("/v1/editing/categories", json=body), 201)
    first = service.make_question(publish=False, categories=["boosting"], tags=["viva", "lab"])
    second = service.make_question(categories=["ensembles"], companies=["acme"], difficulty="hard")
    third = service.make_question(levels=["fresher", "intern"], language="de", external_id="t-3")
    url = f"{PATH}/{second['id']}"
    service.expect(service.admin.patch(url, json={"tags": ["viva"]}, headers=AT_ANY), 200)
    one, two, three = (str(made["id"]) for made in (first, second, third))
    assert ids(service, "") == [three, two, one]
    for query, expected in {
        "category=ensembles": [two, one],
        "category=boosting": [one],
        "category=-boosting": [three, two],
        "tag=viva": [two, one],
        "tag_all=viva&tag_all=lab": [one],
        "company=Acme": [two],
        "company=-acme": [three, one],
        "difficulty=hard,easy": [three, two, one],
        "difficulty=-easy": [two],
        "level=fresher": [three],
        "level=-fresher": [two, one],
        "language=DE": [three],
        "kind=true_false&bank=science": [three, two, one],
        "kind=open": [],
        "state=draft": [one],
        "state=published&state=draft": [three, two, one],
        "state=archived": [],
        "external_id=t-3&external_id=none": [three],
        "unpublished_changes=true": [two],
        "unpublished_changes=false": [three, one],
        f"exclude={one},{three}": [two],
        "updated_after=2020-01-01T00:00:00Z&tag=lab": [one],
        "updated_after=2199-01-01T00:00:00Z": [],
    }.items():
        assert ids(service, query) == expected, query


def test_pages_have_each_question_once_and_cursors_keep_the_filter(
    service: Service, bank: str
) -> None:
    made = [str(service.make_question(publish=place % 2 == 0)["id"]) for place in range(7)]
    seen: list[str] = []
    query = "state=published&limit=2"
    while True:
        found = service.admin.get(f"{PATH}?{query}").json()
        assert found["total"] == 4
        seen += [item["id"] for item in found["items"]]
        if found["next_cursor"] is None:
            break
        query = f"limit=2&cursor={found['next_cursor']}"
    assert seen == made[::2][::-1]
    cursor = service.admin.get(f"{PATH}?state=published&limit=2").json()["next_cursor"]
    same = service.admin.get(f"{PATH}?state=published&limit=3&cursor={cursor}")
    assert same.status_code == 200
    for other in ("state=draft", "difficulty=easy", "unpublished_changes=true"):
        answer = service.admin.get(f"{PATH}?{other}&cursor={cursor}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["parameter"] == other.partition("=")[0]
    assert service.admin.get(f"{PATH}?cursor=x{cursor}").status_code == 422
    with service.database.write() as session:
        start_epoch(session)
    while (resync := service.admin.get(f"{PATH}?cursor={cursor}")).status_code == 503:
        # The worker reads the bank of the new epoch.
        pass
    assert (resync.status_code, resync.json()["code"]) == (410, "resync_required")


@pytest.mark.parametrize(
    ("query", "parameter", "suggestions"),
    [
        ("stat=draft", "stat", ["state"]),
        ("state=drafts", "state", ["draft"]),
        ("unpublished_changes=yes", "unpublished_changes", ["true", "false"]),
        ("limit=0", "limit", []),
        ("limit=101", "limit", []),
        ("external_id=", "external_id", []),
        ("bank=nowhere", "bank", []),
    ],
)
def test_unknown_parameters_and_values_are_refused(
    service: Service, bank: str, query: str, parameter: str, suggestions: list[str]
) -> None:
    answer = service.admin.get(f"{PATH}?{query}")
    assert answer.status_code == 422
    error = answer.json()["errors"][0]
    assert (error["parameter"], error["suggestions"]) == (parameter, suggestions)


def test_a_key_lists_its_own_banks_only(service: Service, bank: str) -> None:
    service.make_bank(slug="other")
    own = service.make_question()
    service.make_question(bank="other")
    reader = service.make_key("questions:read", banks=(bank,))
    assert [item["id"] for item in reader.get(PATH).json()["items"]] == [own["id"]]
    assert reader.get(f"{PATH}?bank=other").status_code == 422


TERMS = ("a", "b", "c")
CONTENT = st.fixed_dictionaries(
    {
        "categories": st.lists(st.sampled_from(TERMS), unique=True),
        "tags": st.lists(st.sampled_from(TERMS), unique=True),
        "levels": st.lists(st.sampled_from(("intern", "fresher")), unique=True),
        "difficulty": st.sampled_from(("easy", "hard")),
        "language": st.sampled_from(("en", "pt-BR")),
    }
)
CHOICE = st.builds(
    lambda some, none: FacetChoice(tuple(some), tuple(none)),
    st.lists(st.sampled_from(TERMS), max_size=2, unique=True),
    st.lists(st.sampled_from(TERMS), max_size=1),
)


def _choice(*values: str) -> st.SearchStrategy[FacetChoice]:
    return st.builds(
        lambda some, none: FacetChoice(tuple(some), tuple(none)),
        st.lists(st.sampled_from(values), max_size=1),
        st.lists(st.sampled_from(values), max_size=1),
    )


FILTER = st.builds(
    QuestionFilter,
    category=CHOICE,
    tag=CHOICE,
    level=_choice("intern", "fresher"),
    difficulty=_choice("easy", "hard"),
    language=_choice("en", "pt-br"),
    tag_all=st.lists(st.sampled_from(TERMS), max_size=2, unique=True).map(tuple),
)
# `b` is a child of `a`.
VOCABULARIES = Vocabularies(
    Vocabulary([Term("a", "A", "", ()), Term("b", "B", "", (), "a"), Term("c", "C", "", ())]),
    Vocabulary(),
    Vocabulary([Term(slug, slug.upper(), "", ()) for slug in TERMS]),
)


def _matches(content: dict[str, Any], asked: QuestionFilter) -> bool:
    below = {"a": {"a", "b"}, "b": {"b"}, "c": {"c"}}
    have = set(content["categories"])
    some = {slug for each in asked.category.any for slug in below[each]}
    none = {slug for each in asked.category.none for slug in below[each]}
    rules = [not asked.category.any or bool(have & some), not have & none]
    for choice, values in (
        (asked.tag, set(content["tags"])),
        (asked.level, set(content["levels"])),
        (asked.difficulty, {content["difficulty"]}),
        (asked.language, {content["language"].lower()}),
    ):
        rules += [not choice.any or bool(values & set(choice.any)), not values & set(choice.none)]
    return all(rules) and set(asked.tag_all) <= set(content["tags"])


@scaled(0.08, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(CONTENT, CONTENT), min_size=1, max_size=6), st.lists(FILTER, max_size=6))
def test_the_sql_filter_agrees_with_a_plain_model_for_drafts_and_live_revisions(
    database: Database,
    contents: list[tuple[dict[str, Any], dict[str, Any]]],
    filters: list[QuestionFilter],
) -> None:
    bank = f"bank-{next(_numbers)}"
    make_bank(database, bank)
    terms = VOCABULARIES.categories.terms, VOCABULARIES.tags.terms
    with database.write() as session:
        create_terms(session, [("categories", term) for term in terms[0].values()])
        create_terms(session, [("tags", term) for term in terms[1].values()])
    full = [
        tuple(parse_content(BODIES["true_false"] | values) for values in pair) for pair in contents
    ]
    with database.write() as session:
        made = save_many(
            session, SECRETS, [BulkEdit(None, bank, None, one, True) for one, _ in full], None, None
        )
    with database.write() as session:
        save_many(
            session,
            SECRETS,
            [
                BulkEdit(question_id, bank, None, two, False)
                for question_id, (_, two) in zip(made, full, strict=True)
            ],
            None,
            None,
        )
    with database.read() as session:
        for asked in filters:
            for live in (False, True):
                wanted = QuestionSelection([bank], asked, live=live)
                expected = {
                    str(question_id)
                    for question_id, pair in zip(made, contents, strict=True)
                    if _matches(pair[0 if live else 1], asked)
                }
                views = list(iter_views(session, SECRETS, wanted, VOCABULARIES, (), chunk=2))
                assert {view["id"] for view in views} == expected
                assert [view["id"] for view in views] == sorted(expected)
                found, total = page(session, wanted, VOCABULARIES, None, 100)
                assert total == len(found) == len(expected)
