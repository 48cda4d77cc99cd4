"""Landscapes painted by rule: images whose every pixel's class is known.

They are synthetic. A scene is painted back to front, so that what is nearer hides what
is farther: the sky with clouds and perhaps the sun, one to three ridges of mountains,
water with ripples, a near shore, then houses and trees. No class has a colour of its
own: the water mirrors the sky, far mountains fade into it, near ones are as green as
trees, autumn trees as red as roofs, walls as white as snow and clouds, and a lit window
as yellow as the sun. Light, tint, haze and noise differ from image to image. What a
piece of an image is therefore shows in its texture, its form, where it lies and what
it lies beside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

CLASSES = ("sky", "sun", "mountain", "tree", "house", "water")
SKY, SUN, MOUNTAIN, TREE, HOUSE, WATER = range(len(CLASSES))
HEIGHT, WIDTH = 48, 64

Image = NDArray[np.float32]
Colour = NDArray[np.float64]
Random = np.random.Generator

# The colours of the sky, at the top and at the horizon, by weather and hour.
SKIES = (
    ((0.25, 0.45, 0.85), (0.70, 0.82, 0.95)),  # clear
    ((0.55, 0.60, 0.66), (0.78, 0.80, 0.82)),  # overcast
    ((0.30, 0.28, 0.55), (0.95, 0.60, 0.35)),  # dusk
    ((0.35, 0.55, 0.60), (0.95, 0.85, 0.60)),  # dawn
    ((0.08, 0.11, 0.28), (0.25, 0.28, 0.45)),  # night
)
SLOPES = ((0.30, 0.45, 0.20), (0.22, 0.36, 0.22), (0.48, 0.40, 0.32), (0.5, 0.5, 0.52))
LEAVES = ((0.12, 0.32, 0.12), (0.30, 0.46, 0.16), (0.70, 0.36, 0.10), (0.60, 0.20, 0.1))
WALLS = ((0.92, 0.9, 0.86), (0.56, 0.54, 0.5), (0.6, 0.4, 0.25), (0.55, 0.68, 0.82))
ROOFS = ((0.62, 0.20, 0.12), (0.35, 0.25, 0.2), (0.28, 0.3, 0.35), (0.25, 0.4, 0.22))
LIT, DARK = (0.98, 0.85, 0.35), (0.15, 0.2, 0.3)  # windows
TRUNK, SNOW = (0.35, 0.24, 0.15), (0.93, 0.94, 0.97)


@final
@dataclass(frozen=True)
class Landscape:
    """An image and the class of every pixel.

    Attributes:
        image: (height, width, 3) float32, red, green and blue of 0 to 1.
        label: (height, width) uint8, numbers in `CLASSES`.
    """

    image: Image
    label: NDArray[np.uint8]


def make_landscapes(count: int, seed: int) -> list[Landscape]:
    """Paint landscapes; number i depends on the seed and on i alone."""
    return [paint(np.random.default_rng([seed, i])) for i in range(count)]


def paint(random: Random, height: int = HEIGHT, width: int = WIDTH) -> Landscape:
    """Paint a landscape."""
    canvas = _Canvas(random, height, width)
    horizon = round(height * random.uniform(0.45, 0.72))
    canvas.sky(horizon)
    far = canvas.ridges(horizon)
    if random.random() < 0.25:  # no water
        canvas.objects(far, 0.35)
    else:
        canvas.water(horizon)
        if random.random() < 0.6:
            canvas.objects(canvas.shore(horizon), 0.35)
        else:
            canvas.objects(np.full(width, horizon + 1.0), 0.0)
    return canvas.developed()


@final
class _Canvas:
    """An image while it is painted, back to front."""

    def __init__(self, random: Random, height: int, width: int):
        self.random = random
        self.height, self.width = height, width
        self.y, self.x = np.mgrid[:height, :width].astype(float)
        self.colour = np.zeros((height, width, 3))
        self.label = np.zeros((height, width), np.uint8)

    def pick(self, colours: Any, spread: float = 0.06) -> Colour:
        """Draw one of the colours, a little changed."""
        colour = np.array(colours[self.random.integers(len(colours))])
        return colour + self.random.normal(0, spread, 3)

    def cloud(self, *sigma: float) -> NDArray[np.float64]:
        """Draw smooth noise of mean 0 and deviation 1; `sigma` rows and columns."""
        noise = self.random.normal(size=(self.height, self.width))
        noise = gaussian_filter(noise, sigma, mode="wrap")
        return noise / noise.std()

    def put(self, where: Any, colour: Any, label: int, texture: Any = 0.0) -> None:
        """Paint pixels; the texture lightens and darkens."""
        shade = np.broadcast_to(1 + np.asarray(texture), where.shape)[..., None]
        painted = np.broadcast_to(colour, self.colour.shape) * shade
        self.colour[where] = painted[where]
        self.label[where] = label

    # -------------------------------------------------------------- far things

    def sky(self, horizon: int) -> None:
        """Paint the sky, clouds and the sun."""
        random = self.random
        top, low = np.array(SKIES[random.integers(len(SKIES))])
        top, low = (c + random.normal(0, 0.04, 3) for c in (top, low))
        depth = np.clip(self.y / max(horizon, 1), 0, 1)[..., None]
        sky = top * (1 - depth) + low * depth
        self.low = low
        if random.random() < 0.6:
            thick = self.cloud(random.uniform(1.5, 3), random.uniform(4, 9))
            share = np.clip(thick - random.uniform(0.2, 1.0), 0, 1)[..., None]
            light = low.mean() * random.uniform(0.9, 1.25)
            sky = sky * (1 - share) + light * share
        everywhere = np.ones_like(self.label, bool)
        if random.random() < 0.7:
            radius = random.uniform(2.5, 5.5)
            cx = random.uniform(radius, self.width - radius)
            cy = random.uniform(radius, max(horizon - 1, radius))
            far = np.hypot(self.x - cx, self.y - cy)
            sun = np.array((1.0, random.uniform(0.75, 0.98), random.uniform(0.3, 0.8)))
            glow = 0.6 * np.exp(-np.clip(far - radius, 0, None) / 3)[..., None]
            self.put(everywhere, sky * (1 - glow) + sun * glow, SKY)
            self.put(far <= radius, sun, SUN)
            self.sun = (cx, sun)
        else:
            self.put(everywhere, sky, SKY)
            self.sun = None
        self.above = sky

    def outline(self, base: float, rise: float) -> NDArray[np.float64]:
        """Draw the upper edge of a ridge: for each column its row."""
        x, line = np.arange(self.width) / self.width, np.zeros(self.width)
        for wave in range(1, 7):
            size = self.random.normal() / wave
            phase = self.random.uniform(0, 2 * np.pi)
            line += size * np.sin(2 * np.pi * wave * x * 0.8 + phase)
        line = (line - line.min()) / max(np.ptp(line), 1e-9)
        if self.random.random() < 0.4:  # sharp peaks
            line = np.abs(2 * line - 1)
        return base - rise * line

    def ridges(self, horizon: int) -> NDArray[np.float64]:
        """Paint mountains, the farthest first; return the edge of the nearest."""
        random, count = self.random, int(self.random.integers(1, 4))
        edge = np.full(self.width, float(horizon))
        for k in range(count):
            near = (k + 1) / count
            rise = random.uniform(0.15, 0.55) * horizon * (1.2 - 0.6 * near)
            edge = self.outline(horizon - 2 + 2 * near, rise)
            haze = random.uniform(0.4, 0.8) * (1 - near)
            colour = self.pick(SLOPES) * (1 - haze) + self.low * haze
            rough = self.cloud(0.9, 0.9) * 0.10 + self.cloud(4, 2) * 0.08
            here = self.y >= edge
            self.put(here, colour, MOUNTAIN, rough * (1 - haze))
            if random.random() < 0.3:
                line = edge.min() + random.uniform(0.2, 0.5) * rise + self.cloud(2, 2)
                snow = here & (self.y < line)
                white = np.array(SNOW) * (1 - haze) + self.low * haze
                self.put(snow, white, MOUNTAIN, rough * 0.4)
        return edge

    def water(self, horizon: int) -> None:
        """Paint water that mirrors what stands above it."""
        random = self.random
        below = np.arange(self.height) >= horizon
        mirror = np.clip(2 * horizon - np.arange(self.height) - 1, 0, horizon - 1)
        sees = self.colour if random.random() < 0.5 else self.above
        share = random.uniform(0.3, 0.8)
        deep = self.pick(((0.10, 0.25, 0.38), (0.16, 0.33, 0.33)))
        colour = share * sees[mirror] + (1 - share) * deep
        ripples = self.cloud(0.6, random.uniform(2, 5)) * random.uniform(0.04, 0.12)
        where = np.broadcast_to(below[:, None], self.label.shape)
        self.put(where, colour, WATER, ripples)
        if self.sun and random.random() < 0.6:
            cx, sun = self.sun
            wide = 1.5 + 0.12 * (self.y - horizon)
            glint = np.abs(self.x - cx) + 2 * self.cloud(0.6, 2) < wide
            self.put(where & glint, 0.8 * sun + 0.2 * deep, WATER, ripples)

    def shore(self, horizon: int) -> NDArray[np.float64]:
        """Paint a near shore in front of the water; return its edge."""
        deep = self.random.uniform(0.3, 0.8) * (self.height - horizon)
        edge = self.outline(self.height, deep)
        slope = self.random.choice([-1, 0, 1]) * self.random.uniform(0, 0.25)
        edge = edge + slope * (np.arange(self.width) - self.width / 2)
        rough = self.cloud(0.9, 0.9) * 0.10 + self.cloud(3, 3) * 0.08
        self.put(self.y >= edge, self.pick(SLOPES), MOUNTAIN, rough)
        return np.minimum(edge, self.height - 1)

    # -------------------------------------------------------------- near things

    def objects(self, edge: NDArray[np.float64], depth: float) -> None:
        """Paint houses and trees, far ones first.

        They stand on an edge, or below it by up to a share of what is below.
        """
        random = self.random
        kinds = [HOUSE] * random.integers(0, 4) + [TREE] * random.integers(0, 6)
        places = []
        for kind in kinds:
            x = random.uniform(2, self.width - 2)
            below = self.height - edge[int(x)]
            foot = edge[int(x)] + random.uniform(0, depth) * below
            places.append((min(foot, self.height - 1), x, kind))
        for foot, x, kind in sorted(places):
            size = random.uniform(0.75, 1.35) * (0.7 + 0.6 * foot / self.height)
            (self.house if kind == HOUSE else self.tree)(x, foot, size)

    def house(self, x: float, foot: float, size: float) -> None:
        """Paint a house: wall, roof, windows, perhaps a door."""
        random = self.random
        wide, tall = size * random.uniform(9, 15), size * random.uniform(5, 8)
        roof, left = size * random.uniform(3.5, 6), x - wide / 2
        eaves = foot - tall
        inside = np.abs(self.x - x) <= wide / 2
        shade = self.cloud(3, 3) * 0.03
        wall = inside & (self.y <= foot) & (self.y > eaves)
        self.put(wall, self.pick(WALLS), HOUSE, shade)
        rise = np.clip((eaves - self.y) / roof, 0, 1)
        slant = 1.0 if random.random() < 0.5 else random.uniform(0.3, 0.6)
        over = np.abs(self.x - x) <= (wide / 2 + 1) * (1 - slant * rise)
        tiles = shade + 0.06 * np.where(self.y % 2 < 1, 1, -1)
        top = over & (self.y <= eaves) & (self.y > eaves - roof)
        self.put(top, self.pick(ROOFS), HOUSE, tiles)
        glass = self.pick((LIT, DARK), 0.04)
        for at in np.arange(left + 1.5, left + wide - 2.5, random.uniform(4, 5)):
            inside = (self.x >= at) & (self.x < at + 2.2)
            rows = (self.y > eaves + 0.2 * tall) & (self.y < eaves + 0.65 * tall)
            self.put(wall & inside & rows, glass, HOUSE)

    def tree(self, x: float, foot: float, size: float) -> None:
        """Paint a tree: a trunk below a crown, pointed or round."""
        random = self.random
        tall = size * random.uniform(10, 18)
        colour = self.pick(LEAVES)
        rough = self.cloud(0.7, 0.7) * 0.22
        trunk = (np.abs(self.x - x) <= 0.5 + 0.4 * size) & (self.y <= foot)
        self.put(trunk & (self.y > foot - 0.5 * tall), TRUNK, TREE)
        if random.random() < 0.5:
            down = (self.y - (foot - tall)) / (0.85 * tall)  # 0 at the tip, 1 below
            wide = size * random.uniform(3.0, 4.5) * down + 0.6 * self.cloud(1, 1)
            crown = (np.abs(self.x - x) <= wide) & (down >= 0) & (down <= 1)
        else:
            high, wide = 0.36 * tall, size * random.uniform(4, 6)
            across, down = (self.x - x) / wide, (self.y - foot + 0.64 * tall) / high
            crown = across**2 + down**2 + 0.15 * self.cloud(1, 1) <= 1
        self.put(crown, colour, TREE, rough)

    def developed(self) -> Landscape:
        """Return the painting under its light, as a camera with noise sees it."""
        random = self.random
        light = random.uniform(0.65, 1.1) * (1 + random.normal(0, 0.06, 3))
        slant = random.uniform(-0.2, 0.2, 2)
        across = slant[0] * (self.x / self.width - 0.5)
        down = slant[1] * (self.y / self.height - 0.5)
        seen = self.colour * light * (1 + across + down)[..., None]
        seen = gaussian_filter(seen, (0.4, 0.4, 0))
        seen += random.normal(0, random.uniform(0.01, 0.04), seen.shape)
        return Landscape(np.clip(seen, 0, 1).astype(np.float32), self.label)
