"""Make web pages of many sites, each with one advert, and where in the page it stands.

A page has a feed of cards, an article or both, and a column beside them with cards of
its own; each site has its own tags, depth of wrapping, class names without meaning, and
order of columns. One card is an advert, marked like the others with a word of its own.
The class is where it stands:

- ``feed``: an item of the list that the page is about,
- ``article``: between two paragraphs of the text,
- ``beside``: in the other column.

The words and tags are the same wherever it stands; its place in the tree tells. (Where
there is no feed it cannot stand in one: of a page of which only that is known, majority
guessing gets a little better than a third.)

    python examples/html/make_pages.py FOLDER [NUMBER [SEED]]

writes pages to FOLDER/train, dev and test (8:1:1), each with labels.csv: path, label.
All pages of a site are in one of them, so that a model is tested on sites unseen.
"""

from __future__ import annotations

import csv
import sys
from html import escape
from pathlib import Path

import numpy as np

PLACES = ("feed", "article", "beside")
SPLITS = {"train": 0.8, "dev": 0.1, "test": 0.1}
PAGES_A_SITE = 10
MARKS = ["Sponsored", "Advertisement", "Promoted", "Partner offer"]
TOPICS = ["News", "Review", "Video", "Opinion", "Guide", "Gallery", "Interview"]
WORDS = [
    "harbour", "winter", "engine", "garden", "letter", "market", "bridge", "signal",
    "morning", "copper", "river", "paper", "window", "music", "station", "yellow",
    "mountain", "record", "village", "autumn", "camera", "silver", "kitchen",
    "forest", "ticket", "island", "museum", "summer", "cotton", "planet",
]  # fmt: skip


class Site:
    """How the pages of one site are written.

    Args:
        rng: decides.
    """

    def __init__(self, rng: np.random.Generator):
        self.rng = rng
        plain = rng.random() < 0.5  # every block a div, as in most pages out there
        self.main = "div" if plain else "main"
        self.aside = "div" if plain else self.one("aside", "section")
        self.card = self.one("div", "article", "a") if plain else "article"
        self.list = self.one(("ul", "li"), ("ol", "li"), ("div", "div"))
        self.wraps = rng.integers(0, 4, 4)  # divs around page, column, list and card
        self.beside_first = rng.random() < 0.4
        self.image = rng.random() < 0.7
        self.mark = self.one(*MARKS)
        self.salt = int(rng.integers(1 << 30))

    def one(self, *of):
        """Return one of several."""
        return of[int(self.rng.integers(len(of)))]

    def name(self, what: str) -> str:
        """Return a class as builders of pages write them, such as css-1k2z."""
        number = hash_of(what) * 7919 + self.salt
        return f' class="css-{np.base_repr(number % 36**5, 36).lower()}"'

    def block(self, tag: str, what: str, *inside: str) -> str:
        """Return an element."""
        return f"<{tag}{self.name(what)}>{''.join(inside)}</{tag}>"

    def wrapped(self, number: int, what: str, inside: str) -> str:
        """Return something in as many divs."""
        for k in range(number):
            inside = self.block("div", f"{what}{k}", inside)
        return inside

    def words(self, low: int, high: int) -> str:
        """Return some words."""
        some = self.rng.choice(WORDS, self.rng.integers(low, high, endpoint=True))
        return escape(" ".join(some).capitalize())

    def item(self, topic: str) -> str:
        """Return a card: a picture, a topic, a headline."""
        parts = ['<img src="/i.jpg" alt="">'] if self.image else []
        parts += [self.block("span", "topic", topic), f"<h3>{self.words(2, 6)}</h3>"]
        if self.rng.random() < 0.5:
            parts.append(f"<p>{self.words(4, 12)}.</p>")
        card = self.block(self.card, "card", *parts)
        return self.wrapped(int(self.wraps[3]), "cardwrap", card)

    def cards(self, number: int, advert: bool) -> str:
        """Return a list of cards, one of them the advert."""
        topics = [self.one(*TOPICS) for _ in range(number)]
        if advert:
            topics[int(self.rng.integers(number))] = self.mark
        outer, inner = self.list
        items = (self.block(inner, "item", self.item(topic)) for topic in topics)
        found = self.block(outer, "list", *items)
        return self.wrapped(int(self.wraps[2]), "listwrap", found)

    def text(self, advert: bool) -> str:
        """Return an article, the advert between two of its paragraphs."""
        parts = [
            f"<p>{self.words(10, 25)}. {self.words(5, 15)}.</p>"
            for _ in range(self.rng.integers(2, 6))
        ]
        if advert:
            parts.insert(int(self.rng.integers(1, len(parts))), self.item(self.mark))
        return self.block("div", "text", *parts)

    def page(self, place: str) -> str:
        """Return a page whose advert stands in a place."""
        has_feed = place == "feed" or self.rng.random() < 0.7
        has_text = place == "article" or not has_feed or self.rng.random() < 0.7
        inside = [f"<h1>{self.words(3, 7)}</h1>"]
        if has_text:
            inside.append(self.text(place == "article"))
        if has_feed:
            inside.append(self.cards(int(self.rng.integers(2, 6)), place == "feed"))
        main = self.block(self.main, "main", *inside)
        beside = self.block(
            self.aside,
            "beside",
            f"<h2>{self.words(1, 3)}</h2>",
            self.cards(int(self.rng.integers(2, 6)), place == "beside"),
        )
        columns = [
            self.wrapped(int(self.wraps[1]), f"column{k}", part)
            for k, part in enumerate((main, beside))
        ]
        if self.beside_first:
            columns.reverse()
        links = "".join(f'<a href="/{w}">{w}</a>' for w in self.rng.choice(WORDS, 5))
        body = self.wrapped(int(self.wraps[0]), "page", "".join(columns))
        return (
            f"<!doctype html><html><head><title>{self.words(2, 5)}</title></head><body>"
            f"<header><nav>{links}</nav></header>{body}"
            f"<footer><p>{self.words(3, 6)}</footer></body></html>\n"
        )


def hash_of(what: str) -> int:
    """Return a number that is the same in every run."""
    return sum((k + 1) * ord(letter) for k, letter in enumerate(what))


def write(folder: Path, number: int, seed: int = 0) -> None:
    """Write the pages of each split."""
    sites = -(-number // PAGES_A_SITE)
    ends = [round(sites * share) for share in np.cumsum([*SPLITS.values()])]
    for split, begin, end in zip(SPLITS, [0, *ends], ends, strict=False):
        (folder / split).mkdir(parents=True, exist_ok=True)
        rows = []
        for number_of_site in range(begin, end):
            rng = np.random.default_rng([seed, number_of_site])
            site = Site(rng)
            for page in range(PAGES_A_SITE):
                place = PLACES[int(rng.integers(len(PLACES)))]
                name = f"site{number_of_site:04d}-{page}.html"
                (folder / split / name).write_text(site.page(place), encoding="utf-8")
                rows.append([name, place])
        with (folder / split / "labels.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["path", "label"], *rows])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    given = [int(word) for word in sys.argv[2:4]]
    number, seed = given + [6000, 0][len(given) :]
    write(Path(sys.argv[1]), number, seed)
