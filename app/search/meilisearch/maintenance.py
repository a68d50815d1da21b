"""Looks after the indexes, one a bank: builds what is missing, compares, sets up, removes."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from app.core import time_and_random
from app.core.db.database import Database
from app.search.indexing.context import Knowledge
from app.search.indexing.feed_reader import count_live
from app.search.meilisearch.client import Server
from app.search.meilisearch.comparison import Comparison
from app.search.meilisearch.failures import ServerError
from app.search.meilisearch.index_build import Build
from app.search.meilisearch.index_names import live_name
from app.search.meilisearch.index_settings import lacking, wanted_settings
from app.search.meilisearch.sender import Sender
from app.search.meilisearch.state import Place, States
from app.search.meilisearch.timings import Pace

log = logging.getLogger(__name__)


@dataclass
class Upkeep:
    """Everything that is to be done for the indexes, beside sending what the feed brings.

    `dirty` banks wait for a comparison, `unset` ones for a look at their settings, `removing`
    ones for the deletion of their index.
    """

    database: Database
    prefix: str
    knowledge: Knowledge
    server: Server
    sender: Sender
    states: States
    pace: Pace
    places: dict[str, Place] = field(default_factory=dict)
    builds: dict[str, Build] = field(default_factory=dict)
    comparisons: dict[str, Comparison] = field(default_factory=dict)
    dirty: set[str] = field(default_factory=set)
    unset: set[str] = field(default_factory=set)
    setting: set[str] = field(default_factory=set)
    removing: set[str] = field(default_factory=set)
    drift: dict[str, int] = field(default_factory=dict)
    compared_at: int | None = None

    @property
    def busy(self) -> bool:
        """Whether an index is not as the rules want it, as far as is known."""
        waiting = (self.dirty, self.comparisons, self.unset, self.setting, self.removing)
        return any(waiting) or any(place.incarnation is None for place in self.places.values())

    def targets(self, bank: str) -> list[str]:
        """Return the indexes to which a change in the bank has to go."""
        place = self.places.get(bank)
        if place is None or bank in self.removing:
            return []
        found = [] if place.incarnation is None else [live_name(self.prefix, bank)]
        build = self.builds.get(bank)
        if build is not None and build.filling is not None:
            found.append(build.filling)
        return found

    def admit(self, banks: Iterable[str]) -> None:
        """Make room for banks that are to be searched, and remove the others' indexes."""
        wanted = set(banks)
        for bank in wanted - self.places.keys():
            place = self.places[bank] = Place(bank)
            self.states.save_place(place)
        for bank in self.places.keys() - wanted - self.removing:
            self._remove(bank)

    def distrust(self, *, keep: bool) -> None:
        """Have every index compared and its settings looked at; `keep` outlives this process."""
        for place in self.places.values():
            if keep and not place.compare:
                place.compare = True
                self.states.save_place(place, "compare")
        self.unset |= self.places.keys()
        self.compare(self.places)

    def compare(self, banks: Iterable[str]) -> None:
        """Have indexes compared, from the start where a comparison runs."""
        for bank in list(banks):
            self.dirty.add(bank)
            self.comparisons.pop(bank, None)
            build = self.builds.get(bank)
            if build is not None:
                build.refill()

    def lose(self, place: Place) -> None:
        """Take note that an index is gone, so that it is built anew."""
        index = live_name(self.prefix, place.bank)
        log.warning("the index %s is gone: it is built anew", index)
        place.incarnation = None
        self.states.save_place(place, "incarnation")
        self.sender.drop(index)
        self.comparisons.pop(place.bank, None)

    def work(self) -> bool:
        """Take the next step for each bank; return whether there was one to take."""
        worked = False
        for todo in (self.dirty, self.unset, self.setting):
            todo.intersection_update(self.places)
        for bank in list(self.places):
            if bank in self.places and bank not in self.removing:
                worked |= self._work_on(self.places[bank])
        return worked

    def comparison(self, bank: str, index: str, *, fresh: bool) -> Comparison:
        """Return a comparison that has not begun."""
        return Comparison(
            self.database,
            self.server,
            self.knowledge,
            self.sender,
            self.pace,
            bank,
            index,
            fresh=fresh,
        )

    def count(self, bank: str) -> int:
        """Return how many live questions a bank has."""
        with self.database.read() as session:
            return count_live(session.connection(), bank)

    def _work_on(self, place: Place) -> bool:
        bank = place.bank
        build = self.builds.get(bank)
        if build is None and (place.incarnation is None or place.wanted or place.staging):
            build = self.builds[bank] = Build(self, place)
        if build is not None and self._build(bank, build):
            return True
        if place.incarnation is None:
            # The build brings everything that a comparison would.
            self.dirty.discard(bank)
            self.unset.discard(bank)
            return False
        if bank in self.unset:
            self._set_up(bank)
            return True
        return bank not in self.setting and self._has_room() and self._compare(place)

    def _has_room(self) -> bool:
        return self.sender.waiting(bulk=True) < self.pace.rows

    def _build(self, bank: str, build: Build) -> bool:
        if build.reading and not self._has_room():
            return False
        before = build.phase
        build.step()
        if build.done:
            del self.builds[bank]
            self.comparisons.pop(bank, None)
            self.dirty.discard(bank)
            if build.outdated:
                self.dirty.add(bank)
        return build.phase is not before or build.reading

    def _set_up(self, bank: str) -> None:
        index = live_name(self.prefix, bank)
        wanted = wanted_settings(self.knowledge.synonyms)
        changes = lacking(wanted, self.server.settings(index))
        self.unset.discard(bank)
        if not changes:
            return

        def settle(error: ServerError | None) -> None:
            self.setting.discard(bank)
            if error is not None and bank in self.places:
                log.warning("the settings of %s could not be changed: %s", index, error)
                self.unset.add(bank)
                self.sender.suspicious = True

        self.sender.follow(self.server.change_settings(index, changes), settle)
        self.setting.add(bank)

    def _compare(self, place: Place) -> bool:
        bank = place.bank
        running = self.comparisons.get(bank)
        if running is None:
            if bank not in self.dirty:
                return False
            self.dirty.discard(bank)
            index = live_name(self.prefix, bank)
            running = self.comparisons[bank] = self.comparison(bank, index, fresh=False)
        if not running.read:
            running.step()
            return True
        if not running.done:
            return False
        del self.comparisons[bank]
        for kind in ("missing", "stale", "ghost"):
            self.drift[kind] = self.drift.get(kind, 0) + getattr(running.found, kind)
        self.compared_at = time_and_random.milliseconds()
        if place.compare and bank not in self.dirty:
            place.compare = False
            self.states.save_place(place, "compare")
        return True

    def _remove(self, bank: str) -> None:
        place = self.places[bank]
        names = [live_name(self.prefix, bank), *([place.staging] if place.staging else [])]
        self.builds.pop(bank, None)
        self.comparisons.pop(bank, None)
        for todo in (self.dirty, self.unset, self.setting):
            todo.discard(bank)
        left = set(names)

        def settle(name: str, error: ServerError | None) -> None:
            if error is not None and error.code != "index_not_found":
                # Still there: the rules are looked at again, and so is this.
                self._keep(bank)
                return
            left.discard(name)
            if not left and bank in self.removing:
                self.removing.discard(bank)
                self.states.drop_place(bank)
                del self.places[bank]

        # Nothing is sent to it from now on: a bank that comes back before it is gone lacks that.
        place.compare = True
        self.states.save_place(place, "compare")
        self.removing.add(bank)
        try:
            for name in names:
                self.sender.drop(name)
                task = self.server.drop_index(name)
                self.sender.follow(task, partial(settle, name))
        except ServerError:
            self._keep(bank)
            raise

    def _keep(self, bank: str) -> None:
        self.removing.discard(bank)
        if bank in self.places:
            self.dirty.add(bank)
            self.unset.add(bank)
