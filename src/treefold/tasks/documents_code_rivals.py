"""The rival that source code needs beside it: its tokens as they follow each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from treefold.data import programs
from treefold.data.documents import Documents
from treefold.data.readers.formats import LANGUAGES, format_of
from treefold.training.task import Split

if TYPE_CHECKING:
    from treefold.tasks.documents import DocumentsTask

SPLITS: tuple[Split, ...] = ("train", "dev", "test")
TOKEN = r"\w+|[^\w\s]"
CODE = {*LANGUAGES, "python"}

Fit = Callable[[], tuple[NDArray[Any], NDArray[Any]]]


def code_rivals(task: DocumentsTask) -> dict[str, Fit]:
    """Return what is to be measured beside a model of source code.

    A linear support vector machine on sequences of one to three tokens, weighed by TF
    and IDF: no parser, no tree. It is there if the documents are whole texts, and all
    of them are still where they were read.

    Returns:
        By name, a function that fits it and tells the numbers of the classes of dev
        and test; nothing, if the documents are no source code.
    """
    if task.goal != "classify":
        return {}
    texts = [_texts(task.parts[split]) for split in SPLITS]
    train, dev, test = texts
    if train is None or dev is None or test is None:
        return {}

    def fit() -> tuple[NDArray[Any], NDArray[Any]]:
        grams = TfidfVectorizer(
            token_pattern=TOKEN,
            lowercase=False,
            ngram_range=(1, 3),
            min_df=2,
            sublinear_tf=True,
            dtype=np.float32,  # type: ignore[arg-type]
        )
        number = {name: k for k, name in enumerate(task.classes)}
        target = [number[str(name)] for name in task.parts["train"].targets]
        model = LinearSVC().fit(grams.fit_transform(train), target)
        said = [model.predict(grams.transform(part)) for part in (dev, test)]
        return np.asarray(said[0]), np.asarray(said[1])

    return {"1 to 3 tokens, linear": fit}


def _texts(documents: Documents) -> list[str] | None:
    """Return the texts that documents were read from; None if they are not there."""
    if documents.places and documents.places[0].startswith(f"{programs.FILE}:"):
        found = {place: text for place, _, text in programs.sources(programs.locate())}
        return [found[place] for place in documents.places]
    if not all(format_of(place) in CODE for place in documents.places):
        return None
    try:
        return [Path(place).read_text("utf-8", "replace") for place in documents.places]
    except OSError:
        return None
