"""Rates such as `600/minute`: how much may be spent in a window of time."""

import re
from typing import NamedTuple

WINDOW_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}

_RATE = re.compile(rf"([1-9][0-9]*)/({'|'.join(WINDOW_SECONDS)})", re.ASCII)


class Rate(NamedTuple):
    """At most `amount` in each window of `seconds`."""

    amount: int
    seconds: int


def parse_rate(text: str) -> Rate | None:
    """Return a rate, or None for `off`; ValueError for anything else."""
    if text == "off":
        return None
    found = _RATE.fullmatch(text)
    if found is None:
        message = "A rate such as 600/minute (a second, minute, hour or day), or off"
        raise ValueError(message)
    return Rate(int(found[1]), WINDOW_SECONDS[found[2]])


def checked_rate(text: str) -> str:
    """Return `text` if it is a rate; ValueError otherwise."""
    parse_rate(text)
    return text
