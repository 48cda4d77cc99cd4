"""Training: settings, one seed, several seeds in a run folder, and loading it again."""

from treefold._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Config": "config",
        "Run": "run",
        "RunError": "errors",
        "Settings": "settings",
        "Task": "task",
        "TrainingError": "errors",
        "TreeTask": "trees",
        "evaluate": "evaluation",
        "load": "run",
        "train": "runner",
        "train_seed": "trainer",
    },
)
