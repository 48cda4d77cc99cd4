"""Texts as numbers and back, and streams in blocks."""

import numpy as np
import pytest
import torch

from treefold.data import DataError
from treefold.data.text import Blocks, Coding, symbols

TEXT = "to be or not\nto be\n"


@pytest.mark.parametrize("unit", ["word", "character", "byte"])
def test_a_text_comes_back_as_it_was(unit):
    coding = Coding.build(TEXT, unit)
    assert coding.decode(coding.encode(TEXT)) == TEXT


def test_words_are_what_white_space_separates_and_ends_of_lines():
    assert symbols(" a  b\n\nc", "word") == ["a", "b", "<eos>", "<eos>", "c"]
    assert symbols("a\n", "word") == ["a", "<eos>"]
    assert symbols("\n", "word") == ["<eos>"]
    assert symbols("", "word") == []


def test_symbols_are_numbered_by_frequency():
    words = Coding.build(TEXT, "word").vocabulary.words
    assert words == ("<unk>", "<eos>", "be", "to", "not", "or")
    assert Coding.build(TEXT, "word", most=2).vocabulary.words[1:] == (
        "<eos>", "be", "to",
    )  # fmt: skip
    assert Coding.build(TEXT, "word", min_count=2).encode("or to\n").tolist() == [
        0, 3, 1,
    ]  # fmt: skip


def test_the_end_of_a_line_is_known_though_the_text_has_none():
    coding = Coding.build("abc", "character")
    assert coding.decode([coding.end]) == "\n"


def test_letters_may_be_lower_cased():
    coding = Coding.build("Ab aB", "word", lower=True)
    assert coding.vocabulary.words == ("<unk>", "ab", "<eos>")
    assert coding.encode("AB\n").tolist() == [1, 2]


def test_bytes_code_every_text():
    coding = Coding.build("abc", "byte")
    assert len(coding) == 257
    assert coding.decode(coding.encode("für 花\n")) == "für 花\n"
    coding.check("花", "<text>")  # never unknown


def test_an_unknown_character_is_told_with_its_place():
    coding = Coding.build("abc\n", "character")
    with pytest.raises(DataError, match=r"a\.txt:8:2: the character 'x' did not occur"):
        coding.check("ab\nbxc", "a.txt", line=7)
    Coding.build("abc\n", "word").check("x y", "a.txt")  # words are <unk>


def rebuilt(blocks):
    """Put the targets of blocks together again, row after row."""
    target = torch.cat([block.target for block in blocks]).T.flatten()
    return target[target >= 0].tolist()


@pytest.mark.parametrize("rows", [1, 3, 5, 40])
@pytest.mark.parametrize(("length", "shift"), [(4, 0), (4, 3), (100, 0)])
def test_every_symbol_is_a_target_once_after_the_one_before_it(rows, length, shift):
    stream = np.arange(1, 24)
    blocks = Blocks.of_stream(stream, 0, rows=rows, length=length, shift=shift)
    parts = list(blocks)
    assert len(parts) == len(blocks)
    assert rebuilt(parts) == stream.tolist()
    assert [block.first for block in parts] == [True] + [False] * (len(parts) - 1)
    assert sum(len(block) for block in parts) == len(stream)
    for block in parts:
        told = block.target >= 0
        assert torch.equal(block.input[told], block.target[told] - 1)


def test_a_shift_cuts_the_first_block_short():
    stream = np.arange(20)
    parts = Blocks.of_stream(stream, 0, rows=2, length=4, shift=1)
    assert [len(block.input) for block in parts] == [3, 4, 3]
    with pytest.raises(ValueError, match=r"shift must be in \[0, 4\), got 4"):
        Blocks.of_stream(stream, 0, rows=2, length=4, shift=4)


def test_lines_side_by_side_each_begin_by_themselves():
    lines = [np.array([3, 4, 5]), np.array([6])]
    (block,) = Blocks.of_lines(lines, 9, length=10)
    assert block.input.T.tolist()[0] == [9, 3, 4]
    assert block.input[0].tolist() == [9, 9]
    assert block.target.T.tolist() == [[3, 4, 5], [6, -100, -100]]


def test_of_nothing_there_are_no_blocks():
    assert len(Blocks.of_stream(np.array([], np.int64), 0, rows=4, length=5)) == 0
    assert len(Blocks.of_lines([], 0, length=5)) == 0
