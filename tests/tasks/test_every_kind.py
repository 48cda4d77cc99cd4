"""What holds for every kind of task, from the command line, on files of one's own."""

import importlib
import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from treefold.cli import main
from treefold.data.generators.circuits import circuit, values_of
from treefold.tasks import TREES, kind_of, load, task_class
from treefold.tasks.base import DataTask
from treefold.tasks.kinds import DATASETS, KINDS
from treefold.training import RunError, Settings

SMALL = ["--epochs", "2", "--hidden-size", "8", "--threads", "1"]


class Case(NamedTuple):
    """A small file for a kind of task.

    Attributes:
        data: the file, as train reads it.
        asked: a file as predict reads it, and how many answers it has.
        flags: settings that keep the model small.
    """

    data: Path
    asked: Path
    answers: int
    flags: list[str]


def words(random: np.random.Generator) -> list[str]:
    return list(random.choice(["sun", "rain", "warm", "cold", "day"], 4))


def of_texts(folder: Path, random: np.random.Generator) -> Case:
    def line() -> str:
        text = words(random)
        return f"{'good' if text.count('sun') else 'bad'}\t{' '.join(text)}"

    data = write(folder / "days.tsv", (line() for _ in range(60)))
    asked = write(folder / "asked.txt", ["sun sun day", "rain"])
    return Case(data, asked, 2, [*SMALL, "--input-size", "6"])


def of_columns(folder: Path, random: np.random.Generator) -> Case:
    def sentence() -> str:
        tags = {"sun": "B-S", "rain": "B-S", "day": "I-S"}
        return "".join(f"{w} {tags.get(w, 'O')}\n" for w in words(random))

    data = write(folder / "tags.txt", (sentence() for _ in range(40)))
    asked = write(folder / "asked.txt", ["sun", "day", "", "rain"])
    flags = ["--word-size", "6", "--spelling-size", "4", "--buckets", "64"]
    return Case(data, asked, 2, [*SMALL, *flags])


def of_series(folder: Path, random: np.random.Generator) -> Case:
    def lines(length: int, name: str) -> list[str]:
        wave = np.sin(np.arange(length) / 3)
        return [f"{name},{y:.4f},{2 * y:.4f}" for y in wave]

    long = [line for name in "abcdefgh" for line in lines(60, name)]
    data = write(folder / "series.csv", ["sequence,x,y", *long])
    asked = write(folder / "asked.csv", ["sequence,x,y", *lines(12, "z")])
    return Case(data, asked, 1, [*SMALL, "--horizon", "3"])


def of_pairs(folder: Path, random: np.random.Generator) -> Case:
    def line() -> str:
        text = words(random)
        return f"{' '.join(text)}\t{' '.join(reversed(text))}"

    data = write(folder / "pairs.tsv", (line() for _ in range(40)))
    asked = write(folder / "asked.txt", ["sun rain", "cold day"])
    flags = "--epochs 1 --encoder-size 8 --decoder-size 8 --embedding-size 8 --beam 2"
    return Case(data, asked, 2, [*flags.split(), "--threads", "1"])


def of_names(folder: Path, random: np.random.Generator) -> Case:
    def line() -> str:
        kind = random.choice(["north", "south"])
        return f"{kind}\t{''.join(random.choice(list('abeo'), 5))}{kind[0]}"

    data = write(folder / "names.tsv", (line() for _ in range(80)))
    asked = write(folder / "asked.txt", ["north", "south"])
    return Case(data, asked, 2, [*SMALL, "--embedding-size", "6", "--samples", "2"])


def of_drawings(folder: Path, random: np.random.Generator) -> Case:
    lengths = random.integers(4, 9, size=30)
    points = random.normal(size=(lengths.sum(), 3)) * 10
    points[:, 2] = random.random(len(points)) < 0.3
    offset = np.append(0, np.cumsum(lengths))
    data = folder / "drawings.npz"
    np.savez(data, strokes=points.astype(np.int16), offsets=offset)
    asked = write(folder / "asked.txt", ["[[0, 5, 0], [5, 0, 1]]"])
    flags = ["--num-mixtures", "3", "--max-points", "12"]
    return Case(data, asked, 1, [*SMALL, *flags])


