"""Whatever happens: at rest both sides are equal, and nothing withdrawn is ever found."""

import asyncio
import os
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.access.access_snapshot import AccessSnapshot
from app.catalog.service import Catalog
from app.core.db.edition_clock import start_epoch
from app.core.db.leases import Lease
from app.core.secrets import load_secrets
from app.core.settings import Settings
from app.published.follower import Follower
from app.search.engine import EngineUnavailableError
from app.search.meilisearch.engine import MeilisearchEngine
from app.search.meilisearch.mirror import Mirror
from app.search.meilisearch.status import read_status
from app.search.service import NOTHING, Searcher, Wanted
from app.search.synonyms.snapshot import Thesaurus
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from tests.search.support.mirroring import PACE, World
from tests.support.meili.fake import FakeMeili
from tests.support.meili.proxy import Fault, FaultProxy
from tests.support.meili.state import State

EXAMPLES = int(os.environ.get("QUIZWELL_HISTORIES", "8"))
HURRY = replace(PACE, lease=2.5, renew=0.5, verify=0.05, note=0.03, doubt=0.2, retry_most=0.1)


class KilledError(BaseException):
    """Ends a thread as kill -9 ends a process: nothing is put in order any more."""


class Mortal(Mirror):
    """A mirror that can be killed."""

    killed = False
    holding = False

    def run(self) -> None:
        with suppress(KilledError):
            super().run()

    def _hold(self, lease: Lease) -> None:
        self.holding = True
        try:
            super()._hold(lease)
        finally:
            self.holding = False

    def _renew(self, lease: Lease) -> None:
        if self.killed:
            raise KilledError
        super()._renew(lease)

    def kill(self) -> None:
        self.killed = True
        self._wake.set()
        if not self.holding:
            self._stopping.set()
        if self._thread is not None:
            self._thread.join(20.0)


