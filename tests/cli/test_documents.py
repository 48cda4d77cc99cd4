"""Documents on the command line: from a file to a trained model and its answers."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.cli.conftest import Command, one_message
from treefold.cli import kinds, main
from treefold.data import document_files
from treefold.tasks import kind_of
from treefold.training import files

SMALL = ["--epochs", "2", "--hidden-size", "8", "--input-size", "6", "--threads", "1"]


def days(count: int = 60) -> str:
    records = (
        {
            "sky": {"cloud": bool(k % 2), "rain": [k % 5, k % 3]},
            "label": "wet" if k % 2 else "dry",
            "much": k % 5 + 0.5,
        }
        for k in range(count)
    )
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("days") / "days.jsonl"
    path.write_text(days())
    return path


@pytest.fixture(scope="module")
def trained(records: Path) -> Path:
    """A run on records; tests must leave it as it is."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    out = records.with_name("run")
    words = ["train", records, "--target", "label", "--out", out, *SMALL]
    assert main([str(word) for word in words]) == 0
    torch.set_default_dtype(before)
    return out


@pytest.fixture
def stdin(monkeypatch):
    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return give


# ------------------------------------------------------------------ which kind it is


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["days.jsonl", "--target", "label"], "documents"),
        (["--out", "x", "days.jsonl"], "documents"),
        (["--strict", "{days}", "--target=label"], "documents"),
        (["days.json.gz"], "documents"),
        (["page.xml"], "documents"),
        (["code.txt", "--format", "c"], "documents"),
        (["trees.txt"], "trees"),
        (["sst"], "trees"),
        (["records-count", "--out", "x"], "documents"),
        (["names", "--out", "x"], "generate"),
        (["days.jsonl", "--task", "classify"], "classify"),
        ([], "trees"),
        (["--target", "label"], "trees"),
    ],
)
def test_the_kind_is_that_of_the_data(records: Path, words: list[str], kind: str):
    words = [word.replace("{days}", str(records)) for word in words]
    assert kinds.kind_asked_for(["train", *words]) == kind


def test_what_a_file_begins_with_decides_where_its_name_does_not(write):
    def kind(path: Path) -> str:
        return kinds.kind_of_data(str(path))

    assert kind(write("a.txt", '{"a": 1}')) == "documents"
    assert kind(write("b.txt", "(2 sun)")) == "trees"
    assert kind(write("c.jsonl", "(2 sun)")) == "trees"
    assert kind(write("d.txt", "hello")) == "trees"


def test_a_folder_is_of_the_kind_of_its_files(write, tmp_path: Path):
    write("train.txt", "(2 sun)")
    assert kinds.kind_of_data(str(tmp_path)) == "trees"
    (tmp_path / "train.txt").unlink()
    assert kinds.kind_of_data(str(tmp_path)) == "trees"
    (tmp_path / "good").mkdir()
    write("good/a.json", "{}")
    assert kinds.kind_of_data(str(tmp_path)) == "documents"


# ------------------------------------------------------------------ training


def test_what_was_inferred_is_said(treefold: Command, records: Path, tmp_path: Path):
    said = treefold(
        *("train", records, "--target", "much", "--out", tmp_path / "run", *SMALL)
    )
    assert said.status == 0, said.err
    assert "Read as jsonl. The target 'much' is a number from 0.5 to 4.5" in said.err
    assert "it is regressed (--goal regress)" in said.err
    assert "Held out of training by seed 0: 6 to dev and 6 to test." in said.err
    assert "48 documents to train" in said.err
    assert "root of the mean squared error" in said.out
    assert kind_of(tmp_path / "run") == "documents"


def test_no_target_is_told_with_the_fields(treefold: Command, records: Path, tmp_path):
    said = treefold("train", records, "--out", tmp_path / "run")
    assert said.status == 2
    assert "Name the field with --target FIELD" in one_message(said)
    assert "label, much, sky" in one_message(said)
    assert not (tmp_path / "run").exists()


def test_labels_that_are_all_the_same_are_told(treefold: Command, tmp_path, write):
    file = write("same.jsonl", '{"a": 1, "label": "x"}\n' * 30)
    said = treefold("train", file, "--target", "label", "--out", tmp_path / "run")
    assert said.status == 2
    assert "has one class only" in one_message(said)


HOSTILE: dict[str, Any] = {
    "infinite": {"a": [float("nan"), float("inf"), -float("inf")], "label": "wet"},
    "rare": {"a": {"never": ["seen"]}, "label": "hail"},
    "mixed": {"sky": "one", "label": "wet"},
    "empty": {"label": "dry"},
}


