"""The error that every reader and loader ends in."""

from __future__ import annotations


class DataError(ValueError):
    """Data that cannot be read or used; the message names the place and the cure.

    Places are written ``file:line:column: expected ..., found ...`` where a text is
    wrong, and ``file: tree 17 (line 12): ...`` where a tree is.
    """


class DownloadError(DataError):
    """The data could not be brought here: no network, no such address, a bad copy."""
