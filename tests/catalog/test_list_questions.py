"""Lists of questions: filters, sort orders, pages, and changes during a walk through them."""

import random
from collections.abc import Callable

import pytest

from app.core.db.edition_clock import start_epoch
from app.core.settings import Settings
from tests.catalog.support import ADMIN, CatalogWorker, Question, make_question, make_questions


def _walk(
    worker: CatalogWorker, address: str, between: Callable[[int], None] = lambda _: None
) -> list[str]:
    seen: list[str] = []
    cursor, page = "", 0
    while True:
        answer = worker.read(f"{address}{cursor}")
        seen += [item["id"] for item in answer["items"]]
        if answer["next_cursor"] is None:
            return seen
        cursor = f"&cursor={answer['next_cursor']}"
        between(page)
        page += 1


def test_the_default_order_is_newest_first(worker: CatalogWorker) -> None:
    questions = [make_question() for _ in range(5)]
    worker.publish(*questions)
    questions[0].revision = 2
    worker.publish(questions[0])
    worker.follow()
    ids = [str(question.id) for question in questions]
    assert _walk(worker, "/v1/questions?limit=2") == ids[::-1]
    assert _walk(worker, "/v1/questions?limit=2&sort=oldest") == ids
    assert _walk(worker, "/v1/questions?limit=2&sort=updated") == [ids[0], *ids[:0:-1]]
    assert worker.read("/v1/questions?limit=2")["total"] == 5


@pytest.mark.parametrize("sort", ["newest", "oldest"])
@pytest.mark.parametrize("seed", range(3))
def test_a_walk_visits_unchanged_questions_exactly_once(
    worker: CatalogWorker, sort: str, seed: int
) -> None:
    chance = random.Random(seed)
    staying = [make_question(difficulty="hard") for _ in range(12)]
    leaving = [make_question(difficulty="hard") for _ in range(6)]
    both = [*staying, *leaving]
    chance.shuffle(both)
    worker.publish(*both)
    worker.follow()

    def between(page: int) -> None:
        if page < len(leaving):
            worker.withdraw(leaving[page])
        changed = chance.choice(staying)
        changed.revision += 1
        worker.publish(changed, make_question(difficulty="hard"), make_question())
        worker.follow()

    seen = _walk(worker, f"/v1/questions?limit=3&difficulty=hard&sort={sort}", between)
    assert len(seen) == len(set(seen))
    ids = [str(question.id) for question in both]
    stayed = {str(question.id) for question in staying}
    positions = [ids.index(found) for found in seen if found in stayed]
    assert {found for found in seen if found in stayed} == stayed
    assert positions == sorted(positions, reverse=sort == "newest")


def test_a_walk_by_last_change_visits_everything_exactly_once(worker: CatalogWorker) -> None:
    questions = [make_question() for _ in range(10)]
    worker.publish(*questions)
    worker.follow()

    def between(page: int) -> None:
        if page < 2:
            questions[9 - page].revision += 1
            worker.publish(questions[9 - page])
            worker.follow()

    seen = _walk(worker, "/v1/questions?limit=2&sort=updated", between)
    assert sorted(seen) == sorted(str(question.id) for question in questions)


def test_parameters_beside_a_cursor_must_be_equal_to_its_own(worker: CatalogWorker) -> None:
    worker.publish(*(make_question(difficulty="hard", tags=("viva",)) for _ in range(5)))
    worker.follow()
    first = worker.read("/v1/questions?limit=2&difficulty=hard&tag=viva&sort=oldest")
    cursor = f"cursor={first['next_cursor']}"
    alone = worker.read(f"/v1/questions?{cursor}&limit=1")
    assert [item["id"] for item in alone["items"]] == [
        item["id"]
        for item in worker.read(f"/v1/questions?{cursor}&limit=1&tag=Viva&sort=oldest")["items"]
    ]
    for beside in ("difficulty=easy", "sort=newest", "company=amazon", "tag=-viva"):
        problem = worker.refusal(f"/v1/questions?{cursor}&{beside}")
        assert problem.code == "invalid_request"
        assert problem.errors[0].parameter == beside.partition("=")[0]


def test_a_long_filter_has_to_be_sent_again_beside_the_cursor(worker: CatalogWorker) -> None:
    questions = [make_question() for _ in range(3)]
    others = [make_question() for _ in range(100)]
    worker.publish(*questions, *others)
    worker.follow()
    excluded = "exclude=" + ",".join(str(question.id) for question in others)
    first = worker.read(f"/v1/questions?limit=2&{excluded}")
    assert first["total"] == 3
    assert len(first["next_cursor"]) < 400
    cursor = f"cursor={first['next_cursor']}"
    second = worker.read(f"/v1/questions?limit=2&{excluded}&{cursor}")
    assert [item["id"] for item in second["items"]] == [str(questions[0].id)]
    assert worker.refusal(f"/v1/questions?{cursor}").errors[0].parameter == "cursor"
    assert worker.refusal(f"/v1/questions?{cursor}&tag=viva").code == "invalid_request"


