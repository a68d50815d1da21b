"""Pure: fixed-window counters. A window opens with the first request of a client or key."""

from collections.abc import Hashable

# With fewer windows than this, expired ones are not looked for.
MIN_WINDOWS_TO_SWEEP = 1024


class FixedWindows:
    """The counters of one worker process, for one thread.

    docs/adr/0011-custom-parts-on-the-hot-path.md says why there is no library for it.
    """

    def __init__(self) -> None:
        """Start without windows."""
        # The amount spent and the end in milliseconds, by key.
        self._windows: dict[Hashable, list[int]] = {}
        self._sweep_from = MIN_WINDOWS_TO_SWEEP

    def __len__(self) -> int:
        """Return the number of windows in memory, including expired ones."""
        return len(self._windows)

    def spend(self, key: Hashable, cost: int, length_ms: int, now_ms: int) -> tuple[int, int]:
        """Add to the counter of a key, in a new window if its last one has expired.

        Return the amount spent in the window, and the milliseconds until it expires.
        """
        window = self._windows.get(key)
        if window is None or window[1] <= now_ms:
            self._drop_expired(now_ms)
            window = self._windows[key] = [0, now_ms + length_ms]
        window[0] += cost
        return window[0], window[1] - now_ms

    def _drop_expired(self, now_ms: int) -> None:
        if len(self._windows) < self._sweep_from:
            return
        self._windows = {key: window for key, window in self._windows.items() if window[1] > now_ms}
        # At least half of the windows are new at the next sweep: its cost per window is constant.
        self._sweep_from = max(MIN_WINDOWS_TO_SWEEP, 2 * len(self._windows))
