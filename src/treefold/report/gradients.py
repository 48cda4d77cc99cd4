"""The report of the laboratory of gradients: pictures that teach, and tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from treefold.report.gradients_picture import (
    SHAPES,
    Setting,
    before_after_picture,
    cells,
    curves_picture,
    reach_picture,
)
from treefold.report.page import render, write_text

Table = tuple[str, list[str], list[list[str]]]


def write_gradients_page(path: str | Path, result: Mapping[str, Any]) -> Path:
    """Write the report as one HTML file, whole or not at all.

    Args:
        path: of the file.
        result: what ``result.json`` holds.

    Returns:
        The path.
    """
    trained = _settings(result, trained=True)
    main = next((s for s in trained if s == Setting("adding", 200)), trained[0])
    others = [s for s in _settings(result, trained=False) if s.task == main.task]
    return write_text(
        path,
        render(
            "gradients.html.j2",
            result=result,
            main=main,
            summary=summary(result, main),
            reach=reach_picture(result, main),
            further=[(s, reach_picture(result, s)) for s in others if s != main],
            training=before_after_picture(result, main),
            curves=[(s, curves_picture(result, s)) for s in trained],
            tables=remedy_table(result),
        ),
    )


def summary(result: Mapping[str, Any], setting: Setting) -> str:
    """Say in two sentences what vanished, and what learned."""
    found = cells(result, setting)
    said = []
    plain = found.get("tanh", {})
    if len(plain) == len(SHAPES):
        shares = [_share(plain[shape]["gradient_norms"]["before"]) for shape in SHAPES]
        deep = len(plain["tree"]["gradient_norms"]["before"]) - 1
        said.append(
            f"In an untrained tanh RNN the gradient is {_times(shares[0])} of its size "
            f"after {setting.length - 1} steps away from the loss; on a balanced tree "
            f"over the same {setting.length} leaves, {deep} edges deep, it is "
            f"{_times(shares[1])}."
        )
    for shape in SHAPES:
        names = [
            result["remedies"][name]["title"]
            for name, shapes in found.items()
            if shape in shapes and shapes[shape]["success_rate"]
        ]
        every = sum(shape in shapes for shapes in found.values())
        solved = f"{len(names)} solve" if len(names) != 1 else "one solves"
        listed = f": {', '.join(names)}" if names else ""
        said.append(
            f"Of {every} nets on the {shape}, {solved if names else 'none solves'} "
            f"{result['problems'][setting.task]['title']}{listed}."
        )
    return " ".join(said)


def remedy_table(result: Mapping[str, Any]) -> list[Table]:
    """Return for each task, length and shape a title, a header and lines."""
    tables = []
    for setting in _settings(result, trained=True):
        known = result["problems"][setting.task]["lengths"][str(setting.length)]
        title = result["problems"][setting.task]["title"].capitalize()
        found = cells(result, setting)
        for shape in SHAPES:
            lines = [
                [result["remedies"][name]["title"], *_figures(each[shape])]
                for name, each in found.items()
                if shape in each
            ]
            words = (
                f"{title}, T = {setting.length}, {shape}: knowing nothing has loss "
                f"{known['baseline']:.4f}, solved is below {known['mark']:.3g}"
            )
            if lines:
                tables.append((words, ["", *_COLUMNS], lines))
    return tables


_COLUMNS = ("loss", "solved", "steps", "reach before", "and after", "seconds")


def _figures(cell: Mapping[str, Any]) -> list[str]:
    """Return the figures of a cell as texts."""
    loss = "no number" if cell["loss"] is None else f"{cell['loss']:.4f}"
    seeds = len(cell["losses"])
    solved = round(cell["success_rate"] * seeds)
    norms = cell["gradient_norms"]
    return [
        loss,
        ("yes" if solved else "no") if seeds == 1 else f"{solved} of {seeds}",
        f"{sum(cell['steps']) / seeds:,.0f}",
        _times(_share(norms["before"])),
        _times(_share(norms["after"])),
        f"{cell['seconds'] / seeds:,.0f}",
    ]


def _share(norms: list[float] | None) -> float | None:
    """Return what is left of the gradient at the furthest node."""
    return norms[-1] / norms[0] if norms and norms[0] else None


def _times(share: float | None) -> str:
    if share is None:
        return "–"
    return f"{share:.2g}" if 1e-3 < share < 1e4 else f"{share:.0e}" if share else "0"


def _settings(result: Mapping[str, Any], *, trained: bool) -> list[Setting]:
    """List the tasks and lengths, those that were trained or all."""
    found = dict.fromkeys(
        Setting(cell["task"], cell["length"])
        for cell in result["cells"]
        if cell["losses"] or not trained
    )
    return sorted(found)
