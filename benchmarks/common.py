"""What the benchmarks share: workers, the limit, the machine, JSON lines and a picture.

Every engine runs in a process of its own, so that no library's threads, settings or
memory are another's. All get the same number of threads and the same processors.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OUT = HERE / "out"
PRODUCTS = ("torch", "onednn", "scipy")
PAUSE = 0.05  # seconds for a worker's threads to stop spinning before the next begins


class WorkerError(Exception):
    """A worker that did not start, died or did not answer; the message says why."""


class Worker:
    """A process that answers JSON lines with JSON lines; see `peers/protocol.py`.

    Args:
        command: what to run.
        threads: how many it may use, on as many processors.

    Attributes:
        hello: what it said when it was ready; `start` waits for it.
    """

    def __init__(self, command: Sequence[str | Path], threads: int):
        self.hello: dict[str, Any] = {}
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        try:
            self._process = subprocess.Popen(
                [*_held_to(threads), *map(str, command)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                env=_environment(threads),
            )
        except OSError as error:
            raise WorkerError(str(error)) from None
        self._answers: queue.Queue[str] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def start(self, timeout: float = 120) -> Worker:
        """Wait until it is ready."""
        self.hello = self._answer(timeout)
        return self

    def ask(self, request: Mapping[str, Any], timeout: float = 600) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        assert self._process.stdin is not None
        # Where the pipe is broken, the reason is on stderr, and `_answer` reads it.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        answer = self._answer(timeout)
        time.sleep(PAUSE)
        return answer

    def _answer(self, timeout: float) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=timeout)
        except queue.Empty:
            self.stop()
            raise WorkerError(f"no answer in {timeout:.0f} s") from None
        if not line:
            last_words = self._last_words()
            self.stop()
            raise WorkerError(last_words)
        return json.loads(line)

    def _last_words(self) -> str:
        """Return the last line on stderr, which in Python is the error."""
        code = self._process.wait()
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors if line.strip()]
        return lines[-1] if lines else f"ended with status {code}"

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for file in (self._process.stdin, self._process.stdout, self._errors):
            assert file is not None
            with contextlib.suppress(BrokenPipeError):
                file.close()


def _processors() -> list[int]:
    """Return those this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _held_to(threads: int) -> list[str]:
    """Return what holds a command to as many processors, where there is such a tool.

    For engines that take no number of threads and look how many processors there are.
    """
    if shutil.which("taskset") is None:
        return []
    return ["taskset", "-c", ",".join(map(str, _processors()[:threads]))]


def _environment(threads: int) -> dict[str, str]:
    names = ("OMP", "MKL", "OPENBLAS", "NUMBA")
    limits = {f"{name}_NUM_THREADS": str(threads) for name in names}
    paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **limits, "PYTHONPATH": os.pathsep.join(paths)}


class Limit:
    """The best product of square matrices that the machine's libraries reach.

    Args:
        threads: for each library, in a process of its own.

    Attributes:
        gflops: library -> GFLOP/s, the best so far.
        absent: library -> why it is not among them.
    """

    def __init__(self, threads: int):
        self.gflops: dict[str, float] = {}
        self.absent: dict[str, str] = {}
        script = HERE / "product.py"
        self._workers = {
            name: Worker([sys.executable, script, name], threads) for name in PRODUCTS
        }

    def start(self) -> Limit:
        """Wait until the libraries are loaded."""
        for name, worker in list(self._workers.items()):
            try:
                worker.start()
            except WorkerError as error:
                self.absent[name] = str(error)
                del self._workers[name]
        return self

    def measure(self) -> None:
        """Time a few products with every library; once a round."""
        for name, worker in self._workers.items():
            gflops = worker.ask({"repeat": 5})["gflops"]
            self.gflops[name] = max(self.gflops.get(name, 0), gflops)

    @property
    def best(self) -> float:
        """GFLOP/s of the best library."""
        return max(self.gflops.values())

    def stop(self) -> None:
        """End the processes."""
        for worker in self._workers.values():
            worker.stop()


def machine(threads: int) -> dict[str, Any]:
    """Return what a figure depends on: processor, system, versions and the date."""
    packages = ("treefold", "torch", "numpy", "numba", "scipy")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": len(_processors()),
        "threads": threads,
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    names = (line.split(":")[1].strip() for line in lines if "model name" in line)
    return next(names, platform.processor())


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def draw_bars(
    path: Path,
    panels: Mapping[str, Mapping[str, float]],
    limits: Mapping[str, float],
    *,
    unit: str,
    title: str,
) -> None:
    """Draw a panel of bars each, with a dashed line at its limit.

    Args:
        path: an SVG or PNG file.
        panels: title -> bar -> length.
        limits: title -> where the line stands; panels without one have none.
        unit: what is measured.
        title: of the whole picture.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    path.parent.mkdir(parents=True, exist_ok=True)
    rows = max(len(bars) for bars in panels.values())
    figure, axes = pyplot.subplots(
        1, len(panels), figsize=(3.2 * len(panels) + 1.4, 0.32 * rows + 1.4)
    )
    for axis, (name, bars) in zip(axes, panels.items(), strict=True):
        names = list(bars)[::-1]
        drawn = axis.barh(names, [bars[name] for name in names], color="#4c78a8")
        axis.bar_label(drawn, fmt="{:,.0f}", padding=2, fontsize=8)
        if name in limits:
            axis.axvline(limits[name], color="#b03a2e", ls="--", lw=1)
        axis.set_title(name, fontsize=10)
        axis.set_xlabel(unit, fontsize=8)
        axis.margins(x=0.18)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
        if axis is not axes[0]:
            axis.set_yticks([])
    figure.suptitle(title, fontsize=11)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
