"""DGL 2.1.0: a graph for every tree, and messages from children to parents.

The graphs are made when the trees are loaded; a step joins them with `dgl.batch` and
runs `dgl.prop_nodes_topo`, as DGL's tutorial on Tree-LSTM does. Inputs are looked up
and multiplied for leaves only. DGL's graphbolt, which does not load beside this torch
and is not needed here, is left out.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from __future__ import annotations

import os
import sys
from importlib.metadata import version
from types import ModuleType

os.environ["DGLBACKEND"] = "pytorch"
sys.modules["dgl.graphbolt"] = ModuleType("dgl.graphbolt")

import dgl  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from peers.protocol import serve  # noqa: E402
from peers.torch_engine import TorchEngine  # noqa: E402


class DGL(TorchEngine):
    """Message passing over a batch of trees in topological order."""

    def build(self) -> None:
        self.W = self.model.W = nn.Parameter(self.given["weight_ih"].clone())
        self.U = self.model.U = nn.Parameter(self.given["weight_hh"].clone())
        self.b = self.model.b = nn.Parameter(self.given["bias"].clone())
        self.H = self.U.shape[1] // 2
        self.graphs = [self.prepare(tree) for tree in range(len(self.corpus.order))]

    def prepare(self, tree: int) -> dgl.DGLGraph:
        """Return a tree as a graph with an edge from every child to its parent."""
        corpus = self.corpus
        node = slice(corpus.offset[tree], corpus.offset[tree + 1])
        left, right = corpus.left[node], corpus.right[node]
        inner = np.flatnonzero(left >= 0)
        children = np.stack([left[inner], right[inner]], axis=1).reshape(-1)
        ends = (torch.from_numpy(children), torch.from_numpy(inner.repeat(2)))
        graph = dgl.graph(ends, num_nodes=len(left))
        graph.ndata["word"] = torch.from_numpy(corpus.word[node])
        graph.ndata["label"] = torch.from_numpy(corpus.label[node])
        return graph

    def states(self, trees: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        graph = dgl.batch([self.graphs[tree] for tree in trees])
        V, H, word = graph.num_nodes(), self.H, graph.ndata.pop("word")
        leaves = (word >= 0).nonzero().flatten()
        x = F.linear(self.embedding(word[leaves]), self.W[: 3 * H], self.b[: 3 * H])
        self.bias = torch.cat([self.b, self.b[3 * H :]])
        graph.ndata["iuo"] = torch.zeros(V, 3 * H).index_copy(0, leaves, x)
        graph.ndata["kept"] = torch.zeros(V, H)
        graph.ndata["h"] = torch.zeros(V, H)
        graph.ndata["c"] = torch.zeros(V, H)
        dgl.prop_nodes_topo(
            graph, self.message, self.reduce, apply_node_func=self.apply
        )
        roots = graph.batch_num_nodes().cumsum(0) - 1
        return graph.ndata["h"], graph.ndata["label"], roots

    def message(self, edges: dgl.udf.EdgeBatch) -> dict[str, Tensor]:
        return {"h": edges.src["h"], "c": edges.src["c"]}

    def reduce(self, nodes: dgl.udf.NodeBatch) -> dict[str, Tensor]:
        h, c = nodes.mailbox["h"], nodes.mailbox["c"]  # (N, 2, H) each
        gates = F.linear(h.flatten(1), self.U, self.bias)
        forget = torch.sigmoid(gates[:, 3 * self.H :]).view_as(c)
        return {"iuo": gates[:, : 3 * self.H], "kept": (forget * c).sum(1)}

    def apply(self, nodes: dgl.udf.NodeBatch) -> dict[str, Tensor]:
        i, u, o = nodes.data["iuo"].chunk(3, dim=1)
        c = torch.sigmoid(i) * torch.tanh(u) + nodes.data["kept"]
        return {"h": torch.sigmoid(o) * torch.tanh(c), "c": c}

    def norms(self) -> dict[str, Tensor | None]:
        return {"weight_ih": self.W.grad, "weight_hh": self.U.grad}


if __name__ == "__main__":
    serve(DGL, {name: version(name) for name in ("torch", "dgl")})
