"""The study of starts from the construction: its table holds together, and its figure is drawn from it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

pytest.importorskip("torch")

from ertheory.plots.basin import draw_basin
from ertheory.plots.style import rendered

ROOT = Path(__file__).parents[3]
WORDS = ("density", "widths")


@pytest.fixture(scope="module")
def lines():
    with (ROOT / "figures" / "basin.csv").open(encoding="utf-8", newline="") as stream:
        read = list(csv.DictReader(stream))
    return [
        {key: text if key in WORDS else (float(text) if text else None) for key, text in line.items()} for line in read
    ]


def test_the_figure_is_drawn_from_its_table(lines):
    columns = {key: tuple(line[key] for line in lines) for key in lines[0]}
    for ending, content in rendered(draw_basin, columns).items():
        kept = (ROOT / "figures" / f"basin{ending}").read_bytes()
        assert len(kept) == pytest.approx(len(content), rel=0.2)  # another matplotlib may round otherwise


def test_students_at_the_construction_know_their_teacher_before_they_learn(lines):
    assert any(line["noise"] == 0 for line in lines)
    for line in lines:
        assert 0 <= line["low"] <= line["learnt"] / line["n"] <= line["high"] <= 1
        if line["noise"] == 0:
            assert line["before"] < 0.01
            assert line["learnt"] == line["n"]
