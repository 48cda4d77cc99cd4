"""The next values of real-valued series, several steps ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, final

import numpy as np
import torch
from numpy.typing import NDArray

from treefold.data.coding import FrameCoding
from treefold.data.readers.frames import parse_frames, read_frames
from treefold.data.readers.lines import open_lines
from treefold.data.sequences import Sequences, chains, plan
from treefold.data.tagging_sets import (
    TaggingSet,
    is_frames,
    load_tagging_set,
)
from treefold.models.forecaster import Forecaster, SeriesBatch, following
from treefold.tasks.base import DataTask, Findings, Metric
from treefold.tasks.tag_data import windows
from treefold.training.errors import RunError
from treefold.training.settings import Settings

if TYPE_CHECKING:
    from treefold.training.run import DataSpec
    from treefold.training.task import Batches, Split

AT_ONCE = 16  # series that are run together
SHOWN = (1, 5, 10, 25)  # steps ahead that are measured by themselves


@final
@dataclass(frozen=True, kw_only=True)
class ForecastConfig(Settings):
    """Settings of a model that tells how series go on.

    Attributes:
        horizon: how many steps ahead.
        model: the recurrent layer.
        hidden_size: features of its state.
        num_layers: recurrent layers, one upon the other.
        dropout: share of the states' features dropped in training.
        lags: steps back that a linear autoregression beside the layer reads; 0 leaves
            it out.
        window: steps that training cuts series to, with half of them shared between
            neighbours; null leaves them whole.
    """

    horizon: int = 10
    model: Literal["lstm", "gru", "rnn"] = "lstm"
    hidden_size: int = 100
    num_layers: int = 1
    dropout: float = 0.2
    lags: int = 5
    window: int | None = 200
    clip: float | None = 1.0
    batch_size: int = 8
    epochs: int = 40

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("horizon", "hidden_size", "num_layers")
        self.check("at least 1", lambda value: value >= 1, *sizes)
        self.check("0 or more", lambda value: value >= 0, "lags")
        self.check("in [0, 1)", lambda value: 0 <= value < 1, "dropout")
        more = f"more than the horizon, {self.horizon}"
        self.check(more, lambda value: value > self.horizon, "window")


@final
class ForecastTask(DataTask):
    """Tell the next values of series; see `ForecastConfig`.

    Errors are measured in deviations of the training data, over all steps, features and
    numbers of steps ahead; the skill is the share of persistence's squared error that
    is gone.
    """

    kind = "forecast"
    Config = ForecastConfig
    metrics = (
        Metric("rmse", "RMSE", lower_is_better=True),
        Metric("skill", "skill", percent=True),
        *(Metric(f"rmse_{k}", f"RMSE, {k} ahead", lower_is_better=True) for k in SHOWN),
        Metric("loss", "loss", lower_is_better=True),
    )
    formats = "series as CSV, a line a step, or as npz"

    config: ForecastConfig
    data: TaggingSet | None

    def __init__(self, *args: Any, **named: Any):
        super().__init__(*args, **named)
        self._coded: dict[str, Sequences] = {}

    @classmethod
    def load(
        cls, config: ForecastConfig, spec: DataSpec, progress: bool = False
    ) -> Self:
        data = _load(spec)
        train = data.splits.get("train")
        if train is None:
            raise RunError(f"{spec.data} has nothing to train on.")
        coding = FrameCoding.build(train.x, train.columns)
        x = Sequences(coding.encode(train.x), train.x.offset)
        scale = _changes(x, config.horizon)
        return cls(
            config, {"coding": coding.to_assets(), "scale": scale.tolist()}, data, spec
        )

    def with_data(self, spec: DataSpec, progress: bool = False) -> ForecastTask:
        data = _load(spec, self.coding.columns)
        return ForecastTask(self.config, self.assets, data, spec)

    @property
    def coding(self) -> FrameCoding:
        """How values are standardised."""
        return FrameCoding.of_assets(self.assets["coding"])

    @property
    def headline(self) -> str:
        return self.config.model.upper()

    def describe(self) -> str:
        assert self.data is not None
        horizon = self.config.horizon
        counts = []
        for split, each in self.data.splits.items():
            if each.x.lengths.max() <= horizon:
                raise RunError(
                    f"the longest series of {split} has {each.x.lengths.max()} steps, "
                    f"which must be more than the horizon, {horizon}; set horizon "
                    "lower, or give longer series."
                )
            counts.append(f"{len(each)} series of {len(each.x.step):,} steps {split}")
        return (
            f"{self.name}: {', '.join(counts)}; {len(self.coding.columns)} features, "
            f"1 to {horizon} steps ahead"
        )

    def new_model(self) -> Forecaster:
        scale = torch.tensor(self.assets["scale"], dtype=torch.get_default_dtype())
        config = self.config
        return Forecaster(
            scale.shape[1],
            config.horizon,
            scale,
            cell=config.model,
            hidden_size=config.hidden_size,
            num_layers=config.num_layers,
            dropout=config.dropout,
            lags=config.lags,
        )

    def coded(self, split: str) -> Sequences:
        """Return the series of a split, standardised."""
        if split not in self._coded:
            assert self.data is not None
            x = self.data.splits[split].x
            self._coded[split] = Sequences(self.coding.encode(x), x.offset)
        return self._coded[split]

    def batches(self, seed: int, epoch: int) -> Batches:
        x = self.coded("train")
        if self.config.window is not None:
            where, offset = windows(x.offset, self.config.window, seed, epoch)
            x = Sequences(x.step[where], offset)
        x = x[x.lengths > 1]  # after a single step there is nothing to learn
        return _Batches(x, plan(x.lengths, self.config.batch_size, seed, epoch))

    def evaluate(self, model: Forecaster, split: Split) -> dict[str, float]:
        if self.data is None or split not in self.data.splits:
            raise RunError(f"{self.name} has no {split} data.")
        return self.compare(split, self.forecasts(model, split))

    @torch.no_grad()
    def forecasts(self, model: Forecaster, split: str) -> NDArray[np.float32]:
        """Return what a model tells after every step of a split, (V, H, F)."""
        x = self.coded(split)
        was_training = model.training
        model.eval()
        found = np.empty((len(x.step), self.config.horizon, x.step.shape[1]), "f4")
        for numbers in plan(x.lengths, AT_ONCE, None, 0):
            batch = batch_of(x, numbers).to(self.config.device)
            found[x.steps(numbers)] = model(batch).cpu().numpy()
        model.train(was_training)
        return found

    def compare(self, split: str, said: NDArray[np.floating]) -> dict[str, float]:
        """Measure forecasts (V, H, F) of a split."""
        x = self.coded(split)
        step, ahead = following(x.offset, self.config.horizon)
        truth, now = x.step[step + ahead], x.step[step]
        error = (said[step, ahead - 1] - truth).astype(np.float64) ** 2
        still = (now - truth).astype(np.float64) ** 2
        scale = np.array(self.assets["scale"])[ahead - 1]
        by_number = {k: error[ahead == k] for k in SHOWN if (ahead == k).any()}
        return {
            "rmse": float(np.sqrt(error.mean())),
            "skill": float(1 - error.mean() / max(still.mean(), 1e-12)),
            **{f"rmse_{k}": float(np.sqrt(e.mean())) for k, e in by_number.items()},
            "loss": float((error / scale**2).mean()),
        }

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        from treefold.tasks.forecast_rivals import measure

        return measure(self)

    def read(self, file: str) -> Iterator[Any]:
        columns = self.coding.columns
        if is_frames(file):
            frames = read_frames(file, columns=columns)
        else:
            lines = (text for _, text in open_lines(file))
            frames = parse_frames(lines, file, columns=columns)
        yield from zip(frames.names, frames.x, strict=True)

    @torch.no_grad()
    def predict(
        self, model: Forecaster, items: Iterable[Any]
    ) -> Iterator[dict[str, Any]]:
        coding = self.coding
        mean, deviation = np.array(coding.mean), np.array(coding.deviation)
        model.eval()
        for name, values in items:
            x = Sequences.of([values])
            x = Sequences(coding.encode(x), x.offset)
            batch = batch_of(x, np.zeros(1, np.int64)).to(self.config.device)
            said = model(batch)[-1].double().cpu().numpy() * deviation + mean
            yield {
                "sequence": name,
                "columns": list(coding.columns),
                "next": [[float(f"{v:.6g}") for v in row] for row in said],
            }

    def findings(self, model: Forecaster, result: dict[str, Any]) -> Findings:
        from treefold.tasks.forecast_findings import findings

        return findings(self, model, result)


@final
class _Batches:
    """An epoch of batches."""

    def __init__(self, x: Sequences, plan: list[NDArray[np.int64]]):
        self.x, self.plan = x, plan

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[SeriesBatch]:
        return (batch_of(self.x, numbers) for numbers in self.plan)


def batch_of(x: Sequences, numbers: NDArray[np.int64]) -> SeriesBatch:
    """Make a batch of the series of these numbers."""
    forest, order, steps = chains(x, numbers)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    offset = np.zeros(len(numbers) + 1, np.int64)
    offset[1:] = np.cumsum(x.lengths[numbers])
    return SeriesBatch(forest, steps, place, offset)


def _changes(x: Sequences, horizon: int) -> NDArray[np.float64]:
    """Return how much each feature changes in 1 to H steps, (H, F), never 0."""
    step, ahead = following(x.offset, horizon)
    found = np.ones((horizon, x.step.shape[1]))
    for k in range(1, horizon + 1):
        at = step[ahead == k]
        if len(at):
            change = (x.step[at + k] - x.step[at]).astype(np.float64)
            found[k - 1] = np.sqrt((change**2).mean(0))
    return np.where(found > 1e-6, found, 1.0)


def _load(spec: DataSpec, columns: tuple[str, ...] | None = None) -> TaggingSet:
    return load_tagging_set(
        spec.data,
        {"train": spec.train, "dev": spec.dev, "test": spec.test},
        kind="frames",
        labelled=False,
        columns=columns,
        seed=spec.split_seed,
        skip_bad=spec.skip_bad,
    )
