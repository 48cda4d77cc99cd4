"""Texts to train a language model on, choose by, and measure on.

Names that are known here:

- ``ptb``: the Wall Street Journal with 10,000 words, Mikolov's split (2010).
- ``tinyshakespeare``: 1,115,394 characters of plays (Karpathy, 2015). The first 90 % is
  train, the next 5 % dev, the last 5 % test.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from treefold.data.errors import DataError
from treefold.data.places import SPLITS, did_you_mean, folders, neighbours, split_file

HELD_OUT = 0.05  # of a text go to dev, and as much to test, where neither is given
NAMED = ("ptb", "tinyshakespeare")


@final
@dataclass(frozen=True)
class TextSet:
    """A text in three parts.

    Attributes:
        name: what reports call it.
        splits: ``train``, ``dev``, ``test``, or some of them.
        note: what a report should say of it.
    """

    name: str
    splits: Mapping[str, str]
    note: str = ""


def load_text_set(data: str, files: Mapping[str, str | None] | None = None) -> TextSet:
    """Load a data set by name, or from plain text files in UTF-8.

    Where dev or test has no file, the end of the training text is taken for it, 5 %
    each: the last part is the test, the one before it dev.

    Args:
        data: a name in `NAMED`; a file, which may be gzipped; or a folder that has
            ``train.txt`` and may have ``dev.txt`` and ``test.txt``.
        files: the file of each split; where any but `train` is given, and `data`
            names one of them, nothing else is read.

    Raises:
        DataError: there is no such data, it is no text, or too short.
    """
    given = {split: file for split, file in (files or {}).items() if file is not None}
    if data in NAMED:
        if given:
            raise DataError(
                f"{data} has its own split; {', '.join(given)} cannot be given with it"
            )
        return _ptb() if data == "ptb" else _tinyshakespeare()
    path = Path(data)
    if path.is_dir():
        for split in SPLITS:
            if (found := split_file(path, split)) is not None:
                given.setdefault(split, str(found))
        if "train" not in given:
            raise DataError(f"{data}: expected train.txt or train.txt.gz in the folder")
    elif data not in given.values():
        given.setdefault("train", data)
    splits = {split: read_text(file) for split, file in given.items()}
    name = path.name.removesuffix(".gz").removesuffix(".txt") or data
    if "train" not in splits:
        return TextSet(name, splits)
    missing = [split for split in ("dev", "test") if split not in splits]
    note, size = "", round(HELD_OUT * len(splits["train"]))
    for split in reversed(missing):
        text = splits["train"]
        at = _near_line_end(text, len(text) - size)
        splits[split], splits["train"] = text[at:], text[:at]
        if not splits[split].strip() or not splits["train"].strip():
            raise DataError(
                f"{given['train']}: the text is too short to take {HELD_OUT:.0%} of it "
                f"for {split}; give a file of its own for it, or a longer text"
            )
    if missing:
        parts = " and ".join(missing)
        note = f"{parts}: the last {HELD_OUT:.0%} of the text each, in this order."
    return TextSet(name, {split: splits[split] for split in SPLITS}, note)


def read_text(file: str) -> str:
    """Read a text file in UTF-8, which may be gzipped; ``-`` is standard input.

    Raises:
        DataError: there is none, it is empty, or not UTF-8 (with line and column).
    """
    path = Path(file)
    if file == "-":
        raw = sys.stdin.buffer.read()
    elif not path.is_file():
        hint = did_you_mean(file, [*NAMED, *neighbours(path)])
        raise DataError(f"no data set and no file is called {file!r}{hint}")
    else:
        try:
            raw = path.read_bytes()
            raw = gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
        except (OSError, EOFError) as error:
            raise DataError(f"{file}: cannot be read: {error}") from None
    if not raw.strip():
        raise DataError(f"{file}: expected a text, found nothing; the file is empty")
    return decode(raw, file)


def decode(raw: bytes, name: str, line: int = 1) -> str:
    """Decode UTF-8, a byte order mark and all kinds of line ends, from a line on.

    Raises:
        DataError: a byte that cannot be, with its line and column.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        row = before.count(b"\n")
        column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
        raise DataError(
            f"{name}:{line + row}:{column}: expected UTF-8, found the byte "
            f"0x{raw[error.start]:02x}; save the text as UTF-8, or write it so with "
            "`iconv -f latin1 -t utf8`"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _near_line_end(text: str, at: int) -> int:
    """Move a cut to the next end of a line, or of a word, if there is one near."""
    near = max(len(text) // 100, 1000)
    for space in (r"\n", r"\s"):
        found = re.compile(space).search(text, max(at - 1, 0), at + near)
        if found and found.end() < len(text):
            return found.end()
    return at


def _ptb() -> TextSet:
    folder = _folder("ptb_lm")
    names = {"train": "train", "dev": "valid", "test": "test"}
    splits = {
        split: read_text(str(folder / f"ptb.{name}.txt.gz"))
        for split, name in names.items()
    }
    note = "Words are lower-cased, numbers N, and rare words <unk>, as published."
    return TextSet("ptb", splits, note)


def _tinyshakespeare() -> TextSet:
    text = read_text(str(_folder("tinyshakespeare") / "input.txt"))
    a, b = int(0.9 * len(text)), int(0.95 * len(text))
    note = "First 90 % of the characters train, next 5 % dev, last 5 % test."
    splits = {"train": text[:a], "dev": text[a:b], "test": text[b:]}
    return TextSet("tinyshakespeare", splits, note)


def _folder(name: str) -> Path:
    """Return the folder of a data set.

    Raises:
        DataError: it is not on this machine.
    """
    looked = folders(name)
    for folder in looked:
        if folder.is_dir():
            return folder
    raise DataError(
        f"{name} is not on this machine; looked in {' and '.join(map(str, looked))}. "
        f"Let TREEFOLD_DATA name the folder that has `{name}` in it."
    )
