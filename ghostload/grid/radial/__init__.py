"""Radial grids: recognised, and solved by sweeps over many steps at once."""
