"""What the engines in PyTorch share: vectors, classifier, loss, Adagrad and checks."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from peers.protocol import RATE, Check, Corpus, Engine, Weights


class TorchEngine(Engine):
    """An engine whose `states` returns (h, labels, roots) of some trees.

    Subclasses register their weights with `weight`, under the names that `check` is to
    report.
    """

    def __init__(self, corpus: Corpus, weights: Weights):
        self.corpus = corpus
        self.given = {name: torch.from_numpy(w) for name, w in weights.items()}
        self.model = nn.Module()
        self.model.embedding = nn.Embedding.from_pretrained(
            self.given["embedding"].clone(), freeze=False, sparse=True
        )
        self.embedding = self.model.embedding
        classes, hidden = weights["output"].shape
        self.output = self.model.output = nn.Linear(hidden, classes)
        with torch.no_grad():
            self.output.weight.copy_(self.given["output"])
            self.output.bias.zero_()
        self.build()
        self.optimizer = torch.optim.Adagrad(self.model.parameters(), RATE)

    @abstractmethod
    def build(self) -> None:
        """Make the cell's weights of those given."""

    @abstractmethod
    def states(self, trees: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Collate, and return h of all V nodes, their labels, and the B roots."""

    @abstractmethod
    def norms(self) -> dict[str, Tensor | None]:
        """Return the gradients to be compared, by the names of the given weights."""

    def loss(self, h: Tensor, label: Tensor) -> Tensor:
        """Return the cross-entropy summed over all nodes."""
        return F.cross_entropy(self.output(h), label, reduction="sum")

    def train(self, trees: np.ndarray) -> None:
        h, label, _ = self.states(trees)
        (self.loss(h, label) / len(trees)).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    @torch.no_grad()
    def infer(self, trees: np.ndarray) -> Tensor:
        return self.output(self.states(trees)[0])

    def check(self, trees: np.ndarray) -> Check:
        h, label, roots = self.states(trees)
        loss = self.loss(h, label) / len(trees)
        loss.backward()
        gradients = {**self.norms(), "embedding": self.embedding.weight.grad}
        norms = {}
        for name, g in gradients.items():
            assert g is not None
            norms[name] = float((g.coalesce().values() if g.is_sparse else g).norm())
        self.optimizer.zero_grad()
        return Check(loss.item(), self.rows(h, roots).detach().numpy(), norms)

    def rows(self, h: Tensor, nodes: Tensor) -> Tensor:
        """Return the states of some nodes."""
        return h[nodes]
