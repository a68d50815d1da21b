"""The contract of search engines: a class of tests from which the tests of each engine derive."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from app.core.db.database import Database
from app.core.settings import Settings
from app.published.question_filter import filter_from
from app.search.engine import HIGHLIGHT_END, HIGHLIGHT_START, Engine
from tests.search.support.worlds import World, caught_up, found, hits, matching, numbers, shown

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


class EngineContract:
    """Override `running` to run an engine over a database."""

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
                    await caught_up(engine, world)
                    await check(engine)

            asyncio.run(with_engine())

        return run

    def test_a_word_of_the_stem_is_found_and_highlighted(self, world, run_with_engine) -> None:
        wanted = world.publish("What does **gradient** descent minimise?")
        world.publish("What is a decision tree?")

        async def check(engine: Engine) -> None:
            [hit] = await hits(engine, world.asked("gradient"))
            assert (hit.number, hit.revision) == (wanted, 1)
            assert shown(hit) == "What does [gradient] descent minimise?"
            assert await matching(engine, world.asked("gradient"), 1001) == [wanted]

        run_with_engine(check)

    def test_the_last_word_may_be_unfinished(self, world, run_with_engine) -> None:
        wanted = world.publish("What does gradient descent minimise?")
        world.publish("What is a decision tree?")

        async def check(engine: Engine) -> None:
            for query in ("gradient desc", "grad", "g", "gr"):
                assert await numbers(engine, world.asked(query)) == [wanted], query

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
                assert (await numbers(engine, world.asked(query)))[:1] == [wanted], query

        run_with_engine(check)

    def test_the_corrected_query_is_returned(self, world, run_with_engine) -> None:
        world.publish("What does gradient descent minimise?")

        async def check(engine: Engine) -> None:
            answer = await found(engine, world.asked("gradint descent"))
            assert answer.corrected == "gradient descent"
            assert (await found(engine, world.asked("gradient desc"))).corrected is None

        run_with_engine(check)

    def test_words_are_found_in_any_order_and_a_phrase_comes_first(
        self, world, run_with_engine
    ) -> None:
        scattered = world.publish("Does the forest of trees need random seeds?")
        phrase = world.publish("Why does a random forest vote?")
        reversed_words = world.publish("Is a forest random?")

        async def check(engine: Engine) -> None:
            found_numbers = await numbers(engine, world.asked("random forest"))
            assert found_numbers[0] == phrase
            assert set(found_numbers) == {scattered, phrase, reversed_words}

        run_with_engine(check)

    def test_a_match_in_the_stem_ranks_above_other_fields(self, world, run_with_engine) -> None:
        beside = world.publish("What helps here?", options=["regularisation", "a larger model"])
        stem = world.publish("What is regularisation?")

        async def check(engine: Engine) -> None:
            assert await numbers(engine, world.asked("regularisation")) == [stem, beside]

        run_with_engine(check)

    def test_an_exact_match_ranks_above_a_corrected_one(self, world, run_with_engine) -> None:
        near = world.publish("What is a kernels trick?")
        exact = world.publish("What is a colonel trick?")

        async def check(engine: Engine) -> None:
            assert (await numbers(engine, world.asked("colonel trick")))[0] == exact
            assert (await numbers(engine, world.asked("kernels trick")))[0] == near

        run_with_engine(check)

    @pytest.mark.parametrize("query", [*TERMS, "knn", "c++", "c#", "r2", "a* search", "K-nn"])
    def test_technical_names_keep_their_signs(self, world, run_with_engine, query: str) -> None:
        published = {term: world.publish(stem) for term, stem in TERMS.items()}
        folded = {term.casefold().replace("²", "2"): number for term, number in published.items()}
        folded |= {"knn": published["k-NN"], "a* search": published["A*"]}
        wanted = folded[query.casefold().replace("²", "2")]

        async def check(engine: Engine) -> None:
            assert (await numbers(engine, world.asked(query)))[0] == wanted

        run_with_engine(check)

    def test_case_width_and_diacritics_fold(self, world, run_with_engine) -> None:
        wanted = world.publish("Was besagt die naïve Bayes-Annahme für Größen?")
        world.publish("What is a decision tree?")

        async def check(engine: Engine) -> None:
            for query in ("naive bayes", "NAÏVE", "ｎａｉｖｅ", "fur", "nai\u0308ve"):
                assert await numbers(engine, world.asked(query)) == [wanted], query

        run_with_engine(check)

    def test_options_hints_and_names_of_terms_are_found(self, world, run_with_engine) -> None:
        world.term("categories", "nlp", "Natural language processing")
        world.term("companies", "facebook", "Facebook", ["Meta"])
        world.term("tags", "viva", "Oral examination")
        option = world.publish("Which one?", options=["entropy", "variance"])
        hint = world.publish("Which other?", hints=["Think of eigenvalues"])
        terms = world.publish("And which?", categories=("nlp",), companies=("facebook",))
        tagged = world.publish("Or which?", tags=("viva",))

        async def check(engine: Engine) -> None:
            assert await numbers(engine, world.asked("entropy")) == [option]
            assert await numbers(engine, world.asked("eigenvalues")) == [hint]
            assert await numbers(engine, world.asked("language processing")) == [terms]
            assert await numbers(engine, world.asked("meta")) == [terms]
            assert await numbers(engine, world.asked("oral")) == [tagged]

        run_with_engine(check)

    def test_a_renamed_term_is_found_by_its_new_name(self, world, run_with_engine) -> None:
        world.term("categories", "nlp", "Linguistics")
        wanted = world.publish("Which one?", categories=("nlp",))

        async def check(engine: Engine) -> None:
            assert await numbers(engine, world.asked("linguistics")) == [wanted]
            world.term("categories", "nlp", "Philology")
            await caught_up(engine, world)
            assert await numbers(engine, world.asked("philology")) == [wanted]
            assert await numbers(engine, world.asked("linguistics")) == []

        run_with_engine(check)

    def test_answers_are_found_only_where_they_are_public_and_requested(
        self, world, run_with_engine
    ) -> None:
        world.bank("closed", answers="restricted")
        public = world.publish("Which one?", explanation="Because of multicollinearity.")
        world.publish("Which one?", "closed", explanation="Because of multicollinearity.")
        banks = ("closed", "science")

        async def check(engine: Engine) -> None:
            asked = world.asked("multicollinearity", *banks, answers=banks)
            assert await numbers(engine, asked) == [public]
            assert await matching(engine, asked, 1001) == [public]
            for query in ("multicollinearity", "multicolinearity", "multicol", "multi"):
                without = world.asked(query, *banks)
                answer = await found(engine, without)
                assert (answer.hits, answer.corrected) == ([], None)
                assert await matching(engine, without, 1001) == []

        run_with_engine(check)

    def test_answers_leave_the_index_while_they_are_restricted(
        self, world, run_with_engine
    ) -> None:
        wanted = world.publish("Which one?", explanation="Because of multicollinearity.")
        asked = world.asked("multicollinearity", answers=("science",))

        async def check(engine: Engine) -> None:
            assert await numbers(engine, asked) == [wanted]
            world.rule("science", answers="restricted")
            await caught_up(engine, world)
            assert await numbers(engine, asked) == []
            world.rule("science", answers="public")
            await caught_up(engine, world)
            assert await numbers(engine, asked) == [wanted]

        run_with_engine(check)

    def test_an_exam_bank_is_not_indexed(self, world, run_with_engine) -> None:
        world.bank("exam", exposure="exam")
        world.publish("What does gradient descent minimise?", "exam")
        moved = world.publish("What does gradient boosting add?")

        async def check(engine: Engine) -> None:
            assert await numbers(engine, world.asked("gradient", "exam", "science")) == [moved]
            world.rule("science", exposure="exam")
            await caught_up(engine, world)
            assert await numbers(engine, world.asked("gradient", "exam", "science")) == []
            world.rule("science", exposure="open")
            await caught_up(engine, world)
            assert await numbers(engine, world.asked("gradient", "exam", "science")) == [moved]

        run_with_engine(check)

    def test_changed_questions_are_found_by_their_current_text(
        self, world, run_with_engine
    ) -> None:
        number = world.publish("What is entropy?")
        other = world.publish("What is variance?")

        async def check(engine: Engine) -> None:
            world.publish("What is perplexity?", number=number)
            world.withdraw(other)
            added = world.publish("What is kurtosis?")
            await caught_up(engine, world)
            [hit] = await hits(engine, world.asked("perplexity"))
            assert (hit.number, hit.revision) == (number, 2)
            assert await numbers(engine, world.asked("entropy")) == []
            assert await numbers(engine, world.asked("variance")) == []
            assert await numbers(engine, world.asked("kurtosis")) == [added]
            world.publish("What is variance?", number=other)
            await caught_up(engine, world)
            assert await numbers(engine, world.asked("variance")) == [other]

        run_with_engine(check)

    def test_a_bank_that_is_not_searched_reveals_nothing(self, world, run_with_engine) -> None:
        world.bank("other")
        world.publish("What is heteroscedasticity?", "other")
        world.publish("What is a decision tree?")

        async def check(engine: Engine) -> None:
            for query in ("heteroscedasticity", "heteroscedastcity", "heterosced", "he"):
                answer = await found(engine, world.asked(query))
                assert (answer.hits, answer.corrected, answer.more) == ([], None, False)
                assert await matching(engine, world.asked(query), 1001) == []

        run_with_engine(check)

    def test_hits_of_several_banks_are_ranked_together(self, world, run_with_engine) -> None:
        world.bank("other")
        beside = world.publish("Which one?", options=["a random forest", "a tree"])
        stem = world.publish("What is a random forest?", "other")

        async def check(engine: Engine) -> None:
            asked = world.asked("random forest", "other", "science")
            assert await numbers(engine, asked) == [stem, beside]
            assert await numbers(engine, world.asked("random forest", "other")) == [stem]

        run_with_engine(check)

    def test_the_filter_limits_what_is_found(self, world, run_with_engine) -> None:
        easy = world.publish("What is entropy?", difficulty="easy")
        hard = world.publish("What is cross entropy?", difficulty="hard")
        for wanted, difficulty in ((easy, "easy"), (hard, "hard")):
            asked = world.asked(
                "entropy",
                members=world.members("science", where=f"difficulty = '{difficulty}'"),
                question_filter=filter_from(f'{{"difficulty": [["{difficulty}"], []]}}'),
            )

            async def check(engine: Engine, asked=asked, wanted=wanted) -> None:
                assert await numbers(engine, asked) == [wanted]
                assert await matching(engine, asked, 1001) == [wanted]

            run_with_engine(check)

    def test_pages_follow_each_other(self, world, run_with_engine) -> None:
        stems = [f"What is gradient descent, part {number}?" for number in range(45)]
        wanted = world.publish_all([{"stem": stem} for stem in stems])

        async def check(engine: Engine) -> None:
            seen: list[int] = []
            for offset in (0, 20, 40):
                answer = await found(engine, world.asked("gradient descent", offset=offset))
                assert answer.more == (offset < 40)
                seen += [hit.number for hit in answer.hits]
            assert sorted(seen) == wanted
            asked = world.asked("gradient descent")
            assert sorted(await matching(engine, asked, 1001)) == wanted
            assert len(await matching(engine, asked, 10)) == 10

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
            asked = world.asked("too complex model", synonyms=synonyms)
            assert (await numbers(engine, asked))[0] == wanted
            assert (await numbers(engine, world.asked("knn", synonyms=synonyms)))[0] == knn

        run_with_engine(check)

    def test_a_query_with_more_words_than_a_question_finds_it(self, world, run_with_engine) -> None:
        wanted = world.publish("How is overfitting recognised?")
        world.publish("What is a decision tree?")

        async def check(engine: Engine) -> None:
            asked = world.asked("overfitting explained simply")
            assert (await numbers(engine, asked))[:1] == [wanted]

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
            assert (await numbers(engine, world.asked(query)))[:1] == [wanted]

        run_with_engine(check)

    def test_highlights_contain_the_stem_and_nothing_else(self, world, run_with_engine) -> None:
        stem = f"Is {HIGHLIGHT_START}<b>x</b>{HIGHLIGHT_END} & `a < b` a *gradient* of $\\alpha_1$?"
        world.publish(stem)

        async def check(engine: Engine) -> None:
            [hit] = await hits(engine, world.asked("gradient"))
            assert shown(hit) == "Is <b>x</b> & a < b a [gradient] of \\alpha_1?"

        run_with_engine(check)

    def test_an_unknown_word_finds_nothing(self, world, run_with_engine) -> None:
        world.publish("What is a decision tree?")

        async def check(engine: Engine) -> None:
            answer = await found(engine, world.asked("xylophone"))
            assert (answer.hits, answer.more, answer.corrected) == ([], False, None)
            assert await matching(engine, world.asked("xylophone"), 1001) == []

        run_with_engine(check)
