"""Density and sparsity exclude each other: every question says whether both or none were given, not their values."""

import pytest

import ertheory
from ertheory import commands
from ertheory.commands.building import _given_densities
from ertheory.errors import InvalidInput


def _module(**given):
    torch = pytest.importorskip("torch")
    return ertheory.embed_module(torch.nn.Linear(2, 2), failure_probability="0.1", **given)


QUESTIONS = {
    "width": lambda **given: commands.width("4-4-2", delta="0.1", **given),
    "lower": lambda **given: commands.lower(4, delta="0.1", output="relu", **given),
    "subset_sum": lambda **given: commands.subset_sum(epsilon="0.1", delta="0.1", **given),
    "embed": lambda density=None, sparsity=None: _given_densities(density, sparsity),
    "embed_module": _module,
}


@pytest.mark.parametrize(
    ("given", "said"),
    [({}, "none"), ({"density": "0.1", "sparsity": 0}, "both"), ({"sparsity": 0, "density": "0.1"}, "both")],
)
@pytest.mark.parametrize("question", QUESTIONS)
def test_what_was_given_is_said(question, given, said):
    with pytest.raises(InvalidInput, match=rf"^density: expected exactly one of .*, got '{said}'$"):
        QUESTIONS[question](**given)
