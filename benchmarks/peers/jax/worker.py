"""JAX, tuned by hand: blocks of one height and a fixed width under one compiled scan.

Nodes are laid out leaves first, then level by level in blocks of K rows, the last block
of a level filled up. One `lax.scan` walks the blocks and writes their states in place;
its gradient is written by hand: the scan goes back over the blocks, every node *pulls*
what its parent sent (no scatter), and the weights' gradients are one product at the
end. Words are looked up, projected and updated once a batch however often they occur.
Everything from lookup to Adagrad is one compiled function whose buffers are donated.
Shapes are rounded up so that few have to be compiled, and steps are dispatched ahead,
so that collation runs beside computation.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from __future__ import annotations

from functools import partial
from importlib.metadata import version
from typing import NamedTuple

import jax
import numpy as np
from jax import Array, lax
from jax import numpy as jnp

from peers.collation import collate
from peers.protocol import RATE, Check, Corpus, Engine, Weights, serve

WIDTH = {25: 16, 256: 64}  # K by batch size, the best of those tried
WASTE = 1.15  # a shape compiled before is used if it is at most this much larger


class Shape(NamedTuple):
    """Sizes that a function is compiled for: distinct words, leaves, blocks."""

    words: int
    leaves: int
    blocks: int


class Batch(NamedTuple):
    """A batch of R = leaves + blocks·K rows, some of them empty.

    Attributes:
        words: (words,) distinct words; empty entries lie beyond the vocabulary.
        row: (leaves,) which of them a leaf is.
        children: (blocks, K, 2) rows of the children; an empty node's are 0.
        pull: (R,) where what a node's parent sends is found; the last place, which
            holds zeros, for roots and empty nodes.
        label: (R,) labels; -1 at empty nodes.
        trees: number of trees.
    """

    words: np.ndarray
    row: np.ndarray
    children: np.ndarray
    pull: np.ndarray
    label: np.ndarray
    trees: np.float32


def gates_of(iuo: Array, H: int) -> tuple[Array, Array, Array]:
    """Return i, u and o of (N, 3H)."""
    return (
        jax.nn.sigmoid(iuo[:, :H]),
        jnp.tanh(iuo[:, H : 2 * H]),
        jax.nn.sigmoid(iuo[:, 2 * H : 3 * H]),
    )


@jax.custom_vjp
def walk(leaf_iuo: Array, U: Array, b: Array, children: Array, pull: Array) -> Array:
    """Return h of all rows from the leaves' gates, (leaves, 3H), before activation."""
    return forward(leaf_iuo, U, b, children, pull)[0]


def forward(leaf_iuo: Array, U: Array, b: Array, children: Array, pull: Array):
    H = leaf_iuo.shape[1] // 3
    leaves, (blocks, K, _) = len(leaf_iuo), children.shape
    i, u, o = gates_of(leaf_iuo, H)
    c = i * u
    t = jnp.tanh(c)
    state = jnp.zeros((leaves + blocks * K, 2 * H))
    state = state.at[:leaves].set(jnp.concatenate([o * t, c], axis=1))
    bias = jnp.concatenate([b, b[3 * H :]])
    UT = U.T

    def step(state: Array, block):
        number, below = block
        under = state[below]  # (K, 2, 2H)
        g = under[:, :, :H].reshape(K, 2 * H) @ UT + bias
        i, u, o = gates_of(g, H)
        f = jax.nn.sigmoid(g[:, 3 * H :])
        kept = f * under[:, :, H:].reshape(K, 2 * H)
        c = i * u + kept[:, :H] + kept[:, H:]
        t = jnp.tanh(c)
        new = jnp.concatenate([o * t, c], axis=1)
        state = lax.dynamic_update_slice(state, new, (leaves + number * K, 0))
        return state, jnp.concatenate([i, u, o, f], axis=1)

    state, gates = lax.scan(step, state, (jnp.arange(blocks), children))
    leaf_gates = jnp.concatenate([i, u, o], axis=1)
    return state[:, :H], (state, gates, leaf_gates, U, children, pull)


