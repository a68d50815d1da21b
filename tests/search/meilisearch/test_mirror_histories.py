"""After any history both sides converge, and no withdrawn question is ever found."""

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
from app.search.service import NO_FILTER, Searcher, SearchQuery
from app.search.synonyms.snapshot import SynonymSnapshot
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot
from tests.search.support.mirroring import FAST_TIMINGS, Deployment
from tests.support.hypothesis_profiles import scaled
from tests.support.meili.fake import FakeMeili
from tests.support.meili.proxy import Fault, FaultProxy
from tests.support.meili.state import ServerState

pytestmark = pytest.mark.campaign

HISTORY_COUNT = int(os.environ.get("QUIZWELL_HISTORIES") or scaled(0.04).max_examples)
HISTORY_TIMINGS = replace(
    FAST_TIMINGS,
    lease_seconds=2.5,
    lease_renewal_seconds=0.5,
    server_check_seconds=0.05,
    marker_seconds=0.03,
    late_request_seconds=0.2,
    retry_max_seconds=0.1,
)


class KilledError(BaseException):
    """Ends a thread like kill -9 ends a process, without any cleanup."""


class KillableMirror(Mirror):
    """A mirror that can be killed."""

    killed = False
    has_lease = False

    def run(self) -> None:
        with suppress(KilledError):
            super().run()

    def _replicate(self, lease: Lease) -> None:
        self.has_lease = True
        try:
            super()._replicate(lease)
        finally:
            self.has_lease = False

    def _renew_if_due(self, lease: Lease) -> None:
        if self.killed:
            raise KilledError
        super()._renew_if_due(lease)

    def kill(self) -> None:
        self.killed = True
        self._wake.set()
        if not self.has_lease:
            self._stopping.set()
        if self._thread is not None:
            self._thread.join(20.0)


