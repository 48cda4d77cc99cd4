"""Labelled sequences by the name of a set, or from files of one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from treefold.data.corpus import Corpus
from treefold.data.datasets import POLARITY
from treefold.data.errors import DataError
from treefold.data.examples import (
    Example,
    Examples,
    check_alike,
    check_labels,
    classes_of,
    hold_out,
)
from treefold.data.order import reading_order, words
from treefold.data.places import (
    SPLITS,
    did_you_mean,
    folders,
    locate,
    neighbours,
    split_file,
)
from treefold.data.readers.brackets import read_brackets
from treefold.data.readers.lines import open_lines
from treefold.data.readers.table import read_csv, read_json_lines, read_npz, read_tsv
from treefold.data.readers.timeseries import read_ts
from treefold.data.readers.wav import ARCHIVES, read_sounds

Files = dict[str, str | Path]

READERS: dict[str, Callable[[str | Path], Sequence[Example]]] = {
    ".tsv": lambda file: list(read_tsv(file)),
    ".txt": lambda file: list(read_tsv(file)),
    ".csv": lambda file: list(read_csv(file)),
    ".jsonl": lambda file: list(read_json_lines(file)),
    ".json": lambda file: list(read_json_lines(file)),
    ".ts": lambda file: list(read_ts(file)),
    ".npz": read_npz,
    **dict.fromkeys(ARCHIVES, lambda file: read_sounds(Path(file))),
}
FORMATS = (
    "label<TAB>text (.tsv, .txt) or CSV; JSON lines with label and text, or label and "
    "sequence (.jsonl); .npz with step, offset and label; UEA's .ts; wav files in a "
    "folder or .tgz, of the class that their sub-folder or name before _ says"
)


def load_examples(
    data: str | Path,
    files: Files | None = None,
    *,
    seed: int = 0,
    phrases: bool = False,
) -> Examples:
    """Load labelled sequences by name, or from files.

    Args:
        data: a name of `NAMED`; or a file, or a folder with wav files, or one with a
            file (or folder of wav files) for each of train, dev and test.
        files: the file of each split that has one of its own.
        seed: decides what is held out where there is no dev or test.
        phrases: of the SST sets, train on every labelled phrase too.

    Raises:
        DataError: there is no such data, a file is bad, a label is strange.
    """
    name, files = str(data), files or {}
    if name in NAMED:
        if files:
            raise DataError(
                f"{name} has its own split; {', '.join(files)} cannot be given with it"
            )
        found = NAMED[name](seed, phrases)
    else:
        found = _from_files(Path(name), dict(files), seed)
    check_alike(found.train, [*found.dev, *found.test])
    for split in (found.dev, found.test):
        check_labels(split, found.classes)
    return found


def read_examples(file: str | Path) -> Sequence[Example]:
    """Read labelled examples of one file, by its ending, or of a folder of wav files.

    Raises:
        DataError: of an unknown ending; nothing in it; or as its reader.
    """
    path = Path(file)
    if path.is_dir():
        return read_sounds(path)
    ending = ending_of(path)
    if not path.exists():
        hint = did_you_mean(str(path), neighbours(path))
        raise DataError(f"{path}: no such file{hint}")
    if ending not in READERS:
        raise DataError(
            f"{path}: expected a file that ends in {', '.join(READERS)}, found "
            f"{ending!r}. Can be read: {FORMATS}."
        )
    found = READERS[ending](path)
    if not found:
        raise DataError(f"{path}: expected labelled sequences, found none")
    return found


def ending_of(path: Path) -> str:
    """Return the ending of a file's name that tells its format."""
    plain = path.name.lower().removesuffix(".gz")
    if path.name.lower().endswith(".tar.gz"):
        return ".tar.gz"
    return PurePosixPath(plain).suffix


def _from_files(path: Path, files: Files, seed: int) -> Examples:
    """Load files of one's own; see `load_examples`."""
    if path.is_dir():
        files = {**_parts(path), **files}
    if "train" not in files:
        if not path.exists():
            hint = did_you_mean(str(path), [*NAMED, *neighbours(path)])
            raise DataError(
                f"no data set and no file is called {str(path)!r}{hint}. The sets of "
                f"labelled sequences are {', '.join(NAMED)}; files are {FORMATS}."
            )
        files["train"] = path
    read = {split: list(read_examples(file)) for split, file in files.items()}
    classes = classes_of(read["train"])
    missing = [split for split in SPLITS if split not in read]
    note = ""
    if missing:
        read["train"], *parts = hold_out(read["train"], len(missing), seed)
        read.update(zip(missing, parts, strict=True))
        sizes = ", ".join(f"{len(read[split])} to {split}" for split in missing)
        note = f"Held out of training by seed {seed}: {sizes}."
    plain = path.name
    for ending in (".gz", *READERS):
        plain = plain.removesuffix(ending)
    return Examples(
        plain or str(path), read["train"], read["dev"], read["test"], classes, note
    )


def _parts(folder: Path) -> Files:
    """Return the file or folder of each split in a folder, {} where there are none."""
    found: Files = {}
    for split in SPLITS:
        names = [split, *(f"{split}{e}{z}" for e in READERS for z in ("", ".gz"))]
        there = next(
            (folder / name for name in names if (folder / name).exists()), None
        )
        if there is not None:
            found[split] = there
    return found if "train" in found else {}


# ------------------------------------------------------------------- the named sets


def _digits(seed: int, phrases: bool) -> Examples:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    vectors = (pixels / 16).astype(np.float32)  # 0 to 1
    examples = [
        Example(vector[None], str(label), f"digits: image {k}")
        for k, (vector, label) in enumerate(zip(vectors, labels, strict=True))
    ]
    return Examples(
        "digits",
        examples[:1077],
        examples[1077:1437],
        examples[1437:],
        classes_of(examples),
        "scikit-learn's digits, 1,797 images of 8 x 8: in the order of the file the "
        "first 1,077 to train, 360 dev, the last 360 test, so that neighbours, often "
        "by one writer, stay together.",
    )


