"""A copy that is kept only through /changes equals the bank at rest, whatever happened."""

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
from tests.catalog.support import ADMIN, Question, Shelf, make_question, make_questions
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
    """A client: it holds what the pages told it, and begins anew when it is told to."""

    def __init__(self, query: str, limit: int, caller: Caller = ANONYMOUS) -> None:
        self.query = query
        self.limit = limit
        self.caller = caller
        self.held: dict[str, Any] = {}
        self.mark: str | None = None
        self.walk: set[str] | None = set()
        self.restarts = 0

    def step(self, shelf: Shelf) -> bool:
        """Take one page; whether another follows."""
        after = "" if self.mark is None else f"&after={self.mark}"
        filters = f"&{self.query}" if self.mark is None and self.query else ""
        try:
            page = shelf.read(f"/v1/changes?limit={self.limit}{after}{filters}", self.caller)
        except Problem as problem:
            if problem.code != "resync_required":
                raise
            self.mark, self.walk = None, set()
            self.restarts += 1
            return True
        for item in page["items"]:
            self.held[item["id"]] = item
        for question_id in page["deleted"]:
            self.held.pop(question_id, None)
        assert len(page["items"]) + len(page["deleted"]) <= self.limit
        self.mark = page["mark"]
        if self.walk is not None:
            self.walk |= {item["id"] for item in page["items"]}
            if not page["more"]:
                # What was held before a new walk and not seen in it is gone.
                for question_id in self.held.keys() - self.walk:
                    del self.held[question_id]
                self.walk = None
        return bool(page["more"])


class Everything(RuleBasedStateMachine):
    """Editors, administrators and operators do what they do; copies follow at their own pace."""

    make_shelf: Callable[[], Shelf]

    def __init__(self) -> None:
        super().__init__()
        self.shelf = type(self).make_shelf()
        self.questions: list[Question] = []
        self.copies: list[Copy] = []
        self.terms = 0

    def teardown(self) -> None:
        if self.copies:
            self.shelf.follow()
            self.converge()
        self.shelf.close()

    @initialize(seed=st.integers(0, 2**32), limit=st.integers(1, 7))
    def begin(self, seed: int, limit: int) -> None:
        self.chance = random.Random(seed)
        self.shelf.make_terms()
        self.shelf.make_bank()
        self.shelf.make_bank("closed", read="restricted", answers="restricted")
        self.shelf.follow()
        self.copies = [Copy(query, limit) for query in FILTERS]
        self.copies.append(Copy("category=science", limit, ADMIN))
        self.publish(self.chance.randrange(20, 40), "science")
        self.publish(self.chance.randrange(10), "closed")

    @rule(count=st.integers(1, 12), bank=st.sampled_from(["science", "science", "closed"]))
    def publish(self, count: int, bank: str) -> None:
        fresh = make_questions(count, self.chance, bank=bank)
        self.shelf.publish(*fresh)
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
            self.shelf.publish(question)

    @precondition(lambda self: self.questions)
    @rule(count=st.integers(1, 6))
    def withdraw(self, count: int) -> None:
        gone = self.chance.sample(self.questions, min(count, len(self.questions)))
        self.shelf.withdraw(*gone)

    @rule(moves=st.booleans())
    def change_the_tree(self, moves: bool) -> None:
        if moves:
            slug, parent = self.chance.choice(MOVES)
            self.shelf.execute(
                "UPDATE categories SET parent = :parent WHERE slug = :slug",
                slug=slug,
                parent=parent,
            )
            self.shelf.execute("UPDATE clock SET config_version = config_version + 1")
            return
        self.terms += 1
        slug = f"new-{self.terms}"
        with self.shelf.database.write() as session:
            create_terms(session, [("categories", Term(slug, slug, "", (), "science"))])

    @rule(
        rules=st.sampled_from(["public", "restricted"]), column=st.sampled_from(["read", "answers"])
    )
    def change_a_bank(self, rules: str, column: str) -> None:
        self.shelf.execute(
            f"UPDATE banks SET \"{column}\" = :rules WHERE slug = 'closed'", rules=rules
        )
        self.shelf.execute("UPDATE clock SET config_version = config_version + 1")

    @rule()
    def rewrite_history(self) -> None:
        with self.shelf.database.write() as session:
            start_epoch(session)

    @invariant()
    def copies_follow(self) -> None:
        """Some go on by a page or two, in the middle of a walk or not; now and then all arrive."""
        self.shelf.follow()
        if self.chance.random() < 0.3:
            self.converge()
        for copy in self.copies:
            for _ in range(self.chance.randrange(3)):
                copy.step(self.shelf)

    def converge(self) -> None:
        for copy in self.copies:
            while copy.step(self.shelf):
                pass
            assert copy.held == self.at_rest(copy)

    def at_rest(self, copy: Copy) -> dict[str, Any]:
        found: dict[str, Any] = {}
        cursor = ""
        while True:
            query = f"{copy.query}&limit=100{cursor}"
            page = self.shelf.read(f"/v1/questions?{query}", copy.caller)
            found |= {item["id"]: item for item in page["items"]}
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"


