"""What there is to tell of an auto-encoder of trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from treefold.models.auto_encoder import AutoEncoder
from treefold.tasks.base import Findings

if TYPE_CHECKING:
    from treefold.tasks.autoencode import AutoencodeTask


def findings(
    task: AutoencodeTask, model: AutoEncoder, result: dict[str, Any]
) -> Findings:
    """Tell of a trained model."""
    own = result["test"]["exact"]["mean"]
    return Findings(f"{100 * own:.2f} % of the test trees come back whole.")
