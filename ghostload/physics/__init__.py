"""Power flow on true demand: voltages, losses and energies of every feeder."""

from ghostload.physics.energy import LOSS_KINDS, losses_by_kind
from ghostload.physics.flows import FeederFlows
from ghostload.physics.plan import FeederPlan

__all__ = ["LOSS_KINDS", "FeederFlows", "FeederPlan", "losses_by_kind"]