def test_hostile_records_are_trained_on_all_the_same(
    treefold: Command, tmp_path: Path, write
):
    deep = f'{{"a": {"[" * 2000}1{"]" * 2000}, "label": "dry"}}\n'
    odd = "".join(json.dumps(record) + "\n" for record in HOSTILE.values())
    bad = '{"a": 1, "a": 2, "label": "wet"}\n{"a": "\xff\n'.encode("latin-1")
    file = write("days.jsonl", days(40).encode() + (odd + deep).encode() + bad)
    unseen = write("test.jsonl", '{"tree": {"of": [{"leaf": "x"}]}, "label": "dry"}\n')
    out = tmp_path / "run"
    words = ["train", file, "--test", unseen, "--target", "label", "--out", out]
    said = treefold(*words, *SMALL, "--epochs", "1")
    assert said.status == 0, said.err
    assert "Of train 2 were left out, the first: " in said.err
    assert "days.jsonl:46: the key 'a' stands twice" in said.err
    assert "days.jsonl:47:8: expected text in UTF-8" in said.err
    assert "Of 1 of 3 classes training has one example only: hail." in said.err
    result = json.loads((out / "result.json").read_text())
    assert 0 <= result["test"]["accuracy"]["mean"] <= 1


def test_a_schema_is_written_edited_and_used(
    treefold: Command, records: Path, tmp_path: Path
):
    schema = tmp_path / "schema.json"
    said = treefold("data", records, "--target", "label", "--out", schema)
    assert said.status == 0, said.err
    content = json.loads(schema.read_text())
    (field,) = [f for f in content["fields"] if f["role"] == "cloud"]
    assert set(field["use"]) == {"number", "category", "text"}
    field["use"] = []
    schema.write_text(json.dumps(content))
    out = tmp_path / "run"
    words = ["train", records, "--target", "label", "--schema", schema, "--out", out]
    assert treefold(*words, *SMALL).status == 0
    used = json.loads((out / "config.json").read_text())["assets"]["schema"]["fields"]
    assert [f["use"] for f in used if f["role"] == "cloud"] == [[]]
    (tmp_path / "broken.json").write_text("{}")
    said = treefold(*words[:-3], tmp_path / "broken.json", "--out", tmp_path / "x")
    assert said.status == 2
    assert "this is no schema" in one_message(said)


def test_the_schema_that_data_writes_is_that_of_training(
    treefold: Command, tmp_path: Path
):
    """Classes of nodes go by the spelling of their texts beside all else."""
    row = "{}\t{}\t_\t{}\t_\t_\t{}\tdep\t_\t_\n"
    words = [("Go", "VERB", 0), ("home", "ADV", 1), ("now", "ADV", 1)]
    one = "".join(row.format(k, *word) for k, word in enumerate(words, 1))
    path, schema = tmp_path / "some.conllu", tmp_path / "schema.json"
    path.write_text(f"{one}\n" * 20)
    assert treefold("data", path, "--out", schema).status == 0
    assert treefold("train", path, "--out", tmp_path / "run", *SMALL).status == 0
    used = json.loads((tmp_path / "run" / "config.json").read_text())["assets"]
    assert json.loads(schema.read_text()) == used["schema"]
    assert '"spelling"' in schema.read_text()


# ------------------------------------------------------------------ looking


def test_data_shows_figures_targets_and_schema(treefold: Command, records: Path):
    said = treefold("data", records, "--target", "label")
    assert said.status == 0
    assert [line.split() for line in said.out.splitlines()[:3:2]] == [
        ["train", "dev", "test"],
        ["documents", "48", "6", "6"],
    ]
    for word in (
        "of wet %",
        "levels, most",
        "rain[]",
        "number 0 to 4",
        "features of a",
    ):
        assert word in said.out, word
    assert "label" not in [line.split()[0] for line in said.out.splitlines() if line]
    assert "classified (--goal classify)" in said.err


def test_data_without_a_target_shows_all_and_asks(treefold: Command, records: Path):
    said = treefold("data", records)
    assert said.status == 0
    assert said.out.split()[0] == "all"
    assert "Its fields are label, much, sky." in said.err


def test_data_of_numbers_shows_their_range(treefold: Command, records: Path):
    said = treefold("data", records, "--target", "much")
    assert "target, mean" in said.out
    assert "4.5" in said.out


# ------------------------------------------------------------------ answers


