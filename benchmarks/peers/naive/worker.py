"""Node by node: PyTorch in a recursion over each tree, loss and classifier included."""

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

    def norms(self) -> dict[str, Tensor]:
        return {"weight_ih": self.W.grad, "weight_hh": self.U.grad}

    def node(self, tree: int, node: int, found: list) -> tuple[Tensor, Tensor]:
        """Return h and c of a node; append place and h of all that it meets."""
        H, place = self.H, self.corpus.offset[tree] + node
        if self.corpus.word[place] >= 0:
            x = self.embedding(torch.tensor([self.corpus.word[place]]))
            iuo, kept = F.linear(x, self.W[: 3 * H], self.b[: 3 * H]), 0
        else:
            left_h, left_c = self.node(tree, self.corpus.left[place], found)
            right_h, right_c = self.node(tree, self.corpus.right[place], found)
            gates = F.linear(torch.cat([left_h, right_h], dim=1), self.U)
            iuo, forget = (gates + self.bias).split([3 * H, 2 * H], dim=1)
            f_left, f_right = torch.sigmoid(forget).chunk(2, dim=1)
            kept = f_left * left_c + f_right * right_c
        i, u, o = iuo.chunk(3, dim=1)
        c = torch.sigmoid(i) * torch.tanh(u) + kept
        h = torch.sigmoid(o) * torch.tanh(c)
        found.append((place, h))
        return h, c

    def states(self, trees: np.ndarray) -> tuple[list[Tensor], Tensor, list[int]]:
        self.bias = torch.cat([self.b, self.b[3 * self.H :]])
        found, roots = [], []
        for tree in trees:
            size = self.corpus.offset[tree + 1] - self.corpus.offset[tree]
            self.node(tree, size - 1, found)
            roots.append(len(found) - 1)
        places, h = zip(*found)
        return list(h), torch.from_numpy(self.corpus.label[list(places)]), roots

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
