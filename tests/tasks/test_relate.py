"""The task relate: thresholds, ranks, explanations, rivals."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from treefold.cli import main
from treefold.data.relations import Row, Triples
from treefold.models.relation import RelationModel
from treefold.tasks import load, task_of
from treefold.tasks.base import TaskRun
from treefold.tasks.relate import RelateConfig, RelateTask
from treefold.tasks.relate_rivals import linear, seen
from treefold.tasks.relate_scores import Decision, best_threshold, ranks
from treefold.training.errors import RunError
from treefold.training.run import DataSpec

KINDS = ("lion", "oak", "carp", "crow")
HOW = ("red", "old", "tall", "wild", "tame", "grey", "big", "pale", "slow", "calm")
FACTS = [f"{how}_{kind}\tis_a\t{kind}" for how in HOW for kind in KINDS]
FACTS += [f"{how}_{kind}\tlooks\t{how}" for how in HOW for kind in KINDS]


@pytest.fixture(scope="module")
def default_dtype() -> torch.dtype:
    return torch.float32


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("relate")
    (folder / "facts.tsv").write_text("\n".join(FACTS) + "\n", "utf-8")
    out = folder / "run"
    words = f"train {folder / 'facts.tsv'} --task relate --out {out} --threads 1"
    flags = "--hidden-size 8 --slices 2 --epochs 25 --learning-rate 0.02 --names words"
    more = "--batch-size 20 --corruptions 8 --seeds 1"
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        assert main(f"{words} {flags} {more}".split()) == 0
    finally:
        torch.set_default_dtype(before)
    return out


def test_words_tell_what_was_never_seen_whole(run: Path):
    result = json.loads((run / "result.json").read_text())
    assert result["test"]["accuracy"]["mean"] > 0.8
    assert (
        result["test"]["accuracy"]["mean"]
        > result["baselines"]["majority"]["test"]["accuracy"]
    )
    assert result["groups"].keys() == {"is_a", "looks"}
    assert 1 <= result["test"]["mean_rank"]["mean"] < 20


def test_the_report_has_bars_and_a_map(run: Path):
    page = (run / "report.html").read_text("utf-8")
    assert "Accuracy by relation" in page
    assert "A map of entities" in page


def test_a_triple_is_explained(run: Path):
    loaded = load(run)
    known = loaded(Row("red_lion", "is_a", "lion", 0, ""))
    false = loaded(Row("red_lion", "is_a", "carp", 0, ""))
    assert known["in_training"]
    assert not false["in_training"]
    assert known["holds"] == (known["score"] >= known["threshold"])
    assert (known["probability"] >= 0.5) == known["holds"]
    assert set(known["words"]["head"]) == {"red", "lion"}
    assert known["words"]["tail"].keys() == {"lion"}
    assert not any(each["tail"] == "red" for each in known["likeliest_tails"])
    scores = [each["score"] for each in known["likeliest_tails"]]
    assert scores == sorted(scores, reverse=True)
    assert all((s["head"], s["tail"]) != ("red_lion", "lion") for s in known["support"])
    likeness = [each["likeness"] for each in known["support"]]
    assert likeness == sorted(likeness, reverse=True)


def test_a_word_counts_by_what_the_score_is_without_it(run: Path):
    loaded = load(run)
    whole = loaded(Row("red_lion", "is_a", "lion", 0, ""))
    without = loaded(Row("lion", "is_a", "lion", 0, ""))
    difference = whole["score"] - without["score"]
    assert whole["words"]["head"]["red"] == pytest.approx(difference, abs=2e-3)


def test_a_new_entity_is_known_by_its_words(run: Path):
    loaded = load(run)
    new = loaded(Row("unheard_lion", "is_a", "lion", 0, ""))
    same = loaded(Row("lion", "is_a", "lion", 0, ""))
    assert new["score"] == pytest.approx(same["score"], abs=1e-4)
    assert not new["in_training"]
    nothing = loaded(Row("unheard", "is_a", "of", 0, ""))
    assert nothing["words"] == {"head": {}, "tail": {}}


def test_a_relation_that_is_new_is_told(run: Path, tmp_path: Path, capsys):
    asked = tmp_path / "asked.tsv"
    asked.write_text("red_lion\teats\tcarp\n")
    assert main(["predict", str(run), str(asked)]) == 2
    said = capsys.readouterr().err
    assert "asked.tsv:1: the relation 'eats' was not in training" in said


def test_triples_of_ones_own_are_measured_by_the_thresholds_of_the_run(
    run: Path, tmp_path: Path
):
    file = tmp_path / "mine.tsv"
    file.write_text("new_lion\tis_a\tlion\t1\nnew_lion\tis_a\toak\t-1\n")
    known = task_of(run)
    task = known.with_data(DataSpec(str(file), test=str(file)))
    assert isinstance(task, RelateTask)
    model: Any = TaskRun.open(task, run).model
    found = task.evaluate(model, "test")
    assert found["accuracy"] in (0, 0.5, 1)
    assert isinstance(known, RelateTask)
    assert known.decision is not None
    assert task.decide(model).to_dict() == known.decision.to_dict()


def test_thresholds_tell_most_right_and_lie_between_scores():
    score = np.array([3.0, 1.0, 2.0, 0.0])
    holds = np.array([True, False, True, False])
    assert best_threshold(score, holds) == 1.5
    assert best_threshold(score, ~holds) in (4.0, -1.0)  # all or none, half right
    assert best_threshold(score, holds | True) == -1
    assert best_threshold(score, holds & False) == 4
    # Equal scores cannot be parted: of the first three most hold.
    assert best_threshold(np.array([1.0, 1, 1, 0]), np.array([1, 0, 1, 0]) > 0) == 0.5


def test_the_best_threshold_is_the_best_of_all():
    random = np.random.default_rng(0)
    for _ in range(30):
        score = random.integers(0, 6, 12) / 2.0
        holds = random.random(12) < 0.5
        best = max(((score >= t) == holds).sum() for t in np.arange(-1, 5, 0.25))
        assert ((score >= best_threshold(score, holds)) == holds).sum() == best


def test_a_relation_without_dev_triples_gets_the_mean_threshold():
    triples = Triples(*np.array([[0] * 4, [0, 0, 2, 2], [0] * 4, [1, -1, 1, -1]]))
    decision = Decision.chosen(np.array([3.0, 1, 7, 5]), triples, 3)
    assert decision.threshold.tolist() == [2, 4, 6]
    assert decision.chance(0.0) == 0.5
    assert decision.chance(1.0) > 0.5
    assert Decision.of_dict(decision.to_dict()).to_dict() == decision.to_dict()


def task_and_model(run: Path) -> tuple[RelateTask, RelationModel]:
    known = task_of(run)
    assert isinstance(known, RelateTask)
    task = RelateTask.load(known.config, known.spec)
    model: Any = TaskRun.open(task, run).model
    return task, model


@torch.no_grad()
def test_ranks_are_those_of_sorting_by_hand(run: Path):
    task, model = task_and_model(run)
    true = task.split("test").holding()
    facts = {fact for s in ("train", "dev", "test") for fact in task.split(s).holding()}
    E = len(task.entities)
    wanted = []
    for h, r, t in true:
        for one, each in (
            ((h, r, t), [(h, r, e) for e in range(E)]),
            ((h, r, t), [(e, r, t) for e in range(E)]),
        ):
            asked = [c for c in each if c == one or c not in facts]
            columns = np.array([(*c, 1) for c in asked]).T
            score = task.scores(model, Triples(*columns))
            mine = score[asked.index(one)]
            wanted.append(1 + (score > mine + 1e-6).sum())
    found = ranks(task, model, 100)
    assert found["mean_rank"] == pytest.approx(np.mean(wanted), abs=0.6)
    assert found["hits_10"] == pytest.approx(np.mean(np.array(wanted) <= 10), abs=0.1)


def test_seen_tails_are_turned_round_where_dev_says_so(run: Path):
    task, _ = task_and_model(run)
    said = seen(task)
    assert {s: len(each) for s, each in said.items()} == {
        "dev": len(task.split("dev")),
        "test": len(task.split("test")),
    }
    again = task.compare("dev", said["dev"])["accuracy"]
    assert again >= 0.5, "either way round at least half are right"


def test_words_in_pairs_tell_kinds_linearly(run: Path):
    task, _ = task_and_model(run)
    assert task.compare("test", linear(task)["test"])["accuracy"] > 0.7


def test_settings_are_checked():
    with pytest.raises(RunError, match="slices must be at least 1, got 0"):
        RelateConfig(slices=0)
    with pytest.raises(RunError, match="model must be one of ntn, bilinear"):
        RelateConfig(model="transe")  # type: ignore[arg-type]


def test_pretrained_vectors_begin_the_words(run: Path, tmp_path: Path):
    task, _ = task_and_model(run)
    file = tmp_path / "vectors.txt"
    file.write_text("lion 1 0 0\noak 0 1 0\n")
    config = RelateConfig(hidden_size=4, vectors=str(file), embedding_std=0.5)
    begun = RelateTask(config, task.assets, task.data, task.spec)
    weight = begun.new_model().embedding.weight
    index = begun.vocabulary.index
    lion, oak = weight[index["lion"], :3], weight[index["oak"], :3]
    assert (lion @ oak).item() == 0
    assert lion[0] > 0
    wide = RelateConfig(hidden_size=2, vectors=str(file))
    with pytest.raises(RunError, match="3 features, more than the model's 2"):
        RelateTask(wide, task.assets, task.data, task.spec).new_model()
