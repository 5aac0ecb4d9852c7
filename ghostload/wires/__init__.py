"""The wires between the substation and every service point, as arrays."""

from ghostload.wires.build import build_wires
from ghostload.wires.catalogue import Practice, practice_of
from ghostload.wires.model import Kind, Wires

__all__ = ["Kind", "Practice", "Wires", "build_wires", "practice_of"]
