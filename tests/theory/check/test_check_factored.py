"""Sources with two layers for each one: what is proved of them, and that wrong ones are found."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ertheory.builders.factored.boxes import NONNEGATIVE
from ertheory.builders.factored.chain import embed_factored
from ertheory.builders.factored.files import write_factored
from ertheory.builders.factored.planning import plan_factored
from ertheory.check import check_embedding, check_file, evaluate, read_embedding
from ertheory.check.factored import prove_factored
from ertheory.check.paired import is_paired, prove_paired
from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.masks import DrawnMask
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual


def chain(sizes, seed=0, activation="relu", domain=(-1.0, 1.0), scale=1.0):
    rng = np.random.default_rng(seed)
    steps = []
    for inputs, outputs in pairwise(sizes):
        steps += [
            Affine.from_dense(scale * rng.standard_normal((outputs, inputs)), rng.standard_normal(outputs)),
            Activation(activation),
        ]
    box = None if domain is None else np.tile(domain, (sizes[0], 1))
    return Network(tuple(steps[:-1]), box)


def built(network, inner, **options):
    chosen = plan_factored(network, density="0.5", failure_probability="1e-6", inner=inner)
    return chosen.embed(seed=1, workers=1, **options)


@settings(max_examples=25)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=2, max_size=4),
    inner=st.sampled_from(["identity", "relu"]),
    activation=st.sampled_from(["relu", "gelu", "tanh", "relu6", "sigmoid", "hardsigmoid", "softplus"]),
    low=st.sampled_from([-1.0, 0.0]),
    seed=st.integers(0, 99),
)
@example(sizes=[1, 1, 1], inner="relu", activation="relu", low=-1.0, seed=0)  # hidden neurons that are always 0
@example(sizes=[2, 1, 1, 1], inner="relu", activation="relu", low=0.0, seed=33)
@example(sizes=[2, 3, 2], inner="relu", activation="softplus", low=0.0, seed=0)
def test_every_chain_passes_its_check(sizes, inner, activation, low, seed):
    network = chain(sizes, seed, activation, (low, 1.0))
    found = built(network, inner)
    checked = check_embedding(network, found.source, found.masks, seed=seed)
    assert checked.passed
    assert checked.on_mask
    assert checked.difference_bound < 1e-9
    assert found.difference_bound < 1e-9


@pytest.mark.parametrize("name", NONNEGATIVE)
def test_activations_that_count_as_nowhere_negative_are(name):
    values = activation(name).function(np.concatenate([np.linspace(-50, 50, 10**4), [-1e300, -1e3, 0.0]]))
    assert values.min() >= 0


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("inner", ["identity", "relu"])
def test_small_rational_files_are_proved_exact(tmp_path, suffix, inner):
    network = chain([4, 5, 3], activation="tanh")
    found = built(network, inner, exact=True)
    path = tmp_path / f"source{suffix}"
    write_factored(path, found)
    read = read_embedding(path)
    assert read.rationals == found.rationals
    names = [step.name for step in read.network.steps if isinstance(step, Activation)]
    assert names == [inner, "tanh", inner]
    checked = check_file(path, network)
    assert checked.exact
    assert checked.passed
    assert not check_embedding(network, read.network, read.masks).exact
    changed = {**read.rationals}
    layer = min(changed)
    changed[layer] = (changed[layer][0] + Fraction(1, 10**30), *changed[layer][1:])
    assert not check_file(path, network, rationals=changed).exact


def test_identity_needs_no_box_where_weights_are_rational():
    network = chain([4, 5, 3], domain=None)
    found = built(network, "identity", exact=True)
    assert check_embedding(network, found.source, found.masks, rationals=found.rationals).exact
    rounded = check_embedding(network, found.source, found.masks)
    assert not rounded.equal
    assert "state a box" in rounded.differs
    with pytest.raises(TheoremNotApplicable, match="needs a box"):
        built(network, "relu")


def moved(step: Affine, by: float, bias: float = 0.0) -> Affine:
    weight = step.weight.copy()
    weight.data[0] += by
    return replace(step, weight=weight, bias=step.bias + bias)


def changed(network: Network, place: int, by: float, bias: float) -> Network:
    at = [number for number, step in enumerate(network.steps) if isinstance(step, Affine)][place]
    step = moved(network.steps[at], by, bias)
    return Network((*network.steps[:at], step, *network.steps[at + 1 :]), network.domain)


@pytest.mark.parametrize("inner", ["identity", "relu"])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_wrong_weights_and_biases_are_refused_and_named(place, inner):
    network = chain([4, 5, 3])
    found = built(network, inner)
    for by, bias in ((1e-3, 0.0), (0.0, 1e-3)):
        checked = check_embedding(network, changed(found.source, place, by, bias), found.masks)
        assert not checked.passed
        assert checked.difference_bound is None
        assert f"source layer {place // 2 * 2 + 1}" in checked.differs
        assert ("its bias is not" if bias else "is off by") in checked.differs


@pytest.mark.parametrize("scale", [2.0**-40, 1.0, 2.0**40])
@pytest.mark.parametrize("proof", ["two layers", "two steps", "three steps"])
def test_a_product_may_be_off_by_two_to_the_minus_30_of_the_largest_weight(proof, scale):
    """Of the largest one and of no other number: the same holds for small weights and for large ones."""
    whole, small = Affine.from_dense([[4.0 * scale, scale]]), Affine.from_dense([[scale]])
    for share, accepted in ((0.99, True), (1.01, False)):
        first = Affine.from_dense([[4.0 * (1 + share * 2.0**-30), 1.0]])
        steps = {
            "two layers": (first, Activation("identity"), small),
            "two steps": (first, small),
            "three steps": (first, Affine.from_dense([[1.0]]), small),
        }[proof]
        prove = prove_factored if proof == "two layers" else prove_paired
        found = prove(Network((whole,)), Network(steps), np.array([[0.0, 1.0], [0.0, 1.0]]))
        if accepted:
            assert found.differs is None
            assert found.bound == pytest.approx(4 * scale * share * 2.0**-30, rel=1e-5)
        else:
            assert "is off by" in found.differs


@settings(max_examples=20)
@given(place=st.integers(0, 3), digits=st.integers(-50, -34), on=st.sampled_from(["weight", "bias"]))
def test_what_rounding_explains_enters_the_bound(place, digits, on):
    network = chain([4, 5, 3])
    found = built(network, "identity")
    by, bias = (2.0**digits, 0.0) if on == "weight" else (0.0, 2.0 ** (digits - 8))
    wrong = changed(found.source, place, by, bias)
    checked = check_embedding(network, wrong, found.masks)
    points = np.random.default_rng(0).uniform(-1, 1, (64, 4))
    off = np.abs(evaluate(network, points) - evaluate(wrong, points)).max()
    assert off <= (checked.float_bound or np.inf)
    if checked.passed:
        assert checked.difference_bound > 0


def test_lowered_inner_neurons_are_named():
    network = chain([4, 5, 3])
    found = built(network, "relu")
    steps = found.source.steps
    low = Network((moved(steps[0], 0.0, -50.0), *steps[1:]), network.domain)
    assert "may be negative" in check_embedding(network, low, found.masks).differs


def test_positive_first_factors_need_no_bounds():
    network = chain([5, 6, 4, 3], domain=(0.0, 1.0), scale=1e4)
    found = built(network, "relu-positive")
    for step, one in zip(found.source.affine[::2], found.factors, strict=True):
        assert one.scheme == "primal"
        assert (step.weight.data > 0).all()
        assert not step.bias.any()
    assert check_embedding(network, found.source, found.masks).passed
    with pytest.raises(TheoremNotApplicable, match="layer 1: no positive first factor"):
        built(chain([5, 6, 3]), "relu-positive")


def test_large_bounds_are_refused_with_a_way_out():
    with pytest.raises(TheoremNotApplicable, match=r"layer 2: inner relu needs shifts .* use inner identity"):
        built(chain([5, 6, 6, 3], scale=1e5), "relu")


def test_files_of_other_activations_are_refused(tmp_path):
    found = built(chain([2, 2, 2]), "identity")
    path = tmp_path / "source.npz"
    write_factored(path, found)
    content = dict(np.load(path))
    for names in (["identity", "relu"], ["identity", "relu", "none"], ["identity"] * 4):
        np.savez(path, **{**content, "activation": np.array(names)})
        with pytest.raises(InvalidInput, match="activation"):
            read_embedding(path)


def test_bad_input_of_the_builder():
    network = chain([2, 3, 2])
    with pytest.raises(InvalidInput, match="inner: expected one of identity, relu, relu-positive, got 'tanh'"):
        plan_factored(network, density="0.5", failure_probability="0.1", inner="tanh")
    with pytest.raises(InvalidInput, match="masks: expected 4"):
        embed_factored(network, [DrawnMask((3, 2), Fraction(1))])
    with pytest.raises(InvalidInput, match="4 "):
        plan_factored(network, density="0.5,0.5,0.5", failure_probability="0.1")


@pytest.mark.parametrize(
    ("outer", "bias", "exact"),
    [
        ([[2.0, 1.0]], 2.0, True),
        ([[2.0, 1.0]], 2.0 + 2.0**-45, False),
        ([[2.0, 1.0 + 2.0**-40]], 2.0 - 2.0**-40, False),
        ([[1.5, 1.5]], 2.0, True),
    ],
)
def test_exact_means_that_product_and_bias_are_those_of_the_target(outer, bias, exact, monkeypatch):
    """B z + c with c = 1, then A and b': A B = 3 and A c + b' = 5."""
    first, second = Affine.from_dense([[1.0], [1.0]], [1.0, 1.0]), Affine.from_dense(outer, [bias])
    target, box = Network((Affine.from_dense([[3.0]], [5.0]),)), np.array([[0.0, 1.0]])
    source = Network((first, Activation("identity"), second))
    off = abs(sum(outer[0]) + bias - 5) + abs(sum(outer[0]) - 3)
    found = prove_factored(target, source, box)
    assert found.exact is exact
    assert off <= found.bound < off + 1e-13
    without = prove_factored(target, source, None)
    assert (without.exact, without.differs is None) == (exact, exact)
    rational = {at: [Fraction(value) for value in one.weight.data.tolist()] for at, one in enumerate(source.affine)}
    # Beside rational weights, biases are what their doubles were rounded from.
    assert prove_factored(target, source, box, rational).exact is (exact or outer == [[2.0, 1.0]])
    rational[1][0] += Fraction(1, 2**40)
    found = prove_factored(target, source, box, rational)
    assert "source layer 1: a rational weight that its double is not rounded from" in found.differs
    monkeypatch.setattr("ertheory.check.factored._NUMBERS", 8)
    assert prove_factored(target, source, box).exact is False  # too much to look at


def fractions(numbers) -> list:
    return [[abs(Fraction(value)) for value in row] for row in np.atleast_2d(numbers).tolist()]


def times(matrix, vector) -> list[Fraction]:
    return [sum((one * other for one, other in zip(row, vector, strict=True)), Fraction(0)) for row in matrix]


@pytest.mark.parametrize("lift", [0.0, 0.5])
@pytest.mark.parametrize("prove", [prove_factored, prove_paired])
def test_the_bound_is_the_one_that_is_stated(prove, lift):
    """|A B - W| (|z| + e) + |W| e + |A c + b' - b|, in fractions layer by layer, and what rounding loses."""
    rng, box, inner = np.random.default_rng(2), np.array([[0.0, 1.0], [-2.0, 1.0], [1.0, 3.0]]), 4
    between = Activation("relu" if lift else "identity")
    target, source = [], []
    gamma = Fraction(inner + 2, 2**53) / (1 - Fraction(inner + 2, 2**53))
    size, error = [Fraction(1), Fraction(2), Fraction(3)], [Fraction(0)] * 3
    for shape in ((5, 3), (2, 5)):
        first, second = rng.random((inner, shape[1])), rng.random((shape[0], inner))
        whole, shift, bias = second @ first, np.full(inner, lift * 400), rng.random(shape[0])
        stored = bias - second @ shift
        target += [Affine.from_dense(whole, bias), Activation("tanh")]
        source += [Affine.from_dense(first, shift), between, Affine.from_dense(second, stored), Activation("tanh")]
        off = fractions(second @ first - whole)  # as it is computed, what that loses is in gamma
        lost = [times(list(zip(*fractions(first), strict=True)), row) for row in fractions(second)]
        apart = [[a + gamma * b for a, b in zip(*rows, strict=True)] for rows in zip(off, lost, strict=True)]
        moduli = [a + b + c for a, (b,), (c,) in zip(
            times(fractions(second), [Fraction(value) for value in shift]), fractions(stored[:, None]),
            fractions(bias[:, None]), strict=True)]  # fmt: skip
        fixed = fractions(((second @ shift + stored) - bias)[:, None])
        biased = [f + (4 * gamma * m if lift else 0) for (f,), m in zip(fixed, moduli, strict=True)]
        reach = [z + e for z, e in zip(size, error, strict=True)]
        error = [a + b + c for a, b, c in zip(times(apart, reach), times(fractions(whole), error), biased, strict=True)]
        ends = [(Fraction(low), Fraction(high)) for low, high in box.tolist()]
        high = [Fraction(b) + sum(Fraction(w) * top for w, (_, top) in zip(row, ends, strict=True))
                for row, b in zip(whole.tolist(), bias.tolist(), strict=True)]  # fmt: skip
        low = [Fraction(b) + sum(Fraction(w) * least for w, (least, _) in zip(row, ends, strict=True))
               for row, b in zip(whole.tolist(), bias.tolist(), strict=True)]  # fmt: skip
        size = [max(abs(one), abs(other)) for one, other in zip(low, high, strict=True)]  # the slope of tanh is 1
        box = np.array([[-float(one), float(one)] for one in size])
    found = prove(
        Network(tuple(target[:-1])), Network(tuple(source[:-1])), np.array([[0.0, 1.0], [-2.0, 1.0], [1.0, 3.0]])
    )
    assert max(error) <= Fraction(found.bound) <= max(error) * (1 + Fraction(1, 10**12))