class Histories(RuleBasedStateMachine):
    """Random histories of editors, operators, faults of the server, and killed mirrors."""

    make_settings: Callable[[], Settings]

    @initialize(seed=st.integers(0, 2**32))
    def set_up(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.server = FakeMeili()
        self.proxy = FaultProxy(self.server.url)
        self.deployment = Deployment(type(self).make_settings(), self.server, self.proxy)
        self.deployment.make_bank()
        self.deployment.make_bank("history")
        self.live: dict[UUID, str] = {}
        self.withdrawn: set[UUID] = set()
        self.saved: ServerState | None = None
        self.mirrors: list[KillableMirror] = []
        self.access, self.vocabularies = (
            AccessSnapshot(self.deployment.settings),
            VocabularySnapshot(),
        )
        self.catalog = Catalog(
            self.deployment.database,
            self.deployment.settings,
            load_secrets(self.deployment.settings),
            self.access,
            self.vocabularies,
        )
        self.follower = Follower(
            self.deployment.database, self.catalog, [self.access, self.vocabularies]
        )
        self.start_mirror()

    def teardown(self) -> None:
        if not hasattr(self, "deployment"):
            return
        try:
            self.converge()
        finally:
            self._close()

    def _close(self) -> None:
        for mirror in self.mirrors:
            mirror.kill()
        self.deployment.close()
        self.proxy.close()
        self.server.close()
        assert not [thread for thread in threading.enumerate() if thread.name == "search-mirror"]

    @rule()
    def start_mirror(self) -> None:
        if len(self.mirrors) < 3:
            mirror = KillableMirror(
                self.deployment.database, self.deployment.settings, timings=HISTORY_TIMINGS
            )
            mirror.start()
            self.mirrors.append(mirror)

    @precondition(lambda self: self.mirrors)
    @rule()
    def kill_a_mirror(self) -> None:
        self.mirrors.pop(self.rng.randrange(len(self.mirrors))).kill()

    @rule(count=st.integers(1, 5), bank=st.sampled_from(["science", "history"]))
    def publish(self, count: int, bank: str) -> None:
        self._publish(count, bank)

    @rule(bank=st.sampled_from(["science", "history"]))
    def import_many(self, bank: str) -> None:
        self._publish(self.rng.randrange(30, 90), bank)

    def _publish(self, count: int, bank: str) -> None:
        for question in self.deployment.publish_many(count, bank):
            self.live[question] = bank

    @precondition(lambda self: self.live)
    @rule(count=st.integers(1, 20))
    def withdraw(self, count: int) -> None:
        withdrawn = self.rng.sample(list(self.live), min(count, len(self.live)))
        self.deployment.withdraw(*withdrawn)
        for question in withdrawn:
            del self.live[question]
        self.withdrawn |= set(withdrawn)

    @precondition(lambda self: self.live)
    @rule(count=st.integers(1, 5))
    def merge_terms(self, count: int) -> None:
        """Questions get another tag, so each is published again."""
        for question in self.rng.sample(list(self.live), min(count, len(self.live))):
            tag = self.rng.choice(("viva", "coding"))
            self.deployment.republish(question, "Why does word0 grow after the merge?", tags=(tag,))

    @precondition(lambda self: self.withdrawn)
    @rule()
    def publish_a_withdrawn_question(self) -> None:
        question = self.withdrawn.pop()
        _, _, bank = self.deployment.latest_revision(question)
        self.deployment.republish(question, "Why does word1 grow back?")
        self.live[question] = bank

    @rule(answers=st.sampled_from(["public", "restricted"]))
    def change_answers_rule(self, answers: str) -> None:
        self.deployment.change_bank("science", answers=answers)

    @rule(exposure=st.sampled_from(["open", "exam"]))
    def change_exposure(self, exposure: str) -> None:
        self.deployment.change_bank("history", exposure=exposure)

    @rule()
    def restore_the_database(self) -> None:
        """An operator restores the database and starts a new epoch."""
        with self.deployment.database.write() as session:
            start_epoch(session)

    @rule(count=st.integers(1, 3), kind=st.sampled_from(["cut_before", "cut_after"]))
    def cut_requests(self, count: int, kind: str) -> None:
        self.proxy.add_fault(Fault(kind, times=count, method="POST"))  # type: ignore[arg-type]

    @rule()
    def disconnect(self) -> None:
        self.proxy.down()

    @rule()
    def reconnect(self) -> None:
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
    def save_the_server_state(self) -> None:
        self.saved = self.server.save_state()

    @precondition(lambda self: self.saved is not None)
    @rule()
    def restore_the_server_state(self) -> None:
        assert self.saved is not None
        self.server.restore_state(self.saved)

    @rule()
    def delete_an_index(self) -> None:
        self.deployment.direct_client.delete_index(f"{self.deployment.prefix}__science")

    @invariant()
    def no_withdrawn_question_is_found(self) -> None:
        if not hasattr(self, "deployment"):
            return
        found = asyncio.run(self._search())
        assert not found & self.withdrawn

    async def _search(self) -> set[UUID]:
        await self.follower.catch_up()
        deployment = self.deployment
        engine = MeilisearchEngine(
            deployment.database, deployment.direct_settings, self.vocabularies
        )
        engine.status = read_status(deployment.database)
        searcher = Searcher(self.catalog, SynonymSnapshot(), [engine])
        banks = frozenset(
            bank for bank, rules in self.access.rights.banks.items() if rules.exposure == "open"
        )
        try:
            page = await searcher.page(engine, SearchQuery("grow", NO_FILTER, banks, 100, 0))
        except EngineUnavailableError:
            return set()
        finally:
            await engine._client.close()
        return {UUID(bytes=self.catalog.entry(hit.number).id) for hit in page.hits}

    @rule()
    def converge(self) -> None:
        self.proxy.clear_faults()
        self.proxy.up()
        self.server.faults.reset()
        self.start_mirror()
        self.deployment.converge()
        indexed = len(self.deployment.signatures())
        assert indexed == sum(bank == "science" for bank in self.live.values())


@pytest.fixture
def machine(
    fresh_settings: Callable[..., Settings],
) -> type[Histories]:
    class Machine(Histories):
        make_settings = staticmethod(fresh_settings)

    return Machine


def test_after_any_history_both_sides_converge(machine: type[Histories]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=HISTORY_COUNT,
            # The same histories in every run, unless QUIZWELL_HISTORIES asks for new ones.
            derandomize="QUIZWELL_HISTORIES" not in os.environ,
            stateful_step_count=14,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
