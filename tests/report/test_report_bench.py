"""Pictures, tables and pages of benchmarks."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from treefold.report import Benchmark, write_bench_page
from treefold.report.bench import MODES, Size, pace_table, schedule_table, summary
from treefold.report.bench_picture import bench_picture

FORWARD, BOTH = MODES


@pytest.fixture
def found() -> Benchmark:
    small = Size(
        trees=1,
        nodes=37.0,
        levels=9.6,
        rows=1.9,
        filled=0.25,
        limit={FORWARD: 400_000.0, BOTH: 100_000.0},
        pace={
            FORWARD: {"recursive": 5_000.0, "batched": 12_000.0, "fused": 40_000.0},
            BOTH: {"recursive": 2_000.0, "batched": 4_000.0, "fused": 10_000.0},
        },
    )
    large = replace(
        small,
        trees=256,
        nodes=9500.0,
        filled=0.75,
        pace={
            FORWARD: {"batched": 150_000.0, "fused": 300_000.0},
            BOTH: {"batched": 20_000.0, "fused": 50_000.0},
        },
    )
    facts = {"processor": "<fast & small>", "threads": "2"}
    return Benchmark("a & b", [small, large], 150.0, 8, facts, ["left out: <x>"])


def test_the_summary_compares_on_the_largest_batches(found):
    assert summary(found) == (
        "In batches of 256, forward and backward, the fused fold runs 50,000 nodes/s; "
        "2.5 times the batched fold; 25.0 times the naive fold in batches of 1; 50% of "
        "what the products alone would reach."
    )


def test_paces_and_shares_stand_in_a_line_for_each_size(found):
    header, cells = pace_table(found, BOTH)
    assert header == [
        *("trees a batch", "naive", "batched", "fused", "the limit"),
        *("batched, % of it", "fused, % of it"),
    ]
    assert cells == [
        ["1", "2,000", "4,000", "10,000", "100,000", "4.0", "10.0"],
        ["256", "–", "20,000", "50,000", "100,000", "20.0", "50.0"],
    ]


def test_without_a_limit_there_is_no_share(found):
    sizes = [replace(size, limit={}) for size in found.sizes]
    unknown = replace(found, sizes=sizes)
    assert pace_table(unknown, FORWARD)[0] == [
        *("trees a batch", "naive", "batched", "fused"),
    ]
    assert "not known of this cell" in bench_picture(unknown)
    assert ">the limit<" not in bench_picture(unknown)


def test_filled_and_wasted_make_the_whole(found):
    _, cells = schedule_table(found)
    assert [line[-2:] for line in cells] == [["25.0", "75.0"], ["75.0", "25.0"]]


def test_the_picture_says_what_was_measured(found):
    svg = bench_picture(found)
    ElementTree.fromstring(svg)
    assert svg == bench_picture(found)
    for text in (
        "fused 300,000",
        "batched 20,000",
        "naive 2,000",
        ">the limit<",
        "75%",
    ):
        assert text in svg


def test_the_page_is_whole_and_asks_nobody(found, tmp_path):
    page = write_bench_page(tmp_path / "bench.html", found).read_text()
    assert page.count("<svg") == 1
    assert page.count("<table>") == 3
    assert "&lt;fast &amp; small&gt;" in page
    assert "left out: &lt;x&gt;" in page
    assert "best product" in page
    assert "150 GFLOP/s" in page
    assert not re.search(r"<script|src=|https?://(?!www\.w3\.org)", page)
