"""What all tasks but that on trees share: the run folder, and what is read from it."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self, final

from treefold.models.base import Model
from treefold.report.sheet import (
    Findings,
    Metric,
    Picture,
    Sheet,
    write_sheet,
    write_sheet_card,
)
from treefold.training.errors import RunError
from treefold.training.files import (
    read_json,
    read_json_lines,
    read_tensors,
    write_json,
)
from treefold.training.run import (
    CONFIG,
    FORMAT,
    REPORT,
    RESULT,
    VERSION,
    DataSpec,
    refuse_later,
    versions,
)
from treefold.training.settings import Settings
from treefold.training.task import Task
from treefold.training.trainer import METRICS, MODEL

__all__ = ["DataTask", "Findings", "Metric", "Picture", "TaskRun"]


class DataTask(Task):
    """A task whose run folder holds its settings and what it learned of the data.

    Args:
        config: the settings.
        assets: what the model needs to know of the data, as plain values for JSON:
            vocabularies, classes, means.
        data: the data, of the task's own type; None where they are only predicted.
        spec: where they came from.

    Attributes:
        command: what was typed to begin the run.
        remarks: what there is to say of data that were loaded, before training.
        Config: the class of the settings.
        metrics: what models are compared by; the first is that of `config.metric`
            where the settings have no such field.
        datasets: the names of the data sets of this kind.
        formats: what files of one's own it reads, for help and messages.
    """

    Config: ClassVar[type[Settings]]
    metrics: ClassVar[Sequence[Metric]]
    datasets: ClassVar[tuple[str, ...]] = ()
    formats: ClassVar[str] = "a file"

    def __init__(
        self,
        config: Any,
        assets: Mapping[str, Any],
        data: Any = None,
        spec: DataSpec | None = None,
    ):
        self.config = config
        self.assets: dict[str, Any] = json.loads(json.dumps(assets))
        self.data = data
        self.spec = spec or DataSpec("")
        self.name = Path(self.spec.data).name
        self.command = ""
        self.remarks: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "metrics" in cls.__dict__:
            small = (m.name for m in cls.metrics if m.lower_is_better)
            cls.lower_is_better = frozenset(small)

    @classmethod
    @abstractmethod
    def load(cls, config: Any, spec: DataSpec, progress: bool = False) -> Self:
        """Load the data that a `DataSpec` names.

        Raises:
            DataError: they cannot be had.
        """

    def with_data(self, spec: DataSpec, progress: bool = False) -> Self:
        """Return this task with data: its own, or others that are coded as those were.

        A `DataSpec` of other data names the file in the field of the split that is to
        be measured.

        Raises:
            RunError: what the data hold is not what the model knows.
            DataError: they cannot be had.
        """
        task = self.load(self.config, spec, progress)
        if task.assets != self.assets:
            raise RunError(
                f"{spec.data} is not coded as {self.spec.data}, of which the model was "
                "made: it has other words, classes or means."
            )
        return task

    @abstractmethod
    def read(self, file: str) -> Iterator[Any]:
        """Read what is to be predicted, from a file or ``-``, as it comes.

        Raises:
            DataError: a bad line, with its number; nothing to predict.
        """

    @abstractmethod
    def predict(self, model: Any, items: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """Predict items in order: an object for JSON each."""

    def draw(self, model: Any, items: Iterable[Any]) -> Iterator[Picture]:
        """Draw what is found in items, for the kinds of which that is a picture.

        Raises:
            RunError: this kind draws nothing but its report.
        """
        raise RunError(
            f"a run of the kind {self.kind} draws nothing but its report: treefold "
            "show RUN tells where that is, treefold predict RUN FILE what it says of "
            "a file."
        )

    @abstractmethod
    def findings(self, model: Any, result: dict[str, Any]) -> Findings:
        """Tell of a trained model what its figures do not."""

    @property
    def metric(self) -> str:
        return getattr(self.config, "metric", self.metrics[0].name)

    @property
    def headline(self) -> str:
        return getattr(self.config, "model", self.kind)

    def write_manifest(self, out: Path, command: str) -> None:
        content = {
            "format": FORMAT,
            "version": VERSION,
            "task": self.kind,
            "data": asdict(self.spec),
            "config": self.config.to_dict(),
            "assets": self.assets,
            "versions": versions(),
            "command": command,
        }
        write_json(out / CONFIG, content)

    @classmethod
    def of_folder(cls, folder: Path, **changes: Any) -> Self:
        """Make the task of a run folder, without its data.

        Raises:
            RunError: the folder is no run of this kind, or is damaged.
        """
        content = read_json(folder / CONFIG)
        try:
            refuse_later(folder, content)
            config = cls.Config.from_dict({**content["config"], **changes})
            spec = DataSpec(**content["data"])
            task = cls(config, content["assets"], None, spec)
            task.command = content["command"]
        except (KeyError, TypeError) as error:
            raise RunError(f"{folder / CONFIG} is damaged: {error!r}") from None
        return task

    def write_summary(self, out: Path, result: dict[str, Any]) -> None:
        run = TaskRun.open(self, out)
        seeds = range(len(result["seconds_per_seed"]))
        sheet = Sheet(
            f"{self.headline} on {self.name}",
            self.findings(run.model, result),
            result,
            self.metrics,
            [read_json_lines(out / f"seed-{k}" / METRICS) for k in seeds],
            self.config.to_dict(),
        )
        write_sheet(out / REPORT, sheet)
        write_sheet_card(out / "README.md", sheet)


@final
class TaskRun:
    """A trained model, ready: call it with what its kind of task predicts.

    Attributes:
        folder: where it lies.
        task: its settings, and what it knows of the data.
        model: the network, in evaluation mode.
    """

    def __init__(self, folder: Path, task: DataTask, model: Model):
        self.folder = folder
        self.task = task
        self.model = model.eval()

    @classmethod
    def open(cls, task: DataTask, folder: Path) -> TaskRun:
        """Build a task's model and give it the weights of a run folder.

        Raises:
            RunError: there are none, or they do not fit.
        """
        if not (folder / MODEL).exists():
            raise RunError(
                f"{folder} has no trained model yet. Finish it with: "
                f"treefold train --resume {folder}"
            )
        weights, _ = read_tensors(folder / MODEL)
        model = task.made_model()
        try:
            model.load_state_dict(weights)
        except RuntimeError as error:
            raise RunError(
                f"{folder / MODEL} does not fit {folder / CONFIG}: {error}"
            ) from None
        return cls(folder, task, model)

    @property
    def result(self) -> dict[str, Any]:
        """The measured figures, as ``result.json`` holds them."""
        return read_json(self.folder / RESULT)

    def __call__(self, item: Any) -> dict[str, Any]:
        """Predict one item."""
        return self.predict([item])[0]

    def predict(self, items: Iterable[Any]) -> list[dict[str, Any]]:
        """Predict items, in order."""
        return list(self.task.predict(self.model, items))
