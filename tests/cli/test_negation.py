"""``treefold negation``: tables on the terminal, a page with pictures."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Command, one_message, write_phrases


@pytest.fixture
def treebank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small treebank where the large one is looked for."""
    folder = tmp_path / "data" / "sst"
    folder.mkdir(parents=True)
    for seed, name in enumerate(("train", "dev", "test")):
        write_phrases(folder / f"{name}.txt", seed=seed)
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return folder


def test_it_asks_all_seeds_and_draws_what_they_say(
    treefold: Command, treebank: Path, finished: Path
) -> None:
    said = treefold(
        *("negation", finished, "--out", "no.html"),
        *("--adverbs", ",no", "--adjectives", "storm,sun"),
    )
    assert said.status == 0, said.err
    assert "negated positive" in said.out
    assert "naive Bayes" in said.out
    assert " ± " in said.out  # two seeds
    for phrase in ("storm", "no storm", "sun", "no sun"):
        assert f"\n{phrase} " in said.out
    page = Path("no.html").read_text()
    assert page.count("<svg") == 2
    assert "<summary>Negated positive phrases: all" in page
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert said.out.endswith("no.html\n")
    assert "Next: treefold show" in said.err


def test_equal_questions_get_equal_pages(
    treefold: Command, treebank: Path, finished: Path
) -> None:
    words = ("negation", finished, "--adjectives", "sun")
    assert treefold(*words).status == 0
    page = Path("negation.html").read_text()
    assert treefold(*words).status == 0
    assert Path("negation.html").read_text() == page


def test_a_run_that_tells_no_sentiments_is_refused(
    treefold: Command, treebank: Path, finished: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(finished, other)
    config = json.loads((other / "config.json").read_text())
    config["classes"][4] = "5"
    (other / "config.json").write_text(json.dumps(config))
    message = one_message(treefold("negation", other))
    assert "tells 0, 1, 2, 3, 5, not sentiments" in message


def test_what_cannot_be_asked_is_told(
    treefold: Command, treebank: Path, finished: Path, tmp_path: Path
) -> None:
    said = treefold("negation", finished, "--adjectives", "good,,bad")
    assert "--adjectives must be words between commas" in one_message(said)
    assert "is a folder" in one_message(treefold("negation", finished, "--out", "."))
    assert "config.json" in one_message(treefold("negation", tmp_path))