# ---- two steps for one, whatever else there is


def filters(outputs: int, inputs: int, *kernel: int, **geometry) -> Affine:
    """A convolution with weights 1."""
    return Affine.from_dense(np.ones((outputs, inputs, *kernel)), **geometry)


WHOLE = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)}
SLIDING = filters(4, 2, 3, 2, **WHOLE)
POINTWISE, RELU, SAME = filters(3, 2, 1, 1), Activation("relu"), Activation("identity")
PAIRS = {
    "taps in the second": ((POINTWISE, filters(4, 3, 3, 2, **WHOLE)), True),
    "taps in the first": ((filters(3, 2, 3, 2, **WHOLE), filters(4, 3, 1, 1)), True),
    "an identity between": ((POINTWISE, SAME, filters(4, 3, 3, 2, **WHOLE)), True),
    "a ReLU between": ((POINTWISE, RELU, filters(4, 3, 3, 2, **WHOLE)), True),
    "two ReLUs between": ((POINTWISE, RELU, RELU, filters(4, 3, 3, 2, **WHOLE)), False),
    "another activation between": ((POINTWISE, Activation("tanh"), filters(4, 3, 3, 2, **WHOLE)), False),
    "a pool between": ((POINTWISE, Pool("max", (1, 1)), filters(4, 3, 3, 2, **WHOLE)), False),
    "a ReLU in front": ((RELU, POINTWISE, filters(4, 3, 3, 2, **WHOLE)), False),
    "a ReLU behind": ((POINTWISE, filters(4, 3, 3, 2, **WHOLE), RELU), False),
    "taps in both": ((filters(3, 2, 2, 1), filters(4, 3, 3, 2, **WHOLE)), False),
    "taps in none": ((POINTWISE, filters(4, 3, 1, 1)), False),
    "other taps": ((POINTWISE, filters(4, 3, 2, 3, **WHOLE)), False),
    "another stride": ((POINTWISE, filters(4, 3, 3, 2, **{**WHOLE, "stride": (1, 1)})), False),
    "another padding": ((POINTWISE, filters(4, 3, 3, 2, **{**WHOLE, "padding": (0, 0)})), False),
    "another dilation": ((POINTWISE, filters(4, 3, 3, 2, **{**WHOLE, "dilation": (1, 1)})), False),
    "a stride of its own": ((filters(3, 2, 1, 1, stride=(2, 1)), filters(4, 3, 3, 2, **WHOLE)), False),
    "a padding of its own": ((filters(3, 2, 1, 1, padding=(1, 0)), filters(4, 3, 3, 2, **WHOLE)), False),
    "groups of its own": ((filters(4, 1, 1, 1, groups=2), filters(4, 2, 3, 2, groups=2, **WHOLE)), False),
    "other outputs": ((POINTWISE, filters(5, 3, 3, 2, **WHOLE)), False),
    "other inputs": ((filters(3, 3, 1, 1), filters(4, 3, 3, 2, **WHOLE)), False),
    "the step itself, which has no pair": ((SLIDING,), False),
    "one step more": ((POINTWISE, filters(4, 3, 3, 2, **WHOLE), Flatten()), False),
}