class Histories(RuleBasedStateMachine):
    """Editors, operators, servers and senders do what they do, and what they suffer."""

    make_settings: Callable[[], Settings]

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.server = FakeMeili()
        self.proxy = FaultProxy(self.server.url)
        self.world = World(type(self).make_settings(), self.server, self.proxy)
        self.world.make_bank()
        self.world.make_bank("history")
        self.live: dict[UUID, str] = {}
        self.withdrawn: set[UUID] = set()
        self.saved: State | None = None
        self.mirrors: list[Mortal] = []
        self.access, self.glossary = AccessSnapshot(self.world.settings), VocabularySnapshot()
        self.catalog = Catalog(
            self.world.database,
            self.world.settings,
            load_secrets(self.world.settings),
            self.access,
            self.glossary,
        )
        self.follower = Follower(self.world.database, self.catalog, [self.access, self.glossary])
        self.start()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.come_to_rest()
        finally:
            self._close()

    def _close(self) -> None:
        for mirror in self.mirrors:
            mirror.kill()
        self.world.close()
        self.proxy.close()
        self.server.close()
        assert not [one for one in threading.enumerate() if one.name == "search-mirror"]

    @rule()
    def start(self) -> None:
        if len(self.mirrors) < 3:
            mirror = Mortal(self.world.database, self.world.settings, pace=HURRY)
            mirror.start()
            self.mirrors.append(mirror)

    @precondition(lambda self: self.mirrors)
    @rule()
    def kill_a_sender(self) -> None:
        self.mirrors.pop(self.chance.randrange(len(self.mirrors))).kill()

    @rule(count=st.integers(1, 5), bank=st.sampled_from(["science", "history"]))
    def publish(self, count: int, bank: str) -> None:
        self._publish(count, bank)

    @rule(bank=st.sampled_from(["science", "history"]))
    def import_many(self, bank: str) -> None:
        self._publish(self.chance.randrange(30, 90), bank)

    def _publish(self, count: int, bank: str) -> None:
        for question in self.world.publish_many(count, bank):
            self.live[question] = bank

    @precondition(lambda self: self.live)
    @rule(count=st.integers(1, 20))
    def withdraw(self, count: int) -> None:
        gone = self.chance.sample(list(self.live), min(count, len(self.live)))
        self.world.withdraw(*gone)
        for question in gone:
            del self.live[question]
        self.withdrawn |= set(gone)

    @precondition(lambda self: self.live)
    @rule(count=st.integers(1, 5))
    def merge_terms(self, count: int) -> None:
        """What held one tag holds another now: each is published again."""
        for question in self.chance.sample(list(self.live), min(count, len(self.live))):
            tag = self.chance.choice(("viva", "coding"))
            self.world.republish(question, "Why does word0 grow after the merge?", tags=(tag,))

    @precondition(lambda self: self.withdrawn)
    @rule()
    def publish_what_was_withdrawn(self) -> None:
        question = self.withdrawn.pop()
        _, _, bank = self.world.row(question)
        self.world.republish(question, "Why does word1 grow back?")
        self.live[question] = bank

    @rule(answers=st.sampled_from(["public", "restricted"]))
    def change_the_answers_rule(self, answers: str) -> None:
        self.world.change_bank("science", answers=answers)

    @rule(exposure=st.sampled_from(["open", "exam"]))
    def change_the_exposure(self, exposure: str) -> None:
        self.world.change_bank("history", exposure=exposure)

    @rule()
    def restore_the_database(self) -> None:
        """Somebody puts back what was there before and says so."""
        with self.world.database.write() as session:
            start_epoch(session)

    @rule(count=st.integers(1, 3), kind=st.sampled_from(["cut_before", "cut_after"]))
    def cut_the_way(self, count: int, kind: str) -> None:
        self.proxy.add(Fault(kind, times=count, method="POST"))  # type: ignore[arg-type]

    @rule()
    def lose_the_way(self) -> None:
        self.proxy.down()

    @rule()
    def find_the_way(self) -> None:
        self.proxy.up()

    @rule()
    def fail_a_batch(self) -> None:
        self.server.faults.failing_batches = 1

    @rule()
    def kill_the_server(self) -> None:
        self.server.crash()

    @rule()
    def wipe_the_server(self) -> None:
        self.server.wipe()

    @rule()
    def save_the_server(self) -> None:
        self.saved = self.server.save()

    @precondition(lambda self: self.saved is not None)
    @rule()
    def restore_the_server(self) -> None:
        assert self.saved is not None
        self.server.restore(self.saved)

    @rule()
    def delete_an_index(self) -> None:
        self.world.direct.drop_index(f"{self.world.prefix}__science")

    @invariant()
    def nothing_withdrawn_is_found(self) -> None:
        if not hasattr(self, "world"):
            return
        found = asyncio.run(self._search())
        assert not found & self.withdrawn

    async def _search(self) -> set[UUID]:
        await self.follower.catch_up()
        world = self.world
        engine = MeilisearchEngine(world.database, world.direct_settings, self.glossary)
        engine.status = read_status(world.database)
        searcher = Searcher(self.catalog, Thesaurus(), [engine])
        banks = frozenset(
            bank for bank, rules in self.access.rights.banks.items() if rules.exposure == "open"
        )
        try:
            page = await searcher.page(engine, Wanted("grow", NOTHING, banks, 100, 0))
        except EngineUnavailableError:
            return set()
        finally:
            await engine._searches.close()
        return {UUID(bytes=self.catalog.entry(hit.number).id) for hit in page.hits}

    @rule()
    def come_to_rest(self) -> None:
        self.proxy.lift()
        self.proxy.up()
        self.server.faults.lift()
        self.start()
        self.world.converge()
        indexed = len(self.world.indexed())
        assert indexed == sum(bank == "science" for bank in self.live.values())


@pytest.fixture
def machine(
    fresh_settings: Callable[..., Settings],
) -> type[Histories]:
    class Machine(Histories):
        make_settings = staticmethod(fresh_settings)

    return Machine


def test_at_rest_both_sides_are_equal(machine: type[Histories]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            # The same histories every time, but for campaigns, which set how many.
            derandomize="QUIZWELL_HISTORIES" not in os.environ,
            stateful_step_count=14,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
