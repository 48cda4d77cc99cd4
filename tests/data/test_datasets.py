import gzip

import numpy as np
import pytest

from treefold.data import DataError, load_dataset

TRAIN = "(0 (1 bad) (2 film))\n(2 (2 a) (2 film))\n(4 (3 good) (2 film))\n(3 fun)\n"
DEV = "(1 (1 bad) (2 owl))\n(2 (2 the) (2 end))\n"
TEST = "(4 (4 great) (2 Film))\n"


@pytest.fixture
def sst(tmp_path, monkeypatch):
    """A treebank of a few trees, where the real one would lie."""
    folder = tmp_path / "sst"
    folder.mkdir()
    (folder / "train.txt").write_text(TRAIN)
    (folder / "dev.txt.gz").write_bytes(gzip.compress(DEV.encode()))
    (folder / "test.txt").write_text(TEST)
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def root_classes(data, corpus):
    return [data.classes[k] for k in corpus.label[corpus.roots]]


def test_sst_has_five_classes_and_the_words_of_training(sst):
    data = load_dataset("sst")
    assert data.classes == ("0", "1", "2", "3", "4")
    assert data.vocabulary.words[:2] == ("<unk>", "film")
    assert root_classes(data, data.train) == ["0", "2", "4", "3"]
    assert root_classes(data, data.test) == ["4"]
    assert data.train.tokens == data.test.tokens == data.vocabulary.words
    assert data.test.token.tolist() == [0, 0, -1]  # neither `great` nor `Film` is known
    assert data.skipped == 0


def test_words_may_be_lower_cased_and_rare_ones_unknown(sst):
    data = load_dataset("sst", lower=True, min_count=2)
    assert data.vocabulary.words == ("<unk>", "film")
    assert data.test.token.tolist() == [0, 1, -1]


def test_sst_binary_drops_neutral_trees_and_neutral_nodes_bear_no_loss(sst):
    data = load_dataset("sst-binary")
    assert data.classes == ("negative", "positive")
    assert root_classes(data, data.train) == ["negative", "positive", "positive"]
    assert data.train.label.tolist() == [0, -1, 0, 1, -1, 1, 1]
    assert "a" not in data.vocabulary  # it stands in a neutral tree only
    assert "1/1/0 trees with a neutral root are left out" in data.note


def test_sst_binary_with_neutral_trees_only_is_told(sst):
    (sst / "test.txt").write_text("(2 a)")
    with pytest.raises(
        DataError, match=r"test\.txt: no tree is left: all 1 have a neu"
    ):
        load_dataset("sst-binary")


def test_sst_refuses_other_files_and_other_classes(sst):
    with pytest.raises(DataError, match="sst has its own split; dev, test cannot be"):
        load_dataset("sst", dev="a", test="b")
    (sst / "test.txt").write_text("(2 a)\n(3 (7 b) (2 c))")
    with pytest.raises(
        DataError, match=r"test\.txt: tree 2 \(line 2\): the label '7' is not a class: "
    ):
        load_dataset("sst")


def test_sst_that_is_not_there_is_told_with_the_command(sst):
    (sst / "test.txt").unlink()
    with pytest.raises(DataError, match="`treefold download sst`"):
        load_dataset("sst-binary")


def test_bad_trees_are_told_or_skipped_and_counted(sst):
    (sst / "train.txt").write_text(TRAIN + "(2 a\n")
    with pytest.raises(DataError, match=r"train\.txt:5:5: expected '\)'"):
        load_dataset("sst")
    for name in ("sst", "sst-binary"):
        assert load_dataset(name, skip_bad=True).skipped == 1


def test_a_folder_is_read_like_the_treebank(sst):
    data = load_dataset(sst)
    assert data.name == "sst"
    assert data.classes == ("0", "1", "2", "3", "4")
    assert [len(c) for c in (data.train, data.dev, data.test)] == [4, 2, 1]
    # Files may be named, as they are or inside the folder.
    data = load_dataset(sst, train="test.txt", dev=sst / "test.txt", test="test.txt")
    assert data.classes == ("2", "4")


def test_files_may_stand_alone(tmp_path):
    paths = {}
    for split, text in (("train", "(10 a)\n(+9 b)\n(-1 c)\n"), ("dev", "(9 d)")):
        paths[split] = tmp_path / f"my_{split}.txt"
        paths[split].write_text(text)
    data = load_dataset("mine", **paths, test=paths["dev"])
    assert data.name == "mine"
    assert data.classes == ("-1", "9", "10")
    assert root_classes(data, data.train) == ["10", "9", "-1"]
    assert root_classes(data, data.test) == ["9"]
    same = load_dataset(paths["train"], dev=paths["dev"], test=paths["dev"])
    assert same.name == "my_train"


