"""The contract of search engines: a class of tests from which the tests of each engine derive."""

from app.search.engine import Engine
from tests.search.support.query_contract import QueryContract
from tests.search.support.worlds import (
    hit_numbers,
    matching_numbers,
    search,
    search_hits,
    wait_until_indexed,
)


class EngineContract(QueryContract):
    """Tests of what is indexed; override `running` to run an engine over a database."""

    def test_options_hints_and_names_of_terms_are_found(self, world, run_with_engine) -> None:
        world.term("categories", "nlp", "Natural language processing")
        world.term("companies", "facebook", "Facebook", ["Meta"])
        world.term("tags", "viva", "Oral examination")
        option = world.publish("Which one?", options=["entropy", "variance"])
        hint = world.publish("Which other?", hints=["Think of eigenvalues"])
        terms = world.publish("And which?", categories=("nlp",), companies=("facebook",))
        tagged = world.publish("Or which?", tags=("viva",))

        async def check(engine: Engine) -> None:
            assert await hit_numbers(engine, world.request("entropy")) == [option]
            assert await hit_numbers(engine, world.request("eigenvalues")) == [hint]
            assert await hit_numbers(engine, world.request("language processing")) == [terms]
            assert await hit_numbers(engine, world.request("meta")) == [terms]
            assert await hit_numbers(engine, world.request("oral")) == [tagged]

        run_with_engine(check)

    def test_a_renamed_term_is_found_by_its_new_name(self, world, run_with_engine) -> None:
        world.term("categories", "nlp", "Linguistics")
        wanted = world.publish("Which one?", categories=("nlp",))

        async def check(engine: Engine) -> None:
            assert await hit_numbers(engine, world.request("linguistics")) == [wanted]
            world.term("categories", "nlp", "Philology")
            await wait_until_indexed(engine, world)
            assert await hit_numbers(engine, world.request("philology")) == [wanted]
            assert await hit_numbers(engine, world.request("linguistics")) == []

        run_with_engine(check)

    def test_answers_are_found_only_where_they_are_public_and_requested(
        self, world, run_with_engine
    ) -> None:
        world.bank("closed", answers="restricted")
        public = world.publish("Which one?", explanation="Because of multicollinearity.")
        world.publish("Which one?", "closed", explanation="Because of multicollinearity.")
        banks = ("closed", "science")

        async def check(engine: Engine) -> None:
            request = world.request("multicollinearity", *banks, answers=banks)
            assert await hit_numbers(engine, request) == [public]
            assert await matching_numbers(engine, request, 1001) == [public]
            for query in ("multicollinearity", "multicolinearity", "multicol", "multi"):
                without = world.request(query, *banks)
                result = await search(engine, without)
                assert (result.hits, result.corrected) == ([], None)
                assert await matching_numbers(engine, without, 1001) == []

        run_with_engine(check)

    def test_answers_leave_the_index_while_they_are_restricted(
        self, world, run_with_engine
    ) -> None:
        wanted = world.publish("Which one?", explanation="Because of multicollinearity.")
        request = world.request("multicollinearity", answers=("science",))

        async def check(engine: Engine) -> None:
            assert await hit_numbers(engine, request) == [wanted]
            world.set_rules("science", answers="restricted")
            await wait_until_indexed(engine, world)
            assert await hit_numbers(engine, request) == []
            world.set_rules("science", answers="public")
            await wait_until_indexed(engine, world)
            assert await hit_numbers(engine, request) == [wanted]

        run_with_engine(check)

    def test_an_exam_bank_is_not_indexed(self, world, run_with_engine) -> None:
        world.bank("exam", exposure="exam")
        world.publish("What does gradient descent minimise?", "exam")
        moved = world.publish("What does gradient boosting add?")

        async def check(engine: Engine) -> None:
            request = world.request("gradient", "exam", "science")
            assert await hit_numbers(engine, request) == [moved]
            world.set_rules("science", exposure="exam")
            await wait_until_indexed(engine, world)
            request = world.request("gradient", "exam", "science")
            assert await hit_numbers(engine, request) == []
            world.set_rules("science", exposure="open")
            await wait_until_indexed(engine, world)
            request = world.request("gradient", "exam", "science")
            assert await hit_numbers(engine, request) == [moved]

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
            await wait_until_indexed(engine, world)
            [hit] = await search_hits(engine, world.request("perplexity"))
            assert (hit.number, hit.revision) == (number, 2)
            assert await hit_numbers(engine, world.request("entropy")) == []
            assert await hit_numbers(engine, world.request("variance")) == []
            assert await hit_numbers(engine, world.request("kurtosis")) == [added]
            world.publish("What is variance?", number=other)
            await wait_until_indexed(engine, world)
            assert await hit_numbers(engine, world.request("variance")) == [other]

        run_with_engine(check)

    def test_a_bank_that_is_not_searched_reveals_nothing(self, world, run_with_engine) -> None:
        world.bank("other")
        world.publish("What is heteroscedasticity?", "other")
        world.publish("What is a decision tree?")

        async def check(engine: Engine) -> None:
            for query in ("heteroscedasticity", "heteroscedastcity", "heterosced", "he"):
                result = await search(engine, world.request(query))
                assert (result.hits, result.corrected, result.more) == ([], None, False)
                assert await matching_numbers(engine, world.request(query), 1001) == []

        run_with_engine(check)
