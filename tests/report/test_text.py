"""Pictures of a language model."""

from xml.etree import ElementTree

import pytest

from treefold.report.text import against_time, surprise

SVG = "{http://www.w3.org/2000/svg}"


def test_every_symbol_has_its_bar_and_its_text():
    picture = ElementTree.fromstring(surprise(list("a<b\nc"), [0, 4, 8, 99, 1], "t"))
    texts = [each.text for each in picture.iter(f"{SVG}text")]
    assert texts == ["a", "<", "b", "↵", "c"]
    group = picture.find(f"{SVG}g")
    assert group is not None
    bars = [float(bar.get("height", "")) for bar in group.iter(f"{SVG}rect")][::2]
    assert bars == [0, 11, 22, 22, 2.8]  # a full bar is eight nats, or more
    lines = {each.get("y") for each in picture.iter(f"{SVG}text")}
    assert len(lines) == 2
    assert "a 0.0" in (picture.findtext(f"{SVG}desc") or "")


def test_words_stand_apart_and_long_lines_are_wrapped():
    picture = ElementTree.fromstring(surprise(["word"] * 40, [1.0] * 40, "t"))
    places = [(e.get("x"), e.get("y")) for e in picture.iter(f"{SVG}text")]
    assert len(set(places)) == 40
    assert len({y for _, y in places}) > 1


def test_there_is_one_figure_for_each_symbol():
    with pytest.raises(ValueError, match="2 tokens, but 1 nats"):
        surprise(["a", "b"], [1.0], "t")


def test_a_metric_is_drawn_against_the_minutes():
    history = [{"seconds": 90, "dev_nats": 3.0}, {"seconds": 30, "dev_nats": 2.0}]
    svg = against_time(history, {"a rival": 2.5}, metric="dev_nats", title="Nats")
    ElementTree.fromstring(svg)
    assert "a rival 2.5" in svg
    assert "2 min 3; 2 min 2" in svg