def test_copies_equal_the_bank_at_rest_whatever_happened(
    fresh_settings: Callable[..., Settings],
) -> None:
    machine = type("Machine", (Everything,), {"make_shelf": lambda: Shelf(fresh_settings())})
    run_state_machine_as_test(
        machine,
        settings=scaled(0.05, stateful_step_count=20, suppress_health_check=list(HealthCheck)),
    )


@pytest.fixture
def walked(shelf: Shelf) -> tuple[Shelf, list[Question]]:
    questions = [make_question(categories=("optics",)) for _ in range(5)]
    shelf.publish(*questions)
    shelf.follow()
    return shelf, questions


def _mark(shelf: Shelf, query: str = "") -> str:
    page = shelf.read(f"/v1/changes?limit=1000{query}")
    assert page["more"] is False
    return str(page["mark"])


def test_the_first_walk_tells_of_no_deletions_that_came_before_it(
    walked: tuple[Shelf, list[Question]],
) -> None:
    shelf, questions = walked
    shelf.withdraw(questions[0])
    shelf.follow()
    first = shelf.read("/v1/changes?limit=2")
    assert [len(first["items"]), first["deleted"], first["more"]] == [2, [], True]
    shelf.withdraw(questions[1])
    shelf.follow()
    rest = shelf.read(f"/v1/changes?limit=1000&after={first['mark']}")
    assert rest["deleted"] == [str(questions[1].id)]
    assert rest["more"] is False


def test_each_changed_row_comes_once_whether_it_matches_or_not(
    walked: tuple[Shelf, list[Question]],
) -> None:
    shelf, questions = walked
    mark = _mark(shelf, "&difficulty=easy")
    questions[0].difficulty = "hard"
    for question in questions[:2]:
        question.revision += 1
    shelf.publish(*questions[:2], make_question(difficulty="hard"))
    questions[1].revision += 1
    shelf.publish(questions[1])
    shelf.follow()
    page = shelf.read(f"/v1/changes?after={mark}")
    assert [item["id"] for item in page["items"]] == [str(questions[1].id)]
    assert str(questions[0].id) in page["deleted"]
    assert len(page["deleted"]) == 2
    assert shelf.read(f"/v1/changes?after={page['mark']}") == {
        "items": [],
        "deleted": [],
        "mark": page["mark"],
        "more": False,
    }


def test_a_mark_remembers_filter_answers_and_format(walked: tuple[Shelf, list[Question]]) -> None:
    shelf, questions = walked
    mark = _mark(shelf, "&difficulty=easy&answers=true&format=html")
    questions[0].revision += 1
    shelf.publish(questions[0])
    shelf.follow()
    page = shelf.read(f"/v1/changes?after={mark}")
    assert page["items"][0]["explanation"] == "<p><em>So</em> it is.</p>"
    same = "difficulty=easy&answers=true&format=html"
    assert shelf.read(f"/v1/changes?after={mark}&{same}") == page
    for other in ("difficulty=hard", "answers=false", "format=text", "company=amazon"):
        problem = shelf.refusal(f"/v1/changes?after={mark}&{other}")
        assert problem.errors[0].parameter == other.partition("=")[0]
    assert shelf.refusal("/v1/changes?after=nonsense").errors[0].parameter == "after"


