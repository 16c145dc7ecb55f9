"""Factored sources of whole networks: numbers that were derived apart, options, architectures, given widths."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.bounds import largest_sparsity, success_probability, width, widths
from ertheory.bounds.factored import factored_design, map_failure, pair_failure, shapes_of_target
from ertheory.errors import InfeasibleWidth, InvalidInput, TheoremNotApplicable
from ertheory.layerwise.model_target import model_target
from ertheory.networks.layer import Layer
from ertheory.networks.target import Target

MNIST = Target.from_text("784-128-10")
DELTA = Fraction(1, 1000)
ASKED = {"failure_probability": DELTA, "method": "factored"}


# One design does not meet both at 0.8 to 0.95: fewest edges and fewest neurons are different splits of delta.
@pytest.mark.parametrize(
    ("sparsity", "hidden", "edges"),
    [("0.5", 526, 160_977), ("0.8", 1_410, 177_799), ("0.9", 3_518, 195_467), ("0.95", 13_662, 388_975)],
)
def test_numbers_that_were_derived_apart(sparsity, hidden, edges):
    few_edges = width(MNIST, sparsity=sparsity, objective="edges", **ASKED)
    few_neurons = width(MNIST, sparsity=sparsity, objective="total", **ASKED)
    assert few_edges.edges_expected <= edges
    assert few_neurons.total <= hidden
    assert few_edges.edges_expected <= few_neurons.edges_expected
    assert few_neurons.total <= few_edges.total
    for answer in (few_edges, few_neurons):
        assert answer.success_lower >= 1 - DELTA
        assert edges * Fraction(4, 5) < answer.edges_expected


def test_aims_for_real_networks():
    assert width(MNIST, sparsity="0.9", split="best", **ASKED).edges_expected <= 165_000
    vgg = width(model_target("vgg16"), sparsity="0.9", **ASKED)
    assert Fraction(12, 10) < vgg.edges_ratio <= Fraction(125, 100)
    resnet = width(model_target("resnet18"), sparsity="0.9", **ASKED)
    assert Fraction(13, 10) < resnet.edges_ratio <= Fraction(135, 100)


@settings(max_examples=15)
@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=4),
    st.integers(2, 9),
    st.sampled_from(["equal", "best"]),
    st.sampled_from(["edges", "total"]),
)
def test_a_design_keeps_its_promise(sizes, tenths, split, objective):
    target = Target.from_widths(sizes)
    density = Fraction(tenths, 10)
    answer = width(target, density=density, split=split, objective=objective, **ASKED)
    design = answer.design
    assert sum(one.share for one in design.maps) <= DELTA
    for one in design.maps:
        again = map_failure(one.columns, one.rows, one.inner, one.densities, one.orientation, one.share)
        assert again.failure == one.failure <= one.share
        assert one.density == density
    assert answer.success_lower == 1 - sum(one.failure for one in design.maps)
    # Edges by layers, read from widths and densities alone, are those of the maps.
    assert answer.edges_expected == design.edges_expected
    assert answer.edges_ratio == design.edges_expected / sum(target.nonzeros)


def test_each_layer_has_its_own_density():
    given_ = ("0.1", "0.2", "0.5", "1")
    answer = width(MNIST, density=given_, **ASKED)
    assert answer.densities == tuple(map(Fraction, given_))
    same = width(MNIST, density="0.1", **ASKED)
    assert answer.widths[0] < same.widths[0]
    with pytest.raises(InvalidInput, match="one number, or 4"):
        width(MNIST, density=("0.1", "0.2", "0.5"), **ASKED)
    rows = widths(MNIST, density=given_, failure_probability=DELTA)
    assert [row.method for row in rows] == ["factored", "factored-paths", "factored-count"]


def test_convolutions_and_what_inner_neurons_do():
    target = Target((Layer(16, 8, (3, 3)), Layer(8, 16, (3, 3))))
    forms = {}
    for inner in ("identity", "relu", "relu-positive"):
        answer = width(target, density="0.3", inner=inner, **ASKED)
        forms[inner] = [(one.form, one.orientation) for one in answer.design.maps]
        assert answer.edges_expected == answer.design.edges_expected
    # Lifted neurons cannot stand in front of zero padding; positive factors need the primal theorem.
    assert all(form == "spatial-first" or theorem == "primal" for form, theorem in forms["relu"])
    assert {theorem for _, theorem in forms["relu-positive"]} == {"primal"}
    below = Target((Layer(16, 8, (3, 3)), Layer(8, 16, (3, 3))), domain=np.array([[-1.0, 1.0]] * 8))
    assert width(below, density="0.3", inner="relu", **ASKED).design.maps[0].form == "spatial-first"
    with pytest.raises(TheoremNotApplicable, match="layer 1: positive inner factors need inputs"):
        width(below, density="0.3", inner="relu-positive", **ASKED)


def test_an_architecture_is_a_chain_or_only_factored():
    resnet = model_target("resnet18")
    rows = widths(resnet, sparsity="0.9", failure_probability=DELTA)
    assert [row.method for row in rows] == ["factored", "factored-paths", "factored-count"]
    for row in rows[1:]:  # what is necessary is not more than what is enough
        pairs = zip(row.widths[::2], rows[0].widths[::2], strict=True)
        assert all(least <= enough for least, enough in pairs)
        assert row.edges_expected < rows[0].edges_expected
    design = factored_design(shapes_of_target(resnet), densities=["0.1"], failure_probability=DELTA)
    assert rows[0].edges_expected == design.edges_expected  # shortcuts read the input of their block
    with pytest.raises(TheoremNotApplicable, match="no chain"):
        width(resnet, method="exact", sparsity="0.9", failure_probability=DELTA)
    lenet = widths(model_target("lenet-300-100"), sparsity="0.9", failure_probability=DELTA)
    assert [row.widths for row in lenet] == [
        row.widths for row in widths(Target.from_text("784-300-100-10"), sparsity="0.9", failure_probability=DELTA)
    ]


def test_widths_that_are_given():
    enough = width(MNIST, sparsity="0.9", **ASKED).widths
    found = success_probability(MNIST, enough, (Fraction(1, 10),) * 4, method="factored")
    assert 1 - DELTA <= found.success_lower
    wider = (enough[0] + 100, 200, *enough[2:])
    assert success_probability(MNIST, wider, (Fraction(1, 10),) * 4, method="factored").success_lower > (
        found.success_lower
    )
    assert not success_probability(MNIST, wider, (Fraction(1, 10),) * 4, method="factored-paths").applies
    narrow = (enough[0], 127, *enough[2:])
    assert not success_probability(MNIST, narrow, (Fraction(1, 10),) * 4, method="factored").applies
    sparsest = largest_sparsity(MNIST, enough, DELTA, method="factored").sparsity
    assert Fraction(9, 10) <= sparsest < Fraction(91, 100)
    densities = (1 - sparsest,) * 4
    assert success_probability(MNIST, enough, densities, method="factored").success_lower >= 1 - DELTA
    for name in ("factored-paths", "factored-count"):
        assert largest_sparsity(MNIST, enough, DELTA, method=name).sparsity >= sparsest


@settings(max_examples=20)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 60), st.integers(1, 9), st.integers(1, 9))
def test_more_inner_neurons_or_edges_never_hurt_the_dual(inputs, outputs, inner, first, second):
    (shape,) = shapes_of_target(Target.from_widths([inputs, outputs]))
    here = (Fraction(first, 10), Fraction(second, 10))
    one = map_failure(inputs, outputs, inner, here, "dual", DELTA).failure
    slack = 1 + Fraction(1, 10**6)  # rounding, from above on both sides
    assert map_failure(inputs, outputs, inner + 1, here, "dual", DELTA).failure <= one * slack
    denser = (here[0], here[1] + Fraction(1, 10))
    assert map_failure(inputs, outputs, inner, denser, "dual", DELTA).failure <= one * slack
    assert pair_failure(shape, inner, here) <= one


def test_bad_input_is_one_clear_line():
    with pytest.raises(InfeasibleWidth, match=r"layer 1: a factored map of 784 inputs .* more than 1000000000000"):
        width(MNIST, density="1e-7", **ASKED)
    row = {one.method: one for one in widths(MNIST, density="1e-7", failure_probability=DELTA)}["factored"]
    assert not row.applies
    assert "more than 1000000000000 inner neurons" in row.reason
    for option, value in (("split", "worst"), ("objective", "few"), ("inner", "gelu")):
        with pytest.raises(InvalidInput, match=option):
            width(MNIST, density="0.1", **ASKED, **{option: value})
    with pytest.raises(InvalidInput, match="options of exact: it has none"):
        width(MNIST, method="exact", density="0.1", failure_probability=DELTA, split="best")
    with pytest.raises(InvalidInput, match="factor"):
        widths(MNIST, density="0.1", failure_probability=DELTA, factor=2)
    with pytest.raises(InvalidInput, match="model"):
        model_target("resnet19")
    with pytest.raises(InvalidInput, match="model: expected at least one layer"):
        model_target([])
