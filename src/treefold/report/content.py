"""What a report says, as plain values that a trainer fills in."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Score = float | Sequence[float]
UNITS = "Accuracies in percent; ± is the sample standard deviation over the seeds."


@dataclass(frozen=True)
class Row:
    """A line of the table of results.

    Attributes:
        name: of the model or baseline.
        accuracy: a fraction of 1, or one for each seed.
        kind: what the line is: a `baseline`, this `model`, or a `published` figure.
        columns: further scores by the heading of their column, such as
            ``{"no constant inside": [0.79, 0.81]}``; a line may lack some.
    """

    name: str
    accuracy: Score
    kind: Literal["baseline", "model", "published"] = "baseline"
    columns: Mapping[str, Score] = field(default_factory=dict)


@dataclass(frozen=True)
class TreePicture:
    """A drawn structure with what a model said of it.

    Attributes:
        svg: the picture, an ``<svg>`` element.
        caption: what it shows, such as its sentence; also for those who cannot see it.
        truth: name of the right class, None where it is unknown.
        prediction: name of the model's class, None where no model was asked.
        probability: what the model gave its class.
    """

    svg: str
    caption: str = ""
    truth: str | None = None
    prediction: str | None = None
    probability: float | None = None

    @property
    def right(self) -> bool | None:
        """Whether the model was right; None where that cannot be said."""
        if self.truth is None or self.prediction is None:
            return None
        return self.truth == self.prediction


@dataclass(frozen=True)
class Report:
    """All that a page and a model card can tell; what is empty is left out.

    Attributes:
        title: of the page.
        summary: a sentence or two on what was done, with the outcome.
        not_this: what the work is not, and must not be taken for.
        results: the table, baselines first.
        history: for each seed a mapping for each epoch, with `epoch` and whatever was
            measured.
        metric: the entry of `history` that is drawn beside the baselines.
        baselines: values of that metric for its horizontal lines; None takes the
            accuracy of the baselines in `results`.
        loss: the entry of `history` that is drawn by itself.
        confusion: (C, C), how often class i (row) was taken for class j (column).
        classes: the C names.
        right: the model's most confident right trees, surest first.
        wrong: the same for wrong ones.
        legend: what the colours of the trees mean, as (CSS colour, text).
        data: statistics of the data by name.
        config: the settings, possibly nested.
        versions: of the software, by name.
        command: what to type to get all this again.
    """

    title: str
    summary: str = ""
    not_this: str = ""
    results: Sequence[Row] = ()
    history: Sequence[Sequence[Mapping[str, Any]]] = ()
    metric: str = "dev_root_accuracy"
    baselines: Mapping[str, float] | None = None
    loss: str = "train_loss"
    confusion: np.ndarray | Sequence[Sequence[int]] | None = None
    classes: Sequence[str] = ()
    right: Sequence[TreePicture] = ()
    wrong: Sequence[TreePicture] = ()
    legend: Sequence[tuple[str, str]] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str = ""


def seeds(score: Score) -> list[float]:
    """Return one float for each seed."""
    return np.atleast_1d(np.asarray(score, np.float64)).tolist()


def mean(score: Score) -> float:
    """Return the mean over the seeds; NaN where there are none."""
    return statistics.fmean(seeds(score)) if seeds(score) else float("nan")


def deviation(score: Score) -> float | None:
    """Return the sample standard deviation over the seeds; None for fewer than two."""
    return statistics.stdev(seeds(score)) if len(seeds(score)) > 1 else None


def percent(score: Score) -> str:
    """Return '84.6 ± 0.4', or '84.6' for a single seed, in percent."""
    spread = deviation(score)
    return f"{100 * mean(score):.1f}" + (
        f" ± {100 * spread:.1f}" if spread is not None else ""
    )


def columns(rows: Sequence[Row]) -> list[str]:
    """Return the headings of the rows' further columns, in order of appearance."""
    return list(dict.fromkeys(name for row in rows for name in row.columns))


def table(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Return header and cells of the table of results, for a terminal or a page."""
    further = columns(rows)
    several = any(len(seeds(row.accuracy)) > 1 for row in rows)
    cells = []
    for row in rows:
        line = [row.name, percent(row.accuracy)]
        line += [percent(row.columns[c]) if c in row.columns else "" for c in further]
        each = [f"{100 * s:.1f}" for s in seeds(row.accuracy)]
        cells.append(
            [*line, " ".join(each) if len(each) > 1 else ""][: None if several else -1]
        )
    return ["", "accuracy %", *further, *(["each seed"] if several else [])], cells


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested settings as one level of dotted names."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = str(value)
    return found
