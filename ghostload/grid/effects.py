"""What each column of a grid changes in its circuit when it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from ghostload.grid.schema import COMPONENTS
from ghostload.grid.working import Column

Effect = Literal["power", "voltage", "injections", "branch", "values", "service", "topology", "none"]

_EFFECTS: Final[Mapping[Effect, tuple[str, ...]]] = {
    "power": ("load.p_mw", "load.q_mvar", "load.scaling", "sgen.p_mw", "sgen.q_mvar", "sgen.scaling", "gen.p_mw",
              "gen.scaling"),
    "voltage": ("gen.vm_pu", "ext_grid.vm_pu", "ext_grid.va_degree"),
    "service": ("line.in_service", "trafo.in_service", "impedance.in_service", "load.in_service", "sgen.in_service",
                "gen.in_service", "shunt.in_service"),
    "topology": ("switch.closed", "gen.slack"),
    "none": ("bus.min_vm_pu", "bus.max_vm_pu", "bus.x", "bus.y", "line.max_i_ka", "line.df", "trafo.df",
             "trafo.tap_min", "trafo.tap_max", "trafo.vector_group", "trafo3w.tap_min", "trafo3w.tap_max",
             "gen.slack_weight", "ext_grid.slack_weight"),
}  # fmt: skip

_OF_COMPONENT: Final[Mapping[str, Effect]] = {
    "load": "injections", "sgen": "injections", "gen": "injections", "ext_grid": "injections", "shunt": "injections",
    "line": "branch", "trafo": "branch", "impedance": "branch",
}  # fmt: skip

EFFECT: Final[Mapping[Column, Effect]] = {
    **{(c.name, f.name): _OF_COMPONENT.get(c.name, "values") for c in COMPONENTS.values() for f in c.fields},
    **{(c.name, "name"): "none" for c in COMPONENTS.values()},
    **{(c.name, "in_service"): "topology" for c in COMPONENTS.values()},
    **{(c, f): effect for effect, names in _EFFECTS.items() for c, f in (name.split(".") for name in names)},
}
"""What it changes: "power" and "voltage" one injection or set point, "injections" what stands at nodes, "branch" one
branch, "values" all branches, "service" what may go and come while the nodes stay, "topology" the nodes themselves."""
