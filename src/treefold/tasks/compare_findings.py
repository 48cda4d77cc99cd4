from treefold.tasks.base import Findings


def findings(task, model, result):
    return Findings("x")
