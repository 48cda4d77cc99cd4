"""The museum: every exhibit works, and the walk through it writes its page."""

import importlib
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = {
    "raam": {"STEPS": 2},
    "transduction": {"NUM_TRAIN": 5, "NUM_TEST": 2, "DEEP": 5, "STEPS": 2},
    "reasoning": {"NUM_TRAIN": 5, "NUM_TEST": 5, "STEPS": 2},
    "relations": {"NUM_FAMILIES": 2, "STEPS": 2},
    "tree_lstm": {"NUM_TRAIN": 20, "NUM_TEST": 5, "EPOCHS": 1},
}


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch):
    """The example, with cases so small that nothing is learned."""
    monkeypatch.syspath_prepend(EXAMPLES)
    for name, sizes in SMALL.items():
        module = importlib.import_module(f"museum.{name}")
        for constant, size in sizes.items():
            monkeypatch.setattr(module, constant, size)
    return importlib.import_module("history")


def test_the_walk_writes_a_page_and_pictures(history, monkeypatch, tmp_path, capsys):
    page = tmp_path / "page.html"
    monkeypatch.setattr(
        "sys.argv", ["history.py", str(page), "--pictures", str(tmp_path)]
    )
    history.main()
    text = page.read_text("utf-8")
    years = [1990, 1998, 2011, 2013, 2015]
    assert text.count("<svg") == len(years)
    told = capsys.readouterr().out
    for year in years:
        assert f"<h2>{year}: " in text
        assert f"{year}  " in told
        picture = ElementTree.parse(tmp_path / f"history-{year}.svg").getroot()
        assert picture[0].tag.endswith("title")
    assert "http" not in text.replace("http://www.w3.org", "")


def test_a_family_has_the_relations_that_it_should(history):
    relations = importlib.import_module("museum.relations")
    facts = relations.Family(0).facts()
    by_name = {
        name: [f for f in facts if f[1] == k]
        for k, name in enumerate(relations.RELATIONS)
    }
    assert len(by_name["parent"]) == len(by_name["child"]) == 12
    assert len(by_name["grandparent"]) == len(by_name["grandchild"]) == 8
    assert (6, relations.RELATIONS.index("grandparent"), 0) in facts
    assert len({*facts}) == len(facts)


def test_formulas_are_worked_out(history):
    tree_lstm = importlib.import_module("museum.tree_lstm")
    formula = ("not", ("T", ("and", ("F", ("or", "T")))))
    assert not tree_lstm.value(formula)
    assert tree_lstm.words(("F", ("or", "T"))) == ["<", "F", "<", "or", "T", ">", ">"]
    assert tree_lstm.chain(("F", ("or", "T")), "T").startswith("(T (_ (_")
