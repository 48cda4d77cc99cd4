"""Tell the class of a sequence: of words, of vectors, or of a sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from torch.nn import functional as F

from treefold.data.audio import Frames
from treefold.data.errors import DataError
from treefold.data.examples import (
    Example,
    Examples,
    Sound,
    check_labels,
    kind_of,
)
from treefold.data.glove import load_vectors
from treefold.data.readers.items import read_items
from treefold.data.readers.lines import STDIN
from treefold.data.sequences import Sequences, plan
from treefold.data.series_sets import FORMATS, load_examples, read_examples
from treefold.data.vocabulary import UNKNOWN, Vocabulary
from treefold.layers import GRU, LSTM, RNN
from treefold.models.sequence_classifier import (
    SequenceBatch,
    SequenceClassifier,
    collate,
)
from treefold.tasks.base import DataTask, Findings, Metric
from treefold.tasks.classify_config import ClassifyConfig
from treefold.training.errors import RunError
from treefold.training.run import DataSpec
from treefold.training.task import Split

LAYERS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
STEPS_AT_ONCE = 20_000
ITEMS_AT_ONCE = 64

Int64 = NDArray[np.int64]


@final
@dataclass(frozen=True)
class Labelled:
    """Sequences as numbers, and their classes' numbers (B,) int64."""

    sequences: Sequences
    label: Int64

    def __len__(self) -> int:
        return len(self.label)


@final
class Epoch:
    """Batches of one epoch, each collated when it is its turn."""

    def __init__(self, data: Labelled, numbers: list[Int64]):
        self._data, self._numbers = data, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[SequenceBatch]:
        return (
            collate(self._data.sequences, self._data.label, n) for n in self._numbers
        )


