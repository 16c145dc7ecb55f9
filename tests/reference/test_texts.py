"""What commands print for people is what `texts/` has: tables, and every sentence below them.

Where a text shall change, `python tests/reference/test_texts.py` writes them anew.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path
from unittest import mock

import pytest

from ertheory.cli import main

TEXTS = Path(__file__).parent / "texts"
_ASKED = "--target 4-8-3 --delta 0.1"

# Quick ones, without times in their answers.
COMMANDS = {
    "calibrate": (
        "calibrate --target 1-2-1 --density 1,1,0.5 --delta 0.5 --method matching --level 0.1 --workers 1 --explain"
    ),
    "capacity": "capacity --source 20-40-20-40-5 --density 0.5 --delta 0.1",
    "capacity-many": "capacity --source 3-400-120-240-80-2 --density 1,0.5,0.5,0.5,0.5 --delta 0.1 --method exact",
    "confidence": "confidence --target 4-8-3 --widths 56,80 --density 0.5",
    "densities": "densities --model vgg16 --ratio erk --density 0.1",
    "lower": "lower --inputs 10 --density 0.01 --delta 0.05",
    "lower-linear": "lower --inputs 3 --density 0.5,0.25 --delta 0.1 --output linear",
    "sparsity": "sparsity --target 4-8-3 --widths 56,80 --delta 0.1",
    "subset-sum": "subset-sum --density 0.5 --epsilon 0.1 --delta 0.1",
    "subset-sum-calibrated": "subset-sum --density 0.5 --epsilon 0.1 --delta 0.1 --mode calibrated",
    "ticket": "ticket --target 2-2-1 --epsilon 0.1 --density 0.5 --delta 0.1",
    "ticket-kept": "ticket --target 2-4-1 --density 0.5 --epsilon 0.1 --delta 0.1 --kept 3",
    "ticket-sensitivity": "ticket --target 2-2-1 --epsilon 0.1 --density 0.5 --delta 0.1 --sensitivity",
    "verify": "verify theorem-2.1 --trials 500 --seed 7",
    "width": f"width {_ASKED} --sparsity 0.5",
    "width-dense-layer-0": f"width {_ASKED} --sparsity 0,0.5,0.75 --method exact",
    "width-explain": f"width {_ASKED} --sparsity 0.5 --method printed --explain",
    "width-factored": f"width {_ASKED} --sparsity 0.5 --method factored --split best",
    "width-model": "width --model resnet18 --method factored --sparsity 0.9 --delta 0.001",
}


def printed(name: str) -> str:
    """Ask a command in a terminal of 100 columns. Digits after the tenth are those of a processor, and left out."""
    out = io.StringIO()
    with mock.patch.dict(os.environ, {"COLUMNS": "100"}), contextlib.redirect_stdout(out):
        status = main(COMMANDS[name].split())
    text = re.sub(r"(\d\.\d{10})\d+", r"\1", out.getvalue())
    return f"{text}exit status {status}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_prints_what_it_printed(name):
    assert printed(name) == (TEXTS / f"{name}.txt").read_text(encoding="utf-8")


def test_no_text_is_left_over():
    assert {path.stem for path in TEXTS.iterdir()} == {*COMMANDS}


if __name__ == "__main__":
    for name in COMMANDS:
        (TEXTS / f"{name}.txt").write_text(printed(name), encoding="utf-8")
