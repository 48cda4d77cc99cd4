"""``treefold gradients``: trials, a page with pictures, figures as JSON."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command, one_message
from treefold import lab
from treefold.lab import grid
from treefold.lab.trial import Job


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path) -> None:
    """A small grid, in a folder of the test's own."""

    def plan(size, seeds=None):
        return [
            Job("adding", T, shape, name, seed, steps, batch_size=4, hidden_size=8)
            for T, steps in ((6, 50 if size == "default" else 2), (9, 0))
            for shape in ("chain", "tree")
            for name in ("tanh", "lstm", "clip-norm")
            for seed in range(seeds or 1)
        ]

    monkeypatch.setattr(lab, "plan", plan)
    monkeypatch.chdir(tmp_path)


def gradients(treefold: Command, *words: str):
    return treefold("gradients", "--workers", 1, *words)


def test_it_writes_a_page_and_figures_and_says_what_comes_next(
    treefold: Command,
) -> None:
    said = gradients(treefold)
    assert said.status == 0, said.err
    assert (
        "The adding problem, T = 6, chain: knowing nothing has loss 0.1667" in said.out
    )
    assert "clip by norm" in said.out
    last = said.err.splitlines()[-1]
    assert "Wrote gradients/report.html and gradients/result.json" in last
    assert last.endswith("Next: treefold gradients --full")
    result = json.loads(Path("gradients/result.json").read_text())
    assert len(result["cells"]) == 12
    first = result["cells"][0]
    assert (first["task"], first["length"], first["shape"]) == ("adding", 6, "chain")
    assert len(first["gradient_norms"]["after"]) == 6
    assert first["success_rate"] in (0, 1)


def test_the_page_has_its_pictures_and_asks_nobody(treefold: Command) -> None:
    assert gradients(treefold, "--seeds", "2").status == 0
    page = Path("gradients/report.html").read_text()
    assert page.count("<svg") == 4  # reach at two lengths, before and after, curves
    assert "0 of 2" in page
    assert "the tanh RNN; a gradient longer than 1 is shortened to 1" in page
    body = page.replace("http://www.w3.org/", "")  # names of SVG, not addresses
    assert "://" not in body
    assert "<script" not in page


def test_trials_in_the_way_are_told_and_gone_on_with(
    treefold: Command, monkeypatch
) -> None:
    assert gradients(treefold, "--quick").status == 0
    again = gradients(treefold, "--quick")
    assert again.status == 2
    message = one_message(again)
    assert "gradients-quick holds trials already" in message
    assert "treefold gradients --quick --workers 1 --resume" in message
    monkeypatch.setattr(grid, "run", lambda job: pytest.fail("it was run again"))
    assert gradients(treefold, "--quick", "--resume").status == 0


def test_whoever_stops_it_is_told_how_to_go_on(treefold: Command, monkeypatch) -> None:
    run, done = grid.run, []

    def stopped(job):
        if done:
            raise KeyboardInterrupt
        done.append(job)
        return run(job)

    monkeypatch.setattr(grid, "run", stopped)
    said = gradients(treefold, "--out", "here")
    assert said.status == 130
    assert "Go on with: treefold gradients --out here --workers 1 --resume" in said.err
    assert len(list(Path("here/trials").iterdir())) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--quick", "--full"], "exclude each other"),
        (["--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["--out", "file"], "file is a file"),
    ],
)
def test_what_cannot_be_is_told(treefold: Command, words, message) -> None:
    Path("file").touch()
    said = gradients(treefold, *words)
    assert said.status == 2
    assert message in one_message(said)
