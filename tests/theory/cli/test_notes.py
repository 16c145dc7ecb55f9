"""What stands below a table, and that nothing is wider than a terminal of 80 columns."""

from __future__ import annotations

import pytest

from ertheory.cli import main
from ertheory.cli.notes import Note, show_notes

EXPLAINED = [
    "width --target 8-6-3 --sparsity 0.5 --delta 0.05",
    "width --target 20-12-8-4 --density 0.3,0.2,0.3,0.5 --delta 0.01",
    "width --target 10-3 --density 1,0.5 --delta 0.01",
    "sparsity --target 4-3-2 --widths 40,30 --delta 0.05",
    "confidence --target 8-6-3 --widths 60,70 --sparsity 0.5",
    "capacity --source 30-60-20-9 --sparsity 0.5 --delta 0.05",
    "lower --inputs 10 --density 0.01 --delta 0.05 --output relu",
    "subset-sum --density 0.5 --epsilon 0.01 --delta 0.01",
    "ticket --target 784-300-100-10 --density 0.5 --epsilon 0.01 --delta 0.01",
    "densities --model resnet18 --ratio balanced --density 0.1",
    "verify theorem-2.1 --trials 200 --seed 1",
]


def test_reasons_of_stars_come_first_and_alone(capsys):
    show_notes([Note("exact", True, "bounded."), Note("printed", False, "masked.", "dense")])
    assert capsys.readouterr().out == (
        "\n* does not apply here:\n  printed*, layer 0 dense: masked.\n\nConditions:\n  exact: bounded.\n"
    )
    show_notes([Note("exact", True, "bounded.")])
    assert capsys.readouterr().out == "\nConditions:\n  exact: bounded.\n"


@pytest.mark.parametrize("words", EXPLAINED)
def test_nothing_is_wider_than_the_terminal(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*words.split(), "--explain"]) == 0
    output = capsys.readouterr().out
    assert [line for line in output.splitlines() if len(line) > 80] == []
    assert len(output.splitlines()) > 5


def test_the_answer_comes_first_and_formulas_last(capsys):
    words = "confidence --target 8-6-3 --widths 60,70 --sparsity 0.5 --explain"
    assert main(words.split()) == 0
    output = capsys.readouterr().out
    places = [output.index(text) for text in ("method", "* does not apply here:", "Conditions:", "P(represented) <=")]
    assert places == sorted(places)
    stars = output[places[1] : places[2]]
    assert "  printed*, layer 0 dense: " in stars
    assert "  exact" not in stars
