"""How runs read negation and adverbs (Socher et al., 2012, 2013)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from treefold.data.corpus import Corpus
from treefold.data.datasets import FIVE_CLASSES, TWO_CLASSES, load_dataset
from treefold.data.negation import (
    POLARITY,
    Contrast,
    Negation,
    Phrase,
    contrasts,
    negations,
    phrases,
)
from treefold.report.negation import Answers, Pair, Study
from treefold.training.errors import RunError
from treefold.training.files import read_tensors
from treefold.training.run import Run, load
from treefold.training.trainer import MODEL

BAYES = "naive Bayes"

Float = NDArray[np.float64]
# (N,) trees as bracket text to (N, C) probabilities
Reader = Callable[[Sequence[str]], Float]


class Sets(NamedTuple):
    """What a model is asked, and what the treebank says of it.

    Attributes:
        positive: positive phrases whose negations are negative.
        negative: negative phrases whose negations are less negative.
        contrasts: "X but Y".
        gold: the label of a phrase of the table that the treebank has, by its text,
            and whether it is among the trees to learn from.
    """

    positive: list[Negation]
    negative: list[Negation]
    contrasts: list[Contrast]
    gold: dict[str, tuple[str, bool]]


def grid(adverbs: Sequence[str], adjectives: Sequence[str]) -> dict[str, str]:
    """Return the tree of each adverb before each adjective, by its text."""
    found = {}
    for adjective in adjectives:
        for adverb in adverbs:
            tree = f"(_ {adjective})"
            for word in reversed(adverb.split()):
                tree = f"(_ (_ {word}) {tree})"
            found[f"{adverb} {adjective}".strip()] = tree
    return found


def find_sets(train: Corpus, test: Corpus, table: Sequence[str]) -> Sets:
    """Find what there is to ask in the test trees of a treebank."""
    found = negations(test)
    wanted, gold = set(table), dict[str, tuple[str, bool]]()
    for corpus in (test, train):  # the label to learn from has the last word
        for phrase in phrases(corpus):
            if phrase.text.lower() in wanted:
                gold[phrase.text.lower()] = (phrase.label, corpus is train)
    return Sets(
        [n for n in found if n.phrase.polarity > 0 > n.negated.polarity],
        [
            n
            for n in found
            if n.phrase.polarity < 0 and n.negated.label > n.phrase.label
        ],
        contrasts(test),
        gold,
    )


def study(
    folders: Sequence[str | Path],
    *,
    adverbs: Sequence[str] = ("", "very", "not"),
    adjectives: Sequence[str] = ("good", "bad"),
    say: Callable[[str], None] = lambda line: None,
) -> Study:
    """Ask runs on the Stanford Sentiment Treebank, with each of their seeds.

    Args:
        folders: of the runs.
        adverbs: what stands before an adjective in the table; "" for nothing.
        adjectives: of the table.
        say: takes a line for each model.

    Returns:
        What was asked and said; naive Bayes comes first, once for each choice of
        classes, then the runs.

    Raises:
        RunError: a folder holds no run, or one whose classes are not the treebank's.
        DataError: the treebank cannot be had.
    """
    runs = [_load(Path(folder)) for folder in folders]
    trees = grid(adverbs, adjectives)
    sst = load_dataset("sst")
    sets = find_sets(sst.train, sst.test, list(trees))
    answers = []
    for classes in dict.fromkeys(run.classes for run in runs):
        say(f"{BAYES} over {len(classes)} classes")
        reader = naive_bayes(sst.train, classes)
        name = BAYES if len({run.classes for run in runs}) == 1 else _of(classes)
        answers.append(ask(name, classes, [reader], sets, trees))
    for run in runs:
        say(str(run.folder))
        seeds = sorted(run.folder.glob(f"seed-*/{MODEL}")) or [run.folder / MODEL]
        readers = (_reader(run, weights) for weights in seeds)
        answers.append(ask(run.folder.name, run.classes, readers, sets, trees))
    rows = [list(grid(adverbs, [adjective])) for adjective in adjectives]
    return Study(
        _texts(sets.positive),
        _texts(sets.negative),
        len(sets.contrasts),
        rows,
        sets.gold,
        answers,
    )


def ask(
    name: str,
    classes: tuple[str, ...],
    readers: Any,
    sets: Sets,
    trees: dict[str, str],
) -> Answers:
    """Ask a model, reader by reader.

    Args:
        name: of the model.
        classes: of its probabilities.
        readers: one for each seed.
        sets: what to ask.
        trees: of the table.
    """
    asked = list(dict.fromkeys(_all_trees(sets, trees)))
    polarity = np.array([POLARITY[name] for name in classes])
    accuracy: list[list[float]] = [[], [], []]
    changes: list[list[Float]] = [[], []]
    total = np.zeros((len(asked), len(classes)))
    for number, reader in enumerate(readers, 1):
        p = reader(asked)
        total += (p - total) / number
        of = dict(zip(asked, p, strict=True))

        def gain(pairs: list[Negation], counted: Any, of: Any = of) -> Float:
            before = np.array([of[n.phrase.tree][counted].sum() for n in pairs])
            after = np.array([of[n.negated.tree][counted].sum() for n in pairs])
            return after - before

        turned = [polarity[of[n.negated.tree].argmax()] < 0 for n in sets.positive]
        changes[0].append(gain(sets.positive, polarity > 0))
        changes[1].append(gain(sets.negative, polarity >= 0))
        right = [_right(c, of, classes) for c in sets.contrasts]
        shares = (turned, changes[1][-1] > 0, right)
        for found, share in zip(accuracy, shares, strict=True):
            found.append(float(np.mean(share)) if len(share) else float("nan"))
    of = dict(zip(asked, total, strict=True))
    return Answers(
        name,
        tuple(polarity.tolist()),
        negated_positive=accuracy[0],
        negated_negative=accuracy[1],
        contrast=accuracy[2],
        positive_change=np.mean(changes[0], axis=0),
        negative_change=np.mean(changes[1], axis=0),
        table={text: of[tree] for text, tree in trees.items()},
    )


def naive_bayes(train: Corpus, classes: tuple[str, ...]) -> Reader:
    """Learn from all labelled phrases, by their words and pairs of words.

    It is the paper's biNB: it knows "not good" only where it has met it.
    """
    by_text = {}
    for phrase in phrases(train):
        label = phrase.label if len(classes) > 2 else _of_two(phrase)
        if label is not None:
            by_text[phrase.text] = classes.index(label)
    words = CountVectorizer(token_pattern=r"\S+", ngram_range=(1, 2))
    model = make_pipeline(words, MultinomialNB())
    model.fit(list(by_text), list(by_text.values()))

    def read(trees: Sequence[str]) -> Float:
        texts = [tree.replace("(_ ", "").replace(")", "") for tree in trees]
        return model.predict_proba(texts)

    return read


def _of_two(phrase: Phrase) -> str | None:
    return {-1: "negative", 0: None, 1: "positive"}[phrase.polarity]


def _of(classes: tuple[str, ...]) -> str:
    return f"{BAYES}, {len(classes)} classes"


def _load(folder: Path) -> Run:
    """Load a run and see that its classes are sentiments."""
    run = load(folder)
    if run.classes not in (FIVE_CLASSES, TWO_CLASSES):
        raise RunError(
            f"{folder} tells {', '.join(run.classes)}, not sentiments. Give runs of "
            "the data sets sst or sst-binary."
        )
    return run


def _reader(run: Run, weights: Path) -> Reader:
    """Let a run read with the weights of one seed."""
    run.model.load_state_dict(read_tensors(weights)[0])

    def read(trees: Sequence[str]) -> Float:
        said = run.predict(trees)
        return np.array([each.node_probabilities[-1] for each in said])

    return read


def _right(contrast: Contrast, of: dict[str, Float], classes: Sequence[str]) -> bool:
    """Say whether X, Y and "but Y" are told right; of two classes, where polar."""
    for part in contrast:
        gold = part.label if len(classes) > 2 else _of_two(part)
        if gold is not None and classes[int(of[part.tree].argmax())] != gold:
            return False
    return True


def _all_trees(sets: Sets, trees: dict[str, str]) -> list[str]:
    pairs = [*sets.positive, *sets.negative]
    asked = [phrase.tree for pair in pairs for phrase in pair]
    asked += [phrase.tree for contrast in sets.contrasts for phrase in contrast]
    return [*asked, *trees.values()]


def _texts(found: Sequence[Negation]) -> list[Pair]:
    return [
        Pair(n.phrase.text, n.negated.text, (n.phrase.label, n.negated.label))
        for n in found
    ]
