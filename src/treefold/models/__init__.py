"""Models: a cell, what goes into it and what is read from it."""

from treefold._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "DeepRecursive": "deep",
        "Model": "base",
        "NodeClassifier": "classifier",
        "PairModel": "pair",
        "RelationHead": "pair",
        "SimilarityHead": "pair",
        "baselines": "",
    },
)
