"""Node by node: PyTorch in a recursion over each tree, with a classifier a node.

The vectors of a tree's words are looked up at once, as such code does.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from peers.protocol import serve
from peers.torch_engine import TorchEngine


class NodeByNode(TorchEngine):
    """One node at a time, as a recursion over a tree is written first."""

    def build(self) -> None:
        self.W = self.model.W = nn.Parameter(self.given["weight_ih"].clone())
        self.U = self.model.U = nn.Parameter(self.given["weight_hh"].clone())
        self.b = self.model.b = nn.Parameter(self.given["bias"].clone())
        self.H = self.U.shape[1] // 2

    def norms(self) -> dict[str, Tensor | None]:
        return {"weight_ih": self.W.grad, "weight_hh": self.U.grad}

    def states(self, trees: np.ndarray) -> tuple[list[Tensor], Tensor, list[int]]:
        n = 3 * self.H  # a leaf has no forget gate
        self.leaf = self.W[:n], self.b[:n]
        self.bias = torch.cat([self.b, self.b[n:]])
        found, labels, roots = [], [], []
        for tree in trees:
            node = slice(*self.corpus.offset[tree : tree + 2].tolist())
            word = self.corpus.word[node]
            self.x = dict(
                zip(
                    np.flatnonzero(word >= 0).tolist(),
                    self.embedding(torch.from_numpy(word[word >= 0])).split(1),
                )
            )
            self.left = self.corpus.left[node].tolist()
            self.right = self.corpus.right[node].tolist()
            self.order = []
            self.node(len(word) - 1, found)
            labels.append(self.corpus.label[node][self.order])
            roots.append(len(found) - 1)
        return found, torch.from_numpy(np.concatenate(labels)), roots

    def node(self, node: int, found: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return h and c of a node, and append h of all that it meets to `found`."""
        H, kept = self.H, 0
        if node in self.x:
            iuo = F.linear(self.x[node], *self.leaf)
        else:
            left_h, left_c = self.node(self.left[node], found)
            right_h, right_c = self.node(self.right[node], found)
            gates = F.linear(torch.cat([left_h, right_h], dim=1), self.U, self.bias)
            iuo, forget = gates.split([3 * H, 2 * H], dim=1)
            f_left, f_right = torch.sigmoid(forget).chunk(2, dim=1)
            kept = f_left * left_c + f_right * right_c
        i, u, o = iuo.chunk(3, dim=1)
        c = torch.sigmoid(i) * torch.tanh(u) + kept
        h = torch.sigmoid(o) * torch.tanh(c)
        self.order.append(node)
        found.append(h)
        return h, c

    def loss(self, h: list[Tensor], label: Tensor) -> Tensor:
        total = torch.zeros(())
        for state, wanted in zip(h, label.split(1)):
            total = total + F.cross_entropy(self.output(state), wanted)
        return total

    @torch.no_grad()
    def infer(self, trees: np.ndarray) -> list[Tensor]:
        return [self.output(h) for h in self.states(trees)[0]]

    def rows(self, h: list[Tensor], nodes: list[int]) -> Tensor:
        return torch.cat([h[node] for node in nodes])


if __name__ == "__main__":
    serve(NodeByNode, {"torch": torch.__version__})
