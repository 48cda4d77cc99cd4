"""poj104: programs parsed once, shared out at random."""

import json
import lzma
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tree_sitter_cpp", reason="pip install 'treefold[code]'")

from treefold.data import DataError, programs
from treefold.data.document_sets import load_documents
from treefold.tasks.documents import DocumentsTask
from treefold.tasks.documents_code_rivals import code_rivals
from treefold.tasks.documents_config import DocumentsConfig

TWO = {
    "1": "#include <stdio.h>\nint main() {{ int n = {}; return n * n; }}",
    "2": "int f(int a) {{ for (int i = 0; i < {}; i++) a += i; return a; }}",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "poj104"
    folder.mkdir()
    with lzma.open(folder / programs.FILE, "wt") as file:
        for n in range(25):
            for label, code in TWO.items():
                row = {"label": int(label), "id": n, "code": code.format(n)}
                file.write(json.dumps(row) + "\n")
    return folder


def test_three_fifths_are_to_train_and_every_program_is_in_one_split(folder):
    found = load_documents("poj104")
    assert [len(part) for part in found.splits.values()] == [30, 10, 10]
    places = [place for part in found.splits.values() for place in part.places]
    assert sorted(places) == sorted(f"{programs.FILE}:{n}" for n in range(1, 51))
    assert "saturated" in found.note
    for part in found.splits.values():
        for place, label, document in zip(part.places, part.targets, part, strict=True):
            assert label == str(2 - int(place.split(":")[1]) % 2)
            kinds = {content.kind for content in document.content}
            assert ("for_statement" in kinds) == (label == "2")


def test_another_seed_shares_them_out_in_another_way(folder):
    splits = [programs.load(seed).train.places for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


def test_they_are_parsed_once(folder, monkeypatch):
    first = programs.load()
    monkeypatch.delattr(programs, "parse_texts")
    second = programs.load()
    for one, other in zip(first.train, second.train, strict=True):
        assert str(one) == str(other)
        assert (one.parent, one.content) == (other.parent, other.content)


def test_what_was_kept_and_is_damaged_is_made_again(folder, monkeypatch):
    first = programs.load()
    (kept,) = (folder.parent / "cache" / "treefold" / "poj104").iterdir()
    (kept / "node.npy").write_bytes(b"?")
    assert str(programs.load().test.document(3)) == str(first.test.document(3))
    (kept / "documents.json").write_text("{}")
    assert programs.load().test.places == first.test.places


def test_a_cache_that_cannot_be_written_costs_time_alone(folder, monkeypatch):
    (folder.parent / "cache").write_text("in the way")
    assert len(programs.load().train) == 30


def test_a_damaged_file_is_told(folder):
    lines = b'{"label": 1, "code": "int a;"}\n{"label": 2}\n'
    (folder / programs.FILE).write_bytes(lzma.compress(lines))
    with pytest.raises(DataError, match=r"jsonl.xz:2: expected a JSON object"):
        programs.load()
    (folder / programs.FILE).write_bytes(b"no xz")
    with pytest.raises(DataError, match=r"jsonl.xz:0: expected a JSON object"):
        programs.load()


def test_a_set_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match=r"poj104 is not on this machine; looked for"):
        programs.load()


def test_a_linear_model_of_tokens_is_measured_beside(folder):
    task = DocumentsTask.of(DocumentsConfig(), programs.load())
    ((name, fit),) = code_rivals(task).items()
    assert name == "1 to 3 tokens, linear"
    dev, _ = fit()
    label = np.array([int(name) - 1 for name in task.parts["dev"].targets])
    assert (dev == label).all()


def test_documents_that_are_no_source_code_have_no_rival_of_tokens():
    task = DocumentsTask.of(DocumentsConfig(), load_documents("records-count-500"))
    assert code_rivals(task) == {}


@pytest.mark.skipif(
    not Path(os.environ.get("TREEFOLD_DATA", ""), "poj104", programs.FILE).is_file(),
    reason="poj104 is not in TREEFOLD_DATA",
)
def test_the_programs_are_500_of_each_problem():
    labels = [label for _, label, _ in programs.sources(programs.locate())]
    names, counts = np.unique(labels, return_counts=True)
    assert len(names) == 104
    assert set(counts.tolist()) == {500}