def around(place: str, *inner) -> Network:
    """Put steps alone, or into a block."""
    branch, skip = (inner, (SLIDING,)) if place == "in a branch" else ((SLIDING,), inner)
    return Network(inner if place == "alone" else (Residual(branch, skip), RELU, filters(4, 4, 1, 1)))


@pytest.mark.parametrize("case", PAIRS)
def test_which_steps_stand_for_one(case):
    """One of two slides as the step does, and the other acts at every position alone."""
    steps, paired = PAIRS[case]
    assert is_paired(around("alone", SLIDING), around("alone", *steps)) is paired
    if isinstance(steps[-1], Affine):  # blocks end with one
        for place in ["in a branch", "in a skip"][: 1 if any(isinstance(step, Pool) for step in steps) else 2]:
            assert is_paired(around(place, SLIDING), around(place, *steps)) is paired


@pytest.mark.parametrize(
    ("change", "paired"),
    [
        ({}, True),
        ({"bias": np.ones(4)}, False),
        ({"weight": 2 * SLIDING.weight}, False),
        ({"stride": (1, 1)}, False),
        ({"padding": (0, 0)}, False),
        ({"dilation": (1, 1)}, False),
    ],
)
def test_steps_that_are_no_pairs_are_those_of_the_target(change, paired):
    source = Network((replace(SLIDING, **change), RELU, filters(3, 4, 1, 1), filters(2, 3, 1, 1)))
    assert is_paired(Network((SLIDING, RELU, filters(2, 4, 1, 1))), source) is paired


def test_a_pair_needs_a_box_and_a_bound_that_is_a_double():
    whole, halves = Affine.from_dense([[3e20]]), (Affine.from_dense([[1.5e10]]), Affine.from_dense([[2e10]]))
    target, source = Network((Residual((whole,)),)), Network((Residual(halves),))
    for box, said in ((None, "state a box"), ((-1e308, 1e308), "no bound below the largest double")):
        found = prove_paired(target, source, None if box is None else np.array([box]))
        assert found.bound is None
        assert not found.exact
        assert said in found.differs
    assert "state a box" in check_embedding(target, source).differs
