"""Sends questions as they stand now, several tasks in flight, and knows which have arrived."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.core import time_and_random
from app.core.db.database import Database
from app.search.indexing.context import Knowledge
from app.search.meilisearch.client import Enqueued, Server, Task
from app.search.meilisearch.document_loader import Load, load
from app.search.meilisearch.failures import Kind, ServerError, task_failure
from app.search.meilisearch.state import Quarantined, States
from app.search.meilisearch.timings import Pace

log = logging.getLogger(__name__)

# So often a shipment may fail for reasons that are not its own before it is suspected.
PATIENCE = 3
LAST_PATIENCE = 5

Settle = Callable[[ServerError | None], None]


@dataclass(slots=True)
class Ticket:
    """Counts the shipments that still have to arrive before something holds."""

    left: int = 0


@dataclass(slots=True, eq=False)
class Shipment:
    """Questions of one bank on their way to one index, as numbers: what is sent is read last."""

    bank: str
    index: str
    numbers: Sequence[int]
    ticket: Ticket
    bulk: bool
    failures: int = 0
    not_before: float = 0.0
    arrivals: int = 0


@dataclass(slots=True, eq=False)
class Flight:
    """Tasks that the server took, and what to do once all of them have ended."""

    tasks: dict[int, str]
    settle: Settle
    shipment: Shipment | None = None
    error: ServerError | None = field(default=None)


class Sender:
    """The one that sends; its thread owns it, the server's client and the knowledge.

    `suspicious` asks for a look at the server, `restored` tells that it lost what it had
    acknowledged, `doubt` that an answer was lost, so that a request may arrive late. `arrivals`
    counts what arrived.
    """

    def __init__(
        self,
        database: Database,
        server: Server,
        knowledge: Knowledge,
        states: States,
        pace: Pace,
    ) -> None:
        """Start with nothing to send."""
        self._database = database
        self._server = server
        self._knowledge = knowledge
        self._states = states
        self._pace = pace
        self._queues: tuple[deque[Shipment], deque[Shipment]] = (deque(), deque())
        self._flights: list[Flight] = []
        self._asked_at = 0.0
        self._pause = pace.ask
        self._last_task = -1
        self.arrivals = 0
        self.quarantined: dict[int, Quarantined] = {}
        self.held: set[str] = set()
        self.suspicious = False
        self.restored = False
        self.doubt = False
        self.full = False
        self.failed: dict[str, int] = {}

    def waiting(self, *, bulk: bool) -> int:
        """Return how many questions wait to be sent, of the feed or of builds and repairs."""
        return sum(len(shipment.numbers) for shipment in self._queues[bulk])

    @property
    def in_flight(self) -> int:
        """How many requests the server has taken and not ended."""
        return len(self._flights)

    @property
    def idle(self) -> bool:
        """Whether everything has arrived."""
        return not self._flights and not any(self._queues)

    def ship(
        self, bank: str, index: str, numbers: Sequence[int], ticket: Ticket, *, bulk: bool
    ) -> None:
        """Have questions sent; the ticket tells when all have arrived."""
        for start in range(0, len(numbers), self._pace.documents):
            part = numbers[start : start + self._pace.documents]
            ticket.left += 1
            self._queues[bulk].append(Shipment(bank, index, part, ticket, bulk))

    def follow(self, enqueued: Enqueued, settle: Settle) -> None:
        """Call `settle` once a task has ended, with the reason if it failed."""
        self._note_task(enqueued)
        self._flights.append(Flight({enqueued.uid: enqueued.at}, settle))

    def sending_to(self, index: str) -> bool:
        """Return whether something for the index waits or is in flight."""
        return any(shipment.index == index for shipment in self._shipments())

    def in_motion(self) -> set[int]:
        """Return the questions that wait or are in flight."""
        return {number for shipment in self._shipments() for number in shipment.numbers}

    def drop(self, index: str) -> None:
        """Forget what is on its way to an index that is gone."""
        for queue in self._queues:
            kept = [one for one in queue if one.index != index]
            for shipment in queue:
                shipment.ticket.left -= shipment.index == index
            queue.clear()
            queue.extend(kept)
        gone = [one for one in self._flights if one.shipment and one.shipment.index == index]
        for flight in gone:
            self._flights.remove(flight)
            if flight.shipment is not None:
                flight.shipment.ticket.left -= 1
        self.held.discard(index)

    def redirect(self, index: str, other: str) -> None:
        """Send to another index what still waits for one."""
        for shipment in self._shipments():
            if shipment.index == index:
                shipment.index = other

    def pump(self) -> bool:
        """Send what may be sent now; return whether something was."""
        sent = False
        for queue, most in zip(
            self._queues, (self._pace.flights, self._pace.bulk_flights), strict=True
        ):
            while len(self._flights) < most:
                shipment = self._next(queue)
                if shipment is None:
                    break
                sent = True
                self._send(shipment)
        return sent

    def poll(self) -> bool:
        """Ask for the tasks in flight when it is time to; return whether some had ended."""
        now = time.monotonic()
        if not self._flights or now - self._asked_at < self._pause:
            return False
        self._asked_at = now
        open_tasks = [uid for flight in self._flights for uid in flight.tasks]
        found: dict[int, Task] = {}
        for start in range(0, len(open_tasks), 100):
            found |= self._server.tasks(open_tasks[start : start + 100])
        ended = [flight for flight in self._flights if self._is_over(flight, found)]
        self._pause = self._pace.ask if ended else min(self._pause * 2, self._pace.ask_most)
        for flight in ended:
            self._flights.remove(flight)
        for flight in ended:
            flight.settle(flight.error)
        return bool(ended)

    def _shipments(self) -> list[Shipment]:
        waiting = [shipment for queue in self._queues for shipment in queue]
        return waiting + [flight.shipment for flight in self._flights if flight.shipment]

    def _next(self, queue: deque[Shipment]) -> Shipment | None:
        now = time.monotonic()
        for shipment in queue:
            if shipment.not_before <= now and shipment.index not in self.held:
                queue.remove(shipment)
                return shipment
        return None

    def _send(self, shipment: Shipment) -> None:
        try:
            loaded = load(
                self._database, self._knowledge, shipment.bank, shipment.numbers, self.quarantined
            )
            if len(loaded.lines) > self._pace.bytes and len(shipment.numbers) > 1:
                self._split(shipment, shipment.failures)
                return
            for entry in loaded.unfit:
                self._quarantine(entry)
            tasks = self._enqueue(shipment.index, loaded)
        except ServerError as error:
            self._not_sent(shipment, error)
            return
        except Exception:
            self._queues[shipment.bulk].appendleft(shipment)
            raise

        def settle(error: ServerError | None) -> None:
            self._settled(shipment, loaded, error)

        if tasks:
            self._flights.append(Flight(tasks, settle, shipment))
        else:
            settle(None)

    def _enqueue(self, index: str, loaded: Load) -> dict[int, str]:
        tasks = {}
        if loaded.lines:
            enqueued = self._server.put(index, loaded.lines)
            self._note_task(enqueued)
            tasks[enqueued.uid] = enqueued.at
        if loaded.gone:
            enqueued = self._server.delete(index, loaded.gone)
            self._note_task(enqueued)
            tasks[enqueued.uid] = enqueued.at
        return tasks

    def _note_task(self, enqueued: Enqueued) -> None:
        # Numbers only grow, unless the server went back to an older state.
        if enqueued.uid <= self._last_task:
            self.restored = True
        self._last_task = enqueued.uid
        self._asked_at = time.monotonic()
        self._pause = self._pace.ask

    def _not_sent(self, shipment: Shipment, error: ServerError) -> None:
        self.doubt |= error.lost
        if error.kind in {Kind.POISON, Kind.TOO_LARGE}:
            self._refused(shipment, error)
            return
        shipment.failures += 1
        if error.kind is Kind.DOWN and error.lost and shipment.failures >= PATIENCE:
            # A server that closes the connection on a large request says nothing else.
            self._split(shipment, PATIENCE)
        else:
            self._queues[shipment.bulk].appendleft(shipment)
        if error.kind is Kind.MISSING:
            self.suspicious = True
            shipment.not_before = time.monotonic() + self._pace.retry
            return
        raise error

    def _is_over(self, flight: Flight, found: dict[int, Task]) -> bool:
        for uid, at in list(flight.tasks.items()):
            task = found.get(uid)
            if task is None or task.at != at:
                flight.error = ServerError(Kind.FORGOTTEN, "task_not_found", f"task {uid}")
                flight.tasks.clear()
                break
            if not task.ended:
                continue
            del flight.tasks[uid]
            if task.status == "failed":
                flight.error = task_failure(task.error or {})
            elif task.status == "canceled":
                flight.error = ServerError(Kind.DOWN, "canceled", f"task {uid} was canceled")
        return not flight.tasks

    def _settled(self, shipment: Shipment, loaded: Load, error: ServerError | None) -> None:
        if error is None:
            self.arrivals += 1
            self.full = False
            self._release(loaded.retried)
            shipment.ticket.left -= 1
            return
        self.failed[error.code] = self.failed.get(error.code, 0) + 1
        if error.kind in {Kind.POISON, Kind.TOO_LARGE}:
            self._refused(shipment, error)
            return
        self._again(shipment, error)

    def _again(self, shipment: Shipment, error: ServerError) -> None:
        pause = self._pace.retry
        if error.kind is Kind.MISSING:
            self.suspicious = True
        elif error.kind is Kind.FORGOTTEN:
            self.restored = self.suspicious = True
        elif error.kind is Kind.FULL:
            self.full = True
            pause = self._pace.slow
        elif error.code != "canceled":
            log.warning("a task failed: %s", error)
            shipment.arrivals = shipment.arrivals or self.arrivals
            shipment.failures += 1
            if shipment.failures >= PATIENCE and len(shipment.numbers) > 1:
                self._split(shipment, PATIENCE - 1)
                return
            if shipment.failures >= LAST_PATIENCE and self.arrivals > shipment.arrivals:
                # Others arrive and this one never does: it is to blame, whatever the server says.
                self._refused(shipment, error)
                return
            pause = min(pause * 2**shipment.failures, self._pace.retry_most)
        shipment.not_before = time.monotonic() + pause
        self._queues[shipment.bulk].append(shipment)

    def _refused(self, shipment: Shipment, error: ServerError) -> None:
        if len(shipment.numbers) > 1:
            self._split(shipment, 0)
            return
        known = load(self._database, self._knowledge, shipment.bank, shipment.numbers, {})
        for number, (revision, signed) in known.sent.items():
            entry = Quarantined(
                number,
                shipment.bank,
                revision,
                signed,
                error.code,
                str(error),
                time_and_random.milliseconds(),
            )
            self._quarantine(entry)
        # Sent once more, it is a deletion: what stood there before is not what is public now.
        self._queues[shipment.bulk].append(shipment)

    def _quarantine(self, entry: Quarantined) -> None:
        log.error("question %d cannot be indexed: %s", entry.number, entry.message)
        self._states.quarantine(entry)
        self.quarantined[entry.number] = entry

    def _release(self, retried: Sequence[Quarantined]) -> None:
        # Unless it was quarantined again while this was on its way.
        taken = [entry.number for entry in retried if self.quarantined.get(entry.number) == entry]
        if taken:
            self._states.release(taken)
        for number in taken:
            del self.quarantined[number]

    def _split(self, shipment: Shipment, failures: int) -> None:
        numbers = shipment.numbers
        half = (len(numbers) + 1) // 2
        parts = [part for part in (numbers[:half], numbers[half:]) if part]
        shipment.ticket.left += len(parts) - 1
        for part in reversed(parts):
            again = Shipment(
                shipment.bank, shipment.index, part, shipment.ticket, shipment.bulk, failures
            )
            self._queues[shipment.bulk].appendleft(again)
