"""The task of drawing: where a pen goes next, and when it is lifted."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, final

import numpy as np
import torch
from numpy.typing import NDArray

from treefold.data.drawings import (
    SETS,
    Drawings,
    load_drawings,
    read_drawings,
    stream_drawings,
)
from treefold.data.errors import DataError
from treefold.data.sequences import Int64, Sequences, chains, plan
from treefold.models.stroke_rivals import Autoregression, Memoryless, Rival
from treefold.models.strokes import START, StrokeBatch, Strokes
from treefold.svg.strokes import strokes_svg
from treefold.tasks.base import DataTask, Findings, Metric, Picture
from treefold.training.errors import RunError
from treefold.training.run import DataSpec
from treefold.training.settings import Settings
from treefold.training.task import Split
from treefold.unfolding import Sample, sequences

AT_ONCE = 128  # drawings in a batch where nothing is learned
COMPONENTS = 20  # of the mixture without memory
ORDERS = (1, 2, 4, 8)  # of the autoregression; dev chooses
Item = tuple[str, NDArray[np.float32]]  # class, first points


@final
@dataclass(frozen=True, kw_only=True)
class DrawConfig(Settings):
    """Settings of a net that draws, and of its training.

    Attributes:
        class_size: features of a class's vector.
        hidden_size: features of the LSTM's state.
        num_layers: of the LSTM.
        num_mixtures: Gaussians in the mixture of a point's density.
        dropout: share of what an LSTM's layer gives that is dropped, the same all
            along a drawing.
        min_sigma: smallest standard deviation, in units of the offsets' own.
        stretch: drawings are stretched by up to this share in training, each
            direction by itself.
        temperature: of what `predict` draws; below 1 keeps to the probable.
        max_points: of a drawing at most.
        batch_size: drawings in a batch.
        metric: what is best on dev, and chooses the epoch and the seed.
    """

    class_size: int = 16
    hidden_size: int = 256
    num_layers: int = 1
    num_mixtures: int = 20
    dropout: float = 0.1
    min_sigma: float = 1e-3
    stretch: float = 0.1
    temperature: float = 0.5
    max_points: int = 300
    optimizer: Literal["adagrad", "adam", "adamw", "sgd"] = "adam"
    learning_rate: float = 2e-3
    final_learning_rate: float = 0.01
    clip: float | None = 1.0
    batch_size: int = 100
    epochs: int = 30
    metric: Literal["nats"] = "nats"

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("class_size", "hidden_size", "num_layers", "num_mixtures")
        self.check("at least 1", lambda value: value >= 1, *sizes, "max_points")
        self.check("in [0, 1)", lambda value: 0 <= value < 1, "dropout", "stretch")
        self.check("above 0", lambda value: value > 0, "temperature", "min_sigma")


@final
class Epoch:
    """Batches of one epoch, each made when it is its turn."""

    def __init__(self, points: Sequences, kind: Int64, batches: list[Int64]):
        self._points, self._kind, self._batches = points, kind, batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[StrokeBatch]:
        return (make_batch(self._points, self._kind, b) for b in self._batches)


def make_batch(points: Sequences, kind: Int64, numbers: Int64) -> StrokeBatch:
    """Make a batch of the drawings of these numbers, and of their classes."""
    forest, order, point = chains(points, numbers)
    some = points[numbers]
    before = np.roll(some.step, 1, axis=0)
    before[some.offset[:-1]] = START
    previous = torch.from_numpy(before)[order]
    return StrokeBatch(forest, previous, point, torch.from_numpy(kind[numbers]))


@final
class DrawTask(DataTask):
    """Draw, point after point: no input or a class in, many points out.

    Offsets are measured in units of their standard deviation. Where a file has whole
    numbers, even noise of one unit of the file is added, anew in every epoch of
    training, and once for dev and test: else a density could grow without bound at
    whole numbers (Theis et al., 2016, arXiv:1511.01844).
    """

    kind = "draw"
    Config = DrawConfig
    config: DrawConfig
    metrics = (
        Metric("nats", "nats per point", lower_is_better=True),
        Metric("bits", "bits per point", lower_is_better=True),
    )
    datasets = tuple(SETS)
    formats = (
        "an .npz file of train_strokes (points, 3) as (dx, dy, up) and train_offsets, "
        "with dev and test beside them, or of strokes and offsets alone"
    )

    def __init__(
        self,
        config: DrawConfig,
        assets: Mapping[str, Any],
        data: Mapping[str, Drawings] | None = None,
        spec: DataSpec | None = None,
    ):
        super().__init__(config, assets, data, spec)
        self.classes: list[str] = self.assets["classes"]
        self.scale: float = self.assets["scale"]
        self.points = {
            split: self._units(drawings.points, np.random.default_rng(0))
            for split, drawings in (data or {}).items()
        }
        self.kinds = {
            split: self._numbers(drawings.kinds)
            for split, drawings in (data or {}).items()
        }

    @property
    def headline(self) -> str:
        return f"LSTM with {self.config.num_mixtures} Gaussians"

    @classmethod
    def load(cls, config: Any, spec: DataSpec, progress: bool = False) -> Self:
        data = load_drawings(spec.data, _files(spec), spec.split_seed)
        offsets = data["train"].points.step[:, :2]
        assets = {
            "scale": float(offsets.std()) or 1.0 if len(offsets) else 1.0,
            "whole": bool((offsets == np.round(offsets)).all()),
            "classes": sorted(set(data["train"].kinds)),
        }
        return cls(config, assets, data, spec)

    def with_data(self, spec: DataSpec, progress: bool = False) -> Self:
        if spec.data == self.spec.data:
            data = load_drawings(spec.data, _files(spec), spec.split_seed)
        else:
            given = _files(spec).items()
            data = {split: read_drawings(f, split) for split, f in given if f}
        return type(self)(self.config, self.assets, data, spec)

    def _units(self, points: Sequences, random: np.random.Generator) -> Sequences:
        """Add noise to whole numbers, and divide by the scale."""
        step = points.step.astype(np.float32)
        if self.assets["whole"]:
            step[:, :2] += random.uniform(-0.5, 0.5, (len(step), 2))
        step[:, :2] /= self.scale
        return Sequences(step, points.offset)

    def _numbers(self, kinds: Iterable[str]) -> Int64:
        index = {kind: k for k, kind in enumerate(self.classes)}
        unknown = [kind for kind in kinds if kind not in index]
        if unknown:
            raise DataError(
                f"the class {unknown[0]!r} is not among those learned: "
                f"{', '.join(map(repr, self.classes))}."
            )
        return np.array([index[kind] for kind in kinds], np.int64)

    def describe(self) -> str:
        sizes = {split: len(self.data[split]) for split in ("train", "dev", "test")}
        if not all(sizes.values()):
            raise RunError(
                f"{self.name} is too small: it has {sizes['train']} drawings to train, "
                f"{sizes['dev']} dev, {sizes['test']} test. Each needs one."
            )
        mean = self.points["train"].lengths.mean()
        return (
            f"{self.name}: {sizes['train']:,} drawings to train, {sizes['dev']:,} dev, "
            f"{sizes['test']:,} test; {mean:.0f} points each, a unit is "
            f"{self.scale:.4g}; {len(self.classes)} classes"
        )

    def new_model(self) -> Strokes:
        config = self.config
        return Strokes(
            len(self.classes),
            class_size=config.class_size,
            hidden_size=config.hidden_size,
            num_layers=config.num_layers,
            num_mixtures=config.num_mixtures,
            dropout=config.dropout,
            min_sigma=config.min_sigma,
        )

    def batches(self, seed: int, epoch: int) -> Epoch:
        random, drawings = np.random.default_rng([seed, epoch, 1]), self.data["train"]
        points, most = self._units(drawings.points, random), self.config.stretch
        factor = random.uniform(1 - most, 1 + most, (len(drawings), 2))
        points.step[:, :2] *= np.repeat(factor, points.lengths, axis=0)
        shares = plan(points.lengths, self.config.batch_size, seed, epoch)
        return Epoch(points, self.kinds["train"], shares)

    # -------------------------------------------------------------- measuring

    def evaluate(self, model: Strokes, split: Split) -> dict[str, float]:
        points, kind = self.points[split], self.kinds[split]
        device = next(model.parameters()).device
        training, total = model.training, 0.0
        model.eval()
        with torch.no_grad():
            for numbers in plan(points.lengths, AT_ONCE, None, 0):
                batch = make_batch(points, kind, numbers).to(device)
                total += float(model.nats(batch).double().sum())
        model.train(training)
        return _figures(total / len(points.step))

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        groups: dict[str, list[Rival]] = {
            "one Gaussian": [Memoryless()],
            f"{COMPONENTS} Gaussians by pen": [Memoryless(COMPONENTS, by_pen=True)],
            "linear autoregression": [Autoregression(order) for order in ORDERS],
        }
        found = {}
        for name, rivals in groups.items():
            begun = time.perf_counter()
            fitted = [rival.fit(self.points["train"]) for rival in rivals]
            nats = [float(rival.nats(self.points["dev"]).mean()) for rival in fitted]
            best = int(np.argmin(nats))  # dev chooses
            test = float(fitted[best].nats(self.points["test"]).mean())
            found[name] = {
                "dev": _figures(nats[best]),
                "test": _figures(test),
                "seconds": round(time.perf_counter() - begun, 2),
            }
        return found

    # -------------------------------------------------------------- drawing

    def read(self, file: str) -> Iterator[Item]:
        if file.endswith(".npz"):
            drawings = read_drawings(file, "test")
            yield from zip(drawings.kinds, drawings.points, strict=True)
            return
        for kind, points in stream_drawings(file):
            self._numbers([kind])
            yield kind, points

    def predict(self, model: Strokes, items: Iterable[Item]) -> Iterator[dict]:
        """Finish drawings of which the first points are given, or none."""
        generator = torch.Generator().manual_seed(0)
        model.eval()
        for kind, points in items:
            number = self._numbers([kind])
            nats, state, previous = None, None, None
            if len(points):
                nats, state, previous = self._take_in(model, points, number)
            drawn = self.draw(
                model, number, self.config.temperature, generator, state, previous
            )[0]
            yield {
                "class": kind,
                "nats_of_given": None if nats is None else round(nats, 4),
                "drawing": [
                    [round(float(dx), 2), round(float(dy), 2), int(up)]
                    for dx, dy, up in np.concatenate([points, drawn])
                ],
            }

    @torch.no_grad()
    def _take_in(
        self, model: Strokes, points: NDArray[np.float32], kind: Int64
    ) -> tuple[float, Any, torch.Tensor]:
        """Fold over known points: their loss if all went on, and where they lead."""
        offset = np.array([0, len(points)], np.int64)
        step = points.astype(np.float32) / [self.scale, self.scale, 1]
        known = Sequences(step.astype(np.float32), offset)
        batch = make_batch(known, kind, np.zeros(1, np.int64))
        batch = batch.to(next(model.parameters()).device)
        _, state = model.run(batch.forest, batch.previous, batch.kind)
        return float(model.nats(batch).sum()), state, batch.point[-1:]

    @torch.no_grad()
    def draw(
        self,
        model: Strokes,
        kind: Int64,
        temperature: float,
        generator: torch.Generator,
        state: Any = None,
        previous: torch.Tensor | None = None,
    ) -> list[NDArray[np.float32]]:
        """Draw one drawing for each class number, in the file's units."""
        device = next(model.parameters()).device
        grown = model.generate(
            torch.from_numpy(kind).to(device),
            Sample(temperature=temperature, generator=generator),
            self.config.max_points,
            state,
            previous,
        )
        drawings = []
        for labels in sequences(grown.forest, grown.labels):
            points = labels.float().cpu().numpy() * [self.scale, self.scale, 1]
            points[-1, 2] = 1  # the end lifts the pen
            drawings.append(points.astype(np.float32))
        return drawings

    # -------------------------------------------------------------- telling

    def findings(self, model: Strokes, result: dict[str, Any]) -> Findings:
        generator = torch.Generator().manual_seed(0)
        model.eval()
        count, columns = 20, 10
        kind = np.arange(count, dtype=np.int64) % len(self.classes)
        real = list(self.data["test"].points[:columns])
        rows = [("drawings of the test set", real)]
        ended = {}
        for temperature in (1.0, 0.5):
            drawn = self.draw(model, kind, temperature, generator)
            ended[temperature] = sum(len(d) < self.config.max_points for d in drawn)
            label = f"drawn by the net, temperature {temperature:g}"
            rows += [(label, drawn[:columns]), ("", drawn[columns:])]
        own = result["test"]["nats"]["mean"]
        best, rival = min(
            (each["test"]["nats"], name) for name, each in result["baselines"].items()
        )
        bits = math.log2(self.scale) * 2
        whole = (
            f" Offsets are whole numbers in the file: with even noise of one unit, "
            f"and {bits:.2f} bits more per point, bits are those of the file's grid."
        )
        return Findings(
            f"An LSTM with a mixture of {self.config.num_mixtures} Gaussians that "
            f"draws point after point: {own:.3f} nats per point of test drawings "
            f"({own / math.log(2):.2f} bits), where {rival} needs {best:.3f}. "
            "It is a density, in units of the offsets' standard deviation, so that it "
            "may be below zero." + whole * self.assets["whole"],
            not_this=(
                "It imitates how a pen moves; it does not know what it draws, and was "
                "not asked for the likeness of anything."
            ),
            pictures=[
                Picture(
                    strokes_svg(rows, "Drawings of the test set and of the net"),
                    f"Above, drawings that the net has never seen; below, the first "
                    f"{count} that it drew at each temperature, none left out. Of "
                    f"these {ended[1.0]} and {ended[0.5]} ended by themselves within "
                    f"{self.config.max_points} points.",
                    "Drawings",
                )
            ],
            data={
                "training drawings": len(self.data["train"]),
                "mean points": round(float(self.points["train"].lengths.mean()), 1),
                "unit of offsets": round(self.scale, 4),
                "classes": len(self.classes),
            },
            limits=(
                "Points have no pressure and no time.",
                "What is drawn has the hand of whoever drew the training set.",
            ),
        )


def _files(spec: DataSpec) -> dict[str, str | None]:
    return {"train": spec.train, "dev": spec.dev, "test": spec.test}


def _figures(nats: float) -> dict[str, float]:
    return {"nats": nats, "bits": nats / math.log(2)}
