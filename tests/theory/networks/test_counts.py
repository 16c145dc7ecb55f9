"""A network of which only counts are known can be asked about; whatever would build it says what is missing."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ertheory
from ertheory.builders import embed_target, plan
from ertheory.cli import main
from ertheory.errors import ErError, InvalidInput
from ertheory.networks import Target, load_network, load_target, network_of, read_network, reduce, write_target

STATE = {"0.weight": np.ones((2, 1, 3, 3)), "0.bias": np.zeros(2), "3.weight": np.ones((2, 8)), "3.bias": np.zeros(2)}
MISSING = "expected a network with its weights and the geometry of its convolutions"
HALF, TENTH = Fraction(1, 2), Fraction(1, 10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state dict with a convolution: nothing in it tells a stride."""
    np.savez(tmp_path / "conv.npz", **STATE)  # type: ignore[arg-type]
    return tmp_path / "conv.npz"


BUILDS: dict[str, Callable[[Target, Path], Any]] = {
    "plan": lambda target, _: plan(target, sparsity=HALF, failure_probability=TENTH),
    "embed_target": lambda target, _: embed_target(target, [np.ones((4, 4))] * 3),
    "network_of": lambda target, _: network_of(target),
    "network_of with another activation": lambda target, _: network_of(target, activation="tanh"),
    "write_target": lambda target, path: write_target(path.with_name("new.npz"), target),
    "embed": lambda target, _: ertheory.embed(target, sparsity=HALF, delta=TENTH, method="drop"),
    "embed of factored sources": lambda target, _: ertheory.embed(
        target, sparsity=HALF, delta=TENTH, method="factored"
    ),
    "embed of a file": lambda _, path: ertheory.embed(path, sparsity=HALF, delta=TENTH, method="drop"),
    "read_network": lambda _, path: read_network(STATE),
    "load_network": lambda _, path: load_network(path),
}


@pytest.mark.parametrize("case", BUILDS)
def test_what_builds_says_what_is_missing(case: str, path: Path) -> None:
    with pytest.raises(InvalidInput, match=MISSING):
        BUILDS[case](load_target(path), path)
    assert not path.with_name("new.npz").exists()


def test_what_reads_weights_says_so(path: Path) -> None:
    with pytest.raises(ErError, match="counts alone"):
        reduce(load_target(path))


@pytest.mark.parametrize("method", ["blocks", "drop", "factored"])
def test_the_command_refuses_in_one_line(method: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    method = "exact" if method == "blocks" else method
    words = ["embed", "--target", str(path), "--sparsity", "0.5", "--delta", "0.1", "--method", method]
    assert main([*words, "--out", str(path.with_name("source.npz"))]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"ertheory: --target: {MISSING}")
    assert shown.err.count("\n") == 1
    assert not path.with_name("source.npz").exists()


def test_it_can_be_asked_about(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = load_target(path)
    assert target.network is None
    assert target.nonzeros == (18, 16)
    assert ertheory.width(path, sparsity=HALF, delta=TENTH, method="drop").widths == tuple(
        ertheory.width(target, sparsity=HALF, delta=TENTH, method="drop").widths
    )
    assert main(["width", "--target", str(path), "--sparsity", "0.5", "--delta", "0.1", "--method", "drop"]) == 0
    assert capsys.readouterr().out
