"""``treefold predict``: trees in, JSON lines out."""

import gzip
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Command, one_message
from treefold import load
from treefold.cli.stream import read_stream, whole_trees
from treefold.data import DataError

THREE = "(3 (2 (2 no) (1 clouds)) (3 sun))"


@pytest.fixture
def stdin(monkeypatch):
    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return give


def test_a_line_says_all(treefold: Command, finished: Path, write) -> None:
    said = treefold("predict", finished, write("one.txt", THREE))
    assert said.status == 0
    (found,) = map(json.loads, said.out.splitlines())
    assert found.keys() == {"label", "probability", "probabilities", "words", "nodes"}
    assert found["words"] == ["no", "clouds", "sun"]
    spans = [node["span"] for node in found["nodes"]]
    assert spans == [[0, 3], [0, 2], [0, 1], [1, 2], [2, 3]]
    assert list(found["probabilities"]) == ["0", "1", "2", "3", "4"]
    assert sum(found["probabilities"].values()) == pytest.approx(1)
    assert found["probabilities"][found["label"]] == found["probability"]
    assert found["nodes"][0]["label"] == found["label"]
    expected = load(finished)(THREE)
    assert found["probabilities"] == pytest.approx(expected.probabilities)


def test_every_node_is_what_its_subtree_is_alone(
    treefold: Command, finished: Path, write
) -> None:
    alone = ["(_ no)", "(_ clouds)", "(_ (_ no) (_ clouds))", "(_ sun)"]
    said = treefold("predict", finished, write("t.txt", "\n".join([THREE, *alone])))
    whole, *parts = map(json.loads, said.out.splitlines())
    nodes = {tuple(node["span"]): node for node in whole["nodes"]}
    for span, part in zip([(0, 1), (1, 2), (0, 2), (2, 3)], parts, strict=True):
        assert nodes[span]["label"] == part["label"]
        assert nodes[span]["probability"] == pytest.approx(
            part["probability"], rel=1e-5
        )


@pytest.mark.parametrize(
    "text",
    [
        b"(3 (2 (2 no) (1 clouds)) (3 sun))\n",
        b"(_ (_ (_ no) (_ clouds)) (_ sun))",
        b"(NP (X (no no) (* clouds)) (17 sun))\r\n",
        b"# a comment (\n(\n  ((no no)\n (1 clouds))\n (3 sun))\n\n",
        b"\xef\xbb\xbf((_ no clouds) (_ sun))",
        gzip.compress(b"(_ (_ no clouds) sun)\n", mtime=0),
    ],
    ids=["labels", "no labels", "odd labels", "layout", "mark", "zipped"],
)
@pytest.mark.parametrize("where", ["file", "stdin"])
def test_labels_and_layout_do_not_matter(
    treefold: Command, finished: Path, write, stdin, text: bytes, where: str
) -> None:
    file = write("trees.txt", text)
    if where == "stdin":
        stdin(text)
        file = "-"
    said = treefold("predict", finished, file)
    assert said.status == 0, said.err
    (found,) = map(json.loads, said.out.splitlines())
    assert found["probability"] == pytest.approx(load(finished)(THREE).probability)
    assert found["words"] == ["no", "clouds", "sun"]


def test_words_come_out_as_they_went_in(
    treefold: Command, finished: Path, write
) -> None:
    file = write("words.txt", "(_ (_ (_ grün) (_ sun)) (_ a\u00a0b))")
    said = treefold("predict", finished, file)
    assert json.loads(said.out)["words"] == ["grün", "sun", "a\u00a0b"]
    assert "grün" in said.out


def test_the_lines_may_go_to_a_file(
    treefold: Command, finished: Path, trees: Path, tmp_path
) -> None:
    said = treefold("predict", finished, trees, "--out", tmp_path / "said.jsonl")
    assert (said.status, said.out) == (0, "")
    assert len((tmp_path / "said.jsonl").read_text().splitlines()) == 90
    assert "Labelled 90 trees, wrote" in said.err


def test_a_bad_tree_is_told_or_counted(
    treefold: Command, finished: Path, write, stdin
) -> None:
    text = "(_ sun)\n\n(_ (_ no)\n(_ (_ no) (_ sun))\n(_)\n(_ clouds)\n"
    file = write("bad.txt", text)
    said = treefold("predict", finished, file)
    assert said.status == 2
    assert "bad.txt:" in one_message(said)
    said = treefold("predict", finished, file, "--skip-bad")
    assert said.status == 0
    assert [json.loads(line)["words"] for line in said.out.splitlines()] == [
        ["sun"], ["no", "sun"], ["clouds"],
    ]  # fmt: skip
    assert "left out 2 that cannot be read" in said.err
    stdin(text.encode())
    again = treefold("predict", finished, "-", "--skip-bad").out
    labels = [json.loads(line)["label"] for line in said.out.splitlines()]
    assert [json.loads(line)["label"] for line in again.splitlines()] == labels


