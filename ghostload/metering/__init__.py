"""The metering room."""
