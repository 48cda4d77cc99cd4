"""Names that are imported when first asked for, so that `--help` loads no torch."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any


def attach(
    package: str, names: dict[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a lazy package (PEP 562).

    Args:
        package: the package's `__name__`.
        names: public name -> module (relative to the package) that defines it; an
            empty module name stands for the submodule of that very name.
    """

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if names[name]:
            value = getattr(importlib.import_module(f"{package}.{names[name]}"), name)
        else:
            value = importlib.import_module(f"{package}.{name}")
        setattr(sys.modules[package], name, value)  # the next access is direct
        return value

    public = sorted(names)
    return get, lambda: public, public