@pytest.mark.parametrize("text", [b"", b" \n\n", b"# nothing\n"])
def test_nothing_to_predict_is_told(
    treefold: Command, finished: Path, write, stdin, text: bytes
) -> None:
    stdin(text)
    for file in (write("empty.txt", text), "-"):
        said = treefold("predict", finished, file)
        assert said.status == 2
        assert "expected a tree, found end of file" in one_message(said)


def test_an_answer_comes_before_the_next_tree_is_asked(finished: Path) -> None:
    command = [sys.executable, "-m", "treefold", "predict", str(finished), "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for word in (b"sun", b"storm"):
            process.stdin.write(b"(_ (_ no)\n  (_ " + word + b"))\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert answer["words"] == ["no", word.decode()]
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_a_reader_that_leaves_early_hears_no_complaint(finished: Path, write) -> None:
    file = write("many.txt", "(_ sun)\n" * 3000)
    command = f"{sys.executable} -m treefold predict {finished} {file} | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, timeout=120)
    assert json.loads(done.stdout)["words"] == ["sun"]
    assert done.stderr == b""


class Drip(io.RawIOBase):
    """A stream that gives a few bytes at a time."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__()
        self.content, self.size = content, size

    def read1(self, most: int) -> bytes:
        part, self.content = self.content[: self.size], self.content[self.size :]
        return part

    def read(self, most: int = -1) -> bytes:
        part, self.content = self.content, b""
        return part


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
def test_a_stream_is_cut_between_trees(trees: Path, size: int) -> None:
    text = b"# (((\n" + trees.read_bytes().replace(b") (", b")\n(") + b"\n% end )\n"
    drip: object = Drip(text, size)
    parts = list(read_stream(drip))  # type: ignore[arg-type]
    assert sum(map(len, parts)) == 90
    assert (len(parts) > 1) == (size < len(text))


def test_a_stream_tells_the_line_of_what_is_wrong() -> None:
    drip: object = Drip(b"(_ a)\n(_ b)\n\n(_ (_ c)))\n(_ d)\n", 4)
    with pytest.raises(DataError, match=r"<stdin>:4:10: expected '\('"):
        list(read_stream(drip))  # type: ignore[arg-type]


def test_cutting_a_stream_takes_linear_time() -> None:
    deep = b"(_\n" * 60_000 + b"(_ a)" + b")\n" * 60_000
    drip: object = Drip(deep, 1000)
    assert b"".join(whole_trees(drip)) == deep  # type: ignore[arg-type]


def test_a_comb_of_twenty_thousand_leaves(
    treefold: Command, finished: Path, write
) -> None:
    n = 20_000
    file = write("comb.txt", "(_ " * (n - 1) + "(_ sun)" + " (_ no))" * (n - 1))
    said = treefold("predict", finished, file)
    found = json.loads(said.out)
    assert len(found["words"]) == n
    spans = np.array([node["span"] for node in found["nodes"]])
    assert len(spans) == 2 * n - 1
    assert spans[0].tolist() == [0, n]
    assert spans[n - 1].tolist() == [0, 1]
    assert spans[-1].tolist() == [n - 1, n]


@pytest.fixture
def swaps(finished: Path, tmp_path: Path) -> Path:
    """A run that takes itself for one on python-swaps."""
    run = tmp_path / "swaps"
    shutil.copytree(finished, run)
    config = json.loads((run / "config.json").read_text())
    config["data"]["data"] = "python-swaps"
    (run / "config.json").write_text(json.dumps(config))
    return run


SOURCE = "# sizes\nwidth - left\n\ni < len(names)\nf(x)\nwidth -\n"


def test_a_run_on_python_reads_expressions(
    treefold: Command, swaps: Path, write, stdin, tmp_path
) -> None:
    file = write("sizes.py", SOURCE)
    for given in (file, "-"):
        stdin(SOURCE.encode())
        said = treefold("predict", swaps, given, "--skip-bad")
        assert said.status == 0
        words = [json.loads(line)["words"] for line in said.out.splitlines()]
        # No name is known to this run, so each is spelled out.
        assert words == [
            ["word:width", "word:left"],
            ["word:i", "word:len", "word:names"],
        ]
        assert "left out 2" in said.err
        stdin(SOURCE.encode())
        said = treefold("predict", swaps, given)
        assert said.status == 2
        assert ":5: expected a Python operation" in one_message(said)
        assert "found Call" in one_message(said)
    page = tmp_path / "page.html"
    assert treefold("show", swaps, file, "--skip-bad", "--out", page).status == 0
    assert page.read_text().count("<svg") == 2


@pytest.mark.parametrize("text", [b"", b"# only a comment\n"])
def test_no_expression_is_told(
    treefold: Command, swaps: Path, write, stdin, text: bytes
) -> None:
    stdin(text)
    for file in (write("empty.py", text), "-"):
        said = treefold("predict", swaps, file)
        assert said.status == 2
        assert "expected Python expressions, one a line" in one_message(said)


def test_an_expression_too_deep_for_python_is_told(
    treefold: Command, swaps: Path, write
) -> None:
    said = treefold("predict", swaps, write("deep.py", "(" * 5000 + "a" + ")" * 5000))
    assert said.status == 2
    assert "deep.py:1: " in one_message(said)
