"""Answers and hidden banks influence no byte that a caller without the right receives."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from app.core.settings import Settings
from app.documentation import build
from app.main import create_framework
from tests.support.meili.fake import FakeMeili
from tests.support.worlds import Seen, World, serve_world

PATHS: dict[str, Any] = build(create_framework())["paths"]
# Only operators read these: they contain totals, and no content.
OPERATOR_PATHS = {"/metrics"}
FORMATS = ("markdown", "html", "text", "nodes")


def _choice(kind: str, keys: set[int], note: str) -> dict[str, object]:
    return {
        "kind": kind,
        "stem": f"Which **gas** do plants take in ({kind})?",
        "options": [
            {"text": text, "key": position in keys, "feedback": f"{note} {text}"}
            for position, text in enumerate(("Carbon dioxide", "Nitrogen", "Helium", "Argon"))
        ],
        "explanation": f"{note}: think of leaves.",
    }


def _questions(other: bool) -> Iterator[dict[str, object]]:
    """Yield one question of each kind, with the answers of the first or of the other world."""
    note = "gamma ray" if other else "photon"
    yield _choice("single_choice", {3 if other else 0}, note)
    yield _choice("multiple_choice", {1, 2} if other else {0, 3}, note)
    yield {
        "kind": "single_choice",
        "stem": "How many legs has a spider?",
        "options": [
            {"text": text, "key": (text == "10") == other and text in {"8", "10"}}
            for text in ("8", "6", "10")
        ],
    }
    yield {"kind": "true_false", "stem": "Ice floats.", "answer": {"value": not other}}
    yield {
        "kind": "short_text",
        "stem": "Name the symbol of gold.",
        "answer": {"accept": [note, "Ag"] if other else ["Au"], "match": "folded"},
        "explanation": note,
    }
    yield {
        "kind": "numeric",
        "stem": "How fast is light?",
        "unit": "km/s",
        "answer": {"value": "12" if other else "299792", "tolerance": "1"},
    }
    yield {
        "kind": "open",
        "stem": "Why is the sky blue?",
        "answer": {"model": note, "key_points": [note] * (3 if other else 1)},
    }
    yield {
        "kind": "code",
        "stem": "Write a function that doubles.",
        "programming_language": "python",
        "starter": "def double(x): ...",
        "answer": {"solution": note, "tests": [{"call": "double(2)", "expected": note}]},
    }


def _add_questions(world: World, bank: str, other: bool) -> list[str]:
    """Create, change, publish and withdraw the questions of one bank; return their ids."""
    ids = []
    for position, question in enumerate(_questions(other)):
        body = question | {
            "bank": bank,
            "difficulty": "easy",
            "external_id": f"q{position}",
            "categories": ["physics"],
            "companies": ["acme"],
            "tags": ["basics"],
        }
        made = world.write("POST", "/v1/editing/questions?publish=true", 201, json=body)
        ids.append(str(made["id"]))
    for question_id in ids[:2]:
        change = {"explanation": "Other words." if other else "Some words."}
        path = f"/v1/editing/questions/{question_id}"
        world.write("PATCH", path, 200, json=change, headers={"If-Match": "*"})
        world.write("POST", f"{path}/publish", 200, headers={"If-Match": "*"})
    world.write("POST", f"/v1/editing/questions/{ids[3]}/withdraw", 200)
    return ids


def _add_banks_and_terms(world: World) -> None:
    for slug, rules in {"science": {"read": "public"}, "secret": {"read": "restricted"}}.items():
        bank = {"slug": slug, "name": slug.title(), "answers": "restricted"} | rules
        world.write("POST", "/v1/editing/banks", 201, json=bank)
    for vocabulary, slug in (("categories", "physics"), ("companies", "acme"), ("tags", "basics")):
        body = {"slug": slug, "name": slug.title(), "description": ""}
        world.write("POST", f"/v1/editing/{vocabulary}", 201, json=body)


def _addresses(ids: list[str], quiz: str) -> Iterator[str]:
    """Yield addresses of every GET route of the document, with values for the parameters."""
    filled = {
        "question_id": ids,
        "reference": [quiz, "a-line"],
        "slug": ["physics", "acme", "basics", "science", "secret"],
        "bank": ["science", "secret"],
        "number": ["1", "2"],
        "revision": ["1", "2"],
    }
    for path, methods in PATHS.items():
        if "get" not in methods or path in OPERATOR_PATHS:
            continue
        names = [part[1:-1].partition(":")[0] for part in path.split("/") if part[:1] == "{"]
        choices = [filled.get(name, [ids[0]]) for name in names]
        queries = [""]
        for parameter in methods["get"].get("parameters", []):
            if parameter["in"] == "query":
                queries += list(_queries(parameter["name"], ids))
        for values, query in itertools.product(itertools.product(*choices), queries):
            address = "/".join(
                str(values[names.index(part[1:-1].partition(":")[0])]) if part[:1] == "{" else part
                for part in path.split("/")
            )
            yield address + query


def _queries(name: str, ids: list[str]) -> Iterator[str]:
    values = {
        "format": FORMATS,
        "answers": ("true",),
        "kind": ("single_choice", "open"),
        "category": ("physics",),
        "exclude": (ids[0],),
        "seed": ("s",),
        "sort": ("updated", "oldest"),
        "bank": ("science", "secret"),
        "external_id": ("q1",),
        "state": ("published", "draft"),
        "facets": ("true",),
        "q": ("photon", "gamma ray", "plants", "gamm", "Au"),
    }
    for value in values.get(name, ()):
        yield f"?{name}={quote(value)}"


@pytest.fixture(params=["embedded", "meilisearch"])
def make_settings(
    request: pytest.FixtureRequest, fresh_settings: Callable[..., Settings]
) -> Iterator[Callable[..., Settings]]:
    """Make settings for worlds with either search engine."""
    if request.param == "embedded":
        yield fresh_settings
        return
    with FakeMeili() as server:
        names = (f"world-{number}" for number in itertools.count())
        yield lambda: fresh_settings(
            meili_url=server.url, meili_key=server.key, search_prefix=next(names)
        )


def _see_all(world: World, keys: list[str | None], ids: list[str]) -> dict[str, Seen]:
    quiz = {"title": "A quiz", "slug": "a-line", "ids": [ids[0], ids[1], ids[5]]}
    made = str(world.write("POST", "/v1/quizzes", 201, json=quiz)["id"])
    world.await_search()
    seen = {}
    for caller, key in enumerate(keys):
        for address in _addresses(ids, made):
            seen[f"{caller} {address}"] = world.see(key, address)
        for question_id in ids:
            for verb in ("publish", "withdraw", "archive"):
                path = f"/v1/editing/questions/{question_id}/{verb}"
                seen[f"{caller} {path}"] = world.see(key, path, "POST", b"{}")
    return seen


def _compare(one: dict[str, Seen], other: dict[str, Seen], min_successes: int) -> None:
    assert one.keys() == other.keys()
    differing = [address for address in one if one[address] != other[address]]
    assert differing == [], (differing[0], one[differing[0]], other[differing[0]])
    assert sum(1 for status, _, _ in one.values() if status == 200) > min_successes


def test_other_answers_change_no_byte_for_callers_who_may_not_read_them(
    make_settings: Callable[..., Settings],
) -> None:
    worlds = []
    for other in (False, True):
        with serve_world(make_settings()) as world:
            _add_banks_and_terms(world)
            ids = _add_questions(world, "science", other)
            keys = [
                None,
                world.key("questions:read"),
                world.key("answers:read", banks=("secret",)),
                world.key(banks=("science",), kind="publishable", origins=["*"]),
            ]
            worlds.append(_see_all(world, keys, ids))
    _compare(worlds[0], worlds[1], min_successes=150)


def test_the_test_sees_answers_where_they_may_be_read(
    make_settings: Callable[..., Settings],
) -> None:
    worlds = []
    for other in (False, True):
        with serve_world(make_settings()) as world:
            _add_banks_and_terms(world)
            ids = _add_questions(world, "science", other)
            worlds.append(_see_all(world, [world.key("questions:read", "answers:read")], ids))
    differing = {address for address in worlds[0] if worlds[0][address] != worlds[1][address]}
    assert "0 /v1/questions?answers=true" in differing
    assert f"0 /v1/editing/questions/{ids[0]}" in differing
    assert "0 /v1/questions" not in differing


def test_content_of_a_hidden_bank_changes_no_byte(
    make_settings: Callable[..., Settings],
) -> None:
    worlds = []
    for other in (False, True):
        with serve_world(make_settings()) as world:
            _add_banks_and_terms(world)
            ids = _add_questions(world, "science", other=False)
            _add_questions(world, "secret", other)
            keys = [None, world.key("questions:read", "answers:read", banks=("science",))]
            worlds.append(_see_all(world, keys, ids))
    _compare(worlds[0], worlds[1], min_successes=100)


@pytest.mark.parametrize("path", sorted(PATHS))
def test_every_route_is_compared(path: str) -> None:
    if "get" not in PATHS[path] or path in OPERATOR_PATHS:
        return
    shown = {address.partition("?")[0] for address in _addresses(["an-id"], "a-quiz")}
    parts = path.split("/")
    assert any(
        len(address.split("/")) == len(parts)
        and all(
            part[:1] == "{" or part == given
            for part, given in zip(parts, address.split("/"), strict=True)
        )
        for address in shown
    )
