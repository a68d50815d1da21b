"""Builds a fresh index beside a bank's live one, and puts it in place when it holds everything."""

import logging
import time
from enum import Enum, auto
from typing import Protocol

from app.search.indexing.context import Knowledge
from app.search.meilisearch.client import Enqueued, Server
from app.search.meilisearch.comparison import Comparison
from app.search.meilisearch.failures import Kind, ServerError
from app.search.meilisearch.index_names import live_name, staging_name
from app.search.meilisearch.index_settings import lacking, wanted_settings
from app.search.meilisearch.sender import Sender
from app.search.meilisearch.state import Place, States
from app.search.meilisearch.timings import Pace

log = logging.getLogger(__name__)


class Phase(Enum):
    """Where a build stands."""

    START = auto()
    MADE = auto()
    READY = auto()
    FILLING = auto()
    FILLED = auto()
    DECIDE = auto()
    SWAPPED = auto()
    DONE = auto()


class Workshop(Protocol):
    """What a build needs of the mirror."""

    prefix: str
    server: Server
    sender: Sender
    states: States
    knowledge: Knowledge
    pace: Pace

    def comparison(self, bank: str, index: str, *, fresh: bool) -> Comparison:
        """Return a comparison that has not begun."""

    def count(self, bank: str) -> int:
        """Return how many live questions a bank has."""


