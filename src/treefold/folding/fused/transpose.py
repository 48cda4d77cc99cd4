r"""The transpose of a small square block, in registers.

Swapping the halves of pairs of rows, then quarters, eighths …: rows that differ in one
binary digit exchange the elements that differ from them in that digit. After
:math:`\log_2 n` rounds element (r, k) of an n by n block has become element (k, r).
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from treefold.folding.fused.compiled import intrinsic
from treefold.folding.fused.tile import VECTOR_BYTES

_i32, _i64 = ir.IntType(32), ir.IntType(64)


@intrinsic
def transpose(
    typingctx: Any, like: Any, a: Any, step_a: Any, b: Any, step_b: Any
) -> Any:
    """Store the transpose of a block with a vector a row; all but `like` are int64.

    Args:
        typingctx: numba's.
        like: a number of the element type, float32 or float64.
        a: address of the block.
        step_a: bytes from one row of it to the next.
        b: address of the result, which must lie apart.
        step_b: bytes from one row of that to the next.
    """
    signature = types.void(like, *[types.int64] * 4)

    def codegen(context: Any, builder: Any, _: Any, args: Any) -> Any:
        element = context.get_value_type(like)
        size = context.get_abi_sizeof(element)
        lanes = VECTOR_BYTES // size
        pointer = ir.PointerType(ir.VectorType(element, lanes))

        def row(start: Any, step: Any, number: int) -> Any:
            offset = builder.mul(step, ir.Constant(_i64, number))
            return builder.inttoptr(builder.add(start, offset), pointer)

        def pick(first: Any, second: Any, sources: list[int]) -> Any:
            mask = ir.Constant(ir.VectorType(_i32, lanes), sources)
            return builder.shuffle_vector(first, second, mask)

        def kept(digit: int) -> list[int]:
            """Where what stays in the upper of two rows comes from."""
            return [k + lanes - digit if k & digit else k for k in range(lanes)]

        _like, a, step_a, b, step_b = args
        rows = [builder.load(row(a, step_a, r), align=size) for r in range(lanes)]
        digit = lanes // 2
        while digit:
            for r in range(lanes):
                if r & digit:
                    continue
                upper, lower = rows[r], rows[r + digit]
                rows[r] = pick(upper, lower, kept(digit))
                rows[r + digit] = pick(upper, lower, [k + digit for k in kept(digit)])
            digit //= 2
        for r, value in enumerate(rows):
            builder.store(value, row(b, step_b, r), align=size)
        return context.get_dummy_value()

    return signature, codegen
