"""treefold: recursive neural networks. Fold a cell over a forest."""

from typing import TYPE_CHECKING

from treefold._lazy import attach

if TYPE_CHECKING:
    from treefold import cells, data, layers, models, report, training
    from treefold.cells import Cell, Children, State
    from treefold.folding import fold
    from treefold.forest import Forest, ForestError
    from treefold.layers import GRU, LSTM, RNN, TreeGRU, TreeLSTM, TreeRNN, TreeTensor
    from treefold.tasks import load

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Cell": "cells",
        "Children": "cells",
        "Forest": "forest",
        "ForestError": "forest",
        "GRU": "layers",
        "LSTM": "layers",
        "RNN": "layers",
        "State": "cells",
        "TreeGRU": "layers",
        "TreeLSTM": "layers",
        "TreeRNN": "layers",
        "TreeTensor": "layers",
        "cells": "",
        "data": "",
        "fold": "folding",
        "layers": "",
        "load": "tasks",
        "models": "",
        "report": "",
        "training": "",
    },
)
