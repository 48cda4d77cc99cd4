"""The model card of a run folder, in Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from treefold.report import content
from treefold.report.content import Report
from treefold.report.page import write_text
from treefold.svg.text import clean


def write_model_card(
    path: str | Path,
    report: Report,
    *,
    use: str,
    limits: Sequence[str],
    tags: Sequence[str] = (),
) -> Path:
    """Write what a run is, was trained on, reached, and is good and not good for.

    Args:
        path: of the file, usually ``README.md`` in the run's folder.
        report: the run's report; pictures and curves are left to the page.
        use: what the model may be used for.
        limits: what it cannot do, a sentence each.
        tags: words for the card's head, for the model hubs that read it.

    Returns:
        The path.
    """
    table = content.table(report.results) if report.results else None
    return write_card(
        path,
        report.title,
        report.summary,
        tags=tags,
        use=use,
        limits=[report.not_this, *limits],
        table=table,
        note=content.UNITS,
        classes=report.classes,
        data=report.data,
        config=content.flat(report.config),
        versions=report.versions,
        command=report.command,
    )


def write_card(
    path: str | Path,
    title: str,
    summary: str,
    *,
    tags: Sequence[str],
    use: str,
    limits: Sequence[str],
    table: tuple[Sequence[str], Sequence[Sequence[str]]] | None,
    note: str = "± is the sample standard deviation over the seeds.",
    classes: Sequence[str] = (),
    data: Mapping[str, object],
    config: Mapping[str, object],
    versions: Mapping[str, str],
    command: str,
) -> Path:
    """Write a card of parts; those that are empty are left out.

    Returns:
        The path.
    """
    parts = [_head(["treefold", *tags]), f"# {_text(title)}", _text(summary)]
    sections = {
        "Intended use": _text(use),
        "Limits": "\n".join(f"- {_text(limit)}" for limit in limits if limit),
        "Results": f"{_table(*table)}\n\n{note}" if table else "",
        "Classes": ", ".join(map(_text, classes)),
        "Data": _pairs(data),
        "Configuration": _pairs(config),
        "Versions": _pairs(versions),
        "How to get this again": _code(command) if command else "",
    }
    parts += [f"## {name}\n\n{text}" for name, text in sections.items() if text]
    return write_text(path, "\n\n".join(part for part in parts if part) + "\n")


def _head(tags: Sequence[str]) -> str:
    lines = "\n".join(f"- {_plain(tag)}" for tag in dict.fromkeys(tags))
    return f"---\nlibrary_name: treefold\ntags:\n{lines}\n---"


def _plain(tag: str) -> str:
    """Return a tag that means the same to YAML without quotes."""
    return re.sub(r"[^\w.-]+", "-", tag).strip("-.") or "tag"


def _text(text: str) -> str:
    """Return text in one line in which no character is a mark of Markdown or HTML."""
    joined = " ".join(clean(part) for part in text.split())
    return re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", joined)


def _pairs(values: Mapping[str, object]) -> str:
    rows = [[name, str(value)] for name, value in values.items()]
    return _table(["", ""], rows) if rows else ""


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    sides = [":--", *["--:"] * (len(header) - 1)]
    lines = [list(map(_text, header)), sides, *(list(map(_text, row)) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _code(text: str) -> str:
    """Return a fenced block whose fence is longer than any in the text."""
    text = "\n".join(map(clean, text.split("\n")))
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{text}\n{fence}"
