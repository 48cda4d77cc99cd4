"""Pictures of forests: what is in them, how they stand, and what they refuse."""

import itertools
import re
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from treefold.svg import categorical, diverging, ink, sequential, tree_svg
from treefold.svg.layout import lay_out
from treefold.svg.structure import heights
from treefold.svg.text import clean, width

SVG = "{http://www.w3.org/2000/svg}"

STRUCTURES = {
    "a single node": [[]],
    "a pair": [[], [], [0, 1]],
    "a chain": [[], *([i] for i in range(11))],
    "a wide node": [*([] for _ in range(30)), list(range(30))],
    "mixed arity": [[], [], [0, 1], [2], [], [3, 4], [], [], [6, 7, 5]],
    "three trees": [[], [], [0, 1], [], [3], []],
    "a shared node": [[], [], [0, 1], [2, 0], [3, 2, 1]],
    "the same child twice": [[], [0, 0], [1, 0, 1]],
    "several roots over one leaf": [[], [0], [0], [1, 0]],
    "no node": [],
}


def csr(children):
    """Return offset, child and the nodes without parents."""
    offset = np.cumsum([0, *map(len, children)])
    child = [c for below in children for c in below]
    return offset, child, [v for v in range(len(children)) if v not in child]


def parse(svg):
    return ET.fromstring(svg)


def texts(svg):
    return ["".join(t.itertext()) for t in parse(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("children", STRUCTURES.values(), ids=STRUCTURES)
class TestEveryStructure:
    def test_is_well_formed_and_shows_each_label_once(self, children):
        labels = [f"node {v}" for v in range(len(children))]
        svg = tree_svg(*csr(children), text=labels)
        assert sorted(texts(svg)) == sorted(labels or ["empty forest"])

    def test_has_a_path_for_each_edge_and_a_box_for_each_node(self, children):
        root = parse(tree_svg(*csr(children)))
        assert len(list(root.iter(f"{SVG}path"))) == sum(map(len, children))
        assert len(list(root.iter(f"{SVG}rect"))) == len(children) + 1  # the paper

    def test_stays_on_its_paper(self, children):
        svg = tree_svg(*csr(children), text=["a word or two"] * len(children))
        root = parse(svg)
        for box in root.iter(f"{SVG}rect"):
            x, y, w, h = (float(box.get(k, "")) for k in ("x", "y", "width", "height"))
            assert x >= 0
            assert y >= 0
            assert x + w <= float(root.get("width", ""))
            assert y + h <= float(root.get("height", ""))

    def test_is_named_for_those_who_cannot_see_it(self, children):
        root = parse(tree_svg(*csr(children), title="my trees"))
        assert root.get("role") == "img"
        assert root.findtext(f"{SVG}title") == "my trees"
        assert f"{len(children)} node" in (root.findtext(f"{SVG}desc") or "")

    def test_is_the_same_each_time(self, children):
        assert tree_svg(*csr(children)) == tree_svg(*csr(children))

    def test_no_boxes_overlap(self, children):
        sizes = [(10.0 + 7 * (v % 5), 20.0) for v in range(len(children))]
        offset, child, _ = csr(children)
        level = heights(offset, np.array(child, np.int64)).tolist()
        at = lay_out(children, level, sizes).centre
        for a, b in itertools.combinations(range(len(children)), 2):
            apart = abs(at[a][0] - at[b][0]) >= (sizes[a][0] + sizes[b][0]) / 2
            assert apart or abs(at[a][1] - at[b][1]) >= 20

    def test_no_edge_crosses_a_box(self, children):
        sizes = [(14.0, 20.0)] * len(children)
        offset, child, _ = csr(children)
        level = heights(offset, np.array(child, np.int64)).tolist()
        layout = lay_out(children, level, sizes)
        ends = [(v, c) for v, below in enumerate(children) for c in below]
        for (v, c), path in zip(ends, layout.paths, strict=True):
            inside = [p for a, b in itertools.pairwise(path) for p in between(a, b)]
            for other in set(range(len(children))) - {v, c}:
                x, y = layout.centre[other]
                assert not any(
                    abs(px - x) < 7 and abs(py - y) < 10 for px, py in inside
                )


def between(a, b):
    """Points on the S from a to b, whose middle is where it runs aside."""
    t = np.linspace(0, 1, 21)
    x = a[0] + (b[0] - a[0]) * (3 * t**2 - 2 * t**3)
    y = a[1] + (b[1] - a[1]) * (1.5 * t - 1.5 * t**2 + t**3)
    return zip(x, y, strict=True)


def test_leaves_stand_at_the_bottom_in_the_order_of_the_sentence():
    children = [[], [], [], [1, 2], [0, 3], [], [4, 5]]
    words = ["we", "saw", "snow", None, None, "today", None]
    root = parse(tree_svg(*csr(children), text=words))
    placed = [
        (float(t.get("x", "")), t.get("y"), t.text) for t in root.iter(f"{SVG}text")
    ]
    assert [word for _, _, word in sorted(placed)] == ["we", "saw", "snow", "today"]
    assert len({y for _, y, _ in placed}) == 1
    assert "we saw snow today" in (root.findtext(f"{SVG}desc") or "")


def test_children_are_drawn_in_order_and_not_by_number():
    assert texts(tree_svg(*csr([[], [], [1, 0]]), text=["b", "a", ""])) == ["a", "b"]


def test_a_shared_node_is_drawn_once_and_apart_from_its_second_edge():
    svg = tree_svg(*csr([[], [0, 0]]), text=["x", "·"])
    first, second = (p.get("d") for p in parse(svg).iter(f"{SVG}path"))
    assert first != second
    assert sorted(texts(svg)) == ["x", "·"]


def test_a_root_inside_another_structure_is_marked():
    offset, child, _ = csr([[], [0]])
    assert 'stroke-width="3"' in tree_svg(offset, child, [0, 1])
    assert 'stroke-width="3"' not in tree_svg(offset, child, [1])


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\"'&amp;", "\"'&amp;"),
        ("a\0b\x1b\x7f\t", "a␀b␛␡␉"),
        ("\u202etxet\x9f\ufffe\ud800", "�txet���"),
    ],
)
def test_hostile_text_is_shown_and_does_no_harm(hostile, shown):
    offset, child, roots = csr([[]])
    svg = tree_svg(offset, child, roots, text=[hostile], note=[hostile], title=hostile)
    assert texts(svg) == [shown]
    root = parse(svg.encode("utf-8").decode())
    assert [t.text for t in root.iter(f"{SVG}title")] == [shown, shown]
    assert "<script" not in svg


