"""Labelled sequences by name and from files."""

import numpy as np
import pytest

from treefold.data.errors import DataError
from treefold.data.places import folders
from treefold.data.tagging_sets import load_tagging_set


def is_here(name):
    return any(folder.is_dir() for folder in folders(name))


needs_conll = pytest.mark.skipif(
    not is_here("conll2000"), reason="conll2000 is not on this machine"
)
needs_gesture = pytest.mark.skipif(
    not is_here("gesture_phase"), reason="gesture_phase is not on this machine"
)


def sentences(folder, count, name="some.txt"):
    path = folder / name
    path.write_text("\n".join(f"w{k} X B-A\nv{k} Y O\n" for k in range(count)))
    return str(path)


def series(folder, steps, name="some.csv"):
    path = folder / name
    rows = "".join(f"{k},{k * k},{'ab'[k % 2]}\n" for k in range(steps))
    path.write_text("x,y,label\n" + rows)
    return str(path)


def test_a_tenth_each_is_held_out_and_no_sentence_is_lost(tmp_path):
    file = sentences(tmp_path, 40)
    found = load_tagging_set(file, seed=1)
    assert {k: len(v) for k, v in found.splits.items()} == {
        "train": 32,
        "dev": 4,
        "test": 4,
    }
    words = [w for each in found.splits.values() for w in each.x.step[:, 0]]
    assert sorted(words) == sorted(f"{a}{k}" for k in range(40) for a in "wv")
    again = load_tagging_set(file, seed=1)
    other = load_tagging_set(file, seed=2)
    assert found.splits["dev"].names == again.splits["dev"].names
    assert found.splits["dev"].names != other.splits["dev"].names


def test_the_last_column_is_the_label(tmp_path):
    train = load_tagging_set(sentences(tmp_path, 10)).splits["train"]
    assert train.columns == ("word", "column 2")
    assert train.x.step.shape[1] == 2
    assert train.label is not None
    assert set(train.label) == {"B-A", "O"}
    assert train.is_text


def test_of_one_long_series_the_ends_are_held_out(tmp_path):
    splits = load_tagging_set(series(tmp_path, 40)).splits
    x = {split: each.x.step[:, 0].tolist() for split, each in splits.items()}
    assert x["train"] == list(range(32))
    assert x["dev"] == list(range(32, 36))
    assert x["test"] == list(range(36, 40))
    assert not splits["train"].is_text


def test_files_of_splits_are_read_as_they_are(tmp_path):
    train, dev = sentences(tmp_path, 20), sentences(tmp_path, 3, "dev.txt")
    found = load_tagging_set(train, {"dev": dev})
    assert {k: len(v) for k, v in found.splits.items()} == {
        "train": 18,
        "dev": 3,
        "test": 2,
    }


def test_a_file_named_as_a_split_alone_is_that_split_alone(tmp_path):
    file = sentences(tmp_path, 5)
    assert list(load_tagging_set(file, {"test": file}).splits) == ["test"]


def test_a_folder_has_a_file_for_each_split(tmp_path):
    for split, count in (("train", 4), ("dev", 2), ("test", 1)):
        sentences(tmp_path, count, f"{split}.txt")
    found = load_tagging_set(str(tmp_path))
    assert [len(found.splits[s]) for s in ("train", "dev", "test")] == [4, 2, 1]


def test_a_folder_without_training_data_is_told(tmp_path):
    sentences(tmp_path, 4, "test.txt")
    with pytest.raises(DataError, match=r"expected a file train\.\*"):
        load_tagging_set(str(tmp_path))


def test_a_name_that_is_none_is_told():
    with pytest.raises(DataError, match="did you mean 'conll2000'"):
        load_tagging_set("conl2000")


def test_a_named_set_takes_no_files():
    with pytest.raises(DataError, match="conll2000 has its own split; dev cannot"):
        load_tagging_set("conll2000", {"dev": "x.txt"})


def test_words_without_a_label_are_told(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("only\nwords\n")
    with pytest.raises(DataError, match=r"words.txt:1: .* found a word"):
        load_tagging_set(str(path))


def test_frames_without_a_label_are_told_where_one_is_needed(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text("x\n" + "1\n" * 40)
    with pytest.raises(DataError, match="expected a column called label, found x"):
        load_tagging_set(str(path))
    assert load_tagging_set(str(path), labelled=False).splits["train"].label is None


def test_too_short_a_series_is_told(tmp_path):
    with pytest.raises(DataError, match=r"found 1 sequences and 12 steps"):
        load_tagging_set(series(tmp_path, 12))


def test_data_that_are_not_here_are_told(monkeypatch, tmp_path):
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match="conll2000 is not on this machine"):
        load_tagging_set("conll2000")


@needs_conll
def test_conll2000_has_the_official_counts():
    splits = load_tagging_set("conll2000").splits
    tokens = {split: len(each.x.step) for split, each in splits.items()}
    assert len(splits["train"]) + len(splits["dev"]) == 8_936
    assert tokens["train"] + tokens["dev"] == 211_727
    assert (len(splits["test"]), tokens["test"]) == (2_012, 47_377)
    assert splits["test"].x[0][0].tolist() == ["Rockwell", "NNP"]


@needs_gesture
@pytest.mark.parametrize("user", "abc")
def test_no_video_of_the_held_out_user_is_trained_on(user):
    found = load_tagging_set(f"gesture-{user}")
    names = {split: each.names for split, each in found.splits.items()}
    assert {name[0] for name in names["test"]} == {user}
    assert user not in {name[0] for name in (*names["train"], *names["dev"])}
    assert len({n for some in names.values() for n in some}) == 7
    assert not set(names["train"]) & set(names["dev"])


@needs_gesture
def test_frames_are_seen_from_the_spine_and_have_five_phases():
    splits = load_tagging_set("gesture-b").splits
    lengths = np.concatenate([each.x.lengths for each in splits.values()])
    assert lengths.sum() == 9_901
    train = splits["train"]
    assert train.label is not None
    assert len(set(train.label)) == 5
    place = [train.columns.index(c) for c in ("hx", "hy", "hz")]
    height = np.linalg.norm(train.x[0][:, place], axis=1).mean()
    assert height == pytest.approx(1.0, abs=0.02)
