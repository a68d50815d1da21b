"""What every engine keeps to, over any published state: a class of tests to derive from."""

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
    """Derive from this, and say in `running` how an engine is started over a database."""

    def running(
        self, database: Database, settings: Settings
    ) -> AbstractAsyncContextManager[Engine]:
        """Start an engine that follows the database, and stop it at the end."""
        raise NotImplementedError

    @pytest.fixture
    def world(self, database: Database) -> World:
        world = World(database)
        world.bank("science")
        return world

    @pytest.fixture
    def over(
        self, database: Database, settings: Settings, world: World
    ) -> Callable[[Callable[[Engine], Awaitable[None]]], None]:
        """Run a test's body with an engine that has caught up."""

        def run(body: Callable[[Engine], Awaitable[None]]) -> None:
            async def whole() -> None:
                async with self.running(database, settings) as engine:
                    await caught_up(engine, world)
                    await body(engine)

            asyncio.run(whole())

        return run

    def test_a_word_of_the_stem_is_found_and_marked(self, world, over) -> None:
        wanted = world.publish("What does **gradient** descent minimise?")
        world.publish("What is a decision tree?")

        async def body(engine: Engine) -> None:
            [hit] = await hits(engine, world.asked("gradient"))
            assert (hit.number, hit.revision) == (wanted, 1)
            assert shown(hit) == "What does [gradient] descent minimise?"
            assert await matching(engine, world.asked("gradient"), 1001) == [wanted]

        over(body)

    def test_the_last_word_may_be_unfinished(self, world, over) -> None:
        wanted = world.publish("What does gradient descent minimise?")
        world.publish("What is a decision tree?")

        async def body(engine: Engine) -> None:
            for query in ("gradient desc", "grad", "g", "gr"):
                assert await numbers(engine, world.asked(query)) == [wanted], query

        over(body)

    def test_typing_errors_are_forgiven(self, world, over) -> None:
        wanted = world.publish("How is overfitting recognised?")
        world.publish("What is a decision tree?")

        async def body(engine: Engine) -> None:
            for query in (
                "overfiting",
                "ovrefitting",
                "overfittting",
                "overfitzing",
                "over fitting",
            ):
                assert (await numbers(engine, world.asked(query)))[:1] == [wanted], query

        over(body)

    def test_what_was_meant_is_told(self, world, over) -> None:
        world.publish("What does gradient descent minimise?")

        async def body(engine: Engine) -> None:
            answer = await found(engine, world.asked("gradint descent"))
            assert answer.corrected == "gradient descent"
            assert (await found(engine, world.asked("gradient desc"))).corrected is None

        over(body)

    def test_words_are_found_in_any_order_and_a_phrase_comes_first(self, world, over) -> None:
        scattered = world.publish("Does the forest of trees need random seeds?")
        phrase = world.publish("Why does a random forest vote?")
        reversed_words = world.publish("Is a forest random?")

        async def body(engine: Engine) -> None:
            found_numbers = await numbers(engine, world.asked("random forest"))
            assert found_numbers[0] == phrase
            assert set(found_numbers) == {scattered, phrase, reversed_words}

        over(body)

    def test_the_stem_counts_more_than_the_rest(self, world, over) -> None:
        beside = world.publish("What helps here?", options=["regularisation", "a larger model"])
        stem = world.publish("What is regularisation?")

        async def body(engine: Engine) -> None:
            assert await numbers(engine, world.asked("regularisation")) == [stem, beside]

        over(body)

    def test_an_exact_word_comes_before_a_corrected_one(self, world, over) -> None:
        near = world.publish("What is a kernels trick?")
        exact = world.publish("What is a colonel trick?")

        async def body(engine: Engine) -> None:
            assert (await numbers(engine, world.asked("colonel trick")))[0] == exact
            assert (await numbers(engine, world.asked("kernels trick")))[0] == near

        over(body)

    @pytest.mark.parametrize("query", [*TERMS, "knn", "c++", "c#", "r2", "a* search", "K-nn"])
    def test_terms_of_the_field_keep_their_signs(self, world, over, query: str) -> None:
        published = {term: world.publish(stem) for term, stem in TERMS.items()}
        folded = {term.casefold().replace("²", "2"): number for term, number in published.items()}
        folded |= {"knn": published["k-NN"], "a* search": published["A*"]}
        wanted = folded[query.casefold().replace("²", "2")]

        async def body(engine: Engine) -> None:
            assert (await numbers(engine, world.asked(query)))[0] == wanted

        over(body)

    def test_case_width_and_diacritics_fold(self, world, over) -> None:
        wanted = world.publish("Was besagt die naïve Bayes-Annahme für Größen?")
        world.publish("What is a decision tree?")

        async def body(engine: Engine) -> None:
            for query in ("naive bayes", "NAÏVE", "ｎａｉｖｅ", "fur", "nai\u0308ve"):
                assert await numbers(engine, world.asked(query)) == [wanted], query

        over(body)

    def test_options_hints_and_names_of_terms_are_found(self, world, over) -> None:
        world.term("categories", "nlp", "Natural language processing")
        world.term("companies", "facebook", "Facebook", ["Meta"])
        world.term("tags", "viva", "Oral examination")
        option = world.publish("Which one?", options=["entropy", "variance"])
        hint = world.publish("Which other?", hints=["Think of eigenvalues"])
        terms = world.publish("And which?", categories=("nlp",), companies=("facebook",))
        tagged = world.publish("Or which?", tags=("viva",))

        async def body(engine: Engine) -> None:
            assert await numbers(engine, world.asked("entropy")) == [option]
            assert await numbers(engine, world.asked("eigenvalues")) == [hint]
            assert await numbers(engine, world.asked("language processing")) == [terms]
            assert await numbers(engine, world.asked("meta")) == [terms]
            assert await numbers(engine, world.asked("oral")) == [tagged]

        over(body)

    def test_a_renamed_term_is_found_by_its_new_name(self, world, over) -> None:
        world.term("categories", "nlp", "Linguistics")
        wanted = world.publish("Which one?", categories=("nlp",))

        async def body(engine: Engine) -> None:
            assert await numbers(engine, world.asked("linguistics")) == [wanted]
            world.term("categories", "nlp", "Philology")
            await caught_up(engine, world)
            assert await numbers(engine, world.asked("philology")) == [wanted]
            assert await numbers(engine, world.asked("linguistics")) == []

        over(body)

    def test_answers_are_found_only_where_they_are_public_and_asked_for(self, world, over) -> None:
        world.bank("closed", answers="restricted")
        public = world.publish("Which one?", explanation="Because of multicollinearity.")
        world.publish("Which one?", "closed", explanation="Because of multicollinearity.")
        banks = ("closed", "science")

        async def body(engine: Engine) -> None:
            asked = world.asked("multicollinearity", *banks, answers=banks)
            assert await numbers(engine, asked) == [public]
            assert await matching(engine, asked, 1001) == [public]
            for query in ("multicollinearity", "multicolinearity", "multicol", "multi"):
                without = world.asked(query, *banks)
                answer = await found(engine, without)
                assert (answer.hits, answer.corrected) == ([], None)
                assert await matching(engine, without, 1001) == []

        over(body)

    def test_answers_that_become_restricted_leave_and_come_back(self, world, over) -> None:
        wanted = world.publish("Which one?", explanation="Because of multicollinearity.")
        asked = world.asked("multicollinearity", answers=("science",))

        async def body(engine: Engine) -> None:
            assert await numbers(engine, asked) == [wanted]
            world.rule("science", answers="restricted")
            await caught_up(engine, world)
            assert await numbers(engine, asked) == []
            world.rule("science", answers="public")
            await caught_up(engine, world)
            assert await numbers(engine, asked) == [wanted]

        over(body)

    def test_an_exam_bank_is_not_held(self, world, over) -> None:
        world.bank("exam", exposure="exam")
        world.publish("What does gradient descent minimise?", "exam")
        moved = world.publish("What does gradient boosting add?")

        async def body(engine: Engine) -> None:
            assert await numbers(engine, world.asked("gradient", "exam", "science")) == [moved]
            world.rule("science", exposure="exam")
            await caught_up(engine, world)
            assert await numbers(engine, world.asked("gradient", "exam", "science")) == []
            world.rule("science", exposure="open")
            await caught_up(engine, world)
            assert await numbers(engine, world.asked("gradient", "exam", "science")) == [moved]

        over(body)

    def test_what_changes_is_found_as_it_is_now(self, world, over) -> None:
        number = world.publish("What is entropy?")
        other = world.publish("What is variance?")

        async def body(engine: Engine) -> None:
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

        over(body)

    def test_a_bank_that_is_not_asked_tells_nothing(self, world, over) -> None:
        world.bank("other")
        world.publish("What is heteroscedasticity?", "other")
        world.publish("What is a decision tree?")

        async def body(engine: Engine) -> None:
            for query in ("heteroscedasticity", "heteroscedastcity", "heterosced", "he"):
                answer = await found(engine, world.asked(query))
                assert (answer.hits, answer.corrected, answer.more) == ([], None, False)
                assert await matching(engine, world.asked(query), 1001) == []

        over(body)

    def test_several_banks_are_found_together_best_first(self, world, over) -> None:
        world.bank("other")
        beside = world.publish("Which one?", options=["a random forest", "a tree"])
        stem = world.publish("What is a random forest?", "other")

        async def body(engine: Engine) -> None:
            asked = world.asked("random forest", "other", "science")
            assert await numbers(engine, asked) == [stem, beside]
            assert await numbers(engine, world.asked("random forest", "other")) == [stem]

        over(body)

    def test_the_filter_holds(self, world, over) -> None:
        easy = world.publish("What is entropy?", difficulty="easy")
        hard = world.publish("What is cross entropy?", difficulty="hard")
        for wanted, difficulty in ((easy, "easy"), (hard, "hard")):
            asked = world.asked(
                "entropy",
                members=world.members("science", where=f"difficulty = '{difficulty}'"),
                question_filter=filter_from(f'{{"difficulty": [["{difficulty}"], []]}}'),
            )

            async def body(engine: Engine, asked=asked, wanted=wanted) -> None:
                assert await numbers(engine, asked) == [wanted]
                assert await matching(engine, asked, 1001) == [wanted]

            over(body)

    def test_pages_follow_each_other(self, world, over) -> None:
        stems = [f"What is gradient descent, part {place}?" for place in range(45)]
        wanted = world.publish_all([{"stem": stem} for stem in stems])

        async def body(engine: Engine) -> None:
            seen: list[int] = []
            for offset in (0, 20, 40):
                answer = await found(engine, world.asked("gradient descent", offset=offset))
                assert answer.more == (offset < 40)
                seen += [hit.number for hit in answer.hits]
            assert sorted(seen) == wanted
            asked = world.asked("gradient descent")
            assert sorted(await matching(engine, asked, 1001)) == wanted
            assert len(await matching(engine, asked, 10)) == 10

        over(body)

    def test_synonyms_are_found(self, world, over) -> None:
        wanted = world.publish("How is overfitting recognised?")
        knn = world.publish("How many k nearest neighbours vote?")
        world.publish("What is a decision tree?")
        synonyms = {
            "too complex model": ("overfitting",),
            "overfitting": ("too complex model",),
            "knn": ("k nearest neighbours",),
            "k nearest neighbours": ("knn",),
        }

        async def body(engine: Engine) -> None:
            asked = world.asked("too complex model", synonyms=synonyms)
            assert (await numbers(engine, asked))[0] == wanted
            assert (await numbers(engine, world.asked("knn", synonyms=synonyms)))[0] == knn

        over(body)

    def test_more_words_than_a_question_has_still_find_it(self, world, over) -> None:
        wanted = world.publish("How is overfitting recognised?")
        world.publish("What is a decision tree?")

        async def body(engine: Engine) -> None:
            asked = world.asked("overfitting explained simply")
            assert (await numbers(engine, asked))[:1] == [wanted]

        over(body)

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
    def test_nothing_in_a_query_is_an_operator(self, world, over, query: str) -> None:
        wanted = world.publish("What does gradient descent minimise?")

        async def body(engine: Engine) -> None:
            assert (await numbers(engine, world.asked(query)))[:1] == [wanted]

        over(body)

    def test_highlights_hold_the_stem_and_nothing_else(self, world, over) -> None:
        stem = f"Is {HIGHLIGHT_START}<b>x</b>{HIGHLIGHT_END} & `a < b` a *gradient* of $\\alpha_1$?"
        world.publish(stem)

        async def body(engine: Engine) -> None:
            [hit] = await hits(engine, world.asked("gradient"))
            assert shown(hit) == "Is <b>x</b> & a < b a [gradient] of \\alpha_1?"

        over(body)

    def test_what_finds_nothing_finds_nothing(self, world, over) -> None:
        world.publish("What is a decision tree?")

        async def body(engine: Engine) -> None:
            answer = await found(engine, world.asked("xylophone"))
            assert (answer.hits, answer.more, answer.corrected) == ([], False, None)
            assert await matching(engine, world.asked("xylophone"), 1001) == []

        over(body)
