"""DyNet 2.2: expressions made node by node in Python, batched by DyNet itself.

It computes on one thread; nothing in it can use more on a CPU.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from __future__ import annotations

from importlib.metadata import version

import dynet_config

dynet_config.set(mem=2048, autobatch=True)

import dynet as dy  # noqa: E402
import numpy as np  # noqa: E402

from peers.protocol import RATE, Check, Corpus, Engine, Weights, serve  # noqa: E402


class DyNet(Engine):
    """A graph of expressions for every batch."""

    def __init__(self, corpus: Corpus, weights: Weights):
        self.corpus = corpus
        lists = (corpus.left, corpus.right, corpus.word, corpus.label)
        self.nodes = list(zip(*(array.tolist() for array in lists)))
        self.H = H = weights["weight_hh"].shape[1] // 2
        self.parameters = dy.ParameterCollection()
        add = self.parameters.parameters_from_numpy
        # Leaves have no forget gate, so that its rows of W meet nothing.
        self.W = add(weights["weight_ih"][: 3 * H])
        self.U = add(weights["weight_hh"])
        self.b_iuo = add(weights["bias"][: 3 * H])
        self.b_f = add(weights["bias"][3 * H :])
        self.output = add(weights["output"])
        self.output_b = add(np.zeros(len(weights["output"])))
        self.embedding = self.parameters.lookup_parameters_from_numpy(
            weights["embedding"]
        )
        self.trainer = dy.AdagradTrainer(self.parameters, RATE)
        self.trainer.set_clip_threshold(0)

    def states(self, trees: np.ndarray) -> tuple[list, list[int], list[int]]:
        """Return the expressions of h of all nodes, their labels, and the roots."""
        dy.renew_cg()
        bias = dy.concatenate([self.b_iuo, self.b_f, self.b_f])
        found, labels, roots = [], [], []
        for tree in trees:
            begin, end = self.corpus.offset[tree : tree + 2].tolist()
            states = []
            for left, right, word, label in self.nodes[begin:end]:
                if word >= 0:
                    x = dy.lookup(self.embedding, word)
                    iuo = dy.affine_transform([self.b_iuo, self.W, x])
                    states.append(self.gates(iuo, None))
                else:
                    states.append(self.inner(bias, states[left], states[right]))
                labels.append(label)
            found.extend(h for h, _ in states)
            roots.append(len(found) - 1)
        return found, labels, roots

    def inner(self, bias, left, right):
        H = self.H
        gates = dy.affine_transform([bias, self.U, dy.concatenate([left[0], right[0]])])
        forget = dy.logistic(dy.pick_range(gates, 3 * H, 5 * H))
        kept = dy.cmult(forget, dy.concatenate([left[1], right[1]]))
        kept = dy.pick_range(kept, 0, H) + dy.pick_range(kept, H, 2 * H)
        return self.gates(dy.pick_range(gates, 0, 3 * H), kept)

    def gates(self, iuo, kept):
        H = self.H
        i = dy.logistic(dy.pick_range(iuo, 0, H))
        u = dy.tanh(dy.pick_range(iuo, H, 2 * H))
        o = dy.logistic(dy.pick_range(iuo, 2 * H, 3 * H))
        c = dy.cmult(i, u) if kept is None else dy.cmult(i, u) + kept
        return dy.cmult(o, dy.tanh(c)), c

    def logits(self, h: list) -> list:
        return [dy.affine_transform([self.output_b, self.output, state]) for state in h]

    def loss(self, trees: np.ndarray):
        h, labels, roots = self.states(trees)
        pairs = zip(self.logits(h), labels)
        losses = [dy.pickneglogsoftmax(logits, label) for logits, label in pairs]
        return dy.esum(losses) * (1 / len(trees)), h, roots

    def train(self, trees: np.ndarray) -> None:
        loss, *_ = self.loss(trees)
        loss.forward()
        loss.backward()
        self.trainer.update()

    def infer(self, trees: np.ndarray) -> np.ndarray:
        h, *_ = self.states(trees)
        return dy.concatenate_to_batch(self.logits(h)).npvalue()

    def check(self, trees: np.ndarray) -> Check:
        loss, h, roots = self.loss(trees)
        value = loss.value()
        loss.backward()
        norms = {
            "weight_ih": float(np.linalg.norm(self.W.grad_as_array())),
            "weight_hh": float(np.linalg.norm(self.U.grad_as_array())),
            "embedding": float(np.linalg.norm(self.embedding.grad_as_array())),
        }
        states = np.array([h[root].npvalue() for root in roots])
        # A step of length 0 clears the gradients, and nothing else here does.
        dy.SimpleSGDTrainer(self.parameters, 0.0).update()
        return Check(value, states, norms)


if __name__ == "__main__":
    serve(DyNet, {"dyNET38": version("dyNET38")})
