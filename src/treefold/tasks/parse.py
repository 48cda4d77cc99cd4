"""Trees over sentences: raw text in, a labelled tree out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Self, final

import numpy as np
import torch
from numpy.typing import NDArray

from treefold.data.coding import WordCoding
from treefold.data.errors import DataError
from treefold.data.glove import load_vectors, vectors_file
from treefold.data.readers.lines import STDIN, open_lines
from treefold.data.sequences import Int64, Sequences, plan
from treefold.data.treebank import NAMED, Treebank, load_treebank, read_treebank
from treefold.models.parse_batch import ParseBatch
from treefold.models.parser import RecursiveParser
from treefold.models.tagger import WordEncoder
from treefold.parsing import evalb
from treefold.parsing.binary import Markov, base
from treefold.parsing.candidates import Candidates, nodes_of
from treefold.parsing.grammar import Grammar
from treefold.parsing.parser import ChartParser
from treefold.parsing.tokens import tokenise
from treefold.parsing.tree import TOP, Tree
from treefold.tasks.base import DataTask, Findings, Metric
from treefold.tasks.parse_config import ParseConfig
from treefold.tasks.parse_lists import Charts, jackknifed, listed, listed_by
from treefold.tasks.parse_trees import merged_trees
from treefold.training.errors import RunError
from treefold.unfolding import Beam, Greedy

if TYPE_CHECKING:
    from treefold.training.run import DataSpec
    from treefold.training.task import Batches, Split

AT_ONCE = 32  # sentences that are parsed together
SHORT, LONG = 15, 40  # words of a sentence, up to which figures are told apart
How = Literal["chart", "beam", "greedy"]


@final
class ParseTask(DataTask):
    """Parse sentences; see `ParseConfig`.

    Its `data` is a `Treebank`. Assets are the `grammar` and the `coarse` one, the
    `coding` of words, and the `chains`: labels of nodes, each a list from the top.
    """

    kind = "parse"
    Config = ParseConfig
    config: ParseConfig
    metrics = (
        Metric("f1", "labelled F1", percent=True, digits=2),
        Metric("f1_15", f"≤ {SHORT} words", percent=True, digits=2),
        Metric("f1_40", f"≤ {LONG} words", percent=True, digits=2),
        Metric("unlabelled", "unlabelled F1", percent=True, digits=2),
        Metric("exact", "exact", percent=True, digits=1),
        Metric("tags", "tags right", percent=True, digits=1),
        Metric("f1_greedy", "greedy F1", percent=True, digits=2),
        Metric("f1_15_greedy", f"greedy ≤ {SHORT}", percent=True, digits=2),
        Metric("f1_beam", "beam F1", percent=True, digits=2),
        Metric("f1_15_beam", f"beam ≤ {SHORT}", percent=True, digits=2),
        Metric("oracle", "best of the list", percent=True, digits=2),
    )
    datasets = NAMED
    formats = "a file of bracket trees, (S (NP (DT the) (NN cat)) ...), words with tags"

    def __init__(
        self,
        config: ParseConfig,
        assets: Mapping[str, Any],
        data: Treebank | None = None,
        spec: DataSpec | None = None,
    ):
        super().__init__(config, assets, data, spec)
        if data is not None:
            self.name = data.name
        self.coding = WordCoding.of_assets(self.assets["coding"])
        self.chains = [tuple(chain) for chain in self.assets["chains"]]
        grammars = (Grammar.of_json(self.assets[k]) for k in ("grammar", "coarse"))
        self.parser = ChartParser(*grammars, threshold=config.threshold)
        self._lists: dict[str, Candidates] = {}
        self._words: dict[str, Sequences] = {}

    # ------------------------------------------------------------------ data

    @classmethod
    def load(cls, config: ParseConfig, spec: DataSpec, progress: bool = False) -> Self:
        data = load_treebank(
            spec.data,
            train=spec.train,
            dev=spec.dev,
            test=spec.test,
            seed=spec.split_seed,
            skip_bad=spec.skip_bad,
        )
        words = [[[w] for w in tree.words()] for tree in data.train]
        coding = WordCoding.build(
            np.concatenate([np.array(each, object) for each in words]),
            min_count=config.min_count,
            lower=True,
            buckets=config.buckets,
        )
        counts = Counter(n.chain for tree in data.train for n in nodes_of(tree))
        parser = charts(config).parser(data.train)
        assert parser.coarse is not None
        assets = {
            "grammar": parser.grammar.to_json(),
            "coarse": parser.coarse.to_json(),
            "coding": coding.to_assets(),
            "chains": [[], *sorted(counts, key=lambda chain: (-counts[chain], chain))],
        }
        return cls(config, assets, data, spec)

    def with_data(self, spec: DataSpec, progress: bool = False) -> Self:
        if spec.data == self.spec.data:
            return super().with_data(spec, progress)
        train, dev, test = (
            read_treebank(file, skip_bad=spec.skip_bad) if file else ()
            for file in (spec.train, spec.dev, spec.test)
        )
        data = Treebank(spec.data, train, dev, test)
        return type(self)(self.config, self.assets, data, spec)

    def trees(self, split: str) -> tuple[Tree, ...]:
        """Return the right trees of a split.

        Raises:
            RunError: there are none.
        """
        found = getattr(self.data, split, ())
        if not found:
            raise RunError(f"{self.name} has no {split} data.")
        return found

    def lists(self, split: str) -> Candidates:
        """Return the candidates of a split's sentences, made when first asked for."""
        if split not in self._lists:
            trees, how = self.trees(split), charts(self.config)
            if split == "train":
                found = jackknifed(trees, how)
            elif self.data is not None and self.data.train:
                found = listed_by(self.data.train, how, trees)
            else:
                words = [tree.words() for tree in trees]
                found = listed(self.parser, words, how.candidates, trees)
            self._lists[split] = found
            self._words[split] = self.encode(found.words)
        return self._lists[split]

    def encode(self, sentences: Iterable[Sequence[str]]) -> Sequences:
        """Return sentences as numbers."""
        arrays = [np.array([[w] for w in words], object) for words in sentences]
        x = Sequences.of(arrays)
        return Sequences(self.coding.encode(x.step), x.offset)

    def labels(self, found: Candidates) -> Int64:
        """Return our number of each chain of candidates; 0 for one we do not know."""
        number = {chain: k for k, chain in enumerate(self.chains)}
        return np.array([number.get(chain, 0) for chain in found.chains], np.int64)

    @property
    def headline(self) -> str:
        return "Recursive parser"

    def describe(self) -> str:
        assert self.data is not None
        counts = ", ".join(
            f"{len(self.trees(split)):,} trees {split}"
            for split in ("train", "dev", "test")
        )
        return (
            f"{self.name}: {counts}; {len(self.parser.grammar.symbols):,} symbols, "
            f"{len(self.parser.grammar.binary):,} rules of two"
        )

    # ------------------------------------------------------------------ model

    def new_model(self) -> RecursiveParser:
        config = self.config
        encoder = WordEncoder(
            len(self.coding.words),
            [],
            self.coding.buckets,
            word_size=config.word_size,
            spelling_size=config.spelling_size,
            word_dropout=config.word_dropout,
        )
        if config.vectors is not None and self.data is not None:
            _begin_with(encoder, config.vectors, self.coding)
        names = [_category(chain) for chain in self.chains]
        number = {name: k for k, name in enumerate(dict.fromkeys(names))}
        bare = {base(tag) for tag in self.parser.grammar.lexicon.tags}
        return RecursiveParser(
            encoder,
            encoder.size,
            torch.tensor([number[name] for name in names]),
            len(number),
            torch.tensor([bool(chain) and chain[-1] in bare for chain in self.chains]),
            context_size=config.context_size,
            hidden_size=config.hidden_size,
            score_size=config.score_size,
            dropout=config.dropout,
            margin=config.margin,
            soft=config.loss == "softmax",
            merging=config.merging,
            beam=config.learning_beam,
        )

    def batches(self, seed: int, epoch: int) -> Batches:
        found = self.lists("train")
        words = self._words["train"]
        shares = plan(words.lengths, self.config.batch_size, seed, epoch)
        return Epoch(words, found, self.labels(found), shares)

    # ------------------------------------------------------------------ parsing

    def chosen(
        self, model: RecursiveParser, found: Candidates, words: Sequences
    ) -> list[int]:
        """Return which candidate of each sentence a model takes."""
        label = self.labels(found)
        best = np.zeros(len(found), np.int64)
        for numbers in plan(words.lengths, AT_ONCE, None, 0):
            batch = ParseBatch.of_candidates(words, found, label, numbers)
            batch = batch.to(self.config.device)
            best[numbers] = model.choose(batch).cpu().numpy()
        return best.tolist()

    def parsed(
        self,
        model: RecursiveParser,
        found: Candidates,
        how: How,
        words: Sequences | None = None,
    ) -> list[Tree]:
        """Return a tree of each sentence."""
        words = self.encode(found.words) if words is None else words
        if how == "chart":
            best = self.chosen(model, found, words)
            return [found.tree(b, rank) for b, rank in enumerate(best)]
        search = Greedy() if how == "greedy" else Beam(self.config.beam)
        label = self.labels(found)
        trees: list[Any] = [None] * len(found)
        for numbers in plan(words.lengths, AT_ONCE, None, 0):
            batch = ParseBatch.of_candidates(words, found, label, numbers)
            merging = model.build(batch.to(self.config.device), search)
            some = [found.words[b] for b in numbers]
            for b, tree in zip(
                numbers, merged_trees(merging, self.chains, some), strict=True
            ):
                trees[b] = tree
        return trees

    def said(self, model: RecursiveParser, split: Split, how: How) -> list[Tree]:
        """Return the trees that a model gives the sentences of a split."""
        found = self.lists(split)
        return self.parsed(model, found, how, self._words[split])

    def read(self, file: str) -> Iterator[list[str]]:
        empty = True
        for _, line in open_lines(file):
            words = tokenise(line)
            if words:
                empty = False
                yield words
        if empty:
            name = STDIN if file == "-" else file
            raise DataError(f"{name}: expected a sentence a line, found an empty file")

    def predict(
        self, model: RecursiveParser, items: Iterable[Any]
    ) -> Iterator[dict[str, Any]]:
        """Parse sentences: a text each, or a list of its words."""
        for tree in self.parsed_as_they_come(model, items):
            yield {
                "words": tree.words(),
                "tags": [leaf.label for leaf in tree.leaves()],
                "tree": tree.brackets(),
            }

    def parsed_as_they_come(
        self, model: RecursiveParser, items: Iterable[Any]
    ) -> Iterator[Tree]:
        """Parse sentences: a text each, or a list of its words."""
        for item in items:
            words = tokenise(item) if isinstance(item, str) else list(item)
            if not words:
                raise DataError("expected a sentence, got one without words")
            found = listed(self.parser, [words], self.config.candidates)
            yield from self.parsed(model, found, self.config.search)

    # ------------------------------------------------------------------ measuring

    def evaluate(self, model: RecursiveParser, split: Split) -> dict[str, float]:
        right = self.trees(split)
        said = self.said(model, split, self.config.search)
        found = figures(said, right)
        if self.config.merging:
            greedy = figures(self.said(model, split, "greedy"), right)
            found |= {f"{k}_greedy": greedy[k] for k in ("f1", "f1_15")}
        return found

    def measure(self, model: RecursiveParser) -> dict[str, Any]:
        measured = super().measure(model)
        for split in ("dev", "test"):
            right, found = self.trees(split), self.lists(split)
            if self.config.merging:
                beam = figures(self.said(model, split, "beam"), right)
                measured[split] |= {f"{k}_beam": beam[k] for k in ("f1", "f1_15")}
            measured[split]["oracle"] = oracle(found)
        return measured

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        from treefold.tasks.parse_rivals import measure

        return measure(self, progress)

    def findings(self, model: RecursiveParser, result: dict[str, Any]) -> Findings:
        from treefold.tasks.parse_findings import findings

        return findings(self, model, result)


