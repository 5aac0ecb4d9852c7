"""Power flow on true demand: voltages, losses and energies of every feeder."""

from ghostload.physics.energy import MonthlyPhysics, losses_by_kind, monthly_physics, transformer_energy
from ghostload.physics.flows import FeederFlows
from ghostload.physics.plan import FeederPlan

__all__ = ["FeederFlows", "FeederPlan", "MonthlyPhysics", "losses_by_kind", "monthly_physics", "transformer_energy"]
