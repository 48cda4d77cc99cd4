"""The rivals of a parser of scenes: of its classes, and of its trees."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm import tqdm

from treefold.merging import Merge, merge
from treefold.models import scene_rivals as simple
from treefold.tasks.scene import AT_ONCE, pixel_figures

if TYPE_CHECKING:
    from treefold.tasks.scene import SceneTask

Figures = dict[str, dict[str, float]]
MEASURED = ("dev", "test")
KINDS = {
    "logistic regression": simple.linear,
    "perceptron": simple.perceptrons,
    "boosted trees": simple.boosted,
}


def rivals(task: SceneTask, progress: bool) -> dict[str, dict[str, Any]]:
    """Measure all of them, from the simplest on."""
    measures: dict[str, Callable[[], Figures]] = {
        "majority": lambda: _majority(task),
        "merges at random": lambda: _merges(task, simple.RandomMerge()),
        "merges by colour": lambda: _merges(task, simple.AlikeMerge()),
    }
    for around in (False, True):
        for name, models in KINDS.items():
            full = f"{name}, neighbours" if around else name
            measures[full] = lambda models=models, around=around: _classes(
                task, models(), around
            )
    measures["best class of each segment"] = lambda: _bound(task)
    bar = tqdm(
        measures.items(),
        desc="baselines",
        unit="model",
        leave=False,
        disable=None if progress else True,  # None: where there is no terminal
    )
    found = {}
    for name, measure in bar:
        start = time.perf_counter()
        figures = measure()
        found[name] = {**figures, "seconds": round(time.perf_counter() - start, 1)}
    return found


def _majority(task: SceneTask) -> Figures:
    """Give all segments the class that most pixels have."""
    pixels = sum(scene.pixels.sum(axis=0) for scene in task.data["train"])
    most = int(np.argmax(pixels))
    return {
        split: pixel_figures(
            np.full(sum(len(s.segments) for s in task.data[split]), most),
            task.data[split],
        )
        for split in MEASURED
    }


def _classes(task: SceneTask, models: list[Any], around: bool) -> Figures:
    """Fit classifiers of segments, and measure the one that is best on dev."""
    best: Figures = {}
    for model in models:
        fitted = simple.SegmentClassifier(model, around).fit(task.data["train"])
        found = {
            split: pixel_figures(fitted.predict(task.data[split]), task.data[split])
            for split in MEASURED
        }
        if not best or found["dev"]["pixels"] > best["dev"]["pixels"]:
            best = found
    return best


def _bound(task: SceneTask) -> Figures:
    """Give each segment the class that most of its pixels have."""
    return {
        split: pixel_figures(
            np.concatenate([scene.pixels.argmax(axis=1) for scene in task.data[split]]),
            task.data[split],
        )
        for split in MEASURED
    }


def _merges(task: SceneTask, step: Merge[Any]) -> Figures:
    """Merge by a rule, and count the right merges."""
    figures: Figures = {}
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(simple.SEED)
        for split in MEASURED:
            right = []
            for begin in range(0, len(task.data[split]), AT_ONCE):
                some = task.data[split][begin : begin + AT_ONCE]
                colour = np.concatenate([s.segments.features[:, :3] for s in some])
                area = [np.bincount(s.segments.number.ravel()) for s in some]
                h = np.hstack([colour, np.concatenate(area)[:, None]])
                batch = task.batch(some)
                found = merge(
                    step,
                    batch.start(torch.from_numpy(h).double()),
                    edges=batch.edges,
                    structure=batch.structure,
                )
                right.append(found.state.right[len(h) :].numpy())
            figures[split] = {"merges": float(np.concatenate(right).mean())}
    return figures
