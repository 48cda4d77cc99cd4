"""Walk through the history of recursive networks, each model at work on a small case.

    python examples/history.py [history.html] [--pictures FOLDER]

Five exhibits, from 1990 to 2015, train in seconds each and need no data: their cases
are made by rule. What each of them measured is printed, and stands with a picture on
one page. `docs/history.md` tells the same at more leisure.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from html import escape
from pathlib import Path

from tqdm import tqdm

from museum import Exhibit, raam, reasoning, relations, transduction, tree_lstm

ROOMS: tuple[Callable[[], Exhibit], ...] = (
    raam.exhibit,
    transduction.exhibit,
    reasoning.exhibit,
    relations.exhibit,
    tree_lstm.exhibit,
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Recursive networks, 1990 to 2015</title>
<style>
body {{ font: 17px/1.6 system-ui, sans-serif; color: #16202b; max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }}
h2 {{ margin: 3rem 0 0; }}
.paper, figcaption {{ color: #5a6876; font-size: 0.9em; }}
figure {{ margin: 1rem 0; overflow-x: auto; }}
</style>
</head>
<body>
<h1>Recursive networks, 1990 to 2015</h1>
<p>Every model below was trained a moment ago, on a small case made by rule.</p>
{rooms}
</body>
</html>
"""
ROOM = """<section>
<h2>{year}: {name}</h2>
<p class="paper">{paper}</p>
<p>{idea}</p>
<figure>{svg}<figcaption>{caption}</figcaption></figure>
<p><strong>Here:</strong> {found}</p>
</section>
"""


def room(exhibit: Exhibit) -> str:
    """Return the part of the page about one model."""
    words = {k: escape(str(v)) for k, v in exhibit._asdict().items() if k != "svg"}
    return ROOM.format(svg=exhibit.svg, **words)


def main() -> None:
    """Train all models, print what each measured, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("page", nargs="?", type=Path, default=Path("history.html"))
    parser.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="write an SVG file of each, too"
    )
    arguments = parser.parse_args()
    exhibits = []
    quiet = not sys.stderr.isatty()
    for exhibit_of in tqdm(ROOMS, unit="model", leave=False, disable=quiet):
        begin = time.perf_counter()
        exhibit = exhibit_of()
        seconds = time.perf_counter() - begin
        tqdm.write(f"{exhibit.year}  {exhibit.name} ({seconds:.0f} s)")
        tqdm.write(f"      {exhibit.paper}\n      {exhibit.found}")
        exhibits.append(exhibit)
        if arguments.pictures:
            path = arguments.pictures / f"history-{exhibit.year}.svg"
            path.write_text(exhibit.svg + "\n", encoding="utf-8")
    page = PAGE.format(rooms="".join(map(room, exhibits)))
    arguments.page.write_text(page, encoding="utf-8")
    print(f"Wrote {arguments.page}. Open it in a browser.")


if __name__ == "__main__":
    main()
