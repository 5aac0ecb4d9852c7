"""The consumption room."""