def test_one_file_is_split_by_seed(tmp_path):
    path = tmp_path / "trees.txt.gz"
    text = "".join(f"({k % 2} w{k})\n" for k in range(50))
    path.write_bytes(gzip.compress(text.encode()))

    def numbers(seed):
        data = load_dataset(str(path), seed=seed)
        return [c.number.tolist() for c in (data.train, data.dev, data.test)]

    train, dev, test = numbers(0)
    assert (len(train), len(dev), len(test)) == (40, 5, 5)
    assert sorted(train + dev + test) == list(range(1, 51))
    assert numbers(0) == [train, dev, test]
    assert numbers(1) != [train, dev, test]
    data = load_dataset(path)
    assert data.name == "trees"
    assert data.note == "dev and test: 5 trees each, held out of training by seed 0."
    with_dev = load_dataset(path, dev=path)
    assert (len(with_dev.train), len(with_dev.test)) == (45, 5)


def test_bad_trees_of_a_file_that_is_split_are_counted_once(tmp_path):
    path = tmp_path / "trees.txt"
    path.write_text("(0 a)\n(1 b)\n" * 10 + "(0)\n")
    assert load_dataset(path, skip_bad=True).skipped == 1


@pytest.mark.parametrize(
    ("train", "dev", "message"),
    [
        ("(0 a)\n(NP b)", "(0 a)", r"train.txt: tree 2 \(line 2\): expected a whole"),
        ("(0 a)\n(1.5 b)", "(0 a)", r"expected a whole number as label, found '1.5'"),
        ("(0 a)\n(² b)", "(0 a)", r"expected a whole number as label, found '²'"),
        ("(0 a)", "(0 a)(3 b)", r"dev.txt: tree 2 \(line 1\): the label '3' is not a "),
        (
            "(0 a)\n\n( (1 b))",
            "(0 a)",
            r"train.txt: tree 2 \(line 3\): the root has no",
        ),
        ("", "(0 a)", r"train.txt:1:1: expected a tree, found end of file"),
        ("(0 a)", "\n", r"dev.txt:2:1: expected a tree, found end of file"),
    ],
)
def test_what_the_task_cannot_take_is_told_with_file_and_tree(
    tmp_path, train, dev, message
):
    (tmp_path / "train.txt").write_text(train)
    (tmp_path / "dev.txt").write_text(dev)
    with pytest.raises(DataError, match=message):
        load_dataset(tmp_path, test=tmp_path / "train.txt")


def test_labels_unseen_in_training_are_told_with_those_seen(tmp_path):
    (tmp_path / "train.txt").write_text("(2 a)\n(0 b)")
    (tmp_path / "dev.txt").write_text("(1 a)")
    with pytest.raises(DataError, match="the labels of the training trees are 0 and 2"):
        load_dataset(tmp_path, test=tmp_path / "train.txt")


def test_nodes_without_label_are_fine_below_the_root(tmp_path):
    path = tmp_path / "trees.txt"
    path.write_text("(0 (1 a) b)\n(1 c)\n" * 5)
    data = load_dataset(path)
    assert np.unique(data.train.label).tolist() == [-1, 0, 1]


def test_too_few_trees_to_split_are_told(tmp_path):
    path = tmp_path / "trees.txt"
    path.write_text("(0 a)\n(1 b)\n")
    with pytest.raises(DataError, match="2 trees are too few to hold some out for dev"):
        load_dataset(path)


def test_names_that_are_nothing_are_told_with_one_like_it(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="called 'ssst'; did you mean 'sst'"):
        load_dataset("ssst")
    (tmp_path / "trees.txt").write_text("(0 a)")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataError, match=r"called 'tres\.txt'; did you mean 'trees\.txt'"
    ):
        load_dataset("tres.txt")
    with pytest.raises(DataError, match=r"'wood'\. The data sets are sst, sst-binary"):
        load_dataset("wood")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        DataError, match=r"empty: expected train\.txt or train\.txt\.gz"
    ):
        load_dataset("empty")
    with pytest.raises(DataError, match="no such file"):
        load_dataset("trees.txt", dev="nowhere.txt")
