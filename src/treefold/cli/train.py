"""Train a model on trees, documents or sequences, and write a run folder.

DATA is the name of a data set (treefold data lists them) or a path. Trees are read from
a file in brackets, such as (3 (2 a) (4 (2 good) (2 one))), or a folder with train.txt,
dev.txt and test.txt. JSON, JSON lines, tables, XML, code and more are documents:
treefold train orders.jsonl --target state. Other kinds of files need --task, which also
changes the settings that --help shows: treefold train --task tag --help
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.flags import add_settings, add_splits
from treefold.cli.output import on_terminal, tell
from treefold.tasks.kinds import KINDS, TREES
from treefold.training.config import Config
from treefold.training.errors import RunError
from treefold.training.settings import Settings

if TYPE_CHECKING:
    from treefold.tasks.base import DataTask
    from treefold.training.run import DataSpec

SUMMARY = "train a model on trees or sequences"
USAGE = "DATA --model NAME --out RUN [--task KIND] [--config FILE] [settings]"


def add_arguments(parser: ArgumentParser, kind: str = TREES) -> None:
    """Add the command's flags, with the settings of a kind of task."""
    parser.add_argument(
        "data",
        nargs="?",
        type=str,
        default=argparse.SUPPRESS,  # so that a configuration file may give it
        help="a data set's name, or a path",
        metavar="DATA",
    )
    parser.add_argument(
        "--config", action="config", help="YAML or JSON file of settings"
    )
    parser.add_argument(
        "--task",
        type=str,
        default=kind,
        help=f"what to learn: {', '.join([TREES, *KINDS])}",
        metavar="KIND",
    )
    parser.add_argument(
        "--out",
        type=str | None,
        help="the run folder to make, by default runs/DATA-MODEL",
        metavar="RUN",
    )
    parser.add_argument(
        "--resume",
        type=str | None,
        nargs="?",
        const="",
        help="go on with a run that was stopped: --resume RUN",
        metavar="RUN",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="delete the run that is in the way"
    )
    add_splits(parser)
    add_settings(parser, settings_of(kind))


def settings_of(kind: str) -> type[Settings]:
    """Return the class of the settings of a kind of task."""
    if kind == TREES:
        return Config
    from treefold.tasks import task_class

    return task_class(kind).Config


def run(args: Namespace) -> None:
    """Run the command."""
    kind, settings = args.task, settings_of(args.task)
    config = settings.from_dict({f.name: args[f.name] for f in fields(settings)})
    data = args.get("data")
    if args.resume is None and data is None:
        raise RunError(
            "DATA is missing: the name of a data set, or the path of a file. Type for "
            "example: treefold train python-swaps"
        )
    name = getattr(config, "model", kind)
    out = Path(args.resume or args.out or f"runs/{_plain(data)}-{name}")

    # Imported here, that --help may be quick.
    from treefold.training.run import DataSpec

    spec = DataSpec(
        data or "",
        args.train,
        args.dev,
        args.test,
        split_seed=args.split_seed,
        skip_bad=args.skip_bad,
    )
    work = _train_trees if kind == TREES else _train_other
    try:
        table = work(args, config, spec, out)
    except KeyboardInterrupt as stop:
        if (out / "config.json").exists():
            stop.add_note(f"Go on with: treefold train --resume {out}")
        raise
    print(table)
    tell(
        f"Wrote the run {out} with {out / 'report.html'}. "
        f"Next: treefold show {out}, or treefold predict {out} FILE"
    )


def _train_trees(args: Namespace, config: Any, spec: DataSpec, out: Path) -> str:
    """Train a model of trees; return its table of results."""
    from treefold.report.content import table
    from treefold.report.table import text_table
    from treefold.training import runner
    from treefold.training.summary import result_rows

    options = {"progress": on_terminal(), "say": tell}
    if args.resume is not None:
        began = runner.begun(out)
        _refuse_changes(asdict(began.data), began.config, config, spec)
        done = runner.resume(out, **options)
    else:
        options |= {"overwrite": args.overwrite, "command": args.typed}
        done = runner.train(spec, config, out, **options)
    header, cells = table(result_rows(done.result))
    return text_table(cells, header)


def _train_other(args: Namespace, config: Any, spec: DataSpec, out: Path) -> str:
    """Train a model of another kind of task; return its table of results."""
    from treefold.report.sheet import lines_of
    from treefold.report.table import text_table
    from treefold.tasks import task_class, task_of
    from treefold.training import runner

    options = {"progress": on_terminal(), "say": tell}
    kind = task_class(args.task)
    if args.resume is not None:
        runner.refuse_empty(out)
        began = task_of(out)
        _refuse_changes(asdict(began.spec), began.config, config, spec)
        task = kind.load(began.config, began.spec, options["progress"])
        if task.assets != began.assets:
            raise runner.changed(out)
        line = task.describe()
        result = runner.train_seeds(task, out, began.command, line, **options)
    else:

        def loaded() -> DataTask:
            task = kind.load(config, spec, options["progress"])
            tell(*task.remarks)
            return task

        result = runner.begin(
            loaded,
            config.device,
            out,
            args.overwrite,
            args.typed,
            **options,
        )
    header, lines = lines_of(result, kind.metrics)
    return text_table([[line.name, *line.cells] for line in lines], header)


def _plain(data: str | None) -> str:
    """Return a data set's name, fit for a folder's."""
    name = Path(data or "").name.removesuffix(".gz").removesuffix(".txt")
    return re.sub(r"[^\w.-]+", "-", name) or "data"


def _refuse_changes(
    data: Mapping[str, Any], began: Settings, config: Settings, spec: DataSpec
) -> None:
    """Refuse settings that are not those with which a run began."""
    first = {**data, **began.to_dict()}
    given = {**asdict(spec), **config.to_dict()}
    usual = {**asdict(type(spec)("")), **type(config)().to_dict()}
    for name, value in given.items():
        if value not in (usual[name], first[name]):
            raise RunError(
                f"the run began with {name} = {first[name]}, and goes on with it; "
                f"{value} cannot be given now. Begin a new run for that."
            )
