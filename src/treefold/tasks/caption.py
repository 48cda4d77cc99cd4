"""The task of saying in words what an image shows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, final

import numpy as np
import torch
from numpy.typing import NDArray

from treefold.data.captions import (
    Captioned,
    load_captions,
    read_captions,
    stream_images,
)
from treefold.data.digit_strips import MOST, Digits, make_strips, split_digits
from treefold.data.errors import DataError
from treefold.data.sequences import Int64, Sequences, plan
from treefold.models.caption import Captioner, ImageBatch
from treefold.models.strip_rivals import CellReader, SegmentingReader
from treefold.svg.attention import Looked, attention_svg
from treefold.tasks.base import DataTask, Findings, Metric, Picture
from treefold.training.errors import RunError
from treefold.training.run import DataSpec
from treefold.training.settings import Settings
from treefold.training.task import Split
from treefold.unfolding import Beam, Greedy, sequences

AT_ONCE = 128  # images in a batch where nothing is learned
STRIPS = "digit-strips"
MEASURED = {"dev": 500, "test": 2000}  # strips made of the digits of a split
SHOWN = 4
Words = tuple[str, ...]


@final
@dataclass(frozen=True, kw_only=True)
class CaptionConfig(Settings):
    """Settings of a net that says what an image shows, and of its training.

    Attributes:
        window_size: features that the layers of windows give.
        hidden_size: features of the LSTMs' states.
        embedding_size: features of a word's vector.
        dropout: share of features dropped.
        beam: captions kept while the best one is searched; 1 takes the best word.
        max_words: of a caption at most.
        strips: digit strips made anew for each epoch of training (digit-strips only).
        grow: epochs until training strips, of one digit at first, may get one more.
        bend: turn, shear and scale the digits of training strips a little.
        batch_size: images in a batch.
        metric: what is best on dev, and chooses the epoch and the seed.
    """

    window_size: int = 96
    hidden_size: int = 96
    embedding_size: int = 32
    dropout: float = 0.2
    beam: int = 1
    max_words: int = 40
    strips: int = 1000
    grow: int = 3
    bend: bool = True
    optimizer: Literal["adagrad", "adam", "adamw", "sgd"] = "adam"
    learning_rate: float = 3e-3
    final_learning_rate: float = 0.01
    clip: float | None = 1.0
    batch_size: int = 16
    epochs: int = 80
    patience: int | None = 20
    metric: Literal["exact", "words"] = "words"

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("window_size", "hidden_size", "embedding_size", "max_words")
        self.check(
            "at least 1", lambda value: value >= 1, *sizes, "beam", "strips", "grow"
        )
        self.check("in [0, 1)", lambda value: 0 <= value < 1, "dropout")


@final
class Epoch:
    """Batches of one epoch, each made when it is its turn."""

    def __init__(self, images: Sequences, words: Sequences, batches: list[Int64]):
        self._images, self._words, self._batches = images, words, batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[ImageBatch]:
        return (ImageBatch.of(self._images, self._words, b) for b in self._batches)


@final
class CaptionTask(DataTask):
    """Say what an image shows: one image in, many words out.

    Columns are divided by the greatest pixel of training, so that they are at most 1.
    """

    kind = "caption"
    Config = CaptionConfig
    config: CaptionConfig
    metrics = (
        Metric("exact", "captions with every word right", percent=True),
        Metric("words", "words right", percent=True, digits=2),
    )
    datasets = (STRIPS,)
    formats = (
        "an .npz file of train_images (images, height, width) and train_captions, "
        "with dev and test beside them, or of images and captions alone"
    )

    def __init__(
        self,
        config: CaptionConfig,
        assets: Mapping[str, Any],
        data: Mapping[str, Captioned] | None = None,
        spec: DataSpec | None = None,
        digits: Mapping[str, Digits] | None = None,
    ):
        super().__init__(config, assets, data, spec)
        self.digits = digits
        self.words: list[str] = self.assets["words"]
        self.images = {split: self._units(each) for split, each in (data or {}).items()}

    @property
    def headline(self) -> str:
        return "LSTM with attention"

    @classmethod
    def load(cls, config: Any, spec: DataSpec, progress: bool = False) -> Self:
        digits = None
        if spec.data == STRIPS:
            digits = split_digits(spec.split_seed)
            data = {
                split: make_strips(digits[split], count, np.random.default_rng(7))
                for split, count in MEASURED.items()
            }
            first = np.random.default_rng(8)
            data["train"] = make_strips(digits["train"], config.strips, first, fewest=1)
        else:
            data = load_captions(spec.data, _files(spec), spec.split_seed)
        train = data["train"]
        counts = Counter(word for words in train.captions for word in words)
        assets = {
            "words": sorted(counts),
            "height": train.height,
            "white": float(np.abs(train.columns.step).max(initial=0)) or 1.0,
        }
        return cls(config, assets, data, spec, digits)

    def with_data(self, spec: DataSpec, progress: bool = False) -> Self:
        if spec.data == self.spec.data:
            return super().with_data(spec, progress)
        given = _files(spec).items()
        data = {split: read_captions(f, split) for split, f in given if f}
        return type(self)(self.config, self.assets, data, spec)

    def _units(self, data: Captioned) -> Sequences:
        """Return the columns as the model has them."""
        if data.height != self.assets["height"]:
            raise DataError(
                f"images must be {self.assets['height']} pixels high, as those of "
                f"training were, got {data.height}."
            )
        return Sequences(data.columns.step / self.assets["white"], data.columns.offset)

    def _code(self, captions: Iterable[Words]) -> Sequences:
        """Return words as numbers, with an end; 0 is a word never seen in training."""
        number = {word: k for k, word in enumerate(self.words, 1)}
        end = len(self.words) + 1
        return Sequences.of(
            np.array([*(number.get(word, 0) for word in words), end], np.int64)
            for words in captions
        )

    def describe(self) -> str:
        sizes = {split: len(self.data[split]) for split in ("train", "dev", "test")}
        if not all(sizes.values()):
            raise RunError(
                f"{self.name} is too small: it has {sizes['train']} images to train, "
                f"{sizes['dev']} dev, {sizes['test']} test. Each needs one."
            )
        of = ""
        if self.digits is not None:
            counts = [len(self.digits[split]) for split in ("train", "dev", "test")]
            of = (
                f" (made of {counts[0]:,} digits, anew for each epoch; dev of "
                f"{counts[1]} and test of {counts[2]} others)"
            )
        return (
            f"{self.name}: {sizes['train']:,} images to train, {sizes['dev']:,} dev, "
            f"{sizes['test']:,} test{of}; {self.assets['height']} pixels high, "
            f"{len(self.words)} words"
        )

    def new_model(self) -> Captioner:
        config = self.config
        return Captioner(
            self.assets["height"],
            len(self.words) + 2,
            len(self.words) + 1,
            window_size=config.window_size,
            hidden_size=config.hidden_size,
            embedding_size=config.embedding_size,
            dropout=config.dropout,
        )

    def batches(self, seed: int, epoch: int) -> Epoch:
        data, images = self.data["train"], self.images["train"]
        if self.digits is not None:
            random = np.random.default_rng([seed, epoch, 1])
            # Short strips show what digits look like before attention has found out
            # where to look: from long ones alone it learns neither for long.
            most = min(MOST, 1 + (epoch - 1) // self.config.grow)
            data = make_strips(
                self.digits["train"],
                self.config.strips,
                random,
                fewest=1,
                most=most,
                bend=self.config.bend,
            )
            images = self._units(data)
        shares = plan(images.lengths, self.config.batch_size, seed, epoch)
        return Epoch(images, self._code(data.captions), shares)

    # -------------------------------------------------------------- saying

    @torch.no_grad()
    def tell(
        self, model: Captioner, images: Sequences
    ) -> list[tuple[Words, NDArray[np.float64], float]]:
        """Return for each image its words, what was looked at, and ln p.

        The second is (words and end, columns): the weights of attention.
        """
        device = next(model.parameters()).device
        found: list[Any] = [None] * len(images)
        nothing = self._code([()] * len(images))
        training = model.training
        model.eval()
        wide = self.config.beam
        search = Beam(wide) if wide > 1 else Greedy()
        for numbers in plan(images.lengths, AT_ONCE, None, 0):
            batch = ImageBatch.of(images, nothing, numbers).to(device)
            grown = model.tell(batch, search, self.config.max_words + 1)
            labels = sequences(grown.forest, grown.labels)
            weights = sequences(grown.forest, grown.state.weights)
            for i, number in enumerate(numbers.tolist()):
                columns = int(images.lengths[number])
                words = tuple(
                    (["<unk>", *self.words])[k] for k in labels[i] if k != model.end
                )
                looked = weights[i][:, :columns].double().cpu().numpy()
                found[number] = (words, looked, float(grown.score[i]))
        model.train(training)
        return found

    def read(self, file: str) -> Iterator[NDArray[np.float32]]:
        return stream_images(file)

    def predict(
        self, model: Captioner, items: Iterable[NDArray[np.float32]]
    ) -> Iterator[dict]:
        """Say what images (width, height) show, as they come."""
        for columns in items:
            image = Captioned(Sequences.of([columns]), ((),))
            words, _, log_p = self.tell(model, self._units(image))[0]
            p = round(float(np.exp(log_p)), 6)
            yield {"caption": " ".join(words), "probability": p}

    # -------------------------------------------------------------- measuring

    def evaluate(self, model: Captioner, split: Split) -> dict[str, float]:
        told = self.tell(model, self.images[split])
        return _figures([words for words, _, _ in told], self.data[split].captions)

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        most = _usual(self.data["train"].captions)
        rivals: dict[str, Callable[[], Callable[[Sequences], list[Words]]]] = {
            "majority": lambda: lambda images: [most] * len(images)
        }
        if self.digits is not None:
            train = self.digits["train"]
            linear, radial = (SegmentingReader(kernel=k) for k in (False, True))
            rivals |= {
                "linear, fixed cells": (lambda: CellReader().fit(train).read),
                "linear, best segmentation": (lambda: linear.fit(train).read),
                "kernel, best segmentation": lambda: radial.fit(train).read,
            }
        found = {}
        for name, fit in rivals.items():
            begun = time.perf_counter()
            read = fit()
            figures = {
                split: _figures(read(self.images[split]), self.data[split].captions)
                for split in ("dev", "test")
            }
            found[name] = {**figures, "seconds": round(time.perf_counter() - begun, 2)}
        return found

    # -------------------------------------------------------------- telling

    def findings(self, model: Captioner, result: dict[str, Any]) -> Findings:
        data, images = self.data["test"], self.images["test"]
        told = self.tell(model, images)
        wrong = [b for b in range(len(data)) if told[b][0] != data.captions[b]]
        best, rival = max(
            (each["test"]["exact"], name) for name, each in result["baselines"].items()
        )
        own = {name: each["mean"] for name, each in result["test"].items()}
        made = ""
        if self.digits is not None:
            made = (
                f" The test strips are made of {len(self.digits['test'])} digits that "
                "were in no training strip."
            )
        pictures = [
            Picture(
                _looked_at(images, told, data.captions, numbers),
                caption,
                title,
            )
            for numbers, title, caption in (
                (
                    list(range(min(SHOWN, len(data)))),
                    "What is looked at for each word",
                    "The first test images. Below each, a line for every word said, "
                    "and how much attention it pays to which columns.",
                ),
                (
                    wrong[:SHOWN],
                    "Where it is wrong",
                    f"The first of {len(wrong)} test images with a wrong word; the "
                    "right words stand beside them.",
                ),
            )
            if numbers
        ]
        return Findings(
            f"A bidirectional LSTM reads images column by column, another says words "
            f"with attention: {100 * own['exact']:.1f} % of the test captions have "
            f"every word right ({100 * own['words']:.2f} % of the words), where "
            f"{rival} gets {100 * best:.1f} %.{made}",
            not_this=(
                "It reads what looks like its training images: 8-pixel digits in one "
                "line, not handwriting at large."
                if self.digits is not None
                else "It says what its training captions say, and sees nothing else."
            ),
            pictures=pictures,
            data={
                "words": len(self.words),
                "height": self.assets["height"],
                "test images": len(data),
                "mean columns": round(float(images.lengths.mean()), 1),
            },
            limits=(
                "Images must have the height of those of training.",
                "Digits of test are other images by the same 13 people."
                if self.digits is not None
                else "A word never seen in training cannot be said.",
            ),
        )


def _files(spec: DataSpec) -> dict[str, str | None]:
    return {"train": spec.train, "dev": spec.dev, "test": spec.test}


def _figures(told: Sequence[Words], right: Sequence[Words]) -> dict[str, float]:
    """Return the share of captions that are right, and 1 - errors / words.

    Errors are the fewest words to change, leave out or put in.
    """
    errors = [_distance(t, r) for t, r in zip(told, right, strict=True)]
    words = max(sum(map(len, right)), 1)
    exact = sum(e == 0 for e in errors) / max(len(errors), 1)
    return {"exact": exact, "words": 1 - sum(errors) / words}


def _distance(a: Words, b: Words) -> int:
    """Return the Levenshtein distance of two lists of words."""
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            change = last + (word != other)
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, change)
    return row[-1]


def _usual(captions: Sequence[Words]) -> Words:
    """Return the caption of the usual length with the usual word at every place."""
    length = Counter(map(len, captions)).most_common(1)[0][0]
    return tuple(
        Counter(c[i] for c in captions if len(c) > i).most_common(1)[0][0]
        for i in range(length)
    )


def _looked_at(
    images: Sequences, told: Sequence[Any], right: Sequence[Words], numbers: list[int]
) -> str:
    """Draw images, and under each the attention of every word."""
    items = []
    for b in numbers:
        words, looked, _ = told[b]
        note = "" if words == right[b] else f"right: {' '.join(right[b])}"
        shown = [*words, "(end)"][: len(looked)]
        items.append(Looked(images[b].T.tolist(), shown, looked.tolist(), note))
    return attention_svg(items, "Images and the attention of every word")
