"""Lines of a text file, plain or gzipped, or of standard input as they come."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from treefold.data.errors import DataError
from treefold.data.places import did_you_mean, neighbours

GZIPPED = b"\x1f\x8b"
STDIN = "<stdin>"


def open_lines(file: str | Path) -> Iterator[tuple[int, str]]:
    """Go through the lines of a file, or of ``-``, standard input, with their numbers.

    A line is given as soon as it is whole, without its end.

    Raises:
        DataError: the file is missing or damaged, or a line is not UTF-8.
    """
    if str(file) == "-":
        yield from _decoded(sys.stdin.buffer, STDIN)
        return
    path = Path(file)
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == GZIPPED
            raw.seek(0)
            opened = gzip.GzipFile(fileobj=raw) if zipped else raw
            yield from _decoded(opened, str(file))  # type: ignore[arg-type]
    except FileNotFoundError:
        hint = did_you_mean(str(path), neighbours(path))
        raise DataError(f"{path}: no such file{hint}") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: the gzip file is damaged ({error})") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def _decoded(stream: BinaryIO, name: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(iter(stream.readline, b""), 1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}:{number}:{error.start + 1}: expected text in UTF-8, found the "
                f"byte {line[error.start]:#04x}"
            ) from None
        yield number, text.rstrip("\r\n")
