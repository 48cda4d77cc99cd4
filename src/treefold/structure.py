"""Compiled loops over ordered child lists: each O(V + E), none recursive.

A structure is a pair (offset, child) of int64 arrays, the CSR form of ordered child
lists: the children of node v are ``child[offset[v]:offset[v + 1]]``. V counts nodes, E
edges, B structures, L levels. These functions trust their input to be in range;
`treefold.forest` checks it first.
"""

from __future__ import annotations

import numpy as np
from numba import njit

UNKNOWN = -1


@njit(cache=True)
def first_out_of_range(offset, child):
    """Return the node whose child list first leaves 0..V-1 and that child, or -1."""
    num_nodes = len(offset) - 1
    for v in range(num_nodes):
        for e in range(offset[v], offset[v + 1]):
            if child[e] < 0 or child[e] >= num_nodes:
                return v, child[e]
    return UNKNOWN, UNKNOWN


@njit(cache=True)
def second_parent(offset, child):
    """Return (child, parent, other parent) of the first node with two, or -1s."""
    num_nodes = len(offset) - 1
    parent = np.full(num_nodes, UNKNOWN, np.int64)
    for v in range(num_nodes):
        for e in range(offset[v], offset[v + 1]):
            if parent[child[e]] != UNKNOWN:
                return child[e], parent[child[e]], v
            parent[child[e]] = v
    return UNKNOWN, UNKNOWN, UNKNOWN


@njit(cache=True)
def transpose(offset, child, slot):
    """Reverse every edge: (offset, parent, slot), parents of a node in ascending order.

    Each edge keeps its slot, so that a node still knows which child of its parent it
    is.
    """
    num_nodes = len(offset) - 1
    up_offset = np.zeros(num_nodes + 1, np.int64)
    for e in range(len(child)):
        up_offset[child[e] + 1] += 1
    for v in range(num_nodes):
        up_offset[v + 1] += up_offset[v]
    free = up_offset[:-1].copy()
    parent = np.empty(len(child), np.int64)
    up_slot = np.empty(len(child), np.int64)
    for v in range(num_nodes):
        for e in range(offset[v], offset[v + 1]):
            place = free[child[e]]
            free[child[e]] = place + 1
            parent[place] = v
            up_slot[place] = slot[e]
    return up_offset, parent, up_slot


@njit(cache=True)
def heights(offset, child):
    """Height of each node above its deepest leaf; -1 on and above a cycle."""
    num_nodes = len(offset) - 1
    height = np.zeros(num_nodes, np.int64)
    children_come_first = True
    for v in range(num_nodes):
        for e in range(offset[v], offset[v + 1]):
            if child[e] >= v:
                children_come_first = False
            elif height[child[e]] >= height[v]:
                height[v] = height[child[e]] + 1
        if not children_come_first:
            break
    if children_come_first:
        return height

    # Kahn's algorithm: a node is ready once all of its children are.
    up_offset, parent, _ = transpose(offset, child, child)
    height[:] = 0
    waiting = offset[1:] - offset[:-1]
    ready = np.empty(num_nodes, np.int64)
    filled = 0
    for v in range(num_nodes):
        if waiting[v] == 0:
            ready[filled] = v
            filled += 1
    done = 0
    while done < filled:
        v = ready[done]
        done += 1
        for e in range(up_offset[v], up_offset[v + 1]):
            p = parent[e]
            height[p] = max(height[p], height[v] + 1)
            waiting[p] -= 1
            if waiting[p] == 0:
                ready[filled] = p
                filled += 1
    for v in range(num_nodes):
        if waiting[v] > 0:
            height[v] = UNKNOWN
    return height


@njit(cache=True)
def cycle(offset, child, height):
    """Return one cycle, node by node, of a structure whose heights hold a -1."""
    num_nodes = len(height)
    v = 0
    while height[v] != UNKNOWN:
        v += 1
    seen_at = np.full(num_nodes, UNKNOWN, np.int64)
    path = np.empty(num_nodes, np.int64)
    length = 0
    # Every unresolved node has an unresolved child, so the walk must close.
    while seen_at[v] == UNKNOWN:
        seen_at[v] = length
        path[length] = v
        length += 1
        for e in range(offset[v], offset[v + 1]):
            if height[child[e]] == UNKNOWN:
                v = child[e]
                break
    return path[seen_at[v] : length]


