"""torchfold 0.1.0: operations recorded node by node in Python, then run in batches.

Written for torch 0.2: the names it uses that are gone (`torch.tensor._TensorBase`, and
`Variable` with `volatile`) are given to it here.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from __future__ import annotations

from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchfold import torchfold

from peers.protocol import serve
from peers.torch_engine import TorchEngine


class _Variable(Tensor):
    """What a tensor was wrapped in: today it is itself."""

    def __new__(cls, data: Tensor, volatile: bool = False) -> Tensor:
        return data


torchfold.Variable = _Variable
torchfold.torch = SimpleNamespace(
    tensor=SimpleNamespace(_TensorBase=Tensor),
    cat=torch.cat,
    chunk=torch.chunk,
    LongTensor=torch.LongTensor,
)


class Operations(nn.Module):
    """What torchfold calls by name, on many nodes at once."""

    def __init__(self, embedding: nn.Embedding, W: Tensor, U: Tensor, b: Tensor):
        super().__init__()
        self.embedding = embedding
        self.W, self.U, self.b = (nn.Parameter(w.clone()) for w in (W, U, b))
        self.H = U.shape[1] // 2

    def leaf(self, word: Tensor) -> tuple[Tensor, Tensor]:
        n = 3 * self.H
        return self.gates(F.linear(self.embedding(word), self.W[:n], self.b[:n]), 0)

    def inner(
        self, left_h: Tensor, left_c: Tensor, right_h: Tensor, right_c: Tensor
    ) -> tuple[Tensor, Tensor]:
        H = self.H
        bias = torch.cat([self.b, self.b[3 * H :]])
        gates = F.linear(torch.cat([left_h, right_h], dim=1), self.U, bias)
        f_left, f_right = torch.sigmoid(gates[:, 3 * H :]).chunk(2, dim=1)
        return self.gates(gates[:, : 3 * H], f_left * left_c + f_right * right_c)

    def gates(self, iuo: Tensor, kept: Tensor | int) -> tuple[Tensor, Tensor]:
        i, u, o = iuo.chunk(3, dim=1)
        c = torch.sigmoid(i) * torch.tanh(u) + kept
        return torch.sigmoid(o) * torch.tanh(c), c


class Torchfold(TorchEngine):
    """A Fold recorded for every batch."""

    def build(self) -> None:
        W, U, b = (self.given[name] for name in ("weight_ih", "weight_hh", "bias"))
        self.operations = self.model.operations = Operations(self.embedding, W, U, b)
        corpus = self.corpus
        lists = (corpus.left.tolist(), corpus.right.tolist(), corpus.word.tolist())
        self.nodes = list(zip(*lists))

    def states(self, trees: np.ndarray) -> tuple[Tensor, Tensor, list[int]]:
        fold, found, roots, labels = torchfold.Fold(), [], [], []
        for tree in trees:
            begin, end = self.corpus.offset[tree : tree + 2].tolist()
            states = []
            for left, right, word in self.nodes[begin:end]:
                if word >= 0:
                    node = fold.add("leaf", word)
                else:
                    node = fold.add("inner", *states[left], *states[right])
                states.append(node.split(2))
            found.extend(h for h, _ in states)
            roots.append(len(found) - 1)
            labels.append(self.corpus.label[begin:end])
        (h,) = fold.apply(self.operations, [found])
        return h, torch.from_numpy(np.concatenate(labels)), roots

    def norms(self) -> dict[str, Tensor | None]:
        return {
            "weight_ih": self.operations.W.grad,
            "weight_hh": self.operations.U.grad,
        }


if __name__ == "__main__":
    serve(Torchfold, {name: version(name) for name in ("torch", "torchfold")})
