"""Data sets that are made, not read."""
