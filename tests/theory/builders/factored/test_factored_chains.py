"""Chains of random sizes, zeros and densities inside drawn masks: exact where small, one line where it cannot be."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ertheory
from ertheory.builders.factored.chain import embed_factored
from ertheory.builders.factored.matching import mixed_failure, unmatched_inputs
from ertheory.builders.factored.pairs import MaskPair
from ertheory.builders.factored.planning import plan_factored
from ertheory.builders.factored.solve import factor_map
from ertheory.builders.factored.verdict import universal_by
from ertheory.check import check_embedding
from ertheory.errors import ConstructionFailed, InvalidInput, TheoremNotApplicable
from ertheory.masks import DrawnMask
from ertheory.networks.target import Target, network_of


def drawn(inputs, outputs, inner, density, seed):
    """Draw two masks; as masks, and as a pair."""
    shapes = (inner, inputs), (outputs, inner)
    masks = [DrawnMask(shape, Fraction(density), seed, at) for at, shape in enumerate(shapes)]
    return masks, MaskPair(*(mask.to_csr() for mask in masks))


densities = st.sampled_from(["0.3", "0.5", "0.8", "1"])


@st.composite
def targets(draw):
    """A chain with zeros anywhere, but for one weight in each layer."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=2, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    zeros = draw(st.sampled_from([0.0, 0.4, 0.8]))
    weights = []
    for inputs, outputs in pairwise(sizes):
        weight = rng.standard_normal((outputs, inputs)) * (rng.random((outputs, inputs)) >= zeros)
        weight[rng.integers(outputs), rng.integers(inputs)] = 1.5
        weights.append(weight)
    biases = [rng.standard_normal(outputs) for outputs in sizes[1:]]
    return Target.from_arrays(weights, biases, domain=[[draw(st.sampled_from([-1, 0])), 1]] * sizes[0])


@settings(max_examples=30)
@given(target=targets(), data=st.data())
def test_every_chain_is_found_exactly(target, data):
    layers = 2 * target.depth
    density = data.draw(st.one_of(densities, st.lists(densities, min_size=layers, max_size=layers)))
    options = {
        "inner": data.draw(st.sampled_from(["identity", "relu"])),
        "outer": data.draw(st.sampled_from(["solved", "random"])),
        "split": data.draw(st.sampled_from(["equal", "best"])),
    }
    built = ertheory.embed(target, density=density, delta="1e-6", method="factored", seed=3, **options)
    assert built.passed
    assert built.check.exact
    assert built.check.on_mask
    if options["outer"] == "random":
        assert {one.scheme for one in built.embedding.factors} == {"dual"}
    assert built.embedding.widths[1::2] == target.widths[1:]


@given(
    sizes=st.tuples(st.integers(2, 6), st.integers(2, 5), st.integers(3, 14)),
    seed=st.integers(0, 2**20),
    density=st.sampled_from(["0.4", "0.6"]),
)
def test_rational_solutions_of_every_scheme_are_exact(sizes, seed, density):
    masks, pair = drawn(*sizes, density, seed)
    weight = np.random.default_rng(seed).standard_normal((pair.outputs, pair.inputs))
    scheme = universal_by(pair)
    if scheme not in ("dual", "primal"):
        with contextlib.suppress(ConstructionFailed):
            factor_map(weight, pair, exact=True, seed=seed)
        return
    target = network_of(Target.from_arrays([weight]))
    chain = embed_factored(target, masks, exact=True, seed=seed)
    assert chain.factors[0].scheme == scheme
    assert check_embedding(target, chain.source, masks, rationals=chain.rationals).exact


def test_a_mixed_scheme_is_exact_too():
    found = 0
    for seed in range(40):
        masks, pair = drawn(8, 8, 26, "0.45", seed)
        lacking = unmatched_inputs(pair)
        if not len(lacking) or mixed_failure(pair, lacking, thorough=False) is not None:
            continue
        target = network_of(Target.from_arrays([np.random.default_rng(seed).standard_normal((8, 8))]))
        chain = embed_factored(target, masks, exact=True, schemes=["mixed-dual"])
        assert chain.factors[0].scheme == "mixed-dual"
        assert set(chain.rationals) == {0, 1}
        assert check_embedding(target, chain.source, masks, rationals=chain.rationals).exact
        found += 1
    assert found > 3


def test_a_failed_draw_names_every_end_without_a_matching():
    target = Target.from_arrays([np.ones((2, 3)), [[1.0, 2.0]]])
    masks = [DrawnMask(shape, Fraction(1)) for shape in ((4, 3), (2, 4))]
    lacking = [np.ones((1, 2)), np.zeros((1, 1))]
    with pytest.raises(
        ConstructionFailed, match=r"layer 2: no matching for input 0, one of 2 inputs without"
    ) as caught:
        embed_factored(network_of(target), [*masks, *lacking])
    assert [tuple(one) for one in caught.value.missing] == [("layer 2", "input", 0), ("layer 2", "input", 1)]


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ([np.ones((4, 3))], "masks: expected 2, two for each layer of the target, got 1"),
        ([np.ones((4, 3)), np.ones((2, 5))], "second mask: expected a mask with a column for each of the 4 rows"),
        ([np.ones((4, 2)), np.ones((2, 4))], "weight of layer 1: expected shape"),
        ([np.ones((4, 3)), np.full((2, 4), 2)], "second mask"),
    ],
)
def test_masks_of_wrong_shapes_are_one_line(masks, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        embed_factored(network_of(Target.from_arrays([np.ones((2, 3))])), masks)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 400


def test_what_is_no_chain_or_has_no_weights_is_refused():
    wide = network_of(Target.from_arrays([np.ones((2, 1, 3, 3))]))
    with pytest.raises(TheoremNotApplicable, match="use embed_module"):
        plan_factored(wide, density="0.5", failure_probability="0.1")
    empty = network_of(Target.from_arrays([np.zeros((2, 3)), np.ones((1, 2))]))
    with pytest.raises(TheoremNotApplicable, match="a layer of the target has no weights"):
        plan_factored(empty, density="0.5", failure_probability="0.1", inner="identity")
