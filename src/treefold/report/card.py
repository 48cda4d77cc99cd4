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
    parts = [_head(["treefold", *tags]), f"# {_text(report.title)}"]
    parts.append(_text(report.summary))
    limits = [limit for limit in (report.not_this, *limits) if limit]
    settings = content.flat(report.config)
    sections = {
        "Intended use": _text(use),
        "Limits": "\n".join(f"- {_text(limit)}" for limit in limits),
        "Results": _results(report),
        "Classes": ", ".join(map(_text, report.classes)),
        "Data": _pairs(report.data),
        "Configuration": _pairs(settings),
        "Versions": _pairs(report.versions),
        "How to get this again": _code(report.command) if report.command else "",
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


def _results(report: Report) -> str:
    if not report.results:
        return ""
    return f"{_table(*content.table(report.results))}\n\n{content.UNITS}"


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
