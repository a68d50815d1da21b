"""The long-lived objects of one worker process, each found by its type."""

from typing import TypeVar, cast

T = TypeVar("T")


class Services:
    """A registry with at most one object of each class.

    The wiring adds objects at start; the dependencies of a room get them by class, so that no room
    has to know the objects of the rooms above it.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._by_type: dict[type, object] = {}

    def add(self, service: T) -> T:
        """Register an object under its own class and return it; ValueError for a second one."""
        kind = type(service)
        if kind in self._by_type:
            message = f"a {kind.__name__} is registered already"
            raise ValueError(message)
        self._by_type[kind] = service
        return service

    def get(self, kind: type[T]) -> T:
        """Return the registered object of a class; LookupError where there is none."""
        try:
            return cast(T, self._by_type[kind])
        except KeyError as error:
            message = f"no {kind.__name__} is registered"
            raise LookupError(message) from error
