"""The numeric questions on evaluation, worked from their stems, with usual mistakes.

WORKED gives the right result and MISTAKES that of the usual mistake, both from the
numbers of the stem in their order.
"""

import math
from collections.abc import Callable, Sequence

Numbers = Sequence[float]


def _precision(n: Numbers) -> float:
    """Cells of the table by rows: TP, FN, FP, TN."""
    return n[0] / (n[0] + n[2])


def _recall_for_precision(n: Numbers) -> float:
    return n[0] / (n[0] + n[1])


def _f1(n: Numbers) -> float:
    """TP, FP, FN."""
    return 2 * n[0] / (2 * n[0] + n[1] + n[2])


def _arithmetic_f1(n: Numbers) -> float:
    return (n[0] / (n[0] + n[1]) + n[0] / (n[0] + n[2])) / 2


def _balanced_accuracy(n: Numbers) -> float:
    """TP, FN, FP, TN."""
    return (n[0] / (n[0] + n[1]) + n[3] / (n[2] + n[3])) / 2


def _plain_accuracy(n: Numbers) -> float:
    return (n[0] + n[3]) / sum(n)


def _rmse(n: Numbers) -> float:
    return math.sqrt(sum(e * e for e in n) / len(n))


def _mae(n: Numbers) -> float:
    return sum(abs(e) for e in n) / len(n)


def _macro_f1(n: Numbers) -> float:
    """Total, then (reviews, F1) of three classes."""
    return (n[2] + n[4] + n[6]) / 3


def _weighted_f1(n: Numbers) -> float:
    return (n[1] * n[2] + n[3] * n[4] + n[5] * n[6]) / n[0]


def _rows_left(n: Numbers) -> float:
    """Rows, test share in per cent, validation share of the remainder in per cent."""
    return n[0] * (100 - n[1]) / 100 * (100 - n[2]) / 100


def _rows_left_of_total(n: Numbers) -> float:
    return n[0] * (100 - n[1] - n[2]) / 100


def _fits_in_training(n: Numbers) -> float:
    """Folds, repetitions."""
    return (n[0] - 1) * n[1]


def _fits_altogether(n: Numbers) -> float:
    return n[0] * n[1]


def _descend_twice(n: Numbers) -> float:
    """Rate, position of the minimum, exponent (2), start."""
    w = n[3]
    for _ in range(2):
        w -= n[0] * n[2] * (w - n[1])
    return w


def _descend_twice_by_first_slope(n: Numbers) -> float:
    return n[3] - 2 * n[0] * n[2] * (n[3] - n[1])


def _rate_bound(n: Numbers) -> float:
    """Coefficient and exponent (2) of a parabola."""
    return 2 / (n[0] * n[1])


def _rate_bound_by_coefficient(n: Numbers) -> float:
    return 2 / n[0]


def _slope_step(n: Numbers) -> float:
    """x, y of two points, start, rate."""
    gradient = -2 / 2 * (n[0] * (n[1] - n[4] * n[0]) + n[2] * (n[3] - n[4] * n[2]))
    return n[4] - n[5] * gradient


def _slope_step_without_two(n: Numbers) -> float:
    return n[4] + (_slope_step(n) - n[4]) / 2


def _inverse_distance(n: Numbers) -> float:
    """Three distances, three targets."""
    weights = [1 / d for d in n[:3]]
    return sum(w * y for w, y in zip(weights, n[3:6], strict=True)) / sum(weights)


def _plain_mean(n: Numbers) -> float:
    return sum(n[3:6]) / 3


def _predict(n: Numbers) -> float:
    """Intercept, slope, slope that is subtracted, two features."""
    return n[0] + n[1] * n[3] - n[2] * n[4]


def _predict_missing_minus(n: Numbers) -> float:
    return n[0] + n[1] * n[3] + n[2] * n[4]


def _unexplained(n: Numbers) -> float:
    """Four actual, then four predicted values."""
    actual, predicted = n[:4], n[4:8]
    mean = sum(actual) / 4
    residual = sum((a - p) ** 2 for a, p in zip(actual, predicted, strict=True))
    return residual / sum((a - mean) ** 2 for a in actual)


def _r_squared(n: Numbers) -> float:
    return 1 - _unexplained(n)


def _vif(n: Numbers) -> float:
    return 1 / (1 - n[0])


def _inverse(n: Numbers) -> float:
    return 1 / n[0]


def _scaled_odds(n: Numbers) -> float:
    """Probability, odds ratio."""
    odds = n[0] / (1 - n[0]) * n[1]
    return odds / (1 + odds)