def backward(saved, gh: Array):
    state, gates, leaf_gates, U, children, pull = saved
    blocks, K, _ = children.shape
    H, leaves = gh.shape[1], len(leaf_gates)

    def iuo_gradient(i, u, o, c, dh, dc):
        """Return the gradient of c, and of the gates before activation."""
        t = jnp.tanh(c)  # cheaper made again than kept
        dc = dc + dh * o * (1 - t * t)
        di, du, do = dc * u * i * (1 - i), dc * i * (1 - u * u), dh * t * o * (1 - o)
        return dc, jnp.concatenate([di, du, do], axis=1)

    def step(sent: Array, block):
        number, below, g, c, pull, gh = block
        from_above = sent[pull]  # (K, 2H)
        i, u, o = (g[:, k * H : (k + 1) * H] for k in range(3))
        f = g[:, 3 * H :]
        dc, diuo = iuo_gradient(i, u, o, c, gh + from_above[:, :H], from_above[:, H:])
        dc2 = jnp.concatenate([dc, dc], axis=1)
        c_below = state[below][:, :, H:].reshape(K, 2 * H)
        dg = jnp.concatenate([diuo, dc2 * c_below * f * (1 - f)], axis=1)
        dh_below = (dg @ U).reshape(K, 2, H)
        dc_below = (dc2 * f).reshape(K, 2, H)
        down = jnp.concatenate([dh_below, dc_below], axis=2).reshape(2 * K, 2 * H)
        sent = lax.dynamic_update_slice(sent, down, (number * 2 * K, 0))
        return sent, dg

    sent = jnp.zeros((blocks * K * 2 + 1, 2 * H))
    inner = (
        jnp.arange(blocks),
        children,
        gates,
        state[leaves:, H:].reshape(blocks, K, H),
        pull[leaves:].reshape(blocks, K),
        gh[leaves:].reshape(blocks, K, H),
    )
    sent, dg = lax.scan(step, sent, inner, reverse=True)

    from_above = sent[pull[:leaves]]
    i, u, o = (leaf_gates[:, k * H : (k + 1) * H] for k in range(3))
    c = state[:leaves, H:]
    _, dleaf = iuo_gradient(
        i, u, o, c, gh[:leaves] + from_above[:, :H], from_above[:, H:]
    )
    dg = dg.reshape(blocks * K, 5 * H)
    h_below = state[children.reshape(-1), :H].reshape(blocks * K, 2 * H)
    db = dg.sum(0)
    db = db[: 4 * H].at[3 * H :].add(db[4 * H :])
    return dleaf, dg.T @ h_below, db, None, None


walk.defvjp(forward, backward)


def logits_of(weights: dict[str, Array], x: Array, batch: Batch) -> tuple[Array, Array]:
    """Return the logits and h of all rows; x are the words' vectors."""
    n = 3 * weights["weight_hh"].shape[1] // 2
    words = x @ weights["weight_ih"][:n].T + weights["bias"][:n]
    h = walk(
        words[batch.row],
        weights["weight_hh"],
        weights["bias"],
        batch.children,
        batch.pull,
    )
    return h @ weights["output"].T + weights["output_b"], h


def loss_of(weights: dict[str, Array], x: Array, batch: Batch) -> tuple[Array, Array]:
    logits, h = logits_of(weights, x, batch)
    there = jax.nn.one_hot(batch.label, logits.shape[1])  # zeros where -1
    return -(jax.nn.log_softmax(logits) * there).sum() / batch.trees, h


def vectors(table: Array, batch: Batch) -> Array:
    return table.at[batch.words].get(mode="fill", fill_value=0)


gradients = jax.jit(jax.value_and_grad(loss_of, argnums=(0, 1), has_aux=True))


@partial(jax.jit, donate_argnums=(0, 1, 2, 3))
def train_step(weights, squares, table, table_squares, batch: Batch):
    x = vectors(table, batch)
    (_, _), (g, gx) = jax.value_and_grad(loss_of, argnums=(0, 1), has_aux=True)(
        weights, x, batch
    )
    squares = jax.tree.map(lambda s, d: s + d * d, squares, g)
    weights = jax.tree.map(
        lambda w, s, d: w - RATE * d / (jnp.sqrt(s) + 1e-10), weights, squares, g
    )
    sums = table_squares.at[batch.words].get(mode="fill", fill_value=0) + gx * gx
    x = x - RATE * gx / (jnp.sqrt(sums) + 1e-10)
    rows = {"mode": "drop", "unique_indices": True, "indices_are_sorted": True}
    table = table.at[batch.words].set(x, **rows)
    return weights, squares, table, table_squares.at[batch.words].set(sums, **rows)


