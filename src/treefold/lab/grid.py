"""The grid of trials: which there are, and running them side by side."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Literal

from tqdm.auto import tqdm

from treefold.lab.problems import PROBLEMS
from treefold.lab.remedies import REMEDIES
from treefold.lab.shapes import SHAPES, Shape
from treefold.lab.trial import Job, run
from treefold.training.errors import RunError
from treefold.training.files import read_json, write_json

Size = Literal["quick", "default", "full"]
TRIALS = "trials"
SLOW = 5  # times the cost of the plain net, beyond which steps are dear


def plan(size: Size, seeds: int | None = None) -> list[Job]:
    """List the trials of a grid.

    Args:
        size: "quick", the adding problem at T = 30 for a few steps; "default", at
            T = 200, and the gradients of untrained nets at T = 100 and 400; "full",
            every problem at every length.
        seeds: how many; None: 5 of the full grid, else 1.
    """
    count = seeds or (5 if size == "full" else 1)
    if size == "quick":
        return _jobs("adding", 30, count, steps=600)
    if size == "default":
        trained = _jobs("adding", 200, count, steps=3000)
        return trained + _jobs("adding", 100, 1, 0) + _jobs("adding", 400, 1, 0)
    return [
        job
        for problem in PROBLEMS.values()
        for length in problem.lengths
        for job in _jobs(problem.name, length, count, steps=10_000)
    ]


def _jobs(problem: str, length: int, seeds: int, steps: int) -> list[Job]:
    """List trials of every remedy in every shape in which it means something.

    A tree has one root, and no last ten steps to say what was heard: copying is for
    chains. On chains, combinators take many times as long as the cells that are folded
    in one compiled call, and get a third of the steps.
    """
    shapes: Sequence[Shape] = SHAPES if PROBLEMS[problem].at_end else ("chain",)
    return [
        Job(
            problem,
            length,
            shape,
            name,
            seed,
            steps // 3 if shape == "chain" and remedy.cost > SLOW else steps,
        )
        for shape in shapes
        for name, remedy in REMEDIES.items()
        if remedy.serves(shape)
        for seed in range(seeds)
    ]


def run_all(
    jobs: Sequence[Job],
    out: Path,
    *,
    workers: int | None = None,
    progress: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> list[tuple[Job, dict[str, Any]]]:
    """Run trials, each on a thread of its own process, and write each when it is done.

    Those that are written already, with the same settings, are not run again.

    Args:
        jobs: the trials.
        out: folder; they go to its folder ``trials``.
        workers: processes; None: as many as there are processors. With 1 they run in
            this one.
        progress: show a bar on standard error.
        say: takes a line for each trial.

    Returns:
        The trials and what they found, in order of `jobs`.
    """
    folder = out / TRIALS
    folder.mkdir(parents=True, exist_ok=True)
    found = {job: result for job in jobs if (result := _done(folder, job)) is not None}
    left = sorted((job for job in jobs if job not in found), key=lambda j: -j.cost)
    bar = tqdm(
        total=sum(job.cost for job in jobs),
        initial=sum(job.cost for job in found),
        desc=f"{len(jobs)} trials",
        bar_format="{desc} {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]",
        disable=not progress,
        leave=False,
    )
    with bar:
        for job, result in _results(left, workers or _processors()):
            path = folder / f"{job.name}.json"
            write_json(path, {"job": job.to_dict(), "result": result})
            found[job] = result
            bar.update(job.cost)
            if job.steps:
                with bar.external_write_mode():
                    say(f"[{len(found)}/{len(jobs)}] {_line(job, result)}")
    return [(job, found[job]) for job in jobs]


def _results(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Give results as they come."""
    if workers == 1:
        yield from ((job, run(job)) for job in jobs)
        return
    # A fresh process a worker: threads of torch do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, max(len(jobs), 1)), context) as pool:
        try:
            waiting = {pool.submit(run, job): job for job in jobs}
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException:  # Ctrl-C too: nobody waits for what is under way
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def _done(folder: Path, job: Job) -> dict[str, Any] | None:
    """Read a trial's file, if it has the same settings."""
    path = folder / f"{job.name}.json"
    if not path.exists():
        return None
    content = read_json(path)
    if not isinstance(content, dict) or not {"job", "result"} <= content.keys():
        raise RunError(f"{path} is no trial. Delete it, and it is run again.")
    return content["result"] if content["job"] == job.to_dict() else None


def _line(job: Job, result: dict[str, Any]) -> str:
    loss = "no number" if result["loss"] is None else f"{result['loss']:.4f}"
    return (
        f"{job.problem} T={job.length} {job.shape:<5} {REMEDIES[job.remedy].title:<16} "
        f"loss {loss}{' solved' if result['solved'] else '':<8} "
        f"{result['steps']:>5} steps {result['seconds']:6.1f} s"
    )


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
