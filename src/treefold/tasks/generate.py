"""The task of making up strings, character by character, given a class."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, final

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from treefold.data.class_strings import (
    Alphabet,
    Pair,
    class_numbers,
    load_class_strings,
    read_pairs,
    stream_pairs,
)
from treefold.data.sequences import Int64, Sequences, plan
from treefold.models.class_ngram import ClassNGram
from treefold.models.generator import Generator, StringBatch
from treefold.models.ngram import NGram
from treefold.report.figure import BLUE, ORANGE, STYLE, as_svg, layout
from treefold.tasks.base import DataTask, Findings, Metric, Picture
from treefold.training.errors import RunError
from treefold.training.run import DataSpec
from treefold.training.settings import Settings
from treefold.training.task import Split
from treefold.unfolding import Sample, sequences

AT_ONCE = 256  # strings in a batch where nothing is learned
SHOWN_CLASSES = 40


@final
@dataclass(frozen=True, kw_only=True)
class GenerateConfig(Settings):
    """Settings of a generator of strings, and of its training.

    Attributes:
        embedding_size: features of a character's vector, and of a class's.
        hidden_size: features of the LSTM's state.
        num_layers: of the LSTM.
        input_dropout: share of the input's features dropped, the same all along a
            string.
        state_dropout: the same for the state as the next step sees it.
        output_dropout: the same for what an LSTM's layer gives.
        min_count: characters that occur less often in training are unknown.
        temperature: of samples; below 1 keeps to the probable.
        top_p: samples are drawn from the most probable characters that together have
            this probability; 1: from all.
        samples: strings that `predict` makes up for a class.
        max_length: characters of a sample at most.
        batch_size: strings in a batch.
        metric: what is best on dev, and chooses the epoch and the seed.
    """

    embedding_size: int = 64
    hidden_size: int = 256
    num_layers: int = 1
    input_dropout: float = 0.2
    state_dropout: float = 0.2
    output_dropout: float = 0.4
    min_count: int = 2
    temperature: float = 1.0
    top_p: float = 1.0
    samples: int = 5
    max_length: int = 60
    optimizer: Literal["adagrad", "adam", "adamw", "sgd"] = "adam"
    learning_rate: float = 3e-3
    final_learning_rate: float = 0.0
    clip: float | None = 1.0
    batch_size: int = 64
    epochs: int = 40
    metric: Literal["nats"] = "nats"

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("embedding_size", "hidden_size", "num_layers", "min_count")
        self.check("at least 1", lambda value: value >= 1, *sizes)
        self.check("at least 1", lambda value: value >= 1, "samples", "max_length")
        shares = ("input_dropout", "state_dropout", "output_dropout")
        self.check("in [0, 1)", lambda value: 0 <= value < 1, *shares)
        self.check("above 0", lambda value: value > 0, "temperature")
        self.check("in (0, 1]", lambda value: 0 < value <= 1, "top_p")


class Coded(NamedTuple):
    """Strings as numbers: of their characters, and of their classes, (B,)."""

    strings: Sequences
    kind: Int64


@final
class Epoch:
    """Batches of one epoch, each made when it is its turn."""

    def __init__(self, coded: Coded, batches: list[Int64]):
        self._coded, self._batches = coded, batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[StringBatch]:
        return (StringBatch.of(*self._coded, numbers) for numbers in self._batches)


@final
class GenerateTask(DataTask):
    """Make up strings of a class: one class in, many characters out.

    The data are pairs of class and string for each split.
    """

    kind = "generate"
    Config = GenerateConfig
    config: GenerateConfig
    metrics = (
        Metric("nats", "nats per character", lower_is_better=True, digits=4),
        Metric("bits", "bits per character", lower_is_better=True),
    )
    datasets = ("names",)
    formats = (
        "lines 'class<TAB>string', or a folder with a file CLASS.txt for each class"
    )

    def __init__(
        self,
        config: GenerateConfig,
        assets: Mapping[str, Any],
        data: Mapping[str, list[Pair]] | None = None,
        spec: DataSpec | None = None,
    ):
        super().__init__(config, assets, data, spec)
        self.alphabet = Alphabet(tuple(self.assets["characters"]))
        self.classes: list[str] = self.assets["classes"]
        self.coded = {split: self._code(pairs) for split, pairs in (data or {}).items()}

    @property
    def headline(self) -> str:
        return "LSTM"

    @classmethod
    def load(cls, config: Any, spec: DataSpec, progress: bool = False) -> Self:
        files = {"train": spec.train, "dev": spec.dev, "test": spec.test}
        data = load_class_strings(spec.data, files, spec.split_seed)
        strings = [string for _, string in data["train"]]
        assets = {
            "characters": Alphabet.build(strings, config.min_count).characters,
            "classes": sorted({kind for kind, _ in data["train"]}),
        }
        return cls(config, assets, data, spec)

    def with_data(self, spec: DataSpec, progress: bool = False) -> Self:
        files = {"train": spec.train, "dev": spec.dev, "test": spec.test}
        if spec.data == self.spec.data:
            data = load_class_strings(spec.data, files, spec.split_seed)
        else:
            data = {split: read_pairs(Path(f)) for split, f in files.items() if f}
        return type(self)(self.config, self.assets, data, spec)

    def _code(self, pairs: list[Pair]) -> Coded:
        strings = self.alphabet.encode(string for _, string in pairs)
        return Coded(strings, class_numbers(pairs, self.classes))

    def describe(self) -> str:
        sizes = {split: len(self.data[split]) for split in ("train", "dev", "test")}
        if not all(sizes.values()):
            raise RunError(
                f"{self.name} is too small: it has {sizes['train']} strings to train, "
                f"{sizes['dev']} dev, {sizes['test']} test. Each needs one."
            )
        return (
            f"{self.name}: {sizes['train']:,} strings to train, {sizes['dev']:,} dev, "
            f"{sizes['test']:,} test; {len(self.classes)} classes, "
            f"{len(self.alphabet.characters)} characters"
        )

    def new_model(self) -> Generator:
        config = self.config
        return Generator(
            len(self.alphabet),
            len(self.classes),
            self.alphabet.end,
            embedding_size=config.embedding_size,
            hidden_size=config.hidden_size,
            num_layers=config.num_layers,
            input_dropout=config.input_dropout,
            state_dropout=config.state_dropout,
            output_dropout=config.output_dropout,
        )

    def batches(self, seed: int, epoch: int) -> Epoch:
        coded = self.coded["train"]
        lengths = coded.strings.lengths
        return Epoch(coded, plan(lengths, self.config.batch_size, seed, epoch))

    # -------------------------------------------------------------- measuring

    def evaluate(self, model: Generator, split: Split) -> dict[str, float]:
        return _figures(self.nats(model, self.coded[split]))

    def nats(self, model: Generator, coded: Coded) -> list[NDArray[np.float64]]:
        """Return -ln p of each character of each string, its end among them."""
        device = next(model.parameters()).device
        found: list[NDArray[np.float64]] = [np.empty(0)] * len(coded.kind)
        training = model.training
        model.eval()
        with torch.no_grad():
            for numbers in plan(coded.strings.lengths, AT_ONCE, None, 0):
                batch = StringBatch.of(*coded, numbers).to(device)
                logits = model(batch).double().log_softmax(dim=-1)
                nats = -logits.gather(1, batch.label[:, None]).squeeze(1).cpu().numpy()
                tree = batch.forest.tree.cpu().numpy()
                # Stable, so that steps stay in order: level order has the first first.
                by_string = np.argsort(tree, kind="stable")
                cuts = np.cumsum(np.bincount(tree))[:-1]
                for number, each in zip(
                    numbers, np.split(nats[by_string], cuts), strict=True
                ):
                    found[number] = each
        model.train(training)
        return found

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        found = {}
        begun = time.perf_counter()
        train = self.coded["train"].strings
        unigram = NGram(1, len(self.alphabet)).fit(train.step, train.offset)
        figures = {
            split: _figures(
                [-unigram.log_probability(c.strings.step, c.strings.offset)]
            )
            for split, c in self.coded.items()
            if split != "train"
        }
        found["unigram"] = {**figures, "seconds": round(time.perf_counter() - begun, 2)}
        begun = time.perf_counter()
        for order in (3, 5):
            rival = self.rival(order)
            figures = {
                split: _figures([-rival.log_probability(*self.coded[split])])
                for split in ("dev", "test")
            }
            name = f"{order}-gram of the class, {rival.smoothing}"
            found[name] = {**figures, "seconds": round(time.perf_counter() - begun, 2)}
        return found

    def rival(self, order: int) -> ClassNGram:
        """Fit the n-gram whose smoothing is the better one on dev."""
        train, dev = self.coded["train"], self.coded["dev"]
        fitted = [
            ClassNGram(order, len(self.alphabet), smoothing).fit(*train, *dev)
            for smoothing in ("kneser-ney", "witten-bell")
        ]
        return max(fitted, key=lambda model: model.log_probability(*dev).mean())

    # -------------------------------------------------------------- making up

    def read(self, file: str) -> Iterator[Pair]:
        for kind, string in stream_pairs(file):
            # A class alone stands where a string alone would.
            alone = not kind and (string in self.classes or "" not in self.classes)
            pair = (string, "") if alone else (kind, string)
            class_numbers([pair], self.classes)
            yield pair

    def predict(self, model: Generator, items: Iterable[Pair]) -> Iterator[dict]:
        """Make up strings of a class, or tell how probable a string of it is."""
        generator = torch.Generator().manual_seed(0)
        model.eval()
        for kind, string in items:
            if string:
                nats = self.nats(model, self._code([(kind, string)]))[0]
                yield {
                    "class": kind,
                    "text": string,
                    "nats": round(float(nats.sum()), 4),
                    "nats_per_character": round(float(nats.mean()), 4),
                }
                continue
            samples = self.sample(model, kind, self.config.samples, generator)
            coded = self._code([(kind, text) for text in samples])
            nats = [float(each.sum()) for each in self.nats(model, coded)]
            yield {
                "class": kind,
                "samples": samples,
                "nats": [round(each, 4) for each in nats],
            }

    @torch.no_grad()
    def sample(
        self, model: Generator, kind: str, count: int, generator: torch.Generator
    ) -> list[str]:
        """Make up strings of a class."""
        device = next(model.parameters()).device
        number = int(class_numbers([(kind, "")], self.classes)[0])
        grown = model.generate(
            torch.full((count,), number, device=device),
            Sample(
                temperature=self.config.temperature,
                top_p=None if self.config.top_p == 1 else self.config.top_p,
                generator=generator,
            ),
            self.config.max_length,
        )
        strings = sequences(grown.forest, grown.labels)
        return [self.alphabet.decode(each.tolist()) for each in strings]

    # -------------------------------------------------------------- telling

    def findings(self, model: Generator, result: dict[str, Any]) -> Findings:
        test, rival = self.coded["test"], self.rival(5)
        nats = [float(each.sum()) for each in self.nats(model, test)]
        steps = rival.log_probability(*test)
        other = np.add.reduceat(-steps, test.strings.offset[:-1])
        count, K = test.strings.lengths, len(self.classes)
        characters = np.bincount(test.kind, count, K)
        present = np.flatnonzero(characters)[:SHOWN_CLASSES]
        by_class = [
            (np.bincount(test.kind, each, K)[present] / characters[present])
            for each in (nats, other)
        ]
        generator = torch.Generator().manual_seed(0)
        model.eval()
        known = {string for _, string in self.data["train"]}
        shown, new, made = [], 0, 0
        for kind in self.classes[:SHOWN_CLASSES]:
            samples = self.sample(model, kind, 40, generator)
            new, made = new + sum(s not in known for s in samples), made + 40
            shown.append((kind or "samples", ", ".join(samples[:8])))
        own = result["test"]["nats"]["mean"]
        five = next(
            each["test"]["nats"]
            for name, each in result["baselines"].items()
            if name.startswith("5-gram")
        )
        return Findings(
            f"An LSTM that writes strings of a class, character by character: "
            f"{own:.3f} nats per character on test strings, where a 5-gram of the "
            f"class needs {five:.3f}.",
            not_this=(
                "It has learned spelling only: what it makes up is no evidence that "
                "such a name exists, or of whoever bears it."
            ),
            pictures=[
                Picture(
                    _bars([self.classes[k] for k in present], *by_class),
                    "Nats per character of the test strings of each class: the model "
                    "beside the 5-gram. Shorter is better.",
                    "By class",
                )
            ],
            samples=shown,
            data={
                "classes": K,
                "characters": len(self.alphabet.characters),
                "test strings": len(test.kind),
                "samples that are no training string": f"{100 * new / made:.0f} %",
            },
            limits=(
                f"It knows {len(self.alphabet.characters)} characters; any other is "
                "one unknown character.",
                "Strings were shared out so that none of dev or test, in any class, is "
                "in training.",
            ),
        )


def _figures(nats: list[NDArray[np.float64]]) -> dict[str, float]:
    mean = float(np.concatenate(nats).mean())
    return {"nats": mean, "bits": mean / math.log(2)}


def _bars(
    classes: list[str], model: NDArray[np.float64], rival: NDArray[np.float64]
) -> str:
    """Draw figures of two models by class."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        figure = Figure((7.2, 0.9 + 0.26 * len(classes)), layout=layout())
        axes = figure.subplots()
        place = np.arange(len(classes))
        axes.barh(place - 0.2, model, 0.38, color=BLUE, label="LSTM")
        axes.barh(place + 0.2, rival, 0.38, color=ORANGE, label="5-gram")
        axes.set_yticks(place, [name or "all" for name in classes])
        axes.invert_yaxis()
        axes.set_xlabel("nats per character of test strings")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="upper right", ncols=2, bbox_to_anchor=(1, 1.0))
        axes.set_xlim(0, 1.22 * max(model.max(), rival.max()))
        title = "Nats per character by class"
        rows = zip(classes, model, rival, strict=True)
        words = "; ".join(f"{c}: LSTM {m:.2f}, 5-gram {r:.2f}" for c, m, r in rows)
        return as_svg(figure, "classes", title, words)
