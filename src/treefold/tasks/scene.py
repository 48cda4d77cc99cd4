"""The task of parsing scenes: the tree of an image's segments, and what each shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, final

import numpy as np
import torch

from treefold.data.errors import DataError
from treefold.data.scenes import (
    LANDSCAPES,
    CutScene,
    Scene,
    cut_scenes,
    load_scenes,
    neighbours_mean,
    read_scenes,
    stream_images,
)
from treefold.data.sequences import Int64, plan
from treefold.models.scene import Parsing, SceneBatch, SceneParser
from treefold.tasks.base import DataTask, Findings, Metric, Picture
from treefold.training.errors import RunError
from treefold.training.run import DataSpec
from treefold.training.settings import Settings
from treefold.training.task import Split

AT_ONCE = 50  # images in a batch where nothing is learned


@final
@dataclass(frozen=True, kw_only=True)
class SceneConfig(Settings):
    """Settings of a parser of scenes, and of its training.

    Attributes:
        segments: how many an image is cut into.
        side: images whose longer side has more pixels are made smaller.
        neighbours: a segment is seen with the mean features of those that it touches.
        hidden_size: features of a piece's vector.
        inner_size: features of a hidden layer before it; 0 has none, as the paper.
        cell: recursive, as the paper's, or gated.
        context: classes depend on the tree around a piece; the paper's do not.
        kappa: margin for each wrong merge.
        pure: share of one class from which a merged piece is of that class.
        margin_weight: of the tree's loss beside that of the classes.
        beam: sets of merges kept in the search; 1 is greedy, as the paper's.
        dropout: share of features dropped.
        batch_size: images in a batch.
        metric: what is best on dev, and chooses the epoch and the seed.
    """

    segments: int = 40
    side: int = 96
    neighbours: bool = False
    hidden_size: int = 64
    inner_size: int = 64
    cell: Literal["recursive", "gated"] = "gated"
    context: bool = True
    kappa: float = 0.1
    pure: float = 0.9
    margin_weight: float = 0.1
    beam: int = 1
    dropout: float = 0.2
    optimizer: Literal["adagrad", "adam", "adamw", "sgd"] = "adamw"
    learning_rate: float = 2e-3
    final_learning_rate: float = 0.05
    l2: float = 0.01
    clip: float | None = 1.0
    batch_size: int = 20
    epochs: int = 40
    patience: int | None = None
    metric: Literal["pixels", "classes", "merges"] = "pixels"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("at least 1", lambda v: v >= 1, "segments", "hidden_size", "beam")
        self.check("at least 2", lambda v: v >= 2, "side")
        self.check("0 or more", lambda v: v >= 0, "inner_size", "kappa")
        self.check("0 or more", lambda v: v >= 0, "margin_weight")
        self.check("in [0, 1)", lambda v: 0 <= v < 1, "dropout")
        self.check("in (1/2, 1]", lambda v: 0.5 < v <= 1, "pure")


@final
class Epoch:
    """Batches of one epoch, each made when it is its turn."""

    def __init__(self, task: SceneTask, batches: list[Int64]):
        self._task, self._batches = task, batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[SceneBatch]:
        scenes = self._task.data["train"]
        return (self._task.batch([scenes[i] for i in b]) for b in self._batches)


@final
class SceneTask(DataTask):
    """Parse images: a graph of adjacent segments in, a tree with classes out."""

    kind = "scene"
    Config = SceneConfig
    config: SceneConfig
    metrics = (
        Metric("pixels", "pixels right", percent=True),
        Metric("classes", "mean recall of the classes", percent=True),
        Metric("merges", "right merges", percent=True),
    )
    datasets = (LANDSCAPES,)
    formats = (
        "a folder of images and labels, which hold files of the same names, or of "
        "train, dev and test with those"
    )

    def __init__(
        self,
        config: SceneConfig,
        assets: Mapping[str, Any],
        data: Mapping[str, list[CutScene]] | None = None,
        spec: DataSpec | None = None,
    ):
        super().__init__(config, assets, data, spec)
        self.classes: list[str] = self.assets["classes"]
        self.mean, self.deviation = (
            np.array(self.assets[name], np.float32) for name in ("mean", "deviation")
        )

    @property
    def headline(self) -> str:
        return f"{self.config.cell} parser" + " with context" * self.config.context

    @classmethod
    def load(cls, config: Any, spec: DataSpec, progress: bool = False) -> Self:
        scenes, classes = load_scenes(
            spec.data, _files(spec), spec.split_seed, config.side
        )
        data = {
            split: cut_scenes(some, config.segments, len(classes), progress, split)
            for split, some in scenes.items()
        }
        seen = [_seen(each, config.neighbours) for each in data["train"]]
        features = np.concatenate(seen) if seen else np.ones((1, 1), np.float32)
        deviation = features.std(axis=0)
        assets = {
            "classes": classes,
            "mean": features.mean(axis=0).tolist(),
            "deviation": np.where(deviation > 0, deviation, 1.0).tolist(),
        }
        return cls(config, assets, data, spec)

    def with_data(self, spec: DataSpec, progress: bool = False) -> Self:
        if spec.data == self.spec.data:
            return super().with_data(spec, progress)
        data = {}
        for split, folder in _files(spec).items():
            if folder:
                scenes = read_scenes(folder, self.config.side)
                self._refuse_unknown(scenes)
                data[split] = self.cut(scenes, progress, split)
        return type(self)(self.config, self.assets, data, spec)

    def _refuse_unknown(self, scenes: Sequence[Scene]) -> None:
        for scene in scenes:
            strange = np.setdiff1d(scene.label, [*range(len(self.classes)), 255])
            if len(strange):
                raise DataError(
                    f"{scene.name}: its labels have the number {strange[0]}, but the "
                    f"model knows the classes 0 to {len(self.classes) - 1}."
                )

    def cut(
        self, scenes: Sequence[Scene], progress: bool = False, what: str = "images"
    ) -> list[CutScene]:
        """Cut scenes into segments."""
        count = self.config.segments
        return cut_scenes(scenes, count, len(self.classes), progress, what)

    def describe(self) -> str:
        sizes = {split: len(self.data[split]) for split in ("train", "dev", "test")}
        if not all(sizes.values()):
            raise RunError(
                f"{self.name} is too small: it has {sizes['train']} images to train, "
                f"{sizes['dev']} dev, {sizes['test']} test. Each needs one."
            )
        if len(self.classes) < 2:
            raise RunError(f"{self.name} has no two classes: there is nothing to tell.")
        edges = np.mean([len(each.segments.edges) for each in self.data["train"]])
        painted = " (synthetic)" if self.spec.data == LANDSCAPES else ""
        return (
            f"{self.name}{painted}: {sizes['train']:,} images to train, "
            f"{sizes['dev']:,} dev, {sizes['test']:,} test; {self.config.segments} "
            f"segments each, {edges:.0f} pairs touch; {len(self.classes)} classes"
        )

    def new_model(self) -> SceneParser:
        config = self.config
        return SceneParser(
            len(self.mean),
            len(self.classes),
            hidden_size=config.hidden_size,
            inner_size=config.inner_size,
            cell=config.cell,
            context=config.context,
            kappa=config.kappa,
            pure=config.pure,
            margin_weight=config.margin_weight,
            width=config.beam,
            dropout=config.dropout,
        )

    def batch(self, scenes: Sequence[CutScene]) -> SceneBatch:
        """Make a batch of scenes."""
        sizes = np.array([len(scene.segments) for scene in scenes])
        first = np.cumsum(sizes) - sizes
        seen = np.concatenate([_seen(each, self.config.neighbours) for each in scenes])
        edges = [s.segments.edges + n for s, n in zip(scenes, first, strict=True)]
        return SceneBatch(
            torch.from_numpy(((seen - self.mean) / self.deviation).astype(np.float32)),
            torch.from_numpy(np.repeat(np.arange(len(scenes)), sizes)),
            torch.from_numpy(np.concatenate(edges).T.copy()),
            torch.from_numpy(np.concatenate([scene.pixels for scene in scenes])),
            torch.from_numpy(np.concatenate([scene.region for scene in scenes])),
        )

    def batches(self, seed: int, epoch: int) -> Epoch:
        lengths = np.array([len(each.segments) for each in self.data["train"]])
        return Epoch(self, plan(lengths, self.config.batch_size, seed, epoch))

    # -------------------------------------------------------------- parsing

    def parses(
        self, model: SceneParser, scenes: Sequence[CutScene]
    ) -> Iterator[tuple[Sequence[CutScene], Parsing]]:
        """Parse scenes, some at a time."""
        device = next(model.parameters()).device
        for begin in range(0, len(scenes), AT_ONCE):
            some = scenes[begin : begin + AT_ONCE]
            yield some, model.parse(self.batch(some).to(device))

    def read(self, file: str) -> Iterator[Scene]:
        return stream_images(file, self.config.side)

    def predict(
        self, model: SceneParser, items: Iterable[Scene]
    ) -> Iterator[dict[str, Any]]:
        """Parse images as they come."""
        for scene in items:
            (cut,) = self.cut([scene])
            for _, parsing in self.parses(model, [cut]):
                yield self._record(cut, parsing)

    def draw(self, model: SceneParser, items: Iterable[Scene]) -> Iterator[Picture]:
        """Draw images, their segments, classes and trees, as they come."""
        from treefold.report.scene import scene_svg
        from treefold.tasks.scene_findings import parsed_images

        for k, scene in enumerate(items):
            cuts = self.cut([scene])
            (image,) = parsed_images(cuts, [p for _, p in self.parses(model, cuts)])
            yield Picture(scene_svg(image, self.classes, f"scene{k}"), scene.name)

    def _record(self, cut: CutScene, parsing: Parsing) -> dict[str, Any]:
        """Return the tree of an image as plain values.

        Boxes are (left, top, right, bottom), as shares of the width and height.
        """
        number, N = cut.segments.number, len(cut.segments)
        height, width = number.shape
        y, x = np.divmod(np.arange(number.size), width)
        members: list[Any] = [np.flatnonzero(number == i) for i in range(N)]
        p, most = parsing.probability.max(dim=1)
        child = parsing.forest.child.view(-1, 2).tolist()
        text = [f"({self.classes[most[i]]} {i})" for i in range(N)]
        nodes = []
        for v in range(parsing.forest.num_nodes):
            if v >= N:  # children come before their parent
                a, b = child[v - N]
                members.append(np.concatenate([members[a], members[b]]))
                text.append(f"({self.classes[most[v]]} {text[a]} {text[b]})")
            at = members[v]
            box = x[at].min(), y[at].min(), x[at].max() + 1, y[at].max() + 1
            shares = np.array(box) / [width, height, width, height]
            nodes.append(
                {
                    "class": self.classes[most[v]],
                    "probability": round(float(p[v]), 4),
                    "children": child[v - N] if v >= N else [],
                    "box": np.round(shares, 4).tolist(),
                    "share": round(len(at) / number.size, 4),
                }
            )
        covered = np.bincount(
            most[:N].numpy()[number.ravel()], minlength=len(self.classes)
        )
        return {
            "image": cut.scene.name,
            "classes": {
                name: round(int(count) / number.size, 4)
                for name, count in zip(self.classes, covered, strict=True)
            },
            "tree": text[-1],
            "nodes": nodes,
        }

    # -------------------------------------------------------------- measuring

    def evaluate(self, model: SceneParser, split: Split) -> dict[str, float]:
        said, right = [], []
        for some, parsing in self.parses(model, self.data[split]):
            N = sum(len(each.segments) for each in some)
            said.append(parsing.probability[:N].argmax(dim=1).cpu().numpy())
            right.append(parsing.right[N:].cpu().numpy())
        merges = {"merges": float(np.concatenate(right).mean())} if len(right) else {}
        return pixel_figures(np.concatenate(said), self.data[split]) | merges

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        from treefold.tasks.scene_rivals import rivals

        return rivals(self, progress)

    def findings(self, model: SceneParser, result: dict[str, Any]) -> Findings:
        from treefold.tasks.scene_findings import findings

        return findings(self, model, result)


def pixel_figures(said: Int64, scenes: Sequence[CutScene]) -> dict[str, float]:
    """Return the share of pixels whose segment was given their class.

    Args:
        said: the class of every segment, scene after scene.
        scenes: of at least one pixel whose class is known.
    """
    pixels = np.concatenate([scene.pixels for scene in scenes])
    N, C = pixels.shape
    right = np.zeros(C)
    np.add.at(right, said, pixels[np.arange(N), said])
    there = pixels.sum(axis=0)
    recall = right[there > 0] / there[there > 0]
    return {"pixels": float(right.sum() / there.sum()), "classes": float(recall.mean())}


def _seen(scene: CutScene, neighbours: bool) -> Any:
    """Return what the model sees of the segments of a scene."""
    own = scene.segments.features
    if not neighbours:
        return own
    return np.hstack([own, neighbours_mean(own, scene.segments.edges)])


def _files(spec: DataSpec) -> dict[str, str | None]:
    return {"train": spec.train, "dev": spec.dev, "test": spec.test}
