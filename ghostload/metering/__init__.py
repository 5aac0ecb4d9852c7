"""What registers record."""

from ghostload.metering.register import registered_kwh

__all__ = ["registered_kwh"]
