"""A language model from a file of one's own: trained, measured, asked."""

import io
import math
import sys
from dataclasses import replace

import pytest
import torch

from treefold.data import DataError
from treefold.tasks import language_findings, task_class
from treefold.tasks.base import TaskRun
from treefold.tasks.language import LanguageConfig, LanguageTask, Line
from treefold.training import runner, train_seed
from treefold.training.files import read_json, read_tensors
from treefold.training.run import DataSpec

VERSE = "the cat sat on the mat\nthe dog sat on the log\n"


@pytest.fixture
def default_dtype():
    return torch.float32


@pytest.fixture
def config():
    return LanguageConfig(
        hidden_size=24,
        input_size=8,
        num_layers=1,
        steps=20,
        batch_size=4,
        learning_rate=0.02,
        epochs=4,
        patience=None,
    )


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "verse.txt"
    path.write_text(VERSE * 40)
    return DataSpec(str(path))


@pytest.fixture
def task(config, spec):
    return LanguageTask.load(config, spec)


def test_it_is_the_task_called_language():
    assert task_class("language") is LanguageTask


@pytest.mark.parametrize("unit", ["word", "character", "byte"])
def test_a_run_writes_its_folder_and_beats_the_unigram(
    config, spec, tmp_path, unit, monkeypatch
):
    monkeypatch.setitem(language_findings.WRITTEN, unit, 10)
    config = replace(config, unit=unit)
    out = tmp_path / "run"
    result = runner.begin(
        lambda: LanguageTask.load(config, spec), "cpu", out, False, "treefold train"
    )
    found = result["test"][result["metric"]]["mean"]
    assert found < result["baselines"]["unigram"]["test"]["nats"]
    assert "Kneser-Ney 5-gram" in result["baselines"]
    for name in ("report.html", "README.md", "model.safetensors"):
        assert (out / name).stat().st_size
    run = TaskRun.open(LanguageTask.of_folder(out), out)
    assert run("the cat sat")["text"] == "the cat sat"


def test_the_whole_test_text_is_measured(task):
    model = task.made_model()
    stream = task.coding.encode(task.data.splits["test"])
    by_hand = torch.from_numpy(stream)
    begin = torch.tensor([task.coding.end])
    logits, _ = model.eval()(torch.cat([begin, by_hand[:-1]])[:, None])
    log_p = logits.log_softmax(1).gather(1, by_hand[:, None])
    nats = -log_p.double().mean().item()
    found = task.evaluate(model, "test")
    assert found["nats"] == pytest.approx(nats, rel=1e-5)
    assert found["perplexity"] == pytest.approx(math.exp(nats), rel=1e-5)
    # Elsewhere a few rows are read side by side: the same but for their beginnings.
    assert task.evaluate(model, "dev")["nats"] == pytest.approx(nats, rel=0.05)


def test_a_trained_model_is_measured_together_with_an_n_gram_and_a_cache(config, spec):
    task = LanguageTask.load(replace(config, unit="word", cache=30), spec)
    model = task.made_model()
    measured = task.measure(model)
    assert measured["test"]["nats"] == pytest.approx(
        task.evaluate(model, "test")["nats"], rel=1e-6
    )
    ngram = task.baselines(False)["Kneser-Ney 5-gram"]["test"]["perplexity"]
    both, all_three = measured["groups"].values()
    assert list(measured["groups"]) == [
        "mixed with the Kneser-Ney 5-gram",
        "mixed with the Kneser-Ney 5-gram and a cache of 30 words",
    ]
    # An untrained model gets hardly any weight.
    assert both == pytest.approx(ngram, rel=0.05)
    assert all_three < 1.05 * both


def test_an_epoch_cuts_blocks_at_other_places_and_misses_nothing(task):
    sizes = {len(next(iter(task.batches(0, epoch))).input) for epoch in range(8)}
    assert len(sizes) > 1
    total = sum(len(block) for block in task.batches(0, 1))
    assert total == len(task.coding.encode(task.data.splits["train"]))


def test_a_tiny_text_is_learned_by_heart(config, spec, tmp_path):
    task = LanguageTask.load(replace(config, epochs=12, output_dropout=0.0), spec)
    trained = train_seed(task, 0, tmp_path / "seed")
    assert task.evaluate(trained.model, "test")["nats"] < 0.25
    written = task.write(trained.model, "the cat ", length=40, temperature=0)
    assert set(written.split()[:-1]) <= set(VERSE.split())


