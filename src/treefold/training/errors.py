"""What can go wrong in training, in words for people."""


class RunError(ValueError):
    """A run folder or a setting is not what it must be; the message says the cure."""


class TrainingError(RuntimeError):
    """Training could not go on; the message says where it stopped and what to try."""
