"""What was left to "auto", by the rule that the command line has, too."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, final

from treefold.data.documents import Goal
from treefold.data.schema import Schema
from treefold.estimators.targets import Told
from treefold.models.document import DocumentModel
from treefold.tasks.documents_config import DocumentsConfig
from treefold.training.build import usable_device
from treefold.training.document_build import document_model
from treefold.training.document_defaults import defaults
from treefold.training.errors import RunError

FEWEST_TO_SPARE = 100  # trees; of fewer, those held out would be missed in training
LEAST_PATIENCE = 15  # epochs
FEW = 1000  # trees; of fewer, more are held out, for the choice to be sure
DRAWN = 256  # features of states that nobody learns: some of many are of use
SETTINGS = {  # of an estimator, as the command line calls them
    "cell": "model",
    "hidden_size": "hidden_size",
    "dropout": "output_dropout",
    "learning_rate": "learning_rate",
    "batch_size": "batch_size",
    "max_epochs": "epochs",
}


@final
@dataclass(frozen=True)
class Plan:
    """How an estimator learns.

    Attributes:
        config: of the model and the optimizer, all chosen.
        held: share of the trees that is held out to choose the epoch by.
        patience: epochs without a better one after which learning ends; None: never.
        seconds: for all of `fit`; None: no limit.
    """

    config: DocumentsConfig
    held: float
    patience: int | None
    seconds: float | None


def plan(estimator: Any, num_trees: int, goal: Goal, *, drawn: bool = False) -> Plan:
    """Choose what an estimator's parameters leave to "auto".

    Args:
        estimator: has the parameters.
        num_trees: to learn from.
        goal: what is told.
        drawn: nothing is learned, and what is read of the states is all there is.

    Raises:
        ValueError: a parameter that cannot be what it is.
    """
    chosen = defaults(num_trees, goal)
    found: dict[str, Any] = chosen._asdict()
    for name, setting in SETTINGS.items():
        if not _is_auto(value := getattr(estimator, name)):
            found[setting] = value
    if drawn and _is_auto(estimator.hidden_size):
        found["hidden_size"] = DRAWN
    if drawn or not _is_auto(estimator.hidden_size):
        found["input_size"] = found["hidden_size"]
    found["device"] = estimator.device
    try:
        config = DocumentsConfig(**found)
        usable_device(config.device)
    except (RunError, TypeError) as error:
        raise ValueError(f"{type(estimator).__name__}: {error}") from None
    early, held = estimator.early_stopping, estimator.validation_fraction
    if _is_auto(early):
        early = num_trees >= FEWEST_TO_SPARE
    if _is_auto(held):
        held = 0.2 if num_trees < FEW else 0.1
    if not 0 <= held < 1:
        raise ValueError(f"validation_fraction must be in [0, 1), got {held}.")
    limit = estimator.time_limit
    if limit is not None and not (isinstance(limit, Real) and float(limit) > 0):
        raise ValueError(f"time_limit must be seconds above 0 or None, got {limit!r}.")
    size = estimator.hidden_size
    if not _is_auto(size) and not isinstance(size, Integral):
        raise ValueError(f"hidden_size must be a whole number or auto, got {size!r}.")
    patience = estimator.patience
    if _is_auto(patience):
        patience = max(LEAST_PATIENCE, found["epochs"] // 4)
    return Plan(config, held if early else 0.0, patience, estimator.time_limit)


def new_model(schema: Schema, config: DocumentsConfig, told: Told) -> DocumentModel:
    """Make an untrained model, of torch's random numbers."""
    model = document_model(config, schema, told.goal, told.sizes)
    return model.float().to(config.device)


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"
