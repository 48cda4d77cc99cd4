import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.plain_trees import any_trees, pack, unpack
from treefold.data import Corpus, DataError
from treefold.data.readers.brackets import parse_brackets

CORPUS = parse_brackets("(1 (0 a\u00a0b) (2 é))\n()\n(3 c)", name="x", skip_bad=True)


@pytest.fixture
def folder(tmp_path):
    CORPUS.save(tmp_path / "packed")
    return tmp_path / "packed"


@settings(max_examples=20)  # each waits for the disk
@given(st.lists(any_trees, max_size=4))
def test_what_is_saved_is_opened(tmp_path_factory, forest):
    folder = tmp_path_factory.mktemp("corpus") / "packed"
    corpus = pack(forest)
    corpus.save(folder)
    opened = Corpus.open(folder, verify=True)
    assert unpack(opened) == forest
    assert opened.tokens == corpus.tokens


def test_opening_maps_the_files_into_memory_and_keeps_all_that_is_known(folder):
    opened = Corpus.open(folder)
    base = opened.token
    while not isinstance(base, np.memmap) and base.base is not None:
        base = base.base
    assert isinstance(base, np.memmap)
    assert opened.skipped == CORPUS.skipped != ()
    assert opened.where(1) == "x: tree 3 (line 3)"
    assert unpack(opened[[1, 0]]) == unpack(CORPUS)[::-1]
    assert opened.batch([0]).forest.num_nodes == 3


def test_a_folder_in_the_way_is_kept_unless_it_is_a_corpus_to_overwrite(folder):
    with pytest.raises(DataError, match="packed exists; overwrite=True replaces it"):
        CORPUS.save(folder)
    CORPUS[[1]].save(folder, overwrite=True)
    assert len(Corpus.open(folder)) == 1
    with pytest.raises(DataError, match="is not a corpus; it is not replaced"):
        CORPUS.save(folder.parent, overwrite=True)
    assert [path.name for path in folder.parent.iterdir()] == ["packed"]


def test_a_full_disk_leaves_the_old_corpus_and_nothing_else(folder, monkeypatch):
    real, calls = np.save, []

    def full(path, *args, **kwargs):
        calls.append(path)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")
        real(path, *args, **kwargs)

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space left"):
        CORPUS[[1]].save(folder, overwrite=True)
    assert [path.name for path in folder.parent.iterdir()] == ["packed"]
    assert len(Corpus.open(folder, verify=True)) == 2


def edit(folder, **changes):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | changes))


def test_a_version_to_come_is_told(folder):
    edit(folder, version=2)
    with pytest.raises(DataError, match="of version 2, this treefold reads version 1"):
        Corpus.open(folder)


def test_other_folders_are_told(folder, tmp_path):
    with pytest.raises(DataError, match="does not exist: there is no manifest"):
        Corpus.open(tmp_path / "nowhere")
    with pytest.raises(DataError, match="is not a packed corpus: there is no manifest"):
        Corpus.open(tmp_path)
    for change in ({"format": "other"}, {"version": "1"}):
        edit(folder, **change)
        with pytest.raises(DataError, match="is not the manifest of a packed corpus"):
            Corpus.open(folder)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(DataError, match="is not the manifest of a packed corpus"):
        Corpus.open(folder)


def test_damage_is_told(folder):
    original = folder.with_name("original")
    shutil.copytree(folder, original)

    def opening_says(message, *, verify=False):
        with pytest.raises(DataError, match=message):
            Corpus.open(folder, verify=verify)
        shutil.rmtree(folder)
        shutil.copytree(original, folder)

    token = folder / "token.npy"
    data = token.read_bytes()
    token.write_bytes(data[:-1])
    opening_says(r"token\.npy is damaged: expected \d+ bytes, got \d+; pack")
    token.write_bytes(b"X" + data[1:])
    opening_says(r"token\.npy is damaged")
    token.unlink()
    opening_says(r"token\.npy is damaged: the file is missing")
    token.write_bytes(data[:-1] + b"\x07")
    opening_says(r"token\.npy is damaged: its SHA-256 is not", verify=True)
    edit(folder, nodes=5)
    opening_says("damaged: expected 6 entries, got 5")
    edit(folder, nodes="4")
    opening_says("damaged: it lacks counts or files")
    np.save(token, np.zeros(4, np.int64))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["token.npy"]["bytes"] = token.stat().st_size
    edit(folder, files=manifest["files"])
    opening_says("damaged: it holds int64 of shape")
    strings = folder / "strings.json"
    strings.write_text("x" * strings.stat().st_size)
    opening_says("damaged: it is not the JSON of the tables")
    offset = folder / "tree_offset.npy"
    offset.write_bytes(offset.read_bytes()[:-8] + b"\x09" + b"\0" * 7)
    opening_says("damaged: it does not run from 0 to 4")
    assert len(Corpus.open(folder, verify=True)) == 2