def _fsdd(seed: int, phrases: bool) -> Examples:
    splits: dict[str, list[Example]] = {split: [] for split in SPLITS}
    for sound in read_sounds(_files("fsdd", "recordings.tgz")[0]):
        _, speaker, index = PurePosixPath(sound.place).stem.split("_")
        split = "test" if int(index) < 5 else "dev" if int(index) < 10 else "train"
        splits[split].append(sound._replace(group=speaker))
    return Examples(
        "fsdd",
        splits["train"],
        splits["dev"],
        splits["test"],
        classes_of(splits["train"]),
        "Free Spoken Digit Dataset: of each of 6 speakers' 50 recordings of a digit, "
        "0-4 are the official test, 5-9 dev, 10-49 train. The speakers are the same "
        "in all three.",
    )


def _japanese_vowels(seed: int, phrases: bool) -> Examples:
    files = ("JapaneseVowels_TRAIN.ts.gz", "JapaneseVowels_TEST.ts.gz")
    train, test = (list(read_ts(f)) for f in _files("japanese_vowels", *files))
    classes = classes_of(train)
    train, dev = hold_out(train, 1, seed)
    return Examples(
        "japanese-vowels",
        train,
        dev,
        test,
        classes,
        f"Nine speakers say /ae/; the official 270 and 370 utterances, of the 270 "
        f"{len(dev)} to dev, held out by seed {seed}.",
    )


def _pendigits(seed: int, phrases: bool) -> Examples:
    read = []
    for file in _files("pendigits", "pendigits.tra.gz", "pendigits.tes.gz"):
        read.append([])
        for line, text in open_lines(file):
            row = np.array([int(value) for value in text.split(",")])
            points = row[:16].reshape(8, 2).astype(np.float32)
            read[-1].append(Example(points, str(row[16]), f"{file}:{line}"))
    train, dev = hold_out(read[0], 1, seed)
    return Examples(
        "pendigits",
        train,
        dev,
        read[1],
        classes_of(read[0]),
        f"Digits written with a pen, 8 points each; the official 7,494 and 3,498, of "
        f"the 7,494 {len(dev)} to dev, held out by seed {seed}. Writers of test are "
        "not in training; the file does not name writers, so those of dev are.",
    )


def _sst(seed: int, phrases: bool, *, binary: bool = False) -> Examples:
    folder = locate("sst")
    read = []
    for split in SPLITS:
        file = split_file(folder, split)
        assert file is not None  # `locate` returns complete folders only
        every = phrases and split == "train"
        read.append(_sentences(read_brackets(file), every, binary))
    train, dev, test = read
    learned = "whole sentences only"
    if phrases:
        learned = (
            f"all {len(train):,} distinct phrases that have a label, sentences among "
            "them, as the LSTMs of Tai et al. (2015)"
        )
    measured = "sentences that are not neutral" if binary else "all sentences"
    return Examples(
        "sst-words-binary" if binary else "sst-words",
        train,
        dev,
        test,
        classes_of(train),
        "Stanford Sentiment Treebank without its trees: words from left to right. "
        f"Trained on {learned}; measured on {measured}.",
    )


def _sentences(corpus: Corpus, phrases: bool, binary: bool) -> list[Example]:
    """Return the sentences of trees or, once each, all their labelled phrases."""
    names = [POLARITY.get(n) if binary else n for n in corpus.labels]
    # A sentence that is not in the task gives no phrases either, as its tree does not.
    polar = np.array([name is not None for name in names])
    corpus = corpus[polar[corpus.label[corpus.roots]]]
    reading = reading_order(corpus)
    all_words = words(corpus, reading)
    leaves = np.diff(corpus.child_offset) == 0
    per_tree = np.add.reduceat(leaves, corpus.tree_offset[:-1])
    first = np.cumsum(per_tree) - per_tree  # of each tree's words
    tree = np.repeat(np.arange(len(corpus)), corpus.sizes)
    start = (reading.start + first[tree]).tolist()
    end = (reading.end + first[tree]).tolist()
    found: dict[tuple[str, ...], Example] = {}
    sentences: list[Example] = []
    nodes = [*corpus.roots.tolist(), *(range(corpus.num_nodes) if phrases else ())]
    for v in nodes:  # sentences first: they win over equal phrases
        label = corpus.label[v]
        name = names[label] if label >= 0 else None
        if name is None:
            continue
        said = all_words[start[v] : end[v]]
        example = Example(said, name, corpus.where(int(tree[v])))
        if phrases:
            found.setdefault(tuple(said), example)
        else:
            sentences.append(example)
    return list(found.values()) if phrases else sentences


NAMED: dict[str, Callable[[int, bool], Examples]] = {
    "digits": _digits,
    "fsdd": _fsdd,
    "japanese-vowels": _japanese_vowels,
    "pendigits": _pendigits,
    "sst-words": _sst,
    "sst-words-binary": lambda seed, phrases: _sst(seed, phrases, binary=True),
}


def _files(name: str, *files: str) -> list[Path]:
    """Return files of a set's folder.

    Raises:
        DataError: no folder has them.
    """
    looked = folders(name)
    for folder in looked:
        if all((folder / file).is_file() for file in files):
            return [folder / file for file in files]
    raise DataError(
        f"{name} is not on this machine; looked for {', '.join(files)} in "
        f"{' and '.join(map(str, looked))}. Let TREEFOLD_DATA name the folder that has "
        f"`{name}` in it."
    )
