"""treefold: recursive neural networks. Fold a cell over a forest."""

from typing import TYPE_CHECKING

from treefold._lazy import attach

if TYPE_CHECKING:
    from treefold import cells, data, estimators, layers, models, report, training
    from treefold.cells import Cell, Children, State
    from treefold.estimators import TreeClassifier, TreeRegressor, TreeVectorizer
    from treefold.folding import fold
    from treefold.forest import Forest, ForestError
    from treefold.layers import GRU, LSTM, RNN, TreeGRU, TreeLSTM, TreeRNN, TreeTensor
    from treefold.merging import Merge, merge
    from treefold.tasks import load
    from treefold.unfolding import Beam, Decision, Greedy, Sample, Step, unfold

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Beam": "unfolding",
        "Cell": "cells",
        "Children": "cells",
        "Decision": "unfolding",
        "Forest": "forest",
        "ForestError": "forest",
        "GRU": "layers",
        "Greedy": "unfolding",
        "LSTM": "layers",
        "Merge": "merging",
        "RNN": "layers",
        "Sample": "unfolding",
        "State": "cells",
        "Step": "unfolding",
        "TreeClassifier": "estimators",
        "TreeGRU": "layers",
        "TreeLSTM": "layers",
        "TreeRNN": "layers",
        "TreeRegressor": "estimators",
        "TreeTensor": "layers",
        "TreeVectorizer": "estimators",
        "cells": "",
        "data": "",
        "estimators": "",
        "fold": "folding",
        "layers": "",
        "load": "tasks",
        "merge": "merging",
        "models": "",
        "report": "",
        "training": "",
        "unfold": "unfolding",
    },
)
