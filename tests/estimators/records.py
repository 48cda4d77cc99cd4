"""Small records that a net learns in a second: what is the greatest item's colour?"""

from typing import Any

import numpy as np

COLOURS = ("blue", "green", "red")


def records(count: int, seed: int = 0) -> tuple[list[Any], list[str]]:
    """Make records, and the colour that each names."""
    random = np.random.default_rng(seed)
    found, labels = [], []
    for _ in range(count):
        colour = COLOURS[random.integers(3)]
        sizes = random.integers(1, 9, random.integers(0, 4)).tolist()
        found.append({"look": {"colour": colour, "sizes": sizes}, "note": "as is"})
        labels.append(colour)
    return found, labels
