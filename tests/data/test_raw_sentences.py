"""Sentences without structure, and the trees that measure what was found."""

import os
from pathlib import Path

import numpy as np
import pytest

from treefold.data import DataError
from treefold.data.bracketing import agreement, branching, of_phrases
from treefold.data.raw_sentences import load_sentences, phrases, plain
from treefold.data.readers.brackets import parse_brackets

DATA = Path(os.environ.get("TREEFOLD_DATA", "/nowhere"))


def test_a_text_has_a_sentence_a_line(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join(f"line {n} of it\n\n" for n in range(100)))
    data = load_sentences(str(path))
    assert data.name == "text"
    assert data.trees == {}
    assert data.text["train"][0] == ["line", "0", "of", "it"]
    assert sum(map(len, data.text.values())) == 100


def test_phrases_are_spans_of_the_leaves_that_are_kept():
    text = (
        "( (S (NP (DT the) (NN cat)) (, ,) (VP (V saw) (NP (-NONE- *)) (ADV it)) "
        "(. .)))"
    )
    corpus = parse_brackets(text)
    assert phrases(corpus) == [[(0, 2), (3, 6)]]
    silent = [corpus.labels.index(tag) for tag in (",", ".", "-NONE-")]
    keep = ~np.isin(corpus.label, silent)
    assert phrases(corpus, keep) == [[(0, 2), (2, 4)]]


def test_a_chain_of_single_children_is_one_phrase():
    assert phrases(parse_brackets("(S (X (Y (A a) (B b))) (C c))")) == [[(0, 2)]]


def test_words_of_the_treebank_are_written_as_in_the_text():
    words = ["The", "1,234.5", "%", "1\\/2", "*-1", "U.S.", "30-day", "."]
    tags = ["DT", "CD", "NN", "CD", "-NONE-", "NNP", "JJ", "."]
    assert plain(words, tags) == ["the", "N", "N", "N", "u.s.", "30-day"]


def test_a_name_has_its_own_split(tmp_path):
    with pytest.raises(DataError, match="ptb-windows has its own split; dev cannot"):
        load_sentences("ptb-windows", {"dev": "x"})


def test_what_is_not_there_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match="ptb_lm is not on this machine; looked in"):
        load_sentences("ptb-windows")
    with pytest.raises(DataError, match="no file is called 'no'"):
        load_sentences("no")


@pytest.mark.slow
@pytest.mark.skipif(
    not all((DATA / name).is_dir() for name in ("ptb_lm", "ptb_sample")),
    reason="ptb_lm and ptb_sample are not on this machine",
)
def test_the_sample_of_the_penn_treebank_is_what_others_measured():
    data = load_sentences("ptb-windows")
    assert [len(data.trees[s]) for s in ("train", "dev", "test")] == [3396, 273, 245]
    test = data.trees["test"]
    lengths = np.array([len(words) for words in test.words])
    right = agreement(branching(lengths, "right"), lengths, test.spans)
    left = agreement(branching(lengths, "left"), lengths, test.spans)
    # Right- and left-branching trees have 39.5 and 8.7 on section 23 of the full
    # treebank, and binary trees 84.3 at most (Kim et al., 2019, arXiv:1906.10225).
    assert 0.37 < right.f1 < 0.42
    assert 0.07 < left.f1 < 0.10
    assert (
        0.82 < agreement(of_phrases(lengths, test.spans), lengths, test.spans).f1 < 0.86
    )
    # No sentence that trees are measured on is learned from.
    known = {word for words in data.text["train"] for word in words}
    read = {tuple(words) for words in data.text["train"]}
    said = (tuple(w if w in known else "<unk>" for w in words) for words in test.words)
    assert not read & set(said)


@pytest.mark.skipif(not (DATA / "sst").is_dir(), reason="sst is not on this machine")
def test_trees_of_the_sentiment_treebank_are_binary():
    data = load_sentences("sst-windows")
    dev = data.trees["dev"]
    lengths = np.array([len(words) for words in dev.words])
    assert sum(map(len, dev.spans)) == (lengths - 2).clip(min=0).sum()
    assert agreement(of_phrases(lengths, dev.spans), lengths, dev.spans).f1 == 1
    assert dev.label is not None
    assert set(dev.label) == set("01234")
