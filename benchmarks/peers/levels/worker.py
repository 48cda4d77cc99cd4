"""The loop that one writes by hand: PyTorch, one level of all trees at a time.

``growing`` joins each level's states to those below with `torch.cat`, as most such
loops do; ``preallocated`` writes them into one buffer.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from peers.collation import collate
from peers.protocol import serve
from peers.torch_engine import TorchEngine


class GrowingLevels(TorchEngine):
    """Level by level; the states of all levels so far are one tensor that grows."""

    def build(self) -> None:
        self.W = self.model.W = nn.Parameter(self.given["weight_ih"].clone())
        self.U = self.model.U = nn.Parameter(self.given["weight_hh"].clone())
        self.b = self.model.b = nn.Parameter(self.given["bias"].clone())
        self.H = self.U.shape[1] // 2

    def norms(self) -> dict[str, Tensor | None]:
        return {"weight_ih": self.W.grad, "weight_hh": self.U.grad}

    def leaves(self, word: np.ndarray) -> tuple[Tensor, Tensor]:
        n = 3 * self.H  # a leaf has no forget gate
        x = self.embedding(torch.from_numpy(word))
        return self.gates(F.linear(x, self.W[:n], self.b[:n]), 0)

    def inner(self, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states of N nodes from their children's, (N, 2, H) each."""
        H = self.H
        bias = torch.cat([self.b, self.b[3 * H :]])  # the forget gates share theirs
        gates = F.linear(h.flatten(1), self.U, bias)
        forget = torch.sigmoid(gates[:, 3 * H :]).view_as(c)
        return self.gates(gates[:, : 3 * H], (forget * c).sum(1))

    def gates(self, iuo: Tensor, kept: Tensor | int) -> tuple[Tensor, Tensor]:
        i, u, o = iuo.chunk(3, dim=1)
        c = torch.sigmoid(i) * torch.tanh(u) + kept
        return torch.sigmoid(o) * torch.tanh(c), c

    def states(self, trees: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        batch = collate(self.corpus, trees)
        h = self.walk(batch.offset.tolist(), batch.word, batch.children)
        return h, torch.from_numpy(batch.label), torch.from_numpy(batch.roots)

    def walk(self, offset: list[int], word: np.ndarray, children: np.ndarray) -> Tensor:
        h, c = self.leaves(word)
        below = torch.from_numpy(children)
        for begin, end in zip(offset[1:-1], offset[2:]):
            k = below[begin - offset[1] : end - offset[1]]
            new_h, new_c = self.inner(h[k], c[k])
            h, c = torch.cat([h, new_h]), torch.cat([c, new_c])
        return h


class PreallocatedLevels(GrowingLevels):
    """The same, written into buffers of all V nodes."""

    def walk(self, offset: list[int], word: np.ndarray, children: np.ndarray) -> Tensor:
        h = torch.empty(offset[-1], self.H)
        c = torch.empty(offset[-1], self.H)
        h[: offset[1]], c[: offset[1]] = self.leaves(word)
        below = torch.from_numpy(children.reshape(-1))
        for begin, end in zip(offset[1:-1], offset[2:]):
            k = below[2 * (begin - offset[1]) : 2 * (end - offset[1])]
            shape = (end - begin, 2, self.H)
            under = (h.index_select(0, k).view(shape), c.index_select(0, k).view(shape))
            h[begin:end], c[begin:end] = self.inner(*under)
        return h


if __name__ == "__main__":
    kinds = {"growing": GrowingLevels, "preallocated": PreallocatedLevels}
    serve(kinds[sys.argv[2]], {"torch": torch.__version__})
