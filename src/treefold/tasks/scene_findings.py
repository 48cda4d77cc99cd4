"""What there is to tell of a parser of scenes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from treefold.data.scenes import LANDSCAPES, UNKNOWN, CutScene
from treefold.report.scene import ParsedImage, scene_svg
from treefold.tasks.base import Findings, Picture

if TYPE_CHECKING:
    from treefold.models.scene import Parsing, SceneParser
    from treefold.tasks.scene import SceneTask

SHOWN = 4
BOUND = "best class of each segment"


def parsed_images(
    cuts: Sequence[CutScene], parsings: Sequence[Parsing]
) -> list[ParsedImage]:
    """Join images with what was found in each, for a picture."""
    found = []
    for cut, parsing in zip(cuts, parsings, strict=True):
        label = parsing.probability[: len(cut.segments)].argmax(dim=1).cpu().numpy()
        truth, image = cut.scene.label, cut.scene.image
        known = truth if (truth != UNKNOWN).any() else None
        number = cut.segments.number
        found.append(ParsedImage(image, number, parsing.forest, label, known))
    return found


def findings(task: SceneTask, model: SceneParser, result: dict[str, Any]) -> Findings:
    """Tell of a trained model."""
    test, classes = task.data["test"], task.classes
    own = {name: each["mean"] for name, each in result["test"].items()}
    rivals = {name: each["test"] for name, each in result["baselines"].items()}
    bound = rivals.pop(BOUND, {"pixels": 1.0})["pixels"]
    best, rival = _best(rivals, "pixels")
    merges, rule = _best(rivals, "merges")
    painted = ""
    if task.spec.data == LANDSCAPES:
        painted = (
            " The landscapes are synthetic: painted by rule, so that the class of "
            "every pixel is known."
        )
    shown = test[:SHOWN]
    parsings = [next(task.parses(model, [cut]))[1] for cut in shown]
    images = parsed_images(shown, parsings)
    return Findings(
        f"Segments merge to the tree of an image, and every piece gets a class: "
        f"{own['pixels']:.1%} of the test pixels rightly, where the best classifier "
        f"of segments without a tree ({rival}) gets {best:.1%}, and the best class of "
        f"each segment would give {bound:.1%}. {own['merges']:.1%} of the merges are "
        f"right; {rule} gets {merges:.1%}.{painted}",
        not_this=(
            "It knows what its training images show, and gives one of those classes to "
            "whatever it is shown."
        ),
        pictures=[
            Picture(
                scene_svg(image, classes, f"scene{k}"),
                f"{cut.scene.name}: below, the tree. A coloured line joins segments of "
                "one class, a grey one pieces of several; at the bottom the largest "
                "pieces of one class.",
                "" if k else "Images of the test set",
            )
            for k, (cut, image) in enumerate(zip(shown, images, strict=True))
        ],
        confusion=_confusion(task, model, test),
        classes=classes,
        data={
            "training images": len(task.data["train"]),
            "test images": len(test),
            "segments of an image": task.config.segments,
            "pixels of an image": int(np.mean([cut.scene.label.size for cut in test])),
        },
        limits=(
            "A pixel has the class of its segment: what the segmentation joins, no "
            "class can part.",
            "Found by rule in painted images, classes in photographs are a guess."
            if painted
            else "Classes that training images lack cannot be found.",
        ),
    )


def _best(rivals: Mapping[str, Mapping[str, float]], metric: str) -> tuple[float, str]:
    return max((each[metric], name) for name, each in rivals.items() if metric in each)


def _confusion(task: SceneTask, model: SceneParser, cuts: Sequence[CutScene]) -> Any:
    """Count pixels by their class and the one that they were given."""
    C = len(task.classes)
    counts = np.zeros((C, C))
    for some, parsing in task.parses(model, cuts):
        pixels = np.concatenate([cut.pixels for cut in some])
        said = parsing.probability[: len(pixels)].argmax(dim=1).cpu().numpy()
        np.add.at(counts.T, said, pixels)
    return counts.astype(np.int64)