def _scaled_probability(n: Numbers) -> float:
    return n[0] * n[1]


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def _logistic(n: Numbers) -> float:
    """Weight, intercept, feature."""
    return _sigmoid(n[0] * n[2] + n[1])


def _linear_score(n: Numbers) -> float:
    return n[0] * n[2] + n[1]


def _logit(n: Numbers) -> float:
    return math.log(n[0] / (1 - n[0]))


def _decimal_logit(n: Numbers) -> float:
    return math.log10(n[0] / (1 - n[0]))


def _larger_eigenvalue(n: Numbers) -> float:
    """Entries of a matrix of two rows and two columns, by rows."""
    trace, determinant = n[0] + n[3], n[0] * n[3] - n[1] * n[2]
    return (trace + math.sqrt(trace * trace - 4 * determinant)) / 2


def _largest_on_diagonal(n: Numbers) -> float:
    return max(n[0], n[3])


def _first_two_share(n: Numbers) -> float:
    return (n[0] + n[1]) / sum(n)


def _first_two_share_of_squares(n: Numbers) -> float:
    return _first_two_share([v * v for v in n])


def _first_share_of_squares(n: Numbers) -> float:
    return n[0] * n[0] / sum(s * s for s in n)


def _first_share(n: Numbers) -> float:
    return n[0] / sum(n)


def _net_saving(n: Numbers) -> float:
    """Invoices, cost before, automatic share in per cent, its cost, cost of the others, upkeep."""
    automatic = n[0] * n[2] / 100
    return n[0] * n[1] - automatic * n[3] - (n[0] - automatic) * n[4] - n[5]


def _saving_without_upkeep(n: Numbers) -> float:
    return _net_saving(n) + n[5]


def _series_availability(n: Numbers) -> float:
    return 100 * math.prod(a / 100 for a in n)


def _mean_availability(n: Numbers) -> float:
    return sum(n) / len(n)


def _cost_per_customer_kept(n: Numbers) -> float:
    """Leaving rate in per cent and customers with call, the same without, cost of a call."""
    kept = n[1] * (n[2] - n[0]) / 100
    return n[1] * n[4] / kept


def _cost_per_customer_leaving(n: Numbers) -> float:
    return n[1] * n[4] / (n[1] * n[0] / 100)


WORKED: dict[str, Callable[[Numbers], float]] = {
    "t005-numeric-1": _precision,
    "t005-numeric-2": _f1,
    "t006-numeric-1": _rmse,
    "t007-numeric-1": _rows_left,
    "t008-numeric-1": _descend_twice,
    "t011-numeric-1": _predict,
    "t011-numeric-2": _r_squared,
    "t029-numeric-1": _macro_f1,
    "t052-numeric-1": _vif,
    "t053-numeric-1": _scaled_odds,
    "t054-numeric-1": _logistic,
    "t054-numeric-2": _logit,
    "t055-numeric-1": _larger_eigenvalue,
    "t062-numeric-1": _inverse_distance,
    "t064-numeric-1": _slope_step,
    "t075-numeric-1": _net_saving,
    "t077-numeric-1": _series_availability,
    "t078-numeric-1": _cost_per_customer_kept,
    "t088-numeric-1": _rate_bound,
    "t090-numeric-1": _balanced_accuracy,
    "t091-numeric-1": _fits_in_training,
    "t092-numeric-1": _first_two_share,
    "t092-numeric-2": _first_share_of_squares,
}

MISTAKES: dict[str, Callable[[Numbers], float]] = {
    "t005-numeric-1": _recall_for_precision,
    "t005-numeric-2": _arithmetic_f1,
    "t006-numeric-1": _mae,
    "t007-numeric-1": _rows_left_of_total,
    "t008-numeric-1": _descend_twice_by_first_slope,
    "t011-numeric-1": _predict_missing_minus,
    "t011-numeric-2": _unexplained,
    "t029-numeric-1": _weighted_f1,
    "t052-numeric-1": _inverse,
    "t053-numeric-1": _scaled_probability,
    "t054-numeric-1": _linear_score,
    "t054-numeric-2": _decimal_logit,
    "t055-numeric-1": _largest_on_diagonal,
    "t062-numeric-1": _plain_mean,
    "t064-numeric-1": _slope_step_without_two,
    "t075-numeric-1": _saving_without_upkeep,
    "t077-numeric-1": _mean_availability,
    "t078-numeric-1": _cost_per_customer_leaving,
    "t088-numeric-1": _rate_bound_by_coefficient,
    "t090-numeric-1": _plain_accuracy,
    "t091-numeric-1": _fits_altogether,
    "t092-numeric-1": _first_two_share_of_squares,
    "t092-numeric-2": _first_share,
}
