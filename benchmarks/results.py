"""Print the table of results of run folders, in Markdown, for docs/results.md.

    python benchmarks/results.py runs/sst-fine-tree-lstm runs/sst-binary-tree-lstm ...
    python benchmarks/results.py runs/names runs/conll2000-chunks ...

Reads each run's ``result.json``. Runs on trees have a table of accuracies, in percent:
the mean over the seeds and their sample standard deviation. Runs of other tasks have
one with their own measures and all their rivals. Below the tables stand the sources of
the published figures, the commands, the date and the versions.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import task_results

SOCHER = "Socher et al. 2013, table 1"
TAI = "Tai et al. 2015, table 2, vectors not pretrained"

# (task, model) -> accuracy of the root and, where printed, of every node; the source.
PUBLISHED: dict[tuple[str, str], tuple[float, float | None, str]] = {
    ("sst", "rnn"): (43.2, 79.0, SOCHER),
    ("sst", "mv-rnn"): (44.4, 78.7, SOCHER),
    ("sst", "rntn"): (45.7, 80.7, SOCHER),
    ("sst", "tree-lstm"): (43.9, None, TAI),
    ("sst-binary", "rnn"): (82.4, 86.1, SOCHER),
    ("sst-binary", "mv-rnn"): (82.9, 86.8, SOCHER),
    ("sst-binary", "rntn"): (85.4, 87.6, SOCHER),
    ("sst-binary", "tree-lstm"): (82.0, None, TAI),
}
HEADER = (
    "task",
    "model",
    "root, test",
    "published",
    "every node, test",
    "published",
    "root, dev",
    "seeds",
    "s a seed",
)


def percent(figure: dict[str, Any] | float | None) -> str:
    """Return a fraction, or a mean and deviation over several seeds, in percent."""
    if figure is None:
        return ""
    if isinstance(figure, float):
        return f"{100 * figure:.1f}"
    mean = f"{100 * figure['mean']:.1f}"
    several = len(figure["seeds"]) > 1
    return f"{mean} ± {100 * figure['std']:.1f}" if several else mean


def model_row(result: dict[str, Any]) -> list[str]:
    """Return the line of a run's model beside what its paper printed."""
    test, dev, model = result["test"], result["dev"], result["model"]
    root, node, _ = PUBLISHED.get((result["task"], model), (None, None, ""))
    seconds = result["seconds_per_seed"]
    return [
        result["task"],
        f"`{model}`",
        percent(test["root_accuracy"]),
        "" if root is None else f"{root:.1f}",
        percent(test["node_accuracy"]),
        "" if node is None else f"{node:.1f}",
        percent(dev["root_accuracy"]),
        str(len(seconds)),
        f"{sum(seconds) / len(seconds):.0f}",
    ]


def baseline_rows(result: dict[str, Any]) -> list[list[str]]:
    """Return a line for each baseline of a run."""
    rows = []
    for name, each in result["baselines"].items():
        test, dev = each["test"], each["dev"]
        row = [result["task"], name, percent(test["root_accuracy"]), ""]
        row += [percent(test.get("node_accuracy")), "", percent(dev["root_accuracy"])]
        rows.append([*row, "", f"{each['seconds']:.0f}"])
    return rows


def rows(results: list[dict[str, Any]]) -> list[list[str]]:
    """Return all lines, task by task, a task's baselines first and once."""
    lines = []
    for task in dict.fromkeys(result["task"] for result in results):
        of_task = [result for result in results if result["task"] == task]
        lines += baseline_rows(of_task[0])
        lines += [model_row(result) for result in of_task]
    return lines


def table(header: tuple[str, ...], lines: list[list[str]]) -> str:
    """Return a table in Markdown."""
    rule = [":--", ":--", *["--:"] * (len(header) - 2)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, rule, *lines])


def notes(results: list[dict[str, Any]]) -> str:
    """Say where the published figures are from, how to get ours, and with what."""
    keys = [(result["task"], result["model"]) for result in results]
    sources = dict.fromkeys(PUBLISHED[key][2] for key in keys if key in PUBLISHED)
    parts = []
    if sources:
        parts.append(f"Published: {'; '.join(sources)}.")
    commands = [shlex.join(shlex.split(r["command"])) for r in results if r["command"]]
    if commands:
        parts.append("\n".join(["```bash", *commands, "```"]))
    dates = sorted({result["date"] for result in results})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    used = dict.fromkeys(
        ", ".join(f"{name} {version}" for name, version in result["versions"].items())
        for result in results
    )
    parts.append(f"Measured {when} with {'; '.join(used)}.")
    return "\n\n".join(parts)


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
    trees = [result for result in results if result.get("kind", "trees") == "trees"]
    others = [result for result in results if result not in trees]
    if trees:
        print(table(HEADER, rows(trees)), end="\n\n")
    if others:
        lines = [line for result in others for line in task_results.rows(result)]
        print(table(task_results.HEADER, lines), end="\n\n")
    print(notes(results))


if __name__ == "__main__":
    main()
