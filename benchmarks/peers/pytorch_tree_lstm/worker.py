"""pytorch-tree-lstm 0.1.3: its TreeLSTM module, which has the child-sum cell only.

The evaluation orders are made when the trees are loaded, as its documentation advises;
a step joins them with the package's own `batch_tree_input`. Features are looked up
after joining, at leaves only; the other nodes' are zeros, as the module wants a row for
every node.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from __future__ import annotations

from importlib.metadata import version

import numpy as np
import torch
from torch import Tensor
from treelstm import TreeLSTM, batch_tree_input, calculate_evaluation_orders

from peers.protocol import serve
from peers.torch_engine import TorchEngine


class PytorchTreeLSTM(TorchEngine):
    """The package's module between our vectors and our classifier."""

    def build(self) -> None:
        W, U, b = (self.given[name] for name in ("weight_ih", "sum_weight_hh", "bias"))
        H = U.shape[1]
        self.tree_lstm = self.model.tree_lstm = TreeLSTM(W.shape[1], H)
        # Theirs has i | o | u where the given rows are i | u | o.
        iou = torch.cat(
            [torch.arange(H), torch.arange(2 * H, 3 * H), torch.arange(H, 2 * H)]
        )
        with torch.no_grad():
            self.tree_lstm.W_iou.weight.copy_(W[iou])
            self.tree_lstm.W_iou.bias.copy_(b[iou])
            self.tree_lstm.U_iou.weight.copy_(U[iou])
            self.tree_lstm.W_f.weight.copy_(W[3 * H :])
            self.tree_lstm.W_f.bias.copy_(b[3 * H :])
            self.tree_lstm.U_f.weight.copy_(U[3 * H :])
        self.inputs = [self.prepare(tree) for tree in range(len(self.corpus.order))]

    def prepare(self, tree: int) -> dict[str, Tensor]:
        """Return a tree as the package's examples keep it; features are words here."""
        corpus = self.corpus
        node = slice(corpus.offset[tree], corpus.offset[tree + 1])
        left, right, word = corpus.left[node], corpus.right[node], corpus.word[node]
        inner = np.flatnonzero(left >= 0)
        children = np.stack([left[inner], right[inner]], axis=1).reshape(-1)
        edges = np.stack([inner.repeat(2), children], axis=1)
        node_order, edge_order = calculate_evaluation_orders(edges, len(left))
        return {
            "features": torch.from_numpy(word),
            "node_order": torch.from_numpy(node_order),
            "edge_order": torch.from_numpy(edge_order),
            "adjacency_list": torch.from_numpy(edges),
            "label": torch.from_numpy(corpus.label[node]),
        }

    def states(self, trees: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        chosen = [self.inputs[tree] for tree in trees]
        batch = batch_tree_input(chosen)
        word = batch["features"]
        leaves = (word >= 0).nonzero().flatten()
        x = torch.zeros(len(word), self.embedding.embedding_dim)
        x = x.index_copy(0, leaves, self.embedding(word[leaves]))
        h, _ = self.tree_lstm(
            x, batch["node_order"], batch["adjacency_list"], batch["edge_order"]
        )
        label = torch.cat([tree["label"] for tree in chosen])
        return h, label, torch.tensor(batch["tree_sizes"]).cumsum(0) - 1

    def norms(self) -> dict[str, Tensor | None]:
        net = self.tree_lstm
        return {
            "weight_ih": torch.cat([net.W_iou.weight.grad, net.W_f.weight.grad]),
            "weight_hh": torch.cat([net.U_iou.weight.grad, net.U_f.weight.grad]),
        }


if __name__ == "__main__":
    names = ("torch", "pytorch-tree-lstm")
    serve(PytorchTreeLSTM, {name: version(name) for name in names})
