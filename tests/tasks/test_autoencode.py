"""Trees to vectors and back, from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from treefold.cli import main
from treefold.data.generators.random_trees import random_trees
from treefold.data.readers.brackets import write_brackets
from treefold.data.readers.nested import read_nested
from treefold.data.symbols import Symbols
from treefold.tasks import load
from treefold.tasks.autoencode_rivals import Strings, by_size, leaves

FLAGS = (
    "--task autoencode --code-size 24 --embedding-size 8 --inner-size 8 --reader-size "
    "16 --epochs 12 --batch-size 16 --learning-rate 0.01 --rival-epochs 1 --threads 1"
)


@pytest.fixture(scope="module")
def default_dtype() -> torch.dtype:
    return torch.float32


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("autoencode")
    data = folder / "trees.txt"
    write_brackets(random_trees(300, leaves=(2, 4), symbols=3, seed=5), data)
    out = folder / "run"
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        assert main(["train", str(data), "--out", str(out), *FLAGS.split()]) == 0
    finally:
        torch.set_default_dtype(before)
    return out


def test_it_learns_to_bring_trees_back(run: Path):
    result = json.loads((run / "result.json").read_text())
    assert result["test"]["exact"]["mean"] > 0.5
    assert result["baselines"]["usual tree of the size"]["test"]["exact"] < 0.4
    assert set(result["groups"]) >= {"exact of 3 leaves", "exact of 4 leaves"}


def test_what_is_told_as_recovered_is_what_the_fold_reads(run: Path):
    found = load(run)
    task = found.task.with_data(found.task.spec)
    coded = task.coded["test"]
    told, _ = task.recover(found.model, coded)
    right = [a == b for a, b in zip(told, task.texts["test"], strict=True)]
    batch = coded.batch(slice(None))
    forest, model = batch.forest, found.model
    with torch.no_grad():
        read = model.read(model.rebuild(model.encode(batch), forest))
        word, label = model.word(read.features), model.label(read.features)
    leaf = forest.arities == 0
    symbol = torch.where(leaf, word.argmax(1), label.argmax(1) + model.num_words)
    good = ((read.inner > 0) == ~leaf) & (symbol == batch.token)
    good &= leaf | (read.more[:, 0] > 0)
    bad = torch.zeros(len(batch)).index_add(0, forest.tree, (~good).float())
    assert right == (bad == 0).tolist()
    assert any(right)


def test_encode_and_decode_are_there_and_back(run: Path, tmp_path: Path, capsys):
    asked = tmp_path / "asked.txt"
    asked.write_text("(_ a b)\n(_ (_ c a) b)\n")
    codes = tmp_path / "codes.jsonl"
    assert main(["encode", str(run), str(asked), "--out", str(codes)]) == 0
    lines = [json.loads(line) for line in codes.read_text().splitlines()]
    assert [line["tree"] for line in lines] == ["(_ a b)", "(_ (_ c a) b)"]
    assert all(len(line["code"]) == 24 for line in lines)
    capsys.readouterr()
    assert main(["decode", str(run), str(codes)]) == 0
    decoded = capsys.readouterr().out.splitlines()
    assert main(["predict", str(run), str(asked)]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert decoded == [each["decoded"] for each in told]
    assert [each["recovered"] for each in told] == [
        each["decoded"] == each["tree"] for each in told
    ]
    assert told[0]["recovered"]


def test_bad_input_and_limits_are_told(run: Path, tmp_path: Path, capsys):
    asked = tmp_path / "asked.txt"
    asked.write_text("(_ a b)\n(_ a zebra)\n")
    assert main(["encode", str(run), str(asked)]) == 2
    said = capsys.readouterr().err
    assert "asked.txt: tree 2 (line 2): the word 'zebra' is in no tree" in said
    codes = tmp_path / "codes.jsonl"
    asked.write_text("(_ a b)\n")
    assert main(["encode", str(run), str(asked), "--out", str(codes)]) == 0
    assert main(["decode", str(run), str(codes), "--max-depth", "1"]) == 2
    said = capsys.readouterr().err
    assert "codes.jsonl:1: the tree of this code goes beyond 1 levels" in said
    assert main(["decode", str(run), str(codes), "--max-nodes", "0"]) == 2
    assert "max-nodes must be at least 1" in capsys.readouterr().err
    codes.write_text("\n")
    assert main(["decode", str(run), str(codes)]) == 2
    assert "there is no code in it" in capsys.readouterr().err
    codes.write_text(f"{[0.1] * 24}\n{[1e300] * 24}\n")
    assert main(["decode", str(run), str(codes)]) == 2
    assert "codes.jsonl:2: the numbers are too large" in capsys.readouterr().err


def test_a_run_of_another_kind_is_told(tmp_path: Path, capsys):
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    assert main(["encode", str(folder), "-"]) in (1, 2)
    assert "bug" not in capsys.readouterr().err


def test_the_page_shows_sizes_codes_and_a_tree(run: Path):
    page = (run / "report.html").read_text("utf-8")
    for title in ("By size", "Codes", "There and back", "come back"):
        assert title in page


def test_strings_are_the_trees_in_pre_order():
    corpus = read_nested(["(S (NP a b) a)", "(NP (S b) a b)"])
    symbols = Symbols.build(corpus)
    coded = symbols.code(corpus)
    strings = Strings(coded, len(symbols.words))
    names = {number: symbols.words[number] for number in range(len(symbols.words))}
    for (label, arity), number in strings.pairs.items():
        name = (*symbols.words, *symbols.labels)[label]
        names[number] = f"{name}/{arity}"
    names[strings.end] = "."
    told = [" ".join(names[n] for n in row.tolist()) for row in strings.of(coded)]
    # Brackets read "(S b)" as a leaf b with the label S, which is a symbol of its own.
    assert told == ["S/2 NP/2 a b a .", "NP/3 S b a b ."]
    unlike = symbols.code(read_nested(["(S a a a)"]))
    assert strings.of(unlike)[0][0] == 0


def test_shares_by_size():
    trees = random_trees(50, leaves=(2, 3), seed=0)
    sizes = leaves(trees)
    assert set(sizes) == {2, 3}
    right = np.array(sizes) == 3
    assert by_size(sizes, right) == {"2": 0.0, "3": 1.0}
