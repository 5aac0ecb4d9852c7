"""The territory room."""
