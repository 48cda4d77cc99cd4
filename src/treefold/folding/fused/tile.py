r"""The innermost product, as vector code made by the compiler that numba brings.

A tile of C, up to `ROWS` rows by up to `VECTORS` vectors, stays in registers while it
takes in one row of B and one column of A after another:

.. math:: C_{rj} \mathrel{+}= \textstyle\sum_k A_{rk} B_{kj}

Each step loads a few vectors of B and one number for each row of A, so that nearly all
instructions are multiply-adds. Every element of C is one chain of multiply-adds in the
order of k, whatever tile it falls into: results do not depend on how rows were grouped
into batches or shared out to threads.

The width of a vector is that of the machine at hand (AVX-512, AVX, or 16 bytes);
numba's cache on disk keeps the code of different processors apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import cfunc, types
from numba.core import cgutils
from numba.core.extending import overload

from treefold.folding.fused.compiled import intrinsic

_features = binding.get_host_cpu_features()
VECTOR_BYTES = 64 if _features.get("avx512f") else 32 if _features.get("avx") else 16
VECTORS = 3
# The tile of C, one row of B and one number of A fill the registers: 32 of them with
# AVX-512 and on ARM, 16 on older x86.
ROWS = 4 if _features.get("sse2") and not _features.get("avx512f") else 8

_i32, _i64 = ir.IntType(32), ir.IntType(64)


@intrinsic
def _tile(
    typingctx: Any,
    like: Any,
    vectors: Any,
    rows: Any,
    c: Any,
    ld_c: Any,
    a: Any,
    step_a: Any,
    b: Any,
    depth: Any,
    width: Any,
    add: Any,
) -> Any:
    """Multiply one tile; all but `like` are int64.

    Args:
        typingctx: numba's.
        like: a number of the element type, float32 or float64.
        vectors: how many vectors wide the tile is, 1 <= n <= VECTORS.
        rows: how many rows it has, 1 <= m <= ROWS.
        c: address of the tile of C.
        ld_c: elements from one row of C to the next.
        a: address of m addresses, where each row of A begins.
        step_a: elements from one number of a row of A to the next.
        b: address of `depth` rows of n vectors, packed.
        depth: how many steps k there are.
        width: how many of the tile's columns C has; the others are left alone.
        add: 0 to set C, else to add to it.
    """
    signature = types.void(like, *[types.int64] * 10)

    def codegen(context: Any, builder: Any, _: Any, args: Any) -> Any:
        n, m, *rest = args[1:]
        element = context.get_value_type(like)
        size = context.get_abi_sizeof(element)
        done = builder.append_basic_block("tile.done")
        shape = builder.add(builder.mul(n, _number(ROWS + 1)), m)
        cases = builder.switch(shape, done)
        for vectors in range(1, VECTORS + 1):
            for rows in range(1, ROWS + 1):
                block = builder.append_basic_block(f"tile.{rows}x{vectors}")
                cases.add_case(_number(vectors * (ROWS + 1) + rows), block)
                builder.position_at_end(block)
                _emit(builder, element, size, vectors, rows, *rest)
                builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return signature, codegen


def _number(value: int) -> ir.Constant:
    return ir.Constant(_i64, value)


def _emit(
    builder: Any,
    element: Any,
    size: int,
    n: int,
    m: int,
    c: Any,
    ld_c: Any,
    a: Any,
    step_a: Any,
    b: Any,
    depth: Any,
    width: Any,
    add: Any,
) -> None:
    """Write the code of a tile of m rows and n vectors."""
    lanes = VECTOR_BYTES // size
    vector = ir.VectorType(element, lanes)
    mask = ir.VectorType(ir.IntType(1), lanes)
    kind = f"v{lanes}f{size * 8}"

    def function(name: str, result: Any, *arguments: Any) -> Any:
        return cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(result, arguments), f"llvm.{name}"
        )

    def pointer(address: Any, to: Any) -> Any:
        return builder.inttoptr(address, ir.PointerType(to))

    def spread(scalar: Any) -> Any:
        """Fill a vector with one number."""
        undefined = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
        one = builder.insert_element(undefined, scalar, ir.Constant(_i32, 0))
        zeros = ir.Constant(ir.VectorType(_i32, lanes), [0] * lanes)
        return builder.shuffle_vector(one, undefined, zeros)

    def phi(kind: Any, *sources: Any) -> Any:
        node = builder.phi(kind)
        for value, block in sources:
            node.add_incoming(value, block)
        return node

    at = ir.PointerType(vector)
    fma = function(f"fma.{kind}", vector, vector, vector, vector)
    load = function(f"masked.load.{kind}.p0", vector, at, _i32, mask, vector)
    store = function(f"masked.store.{kind}.p0", ir.VoidType(), vector, at, _i32, mask)
    align, zero = ir.Constant(_i32, size), ir.Constant(vector, [0.0] * lanes)

    lane = ir.Constant(ir.VectorType(_i64, lanes), list(range(lanes)))
    inside = [
        builder.icmp_signed("<", lane, spread(builder.sub(width, _number(v * lanes))))
        for v in range(n)
    ]
    table = pointer(a, _i64)
    starts = [
        pointer(builder.load(builder.gep(table, [_number(r)])), element)
        for r in range(m)
    ]
    row_bytes = builder.mul(ld_c, _number(size))
    places = []
    for r in range(m):
        row = builder.add(c, builder.mul(row_bytes, _number(r)))
        for v in range(n):
            address = builder.add(row, _number(v * VECTOR_BYTES))
            places.append((r, v, pointer(address, vector)))

    entry = builder.block
    loading, begin, body, end = (
        builder.append_basic_block(f"tile.{name}")
        for name in ("load", "begin", "body", "end")
    )
    builder.cbranch(builder.icmp_signed("!=", add, _number(0)), loading, begin)

    builder.position_at_end(loading)
    old = [builder.call(load, [p, align, inside[v], zero]) for _, v, p in places]
    builder.branch(begin)

    builder.position_at_end(begin)
    first = [phi(vector, (zero, entry), (value, loading)) for value in old]
    builder.cbranch(builder.icmp_signed(">", depth, _number(0)), body, end)

    builder.position_at_end(body)
    k, at_a, at_b = (phi(_i64, (s, begin)) for s in (_number(0), _number(0), b))
    sums = [phi(vector, (value, begin)) for value in first]
    row_b = [
        builder.load(
            pointer(builder.add(at_b, _number(v * VECTOR_BYTES)), vector), align=size
        )
        for v in range(n)
    ]
    of_a = [spread(builder.load(builder.gep(start, [at_a]))) for start in starts]
    new = [
        builder.call(fma, [of_a[r], row_b[v], total])
        for (r, v, _), total in zip(places, sums, strict=True)
    ]
    next_k = builder.add(k, _number(1))
    k.add_incoming(next_k, body)
    at_a.add_incoming(builder.add(at_a, step_a), body)
    at_b.add_incoming(builder.add(at_b, _number(n * VECTOR_BYTES)), body)
    for total, value in zip(sums, new, strict=True):
        total.add_incoming(value, body)
    builder.cbranch(builder.icmp_signed("<", next_k, depth), body, end)

    builder.position_at_end(end)
    result = [
        phi(vector, (before, begin), (after, body))
        for before, after in zip(first, new, strict=True)
    ]
    for (_, v, place), value in zip(places, result, strict=True):
        builder.call(store, [value, place, align, inside[v]])


# Compiled once for each dtype and called by name: inlined into every walk, the code of
# all shapes would cost each of them seconds of compilation.
_signature = types.void(*[types.int64] * 10)


@cfunc(_signature, cache=True)
def _tile_float32(n, m, c, ld_c, a, step_a, b, depth, width, add):
    _tile(np.float32(0), n, m, c, ld_c, a, step_a, b, depth, width, add)


@cfunc(_signature, cache=True)
def _tile_float64(n, m, c, ld_c, a, step_a, b, depth, width, add):
    _tile(np.float64(0), n, m, c, ld_c, a, step_a, b, depth, width, add)


binding.add_symbol("treefold_tile_float32", _tile_float32.address)
binding.add_symbol("treefold_tile_float64", _tile_float64.address)
_float32 = types.ExternalFunction("treefold_tile_float32", _signature)
_float64 = types.ExternalFunction("treefold_tile_float64", _signature)


def tile(like, n, m, c, ld_c, a, step_a, b, depth, width, add):
    """Multiply one tile in compiled code; the arguments are `_tile`'s."""
    raise TypeError("tile is for compiled code only.")


@overload(tile)
def _tile_of(like, n, m, c, ld_c, a, step_a, b, depth, width, add):
    if like == types.float32:
        return lambda like, n, m, c, ld_c, a, step_a, b, depth, width, add: _float32(
            n, m, c, ld_c, a, step_a, b, depth, width, add
        )
    return lambda like, n, m, c, ld_c, a, step_a, b, depth, width, add: _float64(
        n, m, c, ld_c, a, step_a, b, depth, width, add
    )
