"""Treebanks: the Penn Treebank's sample, or bracket trees of one's own."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import final

from treefold.data.corpus import Corpus
from treefold.data.errors import DataError
from treefold.data.places import SPLITS, folders
from treefold.data.readers.brackets import parse_brackets, read_brackets
from treefold.data.splits import files_of, held_out
from treefold.parsing.plain import plain
from treefold.parsing.tree import Tree

SAMPLE = "ptb-sample"
NAMED = (SAMPLE,)
FILES = {"train": (1, 159), "dev": (160, 179), "test": (180, 199)}
DEEPEST = 300


@final
@dataclass(frozen=True)
class Treebank:
    """Plain trees to train, tune and test on; see `treefold.parsing.plain`.

    Attributes:
        name: what reports call it.
        train: to learn from.
        dev: to choose by.
        test: to measure on.
        note: what a report should say of it.
    """

    name: str
    train: tuple[Tree, ...]
    dev: tuple[Tree, ...]
    test: tuple[Tree, ...]
    note: str = ""


def load_treebank(
    data: str | Path,
    *,
    train: str | None = None,
    dev: str | None = None,
    test: str | None = None,
    seed: int = 0,
    skip_bad: bool = False,
) -> Treebank:
    """Load trees by name, or from files.

    Args:
        data: "ptb-sample"; a file of bracket trees; or a folder with ``train.mrg``
            (``.txt`` will do, each may be gzipped), and perhaps ``dev`` and ``test``.
        train: the file to learn from, by default `data`.
        dev: the file to choose by, by default one training tree in ten.
        test: the file to measure on, by default one training tree in ten.
        seed: decides which trees are held out where `dev` or `test` is not given.
        skip_bad: leave out what is no tree.

    Raises:
        DataError: there is no such data, a tree is bad, or too few are left.
    """
    given = zip(SPLITS, (train, dev, test), strict=True)
    files: dict[str, str] = {split: file for split, file in given if file is not None}
    name = str(data)
    if name == SAMPLE:
        if files:
            raise DataError(
                f"{name} has its own split; {', '.join(files)} cannot be given with it"
            )
        return _sample(skip_bad)
    path = Path(name)
    files = files_of(
        name,
        files,
        (".mrg", ".txt"),
        named=NAMED,
        otherwise=f"The treebank by name is {SAMPLE}; anything else is the path of a "
        "file of bracket trees.",
    )
    read = {split: read_treebank(f, skip_bad=skip_bad) for split, f in files.items()}
    found = read["train"]
    shares, note = held_out(name, len(found), read, seed, what="trees")
    read |= {split: tuple(found[b] for b in some) for split, some in shares.items()}
    stem = re.sub(r"(\.(mrg|txt))?(\.gz)?$", "", path.name) or name
    return Treebank(stem, read["train"], read["dev"], read["test"], note)


def read_treebank(file: str | Path, *, skip_bad: bool = False) -> tuple[Tree, ...]:
    """Read the plain trees of a file of bracket trees.

    Raises:
        DataError: a bad tree, with its line; a word without a tag; no tree.
    """
    return _plain(read_brackets(file, skip_bad=skip_bad), skip_bad)


def trees_of(corpus: Corpus, skip_bad: bool = False) -> list[Tree]:
    """Return the trees of a corpus, with their labels and words as written.

    Raises:
        DataError: a word has no tag, or a tree is deeper than `DEEPEST` nodes.
    """
    found = []
    label = corpus.label.tolist()
    token = corpus.token.tolist()
    offset, child = corpus.child_offset.tolist(), corpus.child.tolist()
    for b in range(len(corpus)):
        s, e = int(corpus.tree_offset[b]), int(corpus.tree_offset[b + 1])
        trees: list[Tree] = []
        wrong = ""
        if corpus.height[s:e].max() > DEEPEST:
            wrong = f"is deeper than {DEEPEST} nodes"
        for v in range(s, e):
            name = corpus.labels[label[v]] if label[v] >= 0 else ""
            below = child[offset[v] : offset[v + 1]]
            if not below and not name:
                word = corpus.tokens[token[v]]
                wrong = (
                    wrong or f"the word {word!r} has no tag; write it as (TAG {word})"
                )
            kids = tuple(trees[c] for c in below)
            trees.append(Tree(name, kids or (corpus.tokens[token[v]],)))
        if not wrong:
            found.append(trees[-1])
        elif not skip_bad:
            raise DataError(f"{corpus.where(b)}: the tree cannot be learned: {wrong}")
    return found


def _plain(corpus: Corpus, skip_bad: bool) -> tuple[Tree, ...]:
    trees = map(plain, trees_of(corpus, skip_bad))
    found = tuple(tree for tree in trees if tree is not None)
    if not found:
        raise DataError(f"{', '.join(corpus.sources)}: no tree has a word")
    return found


def _sample(skip_bad: bool) -> Treebank:
    """The 3,914 trees of the Wall Street Journal that come with NLTK."""
    looked = folders("ptb_sample")
    archive = next((f for x in looked if (f := x / "treebank.zip").is_file()), None)
    if archive is None:
        raise DataError(
            f"{SAMPLE} is not on this machine; looked in "
            f"{' and '.join(map(str, looked))}. Let TREEFOLD_DATA name the folder that "
            "has `ptb_sample` in it, with treebank.zip of NLTK's data."
        )
    trees: dict[str, list[Tree]] = {}
    try:
        with zipfile.ZipFile(archive) as opened:
            for split, (first, last) in FILES.items():
                trees[split] = []
                for number in range(first, last + 1):
                    name = f"treebank/combined/wsj_{number:04}.mrg"
                    corpus = parse_brackets(opened.read(name), name=f"{archive}:{name}")
                    trees[split] += _plain(corpus, skip_bad)
    except (zipfile.BadZipFile, KeyError) as error:
        raise DataError(f"{archive}: not the treebank.zip wanted: {error}") from None
    train, dev, test = (tuple(trees[split]) for split in SPLITS)
    note = (
        "NLTK's sample of the Penn Treebank, without traces and function tags; files "
        "1-159 train, 160-179 dev, 180-199 test."
    )
    return Treebank(SAMPLE, train, dev, test, note)
