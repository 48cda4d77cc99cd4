"""What a reasoner is measured beside: models without trees, trees without a model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from treefold.data.bracketing import agreement, branching, of_phrases
from treefold.models.ngram import NGram
from treefold.models.reasoner import Windows
from treefold.models.window_rivals import WindowScorer
from treefold.tasks.reason_data import Epoch, Sentences
from treefold.training.optim import Optimizer
from treefold.training.task import Split

if TYPE_CHECKING:
    from treefold.tasks.reason import ReasonTask

ORDER = 3  # of the n-grams
RANDOM = 5  # seeds of random trees
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
Figures = dict[str, float]
HELD: tuple[Literal["dev", "test"], ...] = ("dev", "test")


def baselines(task: ReasonTask) -> dict[str, dict[str, Any]]:
    """Measure rivals in what the task measures."""
    found = {}

    def measure(name: str, figures: Callable[[Split], Figures], begun: float) -> None:
        measured = {split: figures(split) for split in HELD}
        found[name] = {**measured, "seconds": round(time.perf_counter() - begun, 2)}

    if task.config.ranking and task.config.rivals:
        for ordered, name in ((False, "bag of words"), (True, "net over the window")):
            begun = time.perf_counter()
            model = _trained(task, ordered)
            measure(name, lambda split, m=model: _ranking(task, m, split), begun)
        begun = time.perf_counter()
        grams = NGram(ORDER, len(task.vocabulary))
        grams.fit(task.text["train"].step, task.text["train"].offset.tolist())
        name = f"Kneser-Ney {ORDER}-gram"
        measure(name, lambda split: _of_grams(task, grams, split), begun)
    if set(HELD) <= set(task.sentences):
        for kind in ("left", "right", "balanced", "random"):
            name = f"{kind}-branching" if kind in ("left", "right") else f"{kind} trees"
            figures = lambda split, k=kind: _of_trees(task.sentences[split], k)  # noqa: E731
            measure(name, figures, time.perf_counter())
        bound = "known phrases as binary trees (bound)"
        measure(bound, lambda split: _bound(task.sentences[split]), time.perf_counter())
    if task.config.labels:
        begun = time.perf_counter()
        most = int(np.bincount(_labels(task.sentences["train"])).argmax())
        measure("most frequent class", lambda s: _accuracy(task, s, most), begun)
        begun = time.perf_counter()
        words = _words_classifier(task)
        measure("words, logistic regression", lambda split: words[split], begun)
    return found


def _trained(task: ReasonTask, ordered: bool) -> WindowScorer:
    """Train a rival on the windows of the first seed, as long as the model at most."""
    config = replace(task.config, phrases=0.0, labels=0.0, structure="left")
    torch.manual_seed(0)
    model = WindowScorer(
        len(task.vocabulary),
        config.hidden_size,
        config.reach,
        ordered=ordered,
        loss=config.loss,
    )
    optimizer = Optimizer(model, config)
    for epoch in range(config.epochs):
        batches = Epoch(task.text["train"], None, config, 0, epoch + 1)
        for k, batch in enumerate(batches):
            loss = model.loss(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step((epoch + k / len(batches)) / config.epochs)
    return model


@torch.no_grad()
def _ranking(task: ReasonTask, model: WindowScorer, split: Split) -> Figures:
    above = [torch.gt(*model.rank(cut)) for cut in task.windows(split)]
    return {"ranking": float(torch.cat(above).double().mean())}


def _of_grams(task: ReasonTask, grams: NGram, split: Split) -> Figures:
    """Rank windows by the probability of what follows the word's left neighbours."""

    def score(cut: Windows, word: torch.Tensor) -> np.ndarray:
        start = np.cumsum(cut.lengths) - cut.lengths
        offset = np.append(start, len(word)).tolist()
        return np.add.reduceat(grams.log_probability(word.numpy(), offset), start)

    above = [score(c, c.word) > score(c, c.other) for c in task.windows(split)]
    return {"ranking": float(np.concatenate(above).mean())}


def _of_trees(bank: Sentences, kind: Any) -> Figures:
    assert bank.phrases is not None
    lengths = bank.text.lengths
    seeds = range(RANDOM if kind == "random" else 1)
    each = [
        agreement(branching(lengths, kind, s), lengths, bank.phrases) for s in seeds
    ]
    return {
        "f1": float(np.mean([agreed.f1 for agreed in each])),
        "corpus_f1": float(np.mean([agreed.corpus_f1 for agreed in each])),
    }


def _bound(bank: Sentences) -> Figures:
    assert bank.phrases is not None
    lengths = bank.text.lengths
    agreed = agreement(of_phrases(lengths, bank.phrases), lengths, bank.phrases)
    return {"f1": agreed.f1, "corpus_f1": agreed.corpus_f1}


def _labels(bank: Sentences) -> np.ndarray:
    assert bank.label is not None
    return bank.label


def _accuracy(task: ReasonTask, split: Split, said: Any) -> Figures:
    right = np.equal(_labels(task.sentences[split]), said)
    return {"accuracy": float(right.mean())}


def _words_classifier(task: ReasonTask) -> dict[Any, Figures]:
    """Classify by how often words stand in a sentence; the penalty is best on dev."""

    def counts(split: Split) -> csr_matrix:
        text = task.sentences[split].text
        shape = len(text), len(task.vocabulary)
        ones = np.ones(len(text.step))
        return csr_matrix((ones, text.step, text.offset), shape=shape)

    x: dict[Split, csr_matrix] = {s: counts(s) for s in ("train", *HELD)}
    best: dict[Any, Figures] = {}
    for C in PENALTIES:
        model = LogisticRegression(C=C, max_iter=300)
        model.fit(x["train"], _labels(task.sentences["train"]))
        each = {s: _accuracy(task, s, model.predict(x[s])) for s in HELD}
        if not best or each["dev"]["accuracy"] > best["dev"]["accuracy"]:
            best = each
    return best
