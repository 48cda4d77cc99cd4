"""Exhibits of examples/history.py: a small, working model of each year."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Exhibit"]


class Exhibit(NamedTuple):
    """A model of the field, trained on a small case.

    Attributes:
        year: of its paper.
        name: of the model.
        paper: who, and where.
        idea: what was new.
        found: what this run measured, in words.
        svg: a picture of it.
        caption: what the picture shows.
    """

    year: int
    name: str
    paper: str
    idea: str
    found: str
    svg: str
    caption: str
