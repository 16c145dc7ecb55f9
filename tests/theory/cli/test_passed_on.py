"""What is typed behind an option reaches the function of the command, as an exact number where it is one."""

from __future__ import annotations

import inspect
from dataclasses import fields
from fractions import Fraction
from importlib import import_module
from typing import Any

import pytest

from ertheory import commands
from ertheory.cli import _COMMANDS, main
from ertheory.cli.options import names_of
from ertheory.cli.program import command_at
from ertheory.cli.progress import Progress

# Of an option: a word that is typed, and what the function gets. A switch has no word.
TYPED: dict[str, tuple[str, Any]] = {
    "activation": ("gelu", "gelu"),
    "bits": ("3", 3),
    "classes": ("7", 7),
    "confidence": ("0.9", Fraction(9, 10)),
    "constant": ("2.5", Fraction(5, 2)),
    "delta": ("1e-3", Fraction(1, 1000)),
    "density": ("0.5,1/4", (Fraction(1, 2), Fraction(1, 4))),
    "domain": ("-1,2", (-1.0, 2.0)),
    "edges": ("1000", 1000),
    "epsilon": ("0.01", Fraction(1, 100)),
    "erk_kernel": ("area", "area"),
    "factors": ("3", 3),
    "form": ("pairs", "pairs"),
    "gamma": ("1/3", Fraction(1, 3)),
    "inner": ("relu-positive", "relu-positive"),
    "inputs": ("points.npy", "points.npy"),
    "kept": ("4", 4),
    "law": ("product", "product"),
    "layer0": ("preassigned", "preassigned"),
    "level": ("0.75", Fraction(3, 4)),
    "locked": ("0.125", Fraction(1, 8)),
    "max_bias": ("0", Fraction(0)),
    "max_weight": ("3", Fraction(3)),
    "method": ("matching", "matching"),
    "mode": ("printed", "printed"),
    "model": ("vgg16", "vgg16"),
    "norms": ("2,3/2", (Fraction(2), Fraction(3, 2))),
    "objective": ("total", "total"),
    "out": ("out.npz", "out.npz"),
    "outer": ("random", "random"),
    "output": ("linear", "linear"),
    "ratio": ("pyramidal", "pyramidal"),
    "resolution": ("0.2", Fraction(1, 5)),
    "seed": ("17", 17),
    "source": ("2-4-6-1", "2-4-6-1"),
    "sparsity": ("0.2,2/5", (Fraction(1, 5), Fraction(2, 5))),
    "split": ("best", "best"),
    "target": ("2-3-1", "2-3-1"),
    "trials": ("1_000", 1000),
    "widths": ("5,7", (5, 7)),
    "workers": ("2", 2),
    "z": ("-0.5", Fraction(-1, 2)),
}
ONE = {"density": ("1/4", Fraction(1, 4)), "sparsity": ("2/5", Fraction(2, 5))}  # number for all layers
OWN: dict[str, dict[str, tuple[str, Any]]] = {
    "capacity": {"method": ("sharp", "sharp")},
    "densities": {**ONE, "width": ("1.5", Fraction(3, 2))},
    "explore": ONE,
    "figure": {"name": ("figure4", "figure4")},
    "lower": {"inputs": ("12", 12)},
    "subset-sum": ONE,
    "ticket": {"depth": ("both", "both")},
    "verify": {"statement": ("theorem-2.2", "theorem-2.2")},
}
SHOWN = {"explain", "format", "json"}  # options that the function need not know
OWN_SHOWN = {"width": {"certificate", "force"}}


class Asked(BaseException):
    """The function was called, and this is what it got."""


def asked(words: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], set[str]]:
    """Give the arguments with which the function of a command is called, and what it may be called with."""
    command = words[0]
    name, place = command.replace("-", "_"), next(at for name, at, _ in _COMMANDS if name == command)
    signature = inspect.signature(getattr(commands, name))

    def called(*given: Any, **options: Any) -> None:
        raise Asked(signature.bind(*given, **options).arguments)

    monkeypatch.setattr(import_module(place.partition(":")[0]), name, called)
    with pytest.raises(Asked) as found:
        main(words)
    return found.value.args[0], set(signature.parameters) - {"failure_probability", "sparsities"}


def typed(command: str, *without: str) -> tuple[list[str], dict[str, Any]]:
    """Give words with all options of a command, and the values that its function should get."""
    kind = command_at(next(at for name, at, _ in _COMMANDS if name == command))
    words, values = [command], {}
    for field, name in names_of(kind).items():
        if field in SHOWN | OWN_SHOWN.get(command, set()) | {*without}:
            continue
        if next(one for one in fields(kind) if one.name == field).default is False:
            words.append(name)
            values[field] = True
            continue
        word, values[field] = {**TYPED, **OWN.get(command, {})}[field]
        words.append(f"{name}={word}" if name.startswith("--") else word)
    return words, values


CASES = [(name, ()) for name, *_ in _COMMANDS if name != "width"]  # which asks in two ways
CASES += [("width", ("model", "method")), ("width", ("target",))]


@pytest.mark.parametrize(("command", "without"), CASES)
def test_every_option_reaches_the_function_and_what_takes_long_moves_a_bar(command, without, monkeypatch):
    moved: list[float] = []
    monkeypatch.setattr(Progress, "update", lambda self, more=1: moved.append(more))
    words, values = typed(command, *without)
    given, possible = asked(words, monkeypatch)
    silent = {"progress"} if (command, without) == ("width", ("target",)) else set()  # one method is asked
    assert {*given, *without} >= possible - silent
    bars = [given.pop(name) for name in ("progress", "checking") if name in given]
    given.pop("planned", None)
    if given.get("target") is not None:
        given["target"] = str(given["target"])  # it may have been read
    assert {name: value for name, value in given.items() if name not in without or value is not None} == values
    for bar in bars:
        bar(0.5)
    assert moved == [0.5] * len(bars)
