import gzip
import io
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.plain_trees import Node, names, pack, trees, unpack, written
from treefold.data import DataError, read_brackets, write_brackets
from treefold.data.readers.brackets import format_brackets, parse_brackets


def leaf(label: str | None, word: str) -> Node:
    return Node(label, word)


def read(text: str) -> list[Node]:
    return unpack(parse_brackets(text))


@given(st.lists(trees, min_size=1, max_size=5))
def test_what_is_written_is_read_back(forest):
    text = "\n".join(format_brackets(pack(forest)))
    assert read(text) == forest


@given(st.lists(trees, min_size=1, max_size=5))
def test_reading_writing_and_reading_again_changes_no_array(forest):
    text = "\n".join(format_brackets(pack(forest)))
    first = parse_brackets(text)
    again = parse_brackets("\n".join(format_brackets(first)))
    assert (again.tokens, again.labels) == (first.tokens, first.labels)
    for name in ("tree_offset", "child_offset", "child", "height", "token", "label"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))


@given(trees, st.data())
def test_any_ascii_white_space_separates_and_none_is_needed_at_brackets(tree, data):
    blanks = st.text(" \t\n\r\v\f", max_size=3)
    text = data.draw(blanks)
    before = "("
    for part in written(tree):
        gap = data.draw(blanks)
        if not gap and before not in "()" and part not in "()":
            gap = " "
        text += gap + part
        before = part
    assert read(text + data.draw(blanks)) == [tree]


@given(st.text("(() ab\n#", max_size=40), st.booleans())
def test_any_text_is_read_or_refused_with_a_place(text, skip_bad):
    try:
        corpus = parse_brackets(text, name="f", skip_bad=skip_bad)
    except DataError:
        with pytest.raises(DataError, match=r"^f:(\d+:\d+:)? "):
            parse_brackets(text, name="f", skip_bad=skip_bad)
    else:
        assert read("\n".join(format_brackets(corpus))) == unpack(corpus)
        assert skip_bad or not corpus.skipped


@given(st.lists(trees, min_size=1, max_size=5), st.data())
def test_bad_lines_among_good_ones_are_skipped_and_counted(forest, data):
    bad = st.sampled_from(["(a (b c)", "(a b))", "(a)", "()", "((("])
    lines: list[str | Node] = list(forest)
    wrong = data.draw(st.lists(bad, max_size=3))
    for line in wrong:
        lines.insert(data.draw(st.integers(0, len(lines))), line)
    text = "\n".join(
        x if isinstance(x, str) else next(format_brackets(pack([x]))) for x in lines
    )
    corpus = parse_brackets(text, name="f", skip_bad=True)
    # A forgotten and a superfluous bracket may make one tree of the lines between;
    # then fewer trees are left, but never one that was not written.
    kept = unpack(corpus)
    if "(a (b c)" not in wrong and "(((" not in wrong:
        assert kept == forest
        assert len(corpus.skipped) == len(wrong)
    used = {x for t in kept for x in written(t)}
    assert {*corpus.tokens, *corpus.labels} <= used


def test_a_label_and_one_word_are_one_leaf():
    assert read("(2 It)") == [leaf("2", "It")]


def test_several_words_are_leaves_without_label():
    assert read("(NP the (A big) cat)") == [
        Node("NP", None, (leaf(None, "the"), leaf("A", "big"), leaf(None, "cat")))
    ]


def test_a_root_may_go_without_label():
    inner = Node("S", None, (leaf("N", "birds"), leaf("V", "sing")))
    assert read("( (S (N birds) (V sing)))") == [Node(None, None, (inner,))]


def test_nodes_stand_in_level_order_with_the_root_last():
    corpus = parse_brackets("(4 (3 (2 a) (1 b)) (0 c))")
    assert corpus.height.tolist() == [0, 0, 0, 1, 2]
    assert [corpus.labels[k] for k in corpus.label] == ["2", "1", "0", "3", "4"]
    assert [corpus.tokens[k] for k in corpus.token[:3]] == ["a", "b", "c"]
    assert corpus.token[3:].tolist() == [-1, -1]
    assert corpus.child.tolist() == [0, 1, 3, 2]
    assert corpus.child_offset.tolist() == [0, 0, 0, 0, 2, 4]


