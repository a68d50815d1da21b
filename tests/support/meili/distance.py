"""Distances between words: edits and swaps of neighbours, with a bound."""


def osa_distance(left: str, right: str, limit: int = 100, prefix: bool = False) -> int:
    """Return the edits from `left` to `right`, or to its nearest prefix; limit + 1 means more."""
    if not prefix and abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        below = [i] + [0] * len(right)
        for j, other in enumerate(right, 1):
            best = min(row[j] + 1, below[j - 1] + 1, row[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                best = min(best, before[j - 2] + 1)
            below[j] = best
        if min(below) > limit and min(row) > limit:
            return limit + 1
        before, row = row, below
    return min(min(row) if prefix else row[-1], limit + 1)
