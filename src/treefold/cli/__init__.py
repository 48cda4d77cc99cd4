"""The command line: one file a command, and no logic of its own."""

from treefold.cli.app import main

__all__ = ["main"]
