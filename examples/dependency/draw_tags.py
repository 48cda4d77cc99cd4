"""Draw a sentence's dependency tree with predicted tags, errors marked.

python examples/dependency/draw_tags.py GOLD.conllu TOLD.conllu OUT.svg [NUMBER]

NUMBER counts the sentences from 1. Without it the first that has an error is drawn.
Relations stand on arcs from head to word; a tag that is not the annotated one stands in
a thick frame, with a cross and the annotated one below.
"""

from __future__ import annotations

import sys
from pathlib import Path

from treefold.data.errors import DataError
from treefold.data.readers.conllu_text import Word, sentences
from treefold.svg.frame import EDGE, FAINT, INK, frame
from treefold.svg.text import escape

LETTER, APART, LEVEL = 8.5, 26, 34  # pixels: of a letter, between words, of an arc
RIGHT, WRONG = "#d3e5f2", "#fbdfb8"


def read(file: str) -> list[list[Word]]:
    """Read sentences, and stop at the first that is bad."""
    found = list[list[Word]]()
    for each in sentences(Path(file).read_bytes(), file):
        if isinstance(each, DataError):
            raise each
        found.append(each)
    return found


def is_wrong(gold: Word, told: Word) -> bool:
    """Whether the predicted tag is not the annotated one."""
    return gold.text("upos") != told.text("upos")


def arc_levels(heads: list[int]) -> list[int]:
    """Return how high each word's arc must be to pass over those inside it."""
    spans = sorted((abs(h - k), min(h, k), max(h, k), k) for k, h in heads_of(heads))
    level = dict[int, int]()
    for _, low, high, k in spans:
        inside = [
            level[j]
            for _, a, b, j in spans
            if j in level and low <= a and b <= high and j != k
        ]
        level[k] = 1 + max(inside, default=0)
    return [level.get(k, 0) for k in range(1, len(heads) + 1)]


def heads_of(heads: list[int]) -> list[tuple[int, int]]:
    """Return word and head of every word that has one."""
    return [(k, head) for k, head in enumerate(heads, 1) if head]


def text(x: float, y: float, words: str, **style: str) -> str:
    """Return a line of centred text."""
    said = "".join(f' {k.replace("_", "-")}="{v}"' for k, v in style.items())
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle"{said}>{escape(words)}</text>'
    )


def draw(gold: list[Word], told: list[Word]) -> str:
    """Return the picture of a sentence."""
    heads = [word.fields["head"] for word in gold]
    labels = [(w.text("form"), w.text("deprel"), w.text("upos")) for w in gold]
    width = [LETTER * max(map(len, each)) + APART for each in labels]
    middle = [sum(width[:k]) + width[k] / 2 + 20 for k in range(len(gold))]
    levels = arc_levels(heads)
    ground = LEVEL * (max(levels) + 1) + 50  # where arcs begin
    body, wrong = list[str](), list[str]()
    for k, head in heads_of(heads):
        a, b = middle[head - 1], middle[k - 1]
        a += 5 if b > a else -5  # arcs that leave a word do not end where one arrives
        top = ground - LEVEL * levels[k - 1]
        body.append(
            f'<path d="M{a:g} {ground} V{top + 8:g} Q{a:g} {top} '
            f"{a + (8 if b > a else -8):g} {top} H{b + (8 if a > b else -8):g} "
            f'Q{b:g} {top} {b:g} {top + 8:g} V{ground - 5}" fill="none" '
            f'stroke="{EDGE}"/>'
            f'<path d="M{b - 4:g} {ground - 8} h8 l-4 8 z" fill="{EDGE}"/>'
        )
        relation = gold[k - 1].text("deprel")
        body.append(text((a + b) / 2, top - 4, relation, font_size="11", fill=FAINT))
    for k, (one, other) in enumerate(zip(gold, told, strict=True)):
        x, tag = middle[k], other.text("upos")
        weight = "normal" if heads[k] else "bold"
        form = one.text("form")
        body.append(text(x, ground + 20, form, font_size="15", font_weight=weight))
        bad = is_wrong(one, other)
        w = LETTER * len(tag) + 12
        box = f'x="{x - w / 2:g}" y="{ground + 32}" width="{w:g}" height="20" rx="4"'
        body.append(
            f'<rect {box} fill="{WRONG if bad else RIGHT}" stroke="{INK}" '
            f'stroke-width="{2 if bad else 0.6}"/>'
        )
        body.append(text(x, ground + 46, tag, font_size="12"))
        if bad:
            right = one.text("upos")
            wrong.append(f"{one.text('form')} told {tag}, annotated {right}")
            body.append(text(x, ground + 68, f"✗ is {right}", font_size="12"))
    said = "; ".join(wrong) or "all tags as annotated"
    legend = "bold: the root. Thick frame and ✗: not the annotated tag, which is below"
    body.append(
        f'<text x="20" y="24" font-size="12" fill="{FAINT}">{escape(legend)}</text>'
    )
    size = max(sum(width) + 40, 480)
    return frame(size, ground + 86, "A sentence as tree, with its tags", said, body)


def main(gold: str, told: str, out: str, number: str = "") -> None:
    """Draw one sentence."""
    pairs = list(zip(read(gold), read(told), strict=True))
    chosen = int(number) - 1 if number else 0
    if not number:
        errors = [any(map(is_wrong, *pair)) for pair in pairs]
        chosen = errors.index(True) if True in errors else 0
    Path(out).write_text(draw(*pairs[chosen]), "utf-8")
    print(f"Drew sentence {chosen + 1} of {len(pairs)} in {out}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
