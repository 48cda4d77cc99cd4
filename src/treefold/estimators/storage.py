"""Estimators as folders: JSON for what people may read, safetensors for the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from treefold import __version__
from treefold.data.schema import Schema
from treefold.estimators.base import TreeEstimator
from treefold.estimators.learner import Learner, Passed
from treefold.estimators.settings import new_model
from treefold.estimators.targets import Classes, Numbers
from treefold.tasks.documents_config import DocumentsConfig
from treefold.training.errors import RunError
from treefold.training.files import read_json, read_tensors, write_json, write_tensors

ESTIMATOR = "estimator.json"
MODEL = "model.safetensors"


def save(estimator: TreeEstimator, folder: Path) -> None:
    """Write a fitted estimator.

    Raises:
        TypeError: a parameter that JSON cannot hold, such as a random generator.
    """
    folder.mkdir(parents=True, exist_ok=True)
    learner, parameters = estimator._learner, estimator.get_params(deep=False)
    learned = {
        name: value
        for name, value in vars(estimator).items()
        if name not in parameters and name != "_learner"
    }
    content = {
        "estimator": type(estimator).__name__,
        "treefold": __version__,
        "parameters": {name: plain(value) for name, value in parameters.items()},
        "learned": {name: plain(value) for name, value in learned.items()},
        "config": learner.config.to_dict(),
        "seed": learner.seed,
    }
    # They were learned in 32 bits, so that nothing is lost.
    weights = {name: v.float() for name, v in learner.model.state_dict().items()}
    write_tensors(folder / MODEL, weights)
    write_json(folder / ESTIMATOR, content)  # the last: with it the folder is whole


def load(folder: str | Path, kind: type | None = None) -> Any:
    """Read an estimator that `save` wrote.

    Args:
        folder: which it is in.
        kind: the class that it must be of; None: any.

    Raises:
        RunError: the folder holds none, another kind, or is damaged.
    """
    from treefold import estimators

    folder = Path(folder)
    if not (folder / ESTIMATOR).exists():
        raise RunError(
            f"{folder} is no saved estimator: it has no {ESTIMATOR}. Estimators are "
            "saved by their method save(folder)."
        )
    content = read_json(folder / ESTIMATOR)
    known = {name: getattr(estimators, name) for name in estimators.__all__}
    try:
        found = known[content["estimator"]]
        if kind is not None and found is not kind:
            raise RunError(
                f"{folder} holds a {found.__name__}, and no {kind.__name__}; load it "
                f"by {found.__name__}.load."
            )
        parameters = {k: value_of(v) for k, v in content["parameters"].items()}
        estimator = found(**parameters)
        for name, value in content["learned"].items():
            setattr(estimator, name, value_of(value))
        config = DocumentsConfig.from_dict(content["config"])
        model = new_model(estimator.schema_, config, estimator._told)
        model.load_state_dict(read_tensors(folder / MODEL)[0])
        learner = Learner(model, config, content["seed"])
        learner.history = [Passed(**passed) for passed in estimator.history_]
    except (AttributeError, KeyError, TypeError, RuntimeError) as error:
        raise RunError(f"{folder} is damaged: {error}") from None
    model.double().eval()
    estimator._learner = learner
    return estimator


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it; `value_of` turns it back.

    Raises:
        TypeError: it cannot.
    """
    if isinstance(value, Schema):
        return {"schema": value.to_json()}
    if isinstance(value, (Classes, Numbers)):
        fields = {name: plain(each) for name, each in vars(value).items()}
        return {type(value).__name__: fields}
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": value.dtype.str}
    if isinstance(value, dict):
        return {"pairs": [[plain(k), plain(v)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(
        f"a {type(value).__name__} cannot be saved; give a random_state that is a "
        "number, and classes that are texts or numbers."
    )


def value_of(content: Any) -> Any:
    """Return the value that `plain` was given; a tuple has become a list."""
    if isinstance(content, list):
        return [value_of(item) for item in content]
    if not isinstance(content, dict):
        return content
    if "schema" in content:
        return Schema.from_json(content["schema"])
    for told in (Classes, Numbers):
        if (fields := content.get(told.__name__)) is not None:
            return told(**{name: value_of(each) for name, each in fields.items()})
    if "array" in content:
        return np.array(content["array"], dtype=content["dtype"])
    return {value_of(k): value_of(v) for k, v in content["pairs"]}
