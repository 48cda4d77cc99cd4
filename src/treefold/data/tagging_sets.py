"""Data sets with a label for every step: words in columns, and frames.

Names that are known here:

- ``conll2000``: chunks of the Wall Street Journal (Tjong Kim Sang & Buchholz, 2000). A
  tenth of the training sentences, chosen by the split's seed, is dev.
- ``gesture-a``, ``gesture-b``, ``gesture-c``: the phase of a gesture at every frame of
  seven videos (Madeo et al., 2013). The letter is the user who is held out: both or all
  three videos of that user are the test. Dev is the last video of the next user.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.errors import DataError
from treefold.data.places import SPLITS, did_you_mean, folders, neighbours
from treefold.data.readers.columns import read_columns, sentences
from treefold.data.readers.frames import Frames, read_frames
from treefold.data.sequences import Sequences

HELD_OUT = 0.1  # of what there is goes to dev, and as much to test
NEXT_USER = {"a": "b3", "b": "c3", "c": "a3"}  # whose last video is dev
VIDEOS = ("a1", "a2", "a3", "b1", "b3", "c1", "c3")
NAMED = ("conll2000", *(f"gesture-{user}" for user in NEXT_USER))
SPELLING = {"Preparação": "Preparation"}  # in a line of b1
FRAMES = (".csv", ".csv.gz", ".npz")


@final
@dataclass(frozen=True)
class Tagged:
    """B sequences whose V steps all have a label.

    Attributes:
        x: the sequences, of words and their further columns, (V, K) strings, or of
            frames, (V, F) float32.
        label: (V,) strings; None where there are none.
        names: of the sequences, for messages and pictures.
        columns: the names of the columns or features.
    """

    x: Sequences
    label: NDArray[np.object_] | None
    names: tuple[str, ...]
    columns: tuple[str, ...]

    def __len__(self) -> int:
        """Return B."""
        return len(self.x)

    @property
    def is_text(self) -> bool:
        """Whether the steps are words."""
        return self.x.step.dtype == object

    def __getitem__(self, numbers: Any) -> Tagged:
        """Take several of the sequences, by numbers or by a slice."""
        numbers = np.arange(len(self))[numbers]
        label = None if self.label is None else self.label[self.x.steps(numbers)]
        names = tuple(self.names[b] for b in numbers)
        return Tagged(self.x[numbers], label, names, self.columns)


@final
@dataclass(frozen=True)
class TaggingSet:
    """Sequences to train, tune and test on.

    Attributes:
        name: what reports call it.
        splits: ``train``, ``dev``, ``test``, or some of them.
        note: what a report should say of it.
    """

    name: str
    splits: Mapping[str, Tagged]
    note: str = ""


def load_tagging_set(
    data: str,
    files: Mapping[str, str | None] | None = None,
    *,
    kind: Literal["text", "frames"] | None = None,
    labelled: bool = True,
    columns: tuple[str, ...] | None = None,
    seed: int = 0,
    skip_bad: bool = False,
) -> TaggingSet:
    """Load a data set by name, or from files.

    Files that end in .csv, .csv.gz or .npz hold frames, others columns of words, the
    last of which is the label. Where dev or test has no file, a tenth of the training
    sequences each is taken for it; of fewer than ten sequences, the last tenths of
    their steps.

    Args:
        data: a name in `NAMED`; a file; or a folder that has a file ``train.*``, and
            may have ``dev.*`` and ``test.*``.
        files: the file of each split; where any but `train` is given, and `data`
            names one of them, nothing else is read.
        kind: what files hold, whatever their names end in.
        labelled: whether every step must have a label.
        columns: the features wanted of frames; None: all.
        seed: decides what is held out.
        skip_bad: leave out sentences with a bad line.

    Raises:
        DataError: there is no such data, a line is bad, or too little is there.
    """
    given = {split: file for split, file in (files or {}).items() if file is not None}
    if data in NAMED:
        if given:
            raise DataError(
                f"{data} has its own split; {', '.join(given)} cannot be given with it"
            )
        return _conll2000(seed, skip_bad) if data == "conll2000" else _gesture(data)
    path = Path(data)
    if path.is_dir():
        given = {
            split: str(found)
            for split in SPLITS
            if (found := given.get(split) or _inside(path, split)) is not None
        }
        if "train" not in given and not files:
            raise DataError(f"{data}: expected a file train.* in the folder")
    elif data not in given.values():
        given = {"train": data, **given}
    splits = {
        split: _read(file, kind, labelled, columns, skip_bad)
        for split, file in given.items()
    }
    if "train" in splits:
        splits = _hold_out(splits, seed)
    return TaggingSet(path.name, splits)


def is_frames(file: str) -> bool:
    """Whether a file holds frames, by the end of its name."""
    return file.endswith(FRAMES)


def _inside(folder: Path, split: str) -> Path | None:
    found = sorted(path for path in folder.glob(f"{split}.*") if path.is_file())
    return found[0] if found else None


def _read(
    file: str,
    kind: Literal["text", "frames"] | None,
    labelled: bool,
    columns: tuple[str, ...] | None,
    skip_bad: bool,
) -> Tagged:
    """Read a file of columns or frames."""
    if not Path(file).is_file():
        hint = did_you_mean(file, [*NAMED, *neighbours(Path(file))])
        raise DataError(f"no data set and no file is called {file!r}{hint}")
    if is_frames(file) if kind is None else kind == "frames":
        return of_frames(read_frames(file, columns=columns), file, labelled)
    x, names = read_columns(file, skip_bad=skip_bad)
    return of_columns(x, names)


def of_frames(frames: Frames, file: str, labelled: bool = True) -> Tagged:
    """Take frames for labelled sequences.

    Raises:
        DataError: they must have labels, and one has none.
    """
    label = frames.label
    if labelled and label is None:
        raise DataError(
            f"{file}: expected a column called label, found {', '.join(frames.columns)}"
        )
    if labelled and label is not None and (label == "").any():
        raise DataError(f"{file}: frame {(label == '').argmax() + 1} has no label")
    return Tagged(frames.x, label, frames.names, frames.columns)


def of_columns(x: Sequences, names: tuple[str, ...]) -> Tagged:
    """Take the last of the columns for the label.

    Raises:
        DataError: there is only one.
    """
    K = x.step.shape[1]
    if K < 2:
        raise DataError(
            f"{names[0]}: expected a word, further columns and a label, found a word"
        )
    columns = ("word", *(f"column {k + 1}" for k in range(1, K - 1)))
    words = Sequences(x.step[:, :-1], x.offset)
    return Tagged(words, x.step[:, -1], names, columns)


def _hold_out(splits: dict[str, Tagged], seed: int) -> dict[str, Tagged]:
    """Take a tenth of the training data for each split that is missing."""
    missing = [split for split in ("dev", "test") if split not in splits]
    train = splits["train"]
    if not missing:
        return splits
    if len(train) >= 10:
        order = np.random.default_rng(seed).permutation(len(train))
        taken = max(1, round(HELD_OUT * len(train)))
        for split in missing:
            splits[split], order = train[np.sort(order[:taken])], order[taken:]
        return {**splits, "train": train[np.sort(order)]}
    lengths = train.x.lengths
    taken = np.maximum(1, (HELD_OUT * lengths).astype(np.int64))
    if (lengths < 20).any():
        raise DataError(
            f"{train.names[int(lengths.argmin())]}: expected ten sequences, or twenty "
            f"steps or more in each, found {len(train)} sequences and "
            f"{lengths.min()} steps; give files for dev and test"
        )
    end = lengths
    for split in reversed(missing):
        splits[split], end = _cut(train, end - taken, end), end - taken
    return {**splits, "train": _cut(train, np.zeros_like(end), end)}


def _cut(tagged: Tagged, begin: NDArray[np.int64], end: NDArray[np.int64]) -> Tagged:
    """Take the steps from `begin` to `end` of every sequence."""
    starts = tagged.x.offset[:-1]
    where = [np.arange(a, b) for a, b in zip(starts + begin, starts + end, strict=True)]
    x = Sequences.of([tagged.x.step[steps] for steps in where])
    label = None if tagged.label is None else tagged.label[np.concatenate(where)]
    return Tagged(x, label, tagged.names, tagged.columns)


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


def _conll2000(seed: int, skip_bad: bool) -> TaggingSet:
    path = _folder("conll2000") / "conll2000.zip"
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for split in ("train", "test"):
                name = f"{path}/{split}.txt"
                with archive.open(f"conll2000/{split}.txt") as raw:
                    lines = enumerate(io.TextIOWrapper(raw, "utf-8"), 1)
                    read = list(sentences(lines, name, skip_bad=skip_bad))
                places = tuple(f"{name}:{sentence.line}" for sentence in read)
                found[split] = of_columns(
                    Sequences.of([sentence.rows for sentence in read]), places
                )
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    note = "Dev is a tenth of the training sentences; the test is the shared task's."
    return TaggingSet("conll2000", _hold_out(found, seed), note)


def _gesture(name: str) -> TaggingSet:
    user = name.removeprefix("gesture-")
    dev = NEXT_USER[user]
    chosen = {
        "train": [v for v in VIDEOS if v[0] != user and v != dev],
        "dev": [dev],
        "test": [v for v in VIDEOS if v[0] == user],
    }
    note = (
        f"User {user} is held out: videos {', '.join(chosen['test'])} are the test, "
        f"{dev} is dev, {', '.join(chosen['train'])} train."
    )
    splits = {split: _videos(videos) for split, videos in chosen.items()}
    return TaggingSet(name, splits, note)


def _videos(videos: list[str]) -> Tagged:
    """Read videos, with the joints as the body sees them.

    Hands, wrists and head are taken relative to the spine, in units of the mean
    distance from spine to head, so that neither where a user sits nor how tall they
    are matters.
    """
    folder = _folder("gesture_phase") / "raw"
    x, label, columns = [], [], ()
    for video in videos:
        file = folder / f"{video}_raw.csv.gz"
        frames = read_frames(file, ignore=("timestamp",))
        columns = frames.columns
        x.append(_of_body(frames.x.step, columns))
        of_video = of_frames(frames, str(file)).label
        assert of_video is not None  # `of_frames` refuses frames without labels
        label += [SPELLING.get(each, each) for each in of_video]
    names = tuple(c for c in columns if not c.startswith("s"))
    return Tagged(Sequences.of(x), np.array(label, dtype=object), tuple(videos), names)


def _of_body(x: NDArray[np.float32], columns: tuple[str, ...]) -> NDArray[np.float32]:
    place = {c: k for k, c in enumerate(columns)}
    spine = x[:, [place[f"s{axis}"] for axis in "xyz"]]
    head = x[:, [place[f"h{axis}"] for axis in "xyz"]]
    height = np.linalg.norm(head - spine, axis=1).mean()
    kept = [c for c in columns if not c.startswith("s")]
    origin = spine[:, ["xyz".index(c[-1]) for c in kept]]
    return (x[:, [place[c] for c in kept]] - origin) / height
