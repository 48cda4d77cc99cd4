"""Compiled loops over flat trees: level order, collation, selection. All O(V + E).

Trees come as the arrays of `treefold.data.Corpus`. numba compiles a loop again for
every new combination of array types, so callers keep to those of the corpus:
C-contiguous and read-only.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Reasons why `level_order` gives up.
TWO_ROOTS, NOT_TOP_DOWN = 1, 2


@njit(cache=True)
def level_order(tree_offset, parent):
    """Sort the nodes of each tree by height, and give each node its children.

    Inside a height the nodes keep their order, so that brothers stay in order and
    the root comes last.

    Args:
        tree_offset: (B+1,) int64, where the nodes of each tree begin.
        parent: (V,) int32, a node's parent counted from the tree's first node, less
            than the node's own number; -1 at each tree's first node, its root.

    Returns:
        order (V,) int64: the old number of each node; child_offset (V+1,) int64;
        child (E,) int32 and height (V,) int32, as in `Corpus`; and a pair
        (reason, old number of the node at fault), (0, 0) when all is well.
    """
    V, B = len(parent), len(tree_offset) - 1
    order = np.empty(V, np.int64)
    child_offset = np.zeros(V + 1, np.int64)
    child = np.empty(max(V - B, 0), np.int32)
    height = np.empty(V, np.int32)
    low = np.zeros(V, np.int32)  # heights in the old numbering
    arity = np.zeros(V, np.int32)
    rank = np.empty(V, np.int32)  # new number within the tree, by old number
    start = np.zeros(2, np.int64)  # where each height begins within the tree
    edges = np.int64(0)

    for b in range(B):
        s, e = tree_offset[b], tree_offset[b + 1]
        for v in range(e - 1, s - 1, -1):
            p = parent[v]
            if v == s:
                if p != -1:
                    return order, child_offset, child, height, (NOT_TOP_DOWN, v)
                break
            if p == -1:
                return order, child_offset, child, height, (TWO_ROOTS, v)
            if p < 0 or p >= v - s:
                return order, child_offset, child, height, (NOT_TOP_DOWN, v)
            low[s + p] = max(low[s + p], low[v] + 1)
            arity[s + p] += 1

        levels = low[s] + 1
        if levels + 1 > len(start):
            start = np.zeros(2 * levels + 1, np.int64)
        for k in range(levels + 1):
            start[k] = 0
        for v in range(s, e):
            start[low[v] + 1] += 1
        for k in range(levels):
            start[k + 1] += start[k]
        for v in range(s, e):
            new = start[low[v]]
            start[low[v]] += 1
            rank[v] = new
            order[s + new] = v
            height[s + new] = low[v]

        for i in range(s, e):
            child_offset[i] = edges
            edges += arity[order[i]]
            arity[order[i]] = 0  # counts the children placed so far, from here on
        for v in range(s + 1, e):
            p = s + parent[v]
            child[child_offset[s + rank[p]] + arity[p]] = rank[v]
            arity[p] += 1
    child_offset[V] = edges
    return order, child_offset, child, height, (0, np.int64(0))


@njit(cache=True)
def select(trees, tree_offset, child_offset, child, height, token, label):
    """Copy the listed trees into new flat arrays, in the order given.

    Returns:
        The five arrays of a corpus after `trees`: tree_offset, child_offset, child,
        height, token and label.
    """
    B = len(trees)
    V = np.int64(0)
    E = np.int64(0)
    for j in range(B):
        s, e = tree_offset[trees[j]], tree_offset[trees[j] + 1]
        V += e - s
        E += child_offset[e] - child_offset[s]
    new_tree_offset = np.zeros(B + 1, np.int64)
    new_child_offset = np.empty(V + 1, np.int64)
    new_child = np.empty(E, np.int32)
    new_height = np.empty(V, np.int32)
    new_token = np.empty(V, np.int32)
    new_label = np.empty(V, np.int32)
    n = np.int64(0)
    m = np.int64(0)
    for j in range(B):
        s, e = tree_offset[trees[j]], tree_offset[trees[j] + 1]
        first = child_offset[s]
        for v in range(s, e):
            new_child_offset[n] = m + child_offset[v] - first
            new_height[n] = height[v]
            new_token[n] = token[v]
            new_label[n] = label[v]
            n += 1
        for k in range(first, child_offset[e]):
            new_child[m] = child[k]
            m += 1
        new_tree_offset[j + 1] = n
    new_child_offset[V] = E
    return (
        new_tree_offset,
        new_child_offset,
        new_child,
        new_height,
        new_token,
        new_label,
    )


@njit(cache=True)
def replace_by_rank(tokens, num_tokens):
    """Replace tokens by their ranks, and return the distinct ones (U,), ascending.

    A set over 0..num_tokens-1 that needs no clearing (Briggs and Torczon, 1993): where
    in `words` a token stands is believed only if it does stand there, so `place` may
    begin as whatever was in memory.

    Args:
        tokens: (N,) int64, each less than `num_tokens`; changed to 0..U-1.
        num_tokens: W.
    """
    place = np.empty(num_tokens, np.int32)
    words = np.empty(min(len(tokens), num_tokens), np.int64)
    U = 0
    for t in tokens:
        p = place[t]
        if p < 0 or p >= U or words[p] != t:
            place[t] = U
            words[U] = t
            U += 1
    words = words[:U].copy()
    words.sort()
    for p in range(U):
        place[words[p]] = p
    for i in range(len(tokens)):
        tokens[i] = place[tokens[i]]
    return words


@njit(cache=True)
def collate(trees, tree_offset, child_offset, child, height, token, label, num_tokens):
    """Merge the listed trees, each in level order, into one forest in level order.

    Inside a level, nodes stand by tree, in the order of `trees`, then in the tree's
    own order. Tokens are less than `num_tokens`.

    Returns:
        The forest's offset (V+1,), child (E,), tree (V,), roots (B,) and
        level_offset (L+1,); the distinct tokens (U,), ascending; which of them the
        nodes that have one have (N,), and those nodes (N,); and every node's label
        (V,). All int64.
    """
    B = len(trees)
    V = np.int64(0)
    L = np.int64(0)
    for j in range(B):
        s, e = tree_offset[trees[j]], tree_offset[trees[j] + 1]
        V += e - s
        L = max(L, np.int64(height[e - 1]) + 1)  # a root is its tree's last node

    level_offset = np.zeros(L + 1, np.int64)
    tokens = np.int64(0)
    for j in range(B):
        for v in range(tree_offset[trees[j]], tree_offset[trees[j] + 1]):
            level_offset[height[v] + 1] += 1
            tokens += token[v] >= 0
    for k in range(L):
        level_offset[k + 1] += level_offset[k]

    # Each node's new number, and its number of children one place on.
    cursor = np.empty(L, np.int64)
    for k in range(L):
        cursor[k] = level_offset[k]
    rank = np.empty(V, np.int64)
    offset = np.zeros(V + 1, np.int64)
    tree = np.empty(V, np.int64)
    roots = np.empty(B, np.int64)
    node_label = np.empty(V, np.int64)
    node_token = np.empty(V, np.int64)
    n = np.int64(0)
    for j in range(B):
        for v in range(tree_offset[trees[j]], tree_offset[trees[j] + 1]):
            new = cursor[height[v]]
            cursor[height[v]] += 1
            rank[n] = new
            n += 1
            offset[new + 1] = child_offset[v + 1] - child_offset[v]
            tree[new] = j
            node_label[new] = label[v]
            node_token[new] = token[v]
        roots[j] = rank[n - 1]
    for v in range(V):
        offset[v + 1] += offset[v]

    new_child = np.empty(offset[V], np.int64)
    n = np.int64(0)
    for j in range(B):
        s, e = tree_offset[trees[j]], tree_offset[trees[j] + 1]
        for v in range(s, e):
            place = offset[rank[n + v - s]]
            for k in range(child_offset[v], child_offset[v + 1]):
                new_child[place] = rank[n + child[k]]
                place += 1
        n += e - s

    nodes = np.empty(tokens, np.int64)
    rows = np.empty(tokens, np.int64)
    n = np.int64(0)
    for v in range(V):
        if node_token[v] >= 0:
            nodes[n] = v
            rows[n] = node_token[v]
            n += 1
    words = replace_by_rank(rows, num_tokens)
    return (
        offset,
        new_child,
        tree,
        roots,
        level_offset,
        words,
        rows,
        nodes,
        node_label,
    )


@njit(cache=True)
def cut_by_nodes(order, tree_offset, max_nodes, max_trees):
    """Cut a list of trees where the next one would not fit into the batch.

    Args:
        order: (B,) int64, the trees.
        tree_offset: (B+1,) int64, as in `Corpus`.
        max_nodes: the most nodes in a batch of more than one tree.
        max_trees: the most trees in a batch.

    Returns:
        cuts (B,) int64 and their number n: ``cuts[:n]`` tells where in `order` each
        batch but the first begins.
    """
    cuts = np.empty(len(order), np.int64)
    n = 0
    first = 0
    nodes = np.int64(0)
    for i in range(len(order)):
        size = tree_offset[order[i] + 1] - tree_offset[order[i]]
        if i > first and (nodes + size > max_nodes or i - first >= max_trees):
            cuts[n] = i
            n += 1
            first = i
            nodes = 0
        nodes += size
    return cuts, n
