"""Tell what a run is: its data, settings, figures and files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.output import tell

if TYPE_CHECKING:
    from treefold.training.run import DataSpec
    from treefold.training.settings import Settings

SUMMARY = "tell what a run is, and how good"
USAGE = "RUN"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("run", type=str, help="a run folder", metavar="RUN")


def run(args: Namespace) -> None:
    """Run the command."""
    from treefold.report.table import text_table
    from treefold.tasks import kind_of
    from treefold.tasks.kinds import TREES
    from treefold.training.files import read_json
    from treefold.training.run import RESULT

    folder = Path(args.run)
    facts = _of_trees if kind_of(folder) == TREES else _of_others
    result = read_json(folder / RESULT) if (folder / RESULT).exists() else None
    rows, seeds, table, dev = facts(folder, result)
    print(text_table(rows))
    if result is not None:
        print(f"\nOn the test data of {result['task']}:\n{table}")
        print(
            f"On dev {dev}; best seed {result['best_seed']}; "
            f"{result['seconds']:.0f} s of training, {result['date']}."
        )
        following = f"treefold show {folder}"
    else:
        done = len(list(folder.glob(f"seed-*/{RESULT}")))
        print(f"\nNot finished: {done} of {seeds} seeds are done.")
        following = f"treefold train --resume {folder}"
    print("\n" + text_table(_files(folder)))
    tell(f"Wrote nothing. Next: {following}")


Facts = tuple[list[list[str]], int, str, str]


def _of_trees(folder: Path, result: dict[str, Any] | None) -> Facts:
    """Return rows on a run of trees, its number of seeds, its table and dev figure."""
    from treefold.report.content import table
    from treefold.report.table import text_table
    from treefold.training.run import Manifest
    from treefold.training.summary import result_rows

    manifest = Manifest.read(folder)
    rows = _rows(folder, manifest.data, manifest.config)
    rows.insert(-1, ["classes", ", ".join(manifest.classes)])
    rows.append(["versions", _pairs(manifest.versions)])
    if result is None:
        return rows, manifest.config.seeds, "", ""
    header, cells = table(result_rows(result))
    dev = f"{100 * result['dev']['root_accuracy']['mean']:.1f} %"
    return rows, manifest.config.seeds, text_table(cells, header), dev


def _of_others(folder: Path, result: dict[str, Any] | None) -> Facts:
    """Return the same of a run of any other task."""
    from treefold.report.sheet import lines_of
    from treefold.report.table import text_table
    from treefold.tasks import task_of

    task = task_of(folder)
    rows = [*_rows(folder, task.spec, task.config), ["task", task.kind]]
    if result is None:
        return rows, task.config.seeds, "", ""
    header, lines = lines_of(result, task.metrics)
    metric = next(m for m in task.metrics if m.name == result["metric"])
    dev = f"{metric.title} {metric.show(result['dev'][metric.name]['seeds'])}"
    cells = [[line.name, *line.cells] for line in lines]
    return rows, task.config.seeds, text_table(cells, header), dev


def _rows(folder: Path, data: DataSpec, settings: Settings) -> list[list[str]]:
    """Return rows on the data of a run, and on settings that are not as usual."""
    usual, config = type(settings)().to_dict(), settings.to_dict()
    files = {split: getattr(data, split) for split in ("train", "dev", "test")}
    rows = [["run", str(folder)], ["data", data.data]]
    rows += [[f"  {split}", path] for split, path in files.items() if path]
    if "model" in config:
        rows.append(["model", config.pop("model")])
    changed = {k: v for k, v in config.items() if v != usual[k]}
    rows += [[f"  {name}", f"{value}"] for name, value in changed.items()]
    return [*rows, ["other settings", "as by default"]]


def _pairs(values: object) -> str:
    return ", ".join(f"{k} {v}" for k, v in dict(values).items())  # type: ignore


def _files(folder: Path) -> list[list[str]]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [[str(path), _size(path.stat().st_size)] for path in found]


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