class Build:
    """One bank's build, a step at a time; what it must not forget stands in the place's row.

    While it fills, the mirror sends each change to both indexes. A killed build goes on where it
    stood: the comparison skips what is there.
    """

    def __init__(self, shop: Workshop, place: Place) -> None:
        """Begin anew, or go on where the row says that one stood."""
        self._shop = shop
        self._place = place
        self._waiting = False
        self._fresh = False
        self._again_at = 0.0
        self._comparison: Comparison | None = None
        self._swapping = False
        self._round = 0
        self.outdated = False
        self._live = live_name(shop.prefix, place.bank)
        self.phase = Phase.START if place.staging_incarnation is None else Phase.MADE

    @property
    def filling(self) -> str | None:
        """The fresh index, when changes have to go there as well."""
        return self._place.staging if self.phase in _OPEN else None

    @property
    def done(self) -> bool:
        """Whether the fresh index is the live one."""
        return self.phase is Phase.DONE

    @property
    def reading(self) -> bool:
        """Whether the next step reads more of the database."""
        return (
            self.phase is Phase.FILLING
            and self._comparison is not None
            and not self._comparison.read
        )

    def refill(self) -> None:
        """Compare the fresh index from the start: what it was filled with may be out of date."""
        if self._swapping or self.phase is Phase.SWAPPED:
            self.outdated = True
        elif self.phase in _OPEN:
            self._shop.sender.held -= {self._live, str(self._place.staging)}
            self._round += 1
            self._waiting = self._fresh = False
            self.phase = Phase.READY

    def restart(self) -> None:
        """Begin anew: the fresh index was lost."""
        if self._place.staging is not None:
            self._shop.sender.drop(self._place.staging)
        self._shop.sender.held.discard(self._live)
        self._place.staging = self._place.staging_incarnation = None
        self._shop.states.save_place(self._place, "staging", "staging_incarnation")
        self._comparison = None
        self._swapping = False
        self._round += 1
        self._waiting = False
        self.phase = Phase.START

    def step(self) -> None:
        """Do what can be done now."""
        if self._waiting or time.monotonic() < self._again_at:
            return
        match self.phase:
            case Phase.START:
                self._make()
            case Phase.MADE:
                self._set_up()
            case Phase.READY:
                self._begin()
            case Phase.FILLING:
                self._fill()
            case Phase.FILLED:
                self._sound()
            case Phase.DECIDE:
                self._decide()
            case Phase.SWAPPED:
                self._finish()
            case Phase.DONE:
                pass

    def _make(self) -> None:
        place = self._place
        if place.staging is None:
            place.staging = staging_name(self._shop.prefix, place.bank)
            place.done, place.total = 0, self._shop.count(place.bank)
            self._shop.states.save_place(place, "staging", "done", "total")
        self._fresh = True
        self._await(self._shop.server.make_index(place.staging), Phase.MADE)

    def _set_up(self) -> None:
        place = self._place
        if place.staging is None:
            self.restart()
            return
        made_at = self._shop.server.made_at(place.staging)
        if place.staging_incarnation is None and made_at is not None:
            place.staging_incarnation = made_at
            self._shop.states.save_place(place, "staging_incarnation")
        if made_at is None or made_at != place.staging_incarnation:
            live = self._shop.server.made_at(self._live)
            if live is not None and live == place.staging_incarnation:
                # The one before us was killed between the swap and its own note of it.
                self._hold()
                self.phase = Phase.SWAPPED
            else:
                self.restart()
            return
        found = self._shop.server.settings(place.staging)
        changes = lacking(wanted_settings(self._shop.knowledge.synonyms), found)
        if changes:
            self._await(self._shop.server.change_settings(place.staging, changes), Phase.READY)
        else:
            self.phase = Phase.READY

    def _begin(self) -> None:
        # From here on changes go to both, and only then the first row is read.
        self.phase = Phase.FILLING
        self._comparison = self._shop.comparison(
            self._place.bank, str(self._place.staging), fresh=self._fresh
        )

    def _fill(self) -> None:
        comparison, place = self._comparison, self._place
        if comparison is None:
            self.restart()
            return
        if not comparison.read:
            comparison.step()
            place.done = comparison.seen
            self._shop.states.save_place(place, "done")
        elif comparison.done and not self._shop.sender.sending_to(str(place.staging)):
            self._hold()
            self.phase = Phase.FILLED

    def _hold(self) -> None:
        # Whatever changes now waits, so that nothing is sent to a name that is about to move.
        self._shop.sender.held |= {self._live, str(self._place.staging)}

    def _sound(self) -> None:
        # A key for some indexes does not see the tasks of swaps. But tasks are done in order, so
        # when one that does nothing has ended, every swap before it has.
        self._await(self._shop.server.delete(str(self._place.staging), []), Phase.DECIDE)

    def _decide(self) -> None:
        place, server = self._place, self._shop.server
        live = server.made_at(self._live)
        if live is not None and live == place.staging_incarnation:
            self.phase = Phase.SWAPPED
            return
        if self._swapping:
            log.warning("the swap of %s did not happen; it is tried again", self._live)
            self._again_at = time.monotonic() + self._shop.pace.retry
        self._swapping = True
        self.phase = Phase.FILLED
        server.swap(self._live, str(place.staging), rename=live is None)

    def _finish(self) -> None:
        place, shop = self._place, self._shop
        former, staging = place.incarnation, str(place.staging)
        place.incarnation = place.staging_incarnation
        place.staging = place.staging_incarnation = None
        place.wanted = False
        place.compare &= self.outdated
        shop.states.save_place(
            place, "incarnation", "staging", "staging_incarnation", "wanted", "compare"
        )
        shop.sender.redirect(staging, self._live)
        shop.sender.held -= {self._live, staging}
        self.phase = Phase.DONE
        if shop.server.made_at(staging) is not None:
            shop.sender.follow(shop.server.drop_index(staging), lambda _: None)
        log.info("the index %s is new (before: %s)", self._live, former)

    def _await(self, task: Enqueued, then: Phase) -> None:
        self._waiting = True
        this_round = self._round

        def settle(error: ServerError | None) -> None:
            if this_round != self._round:
                return
            self._waiting = False
            if error is None or error.code == "index_already_exists":
                self.phase = then
                return
            if then is Phase.DECIDE and error.kind is Kind.MISSING:
                # After a renaming there is no fresh index any more.
                self.phase = then
                return
            log.warning("%s could not be built on: %s", self._live, error)
            self._shop.sender.suspicious = True
            self._shop.sender.restored |= error.kind is Kind.FORGOTTEN
            self._again_at = time.monotonic() + self._shop.pace.retry
            if then is not Phase.DECIDE:
                self.restart()

        self._shop.sender.follow(task, settle)


# From the first row read until it is the live one, the fresh index gets every change.
_OPEN = frozenset({Phase.FILLING, Phase.FILLED, Phase.DECIDE, Phase.SWAPPED})
