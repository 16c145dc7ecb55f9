"""Tables as people read them: numbers under numbers at the right, words at the left, one place for each."""

from __future__ import annotations

import pytest

from ertheory.tables import Shown, Table

CELLS = [
    7, 1234567, -12, 0.25, -1.5, "12%", "1.05x", "x86", None, "exact", "4-8-3", Shown(0.5, "50%"), Shown(0.1, "-10 %"),
    Shown(2, "two"),
]  # fmt: skip
RIGHT = ["7", "1,234,567", "-12", "0.25", "-1.5", "12%", "1.05x", "50%", "-10 %"]  # digits, at most with one unit


@pytest.mark.parametrize("columns", [60, 400])
def test_numbers_stand_at_the_right_and_words_at_the_left(columns):
    lines = Table.of(["n", "after"], [[cell, "."] for cell in CELLS]).to_text(columns).splitlines()
    width = len("1,234,567")
    assert lines[:2] == ["n".ljust(width) + "  after", "-" * width + "  -----"]
    for line, cell in zip(lines[2:], CELLS, strict=True):
        shown = line.removesuffix("  .")
        assert len(shown) == width
        text = shown.strip()
        assert shown == (text.rjust(width) if text in RIGHT else text.ljust(width)), cell
    assert {line.removesuffix("  .").strip() for line in lines[2:]} >= set(RIGHT)


def test_a_terminal_that_is_just_wide_enough_is_used():
    table = Table.of(["one", "two"], [[12345, "word"]])
    assert table.to_text(6 + 2 + 4).splitlines() == ["one     two", "------  ----", "12,345  word"]
    assert table.to_text(6 + 2 + 3).splitlines() == ["one  12,345", "two  word"]  # a block for the row


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (-1000, "-1,000"),
        (10**15 - 1, "999,999,999,999,999"),
        (10**15, "1000000000000000"),
        (0.1234567, "0.123457"),
        (1e-9, "1e-09"),
        (None, "-"),
        ("word", "word"),
    ],
)
def test_cells_are_written_as_people_read_them(number, text):
    assert Table.of(["n"], [[number]]).to_text(400).splitlines()[2].strip() == text
    assert Table.of(["n"], [[number]]).to_markdown().splitlines()[2] == f"| {text} |"


def test_long_integers_are_rounded_down_to_six_digits_and_written_out_in_csv():
    number = 987654321 * 10**200 + 7
    assert Table.of(["n"], [[number]]).to_text(400).splitlines()[2].strip() == "9.87654e208"
    assert Table.of(["n"], [[number]]).to_csv().splitlines()[1] == str(number)


def test_sides_in_html_and_latex_are_those_of_columns():
    table = Table.of(["name", "n", "none", "share"], [["one", 1, None, Shown(0.5, "50 %")], ["two", None, None, None]])
    sides = ["left", "right", "left", "right"]
    head, *body = (line for line in table.to_html().splitlines() if "text-align" in line)
    for line in (head, *body):
        assert [part.partition('"')[0] for part in line.split("text-align:")[1:]] == sides
    assert table.to_latex().splitlines()[0] == r"\begin{tabular}{lrlr}"
