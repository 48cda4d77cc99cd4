"""Train several seeds in a run folder, with baselines, a result and a report."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

import treefold
from treefold.data.datasets import Dataset, load_dataset
from treefold.models.baselines import baselines
from treefold.training import run as runs
from treefold.training.build import usable_device
from treefold.training.config import Config
from treefold.training.errors import RunError
from treefold.training.evaluation import evaluate
from treefold.training.files import read_json, write_bytes, write_json
from treefold.training.run import DataSpec, Manifest, Run, mean_and_deviation
from treefold.training.summary import write_summary
from treefold.training.trainer import CHECKPOINT, max_arity, train_seed

BASELINES = "baselines.json"
MOST_LEVELS = 150_000  # of a tree to learn from: each takes some 30 kB of memory
REPORTED = ("root_accuracy", "node_accuracy", "loss")


def train(
    data: str | DataSpec | Dataset,
    config: Config | None = None,
    out: str | Path = "run",
    *,
    overwrite: bool = False,
    command: str = "",
    progress: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Run:
    """Train a model for every seed, measure it beside baselines, and write a run.

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
    usable_device(config.device)
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
    spec = data if isinstance(data, DataSpec) else DataSpec(_name(data))
    if config.model in ("rnn", "rntn"):
        config = replace(config, input_size=config.hidden_size)
    dataset = _load(spec, config, progress) if not isinstance(data, Dataset) else data
    _refuse_depth(dataset)
    manifest = Manifest(
        spec, config, dataset.classes, max_arity(dataset), versions(), command
    )
    if out.exists() and not _is_empty(out):  # not before the data are known to be good
        old = out.with_name(f".{out.name}.{os.getpid()}.old")
        out.rename(old)  # at once: what is killed half way leaves no half of a run
        shutil.rmtree(old)
    out.mkdir(parents=True, exist_ok=True)
    vocabulary = dataset.vocabulary.to_json()
    write_bytes(out / runs.VOCABULARY, vocabulary.encode())
    manifest.write(out)  # last: from here on the folder is a run
    return _train(manifest, dataset, out, progress, say)


