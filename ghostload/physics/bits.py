"""What a node of a feeder is, as bits, and how steps stand side by side."""

POLE = 1
SERVICE = 2
STATION = 4
"""The low side of a transformer."""
THREE = 8
"""It has rows for three phases."""
MATRIX = 16
"""A transformer between unlike windings."""
SHUNT = 32
"""Something draws current by the voltage: line charging, or the iron of a transformer."""
PHASE_A = 64
"""Phase a is there, at a node with rows for three; b and c are the next two bits."""

BLOCK = 16
"""Steps swept together."""
ROW = 16 * BLOCK
"""Bytes of one phase of one node: real parts, then imaginary parts."""
