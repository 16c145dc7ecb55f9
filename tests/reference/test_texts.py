"""What commands print for people is what `texts/` has: tables, and every sentence below them.

Where a text shall change, `python tests/reference/test_texts.py` writes them anew.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from ertheory import write_target
from ertheory.cli import main
from tests import tickets
from tests.reference.compare_commands import write_targets

TEXTS = Path(__file__).parent / "texts"
_ASKED = "--target 4-8-3 --delta 0.1"

_TICKET = "ticket --density 1/2 --delta 0.1"
_BUILD = "ticket --build --density 1/2 --seed 1 --workers 1"

# Quick ones.
COMMANDS = {
    "calibrate": (
        "calibrate --target 1-2-1 --density 1,1,0.5 --delta 0.5 --method matching --level 0.1 --workers 1 --explain"
    ),
    "calibrate-ranks": (
        "calibrate --target 1-1 --sparsity 0.5 --delta 0.5 --method factored --level 0.1 --resolution 0.9 --workers 1"
    ),
    "capacity": "capacity --source 20-40-20-40-5 --density 0.5 --delta 0.1",
    "capacity-many": "capacity --source 3-400-120-240-80-2 --density 1,0.5,0.5,0.5,0.5 --delta 0.1 --method exact",
    "capacity-ratio": "capacity --model lenet-300-100 --density 0.5 --delta 0.1 --ratio all",
    "confidence": "confidence --target 4-8-3 --widths 56,80 --density 0.5",
    "densities": "densities --model vgg16 --ratio erk --density 0.1",
    "densities-printed": "densities --model vgg16 --ratio balanced-printed --density 0.3",
    "embed": "embed --target net.npz --sparsity 0,0.5,0.5 --delta 0.05 --out source.npz",
    "embed-fails": "embed --target net.npz --sparsity 0.9 --delta 0.9 --method drop --seed 1 --out none.npz",
    "embed-pairs-fail": "embed --target net.npz --sparsity 0.9 --delta 0.9 --method factored --seed 1 --out none.npz",
    "explore": "explore --out explorer.html",
    "help": "--help",
    "lower": "lower --inputs 10 --density 0.01 --delta 0.05",
    "lower-linear": "lower --inputs 3 --density 0.5,0.25 --delta 0.1 --output linear",
    "lower-long": "lower --inputs 1000000000 --density 0.9 --delta 0.001",
    "sample": "sample --out sample.npz --seed 3",
    "sparsity": "sparsity --target 4-8-3 --widths 56,80 --delta 0.1",
    "subset-sum": "subset-sum --density 0.5 --epsilon 0.1 --delta 0.1",
    "subset-sum-calibrated": "subset-sum --density 0.5 --epsilon 0.1 --delta 0.1 --mode calibrated",
    "subset-sum-kept": "subset-sum --density 0.5 --epsilon 0.1 --delta 0.1 --uniform --kept 4",
    "subset-sum-locked": "subset-sum --density 0.5 --epsilon 0.1 --delta 0.1 --locked 1/4 --z 0.3",
    "subset-sum-simulated": "subset-sum --density 0.5 --epsilon 0.1 --delta 0.1 --simulate --trials 4000 --workers 1",
    "ticket": "ticket --target 2-2-1 --epsilon 0.1 --density 0.5 --delta 0.1",
    "ticket-kept": "ticket --target 2-4-1 --density 0.5 --epsilon 0.1 --delta 0.1 --kept 3",
    "ticket-sensitivity": "ticket --target 2-2-1 --epsilon 0.1 --density 0.5 --delta 0.1 --sensitivity",
    "ticket-bits": f"{_TICKET} --target 2-4-1 --bits 2",
    "ticket-built": f"{_BUILD} --target small.npz --epsilon 0.1 --widths 210,160 --out ticket.npz",
    "ticket-built-fails": f"{_BUILD} --target small.npz --epsilon 0.1 --widths 20,16",
    "ticket-built-itself": f"{_BUILD} --target coarse.npz --bits 2 --widths 600,300",
    "ticket-depths": f"{_TICKET} --target 2-4-4-1 --epsilon 0.1 --depth both",
    "ticket-known": f"{_TICKET} --target small.npz --epsilon 0.1",
    "ticket-printed": f"{_TICKET} --target 2-4-1 --epsilon 0.1 --mode printed --constant 5 --gamma 0.5",
    "verify": "verify theorem-2.1 --trials 500 --seed 7",
    "width": f"width {_ASKED} --sparsity 0.5",
    "verify-csv": "verify degree --trials 50 --seed 7 --format csv",
    "width-certificate": f"width {_ASKED} --sparsity 0.5 --method exact --certificate exact.v",
    "width-convolution": "width --target conv.npz --density 0.5 --delta 0.01 --method factored",
    "width-dense-layer-0": f"width {_ASKED} --sparsity 0,0.5,0.75 --method exact",
    "width-explain": f"width {_ASKED} --sparsity 0.5 --method printed --explain",
    "width-factored": f"width {_ASKED} --sparsity 0.5 --method factored --split best",
    "width-long-density": f"width {_ASKED} --density 0.123456789012345678901234567,1,1 --method exact",
    "width-model": "width --model resnet18 --method factored --sparsity 0.9 --delta 0.001",
}


@contextlib.contextmanager
def targets() -> Iterator[None]:
    """Be in a folder with the files that commands read."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        write_targets(Path(folder))
        write_target("coarse.npz", tickets.coarse(1))
        yield


@pytest.fixture(scope="module", autouse=True)
def folder() -> Iterator[None]:
    with targets():
        yield


def printed(name: str) -> str:
    """Ask a command in a terminal of 100 columns. What a processor decides is left out: times, and last digits."""
    out = io.StringIO()
    with mock.patch.dict(os.environ, {"COLUMNS": "100"}), contextlib.redirect_stdout(out):
        status = main(COMMANDS[name].split())
    text = re.sub(r"(\d\.\d{10})\d+", r"\1", out.getvalue())
    text = re.sub(r"found in \d+\.\d s", "found in 0.0 s", re.sub(r"\b\d(\.\d+)?e-1\d\b", "1e-16", text))
    text = re.sub(r"(4,000) +[\d,]+$", r"\1        fast", text, flags=re.MULTILINE)  # trials per second
    return f"{text}exit status {status}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_prints_what_it_printed(name):
    assert printed(name) == (TEXTS / f"{name}.txt").read_text(encoding="utf-8")


def test_no_text_is_left_over():
    assert {path.stem for path in TEXTS.iterdir()} == {*COMMANDS}


if __name__ == "__main__":
    with targets():
        for name in COMMANDS:
            (TEXTS / f"{name}.txt").write_text(printed(name), encoding="utf-8")
