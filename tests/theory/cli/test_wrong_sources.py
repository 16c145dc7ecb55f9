"""A source that does not pass its independent check: nothing is written, and everybody is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import ertheory
from ertheory import write_target
from ertheory.cli import main
from ertheory.masks import read_mask
from ertheory.networks.network import Affine, Network
from tests import tickets

EMBED = ["embed", "--target", "2-3-1", "--sparsity", "0.5", "--delta", "0.01"]
BUILDERS = {  # what to ask for, and which function builds it
    "chain": ([*EMBED, "--method", "exact"], "ertheory.commands.built_chains", "_embedded"),
    "approximate": (
        [*EMBED, "--activation", "tanh", "--form", "approximate"],
        "ertheory.commands.built_chains",
        "_embedded",
    ),
    "pairs": ([*EMBED, "--method", "factored"], "ertheory.commands.built_chains", "_embedded"),
    "triples": (
        [*EMBED, "--method", "factored", "--factors", "3"],
        "ertheory.commands.built_networks",
        "embed_triples",
    ),
}


def moved(network: Network, _) -> Network:
    """Move the outputs by 1."""
    last = network.steps[-1]
    return Network((*network.steps[:-1], replace(last, bias=last.bias + 1.0)), network.domain)


def outside(network: Network, masks) -> Network:
    """Put a weight where the mask of affine step 1 has none."""
    at = [place for place, step in enumerate(network.steps) if isinstance(step, Affine)][1]
    step = network.steps[at]
    weight = step.weight.toarray()
    weight[tuple(np.argwhere(~read_mask(masks[1]).to_csr().toarray())[0])] = 1.0
    wrong = replace(step, weight=weight)
    return Network((*network.steps[:at], wrong, *network.steps[at + 1 :]), network.domain)


@pytest.mark.parametrize("how", [moved, outside])
@pytest.mark.parametrize("case", BUILDERS)
def test_a_source_that_is_wrong_is_not_written_and_called_wrong(case, how, tmp_path, monkeypatch, capsys):
    words, module, builder = BUILDERS[case]
    more = {"rationals": None} if case == "pairs" else {}  # they go with the right weights
    _spoil(monkeypatch, module, builder, lambda made: replace(made, source=how(made.source, made.masks), **more))
    document, text = _refused([*words, "--out", str(tmp_path / "source.npz")], capsys)
    assert document["check"]["on_mask"] is (how is moved)
    assert "proved WRONG: " in text
    assert "every weight lies on the mask" not in text
    assert ("WRONG: weights outside of the mask, the first at (layer, row, column) = (1, " in text) is (how is outside)
    assert "nothing was written" in text
    assert not list(tmp_path.iterdir())


def test_a_ticket_that_is_wrong_is_not_written_and_called_wrong(tmp_path, monkeypatch, capsys):
    def emptied(made: ertheory.Ticket) -> ertheory.Ticket:
        """Prune the outputs' weights as well."""
        last = made.network.steps[-1]
        steps = (*made.network.steps[:-1], replace(last, weight=0 * last.weight))
        return replace(made, network=Network(steps, made.network.domain))

    _spoil(monkeypatch, "ertheory.commands.tickets", "build_ticket", emptied)
    write_target(tmp_path / "net.npz", tickets.small(2))
    words = ["ticket", "--build", "--target", str(tmp_path / "net.npz"), "--density", "1/2", "--epsilon", "0.1"]
    words += ["--seed", "3", "--widths", "210,160", "--out", str(tmp_path / "ticket.npz")]
    _, text = _refused(words, capsys)
    assert "WRONG: the file did not pass the independent check" in text
    assert [path.name for path in tmp_path.iterdir()] == ["net.npz"]


def _spoil(monkeypatch: pytest.MonkeyPatch, module: str, name: str, how: Callable[[Any], Any]) -> None:
    """Make a builder return something wrong, the same each time."""
    build, made = getattr(import_module(module), name), []

    def spoilt(*given, **options):
        made.append(made[0] if made else how(build(*given, **options)))
        return made[-1]

    monkeypatch.setattr(f"{module}.{name}", spoilt)


def _refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    assert main([*words, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["success"] is False
    assert document["check"]["passed"] is False
    assert main(words) == 1
    return document, " ".join(capsys.readouterr().out.split())
