"""The numeric questions on engineering, worked from their stems, with usual mistakes."""

from collections.abc import Callable, Sequence

Numbers = Sequence[float]


def _ridge_objective(n: Numbers) -> float:
    return n[0] + n[3] * (n[1] ** 2 + n[2] ** 2)


def _lasso_objective(n: Numbers) -> float:
    return n[0] + n[3] * (abs(n[1]) + abs(n[2]))


def _campaign_gain(n: Numbers) -> float:
    return n[2] * n[3] / 100 * n[4] - n[0] * n[1]


def _campaign_cost_for_leavers_only(n: Numbers) -> float:
    return n[2] * n[3] / 100 * n[4] - n[2] * n[1]


def _latency_left(n: Numbers) -> float:
    return n[0] - n[1] - max(n[2:5]) - n[5]


def _latency_left_in_sequence(n: Numbers) -> float:
    return n[0] - n[1] - sum(n[2:5]) - n[5]


def _adam_memory(n: Numbers) -> float:
    weights, gradients, moments = 1, 1, 2
    return n[0] * n[1] / 8 * (weights + gradients + moments)


def _weights_memory(n: Numbers) -> float:
    return n[0] * n[1] / 8


def _replicas(n: Numbers) -> float:
    return n[0] * n[1] / (n[2] * n[3] / 100)


def _replicas_fully_busy(n: Numbers) -> float:
    return n[0] * n[1] / n[2]


def _pinball(quantile: float, predicted: float, actual: float) -> float:
    excess = actual - predicted
    return quantile * excess if excess >= 0 else (quantile - 1) * excess


def _mean_pinball(n: Numbers) -> float:
    return (_pinball(n[0], n[1], n[2]) + _pinball(n[0], n[1], n[3])) / 2


def _mean_pinball_swapped(n: Numbers) -> float:
    return (_pinball(1 - n[0], n[1], n[2]) + _pinball(1 - n[0], n[1], n[3])) / 2


def _efficiency(n: Numbers) -> float:
    return n[2] / (n[0] * n[1])


def _speed_up(n: Numbers) -> float:
    return n[2] / n[0]


def _scaled_rate(n: Numbers) -> float:
    return n[0] * (n[2] * n[3] * n[4] * n[5]) / n[1]


def _scaled_rate_without_accumulation(n: Numbers) -> float:
    return n[0] * (n[2] * n[3] * n[4]) / n[1]


def _steps_per_epoch(n: Numbers) -> float:
    return n[2] / (n[0] * n[1] * n[3])


def _steps_with_one_worker(n: Numbers) -> float:
    return n[2] / (n[1] * n[3])


def _canary_minutes(n: Numbers) -> float:
    return n[2] / (n[0] * n[1] / 100) / 60


def _canary_minutes_whole_traffic(n: Numbers) -> float:
    return n[2] / n[0] / 60


WORKED: dict[str, Callable[[Numbers], float]] = {
    "t023-numeric-1": _ridge_objective,
    "t028-numeric-1": _campaign_gain,
    "t030-numeric-1": _latency_left,
    "t031-numeric-1": _adam_memory,
    "t049-numeric-1": _replicas,
    "t066-numeric-1": _mean_pinball,
    "t067-numeric-1": _efficiency,
    "t070-numeric-1": _scaled_rate,
    "t071-numeric-1": _steps_per_epoch,
    "t074-numeric-1": _canary_minutes,
}

MISTAKES: dict[str, Callable[[Numbers], float]] = {
    "t023-numeric-1": _lasso_objective,
    "t028-numeric-1": _campaign_cost_for_leavers_only,
    "t030-numeric-1": _latency_left_in_sequence,
    "t031-numeric-1": _weights_memory,
    "t049-numeric-1": _replicas_fully_busy,
    "t066-numeric-1": _mean_pinball_swapped,
    "t067-numeric-1": _speed_up,
    "t070-numeric-1": _scaled_rate_without_accumulation,
    "t071-numeric-1": _steps_with_one_worker,
    "t074-numeric-1": _canary_minutes_whole_traffic,
}
