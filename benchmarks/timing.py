"""Timing in turn: what is compared runs in the same rounds, and medians are kept."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

Step = Callable[[], object]


def in_turn(
    rivals: Mapping[str, Step], rounds: int, least: float = 0.1
) -> dict[str, list[float]]:
    """Time all rivals once a round.

    Args:
        rivals: name -> what is timed.
        rounds: how many.
        least: seconds; what is quicker is repeated in each round until it takes as
            long.

    Returns:
        name -> seconds of one run, a value a round.
    """
    for step in rivals.values():
        step()  # the first run compiles, or reads what has been compiled
    found: dict[str, list[float]] = {name: [] for name in rivals}
    repeats = {}
    for name, step in rivals.items():
        seconds = _seconds(step, 1)
        repeats[name] = max(1, round(least / seconds))
        if repeats[name] == 1:  # long enough to count as the first round
            found[name].append(seconds)
    names = list(rivals)
    for number in range(rounds):
        begin = number % len(names)  # nobody is always first
        for name in names[begin:] + names[:begin]:
            if len(found[name]) <= number:
                found[name].append(_seconds(rivals[name], repeats[name]))
    return found


def medians(
    rivals: Mapping[str, Step], rounds: int, least: float = 0.1
) -> dict[str, float]:
    """Return the median seconds of each rival; see `in_turn`."""
    return {
        name: statistics.median(seconds)
        for name, seconds in in_turn(rivals, rounds, least).items()
    }


def _seconds(step: Step, repeat: int) -> float:
    begin = time.perf_counter()
    for _ in range(repeat):
        step()
    return (time.perf_counter() - begin) / repeat
