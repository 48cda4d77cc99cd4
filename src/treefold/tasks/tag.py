"""A label for every step of a sequence: words of a sentence, frames of a video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, Self, final

import numpy as np
import torch
from numpy.typing import NDArray

from treefold.data.chunks import are_chunked, rules
from treefold.data.coding import FrameCoding, WordCoding
from treefold.data.errors import DataError
from treefold.data.glove import load_vectors
from treefold.data.readers.columns import sentences
from treefold.data.readers.frames import parse_frames, read_frames
from treefold.data.readers.lines import open_lines
from treefold.data.sequences import Sequences, plan
from treefold.data.tagging_sets import (
    NAMED,
    Tagged,
    TaggingSet,
    is_frames,
    load_tagging_set,
)
from treefold.models.tagger import Tagger, WordEncoder
from treefold.tasks.base import DataTask, Findings, Metric
from treefold.tasks.tag_data import Coded, CodedBatches, scores, windows
from treefold.training.errors import RunError
from treefold.training.settings import Settings

if TYPE_CHECKING:
    from treefold.training.run import DataSpec
    from treefold.training.task import Batches, Split

AT_ONCE = 64  # sequences that are predicted together


@final
@dataclass(frozen=True, kw_only=True)
class TagConfig(Settings):
    """Settings of a model that labels every step of a sequence.

    Attributes:
        model: the recurrent layer.
        hidden_size: features of its state, in each direction.
        num_layers: recurrent layers, one upon the other.
        bidirectional: whether a label is chosen from the steps behind it, too.
        crf: whether labels are chosen as whole sequences, by a conditional random
            field.
        input_dropout: share of the input's features dropped in training.
        dropout: share of the states' features dropped in training.
        word_size: features of a word's vector.
        column_size: features of the vector of a further column's entry.
        spelling_size: features of a word's spelling; 0 leaves it out.
        buckets: how many vectors the parts of spellings are hashed to.
        lower: lower-case words before they are looked up.
        min_count: words that occur less often in training are unknown.
        word_dropout: share of words taken for unknown in training.
        vectors: file of pretrained word vectors (GloVe's text format) to begin with.
        displacements: of frames, how many frames back and ahead changes are measured
            over; each adds as many features as there are columns.
        standardise: whether the features of frames are measured by the mean and
            deviation of the training data, or of their own sequence.
        window: frames that training cuts sequences to, with half of them shared
            between neighbours; null leaves sequences whole.
        noise: deviation of noise added to the features of frames in training.
        balanced: weigh the classes in the loss by the inverse of their frequency; for
            models without a conditional random field.
        metric: what chooses the epoch on dev; auto is the F1 of chunks where labels
            are chunks, else the accuracy.
    """

    model: Literal["lstm", "gru", "rnn"] = "lstm"
    hidden_size: int = 200
    num_layers: int = 1
    bidirectional: bool = True
    crf: bool = True
    input_dropout: float = 0.5
    dropout: float = 0.5
    word_size: int = 100
    column_size: int = 30
    spelling_size: int = 50
    buckets: int = 32_768
    lower: bool = True
    min_count: int = 2
    word_dropout: float = 0.0
    vectors: str | None = None
    displacements: tuple[int, ...] = ()
    standardise: Literal["training", "sequence"] = "training"
    window: int | None = None
    noise: float = 0.0
    balanced: bool = False
    metric: Literal["auto", "f1", "macro_f1", "accuracy", "loss"] = "auto"
    clip: float | None = 5.0
    epochs: int = 20
    patience: int | None = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "displacements", tuple(self.displacements))
        self.check("at least 1", lambda value: value >= 1, "hidden_size", "num_layers")
        self.check("at least 1", lambda v: v >= 1, "word_size", "column_size")
        self.check("at least 1", lambda v: v >= 1, "buckets", "min_count")
        self.check("at least 2", lambda value: value >= 2, "window")
        self.check("0 or more", lambda v: v >= 0, "spelling_size", "noise")
        share = ("input_dropout", "dropout", "word_dropout")
        self.check("in [0, 1)", lambda value: 0 <= value < 1, *share)
        self.check("1 or more each", lambda v: all(d >= 1 for d in v), "displacements")


@final
class TagTask(DataTask):
    """Label every step; see `TagConfig`.

    Its `data` is a `TaggingSet`. Assets are `kind`, "text" or "frames", the `classes`,
    the `coding` of the steps, and `rules`, whether the training data keep those of
    chunks.
    """

    kind = "tag"
    Config = TagConfig
    metrics = (
        Metric("f1", "chunk F1", percent=True, digits=2),
        Metric("accuracy", "accuracy of steps", percent=True, digits=2),
        Metric("macro_f1", "F1, mean of classes", percent=True, digits=2),
        Metric("loss", "loss, nats a step", lower_is_better=True),
    )
    datasets = NAMED
    formats = (
        "columns of a word, what is known of it and its label, one word a line; or "
        "frames as CSV or npz"
    )

    config: TagConfig
    data: TaggingSet | None

    def __init__(self, *args: Any, **named: Any):
        super().__init__(*args, **named)
        self.at_once = AT_ONCE
        self._coded: dict[str, Coded] = {}

    @classmethod
    def load(cls, config: TagConfig, spec: DataSpec, progress: bool = False) -> Self:
        data = _load(spec)
        train = data.splits.get("train")
        if train is None or train.label is None:
            raise RunError(f"{spec.data} has nothing to train on.")
        classes = sorted(set(train.label))
        number = {name: k for k, name in enumerate(classes)}
        label = np.array([number[name] for name in train.label], np.int64)
        if train.is_text:
            coding = WordCoding.build(
                train.x.step,
                min_count=config.min_count,
                lower=config.lower,
                buckets=config.buckets,
            )
        else:
            coding = FrameCoding.build(
                train.x, train.columns, config.displacements, config.standardise
            )
        assets = {
            "kind": "text" if train.is_text else "frames",
            "classes": classes,
            "coding": coding.to_assets(),
            "rules": rules(classes, label, train.x.offset) is not None,
            "counts": np.bincount(label, minlength=len(classes)).tolist(),
        }
        return cls(config, assets, data, spec)

    def with_data(self, spec: DataSpec, progress: bool = False) -> TagTask:
        columns = None if self.is_text else tuple(self.assets["coding"]["columns"])
        data = _load(spec, "text" if self.is_text else "frames", columns)
        for tagged in data.splits.values():
            self.check(tagged)
        return TagTask(self.config, self.assets, data, spec)

    def check(self, tagged: Tagged) -> None:
        """Refuse data of other columns than the model's, or with none of its labels.

        Raises:
            DataError: they are not the model's.
        """
        wanted = self.columns
        if len(tagged.columns) != len(wanted):
            raise DataError(
                f"{tagged.names[0]}: expected the columns {', '.join(wanted)} and a "
                f"label, found {len(tagged.columns) + 1} columns"
            )
        if tagged.label is not None and not set(tagged.label) & set(self.classes):
            raise DataError(
                f"{tagged.names[0]}: no label is among the model's classes, "
                f"{', '.join(self.classes)}; the first is {tagged.label[0]!r}"
            )

    @property
    def is_text(self) -> bool:
        """Whether the steps are words."""
        return self.assets["kind"] == "text"

    @property
    def classes(self) -> list[str]:
        """The C names."""
        return self.assets["classes"]

    @property
    def coding(self) -> WordCoding | FrameCoding:
        """How steps are turned into numbers."""
        coding = WordCoding if self.is_text else FrameCoding
        return coding.of_assets(self.assets["coding"])

    @property
    def columns(self) -> list[str]:
        """What is known of a step."""
        if not self.is_text:
            return self.assets["coding"]["columns"]
        further = range(len(self.assets["coding"]["columns"]))
        return ["word", *(f"column {k + 2}" for k in further)]

    @property
    def metric(self) -> str:
        chosen, chunked = self.config.metric, are_chunked(self.classes)
        if chosen == "auto":
            return "f1" if chunked else "accuracy"
        if chosen == "f1" and not chunked:
            raise RunError(
                "metric=f1 is for chunks, labels O, B-TYPE and I-TYPE; these are "
                f"{', '.join(self.classes)}. Try metric=macro_f1."
            )
        return chosen

    @property
    def headline(self) -> str:
        both = "Bi" if self.config.bidirectional else ""
        return f"{both}{self.config.model.upper()}{'-CRF' * self.config.crf}"

    def describe(self) -> str:
        assert self.data is not None
        splits = self.data.splits
        what = "sentences" if self.is_text else "sequences"
        counts = ", ".join(
            f"{len(t):,} {what} of {len(t.x.step):,} steps {split}"
            for split, t in splits.items()
        )
        if len(self.classes) < 2:
            raise RunError(f"{self.name} has a single label, {self.classes[0]!r}.")
        _ = self.metric  # refuses one that the labels do not have
        return f"{self.name}: {counts}; classes {', '.join(self.classes)}"

    def new_model(self) -> Tagger:
        config, coding, C = self.config, self.coding, len(self.classes)
        if isinstance(coding, WordCoding):
            encoder = WordEncoder(
                len(coding.words),
                [len(column) for column in coding.columns],
                coding.buckets,
                word_size=config.word_size,
                column_size=config.column_size,
                spelling_size=config.spelling_size,
                word_dropout=config.word_dropout,
            )
            size = encoder.size
            if config.vectors is not None and self.data is not None:
                _begin_with(encoder, config.vectors, coding)
        else:
            encoder, size = torch.nn.Identity(), coding.size
        masks: list[Any] = [None, None]
        if config.crf and self.assets["rules"]:
            nothing = np.zeros(0, np.int64)
            found = rules(self.classes, nothing, np.zeros(1, np.int64))
            masks = [torch.from_numpy(mask) for mask in found or ()]
        weights = None
        if config.balanced:
            counts = torch.tensor(
                self.assets["counts"], dtype=torch.get_default_dtype()
            )
            weights = counts.sum() / (C * counts)
        return Tagger(
            encoder,
            size,
            C,
            cell=config.model,
            hidden_size=config.hidden_size,
            num_layers=config.num_layers,
            bidirectional=config.bidirectional,
            input_dropout=config.input_dropout,
            dropout=config.dropout,
            crf=config.crf,
            forbidden=masks[0],
            forbidden_first=masks[1],
            class_weights=weights,
        )

    def coded(self, split: str) -> Coded:
        """Return a split as numbers."""
        if split not in self._coded:
            assert self.data is not None
            tagged = self.data.splits[split]
            self._coded[split] = Coded(self.encode(tagged.x), self.numbers(tagged))
        return self._coded[split]

    def encode(self, x: Sequences) -> Sequences:
        """Return sequences as numbers."""
        coding = self.coding
        if isinstance(coding, WordCoding):
            return Sequences(coding.encode(x.step), x.offset)
        return Sequences(coding.encode(x), x.offset)

    def numbers(self, tagged: Tagged) -> NDArray[np.int64]:
        """Return the numbers of labels, (V,), -1 where they are not known."""
        number = {name: k for k, name in enumerate(self.classes)}
        label = tagged.label
        if label is None:
            return np.full(len(tagged.x.step), -1)
        return np.array([number.get(name, -1) for name in label], np.int64)

    def batches(self, seed: int, epoch: int) -> Batches:
        coded = self.coded("train")
        if self.config.window is not None:
            where, offset = windows(coded.x.offset, self.config.window, seed, epoch)
            x = Sequences(coded.x.step[where], offset)
            coded = Coded(x, coded.label[where])
        if self.config.noise and not self.is_text:
            random = np.random.default_rng([seed, epoch, 1])
            noise = random.standard_normal(coded.x.step.shape, np.float32)
            x = Sequences(coded.x.step + self.config.noise * noise, coded.x.offset)
            coded = Coded(x, coded.label)
        numbers = plan(coded.x.lengths, self.config.batch_size, seed, epoch)
        return CodedBatches(coded, numbers)

    def evaluate(self, model: Tagger, split: Split) -> dict[str, float]:
        if self.data is None or split not in self.data.splits:
            raise RunError(f"{self.name} has no {split} data.")
        said, loss = self._run(model, split)
        tagged = self.data.splits[split]
        return {**scores(tagged, said, self.classes), "loss": loss}

    def say(self, model: Tagger, split: Split) -> NDArray[np.object_]:
        """Return the labels that a model gives the steps of a split, (V,)."""
        return self._run(model, split)[0]

    @torch.no_grad()
    def _run(self, model: Tagger, split: str) -> tuple[NDArray[np.object_], float]:
        """Return a model's labels, and its mean loss of a step."""
        coded = self.coded(split)
        was_training = model.training
        model.eval()
        said = np.empty(len(coded.label), np.int64)
        loss = steps = 0.0
        for numbers in plan(coded.x.lengths, AT_ONCE, None, 0):
            batch = coded.batch(numbers).to(self.config.device)
            label = model.predict(batch).label.cpu().numpy()
            said[coded.x.steps(numbers)] = label
            if (batch.label >= 0).all():  # of a label never seen there is no loss
                loss += float(model.loss(batch)) * len(label)
                steps += len(label)
        model.train(was_training)
        names = np.array(self.classes, dtype=object)[said]
        return names, loss / steps if steps else float("nan")

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        from treefold.tasks.tag_rivals import measure

        assert self.data is not None
        return measure(self, self.data, progress)

    def read(self, file: str) -> Iterator[Any]:
        if not self.is_text:
            yield from self._read_frames(file)
            return
        columns = self.columns
        K = len(columns)
        # Whoever writes a sentence and an empty line may wait for the answer.
        self.at_once = 1 if file == "-" else AT_ONCE
        empty = True
        for sentence in sentences(open_lines(file), file):
            empty = False
            given = sentence.rows.shape[1]
            if given not in (K, K + 1):
                raise DataError(
                    f"{file}:{sentence.line}: expected {K} columns, "
                    f"{', '.join(columns)}, and perhaps a label, found {given}"
                )
            yield sentence.rows[:, :K]
        if empty:
            raise DataError(f"{file}: expected a word and its columns a line")

    def _read_frames(self, file: str) -> Iterator[Any]:
        wanted = self.columns
        if is_frames(file):
            frames = read_frames(file, columns=wanted)
        else:
            lines = (text for _, text in open_lines(file))
            frames = parse_frames(lines, file, columns=wanted)
        yield from zip(frames.names, frames.x, strict=True)

    def predict(self, model: Tagger, items: Iterable[Any]) -> Iterator[dict[str, Any]]:
        items = iter(items)
        while some := list(islice(items, self.at_once)):
            arrays = some if self.is_text else [x for _, x in some]
            x = self.encode(Sequences.of(arrays))
            coded = Coded(x, np.zeros(len(x.step), np.int64))
            batch = coded.batch(np.arange(len(x))).to(self.config.device)
            tags = model.predict(batch)
            label = tags.label.cpu().numpy()
            rows = np.arange(len(label))
            p = tags.probability.double().cpu().numpy()[rows, label]
            for b, item in enumerate(some):
                here = slice(x.offset[b], x.offset[b + 1])
                if self.is_text:
                    yield {"tokens": item[:, 0].tolist(), **self._said(label, p, here)}
                else:
                    yield {"sequence": item[0], **self._said(label, p, here)}

    def _said(
        self, label: NDArray[np.int64], p: NDArray[np.float64], here: slice
    ) -> dict[str, Any]:
        """Return the labels of a sequence and their probabilities."""
        return {
            "tags": [self.classes[k] for k in label[here]],
            "probabilities": [round(float(each), 4) for each in p[here]],
        }

    def findings(self, model: Tagger, result: dict[str, Any]) -> Findings:
        from treefold.tasks.tag_findings import findings

        return findings(self, model, result)


def _load(
    spec: DataSpec,
    kind: Literal["text", "frames"] | None = None,
    columns: tuple[str, ...] | None = None,
) -> TaggingSet:
    return load_tagging_set(
        spec.data,
        {"train": spec.train, "dev": spec.dev, "test": spec.test},
        kind=kind,
        columns=columns,
        seed=spec.split_seed,
        skip_bad=spec.skip_bad,
    )


def _begin_with(encoder: WordEncoder, file: str, coding: WordCoding) -> None:
    """Give the known words their pretrained vectors."""
    vectors, found = load_vectors(file, coding.words)
    size = encoder.word.embedding_dim
    if vectors.shape[1] > size:
        raise RunError(
            f"{file} has vectors of {vectors.shape[1]} features, more than the model's "
            f"{size}; set word_size={vectors.shape[1]}."
        )
    with torch.no_grad():  # features beyond the file's stay random
        rows = torch.from_numpy(np.flatnonzero(found))
        known = torch.from_numpy(vectors[found]).to(encoder.word.weight)
        encoder.word.weight[rows, : vectors.shape[1]] = known