@final
class Epoch:
    """Batches of one epoch, each made when it is its turn."""

    def __init__(
        self, words: Sequences, found: Candidates, label: Int64, shares: list[Int64]
    ):
        self._words, self._found, self._label = words, found, label
        self._shares = shares

    def __len__(self) -> int:
        return len(self._shares)

    def __iter__(self) -> Iterator[ParseBatch]:
        return (
            ParseBatch.of_candidates(self._words, self._found, self._label, numbers)
            for numbers in self._shares
        )


def charts(config: ParseConfig) -> Charts:
    """Return how a run's lists are made."""
    markov = Markov(config.parent, config.parent, config.horizontal)
    parts = (config.candidates, config.folds, config.threshold, config.longest)
    return Charts(markov, *parts)


def figures(said: Sequence[Tree], right: Sequence[Tree]) -> dict[str, float]:
    """Compare trees with the right ones; words are counted with punctuation."""
    scores = [evalb.score(*pair) for pair in zip(said, right, strict=True)]
    lengths = [len(tree.leaves()) for tree in right]
    whole = sum(scores, evalb.Score())
    found = {"f1": whole.f1}
    for most in (SHORT, LONG):
        some = (s for s, n in zip(scores, lengths, strict=True) if n <= most)
        found[f"f1_{most}"] = sum(some, evalb.Score()).f1
    pairs = zip(said, right, strict=True)
    return found | {
        "unlabelled": evalb.total(pairs, labelled=False).f1,
        "exact": whole.exact / max(whole.trees, 1),
        "tags": whole.tags / max(whole.words, 1),
    }


