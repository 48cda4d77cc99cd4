"""Train a model on trees, and write a run folder.

DATA is sst, sst-binary or python-swaps, or the path of a file of bracket trees, such as
(3 (2 a) (4 (2 good) (2 one))), or of a folder with train.txt, dev.txt and test.txt.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.flags import add_settings, add_splits
from treefold.cli.output import on_terminal, tell
from treefold.training.config import Config
from treefold.training.errors import RunError

if TYPE_CHECKING:
    from treefold.training.run import DataSpec, Manifest

SUMMARY = "train a model on trees"
USAGE = "DATA --model NAME --out RUN [--config FILE] [settings]"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "data",
        nargs="?",
        type=str,
        default=argparse.SUPPRESS,  # so that a configuration file may give it
        help="sst, sst-binary, python-swaps, or a path",
        metavar="DATA",
    )
    parser.add_argument(
        "--config", action="config", help="YAML or JSON file of settings"
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
    add_settings(parser)


def run(args: Namespace) -> None:
    """Run the command."""
    config = Config.from_dict({f.name: args[f.name] for f in fields(Config)})
    data = args.get("data")
    if args.resume is None and data is None:
        raise RunError(
            "DATA is missing: sst, sst-binary, python-swaps or the path of a file of "
            "bracket trees. Type for example: treefold train python-swaps"
        )
    out = Path(args.resume or args.out or f"runs/{_plain(data)}-{config.model}")

    # Imported here, that --help may be quick.
    from treefold.report.content import table
    from treefold.report.table import text_table
    from treefold.training import runner
    from treefold.training.run import DataSpec
    from treefold.training.summary import result_rows

    spec = DataSpec(
        data or "",
        args.train,
        args.dev,
        args.test,
        split_seed=args.split_seed,
        skip_bad=args.skip_bad,
    )
    options = {"progress": on_terminal(), "say": tell}
    try:
        if args.resume is not None:
            _refuse_changes(runner.begun(out), config, spec)
            done = runner.resume(out, **options)
        else:
            done = runner.train(
                spec,
                config,
                out,
                overwrite=args.overwrite,
                command=args.typed,
                **options,
            )
    except KeyboardInterrupt as stop:
        if (out / "config.json").exists():
            stop.add_note(f"Go on with: treefold train --resume {out}")
        raise
    header, cells = table(result_rows(done.result))
    print(text_table(cells, header))
    tell(
        f"Wrote the run {out} with {out / 'report.html'}. "
        f"Next: treefold show {out}, or treefold predict {out} FILE"
    )


def _plain(data: str | None) -> str:
    """Return a data set's name, fit for a folder's."""
    name = Path(data or "").name.removesuffix(".gz").removesuffix(".txt")
    return re.sub(r"[^\w.-]+", "-", name) or "data"


def _refuse_changes(manifest: Manifest, config: Config, spec: DataSpec) -> None:
    """Refuse settings that are not those with which a run began."""
    began = {**asdict(manifest.data), **manifest.config.to_dict()}
    given = {**asdict(spec), **config.to_dict()}
    usual = {**asdict(type(spec)("")), **Config().to_dict()}
    for name, value in given.items():
        if value not in (usual[name], began[name]):
            raise RunError(
                f"the run began with {name} = {began[name]}, and goes on with it; "
                f"{value} cannot be given now. Begin a new run for that."
            )
