"""Parse scikit-learn's two photographs with a run on scenes, and draw what is found.

    treefold train landscapes --config recipes/landscapes.yaml --out runs/landscapes
    python examples/photographs.py runs/landscapes pictures

Nobody has labelled these photographs, so that nothing is measured here: the pictures
show what a model of painted landscapes makes of a temple and of a flower.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from treefold import load
from treefold.data.scenes import UNKNOWN, Scene, as_array
from treefold.report.figure import STYLE
from treefold.report.scene import scene_figure
from treefold.tasks.scene_findings import parsed_images


def main(run: str, out: str) -> None:
    """Write a picture of each photograph into a folder."""
    trained, photographs = load(run), load_sample_images()
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    names = map(Path, photographs.filenames)
    for name, pixels in zip(names, photographs.images, strict=True):
        image = as_array(Image.fromarray(pixels), trained.task.config.side)
        unknown = np.full(image.shape[:2], UNKNOWN, np.uint8)
        cuts = trained.task.cut([Scene(name.stem, image, unknown)])
        found = [each for _, each in trained.task.parses(trained.model, cuts)]
        with mpl.rc_context(STYLE):
            figure = scene_figure(parsed_images(cuts, found)[0], trained.task.classes)
            figure.savefig(folder / f"scene-{name.stem}.png", dpi=90)
        print(folder / f"scene-{name.stem}.png")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("Give a run on scenes and a folder for the pictures.")
    main(*sys.argv[1:])
