"""Run the laboratory of gradients: see what vanishes, and what helps.

Every remedy, from clipping to gates, on chains and on balanced trees over the same
leaves: the norm of the gradient at every node against its distance from the loss,
before and after training, and whether the problem is learned. Takes less than ten
minutes on two processors; --quick less than one; --full is the whole grid of problems,
lengths and seeds, and takes days.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.output import on_terminal, tell
from treefold.training.errors import RunError

SUMMARY = "see how gradients vanish and explode, and what helps"
USAGE = "[--out DIR] [--quick | --full] [--seeds N] [--resume]"

FOLDERS = {
    "quick": "gradients-quick",
    "default": "gradients",
    "full": "gradients-full",
}
NEXT = {
    "quick": "treefold gradients",
    "default": "treefold gradients --full",
    "full": "treefold train python-swaps",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--out",
        type=str | None,
        help="folder for the report and the trials; by default gradients, "
        "gradients-quick or gradients-full",
        metavar="DIR",
    )
    parser.add_argument(
        "--quick", action="store_true", help="T = 30 and few steps: under a minute"
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="adding and copying at T = 100, 200, 400, and digits; 5 seeds",
    )
    parser.add_argument(
        "--seeds",
        type=int | None,
        help="how many seeds of each trial; by default 1, with --full 5",
        metavar="N",
    )
    parser.add_argument(
        "--workers",
        type=int | None,
        help="processes; by default as many as there are processors",
        metavar="N",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on in a folder that holds trials; those that are done are kept",
    )


def run(args: Namespace) -> None:
    """Run the command."""
    if args.quick and args.full:
        raise RunError("--quick and --full exclude each other. Give one of them.")
    for name in ("seeds", "workers"):
        if args[name] is not None and args[name] < 1:
            raise RunError(f"--{name} must be at least 1, got {args[name]}.")
    size = "quick" if args.quick else "full" if args.full else "default"
    out = Path(args.out or FOLDERS[size])
    if out.exists() and not out.is_dir():
        raise RunError(f"{out} is a file. Give another folder with --out.")
    going_on = "treefold gradients" + "".join(_flags(args))
    if not args.resume and (out / "trials").exists():
        raise RunError(
            f"{out} holds trials already. Give another folder with --out, or go on "
            f"there: {going_on}"
        )

    from treefold.lab import plan, run_all, summarise
    from treefold.report.gradients import remedy_table, write_gradients_page
    from treefold.report.table import text_table
    from treefold.training.files import write_json
    from treefold.training.run import versions

    jobs = plan(size, args.seeds)
    tell(
        f"{len(jobs)} trials go to {out / 'trials'}; Ctrl-C keeps those that are done."
    )
    try:
        trials = run_all(
            jobs, out, workers=args.workers, progress=on_terminal(), say=tell
        )
    except KeyboardInterrupt as stop:
        stop.add_note(f"What is done is kept. Go on with: {going_on}")
        raise
    result = {"size": size, "command": args.typed, "versions": versions()}
    result |= summarise(trials)
    write_json(out / "result.json", result)
    page = write_gradients_page(out / "report.html", result)
    for title, header, cells in remedy_table(result):
        print(f"{title}\n{text_table(cells, header)}\n")
    tell(
        f"Wrote {page} and {out / 'result.json'}: open the page in a browser. "
        f"Next: {NEXT[size]}"
    )


def _flags(args: Namespace) -> list[str]:
    """Return what was typed, so that it can be typed again to go on."""
    flags = [f" --out {shlex.quote(args.out)}"] if args.out else []
    flags += [f" --{name}" for name in ("quick", "full") if args[name]]
    flags += [
        f" --{name} {args[name]}"
        for name in ("seeds", "workers")
        if args[name] is not None
    ]
    return [*flags, " --resume"]
