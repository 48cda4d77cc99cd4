"""The lines of a run on anything but trees, for the table that `results.py` prints.

Beside the model stand the run's rivals. Several seeds are shown as their mean and
sample standard deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from treefold.report.content import Score
from treefold.report.sheet import Metric
from treefold.tasks import task_class

HEADER = ("data", "model or rival", "test", "dev", "seeds", "min a seed")


def figures(metrics: Sequence[Metric], found: dict[str, Score]) -> str:
    """Return what was measured: ``chunk F1 93.8 %, token accuracy 96.0 %``."""
    parts = [
        f"{m.title} {m.show(found[m.name])}{' %' * m.percent}"
        for m in metrics
        if m.name in found
    ]
    return ", ".join(parts)


def rows(result: dict[str, Any]) -> list[list[str]]:
    """Return a line for each rival of a run, and one for its model."""
    metrics = task_class(result["kind"]).metrics
    chief = [m for m in metrics if m.name == result["metric"]]
    lines = [
        [name, figures(metrics, each["test"]), figures(chief, each["dev"]), "", ""]
        for name, each in result["baselines"].items()
    ]
    test, dev = (
        {name: each["seeds"] for name, each in result[split].items()}
        for split in ("test", "dev")
    )
    seconds = result["seconds_per_seed"]
    own = [f"**{result['model']}**", figures(metrics, test), figures(chief, dev)]
    own += [str(len(seconds)), f"{sum(seconds) / len(seconds) / 60:.1f}"]
    return [[result["task"], *line] for line in [*lines, own]]
