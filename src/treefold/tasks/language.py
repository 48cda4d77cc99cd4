"""The task of telling what comes next in a text: words, characters or bytes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, final

import numpy as np
import torch

from treefold.data.errors import DataError
from treefold.data.text import Blocks, Coding
from treefold.data.text_sets import NAMED, TextSet, decode, load_text_set, read_text
from treefold.data.vocabulary import Vocabulary
from treefold.models.language_model import LanguageModel
from treefold.models.writer import write
from treefold.tasks.base import DataTask, Findings, Metric
from treefold.tasks.language_rivals import baselines, figures, mixtures
from treefold.training.errors import RunError
from treefold.training.files import read_json_lines
from treefold.training.run import DataSpec
from treefold.training.settings import Settings
from treefold.training.task import Split
from treefold.training.trainer import METRICS
from treefold.unfolding import Greedy, Sample

ROWS = {"train": 32, "dev": 8, "test": 1}  # of a stream, where it is measured
AT_ONCE = 32  # lines that are predicted together


@final
@dataclass(frozen=True, kw_only=True)
class LanguageConfig(Settings):
    """Settings of a language model and its training.

    Attributes:
        unit: what the text is read as; words are what white space separates.
        min_count: symbols that occur less often in training are unknown.
        most_symbols: the vocabulary has at most so many, the most frequent; null: all.
        lower: lower-case the text.
        model: which layers are folded over the text.
        input_size: features of a symbol's vector.
        hidden_size: features of a state.
        num_layers: layers, one upon the other.
        tied: one matrix for the vectors and for the output.
        input_dropout: probability to drop a feature of a symbol's vector.
        dropout: the same between layers.
        state_dropout: the same for a state as the next step sees it.
        output_dropout: the same for what the output reads.
        variational: the three last drop the same features at all steps of a block.
        cache: symbols that a cache remembers, with which the trained model is measured,
            too (Grave et al., 2017); 0: none.
        steps: of a block; the gradient reaches back no further.
        batch_size: rows that the training text is divided into, gone through side by
            side.
    """

    unit: Literal["word", "character", "byte"] = "character"
    min_count: int = 1
    most_symbols: int | None = None
    lower: bool = False
    model: Literal["lstm", "gru"] = "lstm"
    input_size: int = 128
    hidden_size: int = 256
    num_layers: int = 2
    tied: bool = False
    input_dropout: float = 0.0
    dropout: float = 0.2
    state_dropout: float = 0.0
    output_dropout: float = 0.2
    variational: bool = False
    cache: int = 0
    steps: int = 100
    learning_rate: float = 2e-3
    final_learning_rate: float = 0.05
    clip: float | None = 1.0
    batch_size: int = 32
    epochs: int = 15

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check(
            "at least 1",
            lambda value: value >= 1,
            *("min_count", "most_symbols", "input_size", "hidden_size"),
            *("num_layers", "steps"),
        )
        self.check("0 or more", lambda value: value >= 0, "cache")
        self.check(
            "in [0, 1)",
            lambda value: 0 <= value < 1,
            *("input_dropout", "dropout", "state_dropout", "output_dropout"),
        )


@final
@dataclass(frozen=True)
class Line:
    """A line of text to predict.

    Attributes:
        text: the line, without its end.
        waits: whether whoever writes it waits for the answer.
    """

    text: str
    waits: bool = False


@final
class LanguageTask(DataTask):
    """Predict each symbol of a text from all before it (Mikolov et al., 2010).

    The assets are the unit and the vocabulary; the data a `TextSet`.
    """

    kind = "language"
    Config = LanguageConfig
    metrics = (
        Metric("perplexity", "perplexity", lower_is_better=True, digits=2),
        Metric("nats", "nats per symbol", lower_is_better=True, digits=4),
    )
    datasets = NAMED
    formats = "plain text in UTF-8"

    def __init__(
        self,
        config: Any,
        assets: Any,
        data: TextSet | None = None,
        spec: DataSpec | None = None,
    ):
        super().__init__(config, assets, data, spec)
        self.config: LanguageConfig = config
        vocabulary = Vocabulary(tuple(self.assets["symbols"]), self.assets["lower"])
        self.coding = Coding(self.assets["unit"], vocabulary)
        self.name = data.name if data else self.name
        self._history: list[dict[str, Any]] = []
        self._streams = {
            split: self.coding.encode(text)
            for split, text in (data.splits if data else {}).items()
        }

    @classmethod
    def load(
        cls, config: LanguageConfig, spec: DataSpec, progress: bool = False
    ) -> Self:
        data = _texts(spec)
        if "train" not in data.splits:
            raise DataError(f"{spec.data} is to be measured; give a text to train on.")
        coding = Coding.build(
            data.splits["train"],
            config.unit,
            min_count=config.min_count,
            most=config.most_symbols,
            lower=config.lower,
        )
        known = coding.vocabulary
        assets = {"unit": config.unit, "lower": known.lower, "symbols": known.words}
        return cls(config, assets, data, spec)

    def with_data(self, spec: DataSpec, progress: bool = False) -> Self:
        # Other texts are read with the vocabulary of the run, whatever they hold.
        return type(self)(self.config, self.assets, _texts(spec), spec)

    @property
    def metric(self) -> str:
        return "nats"

    def describe(self) -> str:
        for split in ("train", "dev", "test"):
            if not len(self._streams.get(split, ())):
                raise RunError(f"{self.name} has no {split} text to learn from.")
        unit = self.config.unit
        sizes = ", ".join(f"{len(s):,} {k}" for k, s in self._streams.items())
        rare = {k: f"{(s == 0).mean():.2%}" for k, s in self._streams.items()}
        unknown = ", ".join(f"{share} of {k}" for k, share in rare.items())
        return (
            f"{self.name}: {unit}s: {sizes}; {len(self.coding):,} different ones; "
            f"unknown: {unknown}"
        )

    def new_model(self) -> LanguageModel:
        config = self.config
        return LanguageModel(
            len(self.coding),
            cell=config.model,
            input_size=config.input_size,
            hidden_size=config.hidden_size,
            num_layers=config.num_layers,
            tied=config.tied,
            input_dropout=config.input_dropout,
            dropout=config.dropout,
            state_dropout=config.state_dropout,
            output_dropout=config.output_dropout,
            variational=config.variational,
        )

    def batches(self, seed: int, epoch: int) -> Blocks:
        # Blocks are cut at other places in every epoch.
        shift = np.random.default_rng([seed, epoch]).integers(self.config.steps)
        return self._blocks("train", self.config.batch_size, int(shift))

    def _blocks(self, split: str, rows: int, shift: int = 0) -> Blocks:
        return Blocks.of_stream(
            self._streams[split],
            self.coding.end,
            rows=rows,
            length=self.config.steps,
            shift=shift,
        )

    def evaluate(self, model: LanguageModel, split: Split) -> dict[str, float]:
        blocks = self._blocks(split, ROWS[split])
        return figures(float(self._in_order(model.surprise(blocks), split).mean()))

    def _in_order(self, blocks: Iterable[torch.Tensor], split: str) -> np.ndarray:
        """Lay what was found for each step of blocks, (T, B, ...), in text order."""
        found = torch.cat([each.cpu() for each in blocks]).transpose(0, 1)
        return found.flatten(0, 1)[: len(self._streams[split])].double().numpy()

    def measure(self, model: LanguageModel) -> dict[str, Any]:
        """Measure a trained model, alone and mixed with what knows other things."""
        config = self.config
        nats, states = {}, {}
        for split in ("dev", "test"):
            read = list(model.reading(self._blocks(split, ROWS[split])))
            nats[split] = self._in_order((each for _, each in read), split)
            if config.cache:
                states[split] = self._in_order((h for h, _ in read), split)
        return {
            **{split: figures(float(each.mean())) for split, each in nats.items()},
            "groups": mixtures(
                self._streams, config.unit, len(self.coding), nats, states, config.cache
            ),
        }

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        return baselines(self._streams, self.config.unit, len(self.coding))

    def read(self, file: str) -> Iterator[Line]:
        if file != "-":
            lines = read_text(file).removesuffix("\n").split("\n")
            for number, text in enumerate(lines, 1):
                self.coding.check(text, file, number)
                yield Line(text)
            return
        number = 0
        for number, raw in enumerate(sys.stdin.buffer, 1):
            text = decode(raw, "<stdin>", number).removesuffix("\n")
            self.coding.check(text, "<stdin>", number)
            yield Line(text, waits=True)
        if not number:
            raise DataError("<stdin>: expected lines of text, found nothing")

    def predict(
        self, model: LanguageModel, items: Iterable[Line | str]
    ) -> Iterator[dict[str, Any]]:
        """Tell how surprising the symbols of each line are; a line is read alone."""
        waiting: list[Line] = []
        for item in items:
            line = item if isinstance(item, Line) else Line(item)
            if not isinstance(item, Line):
                self.coding.check(line.text, "<text>")
            waiting.append(line)
            if line.waits or len(waiting) == AT_ONCE:
                yield from self._tell(model, waiting)
                waiting = []
        yield from self._tell(model, waiting)

    def _tell(self, model: LanguageModel, lines: list[Line]) -> Iterator[dict]:
        streams = [self.coding.encode(line.text + "\n") for line in lines]
        nats = self.surprise(model, streams)
        for line, stream, each in zip(lines, streams, nats, strict=True):
            names = [self.coding.vocabulary.words[number] for number in stream]
            yield {
                "text": line.text,
                **figures(float(each.mean())),
                "tokens": [
                    {"token": name, "log_probability": -n}
                    for name, n in zip(names, each.tolist(), strict=True)
                ],
            }

    def surprise(
        self, model: LanguageModel, streams: list[np.ndarray]
    ) -> list[np.ndarray]:
        """Return the nats of every symbol of several texts, each read by itself."""
        length = self.config.steps
        blocks = Blocks.of_lines(streams, self.coding.end, length=length)
        found = [nats.double().cpu() for nats in model.surprise(blocks)]
        columns = torch.cat(found).T.numpy() if found else []
        return [row[: len(s)] for row, s in zip(columns, streams, strict=True)]

    def write(
        self,
        model: LanguageModel,
        prompt: str = "",
        *,
        length: int = 500,
        temperature: float = 1.0,
        top_p: float | None = None,
        seed: int = 0,
    ) -> str:
        """Continue a text; return what comes after the prompt.

        Args:
            model: trained.
            prompt: the text to continue, which begins after the end of a line.
            length: how many symbols to write.
            temperature: below 1 likely symbols become likelier; 0 takes the likeliest.
            top_p: draw only from the likeliest symbols that together have this
                probability.
            seed: of the draws.

        Raises:
            DataError: the prompt has a character that the model does not know.
            ValueError: temperature or top_p out of its range.
        """
        self.coding.check(prompt, "the prompt")
        begin = np.concatenate([[self.coding.end], self.coding.encode(prompt)])
        generator = torch.Generator().manual_seed(seed)
        search = Sample(temperature or 1.0, top_p=top_p, generator=generator)
        device = model.embedding.weight.device
        written = write(
            model,
            torch.from_numpy(begin).to(device),
            length,
            search if temperature else Greedy(),
            never=(0,),
        )
        text = self.coding.decode(written.tolist())
        joined = self.config.unit == "word" and prompt and not prompt[-1].isspace()
        return " " * bool(joined and not text.startswith("\n")) + text

    def write_summary(self, out: Path, result: dict[str, Any]) -> None:
        self._history = read_json_lines(out / METRICS)
        super().write_summary(out, result)

    def findings(self, model: LanguageModel, result: dict[str, Any]) -> Findings:
        from treefold.tasks.language_findings import findings

        return findings(self, model, result, self._history)

    @property
    def note(self) -> str:
        """What is to be said of the data."""
        return self.data.note if self.data else ""

    def stream(self, split: str) -> np.ndarray:
        """Return the symbols of a split, (N,)."""
        return self._streams[split]

    def sizes(self) -> dict[str, int]:
        """Return how many symbols each split has."""
        return {split: len(stream) for split, stream in self._streams.items()}


def _texts(spec: DataSpec) -> TextSet:
    """Read the texts that a `DataSpec` names."""
    files = {"train": spec.train, "dev": spec.dev, "test": spec.test}
    return load_text_set(spec.data, files)