def test_lines_below_the_first_are_smaller_and_at_most_two():
    svg = tree_svg(*csr([[]]), text=["word\n+ 91%\nthree\nfour"])
    assert texts(svg) == ["word", "+ 91%", "three␊four"]
    assert svg.count('font-size="11.5"') == 2


def test_long_text_is_cut_and_whole_in_the_tooltip():
    long = "floccinaucinihilipilification of everything"
    svg = tree_svg(*csr([[]]), text=[long], note=["noun"])
    assert texts(svg) == ["floccinaucinihilipilificati…"]
    assert f"<title>{long}\nnoun</title>" in svg


def test_many_structures_go_on_in_further_lines():
    root = parse(tree_svg(*csr([[]] * 100), text=["word"] * 100))
    assert float(root.get("width", "")) < 1600
    assert float(root.get("height", "")) > 100


def test_colours_are_used_and_anything_else_is_refused():
    forest = csr([[]])
    svg = tree_svg(*forest, fill=["rgb(1, 2, 3)"], stroke=["teal"])
    assert 'fill="rgb(1, 2, 3)"' in svg
    assert 'stroke="teal"' in svg
    with pytest.raises(ValueError, match=r"fill must hold CSS colours.*url.*at node 0"):
        tree_svg(*forest, fill=["url(http://example.org/)"])


def test_text_on_a_box_has_contrast():
    dark = tree_svg(*csr([[]]), text=["x"], fill=["#1f62a6"])
    assert 'fill="#ffffff">x<' in dark
    unknown = tree_svg(*csr([[]]), text=["x"], fill=["teal"])
    assert 'paint-order="stroke">x<' in unknown


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (([0, 1, 2], [1, 0], [0]), "node 0 is, or stands above, a node that is below"),
        (([0, 1], [0], [0]), "below itself"),
        (([0, 0], [0], [0]), "offset must rise from 0 to the number of edges"),
        (([], [], []), "got 0 entries for 0 edges"),
        (([0, 1], [7], [0]), r"child must lie in 0\.\.0, got 7\.\.7"),
        (([0, 0], [], [-1]), r"roots must lie in 0\.\.0, got -1\.\.-1"),
    ],
)
def test_what_is_no_forest_is_told(arrays, message):
    with pytest.raises(ValueError, match=message):
        tree_svg(*arrays)


