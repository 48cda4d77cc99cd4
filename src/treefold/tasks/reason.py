"""The task of finding structure in raw text by association, saliency, dissociation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
import torch
from numpy.typing import NDArray

from treefold.cells import GatedRecursiveCell, RecursiveCell, RNTNCell
from treefold.data.bracketing import Agreement, agreement, spans
from treefold.data.errors import DataError
from treefold.data.raw_sentences import NAMED, SentenceSet, load_sentences
from treefold.data.readers.lines import STDIN, open_lines
from treefold.data.sequences import Sequences
from treefold.data.vocabulary import Vocabulary
from treefold.merging import Merging
from treefold.models.reasoner import Piece, Reading, Reasoner, Weights, Windows
from treefold.tasks.base import DataTask, Findings, Metric
from treefold.tasks.reason_config import ReasonConfig
from treefold.tasks.reason_data import (
    Epoch,
    Sentences,
    encode,
    vocabulary,
    windows,
)
from treefold.training.errors import RunError
from treefold.training.run import DataSpec
from treefold.training.task import Split
from treefold.unfolding.search import Beam, Greedy

CELLS = {"rnn": RecursiveCell, "rntn": RNTNCell, "gated": GatedRecursiveCell}
WINDOWS_AT_ONCE = 4096
AT_ONCE = 256  # sentences
SPLITS: tuple[Split, ...] = ("train", "dev", "test")

Int64 = NDArray[np.int64]


@final
@dataclass(frozen=True)
class Line:
    """A sentence to find the structure of.

    Attributes:
        words: of it.
        waits: whether whoever writes it waits for the answer.
    """

    words: list[str]
    waits: bool = False


@final
class ReasonTask(DataTask):
    """Find the structure of sentences (Bottou, 2011); see `Reasoner`.

    Its `data` is a `SentenceSet`. The assets are the `words` known, the `classes` of
    sentences, and the `note` on the data.
    """

    kind = "reason"
    Config = ReasonConfig
    metrics = (
        Metric("ranking", "windows ranked right", percent=True),
        Metric("f1", "F1", percent=True),
        Metric("corpus_f1", "F1, all phrases", percent=True),
        Metric("beam_f1", "F1 by beam", percent=True),
        Metric("beam_corpus_f1", "by beam, all phrases", percent=True),
        Metric("accuracy", "classes right", percent=True),
        Metric("lost", "lost by D", lower_is_better=True),
    )
    datasets = NAMED
    formats = "plain text in UTF-8, a sentence a line"
    config: ReasonConfig
    data: SentenceSet | None

    def __init__(
        self,
        config: Any,
        assets: Any,
        data: SentenceSet | None = None,
        spec: DataSpec | None = None,
    ):
        super().__init__(config, assets, data, spec)
        self.vocabulary = Vocabulary(tuple(self.assets["words"]), config.lower)
        self.classes: tuple[str, ...] = tuple(self.assets["classes"])
        self.name = data.name if data else self.name
        known = self.vocabulary
        self.text = {
            k: encode(t, known) for k, t in (data.text if data else {}).items()
        }
        self.sentences = {
            k: Sentences.of(bank, known, self.classes)
            for k, bank in (data.trees if data else {}).items()
        }

    @classmethod
    def load(cls, config: Any, spec: DataSpec, progress: bool = False) -> Self:
        data = _read(spec)
        if "train" not in data.text:
            raise DataError(f"{spec.data} is to be measured; give a text to train on.")
        known = vocabulary(data.text["train"], config)
        bank = data.trees.get("train")
        label = (bank.label if bank else None) or ()
        assets = {
            "words": known.words,
            "classes": sorted(set(label)),
            "note": data.note,
        }
        return cls(config, assets, data, spec)

    def with_data(self, spec: DataSpec, progress: bool = False) -> Self:
        # Other sentences are read with the vocabulary of the run, whatever they hold.
        return type(self)(self.config, self.assets, _read(spec), spec)

    @property
    def metric(self) -> str:
        return self.config.chosen_by

    @property
    def search(self) -> Greedy | Beam:
        """What builds the structures that are predicted and drawn."""
        config = self.config
        return Greedy() if config.built_by == "greedy" else Beam(config.beam)

    @property
    def headline(self) -> str:
        return f"reasoner ({self.config.cell}, {self.config.structure} windows)"

    def describe(self) -> str:
        config = self.config
        for split in SPLITS:
            if split not in self.text or not (self.text[split].lengths > 1).any():
                raise RunError(
                    f"{self.name} has no {split} sentences of two words or more."
                )
        train = self.sentences.get("train")
        needs = (
            ("phrases", train and train.phrases, "trees"),
            ("labels", train and train.label is not None, "classes"),
        )
        for share, there, what in needs:
            if getattr(config, share) and not there:
                raise RunError(
                    f"{share} is {getattr(config, share)}, but the sentences of "
                    f"{self.name} have no {what} to learn from. Set {share}=0; those "
                    f"of {' and '.join(NAMED)} have trees, of sst-windows classes."
                )
        sizes = ", ".join(
            f"{len(text):,} sentences of {len(text.step):,} words {split}"
            for split, text in self.text.items()
        )
        trees = ", ".join(f"{len(s):,} {split}" for split, s in self.sentences.items())
        return (
            f"{self.name}: {sizes}; {len(self.vocabulary):,} different words; trees: "
            f"{trees or 'none'}"
        )

    def new_model(self) -> Reasoner:
        config = self.config
        H = config.hidden_size
        return Reasoner(
            CELLS[config.cell](H, H),
            len(self.vocabulary),
            num_classes=len(self.classes) if config.labels else 0,
            weights=Weights(
                config.ranking, config.dissociation, config.phrases, config.labels
            ),
            embedding_std=config.embedding_std,
            dropout=config.dropout,
            loss=config.loss,
            per_word=config.per_word,
        )

    def batches(self, seed: int, epoch: int) -> Epoch:
        teaches = self.config.phrases or self.config.labels
        taught = self.sentences["train"] if teaches else None
        return Epoch(self.text["train"], taught, self.config, seed, epoch)

    def evaluate(self, model: Reasoner, split: Split) -> dict[str, float]:
        if split not in self.text:
            raise RunError(f"{self.name} has no {split} data.")
        was_training = model.training
        model.eval()
        config, found = self.config, {}
        if config.ranking:
            found["ranking"] = self.ranking(model, split)
        if config.dissociation:
            found["lost"] = self._lost(model, split)
        bank = self.sentences.get(split)
        if bank is not None:
            agreed = self.agreement(model, bank, Greedy())
            found |= {"f1": agreed.f1, "corpus_f1": agreed.corpus_f1}
            if config.labels and bank.label is not None:
                said = self.classify(model, bank)
                found["accuracy"] = float((said == bank.label).mean())
        model.train(was_training)
        return found

    def measure(self, model: Reasoner) -> dict[str, Any]:
        """Measure a trained model, by a beam too, and what it recalls of phrases."""
        model.eval()
        measured: dict[str, Any] = super().measure(model)
        for split in ("dev", "test"):
            bank = self.sentences.get(split)
            if bank is not None:
                agreed = self.agreement(model, bank, Beam(self.config.beam))
                measured[split] |= {
                    "beam_f1": agreed.f1,
                    "beam_corpus_f1": agreed.corpus_f1,
                }
        if self.config.dissociation:
            from treefold.tasks.reason_findings import recalled

            measured["groups"] = recalled(self, model)
        return measured

    def windows(self, split: Split) -> Iterator[Windows]:
        """Cut windows around every word of a split; the replacements are always one."""
        random = np.random.default_rng(SPLITS.index(split))
        text, source = self.text[split], self.text[split].step
        for begin in range(0, len(text.step), WINDOWS_AT_ONCE):
            centre = np.arange(begin, min(begin + WINDOWS_AT_ONCE, len(text.step)))
            cut = windows(text, centre, self.config, source, random)
            if len(cut):
                yield cut

    @torch.no_grad()
    def ranking(self, model: Any, split: Split) -> float:
        """Return how many windows have a higher saliency than the corrupted ones."""
        above = [torch.gt(*model.rank(cut)) for cut in self._moved(split)]
        return float(torch.cat(above).double().mean())

    def _moved(self, split: Split) -> Iterator[Windows]:
        for cut in self.windows(split):
            moved = Reading(cut, None).to(self.config.device).windows
            assert moved is not None
            yield moved

    @torch.no_grad()
    def _lost(self, model: Reasoner, split: Split) -> float:
        lost = [(len(cut), model.lost(cut)) for cut in self._moved(split)]
        return sum(n * float(each) for n, each in lost) / sum(n for n, _ in lost)

    def agreement(
        self, model: Reasoner, bank: Sentences, search: Greedy | Beam
    ) -> Agreement:
        """Compare the structures that a model finds with known phrases."""
        assert bank.phrases is not None
        found = []
        for begin in range(0, len(bank), AT_ONCE):
            some = bank.text[begin : begin + AT_ONCE]
            N, before = len(some.step), bank.text.offset[begin]
            forest = self.build(model, some, search).forest
            found.append(spans(forest, N)[N:] + before)
        return agreement(np.concatenate(found), bank.text.lengths, bank.phrases)

    def build(
        self, model: Reasoner, text: Sequences, search: Greedy | Beam
    ) -> Merging[Piece]:
        """Let a model find the structures of sentences."""
        word = torch.from_numpy(text.step).to(self.config.device)
        return model.build(word, text.lengths, search)

    @torch.no_grad()
    def classify(self, model: Reasoner, bank: Sentences) -> Int64:
        """Return the class that a model gives each sentence, (B,)."""
        said = []
        for begin in range(0, len(bank), AT_ONCE):
            numbers = np.arange(begin, min(begin + AT_ONCE, len(bank)))
            taught = bank.taught(numbers, self.config)
            moved = Reading(None, taught).to(self.config.device).taught
            assert moved is not None
            said.append(model.classify(moved).argmax(dim=1).cpu().numpy())
        return np.concatenate(said)

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        from treefold.tasks.reason_rivals import baselines

        return baselines(self)

    def read(self, file: str) -> Iterator[Line]:
        name, empty = STDIN if file == "-" else file, True
        for _, text in open_lines(file):
            empty = empty and not text.strip()
            yield Line(text.split(), waits=file == "-")
        if empty:
            raise DataError(f"{name}: expected a sentence a line, found nothing")

    def predict(
        self, model: Reasoner, items: Iterable[Line | str]
    ) -> Iterator[dict[str, Any]]:
        """Tell the structure of each sentence, with the saliency of all phrases."""
        lines = (i if isinstance(i, Line) else Line(i.split()) for i in items)
        waiting: list[list[str]] = []
        for line in lines:
            waiting.append(line.words)
            if line.waits or len(waiting) == AT_ONCE:
                yield from self._tell(model, waiting)
                waiting = []
        yield from self._tell(model, waiting)

    def _tell(self, model: Reasoner, lines: list[list[str]]) -> Iterator[dict]:
        real = [words for words in lines if words]
        told = iter(self._found(model, real) if real else ())
        for words in lines:  # an empty line has an answer, too
            yield next(told) if words else {"text": "", "tree": "", "phrases": []}

    def _found(self, model: Reasoner, lines: list[list[str]]) -> Iterator[dict]:
        text = encode(lines, self.vocabulary)
        found = self.build(model, text, self.search)
        classes = None
        if model.output is not None:
            bank = Sentences(lines, text)
            given = self.config.sentence_structure == "given"
            classes = None if given else self.classify(model, bank)
        written = write(found, [word for words in lines for word in words])
        for b, (words, tree) in enumerate(zip(lines, written, strict=True)):
            of = {} if classes is None else {"class": self.classes[classes[b]]}
            yield {"text": " ".join(words), **of, **tree}

    def findings(self, model: Reasoner, result: dict[str, Any]) -> Findings:
        from treefold.tasks.reason_findings import findings

        return findings(self, model, result)


def write(found: Merging[Piece], words: list[str]) -> list[dict[str, Any]]:
    """Write each structure in brackets, with the saliency of every association.

    Returns:
        For each structure its `tree`, its `saliency`, which is the sum of those of its
        associations, and these as `phrases`, in the order in which they were made.
    """
    forest = found.forest
    child, offset = forest.child.tolist(), forest.offset.tolist()
    tree, score = forest.tree.tolist(), found.score.tolist()
    B, N = forest.num_trees, len(words)
    name = [word.replace("(", "-LRB-").replace(")", "-RRB-") for word in words]
    plain, phrases = list(words), [[] for _ in range(B)]
    for v in range(N, forest.num_nodes):  # children come first
        left, right = child[offset[v] : offset[v + 1]]
        name.append(f"({score[v]:.2f} {name[left]} {name[right]})")
        plain.append(f"{plain[left]} {plain[right]}")
        phrases[tree[v]].append({"phrase": plain[v], "saliency": round(score[v], 4)})
    return [
        {"tree": name[root], "saliency": round(total, 4), "phrases": phrases[b]}
        for b, (root, total) in enumerate(
            zip(forest.roots.tolist(), found.total.tolist(), strict=True)
        )
    ]


def _read(spec: DataSpec) -> SentenceSet:
    """Read the sentences that a `DataSpec` names."""
    files = {"train": spec.train, "dev": spec.dev, "test": spec.test}
    return load_sentences(spec.data, files)