def resume(
    out: str | Path,
    *,
    dataset: Dataset | None = None,
    progress: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Run:
    """Go on with a run that was stopped, to the same weights as if it had not been.

    Raises:
        RunError: it is no run, or its data are not what they were.
    """
    out = Path(out)
    manifest = begun(out)
    if dataset is None:
        dataset = _load(manifest.data, manifest.config, progress)
    same = (
        dataset.vocabulary.to_json() == runs.read_text(out / runs.VOCABULARY)
        and dataset.classes == manifest.classes
    )
    if not same:
        raise RunError(
            f"the data of {out} have changed since it began: other words or classes. "
            "Begin a new run."
        )
    return _train(manifest, dataset, out, progress, say)


def begun(out: Path) -> Manifest:
    """Read the manifest of a run that may not be finished.

    Raises:
        RunError: it is no run, or was stopped before it became one.
    """
    if out.is_dir() and _is_empty(out):
        raise RunError(
            f"{out} was stopped before its training began; there is nothing to go on "
            "with. Type the command that began it again."
        )
    return Manifest.read(out)


def write_again(out: str | Path, *, progress: bool = False) -> Path:
    """Write the report and the model card of a finished run again.

    Returns:
        The path of the report.
    """
    run = runs.load(out)
    dataset = _load(run.manifest.data, run.manifest.config, progress)
    write_summary(run, dataset, run.result)
    return run.folder / runs.REPORT


def versions() -> dict[str, str]:
    """Versions of the software that shapes a result."""
    return {
        "treefold": treefold.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "threads": str(torch.get_num_threads()),
    }


def _refuse_depth(dataset: Dataset) -> None:
    """Refuse trees whose gradient no memory holds, before hours of training."""
    train = dataset.train
    deepest = int(train.height[train.roots].argmax()) if len(train) else 0
    levels = int(train.height.max(initial=-1)) + 1
    if levels > MOST_LEVELS:
        raise RunError(
            f"{train.where(deepest)} has {levels:,} levels, and training keeps each in "
            f"memory; at most {MOST_LEVELS:,} can be learned from. Leave the tree out, "
            "or binarize it in a flatter way; it can still be predicted."
        )


def _is_empty(out: Path) -> bool:
    """Whether a folder holds nothing, or only what is written before a run begins."""
    first = (runs.VOCABULARY, runs.CONFIG)
    ours = {runs.VOCABULARY, *(f"{name}.part" for name in first)}
    return out.is_dir() and {path.name for path in out.iterdir()} <= ours


def _name(data: str | Dataset) -> str:
    return data.name if isinstance(data, Dataset) else str(data)


def _load(spec: DataSpec, config: Config, progress: bool) -> Dataset:
    return load_dataset(
        spec.data,
        train=spec.train,
        dev=spec.dev,
        test=spec.test,
        seed=spec.split_seed,
        skip_bad=spec.skip_bad,
        lower=config.lower,
        min_count=config.min_count,
        progress=progress,
    )


def _train(
    manifest: Manifest,
    dataset: Dataset,
    out: Path,
    progress: bool,
    say: Callable[[str], None],
) -> Run:
    with (out / "log.txt").open("a", encoding="utf-8") as log:

        def tell(line: str) -> None:
            log.write(line + "\n")
            log.flush()
            say(line)

        for part, split in (("train", dataset.train), ("dev", dataset.dev)):
            if len(split) == 0:
                raise RunError(f"{dataset.name} has no {part} trees to learn from.")
        tell(
            f"{dataset.name}: {len(dataset.train):,} trees to train, "
            f"{len(dataset.dev):,} dev, {len(dataset.test):,} test; "
            f"{len(dataset.vocabulary):,} words; classes {', '.join(dataset.classes)}"
        )
        if dataset.skipped:
            tell(f"{dataset.skipped:,} bad trees were left out")
        rivals = _baselines(dataset, out, progress)
        seeds = [
            _train_seed(manifest.config, dataset, out, seed, progress, tell)
            for seed in range(manifest.config.seeds)
        ]
        result = _result(manifest, dataset, seeds, rivals)
        best = out / f"seed-{result['best_seed']}"
        for name in (runs.MODEL, runs.METRICS):
            write_bytes(out / name, (best / name).read_bytes())
        write_json(out / runs.RESULT, result)
        run = runs.load(out, device=manifest.config.device)
        write_summary(run, dataset, result)
    return run


def _train_seed(
    config: Config,
    dataset: Dataset,
    out: Path,
    seed: int,
    progress: bool,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Train one seed, or read what it came to if that is known."""
    folder = out / f"seed-{seed}"
    if (folder / runs.RESULT).exists():
        return read_json(folder / runs.RESULT)
    trained = train_seed(config, dataset, seed, folder, progress=progress, say=say)
    measured = {"seed": seed, "seconds": round(trained.seconds, 1)}
    measured["dev"] = evaluate(trained.model, dataset.dev).metrics
    test = evaluate(trained.model, dataset.test)
    measured["test"] = test.metrics
    right = test.root_probability.argmax(axis=1) == test.root_label
    measured["groups"] = _group_accuracy(dataset, right)
    measured["epochs"] = len(trained.history)
    write_json(folder / runs.RESULT, measured)
    (folder / CHECKPOINT).unlink(missing_ok=True)  # no longer needed
    say(
        f"seed {seed}  done  dev root {measured['dev']['root_accuracy']:.4f}  "
        f"test root {measured['test']['root_accuracy']:.4f}  "
        f"{measured['seconds']:.0f} s"
    )
    return measured


def _baselines(dataset: Dataset, out: Path, progress: bool) -> dict[str, Any]:
    """Measure what needs no tree, once for a run."""
    path = out / BASELINES
    if not path.exists():
        test_label = dataset.test.label[dataset.test.roots]
        found = {}
        for name, each in baselines(dataset, progress=progress).items():
            right = each.test_probability.argmax(axis=1) == test_label
            found[name] = {
                "dev": each.dev,
                "test": each.test,
                "groups": _group_accuracy(dataset, right),
                "seconds": round(each.seconds, 1),
            }
        write_json(path, found)
    return read_json(path)


def _group_accuracy(dataset: Dataset, right: np.ndarray) -> dict[str, float]:
    """Share of right test trees in each group that the data set tells apart."""
    return {
        name: float(right[inside].mean())
        for name, inside in dataset.groups.items()
        if inside.any()
    }


def _result(
    manifest: Manifest,
    dataset: Dataset,
    seeds: list[dict[str, Any]],
    rivals: dict[str, Any],
) -> dict[str, Any]:
    """Put together what ``result.json`` holds."""
    metric = manifest.config.metric
    sign = -1 if metric == "loss" else 1
    best = max(seeds, key=lambda each: sign * each["dev"][metric])
    result: dict[str, Any] = {
        "task": dataset.name,
        "model": manifest.config.model,
        "best_seed": best["seed"],
    }
    for split in ("test", "dev"):
        result[split] = {
            name: mean_and_deviation([each[split][name] for each in seeds])
            for name in REPORTED
        }
    result["groups"] = {
        name: mean_and_deviation([each["groups"][name] for each in seeds])
        for name in seeds[0]["groups"]
    }
    result["baselines"] = rivals
    result["seconds"] = round(sum(each["seconds"] for each in seeds), 1)
    result["seconds_per_seed"] = [each["seconds"] for each in seeds]
    result["epochs"] = [each["epochs"] for each in seeds]
    result["date"] = date.today().isoformat()
    result["versions"] = versions()
    result["command"] = manifest.command
    return result
