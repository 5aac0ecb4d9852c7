"""The detection room."""
