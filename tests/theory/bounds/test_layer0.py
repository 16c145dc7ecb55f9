"""Layer 0: which neurons serve which unit, against a search that tries everything."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.bounds import width
from ertheory.builders.blocks.layer0 import assign
from ertheory.builders.sharp.coding import code_inputs
from ertheory.errors import InvalidInput
from ertheory.masks import read_mask
from ertheory.networks.network import Affine
from ertheory.networks.target import Target
from tests.oracles_networks import has_b_matching, owner


def coding(form: str, inputs: int, groups: int = 1):
    first = Affine.from_dense(
        np.ones((groups, inputs // groups, 2)), padding=(1,) if form == "constant" else (0,), groups=groups
    )
    made = code_inputs(first, np.array([[-1.0, 1.0]] * inputs), form=form)
    assert made.units == {"shift": inputs, "constant": inputs + groups, "pairs": 2 * inputs}[form]
    return made


@st.composite
def cases(draw: st.DrawFn, most: int = 7):
    form, groups = draw(st.sampled_from(["shift", "constant", "pairs"])), draw(st.sampled_from([1, 1, 2]))
    made = coding(form, groups * draw(st.integers(1, 2)), groups)
    neurons = groups * draw(st.integers(made.units // groups, max(made.units // groups, most // groups)))
    inputs = int(max(made.inputs)) + 1
    size = neurons * inputs
    bits = draw(st.lists(st.sampled_from([0, 1, 1]), min_size=size, max_size=size))
    return made, np.reshape(bits, (neurons, inputs)) != 0


def serves(made, mask, k, unit):
    """Whether neuron k reads what the unit needs and lies in its group."""
    groups = made.first.groups
    together = k * groups // len(mask) == unit * groups // made.units
    return together and (made.inputs[unit] < 0 or bool(mask[k, made.inputs[unit]]))


@given(cases(), st.sampled_from(["dense", "preassigned"]))
@settings(max_examples=100)
def test_neurons_are_shared_out_and_live_if_they_read_their_input(case, layer0):
    made, mask = case
    signal, missing = assign(read_mask(mask), made, layer0)
    groups, neurons = made.first.groups, len(mask)
    of_group = made.units // groups
    for k in range(neurons):
        part, place = divmod(k, neurons // groups)
        unit = owner(k, neurons, made.units) if layer0 == "dense" else part * of_group + place % of_group
        alive = made.inputs[unit] < 0 or mask[k, made.inputs[unit]]
        assert signal.owners[k] == (unit if alive else -1)
        named = [edge for edge in missing if edge.copy == k]
        assert len(named) == (layer0 == "dense" and not alive)
        assert all((e.layer, e.output, e.input) == (0, unit, made.inputs[unit]) for e in named)
    assert signal.size == made.units


@given(cases(), st.none() | st.integers(1, 3))
@settings(max_examples=200)
def test_matched_neurons(case, copies):
    made, mask = case
    signal, missing = assign(read_mask(mask), made, "matched", copies=copies)
    wanted = len(mask) // made.units if copies is None else copies
    allowed = [[serves(made, mask, k, unit) for unit in range(made.units)] for k in range(len(mask))]
    served = np.bincount(signal.owners[signal.owners >= 0], minlength=made.units)
    assert (served <= wanted).all()
    assert all(unit < 0 or allowed[k][unit] for k, unit in enumerate(signal.owners))
    assert [edge.output for edge in missing] == np.flatnonzero(served < wanted).tolist()
    assert all(edge.layer == 0 and edge.copy is None and edge.input == made.inputs[edge.output] for edge in missing)
    assert (not missing) == has_b_matching(allowed, made.units, wanted)
    if len(mask) <= 5 and made.units <= 4:  # as many neurons as possible
        most = 0
        for choice in product(range(-1, made.units), repeat=len(mask)):
            fine = all(unit < 0 or allowed[k][unit] for k, unit in enumerate(choice))
            if fine and max(choice.count(unit) for unit in range(made.units)) <= wanted:
                most = max(most, sum(unit >= 0 for unit in choice))
        assert served.sum() == most


def test_matching_succeeds_where_other_readings_fail():
    # Each neuron reads one input only, in the wrong order.
    mask = read_mask([[0, 1], [0, 1], [1, 0], [1, 0]])
    made = coding("shift", 2)
    assert assign(mask, made, "dense")[0].owners.tolist() == [-1, -1, -1, -1]
    assert len(assign(mask, made, "dense")[1]) == 4
    signal, missing = assign(mask, made, "preassigned")
    assert signal.owners.tolist() == [-1, 1, 0, -1]
    assert missing == []
    signal, missing = assign(mask, made, "matched")
    assert signal.owners.tolist() == [1, 1, 0, 0]
    assert missing == []


def test_a_long_chain_of_exchanges():
    # Neuron k reads inputs k and k + 1, the last one its own alone: only one matching exists.
    size = 40
    mask = np.eye(size) + np.eye(size, k=1)
    signal, missing = assign(read_mask(mask), coding("shift", size), "matched")
    assert signal.owners.tolist() == list(range(size))
    assert missing == []


@pytest.mark.parametrize("layer0", ["dense", "preassigned", "matched"])
@pytest.mark.parametrize(
    ("form", "groups", "neurons"), [("shift", 1, 3), ("pairs", 1, 7), ("constant", 1, 4), ("shift", 2, 5)]
)
def test_too_few_neurons_and_parts_that_differ_are_refused(layer0, form, groups, neurons):
    with pytest.raises(InvalidInput, match=r"^widths: ") as caught:
        assign(read_mask(np.ones((neurons, 4))), coding(form, 4, groups), layer0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("copies", [0, -1, 1.5, True, "2"])
def test_bad_numbers_of_copies_are_refused(copies):
    with pytest.raises(InvalidInput, match=r"^copies: "):
        assign(read_mask(np.ones((3, 1))), coding("shift", 1), "matched", copies=copies)


def test_a_reading_that_does_not_exist_is_refused():
    with pytest.raises(InvalidInput, match=r"^layer0: "):
        assign(read_mask(np.ones((3, 1))), coding("shift", 1), "sparse")


def test_the_printed_inequality_of_a_preassigned_layer_0_stands_last_with_its_own_numbers():
    density = (Fraction(1, 2), Fraction(1, 3), Fraction(1, 2))
    answer = width(
        Target.from_text("4-8-3"), method="printed", density=density, failure_probability="0.001", layer0="preassigned"
    )
    (above, _), (name, values) = answer.steps()
    assert (above, name) == ("theorem-2.2", "preassigned")
    shown = {"L": 2, "m1": 32, "q1": answer.factors[1], "delta": Fraction(1, 1000), "p0": density[0], "p1": density[1]}
    assert values == shown
