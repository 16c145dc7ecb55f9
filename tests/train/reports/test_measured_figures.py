"""Figures of what was measured: their numbers fit together, and the scripts draw them."""

from __future__ import annotations

import re
import runpy
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from ertheory.bounds import ticket_widths
from ertheory.montecarlo import binomial_interval
from ertheory.networks.target import Target
from ertheory.plots import FIGURES as COMPUTED
from ertheory.plots.columns import columns_of
from ertheory.plots.style import rendered

FIGURES = Path(__file__).parents[3] / "figures"


def rows_of(name):
    columns = columns_of((FIGURES / f"{name}.csv").read_text(encoding="utf-8"))
    return columns, [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@pytest.mark.parametrize("name", ["inference", "sparse-training", "ticket-training"])
def test_the_picture_is_that_of_the_numbers(name):
    columns, _ = rows_of(name)
    files = rendered(runpy.run_path(str(FIGURES / f"{name.replace('-', '_')}.py"))["drawing"], columns)
    # PNG depends on the versions of libraries; shapes in the SVG file would change with the numbers.
    assert files[".png"].startswith(b"\x89PNG")
    assert (FIGURES / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert (FIGURES / f"{name}.svg").stat().st_size == pytest.approx(len(files[".svg"]), rel=0.05)


MEASURED = runpy.run_path(str(FIGURES / "measured.py"))


def test_every_figure_has_a_script_that_draws_it():
    alone = {"factored-training", "inference", "methods", "sparse-training", "ticket-training"}
    drawn = {*COMPUTED, *MEASURED["DRAWINGS"], *alone}
    assert {path.stem for path in FIGURES.glob("*.png")} == drawn
    scripts = {path.stem.replace("_", "-") for path in FIGURES.glob("*.py")}
    assert scripts == {"computed", "measured", *alone}


@pytest.mark.parametrize("name", MEASURED["DRAWINGS"])
def test_measured_figures_are_those_of_their_numbers(name):
    reading, drawing = MEASURED["DRAWINGS"][name]
    files = rendered(drawing, reading(FIGURES / f"{name}.csv"))
    assert (FIGURES / f"{name}.svg").stat().st_size == pytest.approx(len(files[".svg"]), rel=0.05)


def test_ratios_of_inference_are_those_of_the_times():
    _, rows = rows_of("inference")
    for row in rows:
        assert row["speedup"] == pytest.approx(row["dense_seconds"] / row["seconds"], rel=1e-3, abs=1e-4)
        count = row["density"] * row["outputs"] * row["inputs"]
        slack = row["outputs"] / 2 if row["form"].startswith("fan-in") else 6 * count**0.5
        assert abs(row["weights"] - count) <= slack


def test_what_sparse_steps_save_follows_from_their_times_and_their_weights():
    _, rows = rows_of("sparse-training")
    masked = {(row["sizes"], row["density"]): row for row in rows if row["form"] == "masked"}
    for row in rows:
        base, sizes = masked[row["sizes"], row["density"]], [int(size) for size in row["sizes"].split("-")]
        # Forms at one place were timed in one run, the program of others in one of its own.
        assert row["speedup"] == pytest.approx(row["masked_seconds"] / row["seconds"], abs=6e-4)
        assert row["masked_seconds"] == base["seconds"] or row["form"] == "set-mlp"
        dense = sum(inputs * outputs for inputs, outputs in pairwise(sizes))
        biases = 12 * sum(sizes[1:])
        if row["form"] in ("dense", "masked"):
            assert row["memory"] == (12 + (row["form"] == "masked")) * dense + biases
        if row["form"] == "sparse":
            kept, starts = row["density"] * dense, 8 * (sum(sizes[:-1]) + sum(sizes[1:]) + 2 * (len(sizes) - 1))
            assert row["memory"] == pytest.approx(24 * kept + biases + starts, abs=24 * 6 * kept**0.5)


def test_what_is_said_of_sparse_steps_is_what_was_measured():
    _, rows = rows_of("sparse-training")
    saved = {(row["sizes"], row["density"]): row["speedup"] for row in rows if row["form"] == "sparse"}
    small, large = "784-1000-1000-10", "784-4000-4000-10"
    assert {row["batch"] for row in rows} == {128}

    def said(path):
        return " ".join((FIGURES.parent / path).read_text(encoding="utf-8").split())

    least, most = round(saved[small, 0.01]), round(saved[large, 0.01])
    assert f"masked one's time divided by {least}, with 4,000 neurons by {most}." in said("README.md")
    shares = [f"{saved[small, p]:.1f} at " for p in (0.25, 0.1, 0.05)]
    shares = f"divided by {shares[0]}density 0.25, {shares[1]}0.1, {shares[2]}0.05, {saved[small, 0.02]:.0f} at 0.02"
    page = said("docs/findings/training.md")
    assert f"{shares} and {least} at 0.01, with 4,000 neurons a layer by {most} there" in page


def test_what_is_said_of_sparse_convolutions_is_what_was_measured():
    table = (FIGURES.parent / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    table = table.partition("## sparse_convolutions.py")[2].partition("\n## ")[0]
    speeds = {}
    for line in table.splitlines():
        if image := re.match(r"\| \d+ of (\d+) x \d+ x \d+, 3 x 3(, stride 2)? \|", line):
            if int(image[1]) >= 64:
                _, *found = [float(cell) for cell in line.split("|")[3:-1]]
                for density, speed in zip(("0.25", "0.1", "0.05", "0.02", "0.01"), found[-5:], strict=True):
                    speeds.setdefault((image[2] is None, density), []).append(speed)
    assert all(len(speeds[True, p]) >= 6 for p in ("0.1", "0.05", "0.02"))

    def said(path):
        return " ".join((FIGURES.parent / path).read_text(encoding="utf-8").split())

    ranges = {key: (min(found), max(found)) for key, found in speeds.items()}
    tenth, twentieth, fiftieth = (
        f"{low:.1f} to {high:.1f}" for low, high in (ranges[True, p] for p in ("0.1", "0.05", "0.02"))
    )
    strided = [speed for p in ("0.1", "0.05", "0.02") for speed in ranges[False, p]]
    assert f"with 64 to 512 channels: at .05 by {twentieth}, at .02 by {fiftieth}." in said("README.md")
    page = f"divided by {tenth} at density 0.1, {twentieth} at 0.05 and {fiftieth} at 0.02 (a stride of 2 by "
    assert f"{page}{min(strided):.1f} to {max(strided):.1f})" in said("docs/findings/training.md")
    code = f"{tenth} times as fast as the dense convolution at density 0.1, {twentieth} at 0.05, {fiftieth} at 0.02"
    assert code in said("ertrain/masks/sparse/convolution.py")


def test_shares_of_tickets_have_exact_intervals_and_the_widths_of_the_theorem():
    _, rows = rows_of("ticket-training")
    for row in rows:
        density = Fraction(row["density"]).limit_denominator(100)
        if row["kind"] in ("constructed", "trained"):
            assert row["sources"] >= 20
            interval = binomial_interval(row["successes"], row["sources"], Fraction(19, 20))
            assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
            least, largest = row["error_least"], row["error_largest"]
            assert (least <= 0.1) == (row["successes"] > 0)
            assert largest is None or (largest <= 0.1) == (row["successes"] == row["sources"])
        else:
            answer = ticket_widths(
                Target.from_widths((2, 4, 1)), density=density, epsilon="0.1", failure_probability="0.1",
                domain=(-1, 1), mode=row["kind"], extrapolate=row["kind"] == "calibrated",
            )  # fmt: skip
            assert (row["first"], row["second"], row["total"]) == (*answer.widths[:2], answer.total)
