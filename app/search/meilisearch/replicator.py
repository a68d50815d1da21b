"""What the holder of the lease does: follows the feed, and acknowledges only what has arrived."""

import logging
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.edition_clock import Mark, read_mark
from app.core.settings import Settings
from app.search.engine import Synonyms
from app.search.indexing.context import Knowledge
from app.search.indexing.feed_reader import peek, rows_after
from app.search.meilisearch.client import Server
from app.search.meilisearch.failures import ServerError
from app.search.meilisearch.maintenance import Upkeep
from app.search.meilisearch.sender import Sender, Ticket
from app.search.meilisearch.server_watch import Watch
from app.search.meilisearch.state import States
from app.search.meilisearch.timings import Pace

log = logging.getLogger(__name__)

LATER = 12

Rules = tuple[Mapping[str, bool], Mapping[str, str], Synonyms]


class Keeper:
    """One holder's time with the lease; `step` does what can be done now and never waits long.

    The mark in the database says: every change up to it is in every index that has an
    incarnation, or the row of that index asks for a comparison or a build. So whoever comes next
    loses nothing, whenever this process dies.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it works with, each once
        self,
        database: Database,
        settings: Settings,
        knowledge: Knowledge,
        server: Server,
        pace: Pace,
        holder: str,
    ) -> None:
        """Take over from whoever held the lease before; what it left half done is looked at."""
        self._database = database
        self._knowledge = knowledge
        self._pace = pace
        self._states = States(database, holder)
        self.sender = Sender(database, server, knowledge, self._states, pace)
        self._progress, places = self._states.take(settings.search_prefix)
        self.sender.quarantined = self._states.quarantined()
        self._upkeep = Upkeep(
            database, settings.search_prefix, knowledge, server, self.sender, self._states, pace
        )
        self._upkeep.places = places
        self._watch = Watch(self._upkeep, self._progress)
        self._requests = self._progress.requests
        self._read_seq = self._progress.seq
        self._clock = Mark("", 0, -1)
        self._slices: deque[tuple[int, int, Ticket]] = deque()
        self._rules: Rules | None = None
        self._rules_terms = -1
        self._report_at = 0.0
        self._compare_at = time.monotonic() + pace.compare
        self._doubts: list[float] = []
        self._trouble: ServerError | None = None
        self._epochs = 0
        self._unsaved = False
        self._begin(was_clean=self._progress.clean)

    def _begin(self, *, was_clean: bool) -> None:
        self._progress.clean = False
        self._states.save(self._progress)
        places = self._upkeep.places
        self._upkeep.unset |= places.keys()
        self._upkeep.dirty |= {bank for bank in places if places[bank].compare or not was_clean}
        if places and not was_clean:
            # Something that the one before us sent may still be on its way.
            self._have_doubts(self._pace.lease)

    def stop(self) -> None:
        """Keep whether everything had arrived, so that the next one need not compare."""
        self._progress.clean = self.at_rest and self._watch.noted
        self._states.save(self._progress)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is left to do, as far as is known."""
        return (
            self.sender.idle
            and not self._slices
            and not self._upkeep.busy
            and not self._upkeep.builds
            and self._progress.mark == self._clock
            and not self._doubts
        )

    def step(self) -> bool:
        """Do what can be done now; return whether something was, so that more may follow."""
        self._watch.look()
        if self._trouble is not None and not self._watch.noted:
            # The server may have come back as an older self, and the note cannot tell.
            self._upkeep.distrust(keep=False)
        self._trouble = None
        self._watch.leave_note()
        moved = self._follow()
        moved |= self.sender.poll()
        moved |= self._upkeep.work()
        moved |= self.sender.pump()
        self._acknowledge()
        self._compare_now_and_then()
        self._report()
        return moved

    def trouble(self, error: ServerError) -> None:
        """Take note that the server failed, and tell operators."""
        self._trouble = error
        self.sender.suspicious = True
        self._report()
        if self._unsaved:
            self._unsaved = False
            self._states.save(self._progress)

    def _follow(self) -> bool:
        with self._database.engine.connect() as connection:
            mark, requests = peek(connection)
        if (mark, requests, mark.seq) == (self._clock, self._requests, self._read_seq):
            self._take_rules()
            return False
        with self._database.read() as session:
            self._clock = mark = read_mark(session)
            self._knowledge.refresh(session)
            same = mark.epoch == self._progress.epoch and mark.seq >= self._read_seq
            has_room = self.sender.waiting(bulk=False) < self._pace.rows
            behind = same and has_room and mark.seq > self._read_seq
            connection = session.connection()
            rows = rows_after(connection, self._read_seq, self._pace.rows) if behind else []
        if not same:
            self._begin_epoch(mark)
        self._take_rules()
        if requests != self._requests:
            self._take_requests(requests)
        if not behind:
            return not same
        ticket = Ticket()
        by_bank: dict[str, list[int]] = {}
        for row in rows:
            by_bank.setdefault(row.bank, []).append(row.number)
        for bank, numbers in by_bank.items():
            for index in self._upkeep.targets(bank):
                self.sender.ship(bank, index, numbers, ticket, bulk=False)
        self._read_seq = rows[-1].seq if len(rows) == self._pace.rows else mark.seq
        self._slices.append((self._read_seq, time_and_random.milliseconds(), ticket))
        return True

    def _begin_epoch(self, mark: Mark) -> None:
        # History was rewritten: only a comparison tells what of it is in the indexes.
        if self._progress.epoch:
            self._epochs += 1
            log.warning("history was rewritten: every index is compared with the database")
        self._upkeep.distrust(keep=True)
        self._slices.clear()
        self._read_seq = mark.seq
        self._progress.epoch, self._progress.seq, self._progress.config_version = (
            mark.epoch,
            mark.seq,
            -1,
        )
        self._states.save(self._progress)

    def _take_rules(self) -> None:
        banks, texts, synonyms = rules = (
            self._knowledge.banks,
            self._knowledge.texts,
            self._knowledge.synonyms,
        )
        known = self._rules
        places = self._upkeep.places
        if known is None:
            # Nobody remembers what the indexes were filled with, unless terms stood still since.
            if self._progress.config_version != self._knowledge.config_version:
                self._upkeep.dirty |= places.keys()
        elif self._rules_terms != self._knowledge.config_version:
            renamed = any(texts.get(slug) != text for slug, text in known[1].items())
            changed = {bank for bank in banks if renamed or known[0].get(bank) != banks[bank]}
            self._upkeep.compare(changed & places.keys())
            if synonyms != known[2]:
                self._upkeep.unset |= places.keys()
        self._upkeep.admit(banks)
        self._rules, self._rules_terms = rules, self._knowledge.config_version

    def _take_requests(self, requests: int) -> None:
        self._requests = requests
        self.sender.quarantined = self._states.quarantined()
        kept = self._states.read()
        for bank, asked in (kept[1] if kept else {}).items():
            place = self._upkeep.places.get(bank)
            if place is not None:
                place.wanted, place.compare = asked.wanted, asked.compare
                if place.compare:
                    self._upkeep.unset.add(bank)
                    self._upkeep.compare([bank])

    def _acknowledge(self) -> None:
        before = self._progress.mark
        while self._slices and self._slices[0][2].left == 0:
            self._progress.seq = self._slices.popleft()[0]
        if not self._upkeep.busy:
            self._progress.config_version = self._rules_terms
        if self._progress.mark != before or self._unsaved:
            self._unsaved = False
            self._states.save(self._progress)

    def _compare_now_and_then(self) -> None:
        now = time.monotonic()
        if self.sender.doubt:
            self.sender.doubt = False
            self._have_doubts()
        if self._doubts and now >= self._doubts[0] and self.sender.idle:
            self._doubts.pop(0)
            self._upkeep.distrust(keep=False)
        if now >= self._compare_at and self.at_rest:
            self._compare_at = now + self._pace.compare
            self._upkeep.drift = {}
            self._upkeep.distrust(keep=False)

    def _have_doubts(self, after: float = 0.0) -> None:
        # A request whose answer was lost may arrive late, and on some ways very late.
        now = time.monotonic() + after
        self._doubts = [now + self._pace.doubt, now + LATER * self._pace.doubt]

    def _report(self) -> None:
        now = time.monotonic()
        if now < self._report_at:
            return
        report = self._figures()
        if report != self._progress.report:
            self._report_at = now + self._pace.report
            self._progress.report = report
            self._unsaved = True

    def _figures(self) -> dict[str, Any]:
        return {
            "condition": self._condition(),
            "error": None if self._trouble is None else str(self._trouble),
            "behind_since": self._slices[0][1] if self._slices else None,
            "pending": self.sender.waiting(bulk=False) + self.sender.waiting(bulk=True),
            "in_flight": self.sender.in_flight,
            "drift": dict(self._upkeep.drift),
            "compared_at": self._upkeep.compared_at,
            "epochs": self._epochs,
            "failed": dict(self.sender.failed),
        }

    def _condition(self) -> str:
        if self._trouble is not None:
            return self._trouble.kind.name.lower()
        if self.sender.full:
            return "full"
        if self._upkeep.builds:
            return "building"
        return "comparing" if self._upkeep.dirty or self._upkeep.comparisons else "following"