@njit(cache=True)
def level_order(height):
    """Sort nodes by height, stably: (order, level_offset of L + 1)."""
    num_levels = 0
    for v in range(len(height)):
        num_levels = max(num_levels, height[v] + 1)
    level_offset = np.zeros(num_levels + 1, np.int64)
    for v in range(len(height)):
        level_offset[height[v] + 1] += 1
    for level in range(num_levels):
        level_offset[level + 1] += level_offset[level]
    free = level_offset[:-1].copy()
    order = np.empty(len(height), np.int64)
    for v in range(len(height)):
        order[free[height[v]]] = v
        free[height[v]] += 1
    return order, level_offset


@njit(cache=True)
def components(offset, child):
    """Number the connected components by their smallest node: (tree of V, count)."""
    num_nodes = len(offset) - 1
    leader = np.arange(num_nodes)
    for v in range(num_nodes):
        for e in range(offset[v], offset[v + 1]):
            a, b = v, child[e]
            while leader[a] != a:  # path halving keeps the forest of leaders flat
                leader[a] = leader[leader[a]]
                a = leader[a]
            while leader[b] != b:
                leader[b] = leader[leader[b]]
                b = leader[b]
            if a < b:
                leader[b] = a
            else:
                leader[a] = b
    tree = np.empty(num_nodes, np.int64)
    count = 0
    for v in range(num_nodes):
        a = v
        while leader[a] != a:
            leader[a] = leader[leader[a]]
            a = leader[a]
        if a == v:  # a component's smallest node leads it, and so comes first
            tree[v] = count
            count += 1
        else:
            tree[v] = tree[a]
    return tree, count


@njit(cache=True)
def roots(offset, child, tree, num_trees):
    """Nodes without a parent, ordered by structure: (roots of R, their trees of R)."""
    num_nodes = len(offset) - 1
    has_parent = np.zeros(num_nodes, np.bool_)
    for e in range(len(child)):
        has_parent[child[e]] = True
    root_offset = np.zeros(num_trees + 1, np.int64)
    for v in range(num_nodes):
        if not has_parent[v]:
            root_offset[tree[v] + 1] += 1
    for b in range(num_trees):
        root_offset[b + 1] += root_offset[b]
    found = np.empty(root_offset[num_trees], np.int64)
    found_tree = np.empty(root_offset[num_trees], np.int64)
    for v in range(num_nodes):
        if not has_parent[v]:
            found[root_offset[tree[v]]] = v
            found_tree[root_offset[tree[v]]] = tree[v]
            root_offset[tree[v]] += 1
    return found, found_tree


@njit(cache=True)
def renumber(offset, child, slot, order):
    """Carry the structure to a new numbering: new node i is old node order[i]."""
    num_nodes = len(order)
    rank = np.empty(num_nodes, np.int64)
    for i in range(num_nodes):
        rank[order[i]] = i
    new_offset = np.zeros(num_nodes + 1, np.int64)
    new_child = np.empty(len(child), np.int64)
    new_slot = np.empty(len(child), np.int64)
    place = 0
    for i in range(num_nodes):
        v = order[i]
        for e in range(offset[v], offset[v + 1]):
            new_child[place] = rank[child[e]]
            new_slot[place] = slot[e]
            place += 1
        new_offset[i + 1] = place
    return new_offset, new_child, new_slot


@njit(cache=True)
def regularity(offset, slot, level_offset):
    """Arity of each level whose nodes all fill slots 0..K-1 in order, else -1."""
    arity = np.empty(len(level_offset) - 1, np.int64)
    for level in range(len(arity)):
        first = level_offset[level]
        k = offset[first + 1] - offset[first]
        for v in range(first, level_offset[level + 1]):
            if offset[v + 1] - offset[v] != k:
                k = UNKNOWN
                break
            for j in range(k):
                if slot[offset[v] + j] != j:
                    k = UNKNOWN
                    break
            if k == UNKNOWN:
                break
        arity[level] = k
    return arity


