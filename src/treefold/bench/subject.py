"""What to measure, by the names that a user gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from treefold.cells import Cell
from treefold.data.corpus import Corpus
from treefold.data.datasets import load_dataset
from treefold.data.generators.sentences import random_sentences
from treefold.data.readers.brackets import read_brackets
from treefold.training.build import build_cell
from treefold.training.config import Config
from treefold.training.errors import RunError
from treefold.training.run import CONFIG, Manifest

TREES = 1024  # made where no data are named


@dataclass(frozen=True)
class Subject:
    """A cell with random weights, whose values change no time, and trees for it.

    Attributes:
        cell: the cell.
        corpus: the trees.
        title: what to call the two.
        run: the run folder they are from; None if there is none.
        config: the settings of the cell.
    """

    cell: Cell[Any]
    corpus: Corpus
    title: str
    run: Path | None
    config: Config


def find_subject(
    data: str | None, settings: Mapping[str, Any], *, skip_bad: bool = False
) -> Subject:
    """Find trees and make a cell.

    Args:
        data: the name of a data set, a file of bracket trees, a folder of such, or a
            run; None: trees of the size of sentences are made.
        settings: of the cell, where they are not the usual ones or not the run's.
        skip_bad: leave out trees that cannot be read.

    Raises:
        DataError: the trees cannot be had.
        RunError: a setting cannot be, or a run is damaged.
    """
    config, run = replace(Config(), **settings), None
    if data is None:
        corpus = random_sentences(TREES)
    elif (Path(data) / CONFIG).is_file():
        run = Path(data)
        manifest = Manifest.read(run)
        config = replace(manifest.config, **settings)
        spec = manifest.data
        corpus = load_dataset(
            spec.data,
            train=spec.train,
            dev=spec.dev,
            test=spec.test,
            seed=spec.split_seed,
            skip_bad=spec.skip_bad or skip_bad,
            lower=config.lower,
            min_count=config.min_count,
        ).train
    elif Path(data).is_file():
        corpus = read_brackets(data, skip_bad=skip_bad)
    else:
        corpus = load_dataset(data, skip_bad=skip_bad).train
    if config.passes != "up":
        raise RunError(
            f"bench times one fold, and this run has several, passes={config.passes!r}."
            " Give the data in place of the run, and its cell with --model."
        )
    if config.model in ("rnn", "rntn"):
        config = replace(config, input_size=config.hidden_size)
    arity = int(np.diff(corpus.child_offset).max(initial=0))
    title = f"{config.model} over {data or 'random sentences'}"
    return Subject(build_cell(config, arity), corpus, title, run, config)
