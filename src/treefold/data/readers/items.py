"""Sequences to be told the class of, from files or as they come, without labels."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from treefold.data.errors import DataError
from treefold.data.examples import Example
from treefold.data.readers.lines import STDIN, open_lines
from treefold.data.readers.table import parse_json, read_npz, words_of
from treefold.data.readers.timeseries import read_ts
from treefold.data.readers.wav import ARCHIVES, read_sounds, read_wav


def read_items(
    file: str, kind: str, classes: Collection[str] = ()
) -> Iterator[Example]:
    """Read sequences of a kind, in order.

    Wav files, folders and archives of them, .npz and .ts are known by their names. All
    else, and ``-``, is read line by line: a text, or an object in JSON with a ``text``
    or a ``sequence``; where sounds are wanted, the path of a wav file.

    Args:
        file: a path, or ``-`` for standard input, of which a line is given as it comes.
        kind: "words", "vectors" or "sound".
        classes: where a text begins with one of them and a tab, that is its label.

    Raises:
        DataError: what cannot be read, with its line; nothing at all.
    """
    path = Path(file)
    name = path.name.lower().removesuffix(".gz")
    if path.is_dir() or path.name.lower().endswith(ARCHIVES):
        yield from read_sounds(path)
    elif name.endswith(".wav"):
        yield Example(read_wav(path), None, file)
    elif name.endswith(".npz"):
        yield from read_npz(path, labelled=False)
    elif name.endswith(".ts"):
        yield from read_ts(path)
    else:
        yield from _lines(file, kind, classes)


def _lines(file: str, kind: str, classes: Collection[str]) -> Iterator[Example]:
    empty = True
    for line, text in open_lines(file):
        place = f"{STDIN if file == '-' else file}:{line}"
        text = text.strip(" \t\r\n\f\v")
        if not text:
            continue
        empty = False
        # A text may well begin with a bracket, but not with an object's.
        if text.startswith("{") or (text.startswith("[") and kind != "words"):
            yield parse_json(place, text, labelled=False)
        elif kind == "sound":
            yield Example(read_wav(text), None, place)
        elif kind == "words":
            label, tab, rest = text.partition("\t")
            known = bool(tab) and label.strip() in classes
            words = words_of(rest if known else text)
            yield Example(words, label.strip() if known else None, place)
        else:
            raise DataError(
                f'{place}: expected {{"sequence": [[...], ...]}}, found {text[:40]!r}'
            )
    if empty:
        raise DataError(f"{file}: expected sequences, found nothing")
