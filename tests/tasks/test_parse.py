"""The parser as a task: lists, trees of merging, the command."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from tests.parsing.trees import TEXT, TREES
from treefold import merge
from treefold.cli import main
from treefold.merging import Merge
from treefold.parsing.binary import Markov
from treefold.parsing.parser import LONGEST
from treefold.parsing.tree import right_branching
from treefold.tasks.parse import figures, oracle
from treefold.tasks.parse_config import ParseConfig
from treefold.tasks.parse_lists import Charts, instead, jackknifed, listed
from treefold.tasks.parse_trees import draw, merged_trees
from treefold.training import RunError

CHARTS = Charts(Markov(True, True, 2), 5, 2, 50.0, 30)


class Piece(NamedTuple):
    h: torch.Tensor
    label: torch.Tensor


class Step(Merge):
    """Merges from the right; the last phrase is an S, the others stand between."""

    def forward(self, left: Piece, right: Piece) -> tuple[Piece, torch.Tensor]:
        label = torch.where(right.h[:, 0] > 1, 4, 3)
        return Piece(left.h + right.h + 1, label), right.h[:, 0]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "treefold/parses"


def test_lists_of_training_are_kept_and_taken_up(cache: Path):
    made = jackknifed(TREES, CHARTS)
    (kept,) = cache.iterdir()
    again = jackknifed(TREES, CHARTS)
    np.testing.assert_array_equal(again.score, made.score)
    assert again.words == made.words
    kept.write_bytes(b"not this")
    assert jackknifed(TREES, CHARTS).words == made.words  # made anew


def test_a_training_sentence_is_listed_by_a_grammar_of_others(cache: Path):
    found = jackknifed(TREES, CHARTS)
    parser = CHARTS.parser(TREES)
    whole = listed(parser, [tree.words() for tree in TREES], 5, TREES)
    by_words = {words: b for b, words in enumerate(whole.words)}
    # A grammar that has seen the trees is surer of them.
    gains = [
        whole.score[whole.root_offset[by_words[words]]]
        - found.score[found.root_offset[b]]
        for b, words in enumerate(found.words)
    ]
    assert np.mean(gains) > 0


def test_long_training_sentences_are_left_out(cache: Path):
    short = Charts(CHARTS.markov, 5, 2, 50.0, longest=6)
    found = jackknifed(TREES, short)
    assert max(map(len, found.words)) <= 6


def test_a_sentence_without_a_chart_gets_a_tree_all_the_same():
    parser = CHARTS.parser(TREES)
    words = ["the", "dog", "sees", "rain", ","] * (LONGEST // 4)
    nodes, roots, _ = instead(parser, words)
    assert nodes[roots[0]].begin == 0
    assert nodes[roots[0]].end == len(words)
    found = listed(parser, [words, ["rain", "falls"]], 3)
    assert [found.tree(b, 0).words() for b in (0, 1)] == [words, ["rain", "falls"]]


def test_lists_have_the_trees_of_the_chart():
    parser = CHARTS.parser(TREES)
    sentences = [tree.words() for tree in TREES]
    found = listed(parser, sentences, 5, TREES)
    first = [found.tree(b, 0) for b in range(len(found))]
    assert first == [parser.parse(words) for words in sentences]
    assert oracle(found) >= figures(first, TREES)["f1"]
    ranks = found.root_offset[:-1]
    counted = 2 * found.matched[ranks].sum()
    both = found.said[ranks].sum() + found.right_brackets.sum()
    assert counted / both == pytest.approx(figures(first, TREES)["f1"])


def test_a_tree_of_merging_is_that_of_its_merges():
    chains = [(), ("D",), ("NP", "N"), ("@NP",), ("S", "NP")]
    start = Piece(torch.tensor([[0.0], [0.0], [0.1]]), torch.tensor([1, 1, 2]))

    found = merge(Step(), start, lengths=[3])
    (said,) = merged_trees(found, chains, [["the", "old", "dog"]])
    assert said.brackets() == ("(TOP (S (NP (D the) (D old) (NP (N dog)))))")


def test_a_picture_says_what_is_wrong():
    svg = draw(TREES[1], TREES[1])
    assert "<title>" in svg
    assert "#f9dcd2" not in svg
    words = TREES[1].words()
    other = right_branching(words, [leaf.label for leaf in TREES[1].leaves()])
    assert "#f9dcd2" in draw(other, TREES[1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"folds": 1}, "folds must be at least 2"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\)"),
        ({"search": "best"}, "search must be one of chart, beam, greedy"),
        ({"search": "greedy", "merging": 0.0}, "merging must be above 0 where search"),
    ],
)
def test_settings_that_cannot_be_are_told(settings, message):
    with pytest.raises(RunError, match=message):
        ParseConfig(**settings)


def test_the_command_prints_and_draws_trees(tmp_path: Path, cache: Path, capsys):
    torch.set_default_dtype(torch.float32)
    trees = tmp_path / "own.mrg"
    trees.write_text(TEXT * 3)
    run, picture = str(tmp_path / "run"), tmp_path / "trees.svg"
    flags = (
        "--epochs 1 --hidden-size 4 --context-size 4 --score-size 4 --word-size 4 "
        "--spelling-size 2 --buckets 16 --candidates 3 --folds 2 --threads 1 --beam 2"
    )
    words = ["train", str(trees), "--task", "parse", "--out", run, *flags.split()]
    assert main(words) == 0
    asked = tmp_path / "asked.txt"
    asked.write_text("The dog sees rain.\n\nIt (the cat) eats.\n")
    for search in ("chart", "greedy"):
        capsys.readouterr()
        command = ["parse", run, str(asked), "--search", search, "--svg", str(picture)]
        assert main(command) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 2
        assert lines[0].startswith("(TOP (")
        assert "-LRB-" in lines[1]
        assert picture.read_text("utf-8").startswith("<svg")
    asked.write_text("\n")
    assert main(["parse", run, str(asked)]) == 2
    assert "expected a sentence a line" in capsys.readouterr().err
