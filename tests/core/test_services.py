"""The registry of a worker's long-lived objects."""

import pytest

from app.core.metrics import Metrics
from app.core.services import Services


def test_an_object_is_found_by_its_class() -> None:
    services = Services()
    metrics = services.add(Metrics())
    assert services.get(Metrics) is metrics


def test_a_class_without_an_object_is_named() -> None:
    with pytest.raises(LookupError, match="no Metrics is registered"):
        Services().get(Metrics)


def test_a_second_object_of_a_class_is_refused() -> None:
    services = Services()
    services.add(Metrics())
    with pytest.raises(ValueError, match="a Metrics is registered already"):
        services.add(Metrics())
