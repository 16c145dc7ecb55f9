"""What layer 0 does with the inputs: every activation in every way that it allows, and none in the others."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.builders import FORMS, embed_target
from ertheory.builders.sharp.coding import code_inputs
from ertheory.check import check_embedding
from ertheory.check import evaluate as evaluate_doubles
from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.networks.activations import ACTIVATIONS, activation
from ertheory.networks.network import Activation, Affine, Network
from tests.oracles_networks import certificate_faults, evaluate

NAMES = [*ACTIVATIONS, "leaky_relu:0.5", "leaky_relu:-1", "leaky_relu:-0.5", "softshrink:0.3", "elu:2", "celu:0.5"]
SHIFTED = [name for name in NAMES if activation(name).piece]
PAIRED = [name for name in NAMES if activation(name).pair]
APPROXIMATE = [name for name in NAMES if activation(name).linearisation]
ROUNDED = {"hardsigmoid", "selu", "leaky_relu", "leaky_relu:0.5", "prelu", "leaky_relu:-0.5", "softshrink:0.3"}
"""Weights of layer 1 are divided by a slope that is no power of two, in some form."""

GRID = np.concatenate([np.linspace(-12, 12, 481), [1e-9, -1e-9, 0.3, 0.5, 1 / 3]])


def network(name: str, box=None, *, weight=((0.5, -3.0), (0.25, 1.0)), padding: int | None = None) -> Network:
    first, last = np.array(weight), np.array([[1.0, -2.0]])
    if padding is not None:
        steps = Affine.from_dense(first[..., None].repeat(2, axis=2), [0.5, 0.0], padding=(padding,)), last[..., None]
    else:
        steps = Affine.from_dense(first, [0.5, 0.0]), last
    return Network(
        (steps[0], Activation(name), Affine.from_dense(steps[1], [0.125])), None if box is None else np.array([box] * 2)
    )


def built(target: Network, **options):
    form = code_inputs(target.affine[0], target.domain, name=target.activation, form=options.get("form"))
    taps = target.affine[0].taps
    return embed_target(target, [np.ones((form.units, 2)), np.ones((4, form.units * taps)), np.ones((1, 4))], **options)


# ---- the table of activations


def test_classes_are_as_the_theory_lists_them():
    exact_on_boxes = "relu identity relu6 hardtanh hardsigmoid hardswish selu leaky_relu prelu elu celu softshrink"
    paired = "relu identity hardswish softplus silu gelu gelu_tanh leaky_relu prelu"
    assert {name for name in ACTIVATIONS if "E1" in activation(name).classes} == set(exact_on_boxes.split())
    assert {name for name in ACTIVATIONS if "E2" in activation(name).classes} == set(paired.split())
    assert {name for name in ACTIVATIONS if activation(name).classes == ("approximate",)} == {"tanh", "sigmoid", "mish"}


@pytest.mark.parametrize("name", NAMES)
def test_both_ways_to_evaluate_agree(name):
    function = activation(name)
    if function.exact is None:
        return
    values = function.function(GRID)
    for z, value in zip(GRID.tolist(), values.tolist(), strict=True):
        assert abs(Fraction(value) - function.exact(Fraction(z))) <= Fraction(1e-14)


@pytest.mark.parametrize("name", SHIFTED)
def test_pieces_are_affine_and_end_where_they_say(name):
    function = activation(name)
    piece = function.piece
    low = -20.0 if piece.low is None else float(piece.low)
    high = 20.0 if piece.high is None else float(piece.high)
    inside = np.linspace(low, high, 101)
    line = float(piece.slope) * inside + float(piece.offset)
    np.testing.assert_allclose(function.function(inside), line, rtol=0, atol=1e-14)
    assert piece.slope
    for end, outside in ((piece.low, low - 1e-3), (piece.high, high + 1e-3)):
        if end is not None and name not in ("leaky_relu:1", "hardswish"):
            value = function.function(np.array([outside]))[0]
            assert abs(value - (float(piece.slope) * outside + float(piece.offset))) > 1e-8
    if function.exact:
        for place in (Fraction(low), Fraction(low) + Fraction(1, 7), Fraction(high)):
            assert function.exact(place) == piece.slope * place + piece.offset


@pytest.mark.parametrize("name", NAMES)
def test_pairs_cancel_and_no_other_activation_has_one(name):
    function = activation(name)
    odd = function.function(GRID) - function.function(-GRID)
    if function.pair is not None:
        np.testing.assert_allclose(odd, float(function.pair) * GRID, rtol=1e-14, atol=1e-14)
        assert function.pair
    elif name != "leaky_relu:-1":  # its odd part is 0, which is no use
        slope = (odd @ GRID) / (GRID @ GRID)
        assert np.abs(odd - slope * GRID).max() > 0.1
    else:
        assert not odd.any()


@pytest.mark.parametrize("name", NAMES)
def test_lipschitz_constants_hold_and_are_not_far_off(name):
    function = activation(name)
    fine = np.linspace(-8, 8, 200_001)
    steepest = np.abs(np.diff(function.function(fine)) / np.diff(fine)).max()
    assert steepest <= float(function.lipschitz) * (1 + 1e-9)
    assert steepest >= float(function.lipschitz) / 1.1


@pytest.mark.parametrize("name", APPROXIMATE)
def test_taylor_remainders(name):
    line = activation(name).linearisation
    exact = {
        "tanh": mpmath.tanh,
        "sigmoid": lambda y: 1 / (1 + mpmath.exp(-y)),
        "mish": lambda y: y * mpmath.tanh(mpmath.log1p(mpmath.exp(y))),
    }[name]
    with mpmath.workdps(60):
        largest = 0
        for exponent in range(-30, 9):
            for y in (mpmath.mpf(1.5) ** exponent, -(mpmath.mpf(1.5) ** exponent)):
                slope, value = (mpmath.mpf(q.numerator) / q.denominator for q in (line.slope, line.value))
                remainder = abs(exact(y) - value - slope * y)
                assert (
                    remainder
                    <= mpmath.mpf(line.coefficient.numerator) / line.coefficient.denominator * abs(y) ** line.order
                )
                largest = max(largest, remainder / abs(y) ** line.order)
        assert largest > float(line.coefficient) / 2  # not vacuous


# ---- networks that use them


POINTS = [[Fraction(a), Fraction(b)] for a, b in ((-1, 2), (2, -1), (0, 0), ("1/3", "-1/7"), (2, 2), (-1, -1))]


@pytest.mark.parametrize("name", SHIFTED)
@pytest.mark.parametrize("form", [None, "constant"])
def test_one_neuron_on_a_box(name, form):
    target = network(name, (-1.0, 2.0))
    embedding = built(target, form=form)
    assert embedding.coding.form == (form or "shift")
    assert certificate_faults(embedding) == []
    assert_same(embedding, name)


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize("box", [None, (-1.0, 2.0)])
def test_pairs_for_all_inputs(name, box):
    embedding = built(network(name, box), form="pairs")
    assert embedding.coding.inputs.tolist() == [0, 0, 1, 1]
    assert not any(embedding.bias_corrections)
    assert not embedding.source.affine[0].bias.any()
    assert certificate_faults(embedding) == []
    assert_same(embedding, name)
    if box is None:
        assert embedding.source.domain is None
        default = built(network(name, box))
        assert default.coding.form == "pairs"


def assert_same(embedding, name):
    bound = embedding.error_bound
    if name not in ROUNDED:
        assert bound == 0
    elif embedding.target.domain is not None:
        assert bound < Fraction(1, 10**14)
    if activation(name).exact is not None:
        for point in POINTS:
            found, wanted = (evaluate(part, point)[0] for part in (embedding.source, embedding.target))
            assert abs(found - wanted) <= (Fraction(1, 10**14) if bound is None else bound)
        if name not in ROUNDED:
            assert check_embedding(embedding.target, embedding.source, embedding.masks).exact
    points = np.array(POINTS, dtype=float)
    found, wanted = (evaluate_doubles(part, points) for part in (embedding.source, embedding.target))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13)


def test_rounded_weights_are_counted_in_the_error():
    # leaky_relu:0.5 has pairs of slope 3/2: the weight 0.5 becomes the double next to 1/3, and so on.
    weight = [[0.5, -3.0], [0.25, 1.5]]
    embedding = built(network("leaky_relu:0.5", (-1.0, 2.0), weight=weight), form="pairs")
    lost = [abs(Fraction(value / 1.5) * Fraction(3, 2) - Fraction(value)) for value in (0.5, -3.0, 0.25, 1.5)]
    assert lost[1] == lost[3] == 0 < lost[0]
    assert embedding.coding.error == (2 * lost[0], 2 * lost[2])
    assert 0 < 2 * lost[0] + 2 * 2 * lost[2] <= embedding.error_bound < 4.1 * (lost[0] + lost[2])
    assert built(network("leaky_relu:0.5", weight=weight), form="pairs").error_bound is None
    assert built(network("leaky_relu:0.5", weight=[[1.5, -3.0], [0.0, 6.0]]), form="pairs").error_bound == 0


def test_constants_that_cannot_put_it_right_are_counted_in_the_error():
    # 0.1 * 0.3 is no double, so no weight on a constant 1 takes the shift back exactly, and a bias would.
    target = network("relu", (-0.3, 1.0), weight=[[0.1, 0.0], [0.0, 1.0]], padding=1)
    product = Fraction(0.1) * Fraction(0.3)
    embedding = built(target, form="constant")
    lost = 2 * abs(Fraction(float(product)) - product)
    assert embedding.coding.error == (lost, 0)
    assert 0 < lost <= embedding.error_bound < lost * Fraction(1001, 1000)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in APPROXIMATE])
@pytest.mark.parametrize("padding", [0, 1])
def test_padded_borders(name, padding):
    box = (-1.0, 2.0)
    forms = [form for form, way in (("constant", activation(name).piece), ("pairs", activation(name).pair)) if way]
    points = np.array([[[0.3, -1.0, 2.0], [1.0, 0.25, -0.7]]])
    for form in [None, *forms]:
        embedding = built(network(name, box, padding=padding), form=form)
        found, wanted = (evaluate_doubles(part, points) for part in (embedding.source, embedding.target))
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", SHIFTED)
@pytest.mark.parametrize(
    "box", [(-1e-300, 1e-300), (-1e12, 3e12), (5.0, 5.0), (0.0, 0.1), (100.0, 101.0), (-7.0, -6.5)]
)
def test_units_stay_in_the_piece(name, box):
    # The affine function that a unit is said to be: exactly that at both ends, in rational arithmetic.
    function = activation(name)
    coding = code_inputs(Affine.from_dense([[1.0]]), np.array([box]), name=name, form="shift")
    weight, bias = Fraction(coding.weights[0]), Fraction(coding.biases[0])
    for end in box:
        argument = weight * Fraction(end) + bias
        assert function.piece.low is None or argument >= function.piece.low
        assert function.piece.high is None or argument <= function.piece.high
    assert weight.numerator == 1
    # No smaller than it has to be: twice the weight would not fit, or it is 1.
    if weight < 1:
        assert 4 * weight * (Fraction(box[1]) - Fraction(box[0])) > (function.piece.high - function.piece.low)


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9), st.sampled_from(["relu", "hardtanh", "relu6", "softshrink"]))
@settings(max_examples=80)
def test_any_box_is_shifted_exactly(low, width, name):
    high = low + width
    target = Network(
        (Affine.from_dense([[0.5], [-2.0]]), Activation(name), Affine.from_dense([[1.0, 3.0]])), np.array([[low, high]])
    )
    embedding = embed_target(target, [np.ones((1, 1)), np.ones((2, 1)), np.ones((1, 2))])
    for point in (Fraction(low), Fraction(high), (Fraction(low) + 2 * Fraction(high)) / 3):
        assert evaluate(embedding.source, [point]) == evaluate(target, [point])


# ---- approximate


@pytest.mark.parametrize("name", APPROXIMATE)
def test_the_approximate_form_has_to_be_asked_for(name):
    for box in (None, (-1.0, 1.0)):
        with pytest.raises(TheoremNotApplicable, match=f"{name} .*approximate") as caught:
            built(network(name, box))
        assert "\n" not in str(caught.value)
    for form in ("shift", "constant", "pairs"):
        with pytest.raises(TheoremNotApplicable):
            built(network(name, (-1.0, 1.0)), form=form)
    with pytest.raises(TheoremNotApplicable, match="box"):
        embed_target(network(name), [np.ones((2, 2)), np.ones((2, 2)), np.ones((1, 2))], form="approximate")


@pytest.mark.parametrize("name", APPROXIMATE)
@pytest.mark.parametrize("scale", [Fraction(1), Fraction(1, 4), Fraction(1, 1024), Fraction(1, 2**14)])
def test_the_error_stays_below_a_bound_that_is_not_vacuous(name, scale):
    embedding = built(network(name, (-1.0, 1.0)), form="approximate", scale=scale)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 41)] * 2), axis=-1).reshape(-1, 2)
    found, wanted = (evaluate_doubles(part, grid) for part in (embedding.source, embedding.target))
    measured, bound = np.abs(found - wanted).max(), float(embedding.error_bound)
    rounding = 1e-15 / float(scale)
    assert 0 < bound
    assert measured <= bound + rounding
    assert measured >= bound / 1000
    # As its order says: a quarter of the scale, 16 times or 4 times better.
    finer = built(network(name, (-1.0, 1.0)), form="approximate", scale=scale / 4)
    order = activation(name).linearisation.order
    assert float(finer.error_bound) == pytest.approx(bound / 4 ** (order - 1), rel=1e-9)


@pytest.mark.parametrize("name", APPROXIMATE)
def test_the_approximate_form_at_a_padded_border(name):
    target = network(name, (-1.0, 1.0), padding=1)
    if name == "sigmoid":  # it is 1/2 at 0, the padding supplies 0
        with pytest.raises(TheoremNotApplicable, match="padded border"):
            built(target, form="approximate")
        return
    embedding = built(target, form="approximate")
    points = np.array([[[0.3, -1.0, 1.0], [1.0, 0.25, -0.7]]])
    found, wanted = (evaluate_doubles(part, points) for part in (embedding.source, embedding.target))
    assert np.abs(found - wanted).max() <= float(embedding.error_bound)


@pytest.mark.parametrize("scale", [0.25, 0, Fraction(2), Fraction(1, 3), Fraction(-1, 2), Fraction(1, 2**1100), True])
def test_bad_scales_are_refused(scale):
    with pytest.raises(InvalidInput, match=r"^scale: ") as caught:
        built(network("tanh", (-1.0, 1.0)), form="approximate", scale=scale)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", SHIFTED)
def test_where_an_exact_form_exists_the_approximate_one_is_refused(name):
    with pytest.raises(TheoremNotApplicable, match="exact form"):
        built(network(name, (-1.0, 1.0)), form="approximate")


# ---- which form, and what is refused


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("box", [None, (-1.0, 1.0)])
def test_a_form_is_refused_where_it_is_not_exact(form, name, box):
    function = activation(name)
    possible = {
        "shift": function.piece is not None and box is not None,
        "constant": function.piece is not None and box is not None,
        "pairs": function.pair is not None,
        "approximate": function.linearisation is not None and box is not None,
    }[form]
    if possible:
        assert (
            code_inputs(
                network(name).affine[0], None if box is None else np.array([box] * 2), name=name, form=form
            ).form
            == form
        )
        return
    with pytest.raises(TheoremNotApplicable) as caught:
        code_inputs(network(name).affine[0], None if box is None else np.array([box] * 2), name=name, form=form)
    assert "\n" not in str(caught.value)


def test_elu_without_a_box_has_no_form():
    with pytest.raises(TheoremNotApplicable, match="state a box"):
        built(network("elu"))


@pytest.mark.parametrize(
    ("weight", "name", "box", "form"),
    [
        (1e10, "hardtanh", (-1e300, 1e300), None),  # beyond the doubles when the small slope is put right
        (1e-20, "leaky_relu:1e308", None, "pairs"),  # or below them
    ],
)
def test_weights_that_do_not_stay_doubles_are_refused(weight, name, box, form):
    with pytest.raises(InvalidInput, match=r"^target: expected weights that stay doubles"):
        built(network(name, box, weight=((weight, 0.0), (0.0, 1.0))), form=form)


def test_the_largest_boxes_are_no_crash():
    end, coded = float(np.finfo(float).max), 0
    for name in SHIFTED:
        for box in ((-end, end), (-end, -end), (end, end), (-end, 0.0)):
            try:
                coding = code_inputs(Affine.from_dense([[1.0]]), np.array([box]), name=name)
            except InvalidInput:
                continue
            coded += 1
            assert np.isfinite(coding.biases).all()
            assert np.isfinite(coding.first.weight.data).all()
    assert 0 < coded < 4 * len(SHIFTED)


@pytest.mark.parametrize(
    "name", ["swish", "relu:1", "leaky_relu:x", "leaky_relu:nan", "elu:0", "softshrink:-1", "elu:inf", ""]
)
def test_unknown_activations_are_refused(name):
    with pytest.raises(InvalidInput, match=r"^activation: ") as caught:
        activation(name)
    assert "\n" not in str(caught.value)
