"""A client's copy that follows /v1/changes ends up equal to the bank, whatever happened."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.access.rights import ANONYMOUS, Caller
from app.core.db.edition_clock import start_epoch
from app.core.errors import Problem
from app.core.settings import Settings
from app.taxonomy.service import create_terms
from app.taxonomy.vocabulary import Term
from tests.catalog.support import ADMIN, CatalogWorker, Question, make_question, make_questions
from tests.support.hypothesis_profiles import scaled

FILTERS = (
    "",
    "category=science",
    "category=-physics&difficulty=easy,hard",
    "tag=viva&company=-amazon",
    "bank=science",
    "answers=true",
    "format=text&level=intern",
)


MOVES = (("optics", "physics"), ("optics", "arts"), ("physics", "arts"), ("physics", "science"))


class Copy:
    """A client: applies the pages of changes, and starts again when the server demands it."""

    def __init__(self, query: str, limit: int, caller: Caller = ANONYMOUS) -> None:
        self.query = query
        self.limit = limit
        self.caller = caller
        self.items: dict[str, Any] = {}
        self.mark: str | None = None
        self.walk: set[str] | None = set()
        self.restarts = 0

    def step(self, worker: CatalogWorker) -> bool:
        """Apply one page; return whether another follows."""
        after = "" if self.mark is None else f"&after={self.mark}"
        filters = f"&{self.query}" if self.mark is None and self.query else ""
        try:
            page = worker.read(f"/v1/changes?limit={self.limit}{after}{filters}", self.caller)
        except Problem as problem:
            if problem.code != "resync_required":
                raise
            self.mark, self.walk = None, set()
            self.restarts += 1
            return True
        for item in page["items"]:
            self.items[item["id"]] = item
        for question_id in page["deleted"]:
            self.items.pop(question_id, None)
        assert len(page["items"]) + len(page["deleted"]) <= self.limit
        self.mark = page["mark"]
        if self.walk is not None:
            self.walk |= {item["id"] for item in page["items"]}
            if not page["more"]:
                # A question that the copy had before a new walk, but that the walk did not return.
                for question_id in self.items.keys() - self.walk:
                    del self.items[question_id]
                self.walk = None
        return bool(page["more"])


class Everything(RuleBasedStateMachine):
    """Editors and administrators change things at random; copies follow at their own pace."""

    make_worker: Callable[[], CatalogWorker]

    def __init__(self) -> None:
        super().__init__()
        self.worker = type(self).make_worker()
        self.questions: list[Question] = []
        self.copies: list[Copy] = []
        self.terms = 0

    def teardown(self) -> None:
        if self.copies:
            self.worker.follow()
            self.converge()
        self.worker.close()

    @initialize(seed=st.integers(0, 2**32), limit=st.integers(1, 7))
    def begin(self, seed: int, limit: int) -> None:
        self.chance = random.Random(seed)
        self.worker.make_terms()
        self.worker.make_bank()
        self.worker.make_bank("closed", read="restricted", answers="restricted")
        self.worker.follow()
        self.copies = [Copy(query, limit) for query in FILTERS]
        self.copies.append(Copy("category=science", limit, ADMIN))
        self.publish(self.chance.randrange(20, 40), "science")
        self.publish(self.chance.randrange(10), "closed")

    @rule(count=st.integers(1, 12), bank=st.sampled_from(["science", "science", "closed"]))
    def publish(self, count: int, bank: str) -> None:
        fresh = make_questions(count, self.chance, bank=bank)
        self.worker.publish(*fresh)
        self.questions += fresh

    @precondition(lambda self: self.questions)
    @rule(count=st.integers(1, 6))
    def publish_again(self, count: int) -> None:
        for question in self.chance.sample(self.questions, min(count, len(self.questions))):
            other = make_questions(1, self.chance)[0]
            question.revision += 1
            question.categories, question.tags = other.categories, other.tags
            question.difficulty, question.levels = other.difficulty, other.levels
            question.stem = f"Is it so, {self.chance.random()}?"
            self.worker.publish(question)

    @precondition(lambda self: self.questions)
    @rule(count=st.integers(1, 6))
    def withdraw(self, count: int) -> None:
        gone = self.chance.sample(self.questions, min(count, len(self.questions)))
        self.worker.withdraw(*gone)

    @rule(moves=st.booleans())
    def change_categories(self, moves: bool) -> None:
        if moves:
            slug, parent = self.chance.choice(MOVES)
            self.worker.execute(
                "UPDATE categories SET parent = :parent WHERE slug = :slug",
                slug=slug,
                parent=parent,
            )
            self.worker.execute("UPDATE clock SET config_version = config_version + 1")
            return
        self.terms += 1
        slug = f"new-{self.terms}"
        with self.worker.database.write() as session:
            create_terms(session, [("categories", Term(slug, slug, "", (), "science"))])

    @rule(
        rules=st.sampled_from(["public", "restricted"]), column=st.sampled_from(["read", "answers"])
    )
    def change_a_bank(self, rules: str, column: str) -> None:
        self.worker.execute(
            f"UPDATE banks SET \"{column}\" = :rules WHERE slug = 'closed'", rules=rules
        )
        self.worker.execute("UPDATE clock SET config_version = config_version + 1")

    @rule()
    def rewrite_history(self) -> None:
        with self.worker.database.write() as session:
            start_epoch(session)

    @invariant()
    def copies_follow(self) -> None:
        """Copies apply up to two pages, possibly in the middle of a walk; sometimes all finish."""
        self.worker.follow()
        if self.chance.random() < 0.3:
            self.converge()
        for copy in self.copies:
            for _ in range(self.chance.randrange(3)):
                copy.step(self.worker)

    def converge(self) -> None:
        for copy in self.copies:
            while copy.step(self.worker):
                pass
            assert copy.items == self.bank_content(copy)

    def bank_content(self, copy: Copy) -> dict[str, Any]:
        found: dict[str, Any] = {}
        cursor = ""
        while True:
            query = f"{copy.query}&limit=100{cursor}"
            page = self.worker.read(f"/v1/questions?{query}", copy.caller)
            found |= {item["id"]: item for item in page["items"]}
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"


def test_copies_equal_the_bank_whatever_happened(
    fresh_settings: Callable[..., Settings],
) -> None:
    machine = type(
        "Machine", (Everything,), {"make_worker": lambda: CatalogWorker(fresh_settings())}
    )
    run_state_machine_as_test(
        machine,
        settings=scaled(0.05, stateful_step_count=20, suppress_health_check=list(HealthCheck)),
    )


@pytest.fixture
def walked(worker: CatalogWorker) -> tuple[CatalogWorker, list[Question]]:
    questions = [make_question(categories=("optics",)) for _ in range(5)]
    worker.publish(*questions)
    worker.follow()
    return worker, questions


def _mark(worker: CatalogWorker, query: str = "") -> str:
    page = worker.read(f"/v1/changes?limit=1000{query}")
    assert page["more"] is False
    return str(page["mark"])


def test_the_first_walk_leaves_out_earlier_deletions(
    walked: tuple[CatalogWorker, list[Question]],
) -> None:
    worker, questions = walked
    worker.withdraw(questions[0])
    worker.follow()
    first = worker.read("/v1/changes?limit=2")
    assert [len(first["items"]), first["deleted"], first["more"]] == [2, [], True]
    worker.withdraw(questions[1])
    worker.follow()
    rest = worker.read(f"/v1/changes?limit=1000&after={first['mark']}")
    assert rest["deleted"] == [str(questions[1].id)]
    assert rest["more"] is False


def test_each_change_comes_once_as_item_or_as_deletion(
    walked: tuple[CatalogWorker, list[Question]],
) -> None:
    worker, questions = walked
    mark = _mark(worker, "&difficulty=easy")
    questions[0].difficulty = "hard"
    for question in questions[:2]:
        question.revision += 1
    worker.publish(*questions[:2], make_question(difficulty="hard"))
    questions[1].revision += 1
    worker.publish(questions[1])
    worker.follow()
    page = worker.read(f"/v1/changes?after={mark}")
    assert [item["id"] for item in page["items"]] == [str(questions[1].id)]
    assert str(questions[0].id) in page["deleted"]
    assert len(page["deleted"]) == 2
    assert worker.read(f"/v1/changes?after={page['mark']}") == {
        "items": [],
        "deleted": [],
        "mark": page["mark"],
        "more": False,
    }


def test_a_mark_remembers_filter_answers_and_format(
    walked: tuple[CatalogWorker, list[Question]],
) -> None:
    worker, questions = walked
    mark = _mark(worker, "&difficulty=easy&answers=true&format=html")
    questions[0].revision += 1
    worker.publish(questions[0])
    worker.follow()
    page = worker.read(f"/v1/changes?after={mark}")
    assert page["items"][0]["explanation"] == "<p><em>So</em> it is.</p>"
    same = "difficulty=easy&answers=true&format=html"
    assert worker.read(f"/v1/changes?after={mark}&{same}") == page
    for other in ("difficulty=hard", "answers=false", "format=text", "company=amazon"):
        problem = worker.refusal(f"/v1/changes?after={mark}&{other}")
        assert problem.errors[0].parameter == other.partition("=")[0]
    assert worker.refusal("/v1/changes?after=nonsense").errors[0].parameter == "after"


def test_moving_a_category_invalidates_marks_with_a_category_filter_only(
    walked: tuple[CatalogWorker, list[Question]],
) -> None:
    worker, _ = walked
    filtered, plain = _mark(worker, "&category=science"), _mark(worker)
    with worker.database.write() as session:
        create_terms(session, [("categories", Term("sound", "Sound", "", (), "physics"))])
    worker.follow()
    assert worker.read(f"/v1/changes?after={filtered}")["deleted"] == []
    worker.execute("UPDATE categories SET parent = 'arts' WHERE slug = 'physics'")
    worker.execute("UPDATE clock SET config_version = config_version + 1")
    worker.follow()
    assert worker.refusal(f"/v1/changes?after={filtered}").code == "resync_required"
    assert worker.read(f"/v1/changes?after={plain}")["items"] == []


def test_a_change_of_readable_banks_or_answers_invalidates_a_mark(
    walked: tuple[CatalogWorker, list[Question]],
) -> None:
    worker, _ = walked
    plain = _mark(worker)
    worker.make_bank("second", answers="restricted")
    worker.follow()
    assert worker.refusal(f"/v1/changes?after={plain}").code == "resync_required"
    with_answers = _mark(worker, "&answers=true")
    worker.execute("UPDATE banks SET answers = 'public' WHERE slug = 'second'")
    worker.execute("UPDATE clock SET config_version = config_version + 1")
    worker.follow()
    assert worker.refusal(f"/v1/changes?after={with_answers}").code == "resync_required"


def test_a_worker_waits_for_the_changes_of_a_mark_from_another_worker(
    walked: tuple[CatalogWorker, list[Question]],
) -> None:
    worker, questions = walked
    ahead = CatalogWorker(worker.settings)
    worker.withdraw(questions[0])
    ahead.follow()
    mark = _mark(ahead)
    assert worker.refusal(f"/v1/changes?after={mark}").code == "not_caught_up"
    worker.follow()
    assert worker.read(f"/v1/changes?after={mark}")["mark"] == mark
    ahead.close()


def test_worker_and_client_notice_a_restored_database_file(
    fresh_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    made = fresh_settings()
    if not made.embedded:
        pytest.skip("only an embedded database is one file")
    worker = CatalogWorker(made)
    worker.make_terms()
    worker.make_bank()
    kept = make_question()
    worker.publish(kept)
    worker.follow()
    path = made.data_dir / "quizwell.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
    lost = make_question(stem="Lost?")
    kept.revision, kept.stem = 2, "Changed?"
    worker.publish(lost, kept)
    worker.follow()
    mark = _mark(worker)
    assert worker.catalog.size == 2
    assert worker.read(f"/v1/questions/{kept.id}")["stem"] == "Changed?"
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", tmp_path / "again.db")
    (tmp_path / "again.db").replace(path)
    worker.follow()
    assert worker.catalog.size == 1
    assert worker.read(f"/v1/questions/{kept.id}")["stem"] == "Is it so?"
    assert worker.refusal(f"/v1/questions/{lost.id}").code == "not_found"
    assert worker.refusal(f"/v1/changes?after={mark}").code == "resync_required"
    # In the restored history the number of the lost question is given to another question.
    fresh = make_question(stem="Fresh?")
    worker.publish(fresh)
    worker.follow()
    assert fresh.number == lost.number
    assert worker.read(f"/v1/questions/{fresh.id}")["stem"] == "Fresh?"
    worker.close()
