"""Images with captions: files of numpy arrays, and images as sequences of columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.drawings import SPELLINGS, read_arrays
from treefold.data.errors import DataError
from treefold.data.places import SPLITS
from treefold.data.readers.json_text import loads
from treefold.data.readers.lines import open_lines
from treefold.data.sequences import Sequences

Arrays = Mapping[str, NDArray[Any]]


@final
@dataclass(frozen=True)
class Captioned:
    """B images of one height and any width, each with its words.

    Attributes:
        columns: steps (height,), float32, the columns of the images from left to right.
        captions: the words of each image; none where nothing is said of it.
    """

    columns: Sequences
    captions: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.captions)

    def __getitem__(self, numbers: NDArray[np.int64]) -> Captioned:
        return Captioned(
            self.columns[numbers], tuple(self.captions[i] for i in numbers)
        )

    @property
    def height(self) -> int:
        """The number of rows of pixels."""
        return self.columns.step.shape[1]

    @classmethod
    def of(cls, columns: Sequences, captions: Sequence[Any], where: str) -> Self:
        """Check images and captions, which are texts of words apart by spaces.

        Raises:
            DataError: not a number a pixel, an image of no columns, other numbers of
                images and of captions.
        """
        step = columns.step
        numeric = step.dtype.kind in "buif" and step.ndim == 2 and step.shape[1] > 0
        if not numeric or not np.isfinite(step).all():
            raise DataError(
                f"{where}: expected columns of finite pixels, an array (columns, "
                f"height), found {step.dtype} of shape {step.shape}."
            )
        if not columns.lengths.all():
            empty = int(np.argmin(columns.lengths))
            raise DataError(f"{where}: image {empty} has no columns.")
        if len(captions) != len(columns):
            raise DataError(
                f"{where}: {len(captions)} captions for {len(columns)} images."
            )
        words = tuple(tuple(str(caption).split()) for caption in captions)
        return cls(Sequences(step.astype(np.float32), columns.offset), words)


def load_captions(
    data: str, files: Mapping[str, str | None], seed: int
) -> dict[str, Captioned]:
    """Load the images and captions of each split.

    Args:
        data: an ``.npz`` file of ``train_images`` (B, height, width), or for images of
            several widths ``train_columns`` (all columns one after another, height)
            and ``train_offsets``; and ``train_captions`` (B,), texts. The same for
            ``dev`` (or ``valid``) and ``test``. Without splits, ``images`` (or
            ``columns``, ``offsets``) and ``captions`` are shared out, a tenth each to
            dev and test.
        files: for "train", "dev" and "test" a file that is this split, or None.
        seed: of the share-out.

    Raises:
        DataError: they cannot be had, or are not what they must be.
    """
    given = {split: read_captions(f, split) for split, f in files.items() if f}
    if len(given) == len(SPLITS):
        return given
    arrays = read_arrays(Path(data))
    found = {
        split: each
        for split in SPLITS
        if (each := _captioned(arrays, split, data)) is not None
    }
    if not found:
        whole = read_captions(data, "")
        order = np.random.default_rng(seed).permutation(len(whole))
        cuts = [len(whole) // 10, 2 * (len(whole) // 10)]
        parts = zip(("dev", "test", "train"), np.split(order, cuts), strict=True)
        found = {split: whole[part] for split, part in parts}
    found |= given
    missing = [split for split in SPLITS if split not in found]
    if missing:
        raise DataError(f"{data}: expected {missing[0]}_images, found {list(arrays)}.")
    return found


def read_captions(file: str, split: str = "") -> Captioned:
    """Read a file's images of a split; of the whole file if it has no splits.

    Raises:
        DataError: it cannot be read, or has none.
    """
    arrays = read_arrays(Path(file))
    found = _captioned(arrays, split, file) if split else None
    found = found or _captioned(arrays, "", file)
    if found is None:
        raise DataError(
            f"{file}: expected the array {f'{split}_' * bool(split)}images, found "
            f"{list(arrays)}."
        )
    return found


def stream_images(file: str) -> Iterator[NDArray[np.float32]]:
    """Read images (width, height), as columns: an ``.npz`` file, or lines of JSON.

    A line is a list of rows of pixels, from the top down. Lines are read as they come.

    Raises:
        DataError: a line that is something else.
    """
    if file.endswith(".npz"):
        yield from read_captions(file, "test").columns
        return
    for number, line in open_lines(file):
        if not line.strip():
            continue
        try:
            rows = np.array(loads(line), np.float32)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{file}:{number}: expected an image as a list of rows of pixels, such "
                f"as [[0, 1], [1, 0]]: {error}"
            ) from None
        if rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
            raise DataError(
                f"{file}:{number}: expected rows of finite pixels, all of one length, "
                f"found an array of shape {rows.shape}."
            )
        yield rows.T


def _captioned(arrays: Arrays, split: str, where: str) -> Captioned | None:
    """Take a split's images out of a file's arrays, if they are there."""
    for spelling in SPELLINGS[split] if split else ("",):
        begin = f"{spelling}_" if spelling else ""
        if (images := arrays.get(f"{begin}images")) is not None:
            if images.ndim != 3:
                raise DataError(
                    f"{where}: {begin}images must be (images, height, width), got "
                    f"{images.shape}."
                )
            step = images.transpose(0, 2, 1).reshape(-1, images.shape[1])
            offset = np.arange(len(images) + 1) * images.shape[2]
        elif (step := arrays.get(f"{begin}columns")) is not None:
            offset = arrays.get(f"{begin}offsets", np.zeros(0)).astype(np.int64)
        else:
            continue
        try:
            columns = Sequences(step, offset)
        except DataError as error:
            raise DataError(f"{where}: {begin}offsets: {error}") from None
        captions = arrays.get(f"{begin}captions", [""] * len(columns))
        return Captioned.of(columns, list(captions), f"{where}: {begin or 'all '}")
    return None
