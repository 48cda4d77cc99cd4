"""Images whose pixels have classes: painted landscapes, or a folder of one's own."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from treefold.data.errors import DataError
from treefold.data.generators.landscapes import CLASSES, make_landscapes
from treefold.data.places import SPLITS
from treefold.data.readers.lines import STDIN, open_lines
from treefold.data.segments import Segments, segment
from treefold.data.sequences import Int64

LANDSCAPES = "landscapes"
COUNTS = {"train": 400, "dev": 100, "test": 200}
UNKNOWN = 255  # in an image of labels: no class
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


@final
@dataclass(frozen=True)
class Scene:
    """An image, and what its pixels show where that is known.

    Attributes:
        name: of its file, or its number.
        image: (height, width, 3) float32, red, green and blue of 0 to 1.
        label: (height, width) uint8, the class of each pixel, 255 where it is unknown.
    """

    name: str
    image: NDArray[np.float32]
    label: NDArray[np.uint8]


@final
@dataclass(frozen=True)
class CutScene:
    """A scene in N segments.

    Attributes:
        scene: what was cut.
        segments: the segments, what is seen of each and which of them touch.
        pixels: (N, C) float32, pixels of each class in each segment.
        region: (N,) int64, numbers of the regions: connected segments of which most
            pixels are of one class, or of none that is known.
    """

    scene: Scene
    segments: Segments
    pixels: NDArray[np.float32]
    region: Int64

    @classmethod
    def of(cls, scene: Scene, count: int, num_classes: int) -> CutScene:
        """Cut a scene into at most so many segments."""
        found = segment(scene.image, min(count, scene.label.size))
        label = np.where(scene.label == UNKNOWN, num_classes, scene.label)
        pixels = found.count(label, num_classes + 1)
        most = pixels.argmax(axis=1)
        a, b = found.edges[most[found.edges[:, 0]] == most[found.edges[:, 1]]].T
        links = coo_array((np.ones(len(a)), (a, b)), shape=(len(found), len(found)))
        _, region = connected_components(links, directed=False)
        return cls(scene, found, pixels[:, :num_classes], region.astype(np.int64))


def cut_scenes(
    scenes: Sequence[Scene], count: int, num_classes: int, progress: bool, what: str
) -> list[CutScene]:
    """Cut scenes into segments, with a bar on a terminal."""
    bar = tqdm(
        scenes, desc=f"segmenting {what}", unit="", disable=None if progress else True
    )
    return [CutScene.of(scene, count, num_classes) for scene in bar]


def neighbours_mean(values: Any, edges: Int64) -> NDArray[Any]:
    """Return for each segment the mean of values (N, ...) over those it touches."""
    N = len(values)
    both = np.concatenate([edges, edges[:, ::-1]])
    total = np.zeros_like(values)
    np.add.at(total, both[:, 0], values[both[:, 1]])
    return total / np.maximum(np.bincount(both[:, 0], minlength=N), 1)[:, None]


def load_scenes(
    data: str, files: Mapping[str, str | None], seed: int, side: int
) -> tuple[dict[str, list[Scene]], list[str]]:
    """Load the scenes of each split, and the names of the classes.

    Args:
        data: "landscapes", or a folder of ``images`` and ``labels``, which hold files
            of the same names, or of folders ``train``, ``dev`` and ``test`` with those.
            An image of labels has a number of 0 to 254 for each class, or 255 where it
            is unknown; ``classes.txt`` may name the classes, one a line. Without
            splits, a tenth of the images each are shared out to dev and test.
        files: for "train", "dev" and "test" a folder that is this split, or None.
        seed: of the landscapes, or of the share-out.
        side: images whose longer side has more pixels are made smaller.

    Raises:
        DataError: they cannot be had, or are not what they must be.
    """
    if data == LANDSCAPES:
        found = {}
        for k, (split, count) in enumerate(COUNTS.items()):
            painted = make_landscapes(count, 3 * seed + k)
            found[split] = [
                Scene(f"{split} {i}", each.image, each.label)
                for i, each in enumerate(painted)
            ]
        names: list[str] = list(CLASSES)
    else:
        folder = Path(data)
        if not folder.is_dir():
            there = "a file" if folder.exists() else "nothing"
            raise DataError(
                f"{data}: expected a folder of images and labels, found {there}."
            )
        names = _names(folder)
        if all((folder / split).is_dir() for split in SPLITS):
            found = {split: read_scenes(str(folder / split), side) for split in SPLITS}
        else:
            whole = read_scenes(data, side)
            order = np.random.default_rng(seed).permutation(len(whole))
            tenth = len(whole) // 10
            cuts = np.split(order, [tenth, 2 * tenth])
            parts = zip(("dev", "test", "train"), cuts, strict=True)
            found = {split: [whole[i] for i in part] for split, part in parts}
    found |= {split: read_scenes(f, side) for split, f in files.items() if f}
    return found, _all_names(names, found["train"])


def read_scenes(folder: str, side: int) -> list[Scene]:
    """Read images and their labels from a folder of ``images`` and ``labels``.

    Raises:
        DataError: there are none, one without labels, or not of the labels' size.
    """
    images, labels = Path(folder) / "images", Path(folder) / "labels"
    for place in (images, labels):
        if not place.is_dir():
            raise DataError(f"{folder}: expected a folder {place.name} in it.")
    scenes = []
    for file in _image_files(images):
        pairs = [f for f in _image_files(labels) if f.stem == file.stem]
        if not pairs:
            raise DataError(
                f"{file}: its labels, {labels / file.stem}.png, are missing."
            )
        picture, label = open_image(file), _open(pairs[0])
        if label.mode not in ("L", "P", "1"):
            raise DataError(
                f"{pairs[0]}: expected labels as an image of one number a pixel, grey "
                f"or with a palette, found the mode {label.mode}."
            )
        if label.size != picture.size:
            raise DataError(
                f"{pairs[0]}: its size is {label.size}, that of its image "
                f"{picture.size}."
            )
        small = _size(picture, side)
        numbers = np.asarray(label.resize(small, Image.Resampling.NEAREST), np.uint8)
        scenes.append(Scene(file.name, as_array(picture, side), numbers))
    return scenes


def stream_images(file: str, side: int) -> Iterator[Scene]:
    """Read images to be parsed: a file, all in a folder, or one on standard input.

    Raises:
        DataError: no image.
    """
    path = Path(file)
    if file == "-":
        source: Iterable[Any] = [io.BytesIO(sys.stdin.buffer.read())]
    else:
        source = _image_files(path) if path.is_dir() else [path]
    for each in source:
        name = each.name if isinstance(each, Path) else STDIN
        image = as_array(open_image(each), side)
        yield Scene(name, image, np.full(image.shape[:2], UNKNOWN, np.uint8))


def open_image(file: Any) -> Image.Image:
    """Open an image in colours; transparent pixels become white.

    Raises:
        DataError: it is none, or has no two pixels a side.
    """
    image = _open(file)
    if min(image.size) < 2:
        wide, tall = image.size
        raise DataError(
            f"{_name(file)}: expected at least 2 by 2 pixels, found {wide} by {tall}."
        )
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("RGB")


def as_array(image: Image.Image, side: int) -> NDArray[np.float32]:
    """Return an image of at most `side` pixels, (height, width, 3), of 0 to 1."""
    small = image.resize(_size(image, side), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / np.float32(255)


def _open(file: Any) -> Image.Image:
    name = _name(file)
    try:
        image = Image.open(file)
        image.load()
    except FileNotFoundError:
        raise DataError(f"there is no file {name}.") from None
    except Image.DecompressionBombError as error:
        raise DataError(f"{name}: the image is too large: {error}") from None
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise DataError(f"{name}: this is no image: {error}") from None
    return image


def _name(file: Any) -> str:
    return str(file) if isinstance(file, Path) else STDIN


def _size(image: Image.Image, side: int) -> tuple[int, int]:
    """Return width and height, made smaller where they are above `side`."""
    share = min(side / max(image.size), 1.0)
    wide, tall = (max(round(length * share), 2) for length in image.size)
    return wide, tall


def _image_files(folder: Path) -> list[Path]:
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(f"{folder}: there is no image in it.")
    return files


def _names(folder: Path) -> list[str]:
    """Read the names of classes, if there are any."""
    file = folder / "classes.txt"
    if not file.is_file():
        return []
    names = [line.strip() for _, line in open_lines(file)]
    for number, name in enumerate(names, 1):
        if not name or name in names[: number - 1]:
            found = f"{name!r} again" if name else "an empty line"
            raise DataError(f"{file}:{number}: expected a class's name, found {found}.")
    return names


def _all_names(names: list[str], scenes: Sequence[Scene]) -> list[str]:
    """Return a name for each class that the training images have."""
    most = -1
    for scene in scenes:
        known = scene.label[scene.label != UNKNOWN].astype(int)
        most = max(most, int(known.max(initial=-1)))
        if names and most >= len(names):
            raise DataError(
                f"{scene.name}: its labels have the number {most}, but classes.txt "
                f"names 0 to {len(names) - 1}."
            )
    return names or [f"class {k}" for k in range(most + 1)]
