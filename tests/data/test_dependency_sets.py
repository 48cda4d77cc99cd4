"""The English Web Treebank as documents."""

import gzip

import pytest

from treefold.data.dependency_sets import FORMATS
from treefold.data.document_sets import load_documents
from treefold.data.documents import Document
from treefold.data.errors import DataError

SENTENCE = (
    "1\tGo\tgo\tVERB\tVB\t_\t0\troot\t_\t_\n2\thome\t_\tADV\tRB\t_\t1\tadvmod\t_\t_\n"
)


@pytest.fixture
def treebank(tmp_path, monkeypatch):
    folder = tmp_path / "ud_ewt"
    folder.mkdir()
    for k, split in enumerate(("train", "dev", "test"), 1):
        content = gzip.compress(f"{SENTENCE}\n".encode() * k)
        (folder / f"en_ewt-ud-{split}.conllu.gz").write_bytes(content)
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    return folder


@pytest.mark.parametrize("name", FORMATS)
def test_each_way_to_see_the_sentences_has_the_same_words_and_labels(treebank, name):
    found = load_documents(name)
    assert found.goal == "nodes"
    assert [len(part) for part in found.splits.values()] == [1, 2, 3]
    document = found.train.document(0)
    seen = {
        c.text: label for c, label in zip(document.content, document.label, strict=True)
    }
    assert seen == {"Go": "VERB", "home": "ADV"}
    roles = {c.role for c in document.content}
    assert roles == ({"root", "advmod"} if name == "ud-ewt-pos" else {""})


def test_what_is_predicted_is_read_as_the_set_was(treebank):
    from treefold.tasks.documents import DocumentsTask
    from treefold.tasks.documents_config import DocumentsConfig
    from treefold.training.run import DataSpec

    task = DocumentsTask.load(DocumentsConfig(), DataSpec("ud-ewt-pos-chain"))
    (treebank / "new.conllu").write_text(SENTENCE)
    (document,) = task.read(str(treebank / "new.conllu"))
    assert isinstance(document, Document)
    # A chain, its end first.
    assert [c.text for c in document.content] == ["home", "Go"]


def test_a_missing_or_damaged_treebank_is_told(treebank, monkeypatch, tmp_path):
    (treebank / "en_ewt-ud-dev.conllu.gz").write_bytes(b"\x1f\x8bnothing")
    with pytest.raises(DataError, match="cannot be read"):
        load_documents("ud-ewt-pos")
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(DataError, match="Let TREEFOLD_DATA name the folder"):
        load_documents("ud-ewt-pos")
