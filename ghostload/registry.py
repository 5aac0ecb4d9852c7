"""Named kinds of a thing: anomalies, exporters, checks, detectors; the project's own and third parties'."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any, Generic, TypeVar

from ghostload.errors import RegistrationError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """Things by name; a name is given once.

    Parameters
    ----------
    what : str
        What is registered, for messages: "anomaly kind".
    builtin : tuple of str
        Modules whose import registers the project's own.
    entry_point_group : str
        Entry points of other packages that register theirs; loaded the first time a name is unknown or all are listed.
    """

    def __init__(self, what: str, *, builtin: tuple[str, ...], entry_point_group: str) -> None:
        self.what = what
        self._builtin = builtin
        self._group = entry_point_group
        self._items: dict[str, T] = {}
        self._own_loaded = False
        self._third_party_loaded = False

    def add(self, name: str, item: T) -> None:
        """Register under a name that is not taken."""
        if name in self._items:
            raise RegistrationError(f"{self.what} {name!r} is registered already; choose another name")
        self._items[name] = item

    def remove(self, name: str) -> None:
        """Take a registered name out again, for tests and notebooks."""
        if name not in self._items:
            raise RegistrationError(f"{self.what} {name!r} is not registered{did_you_mean(name, self._items)}")
        del self._items[name]

    def get(self, name: str) -> T:
        """Return what is registered under a name."""
        self._load_own()
        if name not in self._items:
            self._load_third_party()
        if name not in self._items:
            raise RegistrationError(f"unknown {self.what} {name!r}{did_you_mean(name, self._items)}")
        return self._items[name]

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        self._load_own()
        self._load_third_party()
        return tuple(sorted(self._items))

    def __iter__(self) -> Iterator[T]:
        """All registered things, in the order of their names."""
        return iter([self._items[name] for name in self.names()])

    def __contains__(self, name: object) -> bool:
        self._load_own()
        return name in self._items

    def decorator(self, name_of: Callable[[T], str]) -> Callable[[T], T]:
        """Return a class or function decorator that registers under ``name_of(thing)``."""

        def register(item: T) -> T:
            self.add(name_of(item), item)
            return item

        return register

    def _load_own(self) -> None:
        if self._own_loaded:
            return
        self._own_loaded = True
        for module in self._builtin:
            import_module(module)

    def _load_third_party(self) -> None:
        if self._third_party_loaded:
            return
        self._third_party_loaded = True
        for point in sorted(_entry_points().select(group=self._group), key=lambda p: p.name):
            point.load()


@cache
def _entry_points() -> Any:
    """Scan the installed packages once for all registries; the result has ``select(group=...)``."""
    from importlib.metadata import entry_points

    return entry_points()
