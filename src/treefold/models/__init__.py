"""Models: a cell, what goes into it and what is read from it."""

from treefold._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "AutoEncoder": "auto_encoder",
        "BilinearModel": "relation_kin",
        "ContentEncoder": "content",
        "DeepRecursive": "deep",
        "DistanceModel": "relation_kin",
        "DocumentModel": "document",
        "HadamardModel": "relation_kin",
        "Model": "base",
        "NeuralTensorNetwork": "relation",
        "NodeClassifier": "classifier",
        "PairModel": "pair",
        "PlanCostModel": "plan_cost",
        "Reasoner": "reasoner",
        "RecursiveAutoEncoder": "recursive_auto_encoder",
        "RecursiveParser": "parser",
        "RelationHead": "pair",
        "RelationModel": "relation",
        "SceneParser": "scene",
        "SimilarityHead": "pair",
        "SingleLayerModel": "relation_kin",
        "Transducer": "transducer",
        "baselines": "",
    },
)
