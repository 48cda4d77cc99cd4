from pathlib import Path

import pytest

from treefold.data import DataError, locate
from treefold.data.places import cache_folder


@pytest.fixture
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data" / "sst", tmp_path / "cache" / "treefold" / "sst"


def fill(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("(2 a)")


def test_the_folder_given_comes_before_the_cache(places):
    given, cache = places
    fill(cache, "train.txt", "dev.txt.gz", "test.txt")
    assert locate("sst") == cache
    fill(given, "train.txt.gz", "dev.txt")
    assert locate("sst") == cache  # the other is not complete
    fill(given, "test.txt")
    assert locate("sst") == given


def test_what_is_missing_is_told_with_the_command_that_brings_it(places):
    given, cache = places
    fill(given, "train.txt")
    with pytest.raises(DataError) as caught:
        locate("sst")
    for part in (
        f"{given} (lacks dev.txt, test.txt) and {cache}.",
        "`treefold download sst`",
        "TREEFOLD_DATA",
    ):
        assert part in str(caught.value)


def test_without_settings_the_cache_lies_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "treefold"
