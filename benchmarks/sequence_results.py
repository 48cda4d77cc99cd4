"""Print the table of runs on sequences, in Markdown, for docs/results.md.

    python benchmarks/sequence_results.py runs/names runs/conll2000-chunks ...

Reads each run's ``result.json``. Beside the model stand the run's baselines. Several
seeds are shown as their mean and sample standard deviation. Below the table stand the
commands.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
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


def read(folder: Path) -> dict[str, Any]:
    """Read a run's result.

    Raises:
        SystemExit: the folder has none.
    """
    path = folder / "result.json"
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        sys.exit(f"{folder} is not a finished run: {error}")


def main() -> None:
    """Print the table of the runs that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders")
    results = [read(folder) for folder in parser.parse_args().runs]
    rule = [":--", ":--", ":--", ":--", "--:", "--:"]
    lines = [line for result in results for line in rows(result)]
    for line in [HEADER, rule, *lines]:
        print(f"| {' | '.join(line)} |")
    print("\n```bash")
    for result in results:
        print(shlex.join(shlex.split(result["command"])))
    print("```")


if __name__ == "__main__":
    main()
