"""Not yet."""

SUMMARY = "evaluate"
USAGE = ""


def add_arguments(parser) -> None:
    """Add the command's flags."""


def run(args) -> None:
    """Run the command."""