def oracle(found: Candidates) -> float:
    """Return the F1 of the best candidate of each sentence."""
    f1, offset = found.f1(), found.root_offset
    best = [a + int(f1[a:b].argmax()) for a, b in pairwise(offset)]
    both = int(found.said[best].sum() + found.right_brackets.sum())
    return 2 * int(found.matched[best].sum()) / max(both, 1)


def _category(chain: tuple[str, ...]) -> str:
    """Return the label by which a node's parent knows it."""
    labels = [label for label in chain if label != TOP]
    return labels[0] if labels else ""


def _begin_with(encoder: WordEncoder, file: str, coding: WordCoding) -> None:
    """Give the known words their pretrained vectors."""
    vectors, found = load_vectors(vectors_file(file), coding.words)
    size = encoder.word.embedding_dim
    if vectors.shape[1] > size:
        raise RunError(
            f"{file} has vectors of {vectors.shape[1]} features, more than the model's "
            f"{size}; set word_size={vectors.shape[1]}."
        )
    scale = _scale(vectors[found])
    with torch.no_grad():  # features beyond the file's stay random
        rows = torch.from_numpy(np.flatnonzero(found))
        known = torch.from_numpy(vectors[found] * scale).to(encoder.word.weight)
        encoder.word.weight[rows, : vectors.shape[1]] = known


def _scale(vectors: NDArray[np.float32]) -> float:
    """Return what makes pretrained vectors as small as the random ones begin."""
    return 0.1 / max(float(vectors.std()), 1e-6) if vectors.size else 1.0
