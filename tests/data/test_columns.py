"""Words in columns: what is read, and what is said of what cannot be."""

import gzip

import pytest

from treefold.data.errors import DataError
from treefold.data.readers.columns import read_columns, sentences

TEXT = "He PRP B-NP\nreckons VBZ B-VP\n\n# # B-NP\n"


def written(folder, text, name="some.txt"):
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_sentences_are_read_with_their_places(tmp_path):
    path = written(tmp_path, TEXT)
    x, names = read_columns(path)
    assert x[0].tolist() == [["He", "PRP", "B-NP"], ["reckons", "VBZ", "B-VP"]]
    assert x[1].tolist() == [["#", "#", "B-NP"]]  # a word, not a comment
    assert names == (f"{path}:1", f"{path}:4")


def test_a_gzipped_file_is_read_alike(tmp_path):
    path = tmp_path / "some.txt.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    assert len(read_columns(path)[0]) == 2


def test_between_tabs_a_word_may_have_blanks(tmp_path):
    x, _ = read_columns(written(tmp_path, "New York\tNNP\nis\tVBZ\n"))
    assert x[0].tolist() == [["New York", "NNP"], ["is", "VBZ"]]


def test_a_no_break_space_is_part_of_a_word(tmp_path):
    x, _ = read_columns(written(tmp_path, "10\u00a0000 CD\n"))
    assert x[0].tolist() == [["10\u00a0000", "CD"]]


def test_several_empty_lines_end_one_sentence(tmp_path):
    x, _ = read_columns(written(tmp_path, "\n\na B\n\n \n\nb B\n\n"))
    assert x.lengths.tolist() == [1, 1]


def test_a_sentence_is_given_when_its_empty_line_has_come():
    read = []

    def lines():
        for number, line in enumerate(["a B", "", "b B"], 1):
            read.append(number)
            yield number, line

    first = next(sentences(lines(), "-"))
    assert first.rows.tolist() == [["a", "B"]]
    assert read == [1, 2]


def test_a_line_of_another_length_is_told_with_its_number(tmp_path):
    path = written(tmp_path, "a B\n\nb B C\n")
    with pytest.raises(DataError, match=r"some.txt:3: expected 2 columns .* found 3"):
        read_columns(path)


def test_an_empty_column_between_tabs_is_told(tmp_path):
    path = written(tmp_path, "a\tB\nb\t\n")
    with pytest.raises(DataError, match=r"some.txt:2: expected 2 .* tabs, found 1"):
        read_columns(path)


def test_bad_sentences_are_left_out_when_asked(tmp_path):
    path = written(tmp_path, "a B\n\nb B C\nc B\n\nd B\n")
    x, names = read_columns(path, skip_bad=True)
    assert x.step.tolist() == [["a", "B"], ["d", "B"]]
    assert [name.rpartition(":")[2] for name in names] == ["1", "6"]


def test_a_file_without_a_sentence_is_told(tmp_path):
    with pytest.raises(DataError, match="expected sentences"):
        read_columns(written(tmp_path, "\n\n"))


def test_a_file_that_is_not_there_is_told(tmp_path):
    written(tmp_path, TEXT, "train.txt")
    with pytest.raises(DataError, match=r"no such file; did you mean .*train.txt"):
        read_columns(tmp_path / "trian.txt")


def test_bytes_that_are_no_text_are_told(tmp_path):
    path = tmp_path / "some.txt"
    path.write_bytes(b"a B\n\xff B\n")
    with pytest.raises(DataError, match=r"some.txt:2:1: expected text in UTF-8"):
        read_columns(path)
