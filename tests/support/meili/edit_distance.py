"""The edit distance between words, up to a limit."""


def osa_distance(left: str, right: str, limit: int = 100, prefix: bool = False) -> int:
    """Return the optimal string alignment distance, or limit + 1 if it is greater than `limit`.

    With `prefix` it is the distance to the nearest prefix of `right`.
    """
    if not prefix and abs(len(left) - len(right)) > limit:
        return limit + 1
    previous: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        next_row = [i] + [0] * len(right)
        for j, other in enumerate(right, 1):
            best = min(row[j] + 1, next_row[j - 1] + 1, row[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                best = min(best, previous[j - 2] + 1)
            next_row[j] = best
        if min(next_row) > limit and min(row) > limit:
            return limit + 1
        previous, row = row, next_row
    return min(min(row) if prefix else row[-1], limit + 1)
