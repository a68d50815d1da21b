"""The numeric questions on models, worked from their stems, with usual mistakes."""

import math
import statistics
from collections.abc import Callable, Sequence

Worked = Callable[[Sequence[float]], float]


def _entropy(counts: Sequence[float]) -> float:
    total = sum(counts)
    return sum(-c / total * math.log2(c / total) for c in counts if c > 0)


def _gini(counts: Sequence[float]) -> float:
    total = sum(counts)
    return 1 - sum((c / total) ** 2 for c in counts)


def _weighted(impurity: Worked, *children: Sequence[float]) -> float:
    total = sum(sum(c) for c in children)
    return sum(sum(c) / total * impurity(c) for c in children)


def _leaf_mean(n: Sequence[float]) -> float:
    return statistics.fmean(n[:4])


def _leaf_mean_mistake(n: Sequence[float]) -> float:
    return statistics.median(n[:4])


def _majority(n: Sequence[float]) -> float:
    return n[0] ** 3 + 3 * n[0] ** 2 * (1 - n[0])


def _majority_mistake(n: Sequence[float]) -> float:
    return n[0] ** 3


def _head_parameters(n: Sequence[float]) -> float:
    return (n[0] + 1) * n[1]


def _head_parameters_mistake(n: Sequence[float]) -> float:
    return n[0] * n[1]


def _bootstrap_miss(n: Sequence[float]) -> float:
    return math.pow(1 - 1 / n[1], n[0])


def _bootstrap_miss_mistake(n: Sequence[float]) -> float:
    return 1 - math.pow(1 - 1 / n[1], n[0])


def _discounted_return(n: Sequence[float]) -> float:
    return sum(r * n[4] ** k for k, r in enumerate(n[:4]))


def _discounted_return_mistake(n: Sequence[float]) -> float:
    return sum(r * n[4] ** (k + 1) for k, r in enumerate(n[:4]))


def _q_update(n: Sequence[float]) -> float:
    return n[0] + n[1] * (n[3] + n[2] * n[4] - n[0])


def _q_update_mistake(n: Sequence[float]) -> float:
    return n[0] + n[1] * (n[3] + n[2] * n[4])


def _output_side(n: Sequence[float]) -> float:
    return (n[3] + 2 * n[1] - n[0]) // n[2] + 1


def _output_side_mistake(n: Sequence[float]) -> float:
    return (n[3] + n[1] - n[0]) // n[2] + 1


def _convolution_parameters(n: Sequence[float]) -> float:
    return (n[0] * n[1] * n[2] + 1) * n[3]


def _convolution_parameters_mistake(n: Sequence[float]) -> float:
    return n[0] * n[1] * n[2] * n[3]


def _request_time(n: Sequence[float]) -> float:
    return n[0] + n[2] + n[1] / n[3] * n[4]


def _request_time_mistake(n: Sequence[float]) -> float:
    return n[0] + n[2] + n[4]


def _centroid_first(n: Sequence[float]) -> float:
    return (n[0] + n[2] + n[4]) / 3


def _centroid_first_mistake(n: Sequence[float]) -> float:
    return (n[0] + n[4]) / 2


def _within_sum(n: Sequence[float]) -> float:
    return sum((x - statistics.fmean(n[:3])) ** 2 for x in n[:3])


def _within_sum_mistake(n: Sequence[float]) -> float:
    return statistics.pvariance(n[:3])


def _boosted(n: Sequence[float]) -> float:
    return n[1] - (n[1] - n[0]) * math.pow(1 - n[2], n[3])


def _boosted_mistake(n: Sequence[float]) -> float:
    return n[0] + n[3] * n[2] * (n[1] - n[0])


def _polynomial_kernel(n: Sequence[float]) -> float:
    return math.pow(n[2] * n[4] + n[3] * n[5] + n[0], n[1])


def _polynomial_kernel_mistake(n: Sequence[float]) -> float:
    return math.pow(n[2] * n[4] + n[3] * n[5], n[1])


def _margin_width(n: Sequence[float]) -> float:
    return 2 / math.hypot(n[0], n[1])


def _margin_width_mistake(n: Sequence[float]) -> float:
    return 1 / math.hypot(n[0], n[1])


def _tf_idf(n: Sequence[float]) -> float:
    return n[0] * math.log10(n[1] / n[2])


def _tf_idf_mistake(n: Sequence[float]) -> float:
    return n[0] * math.log(n[1] / n[2])


def _silhouette(n: Sequence[float]) -> float:
    return (n[1] - n[0]) / max(n[0], n[1])


def _silhouette_mistake(n: Sequence[float]) -> float:
    return (n[1] - n[0]) / n[0]


def _factor_prediction(n: Sequence[float]) -> float:
    return n[0] + n[1] + n[4] + n[2] * n[5] + n[3] * n[6]


def _factor_prediction_mistake(n: Sequence[float]) -> float:
    return n[0] + n[2] * n[5] + n[3] * n[6]


def _factor_count(n: Sequence[float]) -> float:
    return (n[0] + n[1]) * n[2]


def _factor_count_mistake(n: Sequence[float]) -> float:
    return n[0] * n[1]


def _node_entropy(n: Sequence[float]) -> float:
    return _entropy(n[:2])


