"""Theft, faults and benign look-alikes: who, when, how, and what is lost."""

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.registry import KINDS, register

__all__ = ["KINDS", "AnomalyKind", "Channel", "EventBlock", "Family", "Parameter", "register"]