def test_a_category_that_moves_voids_marks_with_a_category_filter_only(
    walked: tuple[Shelf, list[Question]],
) -> None:
    shelf, _ = walked
    by_tree, plain = _mark(shelf, "&category=science"), _mark(shelf)
    with shelf.database.write() as session:
        create_terms(session, [("categories", Term("sound", "Sound", "", (), "physics"))])
    shelf.follow()
    assert shelf.read(f"/v1/changes?after={by_tree}")["deleted"] == []
    shelf.execute("UPDATE categories SET parent = 'arts' WHERE slug = 'physics'")
    shelf.execute("UPDATE clock SET config_version = config_version + 1")
    shelf.follow()
    assert shelf.refusal(f"/v1/changes?after={by_tree}").code == "resync_required"
    assert shelf.read(f"/v1/changes?after={plain}")["items"] == []


def test_other_visible_banks_or_answers_void_a_mark(walked: tuple[Shelf, list[Question]]) -> None:
    shelf, _ = walked
    plain, telling = _mark(shelf), _mark(shelf, "&answers=true")
    shelf.make_bank("second", answers="restricted")
    shelf.follow()
    assert shelf.refusal(f"/v1/changes?after={plain}").code == "resync_required"
    telling = _mark(shelf, "&answers=true")
    shelf.execute("UPDATE banks SET answers = 'public' WHERE slug = 'second'")
    shelf.execute("UPDATE clock SET config_version = config_version + 1")
    shelf.follow()
    assert shelf.refusal(f"/v1/changes?after={telling}").code == "resync_required"


def test_a_mark_from_a_worker_that_is_ahead_is_waited_for(
    walked: tuple[Shelf, list[Question]],
) -> None:
    shelf, questions = walked
    ahead = Shelf(shelf.settings)
    shelf.withdraw(questions[0])
    ahead.follow()
    mark = _mark(ahead)
    assert shelf.refusal(f"/v1/changes?after={mark}").code == "not_caught_up"
    shelf.follow()
    assert shelf.read(f"/v1/changes?after={mark}")["mark"] == mark
    ahead.close()


def test_an_old_database_file_put_back_is_noticed_by_worker_and_client(
    fresh_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    made = fresh_settings()
    if not made.embedded:
        pytest.skip("only an embedded database is one file")
    shelf = Shelf(made)
    shelf.make_terms()
    shelf.make_bank()
    kept = make_question()
    shelf.publish(kept)
    shelf.follow()
    path = made.data_dir / "quizwell.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
    lost = make_question(stem="Lost?")
    kept.revision, kept.stem = 2, "Changed?"
    shelf.publish(lost, kept)
    shelf.follow()
    mark = _mark(shelf)
    assert shelf.catalog.size == 2
    assert shelf.read(f"/v1/questions/{kept.id}")["stem"] == "Changed?"
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", tmp_path / "again.db")
    (tmp_path / "again.db").replace(path)
    shelf.follow()
    assert shelf.catalog.size == 1
    assert shelf.read(f"/v1/questions/{kept.id}")["stem"] == "Is it so?"
    assert shelf.refusal(f"/v1/questions/{lost.id}").code == "not_found"
    assert shelf.refusal(f"/v1/changes?after={mark}").code == "resync_required"
    # The restored history goes on: what it gives the lost number to is another question.
    fresh = make_question(stem="Fresh?")
    shelf.publish(fresh)
    shelf.follow()
    assert fresh.number == lost.number
    assert shelf.read(f"/v1/questions/{fresh.id}")["stem"] == "Fresh?"
    shelf.close()
