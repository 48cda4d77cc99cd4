"""The public names, and what importing them costs."""

import doctest
import importlib
import json
import pkgutil
import subprocess
import sys

import pytest
import torch

import treefold

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(treefold.__path__, "treefold.")
    if not module.name.endswith("__main__")
)
LAZY = [
    *("treefold", "treefold.data", "treefold.layers", "treefold.models"),
    "treefold.report",
]


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", treefold.__all__)
def test_every_public_name_resolves(name):
    assert getattr(treefold, name) is not None
    assert name in dir(treefold)


@pytest.mark.parametrize("package", [*LAZY, "treefold.training", "treefold.cells"])
def test_every_name_of_a_package_resolves(package):
    module = importlib.import_module(package)
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert list(module.__all__) == sorted(module.__all__) or package == "treefold.cells"


@pytest.mark.parametrize("package", LAZY)
def test_an_unknown_name_is_told(package):
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute"):
        _ = importlib.import_module(package).nothing_of_the_kind


def test_fold_is_the_function_even_after_its_package_is_imported():
    code = "import treefold.folding, treefold.cells, treefold; f = treefold.fold"
    assert run(f"{code}; print(callable(f), f.__name__)") == "True fold\n"


def test_importing_treefold_loads_neither_torch_nor_numba():
    code = "import json, sys, treefold, treefold.cli; print(json.dumps([*sys.modules]))"
    loaded = {name.partition(".")[0] for name in json.loads(run(code))}
    assert not loaded & {"torch", "numba", "numpy", "sklearn", "matplotlib"}


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    torch.set_default_dtype(torch.float32)  # as a user's session begins
    if ".levelwise." in name and name.endswith(("kernels", "launch")):
        pytest.importorskip("triton", reason="kernels for a GPU need Triton")
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert not failed


def test_there_are_examples_in_docstrings():
    found = 0
    for name in ("treefold.forest", "treefold.folding", "treefold.cells.base"):
        module = importlib.import_module(name)
        finder = doctest.DocTestFinder(exclude_empty=True)
        found += sum(len(test.examples) for test in finder.find(module))
    assert found >= 10
