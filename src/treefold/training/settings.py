"""What every training has in common: the settings of a run, whatever it learns.

This module imports no torch, so that ``treefold --help`` is quick.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

from treefold.training.errors import RunError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of training.

    A kind of task adds its own in a subclass, and there chooses other defaults.

    Attributes:
        optimizer: how the weights follow the gradient.
        learning_rate: of all weights but the vectors.
        embedding_learning_rate: of the vectors; the same where not given.
        final_learning_rate: share of the rates that is left at the end of training,
            to which they fall in a straight line; 1 keeps them.
        l2: weight decay of all weights but the vectors, added to the gradient
            (decoupled with adamw).
        embedding_l2: the same for those vectors that a batch touches.
        clip: largest norm of the gradient, of all weights together; None: no bound.
        clip_value: largest entry of the gradient, cut before the norm; None: no bound.
        gradient_norms: after each epoch note in metrics.jsonl the norm of dL/dh by
            distance from the root, of one batch.
        average: weights are averaged over the epochs, average = a · average +
            (1 - a) · weights after each; 0 takes the weights as they are.
        batch_size: structures in a batch.
        epochs: how often the training data are gone through, at most.
        minutes: training ends with the epoch in which so many have passed; the rates
            then fall with the time where that is the greater share. None: no limit.
        patience: epochs without a better dev metric after which training stops;
            None: never.
        seeds: how many seeds to train, 0 to seeds - 1.
        precision: float32; bfloat16 for products where that is safe; or float64.
        device: cpu, cuda or cuda:N.
        threads: of the processor; None leaves it to torch.
    """

    optimizer: Literal["adagrad", "adam", "adamw", "sgd"] = "adam"
    learning_rate: float = 1e-3
    embedding_learning_rate: float | None = None
    final_learning_rate: float = 1.0
    l2: float = 0.0
    embedding_l2: float = 0.0
    clip: float | None = None
    clip_value: float | None = None
    gradient_norms: bool = False
    average: float = 0.0
    batch_size: int = 32
    epochs: int = 30
    minutes: float | None = None
    patience: int | None = 8
    seeds: int = 1
    precision: Literal["float32", "bfloat16", "float64"] = "float32"
    device: str = "cpu"
    threads: int | None = None

    def __post_init__(self) -> None:
        self.check("in [0, 1)", lambda value: 0 <= value < 1, "average")
        self.check("in [0, 1]", lambda value: 0 <= value <= 1, "final_learning_rate")
        self.check("at least 1", lambda value: value >= 1, "batch_size", "epochs")
        self.check(
            "at least 1", lambda value: value >= 1, "patience", "seeds", "threads"
        )
        self.check("above 0", lambda v: v > 0, "learning_rate", "clip", "minutes")
        self.check("above 0", lambda value: value > 0, "clip_value")
        self.check("above 0", lambda value: value > 0, "embedding_learning_rate")
        self.check("0 or more", lambda value: value >= 0, "l2", "embedding_l2")
        hints = get_type_hints(type(self))
        for field in fields(self):
            names = get_args(hints[field.name])
            value = getattr(self, field.name)
            if get_origin(hints[field.name]) is Literal and value not in names:
                raise RunError(
                    f"{field.name} must be one of {', '.join(map(str, names))}, "
                    f"got {value!r}."
                )

    def check(self, wanted: str, holds: Callable[[Any], bool], *names: str) -> None:
        """Refuse a setting, unless it is None or `holds` is true of it.

        Raises:
            RunError: with the setting's name and what is `wanted`.
        """
        for name in names:
            value = getattr(self, name)
            if value is None:
                continue
            if not (value == value and holds(value)):  # NaN != NaN
                raise RunError(f"{name} must be {wanted}, got {value}.")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values for JSON or YAML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> Self:
        """Make settings of plain values.

        Raises:
            RunError: a setting that does not exist, or has a value it cannot have.
        """
        known = {field.name for field in fields(cls)}
        unknown = [name for name in settings if name not in known]
        if unknown:
            raise RunError(
                f"there is no setting {unknown[0]!r}. The settings are "
                f"{', '.join(sorted(known))}."
            )
        return cls(**settings)