@jax.jit
def infer_step(weights, table, batch: Batch) -> Array:
    return logits_of(weights, vectors(table, batch), batch)[0]


class Jax(Engine):
    """Compiled steps over padded batches."""

    def __init__(self, corpus: Corpus, weights: Weights):
        self.corpus = corpus
        names = ("weight_ih", "weight_hh", "bias", "output")
        self.weights = {name: jnp.array(weights[name]) for name in names}
        self.weights["output_b"] = jnp.zeros(len(weights["output"]))
        self.squares = jax.tree.map(jnp.zeros_like, self.weights)
        self.table = jnp.array(weights["embedding"])
        self.table_squares = jnp.zeros_like(self.table)
        self.shapes: list[Shape] = []

    def train(self, trees: np.ndarray) -> None:
        self.weights, self.squares, self.table, self.table_squares = train_step(
            self.weights,
            self.squares,
            self.table,
            self.table_squares,
            self.collate(trees)[0],
        )

    def infer(self, trees: np.ndarray) -> Array:
        self.last = infer_step(self.weights, self.table, self.collate(trees)[0])
        return self.last

    def finish(self) -> None:
        jax.block_until_ready((self.table, getattr(self, "last", None)))

    def check(self, trees: np.ndarray) -> Check:
        batch, roots = self.collate(trees)
        x = vectors(self.table, batch)
        (loss, h), (g, gx) = gradients(self.weights, x, batch)
        norms = {name: jnp.linalg.norm(g[name]) for name in ("weight_ih", "weight_hh")}
        norms["embedding"] = jnp.linalg.norm(gx)
        found = {name: float(norm) for name, norm in norms.items()}
        return Check(float(loss), np.asarray(h)[roots], found)

    def shape(self, needed: Shape) -> Shape:
        """Return a shape that is large enough, of those compiled if one is near."""
        for shape in self.shapes:
            pairs = list(zip(shape, needed))
            if all(n <= s for s, n in pairs) and all(
                s <= WASTE * n + 8 for s, n in pairs
            ):
                return shape
        new = Shape(*(-(-int(1.06 * n) // 8) * 8 for n in needed))
        self.shapes.append(new)
        return new

    def collate(self, trees: np.ndarray) -> tuple[Batch, np.ndarray]:
        """Return a padded batch, and the rows of its roots."""
        K = WIDTH.get(len(trees), 32)
        levels = collate(self.corpus, trees)
        words, row = np.unique(levels.word, return_inverse=True)
        size = np.diff(levels.offset)[1:]
        filled = -(-size // K)  # blocks of every level
        shape = self.shape(Shape(len(words), len(row), int(filled.sum())))
        R = shape.leaves + shape.blocks * K

        # The row of every node: leaves keep theirs, levels begin at a block's start.
        leaves, V = len(row), levels.offset[-1]
        begin = shape.leaves + (np.cumsum(filled) - filled) * K
        place = np.arange(V)
        place[leaves:] += np.repeat(begin - levels.offset[1:-1], size)

        below = place[levels.children]
        children = np.zeros((shape.blocks * K, 2), np.int32)
        inner = place[leaves:] - shape.leaves
        children[inner] = below
        pull = np.full(R, shape.blocks * K * 2, np.int32)
        pull[below] = 2 * inner[:, None] + np.arange(2)
        label = np.full(R, -1, np.int32)
        label[place] = levels.label
        # Empty words differ, as those do that are updated: none may occur twice.
        padded = np.arange(shape.words, dtype=np.int32) + len(self.table)
        padded[: len(words)] = words
        rows = np.zeros(shape.leaves, np.int32)
        rows[:leaves] = row
        batch = Batch(
            padded,
            rows,
            children.reshape(shape.blocks, K, 2),
            pull,
            label,
            np.float32(len(trees)),
        )
        return batch, place[levels.roots]


if __name__ == "__main__":
    serve(Jax, {name: version(name) for name in ("jax", "jaxlib")})
