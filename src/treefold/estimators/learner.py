"""Learning in memory: a model of documents, its steps, and its answers."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

from treefold.data.document_batches import CodedDocuments, DocumentBatch, Epoch
from treefold.models.document import DocumentModel
from treefold.training.errors import TrainingError
from treefold.training.optim import Optimizer
from treefold.training.settings import Settings

Float = NDArray[np.float64]


class Passed(NamedTuple):
    """What an epoch has come to.

    Attributes:
        loss: the mean over training documents.
        held: that over documents held out; None where there are none.
    """

    loss: float
    held: float | None


@final
class Learner:
    """A model of documents that learns in memory, by the trainer's rules.

    The rates fall in a straight line to the end, by epochs or by time, whichever is the
    further. What is kept are the weights averaged over the epochs, as `config.average`
    says; where documents are held out, those of the best epoch.

    Args:
        model: of 32-bit numbers while it learns.
        config: of the optimizer, and how long.
        seed: of the order of documents and of dropout.
    """

    def __init__(self, model: DocumentModel, config: Settings, seed: int):
        self.model, self.config, self.seed = model, config, seed
        self.optimizer = Optimizer(model, config)
        self.history: list[Passed] = []

    def fit(
        self,
        train: CodedDocuments,
        held: CodedDocuments | None = None,
        *,
        patience: int | None = None,
        seconds: float = math.inf,
        progress: bool = False,
    ) -> None:
        """Learn for all epochs, or until the seconds have passed.

        Args:
            train: to learn from.
            held: to choose the epoch by.
            patience: epochs without a better one after which it ends; None: never.
            seconds: at least one step is taken.
            progress: show a bar on standard error.
        """
        begun, first = time.perf_counter(), len(self.history)
        best: dict[str, Tensor] = {}
        average: dict[str, Tensor] = {}
        best_loss, since = math.inf, 0
        batches = _Batches(train, self.config.batch_size)

        def share() -> float:
            return (time.perf_counter() - begun) / seconds

        epochs = range(self.config.epochs)
        bar = tqdm(epochs, type(self.model).__name__, disable=not progress, leave=False)
        for epoch in bar:
            self._seed(first + epoch)
            total, seen = 0.0, 0
            plan = batches.of(self.seed, first + epoch)
            for step, batch in enumerate(plan):
                done = (epoch + step / len(plan)) / self.config.epochs
                total += self.step(batch, min(max(done, share()), 1)) * len(batch)
                seen += len(batch)
                if share() >= 1:
                    break
            self._average(average)
            weights = copy.deepcopy(self.model.state_dict())
            self.model.load_state_dict(average)
            loss = None if held is None else self.loss(held)
            self.history.append(Passed(total / seen, loss))
            shown = self.history[-1]._asdict().items()
            bar.set_postfix({k: f"{v:.4f}" for k, v in shown if v is not None})
            since += 1
            if loss is not None and loss < best_loss:
                best, best_loss, since = copy.deepcopy(average), loss, 0
            self.model.load_state_dict(weights)
            if share() >= 1 or (patience is not None and since >= patience):
                break
        self.model.load_state_dict(best or average)

    def _average(self, average: dict[str, Tensor]) -> None:
        """Let averaged weights follow: a · average + (1 - a) · weights."""
        for name, value in self.model.state_dict().items():
            if name in average:
                average[name].lerp_(value, 1 - (self.config.average or 0.0))
            else:
                average[name] = value.clone()

    def once(self, train: CodedDocuments) -> None:
        """Go through the documents once, at the full rate."""
        number = len(self.history)
        self._seed(number)
        plan = _Batches(train, self.config.batch_size).of(self.seed, number)
        loss = sum(self.step(batch, 0.0) * len(batch) for batch in plan)
        self.history.append(Passed(loss / len(train), None))

    def step(self, batch: DocumentBatch, done: float) -> float:
        """Learn from a batch; return its loss.

        Raises:
            TrainingError: the loss is not a number.
        """
        batch = batch.to(self.config.device)
        self.model.train()
        self.optimizer.zero_grad()
        loss = weighed(self.model, batch)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is not a number in epoch {len(self.history) + 1}; try a "
                "lower learning_rate."
            )
        loss.backward()
        self.optimizer.step(done)
        return value

    @torch.no_grad()
    def loss(self, coded: CodedDocuments) -> float:
        """Return the mean loss over documents, as they are, without dropout."""
        self.model.eval()
        total = 0.0
        for batch in coded.in_order():
            batch = batch.to(self.config.device)
            total += float(weighed(self.model, batch)) * len(batch)
        return total / len(coded)

    def _seed(self, epoch: int) -> None:
        seed = np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0]
        torch.manual_seed(int(seed))


def weighed(model: DocumentModel, batch: DocumentBatch) -> Tensor:
    """Return a batch's loss, where the weights of all documents have the mean 1.

    A model divides by the weights of the batch; a batch of light documents alone would
    then count as much as one of heavy ones.
    """
    loss = model.loss(batch)
    return loss if batch.importance is None else loss * batch.importance.mean()


class _Batches:
    """Training batches; what fits one batch is collated once for all epochs."""

    def __init__(self, coded: CodedDocuments, batch_size: int):
        self.coded, self.batch_size = coded, batch_size
        self.whole: list[DocumentBatch] = []
        if len(coded) <= batch_size:
            self.whole = [coded.batch(slice(None))]

    def of(self, seed: int, epoch: int) -> Sequence[DocumentBatch] | Epoch:
        return self.whole or self.coded.epoch(self.batch_size, seed, epoch)