def of_images(folder: Path, random: np.random.Generator) -> Case:
    names, count = np.array(["dark", "bright"]), 40
    bright = random.integers(2, size=(count, 2))
    images = np.repeat(bright, 4, axis=1)[:, None, :] + np.zeros((count, 4, 8))
    captions = np.array([" ".join(names[row]) for row in bright])
    data = folder / "images.npz"
    np.savez(data, images=images.astype(np.float32), captions=captions)
    asked = write(folder / "asked.txt", [json.dumps(images[0].tolist())])
    flags = ["--window-size", "8", "--embedding-size", "6", "--max-words", "4"]
    return Case(data, asked, 1, [*SMALL, *flags])


def of_text(folder: Path, random: np.random.Generator) -> Case:
    data = write(folder / "text.txt", (" ".join(words(random)) for _ in range(120)))
    asked = write(folder / "asked.txt", ["sun rain", "cold"])
    flags = ["--steps", "10", "--batch-size", "4", "--input-size", "6"]
    return Case(data, asked, 2, [*SMALL, *flags])


def of_raw_sentences(folder: Path, random: np.random.Generator) -> Case:
    data = write(folder / "raw.txt", (" ".join(words(random)) for _ in range(120)))
    asked = write(folder / "asked.txt", ["sun rain", "cold day sun", ""])
    return Case(data, asked, 3, [*SMALL, "--batch-size", "64", "--beam", "2"])


def of_triples(folder: Path, random: np.random.Generator) -> Case:
    names = [f"{how}_{what}" for how in ("red", "old", "tall") for what in "abcdefgh"]
    lines = [f"{name}\tis_a\t{name[-1]}" for name in names]
    lines += [f"{random.choice(names)}\tnear\t{random.choice(names)}" for _ in names]
    data = write(folder / "facts.tsv", lines)
    asked = write(folder / "asked.tsv", ["old_a\tis_a\ta", "new_b\tis_a\tc\t-1"])
    flags = ["--slices", "2", "--corruptions", "4", "--batch-size", "20"]
    return Case(data, asked, 2, [*SMALL, *flags])


def of_tree_pairs(folder: Path, random: np.random.Generator) -> Case:
    def line() -> str:
        one, two, three, four = words(random)
        shared = len({one, two} & {three, four})
        return f"( {one} ( {two} day ) )\t( {three} {four} )\t{1 + shared}"

    data = write(folder / "alike.tsv", (line() for _ in range(60)))
    asked = write(folder / "asked.tsv", ["( sun rain )\t( rain sun )", "sun\train"])
    return Case(data, asked, 2, [*SMALL, "--input-size", "6"])


def of_graphs(folder: Path, random: np.random.Generator) -> Case:
    def line(seed: int) -> str:
        nodes, children = circuit(Random(seed), 2)
        targets = values_of(nodes, children)
        return json.dumps({"nodes": nodes, "children": children, "targets": targets})

    data = write(folder / "circuits.jsonl", (line(seed) for seed in range(40)))
    asked = write(folder / "asked.jsonl", [line(100), line(101)])
    return Case(data, asked, 2, [*SMALL, "--inner-size", "8", "--label-size", "4"])


def of_brackets(folder: Path, random: np.random.Generator) -> Case:
    def noun() -> str:
        article, name = (
            random.choice(["the", "a"]),
            random.choice(["sun", "dog", "day"]),
        )
        return f"(NP (DT {article}) (NN {name}))"

    def line() -> str:
        verb = random.choice(["sees", "warms"])
        return f"(S {noun()} (VP (VBZ {verb}) {noun()}) (. .))"

    data = write(folder / "trees.txt", (line() for _ in range(40)))
    asked = write(folder / "asked.txt", ["The sun warms a dog.", "a day"])
    sizes = ["--context-size", "6", "--score-size", "6", "--word-size", "6"]
    flags = [*sizes, "--spelling-size", "4", "--buckets", "64", "--candidates", "6"]
    return Case(data, asked, 2, [*SMALL, *flags, "--folds", "2", "--beam", "2"])


