"""What a command says: results to standard output, news to standard error."""

from __future__ import annotations

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
