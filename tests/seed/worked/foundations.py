"""The numeric questions on foundations, worked from their stems, with usual mistakes."""

from collections.abc import Callable, Sequence

Numbers = Sequence[float]


def _decomposition(n: Numbers) -> float:
    average, variance, truth, noise = n
    return (average - truth) ** 2 + variance + noise**2


def _decomposition_without_noise(n: Numbers) -> float:
    average, variance, truth, _ = n
    return (average - truth) ** 2 + variance


def _grid_fits(n: Numbers) -> float:
    rates, depths, subsamples, folds = n
    return rates * depths * subsamples * folds + 1


def _grid_fits_added(n: Numbers) -> float:
    rates, depths, subsamples, folds = n
    return (rates + depths + subsamples) * folds + 1


def _softmax_parameters(n: Numbers) -> float:
    inputs, classes, _ = n
    return inputs * classes + classes


def _softmax_weights_only(n: Numbers) -> float:
    return n[0] * n[1]


def _encoded_columns(n: Numbers) -> float:
    return n[0] + sum(levels - 1 for levels in n[1:])


def _encoded_columns_all_levels(n: Numbers) -> float:
    return sum(n)


def _false_discoveries(n: Numbers) -> float:
    features, related, level, power = n
    false = (features - related) * level
    return false / (false + related * power)


def _false_positive_rate(n: Numbers) -> float:
    return n[2]


def _imputed_variance(n: Numbers) -> float:
    rows, missing, variance = n
    return variance * (rows - missing) / rows


def _observed_variance(n: Numbers) -> float:
    return n[2]


def _complete_rows(n: Numbers) -> float:
    columns, percent = n
    return float((1 - percent / 100) ** columns)


def _complete_rows_by_subtraction(n: Numbers) -> float:
    columns, percent = n
    return 1 - columns * percent / 100


def _stopping_epoch(n: Numbers) -> float:
    *losses, patience = n
    best, misses = losses[0], 0
    for epoch, loss in enumerate(losses[1:], start=2):
        best, misses = (loss, 0) if loss < best else (best, misses + 1)
        if misses == patience:
            return float(epoch)
    return float(len(losses))


def _best_epoch(n: Numbers) -> float:
    losses = list(n[:-1])
    return float(losses.index(min(losses)) + 1)


def _positive_weight(n: Numbers) -> float:
    negatives, positives = n
    return (negatives + positives) / 2 / positives


def _class_ratio(n: Numbers) -> float:
    negatives, positives = n
    return negatives / positives


def _accuracy(n: Numbers) -> float:
    total, positives, flagged, caught = n
    return 100 * (total - (flagged - caught) - (positives - caught)) / total


def _accuracy_gain(n: Numbers) -> float:
    total, positives, _, _ = n
    return _accuracy(n) - 100 * (total - positives) / total


def _restored_probability(n: Numbers) -> float:
    percent, probability = n
    odds = probability / (1 - probability) * percent / 100
    return odds / (1 + odds)


def _scaled_probability(n: Numbers) -> float:
    return n[0] / 100 * n[1]


def _standardised(n: Numbers) -> float:
    mean, deviation, _, _, value = n
    return (value - mean) / deviation


def _standardised_by_test(n: Numbers) -> float:
    _, _, mean, deviation, value = n
    return (value - mean) / deviation


def _net_saving(n: Numbers) -> float:
    caught, alarms, inspection, repair, breakdown = n
    return caught * (breakdown - repair) - (caught + alarms) * inspection


def _net_saving_free_hits(n: Numbers) -> float:
    caught, alarms, inspection, repair, breakdown = n
    return caught * (breakdown - repair) - alarms * inspection


def _laplace_scale(n: Numbers) -> float:
    low, high, employees, epsilon = n
    return (high - low) / employees / epsilon


def _laplace_scale_multiplied(n: Numbers) -> float:
    low, high, employees, epsilon = n
    return (high - low) / employees * epsilon


WORKED: dict[str, Callable[[Numbers], float]] = {
    "t004-numeric-1": _decomposition,
    "t012-numeric-1": _grid_fits,
    "t012-numeric-2": _softmax_parameters,
    "t013-numeric-1": _encoded_columns,
    "t015-numeric-1": _false_discoveries,
    "t018-numeric-1": _imputed_variance,
    "t018-numeric-2": _complete_rows,
    "t027-numeric-1": _stopping_epoch,
    "t059-numeric-1": _positive_weight,
    "t079-numeric-1": _net_saving,
    "t081-numeric-1": _laplace_scale,
    "t095-numeric-1": _standardised,
    "t097-numeric-1": _accuracy_gain,
    "t097-numeric-2": _restored_probability,
}

MISTAKES: dict[str, Callable[[Numbers], float]] = {
    "t004-numeric-1": _decomposition_without_noise,
    "t012-numeric-1": _grid_fits_added,
    "t012-numeric-2": _softmax_weights_only,
    "t013-numeric-1": _encoded_columns_all_levels,
    "t015-numeric-1": _false_positive_rate,
    "t018-numeric-1": _observed_variance,
    "t018-numeric-2": _complete_rows_by_subtraction,
    "t027-numeric-1": _best_epoch,
    "t059-numeric-1": _class_ratio,
    "t079-numeric-1": _net_saving_free_hits,
    "t081-numeric-1": _laplace_scale_multiplied,
    "t095-numeric-1": _standardised_by_test,
    "t097-numeric-1": _accuracy,
    "t097-numeric-2": _scaled_probability,
}
