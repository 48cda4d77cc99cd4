"""Models: a cell, what goes into it and what is read from it."""

from treefold._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "BilinearModel": "relation_kin",
        "DeepRecursive": "deep",
        "DistanceModel": "relation_kin",
        "HadamardModel": "relation_kin",
        "Model": "base",
        "NeuralTensorNetwork": "relation",
        "NodeClassifier": "classifier",
        "PairModel": "pair",
        "RelationHead": "pair",
        "RelationModel": "relation",
        "SimilarityHead": "pair",
        "SingleLayerModel": "relation_kin",
        "baselines": "",
    },
)
