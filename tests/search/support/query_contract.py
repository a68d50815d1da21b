"""The contract of search engines, first part: which questions a query finds, and their order."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from app.core.db.database import Database
from app.core.settings import Settings
from app.published.question_filter import filter_from_canonical
from app.search.engine import HIGHLIGHT_END, HIGHLIGHT_START, Engine
from tests.search.support.worlds import (
    World,
    hit_numbers,
    matching_numbers,
    search,
    search_hits,
    wait_until_indexed,
    with_brackets,
)

TERMS = {
    "C++": "When does a C++ destructor run?",
    "C#": "When does a C# finaliser run?",
    "F#": "Why are F# values immutable?",
    ".NET": "Which collector does .NET use?",
    "k-NN": "How does k-NN classify a point?",
    "L1": "Why does an L1 penalty make weights zero?",
    "L2": "Why does an L2 penalty shrink weights?",
    "F1": "What does the F1 score balance?",
    "R²": "Can R² be negative?",
    "A*": "When is A* search admissible?",
    "O(n)": "Which sort runs in O(n) time?",
}


class QueryContract:
    """Tests of queries, and the fixtures that run an engine; see `EngineContract`."""

    def running(
        self, database: Database, settings: Settings
    ) -> AbstractAsyncContextManager[Engine]:
        """Start an engine that follows the database, and stop it at the end of the block."""
        raise NotImplementedError

    @pytest.fixture
    def world(self, database: Database) -> World:
        world = World(database)
        world.bank("science")
        return world

    @pytest.fixture
    def run_with_engine(
        self, database: Database, settings: Settings, world: World
    ) -> Callable[[Callable[[Engine], Awaitable[None]]], None]:
        """Give a function that runs a check with an up-to-date engine."""

        def run(check: Callable[[Engine], Awaitable[None]]) -> None:
            async def with_engine() -> None:
                async with self.running(database, settings) as engine:
                    await wait_until_indexed(engine, world)
                    await check(engine)

            asyncio.run(with_engine())

        return run

    def test_a_word_of_the_stem_is_found_and_highlighted(self, world, run_with_engine) -> None:
        wanted = world.publish("What does **gradient** descent minimise?")
        world.publish("What is a decision tree?")

        async def check(engine: Engine) -> None:
            [hit] = await search_hits(engine, world.request("gradient"))
            assert (hit.number, hit.revision) == (wanted, 1)
            assert with_brackets(hit) == "What does [gradient] descent minimise?"
            assert await matching_numbers(engine, world.request("gradient"), 1001) == [wanted]

        run_with_engine(check)

    def test_the_last_word_may_be_unfinished(self, world, run_with_engine) -> None:
        wanted = world.publish("What does gradient descent minimise?")
        world.publish("What is a decision tree?")

        async def check(engine: Engine) -> None:
            for query in ("gradient desc", "grad", "g", "gr"):
                assert await hit_numbers(engine, world.request(query)) == [wanted], query

        run_with_engine(check)

    def test_typing_errors_are_corrected(self, world, run_with_engine) -> None:
        wanted = world.publish("How is overfitting recognised?")
        world.publish("What is a decision tree?")

        async def check(engine: Engine) -> None:
            for query in (
                "overfiting",
                "ovrefitting",
                "overfittting",
                "overfitzing",
                "over fitting",
            ):
                assert (await hit_numbers(engine, world.request(query)))[:1] == [wanted], query

        run_with_engine(check)

    def test_the_corrected_query_is_returned(self, world, run_with_engine) -> None:
        world.publish("What does gradient descent minimise?")

        async def check(engine: Engine) -> None:
            result = await search(engine, world.request("gradint descent"))
            assert result.corrected == "gradient descent"
            assert (await search(engine, world.request("gradient desc"))).corrected is None

        run_with_engine(check)

    def test_words_are_found_in_any_order_and_a_phrase_comes_first(
        self, world, run_with_engine
    ) -> None:
        scattered = world.publish("Does the forest of trees need random seeds?")
        phrase = world.publish("Why does a random forest vote?")
        reversed_words = world.publish("Is a forest random?")

        async def check(engine: Engine) -> None:
            found_numbers = await hit_numbers(engine, world.request("random forest"))
            assert found_numbers[0] == phrase
            assert set(found_numbers) == {scattered, phrase, reversed_words}

        run_with_engine(check)

    def test_a_match_in_the_stem_ranks_above_other_fields(self, world, run_with_engine) -> None:
        beside = world.publish("What helps here?", options=["regularisation", "a larger model"])
        stem = world.publish("What is regularisation?")

        async def check(engine: Engine) -> None:
            assert await hit_numbers(engine, world.request("regularisation")) == [stem, beside]

        run_with_engine(check)

    def test_an_exact_match_ranks_above_a_corrected_one(self, world, run_with_engine) -> None:
        near = world.publish("What is a kernels trick?")
        exact = world.publish("What is a colonel trick?")

        async def check(engine: Engine) -> None:
            assert (await hit_numbers(engine, world.request("colonel trick")))[0] == exact
            assert (await hit_numbers(engine, world.request("kernels trick")))[0] == near

        run_with_engine(check)

    @pytest.mark.parametrize("query", [*TERMS, "knn", "c++", "c#", "r2", "a* search", "K-nn"])
    def test_technical_names_keep_their_signs(self, world, run_with_engine, query: str) -> None:
        published = {term: world.publish(stem) for term, stem in TERMS.items()}
        folded = {term.casefold().replace("²", "2"): number for term, number in published.items()}
        folded |= {"knn": published["k-NN"], "a* search": published["A*"]}
        wanted = folded[query.casefold().replace("²", "2")]

        async def check(engine: Engine) -> None:
            assert (await hit_numbers(engine, world.request(query)))[0] == wanted

        run_with_engine(check)

    def test_case_width_and_diacritics_fold(self, world, run_with_engine) -> None:
        wanted = world.publish("Was besagt die naïve Bayes-Annahme für Größen?")
        world.publish("What is a decision tree?")

        async def check(engine: Engine) -> None:
            for query in ("naive bayes", "NAÏVE", "ｎａｉｖｅ", "fur", "nai\u0308ve"):
                assert await hit_numbers(engine, world.request(query)) == [wanted], query

        run_with_engine(check)

    def test_hits_of_several_banks_are_ranked_together(self, world, run_with_engine) -> None:
        world.bank("other")
        beside = world.publish("Which one?", options=["a random forest", "a tree"])
        stem = world.publish("What is a random forest?", "other")

        async def check(engine: Engine) -> None:
            request = world.request("random forest", "other", "science")
            assert await hit_numbers(engine, request) == [stem, beside]
            assert await hit_numbers(engine, world.request("random forest", "other")) == [stem]

        run_with_engine(check)

    def test_the_filter_limits_what_is_found(self, world, run_with_engine) -> None:
        easy = world.publish("What is entropy?", difficulty="easy")
        hard = world.publish("What is cross entropy?", difficulty="hard")
        for wanted, difficulty in ((easy, "easy"), (hard, "hard")):
            request = world.request(
                "entropy",
                members=world.members("science", where=f"difficulty = '{difficulty}'"),
                question_filter=filter_from_canonical(f'{{"difficulty": [["{difficulty}"], []]}}'),
            )

            async def check(engine: Engine, request=request, wanted=wanted) -> None:
                assert await hit_numbers(engine, request) == [wanted]
                assert await matching_numbers(engine, request, 1001) == [wanted]

            run_with_engine(check)

    def test_pages_follow_each_other(self, world, run_with_engine) -> None:
        stems = [f"What is gradient descent, part {number}?" for number in range(45)]
        wanted = world.publish_all([{"stem": stem} for stem in stems])

        async def check(engine: Engine) -> None:
            seen: list[int] = []
            for offset in (0, 20, 40):
                result = await search(engine, world.request("gradient descent", offset=offset))
                assert result.more == (offset < 40)
                seen += [hit.number for hit in result.hits]
            assert sorted(seen) == wanted
            request = world.request("gradient descent")
            assert sorted(await matching_numbers(engine, request, 1001)) == wanted
            assert len(await matching_numbers(engine, request, 10)) == 10

        run_with_engine(check)

    def test_synonyms_are_found(self, world, run_with_engine) -> None:
        wanted = world.publish("How is overfitting recognised?")
        knn = world.publish("How many k nearest neighbours vote?")
        world.publish("What is a decision tree?")
        synonyms = {
            "too complex model": ("overfitting",),
            "overfitting": ("too complex model",),
            "knn": ("k nearest neighbours",),
            "k nearest neighbours": ("knn",),
        }

        async def check(engine: Engine) -> None:
            request = world.request("too complex model", synonyms=synonyms)
            assert (await hit_numbers(engine, request))[0] == wanted
            assert (await hit_numbers(engine, world.request("knn", synonyms=synonyms)))[0] == knn

        run_with_engine(check)

    def test_a_query_with_more_words_than_a_question_finds_it(self, world, run_with_engine) -> None:
        wanted = world.publish("How is overfitting recognised?")
        world.publish("What is a decision tree?")

        async def check(engine: Engine) -> None:
            request = world.request("overfitting explained simply")
            assert (await hit_numbers(engine, request))[:1] == [wanted]

        run_with_engine(check)

    @pytest.mark.parametrize(
        "query",
        [
            "gradient -descent",
            '"gradient descent',
            "gradient AND descent",
            "gradient NOT descent",
            "NEAR(gradient descent)",
            "stem: gradient",
            "{stem} : gradient",
            "gradient ^ descent",
            "gradient* OR descent*",
            "gradient' descent--",
            "gradient (descent",
        ],
    )
    def test_nothing_in_a_query_is_an_operator(self, world, run_with_engine, query: str) -> None:
        wanted = world.publish("What does gradient descent minimise?")

        async def check(engine: Engine) -> None:
            assert (await hit_numbers(engine, world.request(query)))[:1] == [wanted]

        run_with_engine(check)

    def test_highlights_contain_the_stem_and_nothing_else(self, world, run_with_engine) -> None:
        stem = f"Is {HIGHLIGHT_START}<b>x</b>{HIGHLIGHT_END} & `a < b` a *gradient* of $\\alpha_1$?"
        world.publish(stem)

        async def check(engine: Engine) -> None:
            [hit] = await search_hits(engine, world.request("gradient"))
            assert with_brackets(hit) == "Is <b>x</b> & a < b a [gradient] of \\alpha_1?"

        run_with_engine(check)

    def test_an_unknown_word_finds_nothing(self, world, run_with_engine) -> None:
        world.publish("What is a decision tree?")

        async def check(engine: Engine) -> None:
            result = await search(engine, world.request("xylophone"))
            assert (result.hits, result.more, result.corrected) == ([], False, None)
            assert await matching_numbers(engine, world.request("xylophone"), 1001) == []

        run_with_engine(check)
