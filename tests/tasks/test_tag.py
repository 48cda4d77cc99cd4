"""Labelling steps, from the command line on files of one's own."""

import io
import json

import numpy as np
import pytest
import torch

from treefold.cli import main
from treefold.data.errors import DataError
from treefold.data.sequences import Sequences
from treefold.tasks import load
from treefold.tasks.base import TaskRun
from treefold.tasks.tag import TagConfig, TagTask
from treefold.tasks.tag_data import windows
from treefold.tasks.tag_rivals import measure, window_of
from treefold.training.errors import RunError
from treefold.training.run import DataSpec

SMALL = ["--hidden-size=16", "--word-size=16", "--threads=1", "--learning-rate=0.02"]
WORDS = {"the": "DT", "a": "DT", "dog": "NN", "cat": "NN", "runs": "VB", "sees": "VB"}


@pytest.fixture
def default_dtype():
    return torch.float32


@pytest.fixture
def chunked(tmp_path):
    """Sentences of noun phrases with and without an article, and verbs."""
    random, lines = np.random.default_rng(0), []
    for _ in range(60):
        for _ in range(random.integers(1, 4)):
            if random.random() < 0.5:
                word = random.choice(["the", "a"])
                noun = random.choice(["dog", "cat"])
                lines += [f"{word} DT B-NP", f"{noun} NN I-NP"]
            else:
                lines.append(f"{random.choice(['dog', 'cat'])} NN B-NP")
            lines.append(f"{random.choice(['runs', 'sees'])} VB B-VP")
        lines += [". . O", ""]
    path = tmp_path / "chunks.txt"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def frames(tmp_path):
    """Twelve sequences of frames whose label says whether a value rises."""
    random, lines = np.random.default_rng(0), ["sequence,x,y,label"]
    for b in range(12):
        x = np.cumsum(random.normal(size=30)) / 3
        for t in range(30):
            rises = "up" if t + 1 < 30 and x[t + 1] > x[t] else "down"
            lines.append(f"s{b},{x[t]:.4f},{random.normal():.4f},{rises}")
    path = tmp_path / "frames.csv"
    path.write_text("\n".join(lines))
    return path


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_chunks_from_training_to_prediction(chunked, tmp_path, capsys, monkeypatch):
    out = tmp_path / "run"
    task = ["--task=tag", f"--out={out}", "--epochs=6", *SMALL]
    assert main(["train", str(chunked), *task]) == 0
    assert "chunk F1" in capsys.readouterr().out
    result = json.loads((out / "result.json").read_text())
    assert result["test"]["f1"]["mean"] > 0.9
    assert set(result["baselines"]) == {"majority", "hidden Markov", "linear, window"}
    assert "Chunks by type" in (out / "report.html").read_text()

    main(["evaluate", str(out), str(chunked)])
    measured = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert measured["test"]["f1"]["mean"] > 0.9

    # With a label, which is not looked at, or without.
    (tmp_path / "new.txt").write_text("the DT\ndog NN\nruns VB\n\ncat NN\n")
    (tmp_path / "old.txt").write_text("the DT O\ndog NN O\nruns VB O\n\ncat NN O\n")
    said = []
    for name in ("new.txt", "old.txt"):
        main(["predict", str(out), str(tmp_path / name)])
        said.append(json_lines(capsys.readouterr().out))
    assert said[0] == said[1]
    first, second = said[0]
    assert first["tokens"] == ["the", "dog", "runs"]
    assert first["tags"] == ["B-NP", "I-NP", "B-VP"]
    assert all(0 < p <= 1 for p in first["probabilities"])
    assert second["tags"] == ["B-NP"]

    text = (tmp_path / "new.txt").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    main(["predict", str(out), "-"])
    assert [each["tags"] for each in json_lines(capsys.readouterr().out)] == [
        first["tags"],
        second["tags"],
    ]

    (tmp_path / "bad.txt").write_text("the\ndog\n")
    run = load(out)
    assert isinstance(run, TaskRun)
    with pytest.raises(DataError, match=r"bad.txt:1: expected 2 columns, word, column"):
        list(run.task.read(str(tmp_path / "bad.txt")))


def test_frames_from_training_to_prediction(frames, tmp_path, capsys):
    out = tmp_path / "run"
    task = ["--task=tag", f"--out={out}", "--epochs=4", "--no-crf", "--window=20"]
    more = ["--displacements=[1,2]", "--noise=0.1", "--balanced"]
    assert main(["train", str(frames), *task, *more, *SMALL]) == 0
    assert "F1, mean of classes" in capsys.readouterr().out
    assert "True and predicted labels over time" in (out / "report.html").read_text()
    rivals = json.loads((out / "result.json").read_text())["baselines"]
    assert "hidden Markov, Gaussian" in rivals

    main(["predict", str(out), str(frames)])
    said = json_lines(capsys.readouterr().out)
    assert [each["sequence"] for each in said] == [f"s{b}" for b in range(12)]
    assert {tag for each in said for tag in each["tags"]} <= {"up", "down"}
    assert all(len(each["tags"]) == 30 for each in said)

    (tmp_path / "other.csv").write_text("x\n1\n2\n")
    assert main(["predict", str(out), str(tmp_path / "other.csv")]) != 0
    assert "expected the column 'y', found x" in capsys.readouterr().err


