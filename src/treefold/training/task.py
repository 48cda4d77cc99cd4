"""A task: data made ready for a model, as the trainer and the run folder see it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self

import torch

from treefold.models.base import Model
from treefold.training.build import DTYPES, usable_device
from treefold.training.settings import Settings

Split = Literal["train", "dev", "test"]


class Batch(Protocol):
    """What a step of training learns from: B structures or sequences."""

    def __len__(self) -> int: ...

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self: ...

    def pin_memory(self) -> Self: ...


class Batches(Protocol):
    """An epoch: batches, and how many there are."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


class Task(ABC):
    """A kind of learning on one data set, with its settings.

    Attributes:
        kind: the name of this kind of task, as ``--task`` takes it.
        lower_is_better: the names of those metrics that should be small.
        config: the settings, of the task's own subclass of `Settings`.
        name: what reports call the data set.
    """

    kind: ClassVar[str]
    lower_is_better: ClassVar[frozenset[str]] = frozenset({"loss"})
    config: Settings
    name: str

    @property
    @abstractmethod
    def metric(self) -> str:
        """The metric that is best on dev, and chooses the epoch and the seed."""

    @property
    @abstractmethod
    def headline(self) -> str:
        """What the model is called in a table of results."""

    @abstractmethod
    def describe(self) -> str:
        """Say in a line what there is to learn from; refuse what cannot be learned.

        Raises:
            RunError: nothing to learn from, or nothing to choose by.
        """

    @abstractmethod
    def new_model(self) -> Model:
        """Make an untrained model, of torch's random numbers."""

    def made_model(self) -> Any:
        """Make a model where, and of the precision, that the settings say."""
        device = usable_device(self.config.device)
        return self.new_model().to(device, DTYPES[self.config.precision])

    @abstractmethod
    def batches(self, seed: int, epoch: int) -> Batches:
        """Share the training data out to batches; seed and epoch fix the order."""

    def where(self, batch: Any) -> str:
        """Say where the data of a batch stand, for a message."""
        return f"{len(batch)} items"

    @abstractmethod
    def evaluate(self, model: Any, split: Split) -> dict[str, float]:
        """Measure a model: figures by the names of the metrics."""

    def measure(self, model: Any) -> dict[str, Any]:
        """Measure a trained model: `dev`, `test`, and whatever a report wants."""
        return {split: self.evaluate(model, split) for split in ("dev", "test")}

    @abstractmethod
    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        """Measure rivals: `dev` and `test` figures and `seconds`, by name."""

    @abstractmethod
    def write_manifest(self, out: Path, command: str) -> None:
        """Write all that is needed to load the run; ``config.json`` comes last."""

    @abstractmethod
    def write_summary(self, out: Path, result: dict[str, Any]) -> None:
        """Write ``report.html`` and the model card of a finished run."""

    def score(self, measured: dict[str, float], prefix: str = "") -> float:
        """Return the metric so that more is better."""
        value = measured[prefix + self.metric]
        return -value if self.metric in self.lower_is_better else value
