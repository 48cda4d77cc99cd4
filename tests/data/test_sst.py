"""What is known of the Stanford Sentiment Treebank, checked where it is present."""

import gzip

import numpy as np
import pytest

from treefold.data import load_dataset
from treefold.data.readers.brackets import format_brackets, read_brackets

SIZES = {"train": (8544, 318582), "dev": (1101, 41447), "test": (2210, 82600)}


@pytest.fixture
def paths(sst_folder):
    return {
        split: next(sst_folder.glob(f"{split}.txt*"))
        for split in ("train", "dev", "test")
    }


def test_trees_and_nodes_are_as_many_as_published(paths):
    for split, (trees, nodes) in SIZES.items():
        corpus = read_brackets(paths[split])
        assert (len(corpus), corpus.num_nodes) == (trees, nodes)
        arity = np.diff(corpus.child_offset)
        assert np.isin(arity, [0, 2]).all()
        assert ((corpus.token >= 0) == (arity == 0)).all()
        assert sorted(corpus.labels) == ["0", "1", "2", "3", "4"]


def test_three_training_leaves_hold_a_no_break_space(paths):
    corpus = read_brackets(paths["train"])
    spaced = [k for k, word in enumerate(corpus.tokens) if "\u00a0" in word]
    assert np.isin(corpus.token, spaced).sum() == 3


def test_writing_gives_the_file_back(paths):
    for path in paths.values():
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
        corpus = read_brackets(path)
        assert "".join(line + "\n" for line in format_brackets(corpus)) == text


def test_the_binary_task_has_the_published_sizes(paths):
    data = load_dataset("sst-binary")
    assert [len(c) for c in (data.train, data.dev, data.test)] == [6920, 872, 1821]
    assert "1624/229/389 trees" in data.note


def test_root_labels_are_as_counted_before(paths):
    data = load_dataset("sst")
    counts = [
        np.bincount(c.label[c.roots], minlength=5).tolist()
        for c in (data.train, data.dev, data.test)
    ]
    assert counts == [
        [1092, 2218, 1624, 2322, 1288],
        [139, 289, 229, 279, 165],
        [279, 633, 389, 510, 399],
    ]