def a_task(file, **settings):
    settings = {"hidden_size": 4, "word_size": 4, **settings}
    return TagTask.load(TagConfig(**settings), DataSpec(str(file)))


def test_rules_of_chunks_reach_the_field(chunked):
    task = a_task(chunked)
    crf, classes = task.new_model().crf, task.classes
    assert crf is not None
    forbidden = {(classes[i], classes[j]) for i, j in crf.forbidden.nonzero().tolist()}
    assert forbidden == {("B-VP", "I-NP"), ("O", "I-NP")}


def test_other_data_are_coded_as_the_models_own(chunked, tmp_path):
    task = a_task(chunked)
    other = tmp_path / "other.txt"
    other.write_text("wug XX B-NP\n\nthe DT B-NP\ncat NN I-NP\n")
    again = task.with_data(DataSpec(str(other), test=str(other)))
    assert again.assets == task.assets
    figures = again.evaluate(task.new_model(), "test")
    assert set(figures) == {"f1", "accuracy", "loss"}
    with pytest.raises(RunError, match="has no dev data"):
        again.evaluate(task.new_model(), "dev")


def test_data_of_other_labels_or_columns_are_told(chunked, tmp_path):
    task = a_task(chunked)
    other = tmp_path / "other.txt"
    for text, message in {
        "the DT ART\n": "no label is among the model's classes",
        "the B-NP\n": "expected the columns word, column 2 and a label, found 2",
    }.items():
        other.write_text(text)
        with pytest.raises(DataError, match=message):
            task.with_data(DataSpec(str(other), test=str(other)))


def test_a_label_never_seen_counts_as_wrong_and_has_no_loss(chunked, tmp_path):
    task = a_task(chunked)
    other = tmp_path / "other.txt"
    other.write_text("the DT B-XX\ncat NN I-NP\n")
    figures = task.with_data(DataSpec(str(other), test=str(other))).evaluate(
        task.new_model(), "test"
    )
    assert figures["accuracy"] <= 0.5
    assert np.isnan(figures["loss"])


def test_pretrained_vectors_are_begun_with(chunked, tmp_path):
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("dog 1 2\nzebra 3 4\n")
    task = a_task(chunked, vectors=str(vectors))
    encoder = task.new_model().encoder
    row = task.assets["coding"]["words"].index("dog")
    weight = encoder.get_parameter("word.weight")
    assert weight[row, :2].tolist() == [1, 2]
    with pytest.raises(RunError, match="set word_size=2"):
        a_task(chunked, vectors=str(vectors), word_size=1).new_model()


def test_the_f1_of_chunks_is_refused_where_labels_are_none(frames):
    with pytest.raises(RunError, match="metric=f1 is for chunks"):
        a_task(frames, metric="f1").describe()


def test_rivals_of_frames_are_measured_by_the_same_figures(frames):
    task = a_task(frames)
    assert task.data is not None
    for name, each in measure(task, task.data, False).items():
        assert set(each["test"]) == {"accuracy", "macro_f1"}, name
        assert 0 <= each["test"]["accuracy"] <= 1


def test_windows_cover_every_step_and_stay_within_their_sequence():
    offset = np.array([0, 10, 13, 50])
    for epoch in range(5):
        where, begins = windows(offset, 8, 0, epoch)
        assert set(where) == set(range(50))
        for part in Sequences(where, begins):
            assert 1 <= len(part) <= 8
            assert (np.diff(part) == 1).all()
            sequence = np.searchsorted(offset, part, side="right")
            assert (sequence == sequence[0]).all()
    first, second = (windows(offset, 8, 0, epoch)[1] for epoch in (0, 1))
    assert first.tolist() != second.tolist()


def test_a_window_of_frames_repeats_the_ends():
    x = Sequences(np.arange(4.0)[:, None], np.array([0, 3, 4]))
    assert window_of(x)[0].tolist() == [0, 0, 0, 0, 2, 2, 2]
    assert window_of(x)[3].tolist() == [3] * 7


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\)"),
        ({"window": 1}, "window must be at least 2"),
        ({"displacements": (0,)}, "displacements must be 1 or more each"),
        ({"model": "elman"}, "model must be one of lstm, gru, rnn"),
    ],
)
def test_settings_that_cannot_be_are_told(setting, message):
    with pytest.raises(RunError, match=message):
        TagConfig(**setting)
