"""Classes of segments without trees, and trees of segments without learning."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from treefold.data.scenes import CutScene, neighbours_mean
from treefold.merging import Merge
from treefold.models.scene import SceneState

SEED = 0


def linear() -> list[Any]:
    """Make logistic regressions, of which dev chooses."""
    return [
        make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=2000))
        for C in (0.1, 10.0)
    ]


def perceptrons() -> list[Any]:
    """Make nets of one hidden layer, of which dev chooses."""
    return [
        make_pipeline(
            StandardScaler(),
            MLPClassifier(
                (100,), alpha=alpha, max_iter=60, n_iter_no_change=60, random_state=SEED
            ),
        )
        for alpha in (1e-3, 1.0)
    ]


def boosted() -> list[Any]:
    """Make gradient-boosted trees, of which dev chooses."""
    return [
        HistGradientBoostingClassifier(
            learning_rate=0.1,
            max_iter=rounds,
            max_leaf_nodes=15,
            early_stopping=False,  # pyright: ignore[reportArgumentType]
            random_state=SEED,
        )
        for rounds in (60, 150)
    ]


@final
class SegmentClassifier:
    """Gives each segment a class by itself, perhaps with what it touches.

    A segment without a pixel of a known class is left out of training.

    Args:
        model: a classifier of scikit-learn.
        neighbours: whether it sees the mean features of the segments that one touches
            beside its own.
    """

    def __init__(self, model: Any, neighbours: bool):
        self.model = model
        self.neighbours = neighbours

    def fit(self, scenes: Sequence[CutScene]) -> Self:
        """Learn from scenes."""
        pixels = np.concatenate([scene.pixels for scene in scenes])
        known = pixels.sum(axis=1) > 0
        with warnings.catch_warnings():
            # A net that could learn on is stopped all the same.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model.fit(self.see(scenes)[known], pixels.argmax(axis=1)[known])
        return self

    def predict(self, scenes: Sequence[CutScene]) -> NDArray[np.int64]:
        """Return the classes of the segments of all scenes, one after another."""
        return self.model.predict(self.see(scenes))

    def see(self, scenes: Sequence[CutScene]) -> NDArray[np.float32]:
        """Return what is seen of every segment."""
        rows = []
        for scene in scenes:
            own = scene.segments.features
            around = neighbours_mean(own, scene.segments.edges)
            rows.append(np.hstack([own, around]) if self.neighbours else own)
        return np.concatenate(rows)


@final
class AlikeMerge(Merge[SceneState]):
    """Merges the two pieces of the most alike colour, as Ward's clustering does.

    The state is the mean colour and, last, the area; the score minus what a merge adds
    to the squared distances from the mean (Ward, 1963).
    """

    def forward(self, left: SceneState, right: SceneState) -> tuple[SceneState, Tensor]:
        (a, m), (b, n) = (each.h.split([3, 1], dim=1) for each in (left, right))
        h = torch.cat([(m * a + n * b) / (m + n), m + n], dim=1)
        added = (m * n / (m + n)).squeeze(1) * (a - b).square().sum(dim=1)
        return left.joined(right, h), -added


@final
class RandomMerge(Merge[SceneState]):
    """Merges any two neighbours."""

    def forward(self, left: SceneState, right: SceneState) -> tuple[SceneState, Tensor]:
        return left.joined(right, left.h), torch.rand(len(left.h)).to(left.h)
