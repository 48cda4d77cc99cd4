"""Training with one seed, which can stop at any moment and go on as if it had not."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from treefold.models.base import Model
from treefold.training.errors import TrainingError
from treefold.training.files import read_tensors, write_bytes, write_tensors
from treefold.training.gradients import gradient_norms
from treefold.training.optim import Optimizer
from treefold.training.task import Batch, Task

CHECKPOINT = "checkpoint.safetensors"
MODEL = "model.safetensors"
METRICS = "metrics.jsonl"


class Trained(NamedTuple):
    """A model trained with one seed.

    Attributes:
        model: with the weights of the best epoch.
        history: what was measured after each epoch.
        seconds: of training, evaluation on dev included.
    """

    model: Model
    history: list[dict[str, Any]]
    seconds: float


def train_seed(
    task: Task,
    seed: int,
    folder: Path,
    *,
    progress: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Trained:
    """Train a model, saving all that is needed to go on after every epoch.

    Random numbers are drawn anew from (seed, epoch) as each epoch begins, so that
    training that goes on from a checkpoint ends with the same weights, bit for bit,
    as training that was not disturbed.

    Args:
        task: data to learn from and to choose the best epoch by, and the settings.
        seed: of the weights at the start, the order of the data and the dropout.
        folder: where the checkpoint, the best weights and the metrics go. A
            checkpoint found there is taken up.
        progress: show a bar on standard error.
        say: takes a line for each epoch.

    Raises:
        TrainingError: the loss is not a number, or the disk is full.
    """
    return _Trainer(task, seed, folder, progress, say).train()


@final
class _Trainer:
    def __init__(
        self,
        task: Task,
        seed: int,
        folder: Path,
        progress: bool,
        say: Callable[[str], None],
    ):
        self.task, self.config, self.seed = task, task.config, seed
        self.folder, self.progress, self.say = folder, progress, say
        if self.config.threads is not None:
            torch.set_num_threads(self.config.threads)
        _seed_everything(seed, 0)
        self.model = task.made_model()
        self.optimizer = Optimizer(self.model, self.config)
        self.average: dict[str, Tensor] = {}
        self.history: list[dict[str, Any]] = []
        self.seconds = 0.0
        self.last: Batch  # of the epoch

    # -------------------------------------------------------------- the whole

    def train(self) -> Trained:
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / CHECKPOINT).exists():
            self._take_up()
        while not self._is_done():
            begun = time.perf_counter()
            loss = self._epoch(len(self.history) + 1)
            self._average()
            self._measure(loss, begun)
        weights, _ = read_tensors(self.folder / MODEL)
        self.model.load_state_dict(weights)
        return Trained(self.model, self.history, self.seconds)

    def _is_done(self) -> bool:
        patience, epochs = self.config.patience, len(self.history)
        stalled = patience is not None and epochs - self._best() >= patience
        return stalled or epochs >= self.config.epochs or self._share_of_time() >= 1

    def _share_of_time(self, further: float = 0.0) -> float:
        """The share of the minutes that has passed; 0 where there is no limit."""
        minutes = self.config.minutes
        return 0.0 if minutes is None else (self.seconds + further) / (60 * minutes)

    def _best(self) -> int:
        """Number of the best epoch so far, the earliest of equals; 0 before any."""
        scores = [self.task.score(epoch, "dev_") for epoch in self.history]
        return scores.index(max(scores)) + 1 if scores else 0

    # -------------------------------------------------------------- an epoch

    def _epoch(self, number: int) -> float:
        """Go through the training data once; return the mean loss of an item."""
        _seed_everything(self.seed, number)
        self.model.train()
        batches = self.task.batches(self.seed, number)
        total, items, begun = 0.0, 0, time.perf_counter()
        bar = tqdm(
            batches,
            f"seed {self.seed} epoch {number}/{self.config.epochs}",
            len(batches),
            disable=not self.progress,
            leave=False,
            unit="batch",
        )
        for step, batch in enumerate(bar):
            done = (number - 1 + step / len(batches)) / self.config.epochs
            done = min(max(done, self._share_of_time(time.perf_counter() - begun)), 1)
            loss, norm = self._step(batch, done)
            if not math.isfinite(loss):
                self._report_no_number(number, step, batch)
            if not math.isfinite(norm):
                self._report_explosion(number, step, batch)
            self.last = batch
            total += loss * len(batch)
            items += len(batch)
        return total / max(items, 1)

    def _step(self, batch: Batch, done: float) -> tuple[float, float]:
        """Learn from a batch; return its loss and the norm of its gradient."""
        # A function of its own, so that the batch's graph is freed before the next.
        if torch.device(self.config.device).type == "cuda":
            batch = batch.pin_memory()
        batch = batch.to(self.config.device, non_blocking=True)
        self.optimizer.zero_grad()
        with torch.autocast(
            torch.device(self.config.device).type,
            dtype=torch.bfloat16,
            enabled=self.config.precision == "bfloat16",
        ):
            loss = self.model.loss(batch)
        value = loss.item()
        if math.isfinite(value):
            loss.backward()
            return value, self.optimizer.step(done)
        return value, 0.0

    def _report_no_number(self, epoch: int, step: int, batch: Batch) -> None:
        raise TrainingError(
            f"the loss is not a number at step {step + 1} of epoch {epoch}, seed "
            f"{self.seed}. The batch holds {self.task.where(batch)}. Try a lower "
            "learning_rate, clip=5, or precision=float64 to see where it begins."
        )

    def _report_explosion(self, epoch: int, step: int, batch: Batch) -> None:
        raise TrainingError(
            f"the gradient exploded at step {step + 1} of epoch {epoch}, seed "
            f"{self.seed}: the loss is a number, but its gradient is not. The weights "
            f"are as they were before. The batch holds {self.task.where(batch)}. Try "
            "clip=1 to bound the gradient from the start, a lower learning_rate, or a "
            "model with gates; gradient_norms=true shows where it grows."
        )

    def _reach(self) -> list[dict[str, float]]:
        """Measure on the epoch's last batch how far its gradient reaches."""
        return gradient_norms(self.model, self.last.to(self.config.device))

    def _average(self) -> None:
        """Let the averaged weights follow: a · average + (1 - a) · weights."""
        now = self.model.state_dict()
        if not self.average:
            self.average = {name: value.clone() for name, value in now.items()}
            return
        for name, value in self.average.items():
            value.lerp_(now[name], 1 - self.config.average)

    def _measure(self, loss: float, begun: float) -> None:
        """Measure the averaged weights on dev, and save where we are."""
        weights = {n: v.clone() for n, v in self.model.state_dict().items()}
        self.model.load_state_dict(self.average)
        found = self.task.evaluate(self.model, "dev")
        self.model.load_state_dict(weights)
        epoch = {"epoch": len(self.history) + 1, "train_loss": loss}
        epoch |= {f"dev_{name}": value for name, value in found.items()}
        if self.config.gradient_norms:
            epoch["gradient_norms"] = self._reach()
        epoch["seconds"] = round(time.perf_counter() - begun, 3)
        self.history.append(epoch)
        self.seconds += epoch["seconds"]
        if self._best() == len(self.history):
            write_tensors(self.folder / MODEL, self.average)
        self._save(weights)
        figures = "  ".join(f"{name} {value:.4f}" for name, value in found.items())
        self.say(
            f"seed {self.seed}  epoch {epoch['epoch']:>3}  loss {loss:8.4f}  "
            f"dev {figures.replace('_', ' ')}  {epoch['seconds']:6.1f} s"
        )

    # -------------------------------------------------------------- to and from disk

    def _save(self, weights: dict[str, Tensor]) -> None:
        state = {f"weights.{name}": value for name, value in weights.items()}
        state |= {f"average.{name}": value for name, value in self.average.items()}
        state |= {f"steps.{k}": v for k, v in self.optimizer.state().items()}
        write_tensors(self.folder / CHECKPOINT, state, self.history)
        self._write_metrics()

    def _take_up(self) -> None:
        state, self.history = read_tensors(self.folder / CHECKPOINT)

        def part(kind: str) -> dict[str, Tensor]:
            begin = f"{kind}."
            return {
                name.removeprefix(begin): value
                for name, value in state.items()
                if name.startswith(begin)
            }

        self.model.load_state_dict(part("weights"))
        self.average = {
            name: value.to(self.config.device)
            for name, value in part("average").items()
        }
        self.optimizer.load_state(part("steps"))
        self.seconds = sum(epoch["seconds"] for epoch in self.history)
        self._write_metrics()  # a crash may have come between the two files

    def _write_metrics(self) -> None:
        lines = "".join(json.dumps(epoch) + "\n" for epoch in self.history)
        write_bytes(self.folder / METRICS, lines.encode())


def _seed_everything(seed: int, epoch: int) -> None:
    """Seed torch by (seed, epoch); batches are shuffled by the same pair."""
    torch.manual_seed(int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]))
