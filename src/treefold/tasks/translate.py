"""The task of answering a text with a text: translation, replies."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.pair_batches import Pairs, collate_pairs, collate_sources
from treefold.data.pair_sets import NAMED, PairSet, load_pairs
from treefold.data.readers.pairs import TextPairs, read_sources
from treefold.data.sequences import Sequences, plan
from treefold.data.subwords import Tokenizer, cut, join
from treefold.models.lexicon import Lexicon
from treefold.models.seq2seq import Seq2Seq
from treefold.tasks.base import DataTask, Findings, Metric
from treefold.tasks.translate_scores import compare, has_bleu
from treefold.training.errors import RunError
from treefold.training.settings import Settings
from treefold.unfolding import Beam, sequences

if TYPE_CHECKING:
    from treefold.training.run import DataSpec
    from treefold.training.task import Split

AT_ONCE = 64  # texts that are answered together
WINDOW = 50  # batches within which training pairs are sorted by length


@final
@dataclass(frozen=True, kw_only=True)
class TranslateConfig(Settings):
    """Settings of an encoder and a decoder with attention, and of their training.

    Attributes:
        embedding_size: features of the vector of a word or piece of a word.
        encoder_size: features of the encoder's state, in each direction.
        decoder_size: features of the decoder's state.
        attention_size: features in which the decoder's state and the encoder's are
            compared.
        num_layers: of the encoder.
        dropout: share of features dropped in training: of the vectors, of what the
            encoder wrote, and of what the next word is chosen from.
        label_smoothing: share of the target that is spread over all words.
        subwords: pairs of pieces that are merged, most frequent first, to make the
            pieces that words are cut into; 0 leaves words whole.
        min_count: pieces that occur less often in training are unknown.
        max_length: longest text, in pieces; what is beyond is cut off.
        beam: hypotheses kept when writing; 1 takes the best piece at each step.
        length_penalty: power of the length by which a beam divides log-probabilities;
            0 favours short answers.
        metric: what chooses the epoch on dev; auto is BLEU if sacrebleu is installed,
            else the loss.
    """

    embedding_size: int = 128
    encoder_size: int = 256
    decoder_size: int = 256
    attention_size: int = 128
    num_layers: int = 1
    dropout: float = 0.2
    label_smoothing: float = 0.1
    subwords: int = 5000
    min_count: int = 1
    max_length: int = 100
    beam: int = 5
    length_penalty: float = 1.0
    metric: Literal["auto", "bleu", "exact", "loss"] = "auto"
    learning_rate: float = 2e-3
    clip: float | None = 1.0
    batch_size: int = 16
    epochs: int = 40
    patience: int | None = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("embedding_size", "encoder_size", "decoder_size")
        self.check("at least 1", lambda value: value >= 1, *sizes)
        self.check("at least 1", lambda v: v >= 1, "attention_size", "num_layers")
        self.check(
            "at least 1", lambda value: value >= 1, "min_count", "max_length", "beam"
        )
        self.check("0 or more", lambda value: value >= 0, "subwords", "length_penalty")
        shares = ("dropout", "label_smoothing")
        self.check("in [0, 1)", lambda value: 0 <= value < 1, *shares)


@final
class Epoch:
    """Batches of one epoch, each made when it is its turn."""

    def __init__(self, coded: Coded, numbers: Sequence[NDArray[np.int64]]):
        self._coded = coded
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Pairs]:
        return (collate_pairs(*self._coded, numbers) for numbers in self._numbers)


class Coded(NamedTuple):
    """Pairs of texts as numbers."""

    sources: Sequences
    targets: Sequences


class Answer(NamedTuple):
    """What was written for a source.

    Attributes:
        text: the answer.
        score: its log-probability, divided by the length penalty.
    """

    text: str
    score: float


@final
class TranslateTask(DataTask):
    """Answer a text with a text; see `TranslateConfig`.

    Its `data` is a `PairSet`. Assets are the tokenizers of `source` and `target`, and
    the `metric` that chooses the epoch.
    """

    kind = "translate"
    Config = TranslateConfig
    metrics = (
        Metric("bleu", "BLEU", digits=1),
        Metric("exact", "same as the reference", percent=True),
        Metric("loss", "loss, nats a token", lower_is_better=True),
        Metric("perplexity", "perplexity", lower_is_better=True, digits=2),
    )
    datasets = tuple(NAMED)
    formats = (
        "lines of source<TAB>target, or two parallel files, SOURCES,TARGETS; to "
        "predict, a source a line"
    )

    config: TranslateConfig
    data: PairSet | None
    at_once = AT_ONCE

    @classmethod
    def load(
        cls, config: TranslateConfig, spec: DataSpec, progress: bool = False
    ) -> Self:
        data = _load(spec)
        source, target = (
            Tokenizer.learn(texts, config.subwords, min_count=config.min_count)
            for texts in (data.train.sources, data.train.targets)
        )
        metric: str = config.metric
        if metric == "auto":
            metric = "bleu" if has_bleu() else "loss"
        elif metric == "bleu" and not has_bleu():
            raise RunError(
                "BLEU is measured by sacrebleu, which is not installed: "
                "pip install 'treefold[translate]', or set metric=loss."
            )
        assets = {
            "source": source.to_dict(),
            "target": target.to_dict(),
            "metric": metric,
        }
        return cls(config, assets, data, spec)

    def __init__(
        self,
        config: TranslateConfig,
        assets: dict[str, Any],
        data: PairSet | None = None,
        spec: DataSpec | None = None,
    ):
        super().__init__(config, assets, data, spec)
        self.source = Tokenizer.from_dict(assets["source"])
        self.target = Tokenizer.from_dict(assets["target"])
        self._coded: dict[str, Coded] = {}

    def with_data(self, spec: DataSpec, progress: bool = False) -> Self:
        # Other texts are cut by the pieces that were learned.
        return type(self)(self.config, self.assets, _load(spec), spec)

    @property
    def metric(self) -> str:
        return self.assets["metric"]

    @property
    def headline(self) -> str:
        return "encoder-decoder with attention"

    def describe(self) -> str:
        data = self._data
        for part in ("train", "dev"):
            if not len(getattr(data, part)):
                raise RunError(f"{self.name} has no {part} pairs to learn from.")
        skipped = sum(len(pairs.skipped) for pairs in (data.train, data.dev, data.test))
        left_out = f"; {skipped:,} bad lines were left out" * (skipped > 0)
        hint = "" if has_bleu() else "; no BLEU: pip install 'treefold[translate]'"
        return (
            f"{self.name}: {len(data.train):,} pairs to train, {len(data.dev):,} dev, "
            f"{len(data.test):,} test; {len(self.source):,} source and "
            f"{len(self.target):,} target tokens{left_out}{hint}"
        )

    def new_model(self) -> Seq2Seq:
        config = self.config
        return Seq2Seq(
            len(self.source),
            len(self.target),
            embedding_size=config.embedding_size,
            encoder_size=config.encoder_size,
            decoder_size=config.decoder_size,
            attention_size=config.attention_size,
            num_layers=config.num_layers,
            dropout=config.dropout,
            label_smoothing=config.label_smoothing,
        )

    def batches(self, seed: int, epoch: int) -> Epoch:
        coded = self.coded("train")
        # By the target's length, since a decoder's step costs most, then the source's.
        lengths = coded.targets.lengths * 1024 + coded.sources.lengths
        numbers = plan(lengths, self.config.batch_size, seed, epoch, WINDOW)
        return Epoch(coded, numbers)

    def where(self, batch: Pairs) -> str:
        sources = [self._data.train.sources[n] for n in batch.numbers[:3]]
        return ", ".join(map(repr, sources)) + " and more" * (len(batch) > 3)

    def coded(self, split: str) -> Coded:
        """Return a split as numbers."""
        if split not in self._coded:
            self._coded[split] = self.code(getattr(self._data, split))
        return self._coded[split]

    def code(self, pairs: TextPairs) -> Coded:
        """Return pairs of texts as numbers."""
        most = self.config.max_length
        return Coded(
            Sequences.of([self.source.encode(text, most) for text in pairs.sources]),
            Sequences.of([self.target.encode(text, most) for text in pairs.targets]),
        )

    def evaluate(self, model: Seq2Seq, split: Split) -> dict[str, float]:
        pairs: TextPairs = getattr(self._data, split)
        answers = self.answer(model, pairs.sources)
        figures = compare([answer.text for answer in answers], pairs.targets)
        nats = self.nats(model, self.coded(split))
        figures["loss"] = nats
        figures["perplexity"] = float(np.exp(nats))
        return figures

    def nats(self, model: Seq2Seq, coded: Coded) -> float:
        """Return the mean loss of the targets' tokens, without smoothing."""
        was_training = model.training
        model.eval()
        total = 0.0
        for numbers in plan(coded.targets.lengths, AT_ONCE, None, 0, WINDOW):
            batch = collate_pairs(*coded, numbers).to(self.config.device)
            total -= float(model.log_probability(batch).sum())
        model.train(was_training)
        return total / len(coded.targets.step)

    def answer(self, model: Seq2Seq, texts: Sequence[str]) -> list[Answer]:
        """Answer texts by a beam search, in order."""
        config = self.config
        sources = Sequences.of(
            [self.source.encode(text, config.max_length) for text in texts]
        )
        search = Beam(config.beam, config.length_penalty)
        answers: list[Answer] = [Answer("", 0.0)] * len(texts)
        for numbers in plan(sources.lengths, AT_ONCE, None, 0, WINDOW):
            batch = collate_sources(sources, numbers).to(config.device)
            written = model.write(
                batch, max_length=config.max_length + 1, search=search
            )
            tokens = sequences(written.forest, written.labels)
            scores = written.score.tolist()
            for number, labels, score in zip(numbers, tokens, scores, strict=True):
                text = self.target.decode(labels.tolist())
                answers[number] = Answer(text, score)
        return answers

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        data, begun = self._data, time.perf_counter()
        lexicon = Lexicon(
            [cut(text) for text in data.train.sources],
            [cut(text) for text in data.train.targets],
        )
        learned = time.perf_counter() - begun

        def by_word(text: str) -> str:
            return join(lexicon.translate(cut(text)))

        rivals = {"copy of the source": (str, 0.0), "word by word": (by_word, learned)}
        found: dict[str, dict[str, Any]] = {}
        for name, (rival, seconds) in rivals.items():
            found[name] = {"seconds": round(seconds, 1)}
            for split in ("dev", "test"):
                pairs: TextPairs = getattr(data, split)
                said = [rival(text) for text in pairs.sources]
                found[name][split] = compare(said, pairs.targets)
        return found

    def read(self, file: str) -> Iterator[str]:
        # Whoever writes a line may wait for the answer.
        self.at_once = 1 if file == "-" else AT_ONCE
        return read_sources(file)

    def predict(self, model: Seq2Seq, items: Iterable[str]) -> Iterator[dict[str, Any]]:
        items = iter(items)
        while some := list(islice(items, self.at_once)):
            answers = self.answer(model, some)
            for source, answer in zip(some, answers, strict=True):
                yield {"source": source, "output": answer.text, "score": answer.score}

    def findings(self, model: Seq2Seq, result: dict[str, Any]) -> Findings:
        from treefold.tasks.translate_findings import findings

        return findings(self, model, result)

    @property
    def _data(self) -> PairSet:
        if self.data is None:
            raise RunError("this task was made to predict, and has no data.")
        return self.data


def _load(spec: DataSpec) -> PairSet:
    return load_pairs(
        spec.data,
        train=spec.train,
        dev=spec.dev,
        test=spec.test,
        seed=spec.split_seed,
        skip_bad=spec.skip_bad,
    )
