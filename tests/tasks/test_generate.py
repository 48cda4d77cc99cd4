"""Strings of a class from a file of one's own: trained, measured, made up."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from treefold.data.errors import DataError
from treefold.tasks import task_class
from treefold.tasks.base import TaskRun
from treefold.tasks.generate import GenerateConfig, GenerateTask
from treefold.training import runner
from treefold.training.errors import RunError
from treefold.training.run import DataSpec

CONFIG = GenerateConfig(
    embedding_size=8,
    hidden_size=24,
    input_dropout=0.0,
    state_dropout=0.1,
    output_dropout=0.0,
    learning_rate=0.02,
    epochs=4,
    batch_size=8,
    min_count=1,
    max_length=12,
)


@pytest.fixture
def default_dtype():
    return torch.float32


@pytest.fixture
def spec(tmp_path):
    """Two languages: one says "ba" again and again, the other "du"."""
    path = tmp_path / "words.tsv"
    random = np.random.default_rng(0)
    lines = [
        f"{kind}\t{syllable * random.integers(1, 4)}{end}\n"
        for kind, syllable in (("one", "ba"), ("two", "du"))
        for end in ("", *"aeiouklmnrst")
        for _ in range(3)
    ]
    path.write_text("".join(lines), "utf-8")
    return DataSpec(str(path))


@pytest.fixture
def task(spec):
    return GenerateTask.load(CONFIG, spec)


def test_it_is_the_task_called_generate():
    assert task_class("generate") is GenerateTask


def test_a_run_writes_its_folder_and_beats_the_unigram(spec, tmp_path):
    out = tmp_path / "run"
    result = runner.begin(
        lambda: GenerateTask.load(CONFIG, spec), "cpu", out, False, "treefold train"
    )
    assert result["metric"] == "nats"
    found = result["test"]["nats"]["mean"]
    assert found < result["baselines"]["unigram"]["test"]["nats"]
    assert any(name.startswith("5-gram") for name in result["baselines"])
    page = (out / "report.html").read_text("utf-8")
    assert "Nats per character by class" in page
    run = TaskRun.open(GenerateTask.of_folder(out), out)
    made = run(("one", ""))
    assert len(made["samples"]) == len(made["nats"]) == CONFIG.samples
    assert json.loads(json.dumps(made)) == made
    assert run(("one", "bababa"))["nats"] < run(("two", "bababa"))["nats"]


def test_the_figure_is_the_mean_over_all_characters(task):
    model = task.made_model()
    nats = task.nats(model, task.coded["dev"])
    lengths = [len(string) + 1 for _, string in task.data["dev"]]  # and the end
    assert [len(each) for each in nats] == lengths
    mean = sum(each.sum() for each in nats) / sum(lengths)
    found = task.evaluate(model, "dev")
    assert found["nats"] == pytest.approx(mean)
    assert found["bits"] == pytest.approx(mean / np.log(2))


def test_strings_come_back_in_their_order(task):
    model = task.made_model()
    alone = [
        task.nats(model, task._code([pair]))[0].sum() for pair in task.data["test"]
    ]
    together = [each.sum() for each in task.nats(model, task.coded["test"])]
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_a_line_is_a_class_or_a_class_and_a_string(task, tmp_path):
    file = tmp_path / "ask.tsv"
    file.write_text("one\n\ntwo\tduba\n", "utf-8")
    assert list(task.read(str(file))) == [("one", ""), ("two", "duba")]


def test_a_class_that_was_not_learned_is_told(task, tmp_path):
    file = tmp_path / "ask.tsv"
    file.write_text("one\nthree\tx\n", "utf-8")
    with pytest.raises(DataError, match=r"the class 'three' .* not among"):
        list(task.read(str(file)))
    file.write_text("three\n", "utf-8")
    with pytest.raises(DataError, match="the class 'three' of '' is not among"):
        list(task.read(str(file)))


def test_samples_do_not_depend_on_how_often_one_asks(task):
    model = task.made_model()
    first = list(task.predict(model, [("one", ""), ("two", "")]))
    assert list(task.predict(model, [("one", "")])) == first[:1]


def test_other_data_are_measured_as_ours_are_coded(task, spec):
    other = task.with_data(DataSpec("other", test=spec.data))
    assert other.assets == task.assets
    assert len(other.data["test"]) == 78
    assert "nats" in other.evaluate(task.made_model(), "test")


def test_strings_without_a_class_will_do(tmp_path):
    path = tmp_path / "plain.txt"
    path.write_text("".join(f"{'xy' * (i % 5 + 1)}{i}\n" for i in range(30)), "utf-8")
    task = GenerateTask.load(CONFIG, DataSpec(str(path)))
    assert task.classes == [""]
    assert len(next(task.predict(task.made_model(), [("", "")]))["samples"]) == 5


def test_too_few_strings_are_told(tmp_path):
    path = tmp_path / "few.tsv"
    path.write_text("a\tx\na\ty\n", "utf-8")
    with pytest.raises(RunError, match="too small"):
        GenerateTask.load(CONFIG, DataSpec(str(path))).describe()


@pytest.mark.parametrize("name", ["top_p", "temperature", "hidden_size"])
def test_settings_out_of_range_are_told(name):
    with pytest.raises(RunError, match=name):
        replace(CONFIG, **{name: 0})
