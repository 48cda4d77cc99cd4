"""Measure a trained model on labelled trees.

DATA is a data set's name, or the path of a file or folder of bracket trees, whose
labels are classes of the run. A run on sst-binary reads labels 0 to 4 as its own data
were read: trees with a neutral root are left out. A run on listops reads files of a
value, a tab and an expression a line, and knows the sets listops-200-300 to
listops-900-1000, listops-args10 and listops-args15. The last line of the output is a
JSON object.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.flags import add_device, add_skip_bad
from treefold.cli.output import on_terminal, tell

SUMMARY = "measure a trained model on labelled trees"
USAGE = "RUN DATA [--split test|dev|train] [--out FILE]"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("run", type=str, help="a run folder", metavar="RUN")
    parser.add_argument("data", type=str, help="a name or a path", metavar="DATA")
    parser.add_argument(
        "--split",
        type=Literal["test", "dev", "train"],
        default="test",
        help="which trees of a data set or folder: test, dev or train",
        metavar="NAME",
    )
    parser.add_argument(
        "--out", type=str | None, help="write the JSON object here", metavar="FILE"
    )
    add_skip_bad(parser)
    add_device(parser)


def run(args: Namespace) -> None:
    """Run the command."""
    from treefold.report.table import text_table
    from treefold.tasks import kind_of
    from treefold.tasks.kinds import TREES
    from treefold.training.files import write_json

    measure = _measure_trees if kind_of(args.run) == TREES else _measure_other
    rows, result = measure(args)
    print(text_table(rows))
    print(json.dumps(result))
    if args.out:
        write_json(Path(args.out), result)
    written = f"Wrote {args.out}. " if args.out else "Wrote nothing. "
    tell(f"{written}Next: treefold show {args.run}")


def _measure_other(args: Namespace) -> tuple[list[list[str]], dict[str, Any]]:
    """Measure a run of any task but that on trees; return a table and an object."""
    import time
    from dataclasses import replace

    from treefold.tasks import task_of
    from treefold.tasks.base import TaskRun
    from treefold.training.run import DataSpec, mean_and_deviation, versions

    known = task_of(args.run, device=args.device)
    spec = known.spec
    if args.data != spec.data:  # a file of one's own is all of it the split to measure
        spec = DataSpec(args.data, **{args.split: args.data}, skip_bad=args.skip_bad)
    else:
        spec = replace(spec, skip_bad=spec.skip_bad or args.skip_bad)
    task = known.with_data(spec, on_terminal())
    model = TaskRun.open(task, Path(args.run)).model
    begun = time.perf_counter()
    metrics = task.evaluate(model, args.split)
    result = {
        "task": args.data,
        "kind": task.kind,
        "model": task.headline,
        "run": args.run,
        "split": args.split,
        args.split: {k: mean_and_deviation([v]) for k, v in metrics.items()},
        "seconds": round(time.perf_counter() - begun, 2),
        "versions": versions(),
    }
    rows = [
        [f"{m.title} %" if m.percent else m.title, m.show(metrics[m.name])]
        for m in task.metrics
        if m.name in metrics
    ]
    return rows, result


def _measure_trees(args: Namespace) -> tuple[list[list[str]], dict[str, Any]]:
    """Measure a run on trees; return a table and an object for JSON."""
    import time

    from treefold.data.labelled import read_labelled
    from treefold.training.run import load, mean_and_deviation, versions

    model = load(args.run, device=args.device)
    manifest = model.manifest
    corpus = read_labelled(
        args.data,
        model.classes,
        split=args.split,
        seed=manifest.data.split_seed,
        skip_bad=args.skip_bad,
        progress=on_terminal(),
        run_data=manifest.data.data,
    )
    if corpus.skipped:
        tell(f"Left out {len(corpus.skipped):,} trees that cannot be read.")
    begun = time.perf_counter()
    metrics = model.evaluate(corpus).metrics
    seconds = time.perf_counter() - begun
    result: dict[str, Any] = {
        "task": args.data,
        "model": manifest.config.model,
        "run": args.run,
        "split": args.split,
        "trees": len(corpus),
        "nodes": corpus.num_nodes,
        args.split: {k: mean_and_deviation([v]) for k, v in metrics.items()},
        "seconds": round(seconds, 2),
        "versions": versions(),
    }
    percent = [
        [name.replace("_", " "), f"{100 * metrics[name]:.2f} %"]
        for name in ("root_accuracy", "node_accuracy")
    ]
    rows = [*percent, ["root loss, nats", f"{metrics['loss']:.4f}"]]
    return [["trees", f"{len(corpus):,}"], *rows], result
