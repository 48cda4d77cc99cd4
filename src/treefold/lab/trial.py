"""One cell of the grid: a remedy learns a problem in a shape, with one seed."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from treefold.folding import fold
from treefold.lab.problems import PROBLEMS, Draw, Problem
from treefold.lab.remedies import REMEDIES, Remedy
from treefold.lab.shapes import ARITY, Shape, over, sequences
from treefold.training.bounds import add_noise_, clip_norm_, clip_value_
from treefold.training.gradients import node_gradients
from treefold.training.truncated import truncated_bptt

TEST, REACH, CURVE = 500, 16, 25  # cases, cases, steps of a point of the curve


@dataclass(frozen=True)
class Job:
    """What one trial does.

    Attributes:
        problem: its name.
        length: T.
        shape: chain or tree.
        remedy: its name.
        seed: of weights and cases.
        steps: of training at most; 0 looks at gradients only.
        batch_size: B, cases of a step.
        hidden_size: H.
    """

    problem: str
    length: int
    shape: Shape
    remedy: str
    seed: int = 0
    steps: int = 1000
    batch_size: int = 32
    hidden_size: int = 16

    @property
    def name(self) -> str:
        """Return a name for files, different for each cell of a grid."""
        kind = "" if self.steps else "-untrained"
        return (
            f"{self.problem}-T{self.length}-{self.shape}-{self.remedy}"
            f"-seed{self.seed}{kind}"
        )

    @property
    def cost(self) -> float:
        """Return roughly how long it takes, as a number to compare."""
        each = REMEDIES[self.remedy].cost if self.shape == "chain" else 2.0
        return each * self.length * (self.steps + 50)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def run(job: Job) -> dict[str, Any]:
    """Run a trial on one thread.

    Returns:
        Plain values: `before` and `after` training the mean norm of dL/dh of the nodes
        at each distance from the loss (`after` is None without training); `curve`, the
        mean training loss of every 25 steps; the test `loss`; `solved`; `steps` done;
        `diverged`, where the loss ceased to be a number; `seconds`.
    """
    torch.set_num_threads(1)
    torch.manual_seed(job.seed)
    return _Trial(job).run()


@final
class _Trial:
    def __init__(self, job: Job):
        self.job = job
        self.problem: Problem = PROBLEMS[job.problem]
        self.remedy: Remedy = REMEDIES[job.remedy]
        self.T = self.problem.steps(job.length)
        size, H = self.problem.input_size, job.hidden_size
        self.cell = self.remedy.new_cell(size, H, ARITY[job.shape])
        self.readout = nn.Linear(H, self.problem.output_size)
        every = [*self.cell.parameters(), *self.readout.parameters()]
        self.learning = [p for p in every if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.learning, self.remedy.rate, fused=True)
        self.generator = torch.Generator().manual_seed(job.seed + 1)
        self.curve: list[float] = []

    def run(self) -> dict[str, Any]:
        begun = time.perf_counter()
        before, after, diverged = self.reach(), None, False
        steps = self.learn() if self.job.steps else 0
        diverged = bool(self.curve) and not math.isfinite(self.curve[-1])
        loss = None
        if steps and not diverged:
            after = self.reach()
            loss = self.test()
        mark = self.problem.mark(self.job.length)
        return {
            "before": before,
            "after": after,
            "curve": [_round(value) for value in self.curve],
            "loss": _round(loss),
            "solved": loss is not None and loss < mark,
            "diverged": diverged,
            "steps": steps,
            "seconds": round(time.perf_counter() - begun, 2),
        }

    def learn(self) -> int:
        """Train until the steps are used up, or the problem is well solved."""
        enough, done, total = self.problem.mark(self.job.length) / 4, 0, 0.0
        for step in range(self.job.steps):
            loss = self.step(step)
            total, done = total + loss, step + 1
            if done % CURVE == 0 or not math.isfinite(loss):
                self.curve.append(total / ((step % CURVE) + 1))
                total = 0.0
                # Two points, for one may be luck.
                if max(self.curve[-2:]) < enough and len(self.curve) > 1:
                    break
            if not math.isfinite(loss):
                break
        return done

    def step(self, number: int) -> float:
        job, remedy = self.job, self.remedy
        draw = self.problem.draw(job.batch_size, job.length, self.generator)
        self.optimizer.zero_grad()
        if remedy.window is None:
            loss = self.loss(draw)
            loss.backward()
        else:
            loss = self.truncated(draw, *remedy.window)
        gradients = [p.grad for p in self.learning if p.grad is not None]
        if remedy.noise is not None:
            add_noise_(gradients, number, eta=remedy.noise)
        if remedy.clip_value is not None:
            clip_value_(gradients, remedy.clip_value)
        if remedy.clip is not None:
            clip_norm_(gradients, remedy.clip)
        value = loss.item()
        if math.isfinite(value):
            self.optimizer.step()
        return value

    def loss(self, draw: Draw) -> Tensor:
        """Fold, read, and compare."""
        folded = over(self.job.shape, len(draw.x), self.T)
        x = draw.x.flatten(0, 1)[folded.step]
        return self.compare(fold(self.cell, folded.forest, x, folded.nodes)[0], draw)

    def compare(self, h: Tensor, draw: Draw) -> Tensor:
        """Return the loss of the states of all nodes."""
        B = len(draw.x)
        folded = over(self.job.shape, B, self.T)
        if self.problem.at_end:
            read = h.index_select(0, folded.forest.roots)
        else:
            read = sequences(folded, h, B)
        return self.problem.loss(self.readout(read), draw.target)

    def truncated(self, draw: Draw, k1: int, k2: int) -> Tensor:
        """Do the same, and go backward through k2 steps every k1."""

        def cost(h: Tensor, first: int) -> Tensor | None:
            last = first + len(h)
            if not self.problem.at_end:
                output = self.readout(h.transpose(0, 1))
                share = len(h) / self.T
                return share * self.problem.loss(output, draw.target[:, first:last])
            if last < self.T:
                return None
            return self.problem.loss(self.readout(h[-1]), draw.target)

        return truncated_bptt(self.cell, draw.x.transpose(0, 1), cost, k1, k2).loss

    @torch.no_grad()
    def test(self) -> float:
        """Return the mean loss of cases that were not learned from."""
        generator = torch.Generator().manual_seed(12345)
        draw = self.problem.draw(TEST, self.job.length, generator, test=True)
        return self.loss(draw).item()

    def reach(self) -> list[float]:
        """Mean norm of dL/dh at each distance from the loss."""
        generator = torch.Generator().manual_seed(54321)
        draw = self.problem.draw(REACH, self.job.length, generator)
        folded = over(self.job.shape, REACH, self.T)
        found = node_gradients(
            self.cell,
            folded.forest,
            draw.x.flatten(0, 1)[folded.step],
            # The loss is a mean over cases; the norm of one case's is meant.
            lambda h: REACH * self.compare(h, draw),
            folded.nodes,
        )
        return [_round(value) or 0.0 for value in found.by_distance().tolist()]


def _round(value: float | None) -> float | None:
    """Keep four digits; None for what is no number, which JSON lacks."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.4g}")
