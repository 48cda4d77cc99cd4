"""The words that are typed: help, flags, configuration files, and slips."""

import os
import subprocess
import sys
from dataclasses import fields

import pytest
import yaml

import treefold as package
from tests.cli.conftest import Command, one_message
from treefold.cli.app import COMMANDS
from treefold.training import Config


@pytest.mark.parametrize(
    "words", [["--help"], *([name, "--help"] for name in COMMANDS)]
)
def test_help_is_shown(treefold: Command, words) -> None:
    said = treefold(*words)
    assert said.status == 0
    command = "COMMAND" if len(words) == 1 else words[0]
    assert said.out.startswith(f"usage: treefold {command} ")
    assert said.err == ""


def test_help_knows_every_command(treefold: Command) -> None:
    said = treefold("--help")
    for name, module in COMMANDS.items():
        assert name in said.out
        assert module.SUMMARY in said.out


def test_help_knows_every_setting(treefold: Command) -> None:
    said = treefold("train", "--help")
    for field in fields(Config):
        assert f"--{field.name.replace('_', '-')} " in said.out.replace(",", " ")


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(words) -> None:
    code = (
        "import sys; from treefold.cli import main; assert main(sys.argv[1:]) == 0; "
        "heavy = {'torch', 'numba', 'numpy', 'matplotlib', 'sklearn'}; "
        "heavy &= {*sys.modules}; "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code, *words], check=True, timeout=60)


def test_help_is_quick() -> None:
    command = [sys.executable, "-m", "treefold", "train", "--help"]
    taken = []
    for _ in range(3):
        # Of the processor, not of the clock: the machine may be busy.
        before = os.times()
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        after = os.times()
        taken.append(sum(after[2:4]) - sum(before[2:4]))
    assert min(taken) < 0.5


def test_the_version_is_told(treefold: Command) -> None:
    assert treefold("--version").out == f"treefold {package.__version__}\n"


def test_without_words_the_help_is_shown_and_the_status_bad(treefold: Command) -> None:
    said = treefold()
    assert said.status == 2
    assert "usage: treefold" in said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("trian sst", "no command 'trian'; did you mean 'train'?"),
        ("train sst --modle rnn", "no flag --modle; did you mean '--model'?"),
        ("train sst --epoch 3", "no flag --epoch; did you mean '--epochs'?"),
        ("train sst --model tree-lsm", "got 'tree-lsm'; did you mean 'tree-lstm'?"),
        ("train sst --epochs many", "--epochs must be a whole number, got 'many'"),
        ("train sst --clip much", "--clip must be a number or null, got 'much'"),
        ("train sst --optimizer adm", "did you mean 'adam'?"),
        ("train sst --epochs", "--epochs needs a value"),
        ("train sst more", "one argument too many: 'more'"),
        ("train", "DATA is missing"),
        ("train sst --epochs 0", "epochs must be at least 1, got 0"),
        ("train sst --device gpux --out /nonexistent/run", "device 'gpux' cannot be"),
        ("train --config nosuch.yaml", "nosuch.yaml"),
        ("train nosuch.txt", "no data set and no file is called 'nosuch.txt'"),
        ("train sts", "did you mean 'sst'?"),
        ("train --resume nosuch", "nosuch is not a run"),
        ("evaluate nosuch sst", "nosuch is not a run"),
        ("predict nosuch -", "nosuch is not a run"),
        ("info nosuch", "nosuch is not a run"),
        ("show nosuch.txt", "nosuch.txt: no such file"),
        ("data nosuch", "no data set and no file is called 'nosuch'"),
        ("download sts", "did you mean 'sst'?"),
        ("predict", "RUN and FILE are missing"),
        ("predict nosuch", "FILE is missing"),
    ],
)
def test_a_slip_is_told_in_one_message(
    treefold: Command, tmp_path, monkeypatch, words, message
) -> None:
    monkeypatch.chdir(tmp_path)  # a file nearby may be the better guess
    said = treefold(*words.split())
    assert said.status == 2
    assert message in one_message(said)
    assert said.out == ""


def test_flags_override_the_file_wherever_they_stand(treefold: Command, write) -> None:
    file = write("recipe.yaml", "model: rnn\nhidden_size: 31\nepochs: 4\nlower: true\n")
    words = ["train", "sst", "--hidden_size=32", "--config", file, "--no-lower"]
    said = treefold(*words, "--print_config")
    assert said.status == 0
    found = yaml.safe_load(said.out)
    assert found["data"] == "sst"
    assert (found["model"], found["hidden_size"], found["epochs"]) == ("rnn", 32, 4)
    assert found["lower"] is False
    assert {field.name for field in fields(Config)} <= found.keys()


def test_a_printed_configuration_is_a_configuration(treefold: Command, write) -> None:
    first = treefold("train", "sst", "--epochs", "7", "--clip", "2.5", "--print_config")
    again = treefold("train", "--config", write("c.yaml", first.out), "--print_config")
    assert yaml.safe_load(again.out) == yaml.safe_load(first.out)


def test_the_file_may_be_json_and_name_the_data(treefold: Command, write) -> None:
    file = write("recipe.json", '{"data": "sst-binary", "l2": 0.5, "clip": null}')
    found = yaml.safe_load(treefold("train", "--config", file, "--print_config").out)
    assert (found["data"], found["l2"], found["clip"]) == ("sst-binary", 0.5, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("hidden_sizes: 3\n", "'hidden_sizes'; did you mean 'hidden_size'?"),
        ("hidden_size: wide\n", "--hidden-size must be a whole number, got 'wide'"),
        ("hidden_size: [3\n", "parsing config"),
    ],
)
def test_a_bad_file_of_settings_is_told(
    treefold: Command, write, content, message
) -> None:
    said = treefold("train", "sst", "--config", write("recipe.yaml", content))
    assert said.status == 2
    assert message in one_message(said)
