"""ghostload: synthetic electricity-meter data in which theft and faults are known."""

__version__ = "0.1.0"
