"""How many rows each transaction has: as many as fit, judged by those that came before."""

FIRST_ROWS = 100
LEAST_ROWS = 20
MOST_ROWS = 1_000
# Of the 50 ms that a transaction may take; the rest is for the disk, which smaller ones would not
# spare either.
AIM_SECONDS = 0.03
# Two processes that take turns have both heard of that step when they cut this one.
LAG = 3


class Sizes:
    """The sizes of steps by number; whoever learned the same says the same."""

    def __init__(self) -> None:
        """Start small."""
        self._sizes: list[int] = []
        self._fitting: dict[int, int] = {}

    def of(self, number: int) -> int:
        """Return how many rows the step may have; it is asked in ascending order."""
        while len(self._sizes) <= number:
            before = self._sizes[-1] if self._sizes else FIRST_ROWS
            fitting = self._fitting.pop(len(self._sizes) - LAG, before)
            most = min(before * 2, MOST_ROWS)
            self._sizes.append(min(max(fitting, LEAST_ROWS), most))
        return self._sizes[number]

    def took(self, number: int, seconds: float, rows: int) -> None:
        """Learn how long a step's transaction took before its commit."""
        self._fitting[number] = round(rows * AIM_SECONDS / max(seconds, 0.001))
