"""Tell what a run is: its data, settings, figures and files."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.output import tell

SUMMARY = "tell what a run is, and how good"
USAGE = "RUN"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("run", type=str, help="a run folder", metavar="RUN")


def run(args: Namespace) -> None:
    """Run the command."""
    from treefold.report.content import table
    from treefold.report.table import text_table
    from treefold.training.config import Config
    from treefold.training.files import read_json
    from treefold.training.run import RESULT, Manifest
    from treefold.training.summary import result_rows

    folder = Path(args.run)
    manifest = Manifest.read(folder)
    usual = Config().to_dict()
    config = manifest.config.to_dict()
    data = manifest.data
    files = {split: getattr(data, split) for split in ("train", "dev", "test")}
    rows = [["run", str(folder)], ["data", data.data]]
    rows += [[f"  {split}", path] for split, path in files.items() if path]
    rows += [["model", config.pop("model")], ["classes", ", ".join(manifest.classes)]]
    changed = {k: v for k, v in config.items() if v != usual[k]}
    rows += [[f"  {name}", f"{value}"] for name, value in changed.items()]
    rows += [["other settings", "as by default"]]
    rows += [["versions", _pairs(manifest.versions)]]
    print(text_table(rows))

    if (folder / RESULT).exists():
        result = read_json(folder / RESULT)
        header, cells = table(result_rows(result))
        print(f"\nOn the test trees of {result['task']}:\n{text_table(cells, header)}")
        dev = result["dev"]["root_accuracy"]
        print(
            f"On dev {100 * dev['mean']:.1f} %; best seed {result['best_seed']}; "
            f"{result['seconds']:.0f} s of training, {result['date']}."
        )
        following = f"treefold show {folder}"
    else:
        done = len(list(folder.glob(f"seed-*/{RESULT}")))
        print(f"\nNot finished: {done} of {manifest.config.seeds} seeds are done.")
        following = f"treefold train --resume {folder}"
    print("\n" + text_table(_files(folder)))
    tell(f"Wrote nothing. Next: {following}")


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