def test_answers_stand_in_the_order_of_what_was_asked(
    treefold: Command, trained: Path, stdin
):
    lines = (
        b'{"sky": 1}\n{"a"\n\n[[]]\n"text"\n{"label": "wet", "sky": {"cloud": true}}'
    )
    stdin(lines)
    said = treefold("predict", trained, "-")
    assert said.status == 0, said.err
    answers = [json.loads(line) for line in said.out.splitlines()]
    assert ["error" in answer for answer in answers] == [0, 1, 0, 0, 0]
    assert answers[1]["error"].startswith("<stdin>:2:5: this is no JSON")
    assert answers[0]["place"] == "<stdin>:1"
    assert set(answers[0]["probabilities"]) == {"dry", "wet"}
    assert "Answered 5 items, 1 of them with an error" in said.err


def test_the_target_is_not_seen_where_it_is_there(treefold: Command, trained, write):
    lines = '{"sky": {"cloud": true}}\n{"sky": {"cloud": true}, "label": "dry"}\n'
    out = treefold("predict", trained, write("asked.jsonl", lines)).out
    one, other = (json.loads(line) for line in out.splitlines())
    assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-6)


def test_nothing_readable_is_an_error(treefold: Command, trained: Path, write):
    said = treefold("predict", trained, write("asked.jsonl", "{\n"))
    assert said.status == 2
    assert "asked.jsonl:1:2: this is no JSON" in one_message(said)


def test_a_line_is_answered_before_the_next_is_written(trained: Path):
    command = [sys.executable, "-m", "treefold", "predict", str(trained), "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (1, 2):
            process.stdin.write(b'{"sky": {"cloud": true}}\n')
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["place"] == f"<stdin>:{number}"
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_a_run_is_measured_on_other_files(treefold: Command, trained: Path, write):
    said = treefold("evaluate", trained, write("more.jsonl", days(9)))
    assert said.status == 0, said.err
    assert "accuracy" in json.loads(said.out.splitlines()[-1])["test"]
    unknown = write("new.jsonl", '{"label": "snow"}\n')
    message = one_message(treefold("evaluate", trained, unknown))
    assert "new.jsonl:1: expected classes dry, wet, found the class 'snow'" in message
    bare = write("bare.jsonl", '{"sky": 1}\n')
    assert "no field 'label'" in one_message(treefold("evaluate", trained, bare))


def test_a_run_tells_how_its_data_were_read(treefold: Command, trained: Path):
    said = treefold("info", trained)
    assert "target" in said.out
    assert "documents" in said.out


# ------------------------------------------------------------------ stopped


def test_ctrl_c_while_reading_stops_without_a_trace(
    treefold: Command, records: Path, tmp_path: Path, monkeypatch
):
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("treefold.data.readers.json_records.add_value", stopped)
    said = treefold("train", records, "--target", "label", "--out", tmp_path / "run")
    assert said.status == 130
    assert said.err == "treefold: stopped.\n"
    assert not (tmp_path / "run").exists()


def test_a_full_disk_is_told(
    treefold: Command, records: Path, tmp_path: Path, monkeypatch
):
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    words = ["data", records, "--target", "label", "--out", tmp_path / "schema.json"]
    said = treefold(*words)
    assert said.status == 1
    assert "the disk is full" in one_message(said)
    assert not list(tmp_path.iterdir())


def test_what_to_type_after_the_look_at_data_has_the_flags_of_the_look(
    treefold: Command, tmp_path: Path
):
    path = tmp_path / "asked often.csv"
    rows = (f"SELECT {k} FROM t,{'ab'[k % 2]}\n" for k in range(20))
    path.write_text("query,label\n" + "".join(rows))
    words = ["--target", "label", "--column", "query", "--format", "sql"]
    said = treefold("data", path, *words)
    assert said.err.rstrip().endswith(
        f"Next: treefold train '{path}' --target label --format sql --column query"
    )


def test_a_file_without_an_end_is_refused(
    treefold: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(document_files, "MOST_BYTES", 1000)
    said = treefold("data", "/dev/zero", "--format", "jsonl", "--target", "a")
    assert "/dev/zero: it has more than the 1 GiB" in one_message(said)


def test_a_schema_that_is_not_there_is_told(treefold: Command, records: Path):
    said = treefold("train", records, "--target", "label", "--schema", "nope.json")
    assert "nope.json: no such file; treefold data" in said.err


@pytest.mark.parametrize("goal", ["regress", "guess"])
def test_a_run_whose_goal_was_edited_is_told(
    treefold: Command, records: Path, trained: Path, tmp_path: Path, goal: str
):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    content = json.loads((run / "config.json").read_text())
    content["assets"]["goal"] = goal
    (run / "config.json").write_text(json.dumps(content))
    said = treefold("predict", run, records)
    assert f"damaged: its goal is '{goal}'" in one_message(said)
