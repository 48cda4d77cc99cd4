"""Pages: whole, self-contained, safe against what is written in them."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest

from treefold.report import (
    Report,
    Row,
    TreePicture,
    confusion_matrix,
    learning_curve,
    write_report,
    write_trees_page,
)
from treefold.svg import tree_svg

HOSTILE = "</style><script>alert('1')</script>\" onload=\"x\0\ud800"


def picture(word="warm", **said):
    svg = tree_svg([0, 0, 0, 2], [0, 1], [2], text=[word, "soup", "np"], title=word)
    return TreePicture(svg, f"{word} soup", **said)


def history(seed):
    draw = np.random.default_rng(seed)
    return [
        {"epoch": e + 1, "train_loss": 1 / (e + 1), "dev_root_accuracy": draw.random()}
        for e in range(4 + seed)
    ]


@pytest.fixture
def full():
    return Report(
        title="Swapped operands",
        summary="A Tree-LSTM was trained.",
        not_this="This is no bug finder.",
        results=[
            Row("majority", 0.5),
            Row(
                "Tree-LSTM", [0.84, 0.86], "model", {"no constant inside": [0.79, 0.8]}
            ),
        ],
        history=[history(0), history(1)],
        confusion=[[40, 10], [5, 45]],
        classes=("original", "swapped"),
        right=[picture(truth="swapped", prediction="swapped", probability=0.987)],
        wrong=[
            picture("cold", truth="original", prediction="swapped", probability=0.9)
        ],
        legend=[("#b75503", "original"), ("#1f62a6", "swapped")],
        data={"trees": "1,234"},
        config={"model": {"hidden_size": 64}},
        versions={"torch": "2.13.0"},
        command="treefold train python-swaps\n  --model tree-lstm",
    )


class Page(HTMLParser):
    """Collects tags, attributes and text, and sees that tags are closed in order."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], "", []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_holds_everything_it_was_given(tmp_path, full):
    page = Page(write_report(tmp_path / "report.html", full))
    for text in (
        "Swapped operands",
        "This is no bug finder.",
        "85.0 ± 1.4",
        "79.5 ± 0.7",
        "84.0 86.0",
        "✓ swapped 98.7%",
        "✗ swapped 90.0%",
        "truly original",
        "1,234",
        "model.hidden_size",
        "2.13.0",
        "treefold train python-swaps\n  --model tree-lstm",
    ):
        assert text in page.text
    assert page.tags.count("svg") == 4
    assert page.tags.count("figure") == 2
    assert ("lang", "en") in page.attributes


def test_the_page_asks_nobody_for_anything(tmp_path, full):
    path = write_report(tmp_path / "report.html", full)
    page = Page(path)
    assert "script" not in page.tags
    assert "img" not in page.tags
    addresses = set(re.findall(r"[a-z]+://[^\"' <]*", path.read_text(encoding="utf-8")))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    for name, value in page.attributes:
        if name in ("href", "src", "xlink:href"):
            assert value.startswith("#") or value == "data:,"
    assert "@import" not in path.read_text(encoding="utf-8")


def test_ids_in_the_page_are_unique(tmp_path, full):
    page = Page(write_report(tmp_path / "report.html", full))
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    used = [v[1:] for name, v in page.attributes if name.endswith("href") and "#" in v]
    assert set(used) <= set(ids)


def test_every_picture_has_words_for_those_who_cannot_see_it(tmp_path, full):
    text = write_report(tmp_path / "report.html", full).read_text(encoding="utf-8")
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        root = ET.fromstring(svg)
        assert root.get("role") == "img"
        assert root.get("aria-label")
        assert root.findtext("{http://www.w3.org/2000/svg}desc")


