"""Telling the class of a sequence, from the command line on files of one's own."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from treefold.cli import main
from treefold.data.errors import DataError
from treefold.tasks import load
from treefold.tasks.base import TaskRun
from treefold.tasks.classify import ClassifyConfig, ClassifyTask, figures
from treefold.training.errors import RunError
from treefold.training.run import DataSpec
from treefold.training.trainer import train_seed

GOOD, BAD = ("fine", "bright", "lovely"), ("dull", "grim", "dreary")
SMALL = ["--epochs=3", "--hidden-size=8", "--threads=1", "--learning-rate=0.02"]


@pytest.fixture
def default_dtype():
    return torch.float32


@pytest.fixture
def reviews(tmp_path):
    """A table of short reviews, good or bad by one of their words."""
    random, lines = np.random.default_rng(0), []
    for k in range(80):
        words = random.choice(["a", "film", "it", "is"], random.integers(1, 5)).tolist()
        words[random.integers(len(words))] = random.choice((BAD, GOOD)[k % 2])
        lines.append(f"{('bad', 'good')[k % 2]}\t{' '.join(words)}\n")
    path = tmp_path / "reviews.tsv"
    path.write_text("".join(lines))
    return path


@pytest.fixture
def waves(tmp_path):
    """JSON lines of sequences of two features that rise or fall."""
    random, lines = np.random.default_rng(0), []
    for k in range(60):
        line = np.linspace(-1, 1, random.integers(2, 7)) * (1 - 2 * (k % 2))
        steps = np.stack([line, random.normal(size=len(line))], axis=1)
        label = ("up", "down")[k % 2]
        lines.append(json.dumps({"label": label, "sequence": steps.tolist()}) + "\n")
    path = tmp_path / "waves.jsonl"
    path.write_text("".join(lines))
    return path


@pytest.fixture
def tones(tmp_path):
    """A folder of wav files, low and high tones in folders of these names."""
    for k in range(24):
        hertz = (300, 1200)[k % 2] * (1 + 0.01 * k)
        samples = np.sin(2 * np.pi * hertz * np.arange(1200) / 8000)
        folder = tmp_path / "tones" / ("low", "high")[k % 2]
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{k}.wav"
        wavfile.write(file, 8000, (samples * 2**14).astype(np.int16))
    return tmp_path / "tones"


def train(data, out, *words):
    return main(["train", str(data), "--task", "classify", "--out", str(out), *words])


def accuracy(run):
    return json.loads((run / "result.json").read_text())["test"]["accuracy"]["mean"]


def predicted(capsys, run, file):
    capsys.readouterr()
    assert main(["predict", str(run), str(file)]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_table_of_texts_is_learned_and_new_texts_are_told(
    reviews, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "run"
    assert train(reviews, out, *SMALL, "--input-size=8", "--batch-size=4") == 0
    assert "bag of words" in capsys.readouterr().out
    assert accuracy(out) == 1
    page = (out / "report.html").read_text()
    assert "What is believed after each step" in page

    texts = tmp_path / "new.txt"
    texts.write_text("a lovely film\n\nbad\tit is grim\n")
    said = predicted(capsys, out, texts)
    assert [(each["text"], each["label"]) for each in said] == [
        ("a lovely film", "good"),
        ("it is grim", "bad"),
    ]
    for each in said:
        assert sum(each["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert each["probability"] == each["probabilities"][each["label"]]

    typed = io.TextIOWrapper(io.BytesIO(b"a lovely film\nit is grim\n"))
    monkeypatch.setattr("sys.stdin", typed)
    again = predicted(capsys, out, "-")
    assert [each["label"] for each in again] == ["good", "bad"]
    assert again[0]["probability"] == pytest.approx(said[0]["probability"], abs=1e-5)


def test_sequences_of_vectors_are_learned(waves, tmp_path, capsys):
    out = tmp_path / "run"
    words = [*SMALL, "--model=gru", "--readout=last", "--epochs=6"]
    assert train(waves, out, *words) == 0
    table = capsys.readouterr().out
    for rival in ("mean and deviation", "nearest neighbour", "nearest by DTW", "MLP"):
        assert rival in table
    assert accuracy(out) == 1

    new = tmp_path / "new.npz"
    step = np.array([[-1, 0], [0, 0], [1, 0], [1, 0], [-1, 0]])
    np.savez(new, step=step, offset=np.array([0, 3, 5]))
    assert [each["label"] for each in predicted(capsys, out, new)] == ["up", "down"]

    lines = tmp_path / "new.jsonl"
    lines.write_text('{"sequence": [[-1, 0], [1, 0]]}\n[[1, 0], [-1, 0]]\n')
    assert [each["label"] for each in predicted(capsys, out, lines)] == ["up", "down"]


def test_sounds_are_learned(tones, tmp_path, capsys):
    out = tmp_path / "run"
    assert train(tones, out, *SMALL, "--bands=8") == 0
    assert "spoken" not in capsys.readouterr().out
    one = tones / "high" / "1.wav"
    said = predicted(capsys, out, one)
    assert [each["label"] for each in said] == ["high"]
    assert said[0]["from"] == str(one)

    paths = tmp_path / "paths.txt"
    paths.write_text(f"{one}\n{tones / 'low' / '0.wav'}\n")
    assert [e["label"] for e in predicted(capsys, out, paths)] == ["high", "low"]
    assert len(predicted(capsys, out, tones)) == 24


def test_a_run_is_loaded_and_measured_again(waves, tmp_path, capsys):
    out = tmp_path / "run"
    assert train(waves, out, *SMALL) == 0
    result = json.loads((out / "result.json").read_text())
    capsys.readouterr()
    assert main(["evaluate", str(out), str(waves)]) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed["test"]["accuracy"] == result["test"]["accuracy"]
    one = tmp_path / "one.jsonl"
    one.write_text('{"label": "up", "sequence": [[-1, 0], [0, 0], [1, 0]]}\n')
    assert main(["evaluate", str(out), str(one)]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["kind"] == "classify"
    one.write_text('{"label": "sideways", "sequence": [[-1, 0]]}\n')
    assert main(["evaluate", str(out), str(one)]) != 0
    assert "'sideways' is not a class" in capsys.readouterr().err
    run = load(out)
    assert isinstance(run, TaskRun)
    assert run.task.headline == "bidirectional lstm"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 0}, "hidden_size must be at least 1"),
        ({"mask": 1.0}, r"mask must be in \[0, 1\)"),
        ({"noise": -1.0}, "noise must be 0 or more"),
        ({"readout": "first"}, "readout must be one of last, mean"),
    ],
)
def test_settings_are_checked(changes, message):
    with pytest.raises(RunError, match=message):
        ClassifyConfig(**changes)


def test_one_class_alone_is_refused(tmp_path):
    path = tmp_path / "same.tsv"
    path.write_text("a\tone\n" * 30)
    task = ClassifyTask.load(ClassifyConfig(), DataSpec(str(path)))
    with pytest.raises(RunError, match="one class only"):
        task.describe()


def test_what_is_of_another_kind_or_size_is_told(waves, tmp_path):
    task = ClassifyTask.load(ClassifyConfig(), DataSpec(str(waves)))
    bad = tmp_path / "bad.jsonl"
    for line, message in (
        ('{"text": "a film"}', ":1: expected vectors as in training, found words"),
        ('{"sequence": [[1, 2, 3]]}', ":1: expected vectors of 2 numbers .* found 3"),
        ("a film", ':1: expected {"sequence"'),
    ):
        bad.write_text(line)
        with pytest.raises(DataError, match=message):
            list(task.predict(task.new_model(), task.read(str(bad))))
    bad.write_text("\n")
    with pytest.raises(DataError, match="found nothing"):
        list(task.read(str(bad)))


def test_vectors_are_standardised_by_training_data_alone(waves):
    task = ClassifyTask.load(ClassifyConfig(), DataSpec(str(waves)))
    step = task.data["train"].sequences.step
    np.testing.assert_allclose(step.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(step.std(axis=0), 1, atol=1e-5)


def test_characters_can_be_the_steps(reviews):
    config = ClassifyConfig(unit="character")
    task = ClassifyTask.load(config, DataSpec(str(reviews)))
    assert task.vocabulary is not None
    assert " " in task.vocabulary
    assert max(map(len, task.vocabulary.words[1:])) == 1
    assert "n-grams of characters" in task.baselines(False)


def test_pretrained_vectors_are_taken_up(reviews, tmp_path):
    file = tmp_path / "vectors.txt"
    file.write_text("lovely 1 2\nunseen 3 4\n")
    config = ClassifyConfig(vectors=str(file), input_size=3)
    task = ClassifyTask.load(config, DataSpec(str(reviews)))
    model = task.new_model()
    assert task.vocabulary is not None
    assert model.embedding is not None
    row = model.embedding.weight[task.vocabulary.index["lovely"]]
    assert row[:2].tolist() == [1, 2]
    small = replace(config, input_size=1)
    with pytest.raises(RunError, match="set input_size=2"):
        ClassifyTask.load(small, DataSpec(str(reviews))).new_model()


def test_training_that_goes_on_ends_as_if_it_had_not_stopped(waves, tmp_path):
    config = ClassifyConfig(
        hidden_size=6, epochs=4, output_dropout=0.3, noise=0.1, mask=0.2, threads=1
    )
    task = ClassifyTask.load(config, DataSpec(str(waves)))
    whole = train_seed(task, 0, tmp_path / "whole")
    task.config = replace(config, epochs=2)
    train_seed(task, 0, tmp_path / "half")
    task.config = config
    half = train_seed(task, 0, tmp_path / "half")
    for a, b in zip(whole.model.parameters(), half.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_figures_are_those_of_the_definitions():
    probability = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    found = figures(probability, np.array([0, 1, 1]))
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["macro_f1"] == pytest.approx(2 / 3)
    assert found["loss"] == pytest.approx(-np.log([0.9, 0.8, 0.4]).mean())
