"""Which kind of task a command line is about, seen before it is parsed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from treefold.tasks.kinds import DATASETS, DOCUMENTS, KINDS, TREES
from treefold.training.errors import RunError

OF_DOCUMENTS = ("target", "goal", "format", "column", "group", "schema")  # settings
VALUED = ("--out", "--train", "--dev", "--test", "--config", "--task", "--resume")


def kind_asked_for(words: Sequence[str]) -> str:
    """Return the kind of task that ``train`` is asked for.

    It is that of ``--task``; else of ``--resume``'s run; else what the configuration
    file says; else that of the data set named; else what the data look like.

    Raises:
        RunError: there is no such kind.
    """
    kind = _value(words, "--task")
    run = _value(words, "--resume")
    if kind is None and run and (Path(run) / "config.json").is_file():
        from treefold.tasks import kind_of

        return kind_of(run)
    settings = _settings(_value(words, "--config"))
    kind = kind or settings.get("task")
    if kind is None:
        named = [word for word in words if word in DATASETS]
        data = (named or [settings.get("data") or data_in(words)])[0]
        asked = any(_value(words, f"--{name}") for name in OF_DOCUMENTS)
        return kind_of_data(data, asked or any(n in settings for n in OF_DOCUMENTS))
    if kind != TREES and kind not in KINDS:
        raise RunError(
            f"there is no task {kind!r}. The tasks are {', '.join([TREES, *KINDS])}."
        )
    return str(kind)


def kind_of_data(data: str | None, asked: bool = False) -> str:
    """Return the kind of task that data are for, where nobody says.

    Args:
        data: the name of a data set, or a path.
        asked: whether settings are given that only documents have.
    """
    if data in DATASETS:
        return DATASETS[data]
    if data is None:
        return TREES
    # Imported here, that --help may be quick.
    from treefold.data.datasets import NAMED

    if data in NAMED:
        return TREES
    return DOCUMENTS if asked or _holds_documents(Path(data)) else TREES


def _holds_documents(path: Path) -> bool:
    """Whether a path looks like documents: brackets are trees, and what is unknown."""
    from treefold.data.document_files import beginning
    from treefold.data.document_sets import holds_documents
    from treefold.data.places import split_file
    from treefold.data.readers.formats import guessed, is_documents

    if path.is_dir():
        return split_file(path, "train") is None and holds_documents(path)
    begins = beginning(path)
    if begins.lstrip().startswith(b"("):
        return False
    return is_documents(path) or guessed(begins) is not None


def data_in(words: Sequence[str]) -> str | None:
    """Return the word of a command line that is DATA: the first that follows no flag.

    Flags that take no word are not told from others here, so if there is none, it is
    the first that is a path.
    """
    flag, others = "", list[str]()
    for word in words[1:]:
        if word.startswith("-"):
            flag = "" if "=" in word else word
        elif not flag:
            return word
        else:
            others += [word] * (flag not in VALUED)
            flag = ""
    return next((word for word in others if Path(word).exists()), None)


def _value(words: Sequence[str], flag: str) -> str | None:
    """Return what follows a flag, in the word after it or behind ``=``."""
    for word, following in zip(words, [*words[1:], None], strict=True):
        if word == flag:
            return following
        if word.startswith(f"{flag}="):
            return word.removeprefix(f"{flag}=")
    return None


def _settings(file: str | None) -> dict[str, Any]:
    """Read a configuration file for its `task` and `data`; the parser reads it all."""
    try:
        content = yaml.safe_load(Path(file or "").read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}  # which the parser will tell better
    return content if isinstance(content, dict) else {}