def test_a_missing_label_is_told():
    with pytest.raises(ValueError, match="text needs one entry per node: 3, got 1"):
        tree_svg(*csr([[], [], [0, 1]]), text=["x"])


def test_a_chain_of_a_million_is_summarised_at_once():
    V = 1_000_000
    start = time.perf_counter()
    svg = tree_svg(np.r_[0, np.arange(V)], np.arange(V - 1), [V - 1])
    assert time.perf_counter() - start < 10  # 0.6 s on an idle core
    assert len(svg) < 20_000
    said = " ".join(texts(svg))
    for fact in ("1,000,000 nodes", "999,999 edges", "height 999,999", "1 leaf"):
        assert fact in said


def test_a_large_dag_is_summarised_by_levels_and_shared_nodes():
    # Two grids of nodes, each over its left and right neighbour one level below.
    below = np.arange(5 * 100).reshape(5, 100)
    rows = [np.stack([r, np.roll(r, 1)], 1).ravel() for r in below[:-1]]
    offset = np.r_[np.zeros(100, int), 2 * np.arange(401)]
    svg = tree_svg(offset, np.concatenate(rows), below[-1], title="grid")
    said = " ".join(texts(svg))
    assert "100 roots · 500 nodes · 800 edges · 100 leaves · 400 shared nodes" in said
    assert "height 4; an inner node has 2 children" in said
    assert "0 (leaves) 100" in said
    assert parse(svg).findtext(f"{SVG}title") == "grid"


def test_max_nodes_says_when_a_summary_is_drawn():
    pair = csr([[], [], [0, 1]])
    assert "3 nodes" in texts(tree_svg(*pair, max_nodes=2))[0]
    assert texts(tree_svg(*pair, text=["a", "b", "c"], max_nodes=3)) == ["a", "c", "b"]
    assert parse(tree_svg([0], [], [], max_nodes=-1)) is not None


@pytest.mark.parametrize("seed", range(5))
def test_heights_agree_with_their_definition(seed):
    draw = np.random.default_rng(seed)
    children = [
        sorted(draw.integers(0, v, draw.integers(0, 4)).tolist()) if v > 150 else []
        for v in range(600)
    ]
    expected: list[int] = []
    for below in children:
        expected.append(1 + max((expected[c] for c in below), default=-1))
    offset, child, _ = csr(children)
    assert heights(offset, np.array(child)).tolist() == expected


def test_wide_characters_take_more_room_than_narrow_ones():
    assert width("漢字", 14) > width("ab", 14) > width("il", 14)
    assert width("e\u0301", 14) == width("e", 14)


def test_clean_leaves_ordinary_text_alone():
    assert clean("naïve 漢字 − ✓") == "naïve 漢字 − ✓"


def test_the_diverging_scale_runs_from_orange_through_white_to_blue():
    low, middle, high = (diverging(v, -1, 1) for v in (-1, 0, 1))
    assert (low, middle, high) == ("#b75503", "#fbfaf7", "#1f62a6")
    assert diverging(-9, -1, 1) == low
    assert diverging(3, 3, 3) == middle
    assert diverging(float("nan")) == "#d5d5d5"


def test_the_sequential_scale_darkens():
    light = [int(sequential(v)[1:3], 16) for v in np.linspace(0, 1, 30)]
    assert light == sorted(light, reverse=True)


def test_classes_have_colours_of_their_own_and_pale_when_unsure():
    assert len({categorical(k) for k in range(8)}) == 8
    assert categorical(0, 0.0) == "#ffffff"


@pytest.mark.parametrize("scale", [diverging, sequential, lambda v: categorical(4, v)])
def test_ink_can_be_read_on_every_colour_of_a_scale(scale):
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
        ]
        return np.dot([0.2126, 0.7152, 0.0722], linear)

    for value in np.linspace(0, 1, 60):
        paper = scale(value)
        dark, light = sorted([luminance(paper), luminance(ink(paper))])
        assert (light + 0.05) / (dark + 0.05) > 3.9


def test_nothing_but_a_name_space_looks_like_an_address():
    svg = tree_svg(*csr([[], [0]]), text=["a", "b"])
    assert set(re.findall(r"[a-z]+://[^\"' ]*", svg)) == {"http://www.w3.org/2000/svg"}
