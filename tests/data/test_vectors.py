import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from treefold.data import DataError, Vocabulary, load_vectors

WORDS = Vocabulary(("<unk>", "the", "owl", ". .", "7"))
ROWS = "the 0.5 -1e-2 3\nfox 1 2 3\n7 .5 0 1\n. . 4 5 6\nthe 9 9 9\n"


@pytest.fixture
def write(tmp_path):
    def write(text: str | bytes) -> Path:
        path = tmp_path / "vectors.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize("header", ["", "5 3\n"], ids=["headless", "header"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("end", ["\n", " \r\n"], ids=["unix", "word2vec"])
def test_the_rows_of_words_wanted_are_read(write, header, pack, end):
    path = write(pack((header + ROWS).replace("\n", end).encode()))
    vectors, found = load_vectors(path, WORDS, size=3)
    assert vectors.dtype == np.float32
    assert found.tolist() == [False, True, False, True, True]
    np.testing.assert_allclose(
        vectors,
        [[0, 0, 0], [0.5, -0.01, 3], [0, 0, 0], [4, 5, 6], [0.5, 0, 1]],
        rtol=1e-6,
    )


def test_a_byte_order_mark_is_not_part_of_the_first_word(write):
    assert load_vectors(write(b"\xef\xbb\xbf" + ROWS.encode()), WORDS)[1][1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROWS + "cat 1 2", r"txt:6: expected a word and 3 numbers, found 2 numbers"),
        (
            ROWS + "cat 1 2 3 4",
            r"txt:6: expected a word and 3 numbers, found 4 numbers",
        ),
        ("9 2\n" + ROWS, r"txt:2: expected a word and 2 numbers, found 3 numbers"),
        ("the 1 x", r"txt:1: expected 2 numbers after the word 'the', found 'x'"),
        ("the 1 nan", r"expected 2 numbers after the word 'the', found 'nan'"),
        ("the 1 1e39", r"numbers that float32 can hold after the word 'the', found 1e"),
        ("the\nowl\n", r"txt:1: expected a word and its numbers, found 0 numbers"),
        ("", r"txt: expected word vectors, found an empty file"),
        ("6 3\n", r"txt: expected word vectors, found an empty file"),
        ("6 3\n" + ROWS, r"txt: expected 6 rows, as its first line says, found 5"),
        (gzip.compress(ROWS.encode(), mtime=0)[:-9], r"txt: the gzip file is damaged"),
    ],
)
def test_bad_rows_are_told_with_their_line(write, text, message):
    with pytest.raises(DataError, match=message):
        load_vectors(write(text), WORDS)


def test_another_dimension_is_told(write):
    with pytest.raises(DataError, match="expected vectors of 300 numbers, found 3"):
        load_vectors(write(ROWS), WORDS, size=300)


def test_a_missing_file_is_told(tmp_path, write):
    write(ROWS)
    with pytest.raises(DataError, match=r"vector.txt: no such file; did you mean"):
        load_vectors(tmp_path / "vector.txt", WORDS)
    with pytest.raises(DataError, match="cannot be read"):
        load_vectors(tmp_path, WORDS)


@pytest.mark.parametrize(
    ("name", "size"), [("glove50_4k", 50), ("glove_twitter25_12k", 25)]
)
def test_published_files_are_read(name, size):
    base = os.environ.get("TREEFOLD_DATA")
    path = Path(base or ".") / "glove_small" / f"{name}.txt.gz"
    if not base or not path.exists():
        pytest.skip("TREEFOLD_DATA has no glove_small")
    vectors, found = load_vectors(path, Vocabulary(("<unk>", "king", "queen")))
    assert vectors.shape == (3, size)
    assert found.tolist() == [False, True, True]
    unit = vectors[1:] / np.linalg.norm(vectors[1:], axis=1, keepdims=True)
    assert unit[0] @ unit[1] > 0.7
