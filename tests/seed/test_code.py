"""Reference solutions run and pass their tests."""

import ast
from typing import Any

import pytest

from tests.seed.bank import Question, questions

CODE = questions("code")


@pytest.mark.parametrize("question", CODE, ids=lambda question: str(question["external_id"]))
def test_the_reference_solution_passes_its_tests(question: Question) -> None:
    answer = question["answer"]
    names: dict[str, Any] = {}
    exec(answer["solution"], names)  # noqa: S102
    assert len(answer["tests"]) >= 4
    for test in answer["tests"]:
        assert eval(test["call"], names) == eval(test["expected"], names), test  # noqa: S307


@pytest.mark.parametrize("question", CODE, ids=lambda question: str(question["external_id"]))
def test_the_starter_has_the_signature_of_the_solution_and_a_docstring(question: Question) -> None:
    (starter,) = functions(question["starter"])
    solutions = {function.name: function for function in functions(question["answer"]["solution"])}
    assert ast.dump(starter.args) == ast.dump(solutions[starter.name].args)
    assert ast.get_docstring(starter)
    assert starter.name in question["stem"]


def functions(source: str) -> list[ast.FunctionDef]:
    return [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
