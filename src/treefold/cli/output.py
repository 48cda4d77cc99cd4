"""What a command says: results to standard output, news to standard error."""

from __future__ import annotations

import contextlib
import os
import sys


def tell(*lines: str) -> None:
    """Write news to standard error, after the results so far."""
    sys.stdout.flush()
    for line in lines:
        print(line, file=sys.stderr)
    sys.stderr.flush()


def on_terminal() -> bool:
    """Whether somebody sees progress bars."""
    return sys.stderr.isatty()


def discard_results() -> None:
    """Send what is left of the results nowhere, so that Python can end in peace."""
    with contextlib.suppress(OSError, ValueError):  # there may be no real file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
