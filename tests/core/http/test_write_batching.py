"""Writes of several connections are flushed together, in order, and none is lost."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from app.core.http.write_batching import MAX_WAITING_TRANSPORTS, BatchedTransport, WriteBatch


class Recorder(asyncio.Transport):
    """A transport that records writes in a shared log."""

    def __init__(self, name: int, log: list[tuple[int, bytes]]) -> None:
        super().__init__()
        self.name, self.log, self.closed = name, log, False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.log.append((self.name, bytes(data)))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def connections(count: int) -> tuple[list[BatchedTransport], list[tuple[int, bytes]]]:
    log: list[tuple[int, bytes]] = []
    batch = WriteBatch()
    return [BatchedTransport(Recorder(name, log), batch) for name in range(count)], log


def test_writes_of_one_round_of_the_loop_are_flushed_together() -> None:
    async def run() -> None:
        (first, second), log = connections(2)
        first.write(b"a")
        second.write(b"b")
        first.write(b"c")
        assert log == []
        await asyncio.sleep(0)
        assert log == [(0, b"ac"), (1, b"b")]

    asyncio.run(run())


def test_a_full_batch_is_flushed_without_waiting() -> None:
    async def run() -> None:
        transports, log = connections(MAX_WAITING_TRANSPORTS + 1)
        for name, transport in enumerate(transports):
            transport.write(b"%d" % name)
        assert log == [(name, b"%d" % name) for name in range(MAX_WAITING_TRANSPORTS)]
        await asyncio.sleep(0)
        assert log[MAX_WAITING_TRANSPORTS:] == [
            (MAX_WAITING_TRANSPORTS, b"%d" % MAX_WAITING_TRANSPORTS)
        ]

    asyncio.run(run())


def test_writes_are_flushed_before_the_transport_closes() -> None:
    async def run() -> None:
        (first,), log = connections(1)
        first.write(b"a")
        first.close()
        assert log == [(0, b"a")]
        assert first.is_closing()
        await asyncio.sleep(0)
        assert log == [(0, b"a")]

    asyncio.run(run())


def test_writes_after_a_connection_was_lost_are_dropped() -> None:
    async def run() -> None:
        log: list[tuple[int, bytes]] = []
        batch, lost = WriteBatch(), Recorder(0, log)
        first, second = BatchedTransport(lost, batch), BatchedTransport(Recorder(1, log), batch)
        first.write(b"a")
        second.write(b"b")
        lost.close()
        await asyncio.sleep(0)
        assert log == [(1, b"b")]

    asyncio.run(run())


@given(st.lists(st.none() | st.integers(0, 40), max_size=200))
def test_each_connection_gets_its_own_writes_in_order(steps: list[int | None]) -> None:
    async def run() -> None:
        transports, log = connections(41)
        written = [b""] * 41
        for at, step in enumerate(steps):
            if step is None:
                await asyncio.sleep(0)
            else:
                transports[step].write(b"%d;" % at)
                written[step] += b"%d;" % at
        await asyncio.sleep(0)
        for name, expected in enumerate(written):
            assert b"".join(data for to, data in log if to == name) == expected

    asyncio.run(run())