def _node_entropy_mistake(n: Sequence[float]) -> float:
    return _entropy(n[:2]) * math.log(2)


def _information_gain(n: Sequence[float]) -> float:
    return _entropy(n[:2]) - _weighted(_entropy, n[2:4], n[4:6])


def _information_gain_mistake(n: Sequence[float]) -> float:
    return _entropy(n[:2]) - (_entropy(n[2:4]) + _entropy(n[4:6])) / 2


def _split_gini(n: Sequence[float]) -> float:
    return _weighted(_gini, n[:2], n[2:4])


def _split_gini_mistake(n: Sequence[float]) -> float:
    return (_gini(n[:2]) + _gini(n[2:4])) / 2


def _bytes_saved(n: Sequence[float]) -> float:
    return n[0] * (n[4] - n[3]) / 8


def _bytes_saved_mistake(n: Sequence[float]) -> float:
    return n[0] * n[3] / 8


def _list_recall(n: Sequence[float]) -> float:
    return n[1] / n[2]


def _list_recall_mistake(n: Sequence[float]) -> float:
    return n[1] / n[0]


def _wrong_flags(n: Sequence[float]) -> float:
    return n[0] * 1000 * (1 - n[1] / 100) * n[2] / 100


def _wrong_flags_mistake(n: Sequence[float]) -> float:
    return n[0] * 1000 * n[2] / 100


def _posterior(n: Sequence[float]) -> float:
    return n[0] * n[1] / (n[0] * n[1] + (1 - n[0]) * n[2])


def _posterior_mistake(n: Sequence[float]) -> float:
    return n[1] / (n[1] + n[2])


def _softmax_first(n: Sequence[float]) -> float:
    return math.exp(n[0]) / sum(math.exp(z) for z in n[:3])


def _softmax_first_mistake(n: Sequence[float]) -> float:
    return n[0] / sum(n[:3])


def _small_network(n: Sequence[float]) -> float:
    first = n[6] * max(0.0, n[0] * n[2] + n[1] * n[3])
    second = n[7] * max(0.0, n[0] * n[4] + n[1] * n[5])
    return first + second + n[8]


def _small_network_mistake(n: Sequence[float]) -> float:
    return n[6] * (n[0] * n[2] + n[1] * n[3]) + n[7] * (n[0] * n[4] + n[1] * n[5]) + n[8]


WORKED: dict[str, Worked] = {
    "t014-numeric-1": _leaf_mean,
    "t016-numeric-1": _majority,
    "t017-numeric-1": _head_parameters,
    "t020-numeric-1": _bootstrap_miss,
    "t021-numeric-1": _discounted_return,
    "t021-numeric-2": _q_update,
    "t025-numeric-1": _output_side,
    "t025-numeric-2": _convolution_parameters,
    "t033-numeric-1": _request_time,
    "t034-numeric-1": _centroid_first,
    "t034-numeric-2": _within_sum,
    "t035-numeric-1": _boosted,
    "t036-numeric-1": _polynomial_kernel,
    "t037-numeric-1": _margin_width,
    "t041-numeric-1": _tf_idf,
    "t044-numeric-1": _silhouette,
    "t056-numeric-1": _factor_prediction,
    "t056-numeric-2": _factor_count,
    "t060-numeric-1": _node_entropy,
    "t060-numeric-2": _information_gain,
    "t060-numeric-3": _split_gini,
    "t083-numeric-1": _bytes_saved,
    "t085-numeric-1": _list_recall,
    "t086-numeric-1": _wrong_flags,
    "t087-numeric-1": _posterior,
    "t089-numeric-1": _softmax_first,
    "t089-numeric-2": _small_network,
}

MISTAKES: dict[str, Worked] = {
    "t014-numeric-1": _leaf_mean_mistake,
    "t016-numeric-1": _majority_mistake,
    "t017-numeric-1": _head_parameters_mistake,
    "t020-numeric-1": _bootstrap_miss_mistake,
    "t021-numeric-1": _discounted_return_mistake,
    "t021-numeric-2": _q_update_mistake,
    "t025-numeric-1": _output_side_mistake,
    "t025-numeric-2": _convolution_parameters_mistake,
    "t033-numeric-1": _request_time_mistake,
    "t034-numeric-1": _centroid_first_mistake,
    "t034-numeric-2": _within_sum_mistake,
    "t035-numeric-1": _boosted_mistake,
    "t036-numeric-1": _polynomial_kernel_mistake,
    "t037-numeric-1": _margin_width_mistake,
    "t041-numeric-1": _tf_idf_mistake,
    "t044-numeric-1": _silhouette_mistake,
    "t056-numeric-1": _factor_prediction_mistake,
    "t056-numeric-2": _factor_count_mistake,
    "t060-numeric-1": _node_entropy_mistake,
    "t060-numeric-2": _information_gain_mistake,
    "t060-numeric-3": _split_gini_mistake,
    "t083-numeric-1": _bytes_saved_mistake,
    "t085-numeric-1": _list_recall_mistake,
    "t086-numeric-1": _wrong_flags_mistake,
    "t087-numeric-1": _posterior_mistake,
    "t089-numeric-1": _softmax_first_mistake,
    "t089-numeric-2": _small_network_mistake,
}
