"""Outlines of documents: every node is shown or told of, colour is never alone."""

import math
import re
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from treefold.data.documents import Document
from treefold.svg.bars import Column
from treefold.svg.document import document_svg
from treefold.svg.labels import Labels
from treefold.svg.outline import Outline, by_place

SVG = "{http://www.w3.org/2000/svg}"


def lines(svg):
    """The texts of a picture, each element's parts joined."""
    return ["".join(t.itertext()) for t in ET.fromstring(svg).iter(f"{SVG}text")]


def random_parents(seed, size, deep=False):
    random = np.random.default_rng(seed)
    first = (lambda v: max(0, v - 4)) if deep else (lambda v: 0)
    return [-1, *(int(random.integers(first(v), v)) for v in range(1, size))]


@pytest.fixture
def order():
    order = Document("orders.jsonl:12")
    root = order.add(-1, "object")
    order.add(root, "string", role="name", text='Ann <b> & "Co"')
    items = order.add(root, "array", role="items")
    for i, price in enumerate([12.5, math.nan, math.inf]):
        item = order.add(items, "object", role="items[]", position=i)
        order.add(item, "number", role="price", number=price)
    order.add(root, "null", role="note")
    order.add(root, "boolean", role="paid", text="true", number=1.0)
    order.add(root, "point", role="at", vector=[1.0, 2.5])
    return order


class TestTheLines:
    def test_say_role_kind_and_value(self, order):
        assert lines(document_svg(order)) == [
            "object",
            'name: "Ann <b> & "Co""',
            "items: array",
            "items[0]: object",
            "price: 12.5",
            "items[1]: object",
            "price: nan",
            "items[2]: object",
            "price: inf",
            "note: null",
            "paid: true",
            "at: point (1, 2.5)",
        ]

    def test_are_numbered_where_a_role_is_a_list(self):
        call = Document()
        root = call.add(-1, "Call", text="f")
        call.add(root, "Name", role="func", position=0, text="f")
        for i in range(2):
            call.add(root, "Constant", role="args", position=i, number=float(i))
        assert lines(document_svg(call)) == [
            'Call "f"',
            'func: Name "f"',
            "args[0]: Constant 0",
            "args[1]: Constant 1",
        ]

    def test_carry_paths_and_numbers_in_their_tooltips(self, order):
        column = Column("change", [0.25] * len(order))
        root = ET.fromstring(document_svg(order, columns=[column]))
        titles = [t.text or "" for t in root.iter(f"{SVG}title")]
        assert any(t.startswith("items[0] / price\nnumber 12.5") for t in titles)
        assert sum("change: +0.25" in t for t in titles) == len(order)

    def test_carry_remarks(self, order):
        said: list[str | None] = [None] * len(order)
        said[1] = "✗ verb, right is noun"
        found = lines(document_svg(order, said=said))
        assert found[1].endswith('"✗ verb, right is noun')

    def test_cannot_break_out_of_the_picture(self):
        nasty = Document()
        root = nasty.add(-1, "</text><script>")
        nasty.add(root, "\x00\ud800", role='"><image href="', text="</svg>\u202e\n" * 9)
        svg = document_svg(nasty, title="<&>")
        tags = {element.tag for element in ET.fromstring(svg).iter()}
        assert tags <= {
            f"{SVG}{name}"
            for name in ("svg", "title", "desc", "rect", "path", "g", "text", "tspan")
        }
        assert "://" not in svg.replace("http://www.w3.org/2000/svg", "")


