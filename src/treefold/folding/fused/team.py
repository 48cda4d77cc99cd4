"""Run a compiled walk on torch's own threads.

torch's workers spin for a while after each parallel operation, so a second pool of
threads would fight them for the cores: a product on each pool in turn took ten times
as long as both together should. So there is no second pool. torch computes on an OpenMP
team; a walk asks the same library for the same team, and finds its workers awake. A
barrier costs a fraction of a microsecond.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any, cast

import torch
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils

from treefold.folding.fused.compiled import intrinsic

_Body = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_Start = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint
)
_NEEDED = (
    *("GOMP_parallel", "GOMP_barrier", "omp_get_thread_num"),
    *("omp_get_dynamic", "omp_get_thread_limit"),
)


def _openmp() -> ctypes.CDLL | None:
    """Find the OpenMP library that torch has loaded; None where there is none."""
    home = Path(torch.__file__).parent
    beside = [*home.glob("lib/*omp*"), *home.parent.glob("torch.libs/*omp*")]
    for name in [*map(str, sorted(beside)), None]:
        try:
            library = ctypes.CDLL(name)
            for needed in _NEEDED:
                getattr(library, needed)
        except (OSError, AttributeError, TypeError):
            continue
        return library
    return None


def _alone(body: int, data: int, _threads: int, _flags: int) -> None:
    _Body(body)(data)


# What stands in where torch has no such team: the calling thread, alone.
_alone_c = _Start(_alone)
_nothing_c = ctypes.CFUNCTYPE(None)(lambda: None)
_zero_c = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 0)

_library = _openmp()
_entries = {
    "treefold_parallel": _library.GOMP_parallel if _library else _alone_c,
    "treefold_barrier": _library.GOMP_barrier if _library else _nothing_c,
    "treefold_rank": _library.omp_get_thread_num if _library else _zero_c,
}
# By name, not by address, so that compiled walks can be cached on disk.
for _name, _entry in _entries.items():
    binding.add_symbol(_name, ctypes.cast(_entry, ctypes.c_void_p).value)

barrier = types.ExternalFunction("treefold_barrier", types.void())
rank = types.ExternalFunction("treefold_rank", types.int32())


def size() -> int:
    """Return how many threads a walk runs on: as many as torch's own operations.

    A walk must get the whole team that it asks for. OpenMP gives less beyond its
    thread limit, and whatever it likes where teams are dynamic.
    """
    if not _library or _library.omp_get_dynamic():
        return 1
    return min(torch.get_num_threads(), _library.omp_get_thread_limit())


@intrinsic
def parallel(typingctx: Any, walk: Any, threads: Any, args: Any) -> Any:
    """Call a compiled function on every thread of the team, and wait for all.

    It must not raise. `rank()` tells it which thread it is on, 0 to threads - 1, and
    `barrier()` waits until all have come there.

    Args:
        typingctx: numba's.
        walk: the function, which returns nothing.
        threads: int64, how many threads.
        args: the tuple of its arguments.
    """
    callee = walk.get_call_type(typingctx, tuple(args), {})
    signature = types.void(walk, types.int64, args)

    def codegen(context: Any, builder: Any, _: Any, values: Any) -> Any:
        compiled = walk.dispatcher.get_compile_result(callee)
        context.active_code_library.add_linking_library(compiled.library)
        unpacked = cgutils.unpack_tuple(builder, values[2])
        closure = ir.LiteralStructType([value.type for value in unpacked])

        byte_pointer = ir.IntType(8).as_pointer()
        body_type = ir.FunctionType(ir.VoidType(), [byte_pointer])
        name = f"{builder.function.name}.body"
        body = ir.Function(builder.module, body_type, name)
        body.linkage = "internal"
        inner = ir.IRBuilder(body.append_basic_block())
        data = inner.load(inner.bitcast(body.args[0], closure.as_pointer()))
        function = context.declare_function(builder.module, compiled.fndesc)
        context.call_conv.call_function(
            inner,
            function,
            callee.return_type,
            callee.args,
            [
                _lend(context, inner, kind, inner.extract_value(data, i))
                for i, kind in enumerate(args)
            ],
        )
        inner.ret_void()

        place = cgutils.alloca_once(builder, closure)
        builder.store(cgutils.make_anonymous_struct(builder, unpacked, closure), place)
        i32 = ir.IntType(32)
        start = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(
                ir.VoidType(), [body_type.as_pointer(), byte_pointer, i32, i32]
            ),
            "treefold_parallel",
        )
        builder.call(
            start,
            [
                body,
                builder.bitcast(place, byte_pointer),
                builder.trunc(values[1], i32),
                ir.Constant(i32, 0),
            ],
        )
        return context.get_dummy_value()

    return signature, codegen


def _lend(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Pass arrays on without their reference count.

    The caller holds them until all threads are done. Counting, an atomic operation,
    would cost more than the short loops over slices that the walks are made of.
    """
    if isinstance(kind, types.BaseTuple):
        for i, item in enumerate(cast(Any, kind)):
            lent = _lend(context, builder, item, builder.extract_value(value, i))
            value = builder.insert_value(value, lent, i)
    elif isinstance(kind, types.Array):
        array = cgutils.create_struct_proxy(kind)(context, builder, value=value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        value = array._getvalue()
    return value
