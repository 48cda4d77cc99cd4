"""Structure found in raw sentences, from the command line's side."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from treefold.data.bracketing import agreement, branching
from treefold.data.raw_sentences import SentenceSet, Treebank
from treefold.data.sequences import Sequences
from treefold.models.reasoner import Windows
from treefold.tasks.reason import Line, ReasonTask, write
from treefold.tasks.reason_config import ReasonConfig
from treefold.tasks.reason_data import Epoch, encode, vocabulary, windows
from treefold.tasks.reason_findings import findings
from treefold.tasks.reason_phrases import leaf_words
from treefold.training import RunError
from treefold.training.run import DataSpec
from treefold.unfolding import Beam, Greedy

SENTENCE = ["the", "big", "dog", "saw", "a", "cat"]
SPANS = [(0, 3), (1, 3), (3, 6), (4, 6)]
KINDS = "found random left right balanced"


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32


def some_set(count: int = 30) -> SentenceSet:
    """Sentences of one structure and various words."""
    random = np.random.default_rng(0)
    nouns = ["dog", "cat", "sun", "man"]
    banks = {}
    for split in ("train", "dev", "test"):
        words = [list(SENTENCE) for _ in range(count)]
        for sentence in words:
            sentence[2], sentence[5] = random.choice(nouns, 2)
        label = [sentence[5] for sentence in words]
        banks[split] = Treebank(words, [SPANS] * count, label)
    text = {split: bank.words for split, bank in banks.items()}
    return SentenceSet("some", text, banks, "Made by rule.")


def some_task(**settings) -> ReasonTask:
    settings = {"hidden_size": 8, "batch_size": 40, "taught": 5, "beam": 2, **settings}
    config, data = ReasonConfig(**settings), some_set()
    assets = {
        "words": vocabulary(data.text["train"], config).words,
        "classes": ["cat", "dog", "man", "sun"],
        "note": data.note,
    }
    return ReasonTask(config, assets, data, DataSpec("some"))


def trained(task: ReasonTask, epochs: int = 6):
    model = task.new_model()
    optimizer = torch.optim.Adam(
        [p for p in model.parameters() if p is not model.embedding.weight], 1e-2
    )
    table = torch.optim.SparseAdam([model.embedding.weight], 1e-2)
    for epoch in range(epochs):
        for batch in task.batches(0, epoch):
            loss = model.loss(batch)
            optimizer.zero_grad()
            table.zero_grad()
            loss.backward()
            optimizer.step()
            if model.embedding.weight.grad is not None:
                table.step()
    return model.eval()


def cut(text: list[list[str]], centre: list[int], **settings) -> tuple[Windows, list]:
    config = ReasonConfig(**settings)
    known = vocabulary(text, config)
    found = windows(
        encode(text, known),
        np.array(centre),
        config,
        np.arange(1, len(known)),
        np.random.default_rng(0),
    )
    return found, list(known.words)


def test_a_window_ends_with_its_sentence():
    found, words = cut([list("abcde"), list("fg"), ["h"]], [0, 2, 6, 7], reach=2)
    said = "".join(words[k] for k in found.word)
    assert (said, found.lengths.tolist()) == ("abcabcdefg", [3, 5, 2])
    assert found.place.tolist() == [0, 5, 9]
    changed = (found.word != found.other).nonzero().flatten()
    assert changed.tolist() == [0, 5, 9]


@pytest.mark.parametrize("kind", KINDS.split())
def test_windows_have_the_structure_asked_for(kind: str):
    found, _ = cut([list("abcde")], [0, 1, 2, 3], structure=kind)
    if kind == "found":
        assert found.forest is None
    else:
        assert found.forest is not None
        assert found.forest.num_trees == 4


def test_replacements_are_other_words_drawn_as_they_stand_in_the_text():
    text = [list("abcdefgh") for _ in range(400)]
    config = ReasonConfig()
    known = vocabulary(text, config)
    source = np.array([1] * 3 + [2] * 1)  # a three times as often as b
    coded, random = encode(text, known), np.random.default_rng(0)
    place = np.flatnonzero(coded.step > 2)
    found = windows(coded, place, config, source, random)
    drawn = found.other[found.place]
    assert (drawn != found.word[found.place]).all()
    assert (drawn == 1).double().mean().item() == pytest.approx(0.75, abs=0.03)
    # What is drawn is drawn again where it is the word itself.
    again = windows(coded, np.arange(0, 3200, 8), config, source, random)
    assert (again.other[again.place] == 2).double().mean().item() > 0.85


def test_an_epoch_is_fixed_by_seed_and_number_and_meets_every_word():
    task = some_task(phrases=1.0)

    def read(seed: int, epoch: int) -> tuple[list, list]:
        batches = list(
            Epoch(task.text["train"], task.sentences["train"], task.config, seed, epoch)
        )
        assert len(batches) == len(Epoch(task.text["train"], None, task.config, 0, 0))
        cuts = [batch.windows for batch in batches if batch.windows is not None]
        taught = [batch.taught for batch in batches]
        assert all(each is not None and len(each) == 5 for each in taught)
        return [c.other.tolist() for c in cuts], [len(c) for c in cuts]

    others, sizes = read(0, 1)
    assert read(0, 1)[0] == others
    assert read(0, 2)[0] != others
    assert read(1, 1)[0] != others
    assert sum(sizes) == 30 * 6


def test_without_windows_an_epoch_goes_through_the_sentences():
    task = some_task(ranking=0.0, dissociation=0.0, phrases=1.0, taught=8)
    batches = list(task.batches(0, 1))
    assert len(batches) == 4
    assert all(batch.windows is None for batch in batches)


def test_it_learns_known_phrases():
    task = some_task(ranking=0.0, dissociation=0.0, phrases=1.0)
    model = trained(task, 10)
    measured = task.evaluate(model, "test")
    assert measured["f1"] > 0.9
    assert "ranking" not in measured
    assert task.metric == "f1"


def test_agreement_is_that_of_all_sentences_at_once(monkeypatch):
    task = some_task()
    model, bank = task.new_model(), task.sentences["test"]
    monkeypatch.setattr("treefold.tasks.reason.AT_ONCE", 7)
    for search in (Greedy(), Beam(2)):
        found = task.build(model, bank.text, search).forest
        assert bank.phrases is not None
        expected = agreement(found, bank.text.lengths, bank.phrases)
        assert task.agreement(model, bank, search) == expected


@pytest.mark.parametrize("given", [*KINDS.split(), "given"])
def test_it_tells_classes_by_any_structure(given: str):
    task = some_task(labels=1.0, sentence_structure=given)
    model = trained(task, 1)
    measured = task.evaluate(model, "dev")
    assert 0 <= measured["accuracy"] <= 1
    assert task.metric == "accuracy"
    rivals = task.baselines(False)
    assert rivals["words, logistic regression"]["test"]["accuracy"] > 0.5


@pytest.mark.parametrize("cell", ["rnn", "rntn", "gated"])
def test_every_association_builds_and_recalls(cell: str):
    task = some_task(cell=cell, built_by="greedy", per_word=0.5)
    model = trained(task, 1)
    measured = task.measure(model)
    assert 0 < measured["test"]["beam_f1"] <= 1
    assert all(0 <= share <= 1 for share in measured["groups"].values())
    said = next(task.predict(model, [" ".join(SENTENCE)]))
    assert len(said["phrases"]) == 5
    assert said["tree"].count("(") == 5


def test_rivals_stand_beside_it():
    rivals = some_task(epochs=1).baselines(False)
    assert {"bag of words", "net over the window", "Kneser-Ney 3-gram"} <= set(rivals)
    right = branching(np.full(30, 6), "right")
    f1 = agreement(right, np.full(30, 6), [SPANS] * 30).f1
    assert rivals["right-branching"]["test"]["f1"] == f1
    assert rivals["known phrases as binary trees (bound)"]["test"]["f1"] == 1
    fewer = some_task(rivals=False).baselines(False)
    assert "bag of words" not in fewer
    assert "right-branching" in fewer


def test_findings_have_pictures_and_phrases():
    task = some_task(phrases=1.0)
    model = trained(task, 1)
    result = task.measure(model)
    seeds = {
        part: {name: {"mean": value} for name, value in result[part].items()}
        for part in ("test", "groups")
    }
    told = findings(task, model, seeds)
    assert "are more salient than" in told.summary
    assert len(told.pictures) == 6
    assert "Structure found: the big" in told.pictures[0].image
    assert "Known phrases: the big" in told.pictures[1].image
    assert dict(told.samples).keys() >= {"Phrases taken apart again by dissociation"}
    assert set(result["groups"]) == {
        f"{length} words, {what}"
        for length in (2, 3, 5)
        for what in ("all recalled", "share recalled in place")
    }


def test_leaves_are_read_from_left_to_right():
    class Grown:
        pass

    # ((a b) (c (d e))) breadth first: 0 over 1, 2; 1 over 3, 4; 2 over 5, 6; ...
    from treefold import Forest

    grown = Grown()
    children = [[1, 2], [3, 4], [5, 6], [], [], [], [7, 8], [], []]
    grown.forest = Forest.cat([Forest(children), Forest([[]])])  # type: ignore[attr-defined]
    grown.labels = torch.tensor([0, 0, 0, 1, 2, 3, 0, 4, 5, 9])  # type: ignore[attr-defined]
    assert leaf_words(grown) == [[1, 2, 3, 4, 5], [9]]  # type: ignore[arg-type]


def test_a_structure_is_written_in_brackets():
    task = some_task()
    model = task.new_model()
    text = Sequences(np.array([1, 2, 3]), np.array([0, 2, 3]))
    built = task.build(model, text, Greedy())
    first, second = write(built, ["(", "b", "c"])
    assert first["tree"] == f"({built.score[3]:.2f} -LRB- b)"
    assert first["phrases"] == [
        {"phrase": "( b", "saliency": round(float(built.score[3]), 4)}
    ]
    assert second == {"tree": "c", "saliency": 0.0, "phrases": []}


def test_each_line_is_answered_at_once_from_standard_input(monkeypatch):
    task = some_task()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"the dog\n\na\n")))
    lines = list(task.read("-"))
    assert lines == [Line(["the", "dog"], True), Line([], True), Line(["a"], True)]
    model = task.new_model().eval()
    said = [json.loads(json.dumps(each)) for each in task.predict(model, lines)]
    assert [each["text"] for each in said] == ["the dog", "", "a"]
    assert [len(each["phrases"]) for each in said] == [1, 0, 0]
    alone = [next(task.predict(model, [line])) for line in lines]
    assert [each["tree"] for each in alone] == [each["tree"] for each in said]


def test_what_cannot_be_learned_is_told():
    bare = some_set()
    task = some_task()
    plain = SentenceSet("plain", bare.text, {})
    config = ReasonConfig(phrases=1.0)
    without = ReasonTask(config, task.assets, plain, DataSpec("plain"))
    with pytest.raises(RunError, match="the sentences of plain have no trees to learn"):
        without.describe()
    single = {split: [["one"]] for split in ("train", "dev", "test")}
    short = SentenceSet("short", single, {})
    with pytest.raises(RunError, match="no train sentences of two words or more"):
        ReasonTask(ReasonConfig(), task.assets, short, DataSpec("short")).describe()
    with pytest.raises(RunError, match="are all 0: there is nothing to learn"):
        ReasonConfig(ranking=0, dissociation=0)
    with pytest.raises(RunError, match="reach must be at least 1"):
        ReasonConfig(reach=0)


def test_vocabularies_are_in_order_of_frequency_and_cut():
    config = ReasonConfig(most_words=3)
    assert vocabulary([["B", "a", "b", "c"]], config).words == ("<unk>", "b", "a")
    rare = ReasonConfig(min_count=2, lower=False)
    assert vocabulary([["B", "b", "b"]], rare).words == ("<unk>", "b")


def test_another_text_is_measured_with_the_words_of_the_run(tmp_path: Path):
    task = some_task()
    path = tmp_path / "other.txt"
    path.write_text("the new dog saw\na cat\n")
    other = task.with_data(DataSpec(str(path), test=str(path)))
    model = task.new_model()
    measured = other.evaluate(model, "test")
    assert set(measured) == {"ranking", "lost"}
    with pytest.raises(RunError, match="has no dev data"):
        other.evaluate(model, "dev")
    assert_close(other.ranking(model, "test"), measured["ranking"])
