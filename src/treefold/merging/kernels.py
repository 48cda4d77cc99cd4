"""Compiled bookkeeping of a merging: which pairs are taken, and who is next to whom.

Hypotheses lie side by side, those of a structure together, the best first. Each has a
list of pairs of neighbours, ``pair_offset[h]`` to ``pair_offset[h + 1]``: the numbers
of the left and the right node, and the number of the node that they would become.
Arrays are allocated by the caller.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def choose(begin, pair_offset, total, kind, width, source, pair, new_begin):
    """Choose the best `width` ways to go on of each structure, no two of one kind.

    A way is to merge one pair of one hypothesis. Of equal totals the first is better.

    Args:
        begin: (b + 1,) where the hypotheses of each structure begin.
        pair_offset: (n + 1,).
        total: (m,) sum of scores of each way.
        kind: (m,) which nodes stand side by side after it, as a hash.
        width: how many ways are kept of a structure.
        source: where to write which hypothesis each chosen way continues.
        pair: where to write which pair it merges.
        new_begin: (b + 1,) where to write where each structure's ways begin.

    Returns:
        n', how many ways were chosen.
    """
    count = 0
    for b in range(len(begin) - 1):
        new_begin[b] = count
        # The way before bounds the next one from above, in total and in place.
        bound, after = np.inf, -1
        while count - new_begin[b] < width:
            best, of = -1, -1
            for h in range(begin[b], begin[b + 1]):
                for e in range(pair_offset[h], pair_offset[h + 1]):
                    worse = total[e] < bound or (total[e] == bound and e > after)
                    if worse and (best < 0 or total[e] > total[best]):
                        best, of = e, h
            if best < 0:
                break
            bound, after = total[best], best
            known = False
            for k in range(new_begin[b], count):
                known |= kind[pair[k]] == kind[best]
            if not known:
                source[count], pair[count] = of, best
                count += 1
    new_begin[len(begin) - 1] = count
    return count


@njit(cache=True)
def advance(
    source,
    pair,
    pair_offset,
    left,
    right,
    above,
    first,
    scratch,
    new_left,
    new_right,
    new_above,
    new_offset,
):
    """Carry out the merges that were chosen: pairs that touch one get a new end.

    Args:
        source: (n',) which hypothesis each new one continues.
        pair: (n',) which pair it merges.
        pair_offset: (n + 1,).
        left: (m,) left nodes of the old pairs.
        right: (m,) their right nodes.
        above: (m,) what they would become.
        first: the first piece of each node.
        scratch: of -1, a place for each piece.
        new_left: where to write the new pairs.
        new_right: the same.
        new_above: the same; -1 where nobody has looked at the pair for this hypothesis.
        new_offset: (n' + 1,) where to write where each hypothesis' pairs begin.

    Returns:
        m', the number of pairs.
    """
    count = 0
    for k in range(len(source)):
        new_offset[k] = count
        merged = pair[k]
        a, b, c = left[merged], right[merged], above[merged]
        for e in range(pair_offset[source[k]], pair_offset[source[k] + 1]):
            x, y, z = left[e], right[e], above[e]
            if e == merged:
                continue
            if x in (a, b) or y in (a, b):
                other = y if x in (a, b) else x
                if scratch[first[other]] == k:
                    continue  # it was next to both
                scratch[first[other]] = k
                z = -1
                if first[c] < first[other]:
                    x, y = c, other
                else:
                    x, y = other, c
            new_left[count], new_right[count], new_above[count] = x, y, z
            count += 1
    new_offset[len(source)] = count
    return count
