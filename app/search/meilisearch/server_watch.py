"""Notices when the server is not the one that was left: wiped, restored, changed by others."""

import logging
import time
from collections.abc import Mapping

import orjson

from app.search.meilisearch.failures import ServerError
from app.search.meilisearch.index_names import live_name, note_name
from app.search.meilisearch.index_settings import PRIMARY_KEY
from app.search.meilisearch.maintenance import Upkeep
from app.search.meilisearch.state import Progress, new_token

log = logging.getLogger(__name__)


class Watch:
    """Compares the server's indexes and the note on it with what our database says of both.

    Indexes are told apart by the time at which they were made. The note holds a token that changes
    with whatever was sent, so that a server, or a database, that went back to an older state is
    found out: the tokens differ.
    """

    def __init__(self, upkeep: Upkeep, progress: Progress) -> None:
        """Watch the server of `upkeep`."""
        self._upkeep = upkeep
        self._progress = progress
        self._pace = upkeep.pace
        self._sender = upkeep.sender
        self._server = upkeep.server
        self._index = note_name(upkeep.prefix)
        self._dropping: set[str] = set()
        self._look_at = self._note_at = 0.0
        self._noting = False
        # The first note comes before anything else that is sent, so that a database that is put
        # back to how it was before differs from the server.
        self._noted = -1

    @property
    def noted(self) -> bool:
        """Whether the note tells of everything that arrived."""
        return self._noted == self._sender.arrivals

    def look(self) -> None:
        """Look at the server when it is time to, or when there is reason to."""
        now = time.monotonic()
        if now < self._look_at and not self._sender.suspicious:
            return
        self._look_at = now + self._pace.verify
        theirs = self._server.indexes(self._upkeep.prefix)
        self._sender.suspicious = False
        for bank, place in self._upkeep.places.items():
            if bank in self._upkeep.removing:
                continue
            found = theirs.get(live_name(self._upkeep.prefix, bank))
            staged = place.staging_incarnation
            if found is not None and found == staged:
                # The swap has happened; the build will find out.
                continue
            if place.incarnation is not None and found != place.incarnation:
                self._upkeep.lose(place)
            build = self._upkeep.builds.get(bank)
            if build and staged and theirs.get(str(place.staging)) != staged:
                build.restart()
        self._check_note()
        if self._sender.restored:
            log.warning("the server went back to an older state: every index is compared")
            self._sender.restored = False
            self._upkeep.distrust(keep=True)
        self._clean_up(theirs)

    def leave_note(self) -> None:
        """Leave a new note when something arrived since the last one."""
        now = time.monotonic()
        if self._noting or now < self._note_at or self.noted:
            return
        self._note_at = now + self._pace.note
        # Never overwrite the proof that the server went back.
        self._check_note()
        progress, arrived = self._progress, self._sender.arrivals
        progress.next_token = token = progress.next_token or new_token()
        self._upkeep.states.save(progress)

        def settle(error: ServerError | None) -> None:
            self._noting = False
            if error is None:
                progress.token, progress.next_token = token, None
                self._noted = arrived
                self._upkeep.states.save(progress)

        values = {PRIMARY_KEY: 1, "token": token, "epoch": progress.epoch, "seq": progress.seq}
        self._sender.follow(self._server.put(self._index, orjson.dumps(values)), settle)
        self._noting = True

    def _check_note(self) -> None:
        progress = self._progress
        note = self._server.note(self._index)
        found = None if note is None else str(note.get("token"))
        if found == progress.token or (found is not None and found == progress.next_token):
            return
        log.warning("the server is not as it was left: every index is compared")
        self._upkeep.distrust(keep=True)
        progress.token, progress.next_token = found, None
        self._upkeep.states.save(progress)
        self._noted = -1

    def _clean_up(self, theirs: Mapping[str, str]) -> None:
        ours = {self._index}
        for bank, place in self._upkeep.places.items():
            ours |= {live_name(self._upkeep.prefix, bank), place.staging or ""}
        for uid in theirs.keys() - ours - self._dropping:

            def settle(_: ServerError | None, uid: str = uid) -> None:
                self._dropping.discard(uid)

            log.info("the index %s is nobody's: it is deleted", uid)
            self._sender.follow(self._server.drop_index(uid), settle)
            self._dropping.add(uid)
