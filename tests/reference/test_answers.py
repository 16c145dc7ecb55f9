"""What every statement answers, and how it explains the answer, is what `answers.txt` has, on small questions.

Where an answer shall change, `python tests/reference/test_answers.py` writes them anew. That they are right is for the
tests of the statements; here they stay what they are, with every word and every number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ertheory.bounds import (
    STATEMENTS,
    Statement,
    UniformPart,
    largest_sparsity,
    n_required,
    success_probability,
    ticket_widths,
    univariate_width,
    width,
)
from ertheory.errors import InfeasibleWidth, InvalidInput, TheoremNotApplicable
from ertheory.networks.target import Target
from ertheory.results import Explained

WRITTEN = Path(__file__).parent / "answers.txt"
_TWENTIETH = "1/20"
_HALVES = "1,1/2,1/2"


CERTIFIED = (
    ("printed", "4-3-2", _HALVES, {}), ("printed", "4-3-2", "1/2", {"layer0": "matched"}),
    ("printed", "4-3-2", "1/2", {"layer0": "preassigned"}), ("exact", "4-3-2", _HALVES, {}),
    ("exact", "4-3-2", "1/2", {"layer0": "matched"}), ("exact", "4-3-2", "1/2", {"layer0": "preassigned"}),
    ("exact", "3-3-3-2", "4/5", {"layer0": "matched"}), ("drop", "4-3-2", _HALVES, {}),
    ("drop", "4-3-2", "1/2", {"layer0": "matched"}), ("drop", "3-3-3-2", "1,4/5,4/5,4/5", {}),
    ("drop", "3-3-3-2", "4/5", {"layer0": "matched"}), ("drop", "2-9-2", "9/10", {"layer0": "matched"}),
    ("factored", "4-3-2", "1/2", {}), ("factored", "9-6-2", "1/4", {}), ("factored", "1-5", "1/2", {}),
    ("sharp", "4-3-2", "1/2", {}),
)  # fmt: skip


def _weights(sizes: tuple[int, ...]) -> Target:
    rng = np.random.default_rng(1)
    weights = [rng.integers(-8, 9, size=(after, before)) / 16 for before, after in pairwise(sizes)]
    biases = [rng.integers(-4, 5, size=after) / 16 for after in sizes[1:]]
    return Target.from_arrays(weights, biases, domain=[(-1, 1)] * sizes[0])


def _widths(statement: Statement) -> Iterator[tuple[str, dict[str, object]]]:
    """Each reading of layer 0, and each option that changes an answer."""
    yield "", {}
    for layer0 in statement.readings[1:]:
        yield f" layer0 {layer0}", {"layer0": layer0}
    for name, value in (("objective", "total"), ("split", "best"), ("inner", "identity"), ("factors", 3)):
        if name in statement.options:
            yield f" {name} {value}", {name: value}


def questions() -> dict[str, Callable[[], Explained | str]]:
    """Names of questions, and how they are put."""
    found: dict[str, Callable[[], Explained | str]] = {}
    small, deep, given = Target.from_text("4-3-2"), Target.from_text("3-5-4-2"), _weights((3, 3, 2))
    for one in STATEMENTS:
        ask = {"method": one.name, "failure_probability": _TWENTIETH}
        for said, options in _widths(one):
            found[f"width {one.name} 4-3-2{said}"] = partial(width, small, density="1/3", **ask, **options)
        found[f"width {one.name} 3-5-4-2"] = partial(width, deep, density="4/5", **ask)
        found[f"width {one.name} weights"] = partial(width, given, density="1/2", **ask)
        if "factored" not in one.name:
            found[f"width {one.name} dense layer 0"] = partial(width, small, density=_HALVES, **ask)
        if one.inverse is not None:
            wide = (40, 3, 30, 2) if "factored" in one.name else (60, 30, 2)
            dense = (Fraction(2, 3),) * len(wide)
            found[f"success {one.name}"] = partial(success_probability, small, wide, dense, method=one.name)
            found[f"sparsity {one.name}"] = partial(largest_sparsity, small, wide, Fraction(1, 20), method=one.name)
    subset = {"density": "1/2", "epsilon": "1/100", "failure_probability": "1/50"}
    for name, options in {
        "rigorous": {}, "z": {"z": "1/3"}, "far": {"z": "7/2"}, "uniform": {"uniform": True},
        "product": {"law": "product"}, "part": {"law": UniformPart("1/2", "1/4")}, "kept": {"kept": 6},
        "locked": {"locked": "1/20"}, "calibrated": {"mode": "calibrated"},
        "calibrated quarter": {"mode": "calibrated", "z": "1/4"}, "calibrated half": {"mode": "calibrated", "z": "1/2"},
        "calibrated product": {"mode": "calibrated", "law": "product"}, "printed": {"mode": "printed", "constant": 2},
    }.items():  # fmt: skip
        found[f"subset-sum {name}"] = partial(n_required, **subset | options)
    ticket = {"density": "1/2", "epsilon": "1/10", "failure_probability": "1/10"}
    for name, options in {
        "rigorous": {}, "shallow": {"depth": "2L"}, "calibrated": {"mode": "calibrated", "extrapolate": True},
        "printed": {"mode": "printed", "constant": 2},
    }.items():  # fmt: skip
        found[f"ticket {name}"] = partial(ticket_widths, given, **ticket | options)
    for output in ("relu", "linear"):
        found[f"univariate {output}"] = partial(
            univariate_width, 5, (Fraction(1, 3), Fraction(1, 2)), Fraction(1, 20), output=output
        )
    for method, text, density, options in CERTIFIED:
        said = " ".join(options.values())
        ask = {"method": method, "density": density, "failure_probability": _TWENTIETH, **options}
        found[" ".join(filter(None, ["certificate", method, text, density, said]))] = partial(
            _certified, Target.from_text(text), ask
        )
    return found


def _certified(target: Target, ask: Mapping[str, object]) -> str:
    """What a certificate says before the first line that is for Coq."""
    return width(target, **ask).certificate().partition("*)")[0]


def written(question: Callable[[], Explained | str]) -> str:
    """Everything an answer says of itself, with ten digits after a point."""
    try:
        answer = question()
    except (InvalidInput, TheoremNotApplicable, InfeasibleWidth) as error:
        return f"  {type(error).__name__}: {error}\n"
    if isinstance(answer, str):
        text = answer
    else:
        lines = [f"{name}: {value}" for name, value in answer.to_dict().items()]
        text = "\n".join([*lines, *answer.explain().splitlines()])
    return re.sub(r"(\d\.\d{10})\d+", r"\1", "".join(f"  {line}".rstrip() + "\n" for line in text.splitlines() if line))


QUESTIONS = questions()


def known() -> dict[str, str]:
    blocks = WRITTEN.read_text(encoding="utf-8").split("\n\n")
    return {name: f"{text.rstrip()}\n" for name, _, text in (block.partition("\n") for block in blocks)}


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_is_what_it_was(name):
    assert written(QUESTIONS[name]) == known()[name]


def test_no_answer_is_left_over():
    assert set(known()) == set(QUESTIONS)


if __name__ == "__main__":
    WRITTEN.write_text("\n".join(f"{name}\n{written(one)}" for name, one in QUESTIONS.items()), encoding="utf-8")
