"""Bringing data sets from where their authors keep them."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from treefold.data.errors import DataError, DownloadError
from treefold.data.places import cache_folder, did_you_mean
from treefold.data.readers.brackets import parse_brackets
from treefold.data.receive import BrokenError, receive, remove


@final
@dataclass(frozen=True)
class Member:
    """A file wanted from an archive, and how to know it.

    Attributes:
        name: its path in the archive.
        sha256: of its content, with lines ended by line feeds.
        trees: how many trees it holds.
        nodes: how many nodes these have.
    """

    name: str
    sha256: str
    trees: int
    nodes: int


@final
@dataclass(frozen=True)
class Archive:
    """A zip archive of trees, and the files wanted from it.

    Attributes:
        url: where it is.
        members: the files wanted, by the names they get here.
        most: the most bytes the archive, or a file in it, may have.
    """

    url: str
    members: Mapping[str, Member]
    most: int = 1 << 26


ARCHIVES = {
    "sst": Archive(
        "https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip",
        {
            "train.txt": Member(
                "trees/train.txt",
                "e2f3f41b0b1e6d4dddc0effe3bfc2d27ed8928079aa9a03d652311614fc5feb7",
                trees=8544,
                nodes=318582,
            ),
            "dev.txt": Member(
                "trees/dev.txt",
                "0e9336aed6e4730e19f58d00a77b3f0297efdb755f7b5e598c98a05e3f97ea40",
                trees=1101,
                nodes=41447,
            ),
            "test.txt": Member(
                "trees/test.txt",
                "6e54806dee95cf80cd918e7dfb3f6770f6df24bf826f289a4d1f709e1c8f6761",
                trees=2210,
                nodes=82600,
            ),
        },
    )
}


def download(
    name: str,
    folder: str | Path | None = None,
    *,
    url: str | None = None,
    verify: bool = True,
    progress: bool = False,
) -> Path:
    """Bring a data set here, check it, and unpack it.

    What came before a connection broke is kept beside `folder`, and a later call goes
    on from there. The folder appears only once all of it is there and checked.

    Args:
        name: ``"sst"``.
        folder: where to; by default where `locate` looks, in the user's cache. If
            it has the data already, nothing is fetched.
        url: another address of the same archive.
        verify: compare checksums, numbers of trees and numbers of nodes with those
            known.
        progress: show a bar on standard error, if that is a terminal.

    Returns:
        The folder.

    Raises:
        DownloadError: if there is no network, the server refuses, or what came is not
            the data set.
        DataError: if there is no data set of that name, or the folder is in the way.
        OSError: if it cannot be written, say because the disk is full.
    """
    if name not in ARCHIVES:
        raise DataError(
            f"{name!r} cannot be downloaded{did_you_mean(name, ARCHIVES)}; "
            f"what can: {', '.join(ARCHIVES)}"
        )
    archive = ARCHIVES[name]
    return fetch(
        archive if url is None else replace(archive, url=url),
        cache_folder() / name if folder is None else Path(folder),
        verify=verify,
        progress=progress,
    )


def fetch(
    archive: Archive, target: Path, *, verify: bool = True, progress: bool = False
) -> Path:
    """Bring an archive and unpack the files wanted into a folder; see `download`."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        missing = [name for name in archive.members if not (target / name).is_file()]
        if not missing:
            return target
        raise DataError(
            f"{target} is in the way: it is not empty and lacks {', '.join(missing)}; "
            "remove it or choose another folder"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.zip.part")
    try:
        receive(archive.url, part, most=archive.most, progress=progress)
    except BrokenError as broken:
        raise DownloadError(
            f"could not fetch {archive.url}: {broken}. What came is kept, and trying "
            "again goes on from there. Without a network, fetch the archive elsewhere "
            f"and put its {', '.join(archive.members)} into {target}."
        ) from None
    except DownloadError:
        remove(part)
        raise

    # Unpacked beside its place and renamed, so that no half of it is ever there.
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        new = work / "new"
        new.mkdir()
        for name, member in archive.members.items():
            content = _unzipped(part, member.name, archive)
            if verify:
                _verify(content, member, archive)
            with (new / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        if target.is_dir():
            target.rmdir()
        new.rename(target)
    except DownloadError:
        remove(part)  # going on from a bad copy would not mend it
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    remove(part)
    return target


def _unzipped(part: Path, name: str, archive: Archive) -> bytes:
    """Return the content of one file of a zip archive.

    It is asked for by name and bounded in size: whatever else an archive holds, and
    whatever paths it gives, is not touched.
    """
    try:
        with zipfile.ZipFile(part) as opened, opened.open(name) as file:
            content = file.read(archive.most + 1)
    except KeyError:
        raise DownloadError(f"the archive of {archive.url} has no {name}") from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,  # a way of packing that zipfile does not know
        RuntimeError,  # a password is asked for
    ) as error:
        with part.open("rb") as file:
            head = file.read(20)
        raise DownloadError(
            f"what came from {archive.url} is no good zip archive: {error} (it begins "
            f"with {head!r}); download it again"
        ) from None
    if len(content) > archive.most:
        raise DownloadError(
            f"{name} in the archive of {archive.url} has more than {archive.most:,} "
            "bytes"
        )
    return content


def _verify(content: bytes, member: Member, archive: Archive) -> None:
    """Refuse a file that is not the one known, up to the ends of its lines."""
    digest = hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()
    if digest == member.sha256:
        return
    try:
        corpus = parse_brackets(content, name=member.name)
    except DataError as error:
        found = f"what cannot be read ({error})"
    else:
        found = f"{len(corpus)} trees of {corpus.num_nodes} nodes"
    raise DownloadError(
        f"{member.name} from {archive.url} is not the file known: expected "
        f"{member.trees} trees of {member.nodes} nodes with the SHA-256 "
        f"{member.sha256}, found {found} with {digest}; verify=False takes it as it is"
    )
