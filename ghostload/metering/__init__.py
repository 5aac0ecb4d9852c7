"""What registers record, by the month and in time."""

from ghostload.metering.intervals import Intervals, record_intervals
from ghostload.metering.register import registered_kwh
from ghostload.metering.voltage import recorded_voltage_v

__all__ = ["Intervals", "record_intervals", "recorded_voltage_v", "registered_kwh"]
