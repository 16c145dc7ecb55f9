"""Every committed picture, at which people have looked, is what its table gives now: words, lines, marks and places."""

from __future__ import annotations

import re
import runpy
from itertools import zip_longest
from pathlib import Path

import pytest

from ertheory.plots import _DRAWINGS
from ertheory.plots.columns import columns_of
from ertheory.plots.style import rendered

FIGURES = Path(__file__).parents[3] / "figures"
MEASURED = runpy.run_path(str(FIGURES / "measured.py"))["DRAWINGS"]
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
NEAR = 1.5  # points, of 72 an inch: another release of matplotlib may lay out and round otherwise
ALIKE = 0.01  # points: of the shape of a mark, which does not depend on where it stands


def marks(svg: str) -> list[list[float]]:
    """The shape and the size of every mark that is defined in a picture."""
    shapes = re.findall(r'<path id="m[0-9a-f]+" d="([^"]*)"', svg)
    return [[float(number) for number in NUMBER.findall(shape)] for shape in shapes]


def parts(svg: str) -> tuple[list[str], list[str], list[list[float]]]:
    """The words in a picture, how its lines and marks look, and where they are."""
    svg = re.sub(r'\b(id|xlink:href|clip-path)="[^"]*"', "", svg.partition("</metadata>")[2])
    words = re.findall(r"<!-- (.*?) -->", svg, flags=re.DOTALL)
    looks = re.findall(r'style="([^"]*)"', svg)
    shown = re.sub(r'style="[^"]*"', "", svg)
    places = re.findall(r'\b(?:d|x|y|width|height|points|transform)="([^"]*)"', shown)
    return words, looks, [[float(number) for number in NUMBER.findall(place)] for place in places]


def reading(name):
    if name in MEASURED:
        return MEASURED[name]
    return (lambda path: columns_of(path.read_text(encoding="utf-8"))), _DRAWINGS[name]


@pytest.mark.parametrize("name", sorted([*_DRAWINGS, *MEASURED]))
def test_the_committed_picture_is_drawn_again(name):
    read, drawing = reading(name)
    then = (FIGURES / f"{name}.svg").read_text(encoding="utf-8")
    now = rendered(drawing, read(FIGURES / f"{name}.csv"), ["svg"])[".svg"].decode()
    committed, drawn = parts(then), parts(now)
    assert drawn[0] == committed[0]
    assert drawn[1] == committed[1]
    for place, meant in zip_longest(drawn[2], committed[2]):
        assert place == pytest.approx(meant, abs=NEAR, rel=0)
    assert marks(now)
    for mark, meant in zip_longest(marks(now), marks(then)):
        assert mark == pytest.approx(meant, abs=ALIKE, rel=0)
