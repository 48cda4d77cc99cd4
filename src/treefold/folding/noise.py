"""Random numbers and precision of a moment, to run a computation again as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor


class Noise(NamedTuple):
    """States of the random generators, and of autocast, at some moment."""

    device: torch.device
    cpu: Tensor
    gpu: Tensor | None
    autocast: torch.dtype | None

    @classmethod
    def now(cls, device: torch.device) -> Noise:
        """Take down the present moment."""
        kind = device.type
        on = torch.is_autocast_enabled(kind)
        return cls(
            device,
            torch.get_rng_state(),
            torch.cuda.get_rng_state(device) if kind == "cuda" else None,
            torch.get_autocast_dtype(kind) if on else None,
        )

    def restore(self) -> None:
        """Let the generators go on from that moment."""
        torch.set_rng_state(self.cpu)
        if self.gpu is not None:
            torch.cuda.set_rng_state(self.gpu, self.device)

    @contextmanager
    def again(self) -> Iterator[None]:
        """Draw the same numbers in the same precision, then go on as before."""
        gpus = [self.device] if self.gpu is not None else []
        autocast = torch.autocast(
            self.device.type, dtype=self.autocast, enabled=self.autocast is not None
        )
        with torch.random.fork_rng(gpus), autocast:
            self.restore()
            yield