def of_scenes(folder: Path, random: np.random.Generator) -> Case:
    data = folder / "views"
    for name in ("images", "labels"):
        (data / name).mkdir(parents=True)
    for k in range(20):
        label = np.sort(random.integers(2, size=(12, 1)), axis=0).repeat(12, axis=1)
        image = (label[..., None] * 120 + random.integers(60, size=(12, 12, 3))).clip(0)
        Image.fromarray(image.astype(np.uint8)).save(data / "images" / f"{k}.png")
        Image.fromarray(label.astype(np.uint8)).save(data / "labels" / f"{k}.png")
    asked = data / "images" / "3.png"
    return Case(data, asked, 1, [*SMALL, "--segments", "6", "--inner-size", "0"])


def of_trees(folder: Path, random: np.random.Generator) -> Case:
    def tree() -> str:
        one, two, three = random.choice(list("abc"), 3)
        return f"(S ({random.choice(['NP', 'VP'])} {one} {two}) {three})"

    data = write(folder / "trees.txt", (tree() for _ in range(60)))
    asked = write(folder / "asked.txt", ["(S (NP a b) c)", "(S (VP c b) a)"])
    flags = "--epochs 2 --code-size 8 --inner-size 4 --reader-size 6 --rival-epochs 1"
    return Case(data, asked, 2, [*flags.split(), "--threads", "1"])


def of_records(folder: Path, random: np.random.Generator) -> Case:
    def line() -> str:
        found = words(random)
        record = {"sky": {"seen": found, "hours": int(random.integers(9))}}
        return json.dumps({**record, "label": "sun" in found})

    data = write(folder / "days.jsonl", (line() for _ in range(60)))
    asked = write(folder / "asked.jsonl", ['{"sky": {"seen": ["sun"]}}', "[1, null]"])
    return Case(data, asked, 2, [*SMALL, "--input-size", "6", "--target", "label"])


CASES: dict[str, Callable[[Path, np.random.Generator], Case]] = {
    "classify": of_texts,
    "tag": of_columns,
    "forecast": of_series,
    "translate": of_pairs,
    "generate": of_names,
    "draw": of_drawings,
    "caption": of_images,
    "language": of_text,
    "autoencode": of_trees,
    "compare": of_tree_pairs,
    "reason": of_raw_sentences,
    "scene": of_scenes,
    "relate": of_triples,
    "transduce": of_graphs,
    "parse": of_brackets,
    "documents": of_records,
}


@pytest.fixture(scope="module")
def default_dtype() -> torch.dtype:
    return torch.float32


def write(path: Path, lines) -> Path:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


class Trained(NamedTuple):
    """A run of a kind, and what it was made of."""

    kind: str
    case: Case
    run: Path


@pytest.fixture(scope="module", params=KINDS)
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    kind = request.param
    folder = tmp_path_factory.mktemp(kind)
    case = CASES[kind](folder, np.random.default_rng(0))
    out = folder / "run"
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        call = ["train", case.data, "--task", kind, "--out", out, *case.flags]
        assert main([str(word) for word in call]) == 0
    finally:
        torch.set_default_dtype(before)
    return Trained(kind, case, out)


def test_there_is_a_case_for_every_kind():
    assert list(CASES) == list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_declares_what_it_is(kind: str):
    task = task_class(kind)
    assert issubclass(task, DataTask)
    assert task.kind == kind
    assert issubclass(task.Config, Settings)
    assert is_dataclass(task.Config)
    assert task.Config().to_dict().keys() == {f.name for f in fields(task.Config)}
    assert {m.name for m in task.metrics if m.lower_is_better} == task.lower_is_better
    assert {name for name, of in DATASETS.items() if of == kind} == set(task.datasets)


