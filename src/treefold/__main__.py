"""``python -m treefold`` is the command ``treefold``."""

import sys

from treefold.cli import main

if __name__ == "__main__":
    sys.exit(main())
