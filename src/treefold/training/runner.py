"""Train several seeds in a run folder, with baselines, a result and a report."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from treefold.data.datasets import Dataset
from treefold.training import run as runs
from treefold.training.build import usable_device
from treefold.training.config import Config
from treefold.training.errors import RunError
from treefold.training.files import read_json, write_bytes, write_json
from treefold.training.run import DataSpec, Manifest, Run, mean_and_deviation, versions
from treefold.training.task import Task
from treefold.training.trainer import CHECKPOINT, METRICS, MODEL, train_seed
from treefold.training.trees import TreeTask

BASELINES = "baselines.json"
Say = Callable[[str], None]


def silent(line: str) -> None:
    """Take a line of news, and say nothing."""


def train(
    data: str | DataSpec | Dataset,
    config: Config | None = None,
    out: str | Path = "run",
    *,
    overwrite: bool = False,
    command: str = "",
    progress: bool = False,
    say: Say = silent,
) -> Run:
    """Train a model of trees for every seed, beside baselines, and write a run.

    Args:
        data: a name or path as `treefold.data.load_dataset` takes, with its
            arguments in a `DataSpec`, or a data set of your own.
        config: the settings.
        out: the run folder to make.
        overwrite: delete a run that is there.
        command: what reports say to type to get the run again.
        progress: show bars on standard error.
        say: takes lines of news.

    Returns:
        The run, with the weights of the seed that is best on dev.

    Raises:
        RunError: the folder exists, or a setting does not fit the data.
        DataError: the data cannot be had.
        TrainingError: the loss is not a number, or the disk is full.
    """
    out, config = Path(out), config or Config()

    def load() -> TreeTask:
        if isinstance(data, Dataset):
            return TreeTask(config, data)
        spec = data if isinstance(data, DataSpec) else DataSpec(str(data))
        return TreeTask.load(config, spec, progress)

    begin(load, config.device, out, overwrite, command, progress=progress, say=say)
    return runs.load(out, device=config.device)


def begin(
    load: Callable[[], Task],
    device: str,
    out: Path,
    overwrite: bool,
    command: str,
    *,
    progress: bool = False,
    say: Say = silent,
) -> dict[str, Any]:
    """Train a task for every seed and write a run; return its result.

    Args:
        load: makes the task, which may take long or fail; what is in the way is
            looked at before, and deleted after.
        device: what the task will run on.
        out: the run folder to make.
        overwrite: delete a run that is there.
        command: what reports say to type to get the run again.
        progress: show bars on standard error.
        say: takes lines of news.
    """
    usable_device(device)
    if out.exists() and not _is_empty(out):
        if not overwrite:
            raise RunError(
                f"{out} exists. Give --overwrite to delete it, or go on with it: "
                f"treefold train --resume {out}"
            )
        if not (out / runs.CONFIG).exists():
            raise RunError(
                f"{out} is not a run (it has no {runs.CONFIG}), so it is not deleted. "
                "Give another folder."
            )
    task = load()
    line = task.describe()
    if out.exists() and not _is_empty(out):  # not before the data are known to be good
        old = out.with_name(f".{out.name}.{os.getpid()}.old")
        out.rename(old)  # at once: what is killed half way leaves no half of a run
        shutil.rmtree(old)
    out.mkdir(parents=True, exist_ok=True)
    task.write_manifest(out, command)
    return train_seeds(task, out, command, line, progress=progress, say=say)


def resume(
    out: str | Path,
    *,
    dataset: Dataset | None = None,
    progress: bool = False,
    say: Say = silent,
) -> Run:
    """Go on with a run on trees that was stopped, to the same weights.

    Raises:
        RunError: it is no run, or its data are not what they were.
    """
    out = Path(out)
    manifest = begun(out)
    if dataset is None:
        task = TreeTask.load(manifest.config, manifest.data, progress)
    else:
        task = TreeTask(manifest.config, dataset, manifest.data)
    same = (
        task.dataset.vocabulary.to_json() == runs.read_text(out / runs.VOCABULARY)
        and task.dataset.classes == manifest.classes
    )
    if not same:
        raise changed(out)
    train_seeds(
        task, out, manifest.command, task.describe(), progress=progress, say=say
    )
    return runs.load(out, device=manifest.config.device)


def changed(out: Path) -> RunError:
    """Tell that data are not those with which a run began."""
    return RunError(
        f"the data of {out} have changed since it began: other words or classes. "
        "Begin a new run."
    )


def begun(out: Path) -> Manifest:
    """Read the manifest of a run that may not be finished.

    Raises:
        RunError: it is no run, or was stopped before it became one.
    """
    refuse_empty(out)
    return Manifest.read(out)


def refuse_empty(out: Path) -> None:
    """Refuse a folder in which a run was to be, and is not yet."""
    if out.is_dir() and _is_empty(out):
        raise RunError(
            f"{out} was stopped before its training began; there is nothing to go on "
            "with. Type the command that began it again."
        )


def write_again(out: str | Path, *, progress: bool = False) -> Path:
    """Write the report and the model card of a finished run on trees again.

    Returns:
        The path of the report.
    """
    run = runs.load(out)
    task = TreeTask.load(run.manifest.config, run.manifest.data, progress)
    task.write_summary(run.folder, run.result)
    return run.folder / runs.REPORT


def _is_empty(out: Path) -> bool:
    """Whether a folder holds nothing, or only what is written before a run begins."""
    first = (runs.VOCABULARY, runs.CONFIG)
    ours = {runs.VOCABULARY, *(f"{name}.part" for name in first)}
    return out.is_dir() and {path.name for path in out.iterdir()} <= ours


def train_seeds(
    task: Task,
    out: Path,
    command: str,
    line: str,
    *,
    progress: bool = False,
    say: Say = silent,
) -> dict[str, Any]:
    """Train the seeds that are not done yet, and write result and report."""
    with (out / "log.txt").open("a", encoding="utf-8") as log:

        def tell(line: str) -> None:
            log.write(line + "\n")
            log.flush()
            say(line)

        tell(line)
        rivals = _baselines(task, out, progress)
        seeds = [
            _train_seed(task, out, seed, progress, tell)
            for seed in range(task.config.seeds)
        ]
        result = _result(task, seeds, rivals, command)
        best = out / f"seed-{result['best_seed']}"
        for name in (MODEL, METRICS):
            write_bytes(out / name, (best / name).read_bytes())
        write_json(out / runs.RESULT, result)
        task.write_summary(out, result)
    return result


def _train_seed(
    task: Task, out: Path, seed: int, progress: bool, say: Say
) -> dict[str, Any]:
    """Train one seed, or read what it came to if that is known."""
    folder = out / f"seed-{seed}"
    if (folder / runs.RESULT).exists():
        return read_json(folder / runs.RESULT)
    trained = train_seed(task, seed, folder, progress=progress, say=say)
    measured = {"seed": seed, "seconds": round(trained.seconds, 1)}
    measured |= task.measure(trained.model)
    measured["epochs"] = len(trained.history)
    write_json(folder / runs.RESULT, measured)
    (folder / CHECKPOINT).unlink(missing_ok=True)  # no longer needed
    metric = task.metric
    say(
        f"seed {seed}  done  {metric.replace('_', ' ')}  "
        f"dev {measured['dev'][metric]:.4f}  test {measured['test'][metric]:.4f}  "
        f"{measured['seconds']:.0f} s"
    )
    return measured


def _baselines(task: Task, out: Path, progress: bool) -> dict[str, Any]:
    """Measure the rivals, once for a run."""
    path = out / BASELINES
    if not path.exists():
        write_json(path, task.baselines(progress))
    return read_json(path)


def _result(
    task: Task, seeds: list[dict[str, Any]], rivals: dict[str, Any], command: str
) -> dict[str, Any]:
    """Put together what ``result.json`` holds."""
    best = max(seeds, key=lambda each: task.score(each["dev"]))
    result: dict[str, Any] = {
        "task": task.name,
        "kind": task.kind,
        "model": task.headline,
        "metric": task.metric,
        "best_seed": best["seed"],
    }
    for part in ("test", "dev", "groups"):
        result[part] = {
            name: mean_and_deviation([each[part][name] for each in seeds])
            for name in seeds[0].get(part, {})
        }
    result["baselines"] = rivals
    result["seconds"] = round(sum(each["seconds"] for each in seeds), 1)
    result["seconds_per_seed"] = [each["seconds"] for each in seeds]
    result["epochs"] = [each["epochs"] for each in seeds]
    result["date"] = date.today().isoformat()
    result["versions"] = versions()
    result["command"] = command
    return result
