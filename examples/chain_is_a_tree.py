"""A chain is a tree: the same weights, run as a sequence and as trees, and compared.

First the equalities, to rounding, which need no data: the weights of ``torch.nn.LSTM``
folded over a chain and over a left-branching tree; Elman's network as Socher's
recursive net over a left-branching tree of words; torch's packed batch and the forest,
which share their memory; a bidirectional LSTM as a fold and the fold of the transpose.

Then, where TREEFOLD_DATA has SST and ListOps, a question of learning: one cell, a
Tree-LSTM of two slots, trained on the same sentences as a sequence, as right-branching
trees, as balanced trees, and as their parses, with a label at the root alone. Printed
are accuracy, time, how far words stand from the root, and how many of them the gradient
reaches; `--picture` draws them.

    python examples/chain_is_a_tree.py [--quick | --full] [--picture FILE.svg]

`--full` trains for some minutes on one core; `--quick`, the default, under a minute, on
too few sentences for its accuracies to mean much.
"""

from __future__ import annotations

import argparse
import gzip
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

from treefold import Forest, fold
from treefold.cells import NaryTreeLSTMCell, RecursiveCell
from treefold.data import Corpus, DataError, batches, locate, read_brackets
from treefold.data.places import folders
from treefold.layers import from_torch
from treefold.models import NodeClassifier

# ---------------------------------------------------------------- the equalities


def chain_and_left_branching_tree() -> dict[str, float]:
    """Run an LSTM's weights over a chain and over a left-branching tree.

    A chain's nodes stand in slot 0 of the next. In a cell of two slots the second may
    have any weights: an empty slot counts as zeros.
    """
    net = nn.LSTM(5, 7).double()
    words = torch.randn(6, 5, dtype=torch.float64)
    wanted, _ = net(words)

    chain = Forest.from_lengths([6])
    layer: Any = from_torch(net)
    one: NaryTreeLSTMCell = layer.cells[0]
    two = NaryTreeLSTMCell(5, 7, arity=2).double()
    with torch.no_grad():
        two.weight_ih.copy_(one.weight_ih)
        two.bias.copy_(one.bias)
        two.weight_hh[: 4 * 7, :7] = one.weight_hh  # slot 0's; slot 1's are random
    return {
        "torch.nn.LSTM and the layer LSTM": far(layer(words)[0], wanted),
        "torch.nn.LSTM and a fold over the chain": far(
            fold(one, chain, words).h, wanted
        ),
        "torch.nn.LSTM and a left-branching tree of two slots": far(
            fold(two, chain, words).h, wanted
        ),
    }


def elman_and_socher() -> dict[str, float]:
    """Run an RNN's weights over the tree ((((0 w1) w2) w3) w4), words at its leaves.

    With W = [W_hh W_ih], Socher's tanh(W [left; right] + b) is Elman's step: the left
    child is the state so far, the right child, a leaf, is the word itself.
    """
    net: Any = nn.RNN(5, 5).double()
    words = torch.randn(6, 5, dtype=torch.float64)
    cell = RecursiveCell(5, 5, arity=2).double()
    with torch.no_grad():
        cell.weight_hh.copy_(torch.cat([net.weight_hh_l0, net.weight_ih_l0], dim=1))
        cell.bias.copy_(net.bias_ih_l0 + net.bias_hh_l0)
    tree: Any = 0
    for word in range(1, 7):
        tree = (tree, word)
    forest = Forest.from_trees([tree])
    leaves = torch.cat([torch.zeros(1, 5, dtype=torch.float64), words])
    h = fold(cell, forest, leaves, forest.leaves).h
    inner = (forest.arities > 0).nonzero().flatten()  # from the lowest to the root
    return {
        "torch.nn.RNN and the recursive net, left-branching": far(
            h[inner], net(words)[0]
        )
    }


def memory_is_shared() -> dict[str, bool]:
    """Make a forest of torch's packed batch, and a packed batch of a forest."""
    packed = pack_sequence([torch.randn(n, 5) for n in (3, 6, 4)], enforce_sorted=False)
    forest = Forest.from_packed_sequence(packed)
    again = forest.to_packed_sequence(packed.data)
    return {
        "levels of the forest are the batch sizes": torch.equal(
            forest.levels.sizes, packed.batch_sizes
        ),
        "the packed batch's memory is the forest's": (
            again.data.data_ptr() == packed.data.data_ptr()
        ),
    }


