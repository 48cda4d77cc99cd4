"""The task of comparing pairs: what it learns, what it refuses, what it tells."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from treefold.cli import main
from treefold.data.errors import DataError
from treefold.data.readers.tree_pairs import read_side
from treefold.data.tree_pair_sets import TreePairSet
from treefold.data.tree_pairs import Pair
from treefold.models.pair import RelationHead, SimilarityHead
from treefold.tasks import load
from treefold.tasks.compare import CompareConfig, CompareTask, agreement
from treefold.training import RunError
from treefold.training.run import DataSpec


@pytest.fixture(scope="module")
def default_dtype() -> torch.dtype:
    return torch.float32


def a_set(*rows, group=""):
    pairs = [
        Pair(read_side(left), read_side(right), target, f"own.tsv:{k}", group)
        for k, (left, right, target) in enumerate(rows, 1)
    ]
    return TreePairSet("own", {split: pairs for split in ("train", "dev", "test")})


SCORED = a_set(("( a b )", "( a c )", 2.5), ("a", "( b b )", 0.0), ("c", "c", 4.0))
RELATED = a_set(
    ("( a b )", "a", "<"), ("a", "( a b )", ">"), ("c", "c", "="), group="2"
)


def a_task(found, **settings):
    config = CompareConfig(hidden_size=4, input_size=3, **settings)
    return CompareTask.of(config, found, DataSpec("own"))


def formulas(count):
    """Lines of two formulas of and/or over two variables, and which implies which."""
    random = np.random.default_rng(0)
    worlds = np.array([[0, 0, 1, 1], [0, 1, 0, 1]], bool)

    def draw(depth):
        if depth == 0 or random.random() < 0.3:
            k = int(random.integers(2))
            return "xy"[k], worlds[k]
        (one, p), (two, q) = draw(depth - 1), draw(depth - 1)
        if random.random() < 0.5:
            return f"( {one} ( and {two} ) )", p & q
        return f"( {one} ( or {two} ) )", p | q

    for _ in range(count):
        (left, p), (right, q) = draw(2), draw(2)
        forward, back = (p <= q).all(), (q <= p).all()
        relation = {(1, 1): "=", (1, 0): "<", (0, 1): ">", (0, 0): "#"}[forward, back]
        yield f"{left}\t{right}\t{relation}"


def test_numbers_are_scores_and_names_are_relations():
    task = a_task(SCORED)
    assert (task.scored, task.metric) == (True, "pearson")
    assert (task.assets["low"], task.assets["high"]) == (0, 4)
    head = task.new_model().head
    assert isinstance(head, SimilarityHead)
    assert head.levels.tolist() == [0, 1, 2, 3, 4]
    task = a_task(RELATED)
    assert (task.classes, task.metric) == (("<", "=", ">"), "accuracy")
    assert isinstance(task.new_model().head, RelationHead)
    task = a_task(SCORED, head="relation")
    assert task.classes == ("0", "2.5", "4")
    assert task.pairs["dev"].target.tolist() == [1, 0, 2]


def test_a_name_where_a_score_is_wanted_is_told():
    with pytest.raises(DataError, match=r"own\.tsv:1: expected a score for the simil"):
        a_task(RELATED, head="similarity")
    with pytest.raises(DataError, match=r"own\.tsv:1: expected a score, found '<'"):
        a_task(SCORED).coded(RELATED.splits["test"])
    with pytest.raises(DataError, match=r"own\.tsv:1: expected <, =, >, found 2\.5"):
        a_task(RELATED).coded(SCORED.splits["test"])


def test_of_many_relations_a_message_names_a_few():
    many = a_set(*(("a", "b", f"r{k:02}") for k in range(30)))
    with pytest.raises(DataError, match=r"one of r00, .*, r09 or 20 more .* found '<'"):
        a_task(many).coded(RELATED.splits["test"])


def test_too_many_children_are_told():
    task = a_task(RELATED, model="tree-lstm")
    wide = [Pair(read_side("( a b c )"), read_side("a"))]
    with pytest.raises(DataError, match=r"a node has 3 children, more than the 2 of"):
        list(task.predict(task.new_model(), wide))
    free = a_task(RELATED, model="child-sum-tree-lstm")
    assert len(list(free.predict(free.new_model(), wide))) == 1


def test_the_gated_cell_refuses_words_at_inner_nodes():
    with pytest.raises(RunError, match="the gated cell has no input at inner nodes"):
        a_task(RELATED, model="gated", trees="chain").describe()
    assert "3 pairs to train" in a_task(RELATED, model="gated").describe()


def test_one_relation_is_nothing_to_tell():
    with pytest.raises(RunError, match="own has one relation only"):
        a_task(a_set(("a", "b", "same"))).describe()


def test_words_of_dev_are_known_where_they_have_vectors(tmp_path):
    vectors = tmp_path / "v.txt"
    vectors.write_text("new 1 2 3\nold 4 5 6\nnowhere 7 8 9\n")
    old = Pair(read_side("old"), read_side("thing"), 1.0)
    new = Pair(read_side("New"), read_side("stuff"), 2.0)
    found = TreePairSet("own", {"train": [old, old], "dev": [new], "test": [new]})
    task = a_task(found, vectors=str(vectors))
    assert task.vocabulary.words == ("<unk>", "old", "thing", "new")
    weight = task.new_model().embedding.weight
    assert weight[[1, 3]].tolist() == [[4, 5, 6], [1, 2, 3]]
    with pytest.raises(
        RunError, match=r"has vectors of 6 features .* set input_size=6"
    ):
        a_task(found, vectors=f"{vectors},{vectors}").new_model()


def test_what_never_varies_correlates_with_nothing():
    said = agreement(np.ones(3), np.array([1.0, 2.0, 3.0]))
    assert said == {"pearson": 0.0, "spearman": 0.0, "mse": pytest.approx(5 / 3)}


def test_the_order_of_batches_is_fixed_by_seed_and_epoch():
    task = a_task(SCORED, batch_size=2)
    once, twice, other = (
        [batch.numbers.tolist() for batch in task.batches(seed, 1)]
        for seed in (0, 0, 1)
    )
    assert once == twice
    assert sorted(number for batch in once for number in batch) == [0, 1, 2]
    assert len(other) == 2
    assert task.where(next(iter(task.batches(0, 1)))).startswith("own.tsv:")


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    data = folder / "logic.tsv"
    data.write_text("\n".join(formulas(400)) + "\n", "utf-8")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    flags = "--task compare --model rnn --hidden-size 16 --input-size 8 --threads 1 "
    flags += "--optimizer adam --learning-rate 0.01 --l2 0 --epochs 12"
    try:
        out = str(folder / "run")
        assert main(["train", str(data), "--out", out, *flags.split()]) == 0
    finally:
        torch.set_default_dtype(before)
    return folder / "run"


def test_it_learns_who_implies_whom(trained: Path):
    result = json.loads((trained / "result.json").read_text())
    ours = result["test"]["accuracy"]["mean"]
    assert ours > 0.9
    assert ours > result["baselines"]["majority"]["test"]["accuracy"] + 0.2


def test_it_is_called_with_two_formulas(trained: Path):
    run = load(trained)
    said = run(("( x ( and y ) )", "x"))
    assert said["left"] == "( x ( and y ) )"
    assert (said["label"], said["probability"] > 0.5) == ("<", True)
    assert sum(said["probabilities"].values()) == pytest.approx(1, abs=1e-6)


def test_a_bad_line_to_predict_is_told(trained: Path, tmp_path, capsys):
    asked = tmp_path / "asked.tsv"
    asked.write_text("x\t( x\n")
    assert main(["predict", str(trained), str(asked)]) == 2
    assert "asked.tsv:1:6: expected ')' to close" in capsys.readouterr().err


def test_the_page_draws_pairs_and_a_matrix(trained: Path):
    page = (trained / "report.html").read_text("utf-8")
    assert "Pairs of the test, compared" in page
    assert "Confusion matrix" in page


def test_groups_are_measured_apart():
    task = a_task(RELATED)
    measured = task.measure(task.new_model())
    assert list(measured["groups"]) == ["2"]
    assert measured["groups"]["2"] == pytest.approx(measured["test"]["accuracy"])
