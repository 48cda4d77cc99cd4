"""What a model is to the trainer: a network with a loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn


class Model(nn.Module, ABC):
    """A network that knows its own loss."""

    @abstractmethod
    def loss(self, batch: Any) -> Tensor:
        """Return the mean of the loss over what a batch holds, a scalar."""