def test_hostile_text_does_no_harm(tmp_path):
    report = Report(
        title=HOSTILE,
        summary=HOSTILE,
        not_this=HOSTILE,
        results=[Row(HOSTILE, 0.5, columns={HOSTILE: 0.1})],
        history=[[{HOSTILE: 0.4, "train_loss": 1.0}]],
        metric=HOSTILE,
        confusion=np.eye(2, dtype=int),
        classes=(HOSTILE, "$x$ 漢字"),
        right=[picture(HOSTILE, truth=HOSTILE, prediction=HOSTILE, probability=1.0)],
        legend=[("#ffffff", HOSTILE)],
        data={HOSTILE: HOSTILE},
        config={HOSTILE: HOSTILE},
        versions={HOSTILE: HOSTILE},
        command=HOSTILE,
    )
    path = write_report(tmp_path / "report.html", report)
    page = Page(path)
    assert "script" not in page.tags
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert b"\0" not in path.read_bytes()


def test_an_empty_report_is_a_page_with_a_title(tmp_path):
    page = Page(write_report(tmp_path / "report.html", Report(title="Nothing yet")))
    assert "svg" not in page.tags
    assert "h2" not in page.tags
    assert "Nothing yet" in page.text


def test_the_same_report_gives_the_same_bytes(tmp_path, full):
    first, second = (write_report(tmp_path / name, full) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_a_page_of_trees_shows_them_in_order(tmp_path):
    pictures = [picture("first"), picture("second", truth="swapped")]
    path = write_trees_page(
        tmp_path / "trees.html", "Two trees", pictures, legend=[("#fff", "white")]
    )
    page = Page(path)
    assert page.text.index("first soup") < page.text.index("second soup")
    assert page.tags.count("svg") == 2
    empty = Page(write_trees_page(tmp_path / "none.html", "No trees", []))
    assert "There is nothing to draw." in empty.text


def test_a_failed_write_leaves_the_old_page_and_no_rubbish(tmp_path, full, monkeypatch):
    path = write_report(tmp_path / "report.html", full)
    before = path.read_bytes()

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_report(path, Report(title="new"))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_wide_picture_may_shrink_only_so_far(tmp_path):
    path = write_trees_page(tmp_path / "trees.html", "t", [picture("word" * 7)])
    pattern = r"min-width:(\d+)px\"[^>]* width=\"([\d.]+)"
    [(least, width)] = re.findall(pattern, path.read_text(encoding="utf-8"))
    assert int(least) == pytest.approx(0.72 * float(width), abs=1)


@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_the_curve_shows_baselines_by_name_and_value(epochs):
    svg = learning_curve([history(0)[:epochs]], baselines={"bag of $words$": 0.5})
    root = ET.fromstring(svg)
    said = ["".join(t.itertext()) for t in root.iter() if t.tag.endswith("text")]
    assert "bag of $words$ 0.500" in said
    assert "dev root accuracy" in said
    assert "train loss" in said


def test_the_curve_has_holes_where_nothing_was_measured():
    rows = [
        {"epoch": 1, "m": None},
        {"epoch": 2, "m": float("nan")},
        {"epoch": 3, "m": 0.5},
    ]
    assert "last epoch 0.500" in learning_curve([rows], metric="m")
    nothing = learning_curve([], metric="m", baselines={"majority": 0.5})
    assert "majority 0.500" in nothing
    assert "train loss" not in nothing


def test_baselines_of_equal_height_are_named_apart():
    svg = learning_curve([], baselines={"first": 0.5, "second": 0.5, "third": 0.501})
    place = r"<text[^>]*?(?:y=\"|translate\([\d.]+ )([\d.]+)[^>]*>"
    found = re.findall(place + "(?:first|second|third)", svg)
    heights = sorted(map(float, found))
    assert len(heights) == 3
    assert min(np.diff(heights)) > 8


def test_the_matrix_shows_counts_and_shares_of_rows():
    svg = confusion_matrix([[30, 10], [0, 0]], ("original", "swapped"))
    for text in ("30", "75%", "10", "25%", "original", "swapped"):
        assert f">{text}<" in svg
    assert "30 of 40 on the diagonal" in svg
    assert "<image" not in svg


def test_a_matrix_of_many_classes_is_drawn_without_numbers():
    svg = confusion_matrix(np.eye(20, dtype=int), [f"class {k}" for k in range(20)])
    assert ">1<" not in svg
    assert ">class 19<" in svg


def test_a_matrix_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 3\), got \(2, 2\)"):
        confusion_matrix(np.eye(2), ["a", "b", "c"])
