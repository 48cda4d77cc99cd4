"""poj104: programs that solve one of 104 problems, in C and C++, as syntax trees.

From a teaching platform's judge (Mou et al., 2016, arXiv:1409.5718): 500 programs a
problem. They are shared out at random, three fifths to train, and one each to dev and
test, as in the published work.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from treefold.data.documents import Document, Documents, DocumentSet
from treefold.data.errors import DataError
from treefold.data.kept import kept
from treefold.data.parallel import parse_texts
from treefold.data.places import cache_folder, folders
from treefold.data.readers import source_code

NAME = "poj104"
FILE = "programs.jsonl.xz"
LANGUAGE = "cpp"  # of which C is nearly a part; many of the programs are both
VERSION = 1  # of the rules below; another one makes other trees
SHARES = (0.6, 0.2)  # train, dev; the rest is test
SATURATED = (
    "The set is saturated: sequences of up to three tokens tell these problems apart "
    "as well as trees do."
)


def load(seed: int = 0, progress: bool = False) -> DocumentSet:
    """Parse the programs, or open them where they have been parsed before.

    Args:
        seed: shares the programs out.
        progress: show a bar on standard error, if that is a terminal.

    Raises:
        DataError: the programs are not on this machine, or there is no parser.
    """
    path = locate()
    programs = kept(_folder(path), lambda: _parsed(path, progress))
    order = np.random.default_rng(seed).permutation(len(programs))
    cuts = np.round(np.cumsum(SHARES) * len(order)).astype(int)
    train, dev, test = (programs[part] for part in np.split(order, cuts))
    return DocumentSet(
        NAME,
        train,
        dev,
        test,
        "classify",
        note=f"{len(programs):,} programs, 104 problems, shared out at random 3:1:1. "
        + SATURATED,
    )


def locate() -> Path:
    """Return the file of the programs.

    Raises:
        DataError: it is not on this machine.
    """
    for folder in folders(NAME):
        if (folder / FILE).is_file():
            return folder / FILE
    looked = " and ".join(str(folder / FILE) for folder in folders(NAME))
    raise DataError(
        f"{NAME} is not on this machine; looked for {looked}. Bring the programs of "
        "POJ-104 there, a JSON object with `label` and `code` a line, or let "
        f"TREEFOLD_DATA name the folder that has {NAME}/{FILE} in it."
    )


def sources(path: Path) -> Iterator[tuple[str, str, str]]:
    """Give the place, the problem and the text of each program.

    Raises:
        DataError: the file is damaged, or a line has no program.
    """
    number = 0
    try:
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                program = json.loads(line)
                yield f"{FILE}:{number}", f"{program['label']}", program["code"]
    except (lzma.LZMAError, EOFError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}:{number}: expected a JSON object with `label` and `code` a line, "
            f"xz-compressed ({error!r})"
        ) from None


def _folder(path: Path) -> Path:
    """Return where the parsed programs are kept: of this file, parser and grammar."""
    try:
        made = [version(f"tree-sitter{end}") for end in ("", f"-{LANGUAGE}")]
    except PackageNotFoundError:
        made = []  # the reader says what is missing
    digest = hashlib.sha256(json.dumps([VERSION, made]).encode())
    digest.update(path.read_bytes())
    return cache_folder() / NAME / digest.hexdigest()[:16]


def _parsed(path: Path, progress: bool) -> Documents:
    found = list(sources(path))
    texts = [(place, code.encode()) for place, _, code in found]
    read = partial(source_code.read, language=LANGUAGE)

    def documents() -> Iterator[Document]:
        parsed = parse_texts(texts, read, progress=progress)
        for (_, label, _), documents in zip(found, parsed, strict=True):
            for document in documents:
                if isinstance(document, DataError):
                    raise document
                document.target = label
                yield document

    return Documents.of(documents())