class TestNumbers:
    def test_are_told_by_sign_digits_and_side(self, order):
        value = [math.nan, 0.5, -0.25, *[0.0] * (len(order) - 3)]
        svg = document_svg(order, columns=[Column("change", value)])
        found = lines(svg)
        assert found[0] == "change"
        assert "+0.50" in found
        assert "−0.25" in found
        assert found.count("0") == len(order) - 3
        boxes = [r.attrib for r in ET.fromstring(svg).iter(f"{SVG}rect")][1:]
        bars = [b for b in boxes if "rx" not in b]
        axis = float(bars[0]["x"])
        assert float(bars[0]["width"]) == pytest.approx(2 * float(bars[1]["width"]))
        assert float(bars[1]["x"]) + float(bars[1]["width"]) == pytest.approx(axis)

    def test_of_what_is_left_out_are_summed(self):
        wide = Document()
        wide.add(-1, "object")
        for i in range(10):
            wide.add(0, "number", role=f"n{i}", number=float(i))
            wide.add(wide.parent.__len__() - 1, "string", role="of", text="x")
        value = [0.0] + [float(v) for v in range(1, 21)]
        importance = [1.0] + [0.0] * 18 + [2.0, 0.0]
        each = Column("each", value)
        tops = Column("tops", value, of_subtrees=True)
        svg = document_svg(
            wide, columns=[each, tops], importance=importance, max_nodes=2
        )
        found = lines(svg)
        hidden = found.index("… 18 nodes in 9 subtrees (n0, n1, n2, …)")
        assert found[hidden - 2 : hidden] == [f"+{sum(range(1, 19))}", "+81"]

    def test_must_be_one_for_each_node(self, order):
        with pytest.raises(ValueError, match="column 'x' needs one entry per node: 12"):
            document_svg(order, columns=[Column("x", [1.0])])
        with pytest.raises(
            ValueError, match="said needs one entry per node: 12, got 0"
        ):
            document_svg(order, said=[])


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("most", [1, 5, 40, 400])
@pytest.mark.parametrize("seed", range(3))
class TestEveryOutline:
    def test_tells_of_every_node_once(self, seed, most, deep):
        parent = random_parents(seed, 300, deep)
        importance = np.random.default_rng(seed).random(300).tolist()
        outline = Outline(parent, importance, most)
        shown = [row.node for row in outline.rows if row.node >= 0]
        hidden = sum(row.hidden for row in outline.rows if row.node < 0)
        assert len(shown) == len(set(shown))
        assert len(shown) + hidden == 300
        # Single nodes left out are shown instead of told of.
        assert len(shown) <= 3 * most + 1

    def test_stands_in_the_order_of_the_document(self, seed, most, deep):
        parent = random_parents(seed, 300, deep)
        outline = Outline(parent, by_place(parent), most)
        place, waiting = {}, [0]
        while waiting:
            v = waiting.pop()
            place[v] = len(place)
            waiting += reversed(outline.children[v])
        firsts = [row.node if row.node >= 0 else row.tops[0] for row in outline.rows]
        assert [place[v] for v in firsts] == sorted(place[v] for v in firsts)

    def test_indents_a_node_below_its_parent(self, seed, most, deep):
        parent = random_parents(seed, 300, deep)
        outline = Outline(parent, by_place(parent), most)
        depth = {row.node: row.depth for row in outline.rows if row.node >= 0}
        for v, d in depth.items():
            if parent[v] in depth:
                assert d == depth[parent[v]] + 1


def test_the_most_important_node_is_shown_with_the_ends_of_its_way():
    parent = [-1, *range(5000)]
    importance = [0.0] * 5001
    importance[4321] = 1.0
    outline = Outline(parent, importance, 40)
    shown = [row.node for row in outline.rows if row.node >= 0]
    assert {0, 1, 2, 4320, 4321} <= set(shown)
    levels = [row for row in outline.rows if row.levels]
    assert sum(row.hidden for row in levels) == sum(row.levels for row in levels)


def test_paths_of_nodes_without_role_go_by_kind_and_number():
    page = Document()
    page.add(-1, "html")
    page.add(0, "head", position=0)
    page.add(0, "body", position=1)
    page.add(2, "p", position=0, text="words")
    labels = Labels(page, page.children)
    assert labels.short(3) == 'body[1] / p = "words"'
    assert labels.short(0) == "the root"


def test_the_middle_of_a_long_path_is_left_out():
    chain = Document()
    chain.add(-1, "a")
    for v in range(100):
        chain.add(v, "a", role=f"r{v}")
    path = Labels(chain, chain.children).path(100)
    assert path.startswith("r0 / r1 ")
    assert path.endswith(" / r99")
    assert path.count("/") == 12


@pytest.mark.parametrize("shape", ["bushy", "chain", "wide"])
def test_twenty_thousand_nodes_stay_readable_and_quick(shape):
    size = 20_000
    parent = {
        "bushy": random_parents(0, size),
        "chain": [-1, *range(size - 1)],
        "wide": [-1] + [0] * (size - 1),
    }[shape]
    document = Document()
    for p in parent:
        document.add(p, "node", role="r", text="a text")
    value = np.random.default_rng(0).normal(size=size).tolist()
    begun = time.process_time()
    svg = document_svg(document, columns=[Column("v", value)], max_nodes=60)
    assert time.process_time() - begun < 3
    assert len(svg) < 100_000
    root = ET.fromstring(svg)
    assert float(root.get("height", "")) < 200 * 21
    assert float(root.get("width", "")) < 1200
    assert "20,000 nodes" in (root.findtext(f"{SVG}title") or "")


def test_no_nodes_and_one_node_are_drawn():
    assert lines(document_svg(Document())) == ["no nodes"]
    one = Document()
    one.add(-1, "leaf")
    assert lines(document_svg(one)) == ["leaf"]


def test_equal_documents_give_equal_pictures(order):
    assert document_svg(order) == document_svg(order)


def test_a_document_is_a_picture_in_notebooks(order):
    html = order._repr_html_()
    assert "items[1]" in html
    assert re.match(r"<svg [^>]*aria-label=\"Document\(12 nodes\)", html)
