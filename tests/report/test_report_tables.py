"""Tables of the terminal, of the page and of the model card."""

import pytest

from treefold.report import Report, Row, text_table, write_model_card
from treefold.report.content import deviation, flat, percent, table


def test_numbers_stand_to_the_right_and_words_to_the_left():
    rows = [["majority", 50.0, "-"], ["tree", "84.31 ± 0.20", 12]]
    assert text_table(rows, ["", "accuracy", "n"]).split("\n") == [
        "              accuracy   n",
        "────────  ────────────  ──",
        "majority            50   -",
        "tree      84.31 ± 0.20  12",
    ]


def test_wide_characters_take_two_columns():
    lines = text_table([["漢字", "a"], ["word", "b"]]).split("\n")
    assert lines == ["漢字  a", "word  b"]


def test_rows_may_be_short_and_control_characters_are_shown():
    assert text_table([["a\nb"], ["c", None, "d"]]) == "a␊b\nc        d".replace(
        "    ", "  ", 1
    )
    assert text_table([]) == ""
    assert text_table([], ["name"]) == "name\n────"


def test_several_seeds_give_mean_and_sample_deviation():
    assert percent([0.8, 0.82]) == "81.0 ± 1.4"
    assert percent([0.8]) == percent(0.8) == "80.0"
    assert percent([0.5, 0.5]) == "50.0 ± 0.0"
    assert deviation(0.5) is None


def test_the_table_of_results_has_all_columns_in_order():
    rows = [
        Row("majority", 0.5),
        Row("tree", [0.8, 0.9], "model", {"no constant inside": 0.7}),
    ]
    assert table(rows) == (
        ["", "accuracy %", "no constant inside", "each seed"],
        [["majority", "50.0", "", ""], ["tree", "85.0 ± 7.1", "70.0", "80.0 90.0"]],
    )


def test_nested_settings_are_told_by_dotted_names():
    assert flat({"model": {"size": 3, "x": {"y": None}}, "seed": 0}) == {
        "model.size": "3",
        "model.x.y": "None",
        "seed": "0",
    }


@pytest.fixture
def report():
    return Report(
        title="A | B <script>",
        summary="Two\nlines.",
        not_this="A bug finder.",
        results=[Row("tree_lstm", 0.84, "model")],
        classes=("in|order", "swapped"),
        data={"trees": 12},
        config={"model": {"name": "tree-lstm"}},
        versions={"torch": "2"},
        command="treefold train `x`\n```",
    )


def test_the_model_card_tells_use_limits_results_and_settings(tmp_path, report):
    path = write_model_card(
        tmp_path / "README.md",
        report,
        use="Trying.",
        limits=["Slow."],
        tags=["code: x"],
    )
    text = path.read_text(encoding="utf-8")
    for part in (
        "- A bug finder.",
        "- Slow.",
        "| tree\\_lstm | 84.0 |",
        "| trees | 12 |",
    ):
        assert part in text
    assert "| model.name | tree-lstm |" in text
    assert text.startswith(
        "---\nlibrary_name: treefold\ntags:\n- treefold\n- code-x\n---"
    )


def test_the_model_card_escapes_marks_and_fences(tmp_path, report):
    path = write_model_card(tmp_path / "card.md", report, use="", limits=())
    text = path.read_text(encoding="utf-8")
    assert "# A \\| B \\<script\\>" in text
    assert "in\\|order, swapped" in text
    assert "````sh\ntreefold train `x`\n```\n````" in text
    assert "## Intended use" not in text


def test_the_model_card_is_valid_to_a_yaml_reader(tmp_path, report):
    yaml = pytest.importorskip("yaml")
    path = write_model_card(
        tmp_path / "card.md", report, use="x", limits=(), tags=["a"]
    )
    head = path.read_text(encoding="utf-8").split("---\n")[1]
    assert yaml.safe_load(head) == {
        "library_name": "treefold",
        "tags": ["treefold", "a"],
    }
