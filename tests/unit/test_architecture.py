"""Nothing in the library imports upwards in the picture of the house."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import ghostload

HOUSE = Path(ghostload.__file__).parent
FLOORS = (
    ("errors", "streams", "schema", "schema_in_time"),
    ("registry", "engines", "scratch"),
    ("config", "grid"),
    ("territory", "consumption"),
    ("anomalies",),
    ("wires",),
    ("physics",),
    ("metering",),
    ("dataset",),
    ("export", "validation"),
    ("detection",),
    ("reporting",),
    ("simulation",),
    ("pipeline",),
    ("generators", "make", "testing"),
)
"""Rooms from the ground up; a room may import what stands below it, and itself."""

SIDEWAYS = {("export", "validation")}
"""Neighbours on one floor, of which the first may use the second: the report file carries the validation result."""

LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def _imports(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.lineno, node.module))
        elif isinstance(node, ast.Import):
            found.extend((node.lineno, name.name) for name in node.names)
    return [(line, name) for line, name in found if name.split(".")[0] in ("ghostload", "ghostload_cli")]


def _all_modules() -> list[Path]:
    return sorted(path for path in HOUSE.rglob("*.py") if path != HOUSE / "__init__.py")


@pytest.mark.parametrize("path", _all_modules(), ids=lambda p: p.relative_to(HOUSE).as_posix())
def test_a_module_imports_only_what_stands_below_it(path: Path) -> None:
    room = path.relative_to(HOUSE).parts[0].removesuffix(".py")
    for line, module in _imports(path):
        assert not module.startswith("ghostload_cli"), f"{path}:{line}: the library knows the command line"
        other = _room(module)
        if other in ("", room):
            continue
        allowed = LEVEL[other] < LEVEL[room] or (room, other) in SIDEWAYS
        assert allowed, f"{path}:{line}: {room} imports {other}, which stands above or beside it"


def test_every_room_has_its_floor() -> None:
    rooms = {path.relative_to(HOUSE).parts[0].removesuffix(".py") for path in _all_modules()}
    assert rooms == set(LEVEL)