@pytest.mark.parametrize("kind", KINDS)
def test_a_setting_is_told_what_it_is_for(kind: str, capsys):
    assert main(["train", "--task", kind, "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    flags = [f"--{f.name.replace('_', '-')}" for f in fields(task_class(kind).Config)]
    assert all(flag in said for flag in flags)


def test_a_run_folder_is_complete(trained: Trained):
    names = {path.name for path in trained.run.iterdir()}
    wanted = "config.json result.json metrics.jsonl model.safetensors report.html"
    assert names >= {*wanted.split(), "README.md", "log.txt", "baselines.json"}
    assert kind_of(trained.run) == trained.kind
    result = json.loads((trained.run / "result.json").read_text())
    task = task_class(trained.kind)
    assert set(result["test"]) <= {metric.name for metric in task.metrics}
    assert all(np.isfinite(e["mean"]) for e in result["test"].values()), result["test"]
    assert result["baselines"], "a model stands beside its rivals"
    for each in result["baselines"].values():
        assert set(each["test"]) & set(result["test"]), "rivals share a metric"
    page = (trained.run / "report.html").read_text("utf-8")
    assert "<h1>" in page
    assert "Learning curve" in page


def test_the_run_is_measured_on_its_own_data_again(trained: Trained, capsys):
    words = ["evaluate", str(trained.run), str(trained.case.data)]
    assert main(words) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    result = json.loads((trained.run / "result.json").read_text())
    for name, value in said["test"].items():
        assert value["mean"] == pytest.approx(result["test"][name]["mean"], abs=1e-5)


def test_it_predicts_a_line_an_item(trained: Trained, capsys):
    assert main(["predict", str(trained.run), str(trained.case.asked)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == trained.case.answers
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_it_is_loaded_and_predicts_the_same(trained: Trained, capsys):
    run = load(trained.run)
    asked = str(trained.case.asked)
    torch.manual_seed(0)
    said = [json.dumps(each) for each in run.predict(run.task.read(asked))]
    torch.manual_seed(0)
    assert main(["predict", str(trained.run), asked]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [json.loads(each) for each in said]


def test_info_and_show_tell_of_it(trained: Trained, capsys):
    assert main(["info", str(trained.run)]) == 0
    assert trained.kind in capsys.readouterr().out
    (trained.run / "report.html").unlink()  # which show writes again
    assert main(["show", str(trained.run)]) == 0
    assert capsys.readouterr().out.strip() == str(trained.run / "report.html")
    assert (trained.run / "report.html").exists()


def test_a_finished_run_goes_on_to_nothing_new(trained: Trained, capsys):
    before = (trained.run / "model.safetensors").read_bytes()
    assert main(["train", "--resume", str(trained.run)]) == 0
    assert (trained.run / "model.safetensors").read_bytes() == before
    capsys.readouterr()
    assert main(["train", "--resume", str(trained.run), "--batch-size", "3"]) == 2
    assert "the run began with batch_size" in capsys.readouterr().err


def test_a_missing_file_is_told(trained: Trained, tmp_path: Path, capsys):
    missing = str(tmp_path / "nothing.txt")
    for words in (["train", missing, "--task", trained.kind, "--out", "x"],):
        assert main(words) in (1, 2)
        said = capsys.readouterr().err
        assert "nothing.txt" in said
        assert "bug" not in said
    assert main(["predict", str(trained.run), missing]) in (1, 2)
    said = capsys.readouterr().err
    assert "nothing.txt" in said
    assert "bug" not in said


def test_an_empty_file_is_told(trained: Trained, tmp_path: Path, capsys):
    empty = tmp_path / f"empty{trained.case.data.suffix}"
    empty.write_bytes(b"")
    words = ["train", str(empty), "--task", trained.kind, "--out", str(tmp_path / "x")]
    assert main(words) in (1, 2)
    said = capsys.readouterr().err
    assert "empty" in said
    assert "bug" not in said
    assert not (tmp_path / "x").exists()


def test_nothing_to_predict_is_told(trained: Trained, tmp_path: Path, capsys):
    empty = tmp_path / f"empty{trained.case.asked.suffix}"
    empty.write_bytes(b"")
    assert main(["predict", str(trained.run), str(empty)]) in (1, 2)
    said = capsys.readouterr().err
    assert "empty" in said
    assert "bug" not in said


def test_there_is_no_other_kind(capsys):
    with pytest.raises(RunError, match=r"no task 'dance'\. The tasks are trees"):
        task_class("dance")
    assert main(["train", "x.txt", "--task", "dance"]) == 2
    assert "The tasks are" in capsys.readouterr().err


def test_the_kinds_are_known_without_torch():
    # `treefold --help` imports them.
    names = vars(importlib.import_module("treefold.tasks.kinds"))
    assert TREES in names.values()
