"""What the trials say together, over their seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from treefold.lab.problems import PROBLEMS
from treefold.lab.remedies import REMEDIES
from treefold.lab.trial import CURVE, Job


def summarise(trials: Sequence[tuple[Job, dict[str, Any]]]) -> dict[str, Any]:
    """Put trials together: plain values for ``result.json`` and the report.

    Returns:
        `problems`: baseline and mark by name and T; `remedies`: title, idea and paper
        by name; `cells`: for each task, length, shape and remedy the test `losses` of
        the seeds and their mean, the `success_rate`, `steps` and `seconds`, the
        `curves`, and `gradient_norms` by distance from the loss, before training and
        after, means over seeds. What was not trained has no losses.
    """
    groups: dict[tuple[str, int, str, str], list[tuple[Job, dict[str, Any]]]] = {}
    for job, result in trials:
        key = (job.problem, job.length, job.shape, job.remedy)
        groups.setdefault(key, []).append((job, result))
    named = dict.fromkeys((job.problem, job.length) for job, _ in trials)
    problems: dict[str, Any] = {}
    for name, length in named:
        problem = PROBLEMS[name]
        of_name = problems.setdefault(name, {"title": problem.title, "lengths": {}})
        of_name["lengths"][str(length)] = {
            "baseline": problem.baseline(length),
            "mark": problem.mark(length),
        }
    remedies = {
        name: {"title": r.title, "idea": r.idea, "paper": r.paper}
        for name, r in REMEDIES.items()
    }
    cells = [_cell(*key, group) for key, group in groups.items()]
    return {
        "problems": problems,
        "remedies": remedies,
        "curve_every": CURVE,
        "cells": cells,
    }


def _cell(
    problem: str,
    length: int,
    shape: str,
    remedy: str,
    group: Sequence[tuple[Job, dict[str, Any]]],
) -> dict[str, Any]:
    results = [result for _, result in group]
    trained = [r for job, r in group if job.steps]
    losses = [r["loss"] for r in trained if r["loss"] is not None]
    return {
        "task": problem,
        "length": length,
        "shape": shape,
        "remedy": remedy,
        "seeds": [job.seed for job, _ in group],
        "loss": sum(losses) / len(losses) if losses else None,
        "losses": [r["loss"] for r in trained],
        "success_rate": (
            sum(r["solved"] for r in trained) / len(trained) if trained else None
        ),
        "diverged": sum(r["diverged"] for r in trained),
        "steps": [r["steps"] for r in trained],
        "seconds": sum(r["seconds"] for r in results),
        "curves": [r["curve"] for r in trained],
        "gradient_norms": {
            "before": _mean([r["before"] for r in results]),
            "after": _mean([r["after"] for r in results if r["after"] is not None]),
        },
    }


def _mean(lists: Sequence[Sequence[float]]) -> list[float] | None:
    if not lists:
        return None
    means = (sum(values) / len(values) for values in zip(*lists, strict=True))
    return [float(f"{mean:.4g}") for mean in means]
