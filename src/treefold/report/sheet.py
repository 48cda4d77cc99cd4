"""The page of a run on anything: a table of any metrics, curves, pictures, samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from treefold.report import content
from treefold.report.card import write_card
from treefold.report.curves import confusion_matrix, learning_curve
from treefold.report.page import render, write_text


@dataclass(frozen=True)
class Metric:
    """A figure by which models are compared.

    Attributes:
        name: in results.
        title: in tables.
        percent: shown in percent.
        lower_is_better: whether it should be small.
        digits: shown behind the point.
    """

    name: str
    title: str
    percent: bool = False
    lower_is_better: bool = False
    digits: int | None = None

    def show(self, score: content.Score) -> str:
        """Write a figure, or the mean and sample deviation of several seeds'."""
        digits = self.digits
        if digits is None:
            digits = 1 if self.percent else 3
        factor = 100 if self.percent else 1
        spread = content.deviation(score)
        text = f"{factor * content.mean(score):,.{digits}f}"
        return text if spread is None else f"{text} ± {factor * spread:.{digits}f}"


@dataclass(frozen=True)
class Picture:
    """A picture for a page.

    Attributes:
        image: an ``<svg>`` element.
        caption: what it shows; also for those who cannot see it.
        title: a heading above it; none where the one before it still holds.
        beside: whether it may stand beside others of the same heading.
    """

    image: str
    caption: str
    title: str = ""
    beside: bool = False


@dataclass(frozen=True)
class Findings:
    """What a task has to tell of a trained model, besides its figures.

    Attributes:
        summary: what was done, and what came out, in a sentence or two.
        not_this: what the work is not, and must not be taken for.
        published: figures of the literature by name, as metric -> value.
        pictures: in order.
        samples: texts, such as what was generated, by their headings.
        confusion: (C, C), how often class i (row) was taken for class j, if any.
        classes: the C names.
        data: statistics of the data by name.
        use: what the model may be used for.
        limits: what it cannot do, a sentence each.
    """

    summary: str
    not_this: str = ""
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    pictures: Sequence[Picture] = ()
    samples: Sequence[tuple[str, str]] = ()
    confusion: Any = None
    classes: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    use: str = "Research, teaching, and as a starting point for data of your own."
    limits: Sequence[str] = ()


@dataclass(frozen=True)
class Line:
    """A line of a table of results: a name, what it is, and its figures as texts."""

    name: str
    kind: str
    cells: Sequence[str]


def lines_of(
    result: Mapping[str, Any],
    metrics: Sequence[Metric],
    published: Mapping[str, Mapping[str, float]] | None = None,
) -> tuple[list[str], list[Line]]:
    """Make the table of a result: header and lines, rivals first.

    Metrics that nobody was measured by are left out.
    """
    found: list[tuple[str, str, Mapping[str, content.Score]]] = [
        (name, "baseline", each["test"]) for name, each in result["baselines"].items()
    ]
    own = {name: each["seeds"] for name, each in result["test"].items()}
    found.append((result["model"], "model", own))
    found += [(name, "published", each) for name, each in (published or {}).items()]
    shown = [m for m in metrics if any(m.name in each for _, _, each in found)]
    lines = [
        Line(
            name, kind, [m.show(each[m.name]) if m.name in each else "" for m in shown]
        )
        for name, kind, each in found
    ]
    header = [f"{m.title} %" if m.percent else m.title for m in shown]
    return ["", *header], lines


@dataclass(frozen=True)
class Sheet:
    """All that the page and the model card of a run hold.

    Attributes:
        title: of the page.
        findings: what the task has to tell.
        result: what ``result.json`` holds.
        metrics: the columns of the table.
        history: for each seed what was measured after each epoch.
        config: the settings.
    """

    title: str
    findings: Findings
    result: Mapping[str, Any]
    metrics: Sequence[Metric]
    history: Sequence[Sequence[Mapping[str, Any]]]
    config: Mapping[str, Any]

    @property
    def metric(self) -> Metric:
        """The metric that chose the epoch."""
        return next(m for m in self.metrics if m.name == self.result["metric"])


def write_sheet(path: str | Path, sheet: Sheet) -> Path:
    """Write the page of a run, whole or not at all.

    Returns:
        The path.
    """
    header, lines = lines_of(sheet.result, sheet.metrics, sheet.findings.published)
    metric, found = sheet.metric.name, sheet.findings
    rivals = {
        name: each["dev"][metric]
        for name, each in sheet.result["baselines"].items()
        if metric in each.get("dev", {})
    }
    rivals |= {name: e[metric] for name, e in found.published.items() if metric in e}
    curve = learning_curve(sheet.history, baselines=rivals, metric=f"dev_{metric}")
    matrix = None
    if found.confusion is not None:
        matrix = confusion_matrix(found.confusion, found.classes)
    page = render(
        "sheet.html.j2",
        sheet=sheet,
        findings=found,
        header=header,
        lines=lines,
        curve=Markup(curve) if any(sheet.history) else None,
        matrix=None if matrix is None else Markup(matrix),
        config=content.flat(sheet.config),
    )
    return write_text(path, page)


def write_sheet_card(path: str | Path, sheet: Sheet) -> Path:
    """Write the model card of a run, ``README.md``.

    Returns:
        The path.
    """
    header, lines = lines_of(sheet.result, sheet.metrics, sheet.findings.published)
    named = [f"{line.name} ({line.kind})" for line in lines]
    return write_card(
        path,
        sheet.title,
        sheet.findings.summary,
        tags=[str(sheet.result["kind"]), str(sheet.result["task"])],
        use=sheet.findings.use,
        limits=[sheet.findings.not_this, *sheet.findings.limits],
        table=(
            header,
            [[name, *line.cells] for name, line in zip(named, lines, strict=True)],
        ),
        classes=sheet.findings.classes,
        data=sheet.findings.data,
        config=content.flat(sheet.config),
        versions=sheet.result["versions"],
        command=str(sheet.result["command"]),
    )