def test_training_that_was_stopped_ends_with_the_same_weights(
    config, spec, tmp_path, monkeypatch
):
    config = replace(config, epochs=3)
    train_seed(LanguageTask.load(config, spec), 0, tmp_path / "whole")
    batches = LanguageTask.batches

    class Stop(BaseException):
        pass

    def fails(self, seed, epoch):
        if epoch == 3:
            raise Stop
        return batches(self, seed, epoch)

    monkeypatch.setattr(LanguageTask, "batches", fails)
    with pytest.raises(Stop):
        train_seed(LanguageTask.load(config, spec), 0, tmp_path / "cut")
    monkeypatch.undo()
    train_seed(LanguageTask.load(config, spec), 0, tmp_path / "cut")
    a, b = (
        read_tensors(tmp_path / name / "model.safetensors")[0]
        for name in ("whole", "cut")
    )
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_each_line_is_told_by_itself_with_the_log_probability_of_its_symbols(task):
    model = task.made_model()
    lines = ["the cat", "on", "", "the log"]
    together = list(task.predict(model, lines))
    alone = [next(task.predict(model, [line])) for line in lines]
    for a, b, line in zip(together, alone, lines, strict=True):
        assert a["text"] == line
        assert "".join(t["token"] for t in a["tokens"]) == line + "\n"
        total = -sum(t["log_probability"] for t in a["tokens"])
        assert a["nats"] == pytest.approx(total / (len(line) + 1), rel=1e-5)
        assert a["perplexity"] == pytest.approx(math.exp(a["nats"]))
        assert a["nats"] == pytest.approx(b["nats"], rel=1e-4)


def test_lines_that_are_waited_for_are_answered_at_once(task):
    answered = []

    def lines():
        for number in range(3):
            yield Line("the cat", waits=True)
            assert len(answered) == number + 1

    for answer in task.predict(task.made_model(), lines()):
        answered.append(answer)
    assert len(answered) == 3


def test_files_and_standard_input_are_read_by_lines(task, tmp_path, monkeypatch):
    path = tmp_path / "lines.txt"
    path.write_text("the cat\nthe dog\n")
    assert [line.text for line in task.read(str(path))] == ["the cat", "the dog"]

    class Stdin:
        buffer = io.BytesIO(b"the cat\nthe x\n")

    monkeypatch.setattr(sys, "stdin", Stdin)
    lines = task.read("-")
    assert next(lines) == Line("the cat", waits=True)
    with pytest.raises(DataError, match=r"<stdin>:2:5: the character 'x'"):
        next(lines)


def test_another_text_is_measured_with_the_vocabulary_of_the_run(task, tmp_path):
    path = tmp_path / "other.txt"
    path.write_text("the zebra\n")
    other = task.with_data(DataSpec(str(path), test=str(path)))
    assert other.coding == task.coding
    assert other.evaluate(task.made_model(), "test")["nats"] > 0


@pytest.mark.parametrize("unit", ["word", "character"])
def test_writing_goes_on_from_the_prompt_and_is_reproducible(config, spec, unit):
    task = LanguageTask.load(replace(config, unit=unit), spec)
    model = task.made_model()
    options = {"length": 12, "temperature": 0.9, "top_p": 0.9}
    text = task.write(model, "the cat", seed=3, **options)
    assert text == task.write(model, "the cat", seed=3, **options)
    assert text != task.write(model, "the cat", seed=4, **options)
    if unit == "character":
        assert len(text) == 12
    else:
        assert text[0].isspace()


def test_there_must_be_a_text_to_train_on(config, spec):
    with pytest.raises(DataError, match="give a text to train on"):
        LanguageTask.load(config, replace(spec, test=spec.data))


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        LanguageConfig(steps=0)
    with pytest.raises(ValueError, match=r"output_dropout must be in \[0, 1\)"):
        LanguageConfig(output_dropout=1.0)


def test_the_assets_are_enough_to_build_the_model_again(task, tmp_path):
    task.write_manifest(tmp_path, "treefold train verse.txt")
    again = LanguageTask.of_folder(tmp_path)
    assert again.coding == task.coding
    assert read_json(tmp_path / "config.json")["task"] == "language"
    again.made_model().load_state_dict(task.made_model().state_dict())
