"""The numbers on the pages about what was found are what the commands compute."""

from __future__ import annotations

import re
import shlex
from fractions import Fraction
from pathlib import Path

import pytest

from ertheory import Target, width
from ertheory.cli import main

FINDINGS = Path(__file__).parents[2] / "docs" / "findings"
WIDTHS = (FINDINGS / "widths.md").read_text(encoding="utf-8")
FACTORED = (FINDINGS / "factored.md").read_text(encoding="utf-8")


def test_the_first_table_is_what_the_command_prints(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")
    command, table = re.search(r"\$ (ertheory width[^\n]*)\n(.*?)```", WIDTHS, flags=re.S).groups()
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out.startswith(table)


def test_the_table_of_ratios_is_computed():
    target = Target.from_text("784-128-10")
    rows = re.findall(r"^\| (0\.\d+) \| ([\d,]+) \| ([\d. |]+) \|$", WIDTHS, flags=re.M)
    assert len(rows) == 5
    for sparsity, total, rest in rows:
        density = 1 - Fraction(sparsity)
        whole, masked = (1, density, density), (density,) * 3
        options = {"failure_probability": "0.001"}
        printed = width(target, method="printed", density=whole, **options)
        drop, sharp, degree = (
            width(target, method=name, density=masked, **options) for name in ("drop", "sharp", "degree")
        )
        ratios = [
            ratio
            for answer in (drop, sharp)
            for ratio in (answer.total / printed.total, answer.edges_expected / printed.edges_expected)
        ]
        shown = [float(cell) for cell in rest.split(" | ")]
        assert int(total.replace(",", "")) == printed.total
        for value, ratio in zip(shown, [*ratios, sharp.widths[1] / degree.widths[1]], strict=True):
            assert value == pytest.approx(float(ratio), abs=0.006 if value > 1 else 0.0006)


def test_the_table_of_what_is_necessary_is_computed():
    target = Target.from_text("784-128-10")
    number = r"([\d,]+\*?)"
    rows = re.findall(
        rf"^\| \*\*(0\.\d+)\*\* \| (-|[\d,]+) \| {number} \| {number} \| {number} \|$", WIDTHS, flags=re.M
    )
    assert len(rows) == 7
    for sparsity, *shown in rows:
        options = {"sparsity": sparsity, "failure_probability": "0.001"}
        names = "degree", "size-lp", "coupled", "least-total"
        degree, sizes, coupled, least = (width(target, method=name, **options) for name in names)
        second = max(degree.widths[1] or 0, sizes.widths[1] or 0)
        first, total = (
            f"{value:,}{'*' if 'affine' in answer.reason else ''}"
            for value, answer in ((coupled.widths[0], coupled), (least.total, least))
        )
        assert [f"{second:,}" if second else "-", first, f"{coupled.holds_up_to[1]:,}", total] == shown


def test_the_table_of_factored_sources_is_computed():
    target = Target.from_text("784-128-10")
    rows = re.findall(r"^\| (0\.\d+) \| ([\d,]+) \| ([\d,]+) \| (\d+\.\d+) \| (\d+\.\d+) \|$", FACTORED, flags=re.M)
    assert len(rows) == 4
    for sparsity, hidden, edges, ratio, sharp_ratio in rows:
        options = {"sparsity": sparsity, "delta": "0.001"}
        factored, sharp = (width(target, method=name, **options) for name in ("factored", "sharp"))
        assert (f"{factored.total:,}", f"{float(factored.edges_expected):,.0f}") == (hidden, edges)
        assert f"{float(factored.edges_expected / sum(target.nonzeros)):.2f}" == ratio
        assert f"{float(sharp.edges_expected / sum(target.nonzeros)):.1f}" == sharp_ratio


def test_what_is_said_of_splits_and_three_factors_is_computed():
    neurons, edges, sparsity, two, three = re.search(
        r"make both smaller, ([\d,]+) and ([\d,]+), .*? at (0\.99) two factors take ([\d.]+) .*?, three ([\d.]+);",
        FACTORED,
        flags=re.S,
    ).groups()
    target, options = Target.from_text("784-128-10"), {"delta": "0.001", "method": "factored"}
    best = width(target, sparsity="0.9", split="best", **options)
    assert (f"{best.total:,}", f"{float(best.edges_expected):,.0f}") == (neurons, edges)
    for factors, ratio in ((2, two), (3, three)):
        assert f"{float(width(target, sparsity=sparsity, factors=factors, **options).edges_ratio):.1f}" == ratio
