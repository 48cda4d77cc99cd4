"""What there is to tell of a forecaster: how errors grow, and a forecast drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from treefold.report.bands import continued, growth
from treefold.tasks.base import Findings, Picture
from treefold.tasks.forecast_rivals import autoregression, by_number, persistence

if TYPE_CHECKING:
    from treefold.models.forecaster import Forecaster
    from treefold.tasks.forecast import ForecastTask

PAST = 2  # horizons that are drawn before now
MOST_COLUMNS = 6


def findings(
    task: ForecastTask, model: Forecaster, result: Mapping[str, Any]
) -> Findings:
    """Tell of a trained model."""
    assert task.data is not None
    figures = {name: each["mean"] for name, each in result["test"].items()}
    linear = result["baselines"]["linear autoregression"]["test"]["rmse"]
    outcome = "below" if figures["rmse"] < linear else "not below"
    H = task.config.horizon
    return Findings(
        summary=(
            f"A {task.headline} tells the next {H} steps with a root mean squared "
            f"error of {figures['rmse']:.3f} deviations, {outcome} a linear "
            f"autoregression's {linear:.3f}; its skill against persistence is "
            f"{figures['skill']:.1%}. {task.data.note}"
        ),
        not_this=(
            "A forecast is a single best guess: it says nothing of how sure it is, and "
            "is smoother than what will be."
        ),
        pictures=_pictures(task, model),
        data={
            split: f"{len(each)} series, {len(each.x.step):,} steps"
            for split, each in task.data.splits.items()
        },
        limits=[
            f"It tells {H} steps ahead, of series with the columns it was trained on.",
            "Values far from those of training may be told badly.",
        ],
    )


def _pictures(task: ForecastTask, model: Forecaster) -> list[Picture]:
    assert task.data is not None
    H, x, columns = task.config.horizon, task.coded("test"), task.coding.columns
    said = {
        task.headline: task.forecasts(model, "test"),
        "linear": autoregression(task)["test"],
        "persistence": persistence(task)["test"],
    }
    errors = {name: by_number(task, each, "test") for name, each in said.items()}
    pictures = [
        Picture(
            growth(errors, name="growth"),
            "Root mean squared error on the test by how many steps ahead.",
            "How errors grow",
        )
    ]
    b = int(x.lengths.argmax())
    steps = x[b]
    if len(steps) < 2 * H + 2:
        return pictures
    # Where most happens: a forecast of a series that rests would tell nothing.
    change = np.abs(steps[H:] - steps[:-H]).mean(1)
    now = int(change[H:].argmax()) + H if len(change) > H else int(change.argmax())
    begin = max(now + 1 - PAST * H, 0)
    varied = np.argsort(-steps[begin : now + H + 1].std(0), kind="stable")
    shown = np.sort(varied[:MOST_COLUMNS])
    at = x.offset[b] + now
    image = continued(
        steps[begin : now + 1, shown],
        steps[now + 1 : now + 1 + H, shown],
        {name: each[at][:, shown] for name, each in said.items()},
        [columns[k] for k in shown],
        name="forecast",
    )
    caption = (
        f"{task.data.splits['test'].names[b]}, the {H} steps after "
        f"step {now}, where the series changes most; in deviations of the training "
        f"data. Shown are the {len(shown)} features that vary most there."
    )
    return [*pictures, Picture(image, caption, "A forecast beside the truth")]
