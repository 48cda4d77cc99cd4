"""The report on negation: what models make of "not good" and "not bad"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from treefold.report.negation_picture import changes_picture, grid_picture
from treefold.report.page import render, write_text
from treefold.svg.colour import diverging

Float = NDArray[np.float64]
WORDS = ("very negative", "negative", "neutral", "positive", "very positive")


class Pair(NamedTuple):
    """A phrase and its negation, and the treebank's labels of both."""

    phrase: str
    negated: str
    labels: tuple[str, str]


@final
@dataclass(frozen=True)
class Answers:
    """What one model said; the shares have one entry for each of its seeds.

    Attributes:
        name: of the model.
        polarity: (C,) of its classes: -1, 0 or 1.
        negated_positive: share of negated positive phrases that it calls negative.
        negated_negative: share of negative phrases whose negation it finds less so.
        contrast: share of "X but Y" in which it is right on X, on Y and on "but Y".
        positive_change: what negation adds to the probability of the positive classes,
            phrase by phrase, mean of the seeds.
        negative_change: what it adds to that of the non-negative classes.
        table: (C,) probabilities of the classes for each phrase of the table.
    """

    name: str
    polarity: tuple[int, ...]
    negated_positive: list[float]
    negated_negative: list[float]
    contrast: list[float]
    positive_change: Float
    negative_change: Float
    table: Mapping[str, Float]


class Study(NamedTuple):
    """Phrases, and what models say of them.

    Attributes:
        positive: positive phrases whose negations are negative.
        negative: negative phrases whose negations are less negative.
        contrasts: how many "X but Y" there are.
        grid: the phrases of the table, a list for each adjective.
        gold: the treebank's label of those it has, and whether that was learned from.
        answers: of the models.
    """

    positive: Sequence[Pair]
    negative: Sequence[Pair]
    contrasts: int
    grid: Sequence[Sequence[str]]
    gold: Mapping[str, tuple[str, bool]]
    answers: Sequence[Answers]


def accuracy_table(study: Study) -> tuple[list[str], list[list[str]]]:
    """Return a header, and a line of texts for each model."""
    header = [
        "",
        f"negated positive, {len(study.positive)}",
        f"negated negative, {len(study.negative)}",
        f"X but Y, {study.contrasts}",
        "change, positive",
        "change, negative",
    ]
    lines = []
    for each in study.answers:
        shares = (each.negated_positive, each.negated_negative, each.contrast)
        changes = (each.positive_change, each.negative_change)
        lines.append(
            [
                each.name,
                *map(_percent, shares),
                *(f"{c.mean():+.2f}" if len(c) else "–" for c in changes),
            ]
        )
    return header, lines


def phrase_table(study: Study) -> tuple[list[str], list[list[str]]]:
    """Return a header, and for each phrase what models give the three polarities."""
    header = ["", "treebank", *(each.name for each in study.answers)]
    lines = []
    for phrase in (p for row in study.grid for p in row):
        label, learned = study.gold.get(phrase, ("", False))
        said = [_polarities(each, phrase) for each in study.answers]
        lines.append([phrase, label + " learned" * learned, *said])
    return header, lines


def write_negation_page(
    path: str | Path, study: Study, *, command: str, versions: Mapping[str, Any]
) -> Path:
    """Write the report as one HTML file, whole or not at all.

    Args:
        path: of the file.
        study: what was asked and said.
        command: that was typed.
        versions: of the software.

    Returns:
        The path.
    """
    header, lines = accuracy_table(study)
    colours = [diverging(k, 0, 4) for k in range(5)]
    return write_text(
        path,
        render(
            "negation.html.j2",
            study=study,
            header=header,
            lines=lines,
            changes=changes_picture(study.answers),
            grid=grid_picture(study.answers, study.grid, study.gold),
            legend=list(zip(colours, WORDS, strict=True)),
            sets=_pairs(study),
            command=command,
            versions=versions,
        ),
    )


def _pairs(study: Study) -> list[tuple[str, list[list[str]]]]:
    """For each set its title, and the pairs with the change that each model sees."""
    found = []
    titles = ("Negated positive phrases", "Negated negative phrases")
    names = ("positive_change", "negative_change")
    for title, pairs, name in zip(
        titles, (study.positive, study.negative), names, strict=True
    ):
        lines = [
            [
                pair.negated,
                " → ".join(pair.labels),
                *(f"{getattr(each, name)[k]:+.2f}" for each in study.answers),
            ]
            for k, pair in enumerate(pairs)
        ]
        found.append((title, lines))
    return found


def _percent(shares: Sequence[float]) -> str:
    mean = f"{100 * np.mean(shares):.1f}"
    if len(shares) == 1:
        return mean
    return f"{mean} ± {100 * np.std(shares, ddof=1):.1f}"


def _polarities(answers: Answers, phrase: str) -> str:
    """Negative, neutral and positive share in per cent, "79/13/8"."""
    p, polarity = answers.table[phrase], np.array(answers.polarity)
    shares = [p[polarity == sign].sum() for sign in (-1, 0, 1)]
    return "/".join(f"{100 * share:.0f}" for share in shares)
