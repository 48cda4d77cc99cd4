"""What there is to tell of a language model: curves, samples, and what surprised it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from treefold.tasks.base import Findings

if TYPE_CHECKING:
    from treefold.models.language_model import LanguageModel
    from treefold.tasks.language import LanguageTask


def findings(
    task: LanguageTask, model: LanguageModel, result: dict[str, Any]
) -> Findings:
    """Tell of a trained language model."""
    return Findings(summary="")
