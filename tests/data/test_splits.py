"""Splits of files of one's own: found in folders, or held out of training."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treefold.data import DataError
from treefold.data.splits import files_of, held_out, in_folder


@given(st.integers(10, 200), st.sets(st.sampled_from(["dev", "test"])))
def test_what_is_held_out_and_what_is_left_are_all_there_is(number, known):
    shares, note = held_out("mine", number, {"train", *known}, 3, what="trees")
    if known == {"dev", "test"}:
        assert (shares, note) == ({}, "")
        return
    assert set(shares) == {"train", "dev", "test"} - known
    together = np.concatenate(list(shares.values()))
    assert sorted(together.tolist()) == list(range(number))
    assert all((np.diff(part) > 0).all() for part in shares.values())
    assert "trees each, held out of training by seed 3." in note


def test_too_few_to_hold_some_out_is_told():
    with pytest.raises(DataError, match="mine: 2 trees are too few"):
        held_out("mine", 2, ["train"], 0, what="trees")


def test_files_of_a_folder_are_found_plain_before_gzipped(tmp_path):
    for name in ("train.tsv.gz", "train.tsv", "dev.tsv.gz"):
        (tmp_path / name).touch()
    found = in_folder(tmp_path, (".tsv",))
    assert found == {
        "train": str(tmp_path / "train.tsv"),
        "dev": str(tmp_path / "dev.tsv.gz"),
    }


def test_a_file_that_is_given_goes_before_one_in_the_folder(tmp_path):
    (tmp_path / "train.tsv").touch()
    given_ = {"train": "other.tsv"}
    found = files_of(str(tmp_path), given_, (".tsv",), named=(), otherwise="")
    assert found == given_


def test_a_folder_without_training_data_is_told(tmp_path):
    with pytest.raises(DataError, match=r"expected train\.mrg or train\.txt"):
        files_of(str(tmp_path), {}, (".mrg", ".txt"), named=(), otherwise="")


def test_a_name_that_is_nearly_one_is_guessed(tmp_path):
    with pytest.raises(DataError, match=r"did you mean 'wn11'.*Names end in a number"):
        files_of(
            "wn12", {}, (".tsv",), named=["wn11"], otherwise="Names end in a number."
        )
