"""Memory of a walk: what it multiplies, keeps for the way back, and returns.

A system hands out large pieces of memory page by page, each one cleared when it is
first touched, and takes them back when they are freed, which is dear for large batches.
So memory that nobody refers to any more is kept for the next walk. Whoever holds an
array holds its memory, be it a user or a graph that waits for its backward; two walks
never share any.
"""

from __future__ import annotations

from collections import OrderedDict
from math import prod
from typing import Any

import numpy as np

from treefold.folding.fused.product import packed_size

ALIGNMENT = 64  # bytes: a line of the cache, and the widest vector
SMALL = 2**17  # bytes: a piece below is not worth keeping
# Bytes: free memory beyond it goes back, that of longest disuse first; and so does what
# is more than twice of what was ever in use at a time, as much as batches of many sizes
# need.
KEPT = 2**30


class _Piece:
    """A piece of memory, and how numpy is told of it."""

    def __init__(self, size: int):
        self.size = size
        self.owner = np.empty(size + ALIGNMENT, np.uint8)
        address = self.owner.ctypes.data
        self.interface = {
            "data": (address + -address % ALIGNMENT, False),
            "shape": (size,),
            "typestr": "|u1",
            "version": 3,
        }


# By size, the longest unused first. No lock: an array may die anywhere, even inside of
# these functions. Another thread between two lines costs a piece or exact sums.
_free: OrderedDict[int, list[_Piece]] = OrderedDict()
_free_bytes = _used_bytes = _most_used = 0


class _Loan:
    """What an array holds as long as it lives, or a view of it."""

    def __init__(self, piece: _Piece):
        self.piece = piece
        self.__array_interface__ = piece.interface

    def __del__(self) -> None:
        _keep(self.piece)


def _keep(piece: _Piece) -> None:
    """Take a piece back, and let go of sizes that have not been used for longest."""
    global _free_bytes, _used_bytes
    _used_bytes -= piece.size
    if piece.size > KEPT:
        return
    _free.setdefault(piece.size, []).append(piece)
    _free_bytes += piece.size
    while _free_bytes > min(KEPT, 2 * _most_used) and _free:
        size, pieces = _free.popitem(last=False)
        if pieces:
            pieces.pop(0)
            _free_bytes -= size
            _free[size] = pieces
            _free.move_to_end(size, last=False)
    if not _free:
        _free_bytes = 0


def _borrow(size: int) -> np.ndarray:
    """Return at least so many bytes, in steps of an eighth to a quarter of a size."""
    global _free_bytes, _used_bytes, _most_used
    step = 1 << max(size.bit_length() - 3, 0)
    size = -(-size // step) * step
    for found in (size, size + step):
        try:
            piece = _free[found].pop()
            _free_bytes -= found
            _free.move_to_end(found)
            break
        except (KeyError, IndexError):
            continue
    else:
        piece = _Piece(size)
    _used_bytes += piece.size
    _most_used = max(_most_used, _used_bytes)
    return np.asarray(_Loan(piece))


class Buffers:
    """Makes arrays of one dtype, unfilled."""

    def __init__(self, like: np.ndarray):
        self.dtype = like.dtype

    def __call__(self, *shape: int) -> np.ndarray:
        size = int(prod(shape)) * self.dtype.itemsize
        if size < SMALL:
            return np.empty(shape, self.dtype)
        return np.ndarray(shape, self.dtype, _borrow(size))

    def packed(self, depth: int, width: int) -> np.ndarray:
        """Room for a packed matrix of (depth, width)."""
        return self(packed_size(depth, width, self.dtype.itemsize))

    def zeros(self, *shape: int) -> np.ndarray:
        """Make an array of zeros."""
        made: Any = self(*shape)
        made.fill(0)
        return made
