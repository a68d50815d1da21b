"""Detects that the server is not in the state in which the mirror left it.

Takes the indexes and the marker on the server; makes the maintenance build lost indexes and
compare the others when the server was wiped, restored, or changed by someone else.
"""

import logging
import time
from collections.abc import Mapping

import orjson

from app.search.meilisearch.client import MARKER_ID
from app.search.meilisearch.failures import ServerError
from app.search.meilisearch.indexes.index_names import live_index_name, marker_index_name
from app.search.meilisearch.indexes.index_settings import PRIMARY_KEY
from app.search.meilisearch.indexes.maintenance import IndexMaintenance
from app.search.meilisearch.state import ReplicationProgress, new_token

log = logging.getLogger(__name__)


class ServerWatch:
    """Compares the server's indexes and its marker with what our database says about them.

    An index is identified by its creation time. The marker is a document on the server with a
    random token, which is replaced after batches were acknowledged and is also saved in our
    database. If the server or the database was restored to an older state, the tokens differ.
    """

    def __init__(self, maintenance: IndexMaintenance, progress: ReplicationProgress) -> None:
        """Watch the server of `maintenance`."""
        self._maintenance = maintenance
        self._progress = progress
        self._timings = maintenance.timings
        self._sender = maintenance.sender
        self._client = maintenance.client
        self._store = maintenance.store
        self._prefix = maintenance.prefix
        self._marker_index = marker_index_name(maintenance.prefix)
        self._deleting: set[str] = set()
        self._check_at = self._write_at = 0.0
        self._is_writing = False
        # Never equal at first, so the marker is written before anything else is sent. A database
        # that is restored afterwards then has another token than the server.
        self._batches_at_marker = -1

    @property
    def marker_is_current(self) -> bool:
        """Whether the marker was written after the last acknowledged batch."""
        return self._batches_at_marker == self._sender.acknowledged_batches

    def check(self) -> None:
        """Check the server if it is time to, or if a failure gave reason to."""
        now = time.monotonic()
        signals = self._sender.signals
        if now < self._check_at and not signals.check_due:
            return
        self._check_at = now + self._timings.server_check_seconds
        creation_times = self._client.index_creation_times(self._prefix)
        signals.check_due = False
        self._check_indexes(creation_times)
        self._check_marker()
        if signals.rolled_back:
            log.warning("the server has returned to an older state: every index is compared")
            signals.rolled_back = False
            self._maintenance.recheck_all(durable=True)
        self._delete_unknown_indexes(creation_times)

    def write_marker(self) -> None:
        """Write a new token if batches were acknowledged since the last one."""
        now = time.monotonic()
        if self._is_writing or now < self._write_at or self.marker_is_current:
            return
        self._write_at = now + self._timings.marker_seconds
        # A token that differs proves that the server was restored, so never overwrite it unread.
        self._check_marker()
        progress, batches = self._progress, self._sender.acknowledged_batches
        progress.next_token = token = progress.next_token or new_token()
        self._store.save_progress(progress)

        def on_finished(error: ServerError | None) -> None:
            self._is_writing = False
            if error is None:
                progress.token, progress.next_token = token, None
                self._batches_at_marker = batches
                self._store.save_progress(progress)

        marker = {
            PRIMARY_KEY: MARKER_ID,
            "token": token,
            "epoch": progress.epoch,
            "seq": progress.seq,
        }
        task = self._client.put_documents(self._marker_index, orjson.dumps(marker))
        self._sender.track(task, on_finished)
        self._is_writing = True

    def _check_indexes(self, creation_times: Mapping[str, str]) -> None:
        maintenance = self._maintenance
        for bank, index in maintenance.indexes.items():
            if bank in maintenance.deleting:
                continue
            created_at = creation_times.get(live_index_name(self._prefix, bank))
            staging_created_at = index.staging_created_at
            if created_at is not None and created_at == staging_created_at:
                # The swap has happened; the build will notice it.
                continue
            if index.live_created_at is not None and created_at != index.live_created_at:
                maintenance.mark_missing(index)
            build = maintenance.builds.get(bank)
            staging_lost = creation_times.get(str(index.staging_name)) != staging_created_at
            if build and staging_created_at and staging_lost:
                build.restart()

    def _check_marker(self) -> None:
        progress = self._progress
        marker = self._client.get_marker(self._marker_index)
        token = None if marker is None else str(marker.get("token"))
        if token == progress.token or (token is not None and token == progress.next_token):
            return
        log.warning("the server is not as the mirror left it: every index is compared")
        self._maintenance.recheck_all(durable=True)
        progress.token, progress.next_token = token, None
        self._store.save_progress(progress)
        self._batches_at_marker = -1

    def _delete_unknown_indexes(self, creation_times: Mapping[str, str]) -> None:
        known = {self._marker_index}
        for bank, index in self._maintenance.indexes.items():
            known |= {live_index_name(self._prefix, bank), index.staging_name or ""}
        for name in creation_times.keys() - known - self._deleting:

            def on_finished(_: ServerError | None, name: str = name) -> None:
                self._deleting.discard(name)

            log.info("the index %s belongs to no bank: it is deleted", name)
            self._sender.track(self._client.delete_index(name), on_finished)
            self._deleting.add(name)
