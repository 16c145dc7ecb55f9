"""Bars come as far as the answer says: commands hand on what functions tell of their progress."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from ertheory.cli import main
from ertheory.cli.progress import Progress


def entries(found: dict) -> int:
    """Those of masks that are looked through for edges: a matched layer 0 is read as a whole."""
    widths = found["widths"]
    first = 0 if found["inputs"]["method"] == "exact" else 3 * widths[0]
    return first + sum(one * other for one, other in pairwise(widths))


# A command, and how far its bars come by its answer; None: somewhere, for only the search knows how much there was.
ASKED = {
    "width --target 8-6-3 --sparsity 0.5 --delta 0.05": lambda found: [len(found["results"])],
    "sparsity --target 4-8-3 --widths 56,80 --delta 0.05": None,
    "capacity --source 20-40-20-40-5 --density 0.5 --delta 0.1": None,
    "capacity --model lenet-300-100 --density 0.5 --delta 0.1": None,
    "calibrate --target 1-2-1 --density 1,1,0.5 --delta 0.5 --method matching --level 0.1 --workers 1": (
        lambda found: [sum(test["trials"] for test in found["tests"])]
    ),
    "subset-sum --epsilon 0.1 --density 0.5 --delta 0.1 --simulate --trials 300": lambda found: [300],
    "verify degree --trials 200": lambda found: [200],
    "embed --out {out} --target 3-4-2 --density 0.7 --delta 0.1 --seed 1 --method exact": lambda found: [
        entries(found),
        72,
    ],
    "embed --out {out} --target 3-4-2 --density 0.7 --delta 0.1 --seed 1 --method factored": lambda found: [
        entries(found),
        72,
    ],
}


@pytest.mark.parametrize("words", ASKED)
def test_a_bar_comes_to_its_end(words, tmp_path, monkeypatch, capsys):
    bars: list[Progress] = []
    enter = Progress.__enter__
    monkeypatch.setattr(Progress, "__enter__", lambda bar: bars.append(bar) or enter(bar))
    assert main([*words.format(out=tmp_path / "source.npz").split(), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    done = [bar.done for bar in bars]
    assert ASKED[words] is None or done == ASKED[words](found)
    assert all(done), done