def both_directions() -> dict[str, float]:
    """Compose a bidirectional LSTM of two folds."""
    net = nn.LSTM(5, 7, bidirectional=True).double()
    packed = pack_sequence(
        [torch.randn(n, 5, dtype=torch.float64) for n in (3, 6, 4)],
        enforce_sorted=False,
    )
    up, down = from_torch(net).cells
    forest, x = Forest.from_packed_sequence(packed), packed.data
    assert isinstance(up, NaryTreeLSTMCell)
    assert isinstance(down, NaryTreeLSTMCell)
    h = torch.cat([fold(up, forest, x).h, fold(down, forest.transpose(), x).h], dim=1)
    return {"bidirectional torch.nn.LSTM and two folds": far(h, net(packed)[0].data)}


def far(one: Tensor, other: Tensor) -> float:
    """Largest difference of two tensors."""
    return float((one - other).detach().abs().max())


# ------------------------------------------------- one sentence, four structures

Nested = Any  # a number of a word, or a pair of trees


@dataclass(frozen=True)
class Sentences:
    """Sentences with their binary parses and one label each."""

    parses: list[Nested]
    labels: list[int]

    def some(self, number: int) -> Sentences:
        """Take so many of them, at random but always the same."""
        chosen = np.random.default_rng(0).permutation(len(self.labels))[:number]
        return Sentences(
            [self.parses[k] for k in chosen], [self.labels[k] for k in chosen]
        )


