"""Fixed windows open with the first request, expire on time, and are dropped then."""

from hypothesis import given
from hypothesis import strategies as st

from app.access.fixed_window import MIN_WINDOWS_TO_SWEEP, FixedWindows

STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 20), st.integers(0, 70)), max_size=60
)


@given(STEPS)
def test_a_window_counts_the_amounts_since_it_opened(
    steps: list[tuple[str, int, int]],
) -> None:
    windows, now = FixedWindows(), 0
    opened: dict[str, tuple[int, int]] = {}
    for key, amount, later in steps:
        now += later
        start, spent = opened.get(key, (now, 0))
        if now - start >= 60:
            start, spent = now, 0
        opened[key] = start, spent + amount
        assert windows.spend(key, amount, 60, now) == (spent + amount, start + 60 - now)


def test_expired_windows_are_dropped() -> None:
    windows = FixedWindows()
    for now in range(100 * MIN_WINDOWS_TO_SWEEP):
        windows.spend(f"client {now}", 1, 10, now)
    assert len(windows) <= MIN_WINDOWS_TO_SWEEP


def test_open_windows_are_never_dropped() -> None:
    windows = FixedWindows()
    for now in range(3 * MIN_WINDOWS_TO_SWEEP):
        windows.spend(f"client {now}", 1, 10 * MIN_WINDOWS_TO_SWEEP, now)
    assert {
        windows.spend(f"client {now}", 1, 1, 3 * MIN_WINDOWS_TO_SWEEP)[0]
        for now in range(3 * MIN_WINDOWS_TO_SWEEP)
    } == {2}
