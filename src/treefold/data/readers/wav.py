"""Sounds from wav files: one, a folder of them, or a tar archive of them."""

from __future__ import annotations

import io
import struct
import tarfile
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
from scipy.io import wavfile

from treefold.data.errors import DataError
from treefold.data.examples import Example, Sound

ARCHIVES = (".tgz", ".tar.gz", ".tar")


def read_wav(file: str | Path | BinaryIO, name: str = "") -> Sound:
    """Read a wav file; several channels are averaged.

    Args:
        file: its path, or an open file.
        name: what messages call it; by default its path.

    Raises:
        DataError: it is missing, no wav file, cut short, or has no samples.
    """
    name = name or str(file)
    try:
        with warnings.catch_warnings():
            # Of chunks that it does not know, such as a title, scipy warns.
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            rate, samples = wavfile.read(file)
    except FileNotFoundError:
        raise DataError(f"{name}: no such file") from None
    except (ValueError, OSError, EOFError, struct.error) as error:
        raise DataError(f"{name}: expected a wav file: {error}") from None
    if samples.dtype == np.uint8:  # 8 bits are unsigned, with silence at 128
        samples = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind == "i":
        samples = samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min)
    samples = samples.astype(np.float32)
    if samples.ndim == 2:
        samples = samples.mean(axis=1)
    if not len(samples) or not np.isfinite(samples).all():
        raise DataError(f"{name}: expected a sound, found no samples that are numbers")
    return Sound(samples, int(rate))


def read_sounds(path: Path) -> list[Example]:
    """Read the wav files below a folder, or in a tar archive, in order of their names.

    The label is the name of the sub-folder that a file is in or, where files are in
    none, what its name has before the first underscore: ``7_jackson_32.wav`` is of
    class 7.

    Raises:
        DataError: no wav files, or one that cannot be read.
    """
    found = dict(_archived(path) if path.is_file() else _in_folder(path))
    if not found:
        raise DataError(f"{path}: expected wav files, found none")
    # A folder around all says nothing of any.
    while len({name.parts[0] for name in found}) == 1 and all(
        len(name.parts) > 1 for name in found
    ):
        found = {name.relative_to(name.parts[0]): found[name] for name in found}
    return [
        Example(
            read_wav(found[name], f"{path}: {name}"), label_of(name), f"{path}: {name}"
        )
        for name in sorted(found)
    ]


def label_of(name: PurePosixPath) -> str | None:
    """Return the label that a path tells, None where it tells none."""
    if len(name.parts) > 1:
        return name.parts[0]
    before, underscore, _ = name.stem.partition("_")
    return before if underscore and before else None


def _in_folder(folder: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    for file in folder.rglob("*"):
        if file.suffix.lower() == ".wav" and not file.name.startswith("."):
            yield PurePosixPath(file.relative_to(folder).as_posix()), file


def _archived(path: Path) -> Iterator[tuple[PurePosixPath, BinaryIO]]:
    """Read an archive's wav files into memory; nothing is written to disk."""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                hidden = name.name.startswith(".")
                if name.suffix.lower() != ".wav" or hidden or not member.isfile():
                    continue
                content = archive.extractfile(member)
                if content is not None:
                    parts = [
                        part for part in name.parts if part not in ("/", ".", "..")
                    ]
                    yield PurePosixPath(*parts), io.BytesIO(content.read())
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(f"{path}: the archive cannot be read: {error}") from None