def test_a_cursor_of_another_route_or_epoch_is_refused(worker: CatalogWorker) -> None:
    worker.publish(*(make_question() for _ in range(3)))
    worker.follow()
    cursor = worker.read("/v1/questions?limit=1")["next_cursor"]
    terms = worker.read("/v1/categories?limit=1")["next_cursor"]
    assert worker.refusal(f"/v1/questions?cursor={terms}").code == "invalid_request"
    assert worker.refusal("/v1/questions?cursor=nonsense").code == "invalid_request"
    with worker.database.write() as session:
        start_epoch(session)
    worker.follow()
    assert worker.refusal(f"/v1/questions?cursor={cursor}").code == "resync_required"


def test_rights_are_checked_for_each_page(worker: CatalogWorker) -> None:
    worker.make_bank("closed", read="restricted", answers="restricted")
    worker.publish(*(make_question() for _ in range(2)))
    worker.publish(*(make_question(bank="closed") for _ in range(2)))
    worker.follow()
    first = worker.get("/v1/questions?limit=1", ADMIN)
    assert b'"total":4' in first.body
    cursor = worker.read("/v1/questions?limit=1", ADMIN)["next_cursor"]
    rest = worker.read(f"/v1/questions?cursor={cursor}")
    assert rest["total"] == 2
    assert {item["bank"] for item in rest["items"]} == {"science"}


@pytest.mark.parametrize(
    ("query", "parameter", "suggestion"),
    [
        ("compnay=amazon", "compnay", "company"),
        ("difficulty=hrad", "difficulty", "hard"),
        ("limit=0", "limit", None),
        ("limit=101", "limit", None),
        ("sort=random", "sort", None),
        ("format=pdf", "format", None),
        ("answers=yes", "answers", "true"),
        ("limit=1&limit=2", "limit", None),
    ],
)
def test_invalid_parameters_are_refused(
    worker: CatalogWorker, query: str, parameter: str, suggestion: str | None
) -> None:
    problem = worker.refusal(f"/v1/questions?{query}")
    assert problem.code == "invalid_request"
    assert problem.errors[0].parameter == parameter
    if suggestion:
        assert suggestion in problem.errors[0].suggestions


def test_exam_banks_are_in_no_list_with_any_key(worker: CatalogWorker) -> None:
    worker.make_bank("exam", exposure="exam", read="restricted", answers="restricted")
    hidden = make_question(bank="exam")
    worker.publish(hidden, make_question())
    worker.follow()
    assert worker.read("/v1/questions", ADMIN)["total"] == 1
    assert worker.refusal(f"/v1/questions/{hidden.id}", ADMIN).code == "not_found"
    assert [bank["slug"] for bank in worker.read("/v1/banks", ADMIN)["items"]] == ["science"]
    assert worker.refusal("/v1/questions?bank=exam", ADMIN).code == "invalid_request"


def test_a_question_is_found_by_id_until_it_is_withdrawn(
    fresh_settings: Callable[..., Settings],
) -> None:
    worker = CatalogWorker(fresh_settings(body_budget_mb=0))
    worker.make_bank()
    question = make_question(stem="First")
    worker.publish(question)
    worker.follow()
    address = f"/v1/questions/{question.id}"
    assert worker.read(address) == question.document
    question.revision, question.stem = 2, "Second"
    worker.publish(question)
    worker.follow()
    assert worker.read(address) == question.document
    worker.withdraw(question)
    worker.follow()
    for wrong in (address, f"/v1/questions/{make_question().id}", "/v1/questions/random-word"):
        assert worker.refusal(wrong).code == "not_found"
    worker.close()


def test_many_small_changes_give_the_same_lists_as_one_load(worker: CatalogWorker) -> None:
    """Applying rows in batches gives the same responses as one full load of the database."""
    chance = random.Random(1)
    live: list[Question] = []
    for _ in range(12):
        fresh = make_questions(4, chance)
        worker.publish(*fresh)
        live += fresh
        for question in chance.sample(live, 3):
            question.revision += 1
            question.difficulty = chance.choice(["easy", "hard"])
            worker.publish(question)
        gone = live.pop(chance.randrange(len(live)))
        worker.withdraw(gone)
        worker.follow()
    other = CatalogWorker(worker.settings)
    other.follow()
    for address in (
        "/v1/questions?limit=100",
        "/v1/questions?limit=100&sort=updated",
        "/v1/facets?difficulty=hard&category=science",
        "/v1/changes?limit=1000",
        "/v1/categories?tag=viva",
    ):
        assert worker.get(address).body == other.get(address).body
    assert worker.catalog.size == len(live)
    other.close()
