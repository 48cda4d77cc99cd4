"""A packed corpus as a folder that is memory-mapped when opened.

One ``.npy`` file an array, ``strings.json`` for the tables of words, labels and
sources, and ``manifest.json`` with the format, its version, and the size and SHA-256 of
every other file. Opening reads the manifest, the tables and the files' headers; the
arrays stay on disk until they are used.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from treefold.data.corpus import DTYPES, TABLES, Corpus
from treefold.data.errors import DataError

FORMAT, VERSION = "treefold corpus", 1
MANIFEST, STRINGS = "manifest.json", "strings.json"


def save(corpus: Corpus, folder: str | Path, *, overwrite: bool = False) -> None:
    """Write a corpus as a folder: all of it or, whatever happens, nothing.

    Args:
        corpus: the trees.
        folder: where to; its parent must exist.
        overwrite: replace a corpus that is there. Anything else is never replaced.

    Raises:
        DataError: if the folder exists and is not to be, or may not be, replaced.
        OSError: if it cannot be written, say because the disk is full.
    """
    target = Path(folder)
    if target.exists() or target.is_symlink():
        if not overwrite:
            raise DataError(f"{target} exists; overwrite=True replaces it")
        if not (target / MANIFEST).is_file():
            raise DataError(f"{target} exists and is not a corpus; it is not replaced")

    # Written beside its place and renamed, so that no half of a corpus is ever there.
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        new = work / "new"
        new.mkdir()
        for name in DTYPES:
            np.save(new / f"{name}.npy", getattr(corpus, name), allow_pickle=False)
        tables = {name: getattr(corpus, name) for name in TABLES}
        (new / STRINGS).write_text(json.dumps(tables), encoding="ascii")
        files = {path.name: _stamp(path) for path in sorted(new.iterdir())}
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "trees": len(corpus),
            "nodes": corpus.num_nodes,
            "edges": len(corpus.child),
            "files": files,
        }
        (new / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="ascii")
        for path in (*new.iterdir(), new):
            _sync(path)
        if target.exists():
            target.rename(work / "old")
        new.rename(target)
        _sync(target.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def open_folder(folder: str | Path, *, verify: bool = False) -> Corpus:
    """Open a saved corpus; its arrays are read from disk as they are used.

    Args:
        folder: what `save` wrote.
        verify: read all files and compare their checksums. Sizes, types and shapes
            are compared always.

    Raises:
        DataError: if it is not a corpus, of a version to come, or damaged.
    """
    folder = Path(folder)
    manifest = _manifest(folder)
    arrays = {}
    for name, dtype in DTYPES.items():
        path = _checked(folder, f"{name}.npy", manifest, verify)
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise _damaged(path, str(error)) from None
        if array.dtype != dtype or array.ndim != 1:
            raise _damaged(path, f"it holds {array.dtype} of shape {array.shape}")
        arrays[name] = array
    B, V, E = (manifest[count] for count in ("trees", "nodes", "edges"))
    sizes = {"tree_offset": B + 1, "child_offset": V + 1, "child": E}
    sizes |= dict.fromkeys(("line", "number", "source"), B)
    for name, array in arrays.items():
        if len(array) != (expected := sizes.get(name, V)):
            raise _damaged(
                folder / f"{name}.npy", f"expected {expected} entries, got {len(array)}"
            )
    for name, end in (("tree_offset", V), ("child_offset", E)):
        if arrays[name][0] != 0 or arrays[name][-1] != end:
            raise _damaged(folder / f"{name}.npy", f"it does not run from 0 to {end}")

    path = _checked(folder, STRINGS, manifest, verify)
    try:
        strings = json.loads(path.read_text(encoding="ascii"))
        tables = {name: tuple(strings[name]) for name in TABLES}
    except (ValueError, KeyError, TypeError):
        raise _damaged(path, "it is not the JSON of the tables") from None
    return Corpus(**{**arrays, **tables})


def _manifest(folder: Path) -> dict:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version = manifest["version"] if manifest["format"] == FORMAT else None
    except FileNotFoundError:
        what = "is not a packed corpus" if folder.exists() else "does not exist"
        raise DataError(f"{folder} {what}: there is no {MANIFEST} in it") from None
    except (OSError, ValueError, KeyError, TypeError):
        version = None
    if not isinstance(version, int):
        raise DataError(f"{path} is not the manifest of a packed corpus")
    if version != VERSION:
        raise DataError(
            f"{folder} is a packed corpus of version {version}, this treefold reads "
            f"version {VERSION}; update treefold, or pack the trees again"
        )
    counts = [manifest.get(name) for name in ("trees", "nodes", "edges")]
    stamps = manifest.get("files")
    if not all(isinstance(n, int) for n in counts) or not isinstance(stamps, dict):
        raise _damaged(path, "it lacks counts or files")
    return manifest


def _checked(folder: Path, name: str, manifest: dict, verify: bool) -> Path:
    """Return the path of a file that is as the manifest has it."""
    path = folder / name
    stamp = manifest["files"].get(name)
    if not isinstance(stamp, dict) or not path.is_file():
        raise _damaged(path, "the file is missing")
    if path.stat().st_size != stamp.get("bytes"):
        raise _damaged(
            path, f"expected {stamp.get('bytes')} bytes, got {path.stat().st_size}"
        )
    if verify and _stamp(path) != stamp:
        raise _damaged(path, "its SHA-256 is not the manifest's")
    return path


def _damaged(path: Path, how: str) -> DataError:
    return DataError(f"{path} is damaged: {how}; pack the trees again")


def _stamp(path: Path) -> dict[str, int | str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def _sync(path: Path) -> None:
    """Have the system write a file or folder to disk now."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # some systems cannot open folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
