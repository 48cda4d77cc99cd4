"""Kinds of tasks, one file each: data, model, rivals, and what there is to tell."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from treefold.tasks.kinds import KINDS, TREES

if TYPE_CHECKING:
    from treefold.tasks.base import DataTask

__all__ = ["kind_of", "load", "task_class", "task_of"]


def task_class(kind: str) -> type[DataTask]:
    """Return the class of a kind of task other than that on trees.

    Raises:
        RunError: there is no such kind.
    """
    if kind not in KINDS:
        from treefold.training.errors import RunError

        raise RunError(
            f"there is no task {kind!r}. The tasks are {', '.join([TREES, *KINDS])}."
        )
    # Imported when asked for: some bring libraries that others do without.
    module, name = KINDS[kind]
    return getattr(import_module(f"treefold.tasks.{module}"), name)


def kind_of(folder: str | Path) -> str:
    """Return the kind of task of a run folder.

    Raises:
        RunError: it is no run.
    """
    # Nothing but the kind is looked at here: the rest is for whoever reads the run.
    content = _manifest(Path(folder))
    return str(content.get("task", TREES)) if isinstance(content, dict) else TREES


def task_of(folder: str | Path, **changes: Any) -> DataTask:
    """Make the task of a run folder, without its data; `changes` are to its settings.

    Raises:
        RunError: it is no run on anything but trees, or damaged.
    """
    return task_class(kind_of(folder)).of_folder(Path(folder), **changes)


def load(folder: str | Path, *, device: str = "cpu") -> Any:
    """Load a trained run: its best seed's weights, ready to predict.

    Returns:
        A `treefold.training.Run` of one on trees, else a `treefold.tasks.base.TaskRun`;
        call either with what it predicts.

    Raises:
        RunError: the folder is not a finished run, or is damaged.
    """
    if kind_of(folder) == TREES:
        from treefold.training.run import load

        return load(folder, device=device)
    from treefold.tasks.base import TaskRun

    return TaskRun.open(task_of(folder, device=device), Path(folder))


def _manifest(folder: Path) -> Any:
    from treefold.training.files import read_json

    return read_json(folder / "config.json")
