"""Documents that took long to read, kept in the user's cache."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from treefold.data.corpus import Corpus
from treefold.data.documents import Content, Documents

ABOUT = "documents.json"
NODE = "node.npy"
TREES = "trees"


def kept(folder: Path, make: Callable[[], Documents]) -> Documents:
    """Open documents where they were kept; else make them, and keep them.

    A cache that cannot be written costs time in every run, and nothing else.

    Args:
        folder: where; its name tells all that the documents depend on. Targets are
            to be names or numbers.
        make: makes them.
    """
    found = _open(folder)
    if found is None:
        found = make()
        with suppress(OSError):
            _keep(folder, found)
    return found


def _open(folder: Path) -> Documents | None:
    """Open what `_keep` wrote; None if it is not there or damaged."""
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        contents = tuple(
            Content._make((*plain, None if vector is None else tuple(vector), (*same,)))
            for *plain, vector, same in about["contents"]
        )
        corpus = Corpus.open(folder / TREES, verify=True)
        node = np.load(folder / NODE, allow_pickle=False)
        targets, places = tuple(about["targets"]), tuple(about["places"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    fits = len(targets) == len(places) == len(corpus) and len(node) == corpus.num_nodes
    return Documents(corpus, contents, node, targets, places) if fits else None


def _keep(folder: Path, documents: Documents) -> None:
    """Write documents, all or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as work:
        new = Path(work, folder.name)
        new.mkdir()
        documents.corpus.save(new / TREES)
        np.save(new / NODE, documents.node)
        about = {
            "contents": documents.contents,
            "targets": documents.targets,
            "places": documents.places,
        }
        (new / ABOUT).write_text(json.dumps(about), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)  # it was damaged, or is not there
        # A process beside this one may have been first; then this fails, and its stays.
        new.rename(folder)