def words_of(tree: Nested) -> list[int]:
    """The leaves of a tree, from left to right."""
    found, stack = list[int](), [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            stack += reversed(node)
        else:
            found.append(node)
    return found


def right_branching(words: list[int]) -> Nested:
    """(w1 (w2 (w3 w4)))."""
    tree: Nested = words[-1]
    for word in reversed(words[:-1]):
        tree = (word, tree)
    return tree


def balanced(words: list[int]) -> Nested:
    """((w1 w2) (w3 w4))."""
    if len(words) == 1:
        return words[0]
    half = (len(words) + 1) // 2
    return balanced(words[:half]), balanced(words[half:])


def top_down(tree: Nested) -> tuple[list[int], list[int]]:
    """Number a tree from its root: each node's parent, and its word or -1."""
    parents, words, stack = list[int](), list[int](), [(tree, -1)]
    while stack:
        node, parent = stack.pop()
        parents.append(parent)
        words.append(-1 if isinstance(node, tuple) else node)
        if isinstance(node, tuple):
            stack += [(child, len(parents) - 1) for child in reversed(node)]
    return parents, words


def chain(words: list[int]) -> tuple[list[int], list[int]]:
    """Number a sequence from its last word, the root."""
    return list(range(-1, len(words) - 1)), words[::-1]


STRUCTURES: dict[str, Callable[[Nested], tuple[list[int], list[int]]]] = {
    "sequence": lambda parse: chain(words_of(parse)),
    "right-branching": lambda parse: top_down(right_branching(words_of(parse))),
    "balanced": lambda parse: top_down(balanced(words_of(parse))),
    "parse": top_down,
}


def corpus(data: Sentences, structure: str, num_words: int, num_classes: int) -> Corpus:
    """Give every sentence that structure, with its label at the root alone."""
    parents, words, sizes = list[int](), list[int](), [0]
    label = list[int]()
    for parse, target in zip(data.parses, data.labels, strict=True):
        above, tokens = STRUCTURES[structure](parse)
        parents += above
        words += tokens
        label += [target] + [-1] * (len(above) - 1)
        sizes.append(len(words))
    names = [str(number) for number in range(max(num_words, num_classes))]
    arrays = (np.array(each) for each in (sizes, parents, words, label))
    return Corpus.from_parents(*arrays, names[:num_words], names[:num_classes])


# ------------------------------------------------------------------------- data


def sst() -> tuple[list[Sentences], int, int]:
    """Train, dev and test of SST, positive or negative; number of words, of classes."""
    folder, number = locate("sst"), dict[str, int]({"<unknown>": 0})
    splits = []
    for split in ("train", "dev", "test"):
        trees = read_brackets(folder / f"{split}.txt.gz")
        if split == "train":
            for token in trees.tokens:
                number.setdefault(token.lower(), len(number))
        code = [number.get(token.lower(), 0) for token in trees.tokens]
        splits.append(_sst_sentences(trees, code))
    return splits, len(number), 2


def _sst_sentences(trees: Corpus, code: list[int]) -> Sentences:
    parses, labels = list[Nested](), list[int]()
    offset, child, token = trees.child_offset, trees.child.tolist(), trees.token
    for start, root in zip(trees.tree_offset[:-1], trees.roots, strict=True):
        label = int(trees.labels[trees.label[root]])
        if label == 2:  # neutral
            continue
        nested: list[Nested] = []
        for v in range(start, root + 1):  # children stand before their parents
            below = child[offset[v] : offset[v + 1]]
            is_leaf = not below
            nested.append(
                code[token[v]] if is_leaf else tuple(nested[c] for c in below)
            )
        parses.append(nested[-1])
        labels.append(int(label > 2))
    return Sentences(parses, labels)


LISTOPS = ["[MIN", "[MAX", "[MED", "[SM", "]", *"0123456789"]


def listops(most: int = 100) -> tuple[list[Sentences], int, int]:
    """Train, dev and test of ListOps, of at most so many words; words, classes."""
    found = [path for path in folders("listops") if path.is_dir()]
    if not found:
        raise DataError("listops is not on this machine; TREEFOLD_DATA names none.")
    splits = []
    for name in ("regen_train_d20s", "regen_dev_d20s", "test_d20s"):
        with gzip.open(found[0] / f"{name}.tsv.gz", "rt") as file:
            splits.append(_listops_sentences(file, most))
    return splits, len(LISTOPS), 10


def _listops_sentences(lines: Iterable[str], most: int) -> Sentences:
    parses, labels = list[Nested](), list[int]()
    code = {word: number for number, word in enumerate(LISTOPS)}
    for line in lines:
        value, _, text = line.rstrip().partition("\t")
        words = [word for word in text.split() if word not in "()"]
        if len(words) > most:
            continue
        # As the data set has it: ((((([SM 6) 5) 9) 0) ]), from the left.
        stack: list[Nested] = []
        for word in words:
            if word.startswith("[") or not stack:
                stack.append(code[word])
                continue
            stack[-1] = (stack[-1], code[word])
            if word == "]" and len(stack) > 1:
                done = stack.pop()
                stack[-1] = (stack[-1], done)
        parses.append(stack[0])
        labels.append(int(value))
    return Sentences(parses, labels)


# --------------------------------------------------------------------- training


@dataclass(frozen=True)
class Budget:
    """How long to train on what."""

    load: Callable[[], tuple[list[Sentences], int, int]]
    sentences: int
    evaluated: int
    epochs: int
    size: int
    learning_rate: float


BUDGETS = {
    "quick": {
        "SST": Budget(sst, 600, 300, 2, 32, 3e-3),
        "ListOps": Budget(listops, 600, 300, 2, 32, 3e-3),
    },
    "full": {
        "SST": Budget(sst, 7_000, 2_000, 4, 64, 2e-3),
        "ListOps": Budget(listops, 10_000, 2_000, 10, 64, 3e-3),
    },
}


@dataclass(frozen=True)
class Outcome:
    """What one structure came to."""

    accuracy: float  # on test, at the epoch that was best on dev
    seconds: float  # of the processor, an epoch
    distance: float  # edges between a word and the root, on average
    reach: float  # share of words with a gradient of at least 1 % of the largest
    fading: dict[int, float]  # distance -> the gradient's norm, of the largest


def accuracy(model: NodeClassifier, data: Corpus) -> float:
    """Share of trees whose root is told right."""
    right = 0
    for batch in batches(data, batch_size=250):
        roots = batch.forest.roots
        told = model.predict(batch)[roots].argmax(1)
        right += int((told == batch.label[roots]).sum())
    return right / len(data)


def reach(model: NodeClassifier, data: Corpus) -> tuple[float, float, dict[int, float]]:
    """Measure how far from the root the words' gradients still are felt."""
    batch = data.batch(slice(0, 200))
    forest = batch.forest
    nodes = torch.arange(forest.num_nodes) if batch.nodes is None else batch.nodes
    x = model.embedding(batch.token).detach().requires_grad_()
    h = fold(model.cell, forest, x, nodes).h[forest.roots]
    loss = nn.functional.cross_entropy(
        model.read(h), batch.label[forest.roots], reduction="sum"
    )
    norm = torch.autograd.grad(loss, x)[0].norm(dim=1)
    tree = forest.tree[nodes]
    largest = norm.new_zeros(forest.num_trees).scatter_reduce(0, tree, norm, "amax")
    share = norm / largest[tree].clamp(min=1e-30)
    down = forest.transpose()  # in which a node's height is its distance from the root
    distance = down.heights[nodes]
    fading = {
        int(d): float(share[distance == d].mean())
        for d in distance.unique()
        if (distance == d).sum() >= 10
    }
    return (
        float(distance.double().mean()),
        float((share >= 0.01).double().mean()),
        fading,
    )


def train(splits: list[Corpus], classes: int, budget: Budget, seed: int = 0) -> Outcome:
    """Train the one cell on one structure."""
    torch.manual_seed(seed)
    words = len(splits[0].tokens)
    cell = NaryTreeLSTMCell(budget.size, budget.size, arity=2)
    model = NodeClassifier(
        cell, words, classes, input_dropout=0.2, output_dropout=0.2, embedding_std=0.3
    )
    model.embedding.sparse = False
    optimizer = torch.optim.Adam(model.parameters(), lr=budget.learning_rate)
    train_set, dev, test = splits
    best, at_best, seconds = -1.0, 0.0, 0.0
    for epoch in range(budget.epochs):
        start = time.process_time()
        model.train()
        for batch in batches(train_set, batch_size=25, seed=seed, epoch=epoch):
            optimizer.zero_grad()
            model.loss(batch).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
        seconds += time.process_time() - start
        if (on_dev := accuracy(model, dev)) > best:
            best, at_best = on_dev, accuracy(model, test)
    model.eval()
    return Outcome(at_best, seconds / budget.epochs, *reach(model, test))


def compare(budget: Budget) -> tuple[dict[str, Outcome], float, list[int]]:
    """Train on every structure; also the majority's accuracy, and sizes of the sets."""
    (train_set, dev, test), words, classes = budget.load()
    parts = [
        train_set.some(budget.sentences),
        dev.some(budget.evaluated),
        test.some(budget.evaluated),
    ]
    common = int(np.bincount(parts[0].labels).argmax())
    majority = float(np.mean(np.array(parts[2].labels) == common))
    outcomes = {}
    for structure in STRUCTURES:
        splits = [corpus(part, structure, words, classes) for part in parts]
        outcomes[structure] = train(splits, classes, budget)
    return outcomes, majority, [len(part.labels) for part in parts]


# ---------------------------------------------------------------------- results


def draw(results: dict[str, dict[str, Outcome]], path: Path) -> None:
    """Draw accuracies, and how gradients fade with the distance from the root."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    colours = dict(
        zip(STRUCTURES, ("#1f62a6", "#b75503", "#5a6876", "#2b8a57"), strict=True)
    )
    with mpl.rc_context({"font.size": 9, "svg.hashsalt": "treefold"}):
        figure = Figure(figsize=(3.4 * (1 + len(results)), 3.2), layout="constrained")
        first, *others = figure.subplots(1, 1 + len(results))
        for number, outcomes in enumerate(results.values()):
            for shift, (structure, outcome) in enumerate(outcomes.items()):
                place = number + (shift - 1.5) * 0.2
                label = structure if number == 0 else None
                percent = 100 * outcome.accuracy
                first.bar(place, percent, 0.18, color=colours[structure], label=label)
                first.text(place, percent, f"{percent:.0f}", ha="center", va="bottom")
        first.set_xticks(range(len(results)), list(results))
        first.set_ylim(0, 112)
        first.set_ylabel("test accuracy, %")
        figure.legend(loc="outside lower center", ncols=len(STRUCTURES), frameon=False)
        for axis, (name, outcomes) in zip(others, results.items(), strict=True):
            for structure, outcome in outcomes.items():
                near = sorted(outcome.fading.items())
                axis.semilogy(*zip(*near, strict=True), color=colours[structure])
            axis.set_title(name, fontsize=9)
            axis.set_xlabel("edges between word and root")
        others[0].set_ylabel("gradient at a word, of the largest")
        for axis in (first, *others):
            axis.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main(arguments: list[str] | None = None) -> dict[str, dict[str, Outcome]]:
    """Show the equalities; train and compare where there are data."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a minute; the default")
    size.add_argument(
        "--full", action="store_true", help="train properly, some minutes"
    )
    parser.add_argument("--picture", type=Path, help="file to draw the comparison into")
    given = parser.parse_args(arguments)

    torch.manual_seed(0)
    print("Equal to rounding (float64, largest difference):")
    for proof in (chain_and_left_branching_tree, elman_and_socher, both_directions):
        for what, difference in proof().items():
            print(f"  {difference:8.1e}  {what}")
    for what, holds in memory_is_shared().items():
        print(f"  {holds!s:>8}  {what}")

    results = {}
    for name, budget in BUDGETS["full" if given.full else "quick"].items():
        try:
            results[name], majority, sizes = compare(budget)
        except DataError as error:
            print(f"\n{name} is left out: {error}")
            continue
        print(
            f"\n{name}: {sizes[0]:,} sentences to train on, {sizes[1]:,} to choose the "
            f"epoch by, {sizes[2]:,} to test on; the commonest class {majority:.1%}"
        )
        print(f"  {'':16} accuracy  s/epoch  edges to root  words reached")
        for structure, o in results[name].items():
            print(
                f"  {structure:16} {o.accuracy:8.1%} {o.seconds:8.1f} "
                f"{o.distance:14.1f} {o.reach:14.0%}"
            )
    if given.picture and results:
        draw(results, given.picture)
        print(f"\nWrote {given.picture}.")
    return results


if __name__ == "__main__":
    main()
