"""Images cut into segments: Ward clustering of pixels, features, and who is adjacent.

A segment is a connected set of alike pixels. scikit-learn's Ward clustering (Ward,
1963) merges pixels of the grid until a given number of segments is left, at each step
those two neighbours whose union adds least to the squared distances from the mean
colour. Segments are numbered by their first pixel, from the top down and from left to
right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.cluster import AgglomerativeClustering
from sklearn.feature_extraction.image import grid_to_graph

from treefold.data.sequences import Int64

FEATURES = (
    *("lightness", "green to red", "blue to yellow"),
    *("spread of lightness", "spread of green to red", "spread of blue to yellow"),
    *("steps across", "steps down", "roughness"),
    *("column", "row", "spread of columns", "spread of rows", "top", "bottom"),
    *("log of area", "width", "height", "share of its box", "border by root of area"),
    *("on the left edge", "on the right edge", "on the top", "on the bottom"),
)
SMOOTHING = 0.6  # pixels, before the clustering
# From linear red, green and blue to X, Y and Z, white being 1, 1, 1 (IEC 61966-2-1).
XYZ = np.array(
    [
        [0.4339, 0.3763, 0.1898],
        [0.2126, 0.7152, 0.0722],
        [0.0178, 0.1095, 0.8727],
    ]
)


@final
@dataclass(frozen=True)
class Segments:
    """An image as N adjacent segments.

    Attributes:
        number: (height, width) int64, the segment of each pixel, 0 to N - 1.
        features: (N, F) float32, what is seen of each segment, see `FEATURES`.
        edges: (E, 2) int64, pairs of segments that touch, the smaller number first.
    """

    number: Int64
    features: NDArray[np.float32]
    edges: Int64

    def __len__(self) -> int:
        """Return N."""
        return len(self.features)

    def count(self, label: Any, num_classes: int) -> NDArray[np.float32]:
        """Count the pixels of each class in each segment, (N, C).

        Args:
            label: (height, width), the class of each pixel.
            num_classes: C.
        """
        pair = self.number * num_classes + np.asarray(label, np.int64)
        counted = np.bincount(pair.ravel(), minlength=len(self) * num_classes)
        return counted.reshape(len(self), num_classes).astype(np.float32)


def segment(image: Any, count: int) -> Segments:
    """Cut an image into connected segments.

    Args:
        image: (height, width, 3), red, green and blue of 0 to 1.
        count: N, how many segments; at most one a pixel.

    Raises:
        ValueError: no image, or a number of segments that it cannot have.
    """
    image = np.asarray(image, np.float64)
    if image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 2:
        raise ValueError(
            "image must be (height, width, 3) of at least 2 by 2 pixels, got an array "
            f"of shape {image.shape}."
        )
    height, width = image.shape[:2]
    if not 1 <= count <= height * width:
        raise ValueError(
            f"count must be from 1 to {height * width}, the number of pixels, got "
            f"{count}."
        )
    lab = to_lab(image)
    number = _cluster(gaussian_filter(lab, (SMOOTHING, SMOOTHING, 0)), count)
    return Segments(number, _features(lab, number, count), _edges(number))


def to_lab(image: Any) -> NDArray[np.float64]:
    """Turn sRGB of 0 to 1 into CIE L*a*b*, where distances are about those seen.

    Args:
        image: (..., 3).
    """
    image = np.asarray(image, np.float64)
    low = image / 12.92
    linear = np.where(image <= 0.04045, low, ((image + 0.055) / 1.055) ** 2.4)
    xyz = linear @ XYZ.T
    small = xyz / (3 * (6 / 29) ** 2) + 4 / 29
    x, y, z = np.moveaxis(np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), small), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _cluster(lab: NDArray[np.float64], count: int) -> Int64:
    """Give every pixel its segment, (height, width)."""
    height, width = lab.shape[:2]
    clustering = AgglomerativeClustering(
        n_clusters=count,
        connectivity=grid_to_graph(height, width),
        linkage="ward",
        compute_full_tree=False,  # pyright: ignore[reportArgumentType]
    )
    found = clustering.fit_predict(lab.reshape(-1, 3))
    _, first, number = np.unique(found, return_index=True, return_inverse=True)
    return first.argsort().argsort()[number].reshape(height, width)


def _edges(number: Int64) -> Int64:
    """Return the pairs of segments that share a side of a pixel, (E, 2)."""
    across = np.stack([number[:, :-1], number[:, 1:]], axis=-1).reshape(-1, 2)
    down = np.stack([number[:-1], number[1:]], axis=-1).reshape(-1, 2)
    pairs = np.sort(np.concatenate([across, down]), axis=1)
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)


def _features(lab: NDArray[np.float64], number: Int64, count: int) -> Any:
    """Describe every segment, (N, F), in units of about 1."""
    height, width = number.shape
    area = np.bincount(number.ravel(), minlength=count)

    def total(value: Any) -> NDArray[Any]:
        return np.bincount(number.ravel(), np.ravel(value), minlength=count)

    def spread(value: Any) -> tuple[Any, Any]:
        mean = total(value) / area
        return mean, np.sqrt(total((value - mean[number]) ** 2) / area)

    colours = [spread(lab[..., c] / 50) for c in range(3)]
    light = lab[..., 0] / 10
    # A step counts where both of its pixels are of one segment: the texture within.
    within = number[:, :-1] == number[:, 1:], number[:-1] == number[1:]
    steps = []
    for axis, same in ((1, within[0]), (0, within[1])):
        value, seen = np.zeros_like(light), np.zeros_like(light)
        here = (slice(None), slice(None, -1)) if axis else (slice(None, -1),)
        value[here], seen[here] = np.abs(np.diff(light, axis=axis)) * same, same
        steps.append(total(value) / np.maximum(total(seen), 1))
    rough = total(np.abs(light - gaussian_filter(light, 1))) / area

    y, x = np.mgrid[:height, :width]
    across, down = spread(x / width), spread(y / height)
    box = {}
    for name, value in (("x", x), ("y", y)):
        low, high = np.full(count, value.max()), np.zeros(count, np.int64)
        np.minimum.at(low, number, value)
        np.maximum.at(high, number, value)
        box[name] = low, high + 1
    wide, tall = (high - low for low, high in box.values())

    outside = np.pad(number, 1, constant_values=-1)
    neighbours = (
        outside[1:-1, :-2],
        outside[1:-1, 2:],
        outside[:-2, 1:-1],
        outside[2:, 1:-1],
    )
    border = sum(total(other != number) for other in neighbours)
    edges = []
    for side, length in (
        (number[:, 0], height),
        (number[:, -1], height),
        (number[0], width),
        (number[-1], width),
    ):
        edges.append(np.bincount(side, minlength=count) / length)

    columns = [
        *(mean for mean, _ in colours),
        *(deviation for _, deviation in colours),
        *steps,
        rough,
        across[0],
        down[0],
        across[1],
        down[1],
        box["y"][0] / height,
        box["y"][1] / height,
        np.log(area / number.size),
        wide / width,
        tall / height,
        area / (wide * tall),
        border / np.sqrt(area),
        *edges,
    ]
    return np.stack(columns, axis=1).astype(np.float32)