@njit(cache=True)
def select(offset, child, roots, root_tree, wanted, num_trees):
    """Collect the nodes below the roots of each wanted structure, in ascending order.

    Returns:
        nodes: old numbers of the kept nodes, structure by structure.
        new: number of each edge's child in the new numbering, edge by kept edge.
        tree, new_roots, new_root_tree: as in a Forest.
    """
    num_nodes = len(offset) - 1
    first_root = np.zeros(num_trees + 1, np.int64)
    for r in range(len(roots)):
        first_root[root_tree[r] + 1] += 1
    for b in range(num_trees):
        first_root[b + 1] += first_root[b]

    stamp = np.full(num_nodes, UNKNOWN, np.int64)
    rank = np.empty(num_nodes, np.int64)
    stack = np.empty(num_nodes + 1, np.int64)
    pieces = [np.empty(0, np.int64)]
    children = [np.empty(0, np.int64)]
    trees = [np.empty(0, np.int64)]
    new_roots = [np.empty(0, np.int64)]
    new_root_tree = [np.empty(0, np.int64)]
    base = 0
    for k in range(len(wanted)):
        mine = roots[first_root[wanted[k]] : first_root[wanted[k] + 1]]
        found = np.empty(num_nodes, np.int64)
        count = 0
        top = 0
        for r in mine:
            if stamp[r] != k:
                stamp[r] = k
                stack[top] = r
                top += 1
        num_edges = 0
        while top > 0:
            top -= 1
            v = stack[top]
            found[count] = v
            count += 1
            for e in range(offset[v], offset[v + 1]):
                num_edges += 1
                if stamp[child[e]] != k:
                    stamp[child[e]] = k
                    stack[top] = child[e]
                    top += 1
        nodes = np.sort(found[:count])
        for i in range(count):
            rank[nodes[i]] = base + i
        below = np.empty(num_edges, np.int64)
        place = 0
        for v in nodes:
            for e in range(offset[v], offset[v + 1]):
                below[place] = rank[child[e]]
                place += 1
        pieces.append(nodes)
        children.append(below)
        trees.append(np.full(count, k, np.int64))
        new_roots.append(rank[mine])
        new_root_tree.append(np.full(len(mine), k, np.int64))
        base += count
    return pieces, children, trees, new_roots, new_root_tree


@njit(cache=True)
def share(offset, child, slot, order, label):
    """Merge nodes of equal label and equal ordered children (hash consing).

    `order` lists the nodes, children before parents; nodes of different `label`, (V,)
    int64, stay apart.

    Returns:
        node_of: (V,) number of the merged node that stands for each node.
        first: (V',) the first node, in `order`, that each merged node stands for.
    """
    num_nodes = len(offset) - 1
    size = 16
    while size < 2 * num_nodes:
        size *= 2
    table = np.full(size, UNKNOWN, np.int64)
    node_of = np.empty(num_nodes, np.int64)
    first = np.empty(num_nodes, np.int64)
    count = 0
    for v in order:
        key = np.uint64(label[v]) * np.uint64(0x9E3779B97F4A7C15)
        for e in range(offset[v], offset[v + 1]):
            key ^= np.uint64(node_of[child[e]]) * np.uint64(4) + np.uint64(slot[e])
            key = (key ^ (key >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        place = np.int64(key >> np.uint64(17)) & (size - 1)
        while True:
            u = table[place]
            if u == UNKNOWN:
                table[place] = v
                node_of[v] = count
                first[count] = v
                count += 1
                break
            same = label[u] == label[v] and (
                offset[u + 1] - offset[u] == offset[v + 1] - offset[v]
            )
            if same:
                for j in range(offset[v + 1] - offset[v]):
                    a, b = offset[u] + j, offset[v] + j
                    if node_of[child[a]] != node_of[child[b]] or slot[a] != slot[b]:
                        same = False
                        break
            if same:
                node_of[v] = node_of[u]
                break
            place = (place + 1) & (size - 1)
    return node_of, first[:count].copy()


@njit(cache=True)
def positions(offset):
    """Position of each edge in its parent's child list: the slot, unless told."""
    slot = np.empty(offset[-1], np.int64)
    for v in range(len(offset) - 1):
        for e in range(offset[v], offset[v + 1]):
            slot[e] = e - offset[v]
    return slot