@final
class ClassifyTask(DataTask):
    """Tell the class of every sequence.

    The assets are the `kind` of the sequences ("words", "vectors" or "sound"), the
    `classes`, the `note` on the data, the `vocabulary` of words, and of vectors their
    `mean` and `deviation` in training, by which they are standardised; of sounds the
    `rate` that frames are made at.
    """

    kind = "classify"
    Config = ClassifyConfig
    metrics = (
        Metric("accuracy", "accuracy", percent=True),
        Metric("macro_f1", "macro F1", percent=True),
        Metric("loss", "loss, nats", lower_is_better=True),
    )
    datasets = (
        "digits",
        "fsdd",
        "japanese-vowels",
        "pendigits",
        "sst-words",
        "sst-words-binary",
    )
    formats = FORMATS
    config: ClassifyConfig
    data: dict[str, Labelled]

    def __init__(self, config: Any, assets: Any, data: Any = None, spec: Any = None):
        super().__init__(config, assets, data, spec)
        self.examples: Examples | None = None
        self.classes: tuple[str, ...] = tuple(self.assets["classes"])
        words = self.assets.get("vocabulary")
        self.vocabulary = (
            None if words is None else Vocabulary(tuple(words), config.lower)
        )
        self._mean = np.array(self.assets.get("mean", 0), np.float32)
        self._deviation = np.array(self.assets.get("deviation", 1), np.float32)

    @classmethod
    def load(cls, config: Any, spec: DataSpec, progress: bool = False) -> Self:
        files = {
            split: file
            for split in ("train", "dev", "test")
            if (file := getattr(spec, split)) is not None
        }
        examples = load_examples(
            spec.data, files, seed=spec.split_seed, phrases=config.phrases
        )
        return cls.of(config, examples, spec)

    @classmethod
    def of(cls, config: ClassifyConfig, examples: Examples, spec: DataSpec) -> Self:
        """Make a task of examples."""
        kind = kind_of(examples.train[0])
        assets: dict[str, Any] = {
            "kind": kind,
            "classes": examples.classes,
            "note": examples.note,
        }
        if kind == "sound":
            rates = Counter(e.value.rate for e in examples.train)  # type: ignore[union-attr]
            assets["rate"] = rates.most_common(1)[0][0]
        if kind == "words":
            assets["vocabulary"] = _words(config, examples.train)
        else:
            raw = cls(config, assets)
            steps = np.concatenate([raw.numbers(e) for e in examples.train], axis=0)
            assets["mean"] = steps.mean(axis=0, dtype=np.float64).tolist()
            deviation = steps.std(axis=0, dtype=np.float64)
            # What never varies says nothing: left as it is, it is zero.
            assets["deviation"] = np.where(deviation > 1e-6, deviation, 1).tolist()
        task = cls(config, assets, None, spec)
        task.data = {
            split: task.labelled(getattr(examples, split))
            for split in ("train", "dev", "test")
        }
        task.examples = examples
        return task

    def with_data(self, spec: DataSpec, progress: bool = False) -> Self:
        if spec.data == self.spec.data:
            return super().with_data(spec, progress)
        task = type(self)(self.config, self.assets, None, spec)
        task.data = {}
        for split in ("train", "dev", "test"):
            file = getattr(spec, split)
            if file is None:
                continue
            named = file in self.datasets
            found = (
                getattr(load_examples(file), split) if named else read_examples(file)
            )
            check_labels(found, self.classes)
            task.data[split] = task.labelled(found)
        return task

    def numbers(self, example: Example) -> NDArray[Any]:
        """Return what the model reads of an example: words' numbers, or vectors.

        Raises:
            DataError: it is not of the kind that the model was trained on.
        """
        kind, wanted = kind_of(example), self.assets["kind"]
        if kind != wanted:
            raise DataError(
                f"{example.place}: expected {wanted} as in training, found {kind}"
            )
        value = example.value
        if isinstance(value, list):
            assert self.vocabulary is not None
            return self.vocabulary.encode(_units(self.config, value))
        if isinstance(value, Sound):
            value = self.frames(value)
        size = self._mean.size if "mean" in self.assets else value.shape[1]
        if value.shape[1] != size:
            raise DataError(
                f"{example.place}: expected vectors of {size} numbers as in training, "
                f"found {value.shape[1]}"
            )
        return (value - self._mean) / self._deviation

    @property
    def frames(self) -> Frames:
        """What makes vectors of a sound."""
        config = self.config
        return Frames(
            self.assets["rate"],
            kind=config.frames,
            bands=config.bands,
            deltas=config.deltas,
        )

    def labelled(self, examples: Sequence[Example]) -> Labelled:
        """Turn examples into numbers; a class that is not known is -1."""
        place = {name: number for number, name in enumerate(self.classes)}
        label = [place.get(example.label or "", -1) for example in examples]
        sequences = Sequences.of([self.numbers(example) for example in examples])
        return Labelled(sequences, np.array(label, np.int64))

    @property
    def headline(self) -> str:
        return "bidirectional " * self.config.bidirectional + self.config.model

    def describe(self) -> str:
        train, dev, test = (self.data[s] for s in ("train", "dev", "test"))
        if len(self.classes) < 2:
            raise RunError(f"{self.name} has one class only; there is nothing to tell.")
        if not len(dev):
            raise RunError(f"{self.name} has no dev sequences to choose by.")
        steps = train.sequences.lengths
        of = {"words": "words", "vectors": "vectors", "sound": "frames"}
        more = "" if self.vocabulary is None else f"; {len(self.vocabulary):,} words"
        return (
            f"{self.name}: {len(train):,} sequences to train, {len(dev):,} dev, "
            f"{len(test):,} test, of {steps.min()}-{steps.max()} "
            f"{of[self.assets['kind']]}{more}; classes {', '.join(self.classes)}"
        )

    def new_model(self) -> SequenceClassifier:
        config, words = self.config, self.vocabulary
        layers = LAYERS[config.model](
            config.input_size if words is not None else self._mean.size,
            config.hidden_size,
            config.num_layers,
            bidirectional=config.bidirectional,
            dropout=config.dropout,
            state_dropout=config.state_dropout,
            variational=config.variational and config.state_dropout > 0,
        )
        model = SequenceClassifier(
            layers,
            len(self.classes),
            num_words=None if words is None else len(words),
            readout=config.readout,
            embedding_std=config.embedding_std,
            sparse=config.sparse,
            input_dropout=config.input_dropout,
            word_dropout=config.word_dropout,
            output_dropout=config.output_dropout,
            noise=config.noise,
            warp=config.warp,
            mask=config.mask,
            label_smoothing=config.label_smoothing,
        )
        if config.vectors is not None and words is not None and self.data is not None:
            _begin_with(model, config.vectors, words)
        return model

    def batches(self, seed: int, epoch: int) -> Epoch:
        data, config = self.data["train"], self.config
        lengths = data.sequences.lengths
        numbers = plan(lengths, config.batch_size, seed, epoch, config.window)
        return Epoch(data, numbers)

    def where(self, batch: SequenceBatch) -> str:
        if self.examples is None:
            return super().where(batch)
        return ", ".join(self.examples.train[b].place for b in batch.numbers[:5])

    def probabilities(
        self, model: SequenceClassifier, sequences: Sequences
    ) -> NDArray[np.float64]:
        """Return the probability of each class for each sequence, (B, C)."""
        found = np.empty((len(sequences), len(self.classes)))
        none = np.full(len(sequences), -1)
        device = model.output.weight.device
        most = int(sequences.lengths.max(initial=1))
        for numbers in plan(
            sequences.lengths,
            max(1, STEPS_AT_ONCE // most),
            None,
            0,
            len(sequences) + 1,
        ):
            batch = collate(sequences, none, numbers).to(device)
            found[numbers] = model.predict(batch).double().cpu().numpy()
        return found

    def evaluate(self, model: SequenceClassifier, split: Split) -> dict[str, float]:
        data = self.data[split]
        return figures(self.probabilities(model, data.sequences), data.label)

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        from treefold.tasks.classify_rivals import rivals

        return rivals(self, progress)

    def read(self, file: str) -> Iterator[Example]:
        return read_items(file, self.assets["kind"], self.classes)

    def predict(
        self, model: SequenceClassifier, items: Iterable[Example]
    ) -> Iterator[dict[str, Any]]:
        waiting = list[Example]()
        for item in items:
            waiting.append(item)
            # Whoever types a line waits for the answer before the next.
            if len(waiting) == ITEMS_AT_ONCE or item.place.startswith(STDIN):
                yield from self._predict(model, waiting)
                waiting = []
        yield from self._predict(model, waiting)

    def _predict(
        self, model: SequenceClassifier, items: list[Example]
    ) -> Iterator[dict[str, Any]]:
        if not items:
            return
        sequences = Sequences.of([self.numbers(item) for item in items])
        for item, row in zip(items, self.probabilities(model, sequences), strict=True):
            said: dict[str, Any] = {"from": item.place}
            if isinstance(item.value, list):
                said = {"text": " ".join(item.value)}
            best = int(row.argmax())
            yield {
                **said,
                "label": self.classes[best],
                "probability": float(row[best]),
                "probabilities": dict(zip(self.classes, row.tolist(), strict=True)),
            }

    def findings(self, model: SequenceClassifier, result: dict[str, Any]) -> Findings:
        from treefold.tasks.classify_findings import findings

        return findings(self, model, result)


def figures(probability: NDArray[np.float64], label: Int64) -> dict[str, float]:
    """Return the metrics of probabilities (B, C) against labels (B,)."""
    said = probability.argmax(axis=1)
    loss = F.nll_loss(
        torch.from_numpy(probability).clamp(min=1e-12).log(), torch.from_numpy(label)
    )
    return {
        "accuracy": float((said == label).mean()),
        "macro_f1": float(f1_score(label, said, average="macro")),
        "loss": float(loss),
    }


def _units(config: ClassifyConfig, words: list[str]) -> list[str]:
    return words if config.unit == "word" else list(" ".join(words))


def _words(config: ClassifyConfig, examples: Sequence[Example]) -> list[str]:
    """Return the words to know, the most frequent first, ties in ABC order."""
    counts = Counter[str]()
    for example in examples:
        assert isinstance(example.value, list)
        counts.update(_units(config, example.value))
    if config.lower:
        plain = Counter[str]()
        for word, count in counts.items():
            plain[word.lower()] += count
        counts = plain
    counts.pop(UNKNOWN, None)
    kept = sorted(word for word, n in counts.items() if n >= config.min_count)
    kept.sort(key=counts.__getitem__, reverse=True)  # keeps the order of equals
    return [UNKNOWN, *kept]


def _begin_with(model: SequenceClassifier, file: str, words: Vocabulary) -> None:
    """Give the known words their pretrained vectors."""
    assert model.embedding is not None
    vectors, found = load_vectors(file, words)
    size = model.embedding.embedding_dim
    if vectors.shape[1] > size:
        raise RunError(
            f"{file} has vectors of {vectors.shape[1]} features, more than the model's "
            f"{size}; set input_size={vectors.shape[1]}."
        )
    with torch.no_grad():  # features beyond the file's stay random
        rows = torch.from_numpy(np.flatnonzero(found))
        known = torch.from_numpy(vectors[found]).to(model.embedding.weight)
        model.embedding.weight[rows, : vectors.shape[1]] = known
