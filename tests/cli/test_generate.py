"""``treefold generate``: a text of one's own, from training to writing."""

import pytest

from tests.cli.conftest import Command

SMALL = ["--hidden-size", "16", "--num-layers", "1", "--epochs", "2", "--steps", "20"]


@pytest.fixture(scope="module")
def verses(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "verses.txt"
    path.write_text("the cat sat on the mat\nthe dog sat on the log\n" * 30)
    return path


def test_a_text_is_learned_measured_told_and_continued(
    treefold: Command, verses, tmp_path
) -> None:
    out = tmp_path / "run"
    said = treefold("train", verses, "--task", "language", "--out", out, *SMALL)
    assert said.status == 0
    names = [line.split("  ")[0] for line in said.out.splitlines()[2:]]
    assert names == ["unigram", "Kneser-Ney 5-gram", "Kneser-Ney 8-gram", "lstm"]

    options = ["--prompt", "the cat", "--length", "20", "--seed", "5"]
    one, two = (treefold("generate", out, *options) for _ in range(2))
    assert one.status == 0
    assert one.out == two.out
    assert one.out.startswith("the cat")
    assert len(one.out) == len("the cat") + 20 + 1
    assert "Another: --seed 6" in one.err

    bad = treefold("generate", out, "--prompt", "the Zebra")
    assert (bad.status, bad.out) == (2, "")
    assert "the prompt:1:5: the character 'Z' did not occur in training" in bad.err
    bad = treefold("generate", out, "--length", "0")
    assert "length must be at least 1" in bad.err
    bad = treefold("generate", out, "--temperature", "-1")
    assert (bad.status, "temperature" in bad.err) == (2, True)


def test_only_language_models_write(treefold: Command, finished) -> None:
    said = treefold("generate", finished)
    assert said.status == 2
    assert "is no language model; train one with" in said.err
