"""Pure: what callers have spent, each in a window of time that its first request opens."""

from collections.abc import Hashable

# Fewer windows than these are not worth going through for those that are over.
FEW = 1024


class Windows:
    """The open windows of one worker, by name; for one thread.

    The store of the library that knows the rates starts a thread for every hundredth of a second
    in which it is used, and locks for each call: together a tenth of what a draw costs (measured).
    """

    def __init__(self) -> None:
        """Start with no window."""
        self._windows: dict[Hashable, list[int]] = {}
        self._full = FEW

    def __len__(self) -> int:
        """Return how many windows are kept, those that are over and not yet dropped too."""
        return len(self._windows)

    def spend(self, name: Hashable, amount: int, length: int, now: int) -> tuple[int, int]:
        """Spend in the window of a name, a new one of `length` ms where it has none at `now`.

        Return what was spent in it, and how many milliseconds of it are left.
        """
        window = self._windows.get(name)
        if window is None or window[1] <= now:
            self._drop_old(now)
            window = self._windows[name] = [0, now + length]
        window[0] += amount
        return window[0], window[1] - now

    def _drop_old(self, now: int) -> None:
        if len(self._windows) < self._full:
            return
        self._windows = {name: kept for name, kept in self._windows.items() if kept[1] > now}
        # Half of what is gone through next time is new, so that a window's part stays constant.
        self._full = max(FEW, 2 * len(self._windows))
