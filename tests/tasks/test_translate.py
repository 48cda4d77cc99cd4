"""Translation as a task: trained on pairs, resumed, measured, asked."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from treefold.data.errors import DataError
from treefold.tasks.translate import TranslateConfig, TranslateTask
from treefold.tasks.translate_findings import draw_attention
from treefold.tasks.translate_scores import bleu, compare, has_bleu
from treefold.training.errors import RunError
from treefold.training.run import DataSpec
from treefold.training.trainer import train_seed

SMALL = TranslateConfig(
    embedding_size=24,
    encoder_size=24,
    decoder_size=48,
    attention_size=24,
    subwords=0,
    dropout=0.0,
    beam=2,
    metric="exact",
    learning_rate=1e-2,
    final_learning_rate=0.1,
    batch_size=32,
    epochs=12,
)


@pytest.fixture
def default_dtype():
    return torch.float32  # as in training


def write_pairs(path, count=400, seed=0):
    """Strings of digits, to be written backwards."""
    draw = random.Random(seed)
    with path.open("w") as file:
        for _ in range(count):
            digits = [draw.choice("0123") for _ in range(draw.randint(2, 5))]
            file.write(" ".join(digits) + "\t" + " ".join(reversed(digits)) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    return DataSpec(write_pairs(tmp_path_factory.mktemp("pairs") / "reverse.tsv"))


@pytest.fixture(scope="module")
def trained(spec, tmp_path_factory):
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    task = TranslateTask.load(SMALL, spec)
    result = train_seed(task, 0, tmp_path_factory.mktemp("seed"))
    torch.set_default_dtype(before)
    return task, result


def test_it_learns_to_reverse_short_strings(trained):
    task, result = trained
    assert task.evaluate(result.model, "test")["exact"] > 0.95
    rivals = task.baselines(False)
    assert rivals["copy of the source"]["test"]["exact"] < 0.5
    assert rivals["word by word"]["test"]["exact"] < 0.5


def test_figures_are_those_of_the_answers(trained):
    task, result = trained
    figures = task.evaluate(result.model, "dev")
    answers = task.answer(result.model, task.data.dev.sources)
    same = [a.text == t for a, t in zip(answers, task.data.dev.targets, strict=True)]
    assert figures["exact"] == np.mean(same)
    assert figures["perplexity"] == pytest.approx(np.exp(figures["loss"]))
    assert figures["exact"] == max(e["dev_exact"] for e in result.history)


def test_answers_come_in_order_and_do_not_depend_on_their_neighbours(trained):
    task, result = trained
    texts = ["0 1", "3 2 1 0 0", "2", "1 1 3"]
    together = list(task.predict(result.model, texts))
    assert [found["source"] for found in together] == texts
    for found in together:
        (alone,) = task.predict(result.model, [found["source"]])
        assert alone["output"] == found["output"]
        assert alone["score"] == pytest.approx(found["score"], abs=1e-4)


def test_lines_of_standard_input_are_answered_one_by_one(trained, monkeypatch):
    task, result = trained
    asked = []

    def lines(_):
        for text in ("0 1", "1 0"):
            asked.append(text)
            yield text

    monkeypatch.setattr("treefold.tasks.translate.read_sources", lines)
    answers = task.predict(result.model, task.read("-"))
    assert next(answers)["source"] == "0 1"
    assert asked == ["0 1"]
    assert len(list(answers)) == 1
    task.at_once = type(task).at_once


def test_training_that_was_stopped_goes_on_as_if_it_had_not(spec, tmp_path):
    config = replace(SMALL, epochs=3, dropout=0.2)
    whole = train_seed(TranslateTask.load(config, spec), 1, tmp_path / "whole")
    task = TranslateTask.load(config, spec)
    stopped = TranslateTask.load(config, spec)
    epochs = iter(range(2))

    def until_two(seed, epoch, batches=stopped.batches):
        if next(epochs, None) is None:
            raise KeyboardInterrupt
        return batches(seed, epoch)

    stopped.batches = until_two
    with pytest.raises(KeyboardInterrupt):
        train_seed(stopped, 1, tmp_path / "parts")
    resumed = train_seed(task, 1, tmp_path / "parts")
    ours, theirs = resumed.model.state_dict(), whole.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_run_folder_holds_all_that_answers_need(trained, tmp_path):
    task, result = trained
    task.write_manifest(tmp_path, "")
    again = TranslateTask.of_folder(tmp_path)
    model = again.made_model()
    model.load_state_dict(result.model.state_dict())
    texts = ["3 0 1", "2 2"]
    assert list(again.predict(model, texts)) == list(task.predict(result.model, texts))
    with pytest.raises(RunError, match="made to predict, and has no data"):
        again.describe()


def test_other_pairs_are_measured_with_the_pieces_that_were_learned(trained, tmp_path):
    task, result = trained
    other = write_pairs(tmp_path / "other.tsv", 40, seed=7)
    measured = task.with_data(DataSpec(task.spec.data, test=other))
    assert measured.source == task.source
    assert len(measured.data.test) == 40
    assert measured.evaluate(result.model, "test")["exact"] > 0.9


def test_findings_tell_figures_and_show_attention(trained):
    task, result = trained
    found = task.findings(
        result.model,
        {
            "seconds_per_seed": [90.0],
            "baselines": {"copy": {"test": {"exact": 0.25, "bleu": 1.0}}},
        },
    )
    assert "1.5 minutes" in found.summary
    assert len(found.pictures) == 4
    assert all(picture.image.startswith("<svg") for picture in found.pictures)
    ((_, text),) = found.samples
    assert task.data.test.targets[0] in text
    assert text.count("reference") == 12


def test_a_drawn_attention_names_where_each_piece_looked():
    weights = np.array([[0.9, 0.1], [0.2, 0.8]])
    svg = draw_attention(["two", "$"], ["zwei", "<end>"], weights)
    assert "zwei from two, &lt;end&gt; from $" in svg


def test_batches_hold_each_pair_once_and_are_another_order_each_epoch(trained):
    task = trained[0]
    first, second = (
        [batch.numbers for batch in task.batches(0, epoch)] for epoch in (1, 2)
    )
    assert sorted(np.concatenate(first)) == list(range(len(task.data.train)))
    assert not np.array_equal(np.concatenate(first), np.concatenate(second))
    batch = next(iter(task.batches(0, 1)))
    assert task.data.train.sources[batch.numbers[0]] in task.where(batch)


def test_without_sacrebleu_the_loss_chooses_and_the_extra_is_named(spec, monkeypatch):
    monkeypatch.setattr("treefold.tasks.translate.has_bleu", lambda: False)
    monkeypatch.setattr("treefold.tasks.translate_scores.has_bleu", lambda: False)
    task = TranslateTask.load(replace(SMALL, metric="auto"), spec)
    assert task.metric == "loss"
    assert "pip install 'treefold[translate]'" in task.describe()
    assert compare(["a", "b"], ["a", "c"]) == {"exact": 0.5}
    with pytest.raises(RunError, match="sacrebleu, which is not installed"):
        TranslateTask.load(replace(SMALL, metric="bleu"), spec)


@pytest.mark.skipif(not has_bleu(), reason="sacrebleu is not installed")
def test_bleu_is_that_of_sacrebleu_and_says_how():
    score, signature = bleu(["the cat sat on the mat"], ["the cat sat on the mat"])
    assert score == pytest.approx(100)
    assert "tok:13a" in signature
    assert bleu(["The cat sat on a mat"], ["the cat sat on the mat"])[0] < 50


def test_a_bad_line_stops_loading_with_its_number(tmp_path):
    path = tmp_path / "bad.tsv"
    path.write_text("a\tb\nc\n")
    with pytest.raises(DataError, match=r"bad\.tsv:2: expected source<TAB>target"):
        TranslateTask.load(SMALL, DataSpec(str(path)))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"beam": 0}, "beam must be at least 1"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\)"),
        ({"length_penalty": -1}, "length_penalty must be 0 or more"),
    ],
)
def test_settings_that_make_no_sense_are_told(setting, message):
    with pytest.raises(RunError, match=message):
        replace(SMALL, **setting)