def test_a_no_break_space_is_part_of_a_word():
    assert read("(2 8\u00a01\\/2)") == [leaf("2", "8\u00a01\\/2")]


def test_escapes_stay_as_written():
    assert read("(-LRB- -LRB-)(X 1\\/2)") == [
        leaf("-LRB-", "-LRB-"),
        leaf("X", "1\\/2"),
    ]


def test_comments_stand_between_trees_and_nowhere_else():
    text = "*x*x*x* (a header\n # note )\n(# #) % so ((\n\n   (* %)"
    corpus = parse_brackets(text)
    assert unpack(corpus) == [leaf("#", "#"), leaf("*", "%")]
    assert corpus.line.tolist() == [3, 5]


def test_trees_share_a_line_or_span_many():
    text = "(a b) (c d)(e\n  (f g)\r\n  (h i))\n(j k)"
    corpus = parse_brackets(text)
    assert len(corpus) == 4
    assert corpus.line.tolist() == [1, 1, 1, 4]
    assert corpus.number.tolist() == [1, 2, 3, 4]


def test_a_byte_order_mark_is_not_text():
    corpus = parse_brackets("(2 a)\n".encode("utf-8-sig"))
    assert corpus.tokens == ("a",)
    with pytest.raises(DataError, match=r"^f:1:2: "):
        parse_brackets("()".encode("utf-8-sig"), name="f")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "(1 a)\n(3 (2 It) (4 runs\n(2 b)\n",
            "t:2:18: expected ')' to close the '(' at column 11, found end of line",
        ),
        (
            "(3 (2 It)\n  (4 runs\n  (1 so)\n",
            "t:3:9: expected ')' to close the '(' at line 2, column 3, "
            "found end of file",
        ),
        ("(3 (2 It)", "t:1:10: expected ')' to close the '(' at column 1, found end"),
        ("(", "t:1:2: expected ')' to close the '(' at column 1, found end of file"),
        ("(2 a))", "t:1:6: expected '(' to begin a tree, found ')', which closes"),
        ("(2 a)\nfoo (2 b)", "t:2:1: expected '(' to begin a tree, found 'foo'"),
        ("(2 a) ( )", "t:1:9: expected a label or a tree after '(', found ')'"),
        ("(é (2 ) b)", "t:1:7: expected a word or a tree after the label '2', found"),
        ("", "t:1:1: expected a tree, found end of file"),
        ("# nothing\n", "t:2:1: expected a tree, found end of file"),
        ("(2 a\0b)", "t:1:5: expected text, found a NUL byte"),
        (
            b"(2 \xc3\xa9) (2 caf\xe9)",
            r"t:1:13: expected UTF-8 text, found the byte 0xe9",
        ),
        ("(2 a)".encode("utf-16"), "t:1:1: expected UTF-8 text, found the byte order"),
        ("(2 a)".encode("utf-16-le"), "t:1:2: expected text, found a NUL byte"),
        ("(2 \ud800)", "t: expected text, found the lone surrogate"),
        (
            "(1 a)\n" * 3 + "(2 (1 b)\n" + "(1 c)\n" * 3 + "(1 d))\n",
            "t:4:9: expected ')' to close the '(' at column 1, found end of line",
        ),
    ],
)
def test_bad_text_is_told_with_its_place(text, message):
    with pytest.raises(DataError) as caught:
        parse_brackets(text, name="t")
    assert str(caught.value).startswith(message)


def test_latin_1_is_told_with_its_cure():
    with pytest.raises(DataError, match=r"'é' in Latin-1.*iconv -f LATIN1 -t UTF-8"):
        parse_brackets("(2 café)".encode("latin-1"))


def test_a_bad_tree_is_skipped_and_named_and_leaves_no_word_behind():
    text = "(1 a)\n(2 (3 lost)\n(4 b)\n(5 c)) (6 d)\n(7 e)\n"
    corpus = parse_brackets(text, name="t", skip_bad=True)
    assert corpus.tokens == ("a", "b", "e")
    assert corpus.labels == ("1", "4", "7")
    assert corpus.number.tolist() == [1, 3, 5]
    assert [message.split(" expected")[0] for message in corpus.skipped] == [
        "t:2:12:",
        "t:4:6:",
    ]


