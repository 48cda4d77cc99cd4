"""Self-contained HTML pages: no script, no font, no request to anywhere."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from treefold.report import bench, content
from treefold.report.bench_picture import bench_picture
from treefold.report.content import Report, TreePicture
from treefold.report.curves import confusion_matrix, learning_curve
from treefold.svg.text import clean

_SMALLEST = 0.72  # a wide picture shrinks so far to fit its page, then scrolls


def write_report(path: str | Path, report: Report) -> Path:
    """Write `report` as one HTML file, whole or not at all.

    Returns:
        The path.
    """
    baselines = report.baselines
    if baselines is None:
        lines = [row for row in report.results if row.kind == "baseline"]
        baselines = {row.name: content.mean(row.accuracy) for row in lines}
    curve = matrix = None
    if any(report.history):
        curve = learning_curve(
            report.history, baselines=baselines, metric=report.metric, loss=report.loss
        )
    if report.confusion is not None:
        matrix = confusion_matrix(report.confusion, report.classes)
    header, cells = content.table(report.results)
    return write_text(
        path,
        render(
            "report.html.j2",
            report=report,
            units=content.UNITS,
            header=header,
            lines=list(zip(report.results, cells, strict=True)),
            curve=_fitting(curve),
            matrix=_fitting(matrix),
            config=content.flat(report.config),
        ),
    )


def write_trees_page(
    path: str | Path,
    title: str,
    pictures: Sequence[TreePicture],
    *,
    summary: str = "",
    legend: Sequence[tuple[str, str]] = (),
) -> Path:
    """Write a page of pictures, as `treefold show` does, whole or not at all.

    Args:
        path: of the file.
        title: of the page.
        pictures: in order.
        summary: a sentence below the title.
        legend: what colours mean, as (CSS colour, text).

    Returns:
        The path.
    """
    options = {"title": title, "summary": summary, "legend": legend}
    return write_text(path, render("trees.html.j2", pictures=pictures, **options))


def write_bench_page(path: str | Path, found: bench.Benchmark) -> Path:
    """Write the page of a benchmark, whole or not at all.

    Returns:
        The path.
    """
    return write_text(
        path,
        render(
            "bench.html.j2",
            found=found,
            summary=bench.summary(found),
            picture=_fitting(bench_picture(found)),
            tables=[(mode, *bench.pace_table(found, mode)) for mode in bench.MODES],
            schedule=bench.schedule_table(found),
        ),
    )


def write_text(path: str | Path, text: str) -> Path:
    """Write a file so that a reader sees the old one or the new one, never half.

    A link, a pipe or a device, such as ``/dev/stdout``, is written to, not replaced.
    """
    path = Path(path)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        return path
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def render(template: str, **values: Any) -> str:
    """Fill in a page; values are text unless marked as pictures."""
    return _environment().get_template(template).render(**values)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("treefold.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters |= {"fitting": _fitting, "percent": content.percent}
    environment.filters |= {"mean": content.mean}
    return environment


def _visible(value: Any) -> Any:
    """Make control characters visible, but for those that lay out text."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(c if c in "\n\t" else clean(c) for c in value)


def _fitting(svg: str | None) -> Markup | None:
    """Let a picture shrink with its page as far as its text stays legible."""
    if svg is None:
        return None
    svg = str(svg)  # Markup would escape what is put into it
    found = re.match(r'<svg[^>]*? width="([\d.]+)', svg)
    if found is None:
        return Markup(svg)
    least = int(float(found[1]) * _SMALLEST)
    return Markup(svg.replace("<svg", f'<svg style="min-width:{least}px"', 1))
