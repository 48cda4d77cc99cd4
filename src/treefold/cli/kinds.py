"""Which kind of task a command line is about, seen before it is parsed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from treefold.tasks.kinds import DATASETS, KINDS, TREES
from treefold.training.errors import RunError


def kind_asked_for(words: Sequence[str]) -> str:
    """Return the kind of task that ``train`` is asked for.

    It is that of ``--task``; else of ``--resume``'s run; else what the configuration
    file says; else that of the data set named; else the task on trees.

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
        named = [word for word in words if word in DATASETS] or [settings.get("data")]
        return DATASETS.get(str(named[0]), TREES)
    if kind != TREES and kind not in KINDS:
        raise RunError(
            f"there is no task {kind!r}. The tasks are {', '.join([TREES, *KINDS])}."
        )
    return str(kind)


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
