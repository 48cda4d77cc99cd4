"""Readers of tree formats, one file a format."""