def test_skipping_all_is_an_error():
    with pytest.raises(DataError, match=r"no tree is left: all 2 are bad.*t:1:2"):
        parse_brackets("()\n(a)\n", name="t", skip_bad=True)


@pytest.mark.parametrize("unit", ["(3 (2 It) (4 runs\n", "(3 (2 It)\n(2 b)\n", "(a)\n"])
def test_many_bad_trees_cost_no_more_than_as_many_good_ones(unit):
    corpus = parse_brackets(unit * 20_000 + "(1 a)\n()", skip_bad=True)
    assert len(corpus.skipped) >= 20_000  # quadratic time would never get here
    assert corpus.tokens[-1] == "a"


def test_a_tree_of_a_million_levels_is_read_and_written():
    text = "(1 " * 1_000_000 + "(0 a)" + ")" * 1_000_000
    corpus = parse_brackets(text)
    assert corpus.num_nodes == 1_000_001
    assert corpus.height[-1] == 1_000_000
    assert corpus.child.tolist() == list(range(1_000_000))
    (line,) = format_brackets(corpus)
    assert line == text
    with pytest.raises(DataError, match="to close the '\\(' at column 1, found end of"):
        parse_brackets(text[:-1])


def test_a_file_is_read_whatever_its_name_and_packing(tmp_path):
    plain, zipped = tmp_path / "a.txt", tmp_path / "really_gzip.txt"
    plain.write_text("(2 a)\n")
    zipped.write_bytes(gzip.compress(b"(2 a)\n"))
    for source in (plain, str(plain), zipped):
        corpus = read_brackets(source)
        assert corpus.tokens == ("a",)
        assert corpus.sources == (str(source),)
    with plain.open() as text, zipped.open("rb") as binary:
        assert read_brackets(text).tokens == read_brackets(binary).tokens == ("a",)


def test_standard_input_is_a_dash(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"(2 (a)")))
    with pytest.raises(DataError, match=r"^<stdin>:1:6: "):
        read_brackets("-")


def test_a_file_that_is_missing_is_told_with_one_like_it(tmp_path):
    (tmp_path / "train.txt").write_text("(2 a)")
    with pytest.raises(
        DataError, match=r"trian.txt: no such file; did you mean .*train"
    ):
        read_brackets(tmp_path / "trian.txt")
    with pytest.raises(DataError, match="cannot be read"):
        read_brackets(tmp_path)


def test_a_cut_gzip_file_is_told(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"(2 a)\n" * 100)[:-9])
    with pytest.raises(
        DataError, match=r"a\.gz: the gzip file is damaged or cut short"
    ):
        read_brackets(path)


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_files_are_written_plain_or_gzipped(tmp_path, name):
    corpus = parse_brackets("( (S (N é) b))\n(2 a)")
    write_brackets(corpus, tmp_path / name)
    data = (tmp_path / name).read_bytes()
    text = gzip.decompress(data) if name.endswith("gz") else data
    assert text.decode() == "( (S (N é) b))\n(2 a)\n"
    stream = io.StringIO()
    write_brackets(corpus, stream)
    assert stream.getvalue() == text.decode()


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (Node("a", None), "a leaf has no word"),
        (Node(None, "a"), "the whole tree is a word without a label"),
        (Node("a", "b", (leaf("c", "d"),)), "a node with children has a word"),
        (Node("a", None, (leaf(None, "d"),)), "an only child is a word"),
        (Node(None, None, (leaf(None, "d"), leaf("a", "b"))), "a node without a label"),
        (leaf("a", "b c"), "the word 'b c' is empty or has white space or a bracket"),
        (leaf("(", "b"), r"the label '\(' is empty"),
        (leaf("", "b"), "the label '' is empty"),
    ],
)
def test_a_tree_without_bracket_form_is_refused(tree, message):
    with pytest.raises(
        DataError, match=f"trees: tree 2 has no bracket form: {message}"
    ):
        list(format_brackets(pack([leaf("a", "b"), tree])))


@given(names)
def test_words_are_whatever_brackets_and_blanks_leave(name):
    assert read(f"({name} {name})") == [leaf(name, name)]
