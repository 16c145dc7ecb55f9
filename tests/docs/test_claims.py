"""The page of claims: written from the table, and every verdict follows from its numbers."""

from __future__ import annotations

import csv
import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(ROOT / "benchmarks" / "claims.py"))


@pytest.fixture(scope="module")
def rows():
    with (ROOT / "benchmarks" / "claims.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_page_is_written_from_the_table(script, rows):
    page = (ROOT / "docs" / "findings" / "claims.md").read_text(encoding="utf-8")
    assert page == script["page"](rows)
    assert all(f"`ertrain run {recipe} --scale paper`" in page for recipe in script["ASKED"])


def test_verdicts_follow_from_the_intervals(rows):
    """Where all differences are the same the program has no interval to judge by; 0 alone then agrees."""
    assert len({tuple(row.values()) for row in rows}) == len(rows) > 50
    for row in rows:
        middle, low, high = (float(row[name] or "nan") for name in ("difference", "low", "high"))
        if int(row["n"]) < 2 or (low == high and middle != 0):
            assert row["verdict"] == "cannot tell"
            continue
        assert low <= middle <= high
        margin = {"matches": -1, "costs little": -2, "improves": 0, "degrades": -1}[row["rule"]]
        better, worse = low > margin, high < 0 and (row["rule"] == "improves" or middle < margin)
        if row["rule"] == "degrades":
            better, worse = worse, better
        assert row["verdict"] == ("agrees" if better else "disagrees" if worse else "cannot tell"), row


def test_a_comparison_takes_the_place_of_the_same_one_with_fewer_seeds(script, rows, monkeypatch):
    old = {**rows[0], "n": "3"}
    new = {**rows[0], "n": "10", "difference": "7.0"}
    for order in ([old, new], [new, old]):
        monkeypatch.setitem(script["brought"].__globals__, "kept", lambda order=order: iter(order))
        assert script["brought"]([]) == [new]


def test_as_many_seeds_as_are_named_would_tell_and_one_fewer_would_not(script):
    """At mean -0.5 and deviation 1, a margin of one point: t s / sqrt(18) = 0.497, and 0.514 with 17."""
    row = {"rule": "matches", "difference": "-0.5", "n": "10", "low": str(-0.5 - 2.262157 / 10**0.5)}
    assert script["seeds_to_tell"](row) == 18
    assert script["seeds_to_tell"]({**row, "difference": "-0.9999", "low": "-2"}) == script["MOST"] + 1
    worse = {**row, "difference": "-1.5", "low": str(-1.5 - 2.262157 / 10**0.5)}  # below 0 with t s / sqrt(5) = 1.242
    assert script["seeds_to_tell"](worse) == 5
    told = {**row, "rule": "improves", "difference": "0.5", "low": str(0.5 - 2.262157 / 10**0.5)}
    assert script["seeds_to_tell"](told) == 18
    harm = {**row, "rule": "degrades", "difference": "-1.5", "low": str(-1.5 - 2.262157 / 10**0.5)}
    assert script["seeds_to_tell"](harm) == 5
