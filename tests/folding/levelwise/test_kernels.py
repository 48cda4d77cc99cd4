"""Triton's kernels do what the same steps in torch's operations do.

Without a GPU they are interpreted, and compiled for one; with one they are run.
"""

import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.core_cases import CELLS, nodes_with_input, random_initial
from tests.folding.levelwise.cases import (
    FOREST,
    SERVED,
    SERVED_WITH_INITIAL,
    states_and_gradients,
)
from treefold import fold
from treefold.folding import levelwise

REPOSITORY = Path(__file__).parents[3]
with_triton = pytest.mark.skipif(
    find_spec("triton") is None,
    reason="Triton is not installed: it comes with torch built for CUDA",
)
with_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no GPU that torch can use"
)


@with_triton
def test_interpreted_they_agree_with_the_steps_in_torch():
    done = subprocess.run(
        [sys.executable, "-m", "tests.folding.levelwise.interpreted"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert {line.split()[0] for line in done.stdout.splitlines()} == set(SERVED)


@with_triton
@pytest.mark.filterwarnings("ignore::UserWarning")  # of Triton about its own settings
@pytest.mark.parametrize("dtype", ["fp32", "fp64"])
@pytest.mark.parametrize("slots", [0, 2])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("kernels", "lstm_up"),
        ("kernels", "lstm_down"),
        ("kernels", "recursive_up"),
        ("kernels", "recursive_down"),
        ("gru_kernels", "up"),
        ("gru_kernels", "down"),
    ],
)
def test_they_compile_for_a_gpu_that_is_not_there(module, name, slots, dtype):
    triton = import_module("triton")
    backends = import_module("triton.backends.compiler")
    compiler = import_module("triton.compiler")
    kernel = getattr(import_module(f"treefold.folding.levelwise.{module}"), name)
    constants = {"H": 150, "K": slots, "BLOCK": 64, "ACTIVATION": "tanh"}
    types = dict.fromkeys(kernel.arg_names, f"*{dtype}")
    types |= dict.fromkeys(("start", "edge", "x_stride"), "i32")
    types |= dict.fromkeys(("child", "offset", "slot"), "*i64")
    types |= dict.fromkeys(constants, "constexpr")
    source = compiler.ASTSource(
        kernel,
        {name: types[name] for name in kernel.arg_names},
        {name: v for name, v in constants.items() if name in kernel.arg_names},
    )
    made = triton.compile(source, target=backends.GPUTarget("cuda", 80, 32))
    assert made.asm["cubin"]


@pytest.mark.parametrize(
    ("device", "capability", "compiler"),
    [("cpu", (8, 0), "gcc"), ("cuda", (6, 1), "gcc"), ("cuda", (8, 0), None)],
)
def test_where_triton_cannot_run_the_fold_is_left_to_others(
    device, capability, compiler, monkeypatch
):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(levelwise, "find_spec", lambda _: object())
    monkeypatch.setattr(levelwise, "which", lambda _: compiler)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    choose = levelwise._kernels.__wrapped__  # without its memory
    assert choose(torch.device(device)) is None


@with_gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", SERVED)
def test_on_a_gpu_the_fold_is_the_recursion_on_the_cpu(name, dtype):
    cell = CELLS[name]().to(dtype)
    nodes = nodes_with_input(cell, FOREST)
    rows = FOREST.num_nodes if nodes is None else len(nodes)
    x = torch.randn(rows, cell.input_size, dtype=dtype)
    start = random_initial(cell, 1) if name in SERVED_WITH_INITIAL else None

    def run(device: str, algorithm: Any) -> Any:
        def there(tensor):
            return tensor.detach().to(device, dtype).requires_grad_()

        cell.to(device)
        at = (FOREST.to(device), there(x), None if nodes is None else nodes.to(device))
        initial = None if start is None else type(start)(*map(there, start))
        state = fold(cell, *at, initial, algorithm=algorithm)
        given = (at[1], *(initial or ()), *cell.parameters())
        found = states_and_gradients([f.cpu() for f in state], *given)
        return [[t.cpu() for t in part] for part in found]

    tolerance = 1e-9 if dtype == torch.float64 else 1e-4
    assert_close(
        run("cuda", "fused"), run("cpu", "recursive"), rtol=tolerance, atol=tolerance
    )


@with_gpu
def test_on_a_gpu_fold_takes_this_way():
    cell = CELLS["lstm-nary"]().cuda()
    x = torch.randn(FOREST.num_nodes, cell.input_size, device="cuda")
    forest = FOREST.sort()[0].to("cuda")  # in level order: states come as they are made
    h = fold(cell, forest, x).h
    assert h.grad_fn is not None
    assert "FusedLevels" in h.grad_fn.name()
