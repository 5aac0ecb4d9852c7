from __future__ import annotations

import pytest

import ghostload.registry
from ghostload.errors import RegistrationError
from ghostload.registry import Registry


def _registry(group: str = "ghostload.nothing") -> Registry[int]:
    return Registry("number", builtin=(), entry_point_group=group)


def test_a_name_is_given_once() -> None:
    registry = _registry()
    registry.add("one", 1)
    with pytest.raises(RegistrationError, match="number 'one' is registered already"):
        registry.add("one", 2)
    assert registry.get("one") == 1


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    registry = _registry()
    registry.add("isolation_forest", 1)
    with pytest.raises(RegistrationError, match="did you mean isolation_forest"):
        registry.get("isolation_forrest")
    with pytest.raises(RegistrationError, match="is not registered"):
        registry.remove("forest")


def test_a_removed_name_is_free_again() -> None:
    registry = _registry()
    registry.add("one", 1)
    registry.remove("one")
    assert "one" not in registry
    registry.add("one", 2)
    assert list(registry) == [2]


def test_the_decorator_registers_under_the_name_of_the_thing() -> None:
    registry = _registry()
    assert registry.decorator(lambda number: f"n{number}")(5) == 5
    assert registry.names() == ("n5",)


def test_entry_points_of_other_packages_are_loaded_when_a_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = _registry("ghostload.tests")

    class Point:
        name = "foreign"

        def load(self) -> None:
            registry.add("foreign", 7)

    class Installed:
        def select(self, group: str) -> list[Point]:
            return [Point()] if group == "ghostload.tests" else []

    monkeypatch.setattr(ghostload.registry, "_entry_points", Installed)
    assert registry.get("foreign") == 7
