"""A trained run: what its folder holds, and the model in it, ready to use.

A folder holds ``config.json`` (data, settings, classes), ``vocabulary.json``,
``model.safetensors`` (the best seed's weights), ``result.json``, ``metrics.jsonl``,
``log.txt``, ``README.md`` (a model card), ``report.html``, and for each seed a folder
``seed-k`` with its own metrics, best weights and checkpoint.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

import treefold
from treefold.data.corpus import Corpus
from treefold.data.readers.nested import read_nested
from treefold.data.vocabulary import Vocabulary
from treefold.models.classifier import NodeClassifier
from treefold.training.build import build_model
from treefold.training.config import Config
from treefold.training.errors import RunError
from treefold.training.evaluation import Evaluation, evaluate, predictions
from treefold.training.files import read_json, read_tensors, write_json
from treefold.training.trainer import MODEL

FORMAT = "treefold run"
VERSION = 1
CONFIG = "config.json"
VOCABULARY = "vocabulary.json"
RESULT = "result.json"
REPORT = "report.html"


@final
@dataclass(frozen=True)
class DataSpec:
    """Which data a run is about: the arguments of `treefold.data.load_dataset`."""

    data: str
    train: str | None = None
    dev: str | None = None
    test: str | None = None
    split_seed: int = 0
    skip_bad: bool = False


@final
@dataclass(frozen=True)
class Manifest:
    """What ``config.json`` says: all that is needed to build the model again."""

    data: DataSpec
    config: Config
    classes: tuple[str, ...]
    arity: int
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str = ""

    def write(self, folder: Path) -> None:
        """Write the manifest into a run folder."""
        content = {"format": FORMAT, "version": VERSION, **asdict(self)}
        write_json(folder / CONFIG, content)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of a run folder.

        Raises:
            RunError: no run, a damaged one, or one of a later version.
        """
        content = read_json(folder / CONFIG)
        try:
            refuse_later(folder, content)
            if "task" in content:
                raise RunError(
                    f"{folder} is a run of the task {content['task']!r}, not on trees. "
                    "Load it with treefold.load."
                )
            return cls(
                DataSpec(**content["data"]),
                Config.from_dict(content["config"]),
                tuple(content["classes"]),
                int(content["arity"]),
                content["versions"],
                content.get("command", ""),
            )
        except (KeyError, TypeError) as error:
            raise RunError(f"{folder / CONFIG} is damaged: {error!r}") from None


def refuse_later(folder: Path, content: Mapping[str, Any]) -> None:
    """Refuse a manifest that is of no run, or of one of a later version.

    Raises:
        RunError: naming both versions.
    """
    if content["format"] != FORMAT or content["version"] > VERSION:
        raise RunError(
            f"{folder / CONFIG} is of format {content['format']!r}, version "
            f"{content['version']}; this treefold reads {FORMAT!r} up to "
            f"version {VERSION}. Update treefold."
        )


@final
@dataclass(frozen=True)
class Prediction:
    """What a run says of one tree of V nodes.

    Attributes:
        label: the root's likeliest class.
        probability: what the model gives it.
        probabilities: the same for each class.
        node_labels: the likeliest class at each node, in level order, the root last.
        node_probabilities: (V, C) float64, all of it.
        corpus: the tree, as a corpus of one.
    """

    label: str
    probability: float
    probabilities: dict[str, float]
    node_labels: tuple[str, ...]
    node_probabilities: NDArray[np.float64]
    corpus: Corpus


@final
class Run:
    """A trained model with its vocabulary and classes.

    Call it with a tree: bracket text such as ``"(_ not (_ very good))"``, nested
    tuples or lists of words, or an ``nltk.Tree``.

    Attributes:
        folder: where it lies.
        manifest: its data, settings and classes.
        vocabulary: the words it knows.
        model: the network, in evaluation mode.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        vocabulary: Vocabulary,
        model: NodeClassifier,
    ):
        self.folder = folder
        self.manifest = manifest
        self.vocabulary = vocabulary
        self.model = model.eval()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the C classes."""
        return self.manifest.classes

    @property
    def result(self) -> dict[str, Any]:
        """The measured figures, as ``result.json`` holds them."""
        return read_json(self.folder / RESULT)

    def __call__(self, tree: Any) -> Prediction:
        """Predict one tree."""
        return self.predict([tree])[0]

    def predict(self, trees: Corpus | Iterable[Any]) -> list[Prediction]:
        """Predict trees: a corpus, or anything `__call__` takes, in order."""
        corpus = trees if isinstance(trees, Corpus) else read_nested(trees)
        return list(self.stream(corpus))

    def stream(self, corpus: Corpus) -> Iterator[Prediction]:
        """Predict the trees of a corpus in order, a batch of them at a time."""
        known = corpus.recode(self.vocabulary)
        for batch, p in predictions(self.model, known):
            p = p.double().cpu().numpy()
            tree_of = batch.forest.tree.cpu().numpy()
            by_tree = np.argsort(tree_of, kind="stable")  # keeps each one's level order
            ends = np.cumsum(np.bincount(tree_of, minlength=len(batch)))
            for tree, rows in zip(
                batch.trees, np.split(by_tree, ends[:-1]), strict=True
            ):
                yield self._prediction(corpus[int(tree)], p[rows])

    def _prediction(self, corpus: Corpus, p: NDArray[np.float64]) -> Prediction:
        names = self.classes
        best = p.argmax(axis=1)
        root = p[-1]
        return Prediction(
            names[best[-1]],
            float(root[best[-1]]),
            dict(zip(names, root.tolist(), strict=True)),
            tuple(names[k] for k in best),
            p,
            corpus,
        )

    def evaluate(self, corpus: Corpus) -> Evaluation:
        """Measure the run on labelled trees, whose labels are names of its classes."""
        return evaluate(self.model, corpus.recode(self.vocabulary, self.classes))


def load(folder: str | Path, *, device: str = "cpu") -> Run:
    """Load a trained run: its best seed's weights, ready to predict.

    Raises:
        RunError: the folder is not a finished run, or is damaged.
    """
    folder = Path(folder)
    manifest = Manifest.read(folder)
    if not (folder / MODEL).exists():
        raise RunError(
            f"{folder} has no trained model yet. Finish it with: "
            f"treefold train --resume {folder}"
        )
    vocabulary = Vocabulary.from_json(read_text(folder / VOCABULARY))
    weights, _ = read_tensors(folder / MODEL)
    model = build_model(
        replace(manifest.config, device=device),
        num_tokens=len(vocabulary),
        num_classes=len(manifest.classes),
        arity=manifest.arity,
    )
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise RunError(
            f"{folder / MODEL} does not fit {folder / CONFIG}: {error}"
        ) from None
    return Run(folder, manifest, vocabulary, model)


def read_text(path: Path) -> str:
    """Read a text file of a run."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"cannot read {path}: {error}") from None


def versions() -> dict[str, str]:
    """Versions of the software that shapes a result."""
    return {
        "treefold": treefold.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "threads": str(torch.get_num_threads()),
    }


def mean_and_deviation(values: Sequence[float]) -> dict[str, Any]:
    """Summarize a figure over the seeds; the deviation is the sample's."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "std": spread, "seeds": list(values)}
