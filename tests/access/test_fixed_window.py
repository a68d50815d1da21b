"""FixedWindows open with their first request, end on time, and are dropped when they are over."""

from hypothesis import given
from hypothesis import strategies as st

from app.access.fixed_window import MIN_WINDOWS_TO_SWEEP, FixedWindows

STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 20), st.integers(0, 70)), max_size=60
)


@given(STEPS)
def test_a_window_counts_what_was_spent_since_it_was_opened(
    steps: list[tuple[str, int, int]],
) -> None:
    windows, now = FixedWindows(), 0
    opened: dict[str, tuple[int, int]] = {}
    for name, amount, later in steps:
        now += later
        began, spent = opened.get(name, (now, 0))
        if now - began >= 60:
            began, spent = now, 0
        opened[name] = began, spent + amount
        assert windows.spend(name, amount, 60, now) == (spent + amount, began + 60 - now)


def test_windows_that_are_over_do_not_pile_up() -> None:
    windows = FixedWindows()
    for now in range(100 * MIN_WINDOWS_TO_SWEEP):
        windows.spend(f"client {now}", 1, 10, now)
    assert len(windows) <= MIN_WINDOWS_TO_SWEEP


def test_open_windows_stay_however_many_there_are() -> None:
    windows = FixedWindows()
    for now in range(3 * MIN_WINDOWS_TO_SWEEP):
        windows.spend(f"client {now}", 1, 10 * MIN_WINDOWS_TO_SWEEP, now)
    assert {
        windows.spend(f"client {now}", 1, 1, 3 * MIN_WINDOWS_TO_SWEEP)[0]
        for now in range(3 * MIN_WINDOWS_TO_SWEEP)
    } == {2}
