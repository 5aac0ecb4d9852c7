"""Power flow on true demand: voltages, losses and energies of every feeder."""

from ghostload.physics.energy import losses_by_kind
from ghostload.physics.flows import FeederFlows
from ghostload.physics.plan import FeederPlan

__all__ = ["FeederFlows", "FeederPlan", "losses_by_kind"]
