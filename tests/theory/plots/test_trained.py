"""Theory meets training, the numbers in figures/: read back, drawn again, and consistent with one another."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from ertheory import Target, width
from ertheory.montecarlo.anytime import anytime_interval
from ertheory.plots.columns import csv_text
from ertheory.plots.style import rendered
from ertheory.plots.trained import draw_trained, read_trained

FIGURES = Path(__file__).resolve().parents[3] / "figures"


@pytest.fixture(scope="module", params=["theory-meets-training", "theory-meets-training-digits"])
def file(request):
    return FIGURES / f"{request.param}.csv"


@pytest.fixture(scope="module")
def columns(file):
    return read_trained(file)


def rows_of(columns, *methods):
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [row for row in rows if row["method"] in methods]


def test_numbers_are_read_as_they_are_written(file, columns):
    assert csv_text(columns) == file.read_text(encoding="utf-8")


def test_bounds_are_those_of_the_statements(columns):
    for row in rows_of(columns, "sharp", "exact", "printed"):
        layer0 = "coded" if row["method"] == "sharp" else None
        answer = width(
            Target.from_text(row["target"]),
            method=row["method"],
            density=row["densities"],
            failure_probability=str(row["delta"]),
            layer0=layer0,
        )
        assert row["total"] == answer.total
        assert row["widths"] == "-".join(map(str, answer.widths[:-1]))
        assert row["applies"] == ("yes" if answer.applies else "no")


def test_intervals_and_verdicts_follow_from_the_counts(columns):
    measured = rows_of(columns, "construction", "training")
    assert {row["method"] for row in measured} == {"construction", "training"}
    for row in measured:
        assert row["trials"] >= 200
        assert row["success"] == pytest.approx(1 - row["failures"] / row["trials"])
        interval = anytime_interval(row["failures"], row["trials"], Fraction(str(row["level"])))
        assert (1 - row["high"], 1 - row["low"]) == pytest.approx((interval.low, interval.high), abs=1e-9)
        delta = row["delta"]
        assert row["verdict"] == (
            "at most" if interval.high <= delta else "above" if interval.low > delta else "undecided"
        )
        assert sum(map(int, row["widths"].split("-"))) == row["total"]


def test_the_figure_is_drawn_from_the_numbers_alone(columns):
    images = rendered(draw_trained, columns)
    assert images[".png"].startswith(b"\x89PNG")
    assert images[".svg"] != rendered(draw_trained, {**columns, "success": (0.5,) * len(columns["success"])})[".svg"]
