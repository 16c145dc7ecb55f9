"""Layer-wise densities: laws on random shapes, independent solvers, and the published numbers."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
import math
import sys
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ertheory.errors import InvalidInput
from ertheory.layerwise import (
    ERK_KERNELS,
    RATIOS,
    LayerDensities,
    balanced,
    balanced_printed,
    erk,
    layer_densities,
    nonzero_counts,
    pyramidal,
    uniform,
)
from ertheory.layerwise.architectures import LayerShape, architecture

EPSILON = Fraction(sys.float_info.epsilon)
EXACT = ["uniform", "erk-size", "erk-area", "balanced", "pyramidal"]

linear_shapes = st.tuples(st.integers(1, 500), st.integers(1, 500))
filter_shapes = st.tuples(st.integers(1, 128), st.integers(1, 128), st.integers(1, 7), st.integers(1, 7))
shape_lists = st.lists(linear_shapes | filter_shapes, min_size=1, max_size=8)
densities_asked = st.sampled_from([Fraction(1), Fraction(1, 10), Fraction(1, 10**12)]) | st.fractions(
    Fraction(1, 10**12), 1, max_denominator=10**12
)


def spread(ratio: str, shapes, density) -> tuple[float, ...]:
    name, _, kernel = ratio.partition("-")
    return layer_densities(shapes, density, name, erk_kernel=kernel or "size").densities


def sizes(shapes) -> list[int]:
    return [math.prod(shape) for shape in shapes]


def spent(shapes, densities) -> Fraction:
    return sum((Fraction(p) * m for p, m in zip(densities, sizes(shapes), strict=True)), Fraction(0))


@pytest.mark.parametrize("ratio", EXACT)
@given(shape_lists, densities_asked)
def test_the_budget_is_spent(ratio, shapes, density) -> None:
    densities = spread(ratio, shapes, density)
    budget = density * sum(sizes(shapes))
    assert all(0 < p <= 1 for p in densities)
    assert abs(spent(shapes, densities) - budget) <= EPSILON * budget


@pytest.mark.parametrize("ratio", EXACT)
@pytest.mark.parametrize("density", ["1e-12", "1e-290", "0.999999999999"])
@pytest.mark.parametrize("model", ["resnet50", "vgg16", "lenet-300-100"])
def test_the_budget_is_spent_at_extreme_densities(ratio, density, model) -> None:
    shapes = [layer.shape for layer in architecture(model)]
    budget = Fraction(density) * sum(sizes(shapes))
    assert abs(spent(shapes, spread(ratio, shapes, density)) - budget) <= EPSILON * budget


@pytest.mark.parametrize("ratio", EXACT)
@given(shape_lists)
def test_density_one_gives_ones(ratio, shapes) -> None:
    assert set(spread(ratio, shapes, 1)) == {1.0}


@pytest.mark.parametrize("ratio", [*EXACT, "balanced-printed"])
@given(shape_lists, densities_asked, densities_asked)
def test_more_budget_makes_no_layer_sparser(ratio, shapes, one, other) -> None:
    low, high = sorted((one, other))
    if ratio == "balanced-printed":
        below, above = balanced_printed(shapes, low), balanced_printed(shapes, high)
    else:
        below, above = spread(ratio, shapes, low), spread(ratio, shapes, high)
    assert all(p <= q for p, q in zip(below, above, strict=True))


@pytest.mark.parametrize("ratio", ["uniform", "erk-size", "erk-area", "balanced"])
@given(shape_lists, densities_asked, st.randoms(use_true_random=False))
def test_order_of_layers_is_indifferent_but_to_the_pyramid(ratio, shapes, density, random) -> None:
    order = list(range(len(shapes)))
    random.shuffle(order)
    densities = spread(ratio, shapes, density)
    assert spread(ratio, [shapes[i] for i in order], density) == tuple(densities[i] for i in order)


@given(shape_lists, densities_asked)
def test_uniform_is_the_density_itself(shapes, density) -> None:
    assert uniform(shapes, density) == (float(density),) * len(shapes)


@given(shape_lists, densities_asked)
def test_balanced_layers_that_are_not_full_have_equal_nonzeros(shapes, density) -> None:
    densities = balanced(shapes, density)
    nonzeros = [p * m for p, m in zip(densities, sizes(shapes), strict=True)]
    level = max(nonzeros)
    for p, m, n in zip(densities, sizes(shapes), nonzeros, strict=True):
        if p < 1:
            assert n == pytest.approx(level, rel=1e-14)
        else:
            assert m <= level


def redistributed(shapes, density: float, kernel: str) -> list[float]:
    """The iteration of Evci et al.: solve, make the layers of maximal score dense if one exceeds 1, repeat."""
    m = np.array(sizes(shapes), dtype=float)
    spatial = [(sum if kernel == "size" else math.prod)(shape[2:]) if shape[2:] else 0 for shape in shapes]
    score = np.array([shape[0] + shape[1] + extra for shape, extra in zip(shapes, spatial, strict=True)]) / m
    dense = np.zeros(len(m), dtype=bool)
    while not dense.all():
        scale = (density * m[~dense].sum() - (1 - density) * m[dense].sum()) / (score * m)[~dense].sum()
        if scale * score[~dense].max() <= 1 + 1e-12:
            return np.where(dense, 1.0, scale * score).tolist()
        dense |= score == score[~dense].max()
    return [1.0] * len(m)


@pytest.mark.parametrize("kernel", ERK_KERNELS)
@given(shape_lists, st.floats(1e-6, 1))
def test_erk_is_the_iterative_redistribution(kernel, shapes, density) -> None:
    assert erk(shapes, density, kernel=kernel) == pytest.approx(redistributed(shapes, density, kernel), rel=1e-9)


@pytest.mark.parametrize("kernel", ERK_KERNELS)
@given(shape_lists, densities_asked)
def test_erk_layers_that_are_not_full_keep_the_proportions_of_the_scores(kernel, shapes, density) -> None:
    densities = erk(shapes, density, kernel=kernel)
    extra = {"size": sum, "area": lambda taps: math.prod(taps) if taps else 0}[kernel]
    scores = [(shape[0] + shape[1] + extra(shape[2:])) / math.prod(shape) for shape in shapes]
    scales = [p / score for p, score in zip(densities, scores, strict=True)]
    level = max(scales)
    for p, score, scale in zip(densities, scores, scales, strict=True):
        if p < 1:
            assert scale == pytest.approx(level, rel=1e-14)
        else:
            assert score * level >= 1 - 1e-14


def test_the_two_erk_forms_differ_in_filters_alone() -> None:
    dense = ((300, 784), (100, 300), (10, 100))
    assert erk(dense, 0.1, kernel="size") == erk(dense, 0.1, kernel="area")
    # Scores 8 + 8 + 6 and 8 + 8 + 9 over 576, against 16 + 16 over 256.
    filters = ((8, 8, 3, 3), (16, 16))
    for kernel, share in (("size", 22), ("area", 25)):
        first, second = erk(filters, 0.05, kernel=kernel)
        assert first * 576 / (second * 256) == pytest.approx(Fraction(share, 32), rel=1e-14)


@given(shape_lists, densities_asked)
def test_pyramidal_is_geometric(shapes, density) -> None:
    densities = pyramidal(shapes, density)
    assert densities == pytest.approx([densities[0] ** depth for depth in range(1, len(shapes) + 1)], rel=1e-14)


def unit_root(shapes, density: float) -> float:
    roots = np.roots([*map(float, reversed(sizes(shapes))), -density * sum(sizes(shapes))])
    (root,) = (root.real for root in roots if abs(root.imag) < 1e-9 and root.real > 0)
    return float(root)


@given(shape_lists, st.floats(1e-3, 1))
def test_pyramidal_agrees_with_a_polynomial_solver(shapes, density) -> None:
    assert pyramidal(shapes, density)[0] == pytest.approx(unit_root(shapes, density), rel=1e-9)


@pytest.mark.parametrize("model", ["vgg16", "resnet18", "resnet50"])
@pytest.mark.parametrize("density", [0.9, 0.5, 0.1, 0.01, 0.001])
def test_pyramidal_agrees_with_a_polynomial_solver_on_the_networks(model, density) -> None:
    shapes = [layer.shape for layer in architecture(model)]
    assert pyramidal(shapes, density)[0] == pytest.approx(unit_root(shapes, density), rel=1e-9)


def test_pyramidal_densities_too_small_for_a_double_are_zero() -> None:
    densities = pyramidal(architecture("resnet50"), "1e-12")
    assert densities[0] > 0
    assert densities[-1] == 0


@given(shape_lists, densities_asked)
def test_balanced_as_printed(shapes, density) -> None:
    level = density * sum(sizes(shapes)) / len(shapes)
    assert balanced_printed(shapes, density) == tuple(float(min(Fraction(1), level / m)) for m in sizes(shapes))
    result = layer_densities(shapes, density, "balanced-printed")
    surplus = any(m < level for m in sizes(shapes))
    assert result.spends_budget is not surplus
    if surplus:
        assert result.density_realised < density
    else:
        assert result.densities == balanced(shapes, density)


def test_balanced_as_printed_is_not_dense_at_density_one() -> None:
    assert balanced_printed(((1, 3), (1, 9)), 1) == (1.0, float(Fraction(2, 3)))


@given(st.sampled_from(RATIOS), shape_lists, densities_asked)
def test_functions_leave_their_inputs_alone_and_repeat_themselves(ratio, shapes, density) -> None:
    before = copy.deepcopy(shapes)
    first = layer_densities(shapes, density, ratio)
    assert shapes == before
    assert layer_densities(tuple(shapes), density, ratio) == first
    assert first.layers == tuple(LayerShape(f"layer{i}", shape) for i, shape in enumerate(shapes, start=1))
    assert layer_densities(first.layers, density, ratio) == first


def test_the_result_keeps_the_inputs_and_is_frozen() -> None:
    layers = architecture("vgg16")
    result = layer_densities(layers, "1/10", "erk", erk_kernel="area")
    assert (result.layers, result.ratio, result.density, result.erk_kernel) == (layers, "erk", Fraction(1, 10), "area")
    assert layer_densities(layers, "0.1", "uniform", erk_kernel="area").erk_kernel is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.ratio = "uniform"


def test_each_name_means_its_function() -> None:
    layers = architecture("resnet20")
    functions = {
        "balanced": balanced,
        "balanced-printed": balanced_printed,
        "erk": erk,
        "pyramidal": pyramidal,
        "uniform": uniform,
    }
    assert set(RATIOS) == set(functions)
    assert len({layer_densities(layers, 0.3, name).densities for name in RATIOS}) == len(RATIOS)
    for name, function in functions.items():
        assert layer_densities(layers, 0.3, name).densities == function(layers, 0.3)


@pytest.mark.parametrize("ratio", EXACT)
@given(shape_lists, densities_asked)
def test_counts_sum_to_the_rounded_budget(ratio, shapes, density) -> None:
    name, _, kernel = ratio.partition("-")
    result = layer_densities(shapes, density, name, erk_kernel=kernel or "size")
    counts = result.nonzero_counts()
    assert sum(counts) == round(density * sum(sizes(shapes)))
    for count, p, m in zip(counts, result.densities, sizes(shapes), strict=True):
        assert 0 <= count <= m
        assert abs(count - Fraction(p) * m) < 1


@given(shape_lists, densities_asked)
def test_counts_of_the_printed_ratio_sum_to_what_it_spends(shapes, density) -> None:
    result = layer_densities(shapes, density, "balanced-printed")
    if not result.spends_budget:
        assert sum(result.nonzero_counts()) == round(spent(shapes, result.densities))


@given(st.data(), shape_lists)
def test_counts_round_up_the_largest_remainders(data, shapes) -> None:
    densities = data.draw(st.lists(st.floats(0, 1), min_size=len(shapes), max_size=len(shapes)))
    quotas = [Fraction(p) * m for p, m in zip(densities, sizes(shapes), strict=True)]
    remainders = [quota - math.floor(quota) for quota in quotas]
    least = sum(math.floor(quota) for quota in quotas)
    most = sum(math.ceil(quota) for quota in quotas)
    total = data.draw(st.none() | st.integers(least, most))
    counts = nonzero_counts(shapes, densities, total)
    assert sum(counts) == (round(sum(quotas)) if total is None else total)
    raised = [r for r, count, quota in zip(remainders, counts, quotas, strict=True) if count > quota]
    lowered = [r for r, count, quota in zip(remainders, counts, quotas, strict=True) if count < quota]
    assert all(math.floor(quota) <= count <= math.ceil(quota) for count, quota in zip(counts, quotas, strict=True))
    assert not raised or not lowered or min(raised) >= max(lowered)
    for wrong in (least - 1, most + 1):
        with pytest.raises(InvalidInput, match="total"):
            nonzero_counts(shapes, densities, wrong)


def test_equal_remainders_are_rounded_up_from_the_front() -> None:
    assert nonzero_counts(((1, 2), (1, 2), (1, 2)), (0.25, 0.25, 0.25), 2) == (1, 1, 0)


def expected_dead_by_enumeration(shape: tuple[int, int], density: Fraction) -> Fraction:
    outputs, inputs = shape
    total = Fraction(0)
    for bits in itertools.product((0, 1), repeat=outputs * inputs):
        probability = math.prod((density if bit else 1 - density for bit in bits), start=Fraction(1))
        rows = [bits[row * inputs : (row + 1) * inputs] for row in range(outputs)]
        total += probability * sum(not any(row) for row in rows)
    return total


@pytest.mark.parametrize("density", [Fraction(1, 8), Fraction(1, 2), Fraction(7, 8), Fraction(1)])
def test_dead_outputs_by_enumeration_of_all_masks(density) -> None:
    shapes = ((2, 3), (3, 2), (1, 4))
    expected = sum(expected_dead_by_enumeration(shape, density) for shape in shapes)
    assert layer_densities(shapes, density, "uniform").dead_outputs_expected == pytest.approx(
        float(expected), rel=1e-14
    )


@given(shape_lists, st.floats(1e-12, 1))
@example([(3, 10**12)], 1e-12)
def test_dead_outputs_with_many_digits(shapes, density) -> None:
    with mpmath.workprec(200):
        expected = sum(shape[0] * (1 - mpmath.mpf(density)) ** math.prod(shape[1:]) for shape in shapes)
    assert layer_densities(shapes, density, "uniform").dead_outputs_expected == pytest.approx(float(expected), rel=1e-9)


NOMINAL = (0.5, 0.3, 0.2, 0.1, 0.05, 0.01)


# Rounded once, to three decimals, at the last density to four.
@pytest.mark.parametrize(
    ("model", "classes", "realised"),
    [
        ("resnet18", 10, (0.266, 0.190, 0.138, 0.079, 0.044, 0.0097)),
        ("vgg16", 10, (0.324, 0.209, 0.147, 0.079, 0.042, 0.0090)),
        ("resnet50", 100, (0.334, 0.224, 0.159, 0.088, 0.047, 0.0099)),
    ],
)
def test_realised_densities_of_the_printed_balanced_ratio(model, classes, realised) -> None:
    layers = architecture(model, classes=classes)
    for density, expected in zip(NOMINAL, realised, strict=True):
        digits = 4 if density == 0.01 else 3
        assert round(layer_densities(layers, density, "balanced-printed").density_realised, digits) == expected
        assert layer_densities(layers, density, "balanced").density_realised == pytest.approx(density, rel=1e-15)


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        ("balanced-printed", [1, 1, 1, 0.713, 0.356, 0.178, 0.178, 0.0891, *[0.0446] * 5, 1]),
        (
            "pyramidal",
            [0.784, 0.614, 0.481, 0.377, 0.296, 0.232, 0.182, 0.142, 0.112, 0.087, 0.069, 0.054, 0.042, 0.033],
        ),
        ("erk", [1, 0.670, 0.495, 0.328, 0.244, 0.162, 0.162, 0.121, *[0.0805] * 5, 1]),
    ],
)
def test_densities_of_vgg16_at_one_tenth(ratio, expected) -> None:
    densities = layer_densities(architecture("vgg16"), "0.1", ratio).densities
    for density, printed in zip(densities, expected, strict=True):
        half_a_digit = 0.5 * 10.0 ** -(4 if ratio != "pyramidal" and printed < 0.1 else 3)
        assert abs(density - printed) <= half_a_digit * (1 + 1e-9)


def test_densities_of_vgg16_with_the_whole_budget() -> None:
    # 1,728 + 36,864 + 73,728 + 5,120 weights are full; nine layers and the fourth share the rest of 1,471,558.4.
    level = (Fraction(14_715_584, 10) - 117_440) / 10
    full = {0, 1, 2, 13}
    for index, (layer, density) in enumerate(
        zip(architecture("vgg16"), balanced(architecture("vgg16"), "0.1"), strict=True)
    ):
        assert density == (1.0 if index in full else float(level / layer.weights))


DEAD_AT = (0.1, 0.05, 0.01, 0.005, 0.001)


# Rounded once, to the digits shown.
@pytest.mark.parametrize(
    ("model", "ratio", "expected"),
    [
        ("vgg16", "uniform", (3.7, 16, 49, 69, 425)),
        ("vgg16", "balanced-printed", (0.0, 0.0, 0.0, 0.1, 407)),
        ("vgg16", "balanced", (0.0, 0.0, 0.0, 0.1, 407)),
        ("vgg16", "pyramidal", (0.0, 0.049, 24, 396, 2633)),
        ("vgg16", "erk", (0.0, 0.0, 0.0, 0.0, 174)),
        ("resnet18", "uniform", (3.9, 21, 227, 450, 1371)),
        ("resnet18", "balanced-printed", (0.0, 0.0, 0.1, 14, 1075)),
        ("resnet18", "balanced", (0.0, 0.0, 0.1, 13, 1075)),
        ("resnet18", "pyramidal", (0.0, 0.5, 449, 1570, 4177)),
        ("resnet18", "erk", (0.0, 0.0, 0.0, 0.2, 560)),
    ],
)
def test_dead_outputs_of_the_networks(model, ratio, expected) -> None:
    for density, printed in zip(DEAD_AT, expected, strict=True):
        dead = layer_densities(architecture(model), density, ratio).dead_outputs_expected
        digits = 0 if isinstance(printed, int) else len(str(printed).partition(".")[2])
        assert round(dead, digits) == printed


@pytest.mark.parametrize(("model", "at"), [("resnet18", (2.7, 0.3)), ("vgg16", (2.3, 0.4))])
def test_the_pyramid_empties_the_classifier(model, at) -> None:
    for density, expected in zip(("0.01", "0.005"), at, strict=True):
        result = layer_densities(architecture(model), density, "pyramidal")
        assert result.layers[-1].weights == 5120
        assert round(result.nonzeros_expected[-1], 1) == expected


def test_json_has_the_fields_that_scripts_read() -> None:
    result = layer_densities(architecture("resnet18"), "0.3", "balanced-printed")
    document = json.loads(result.to_json())
    assert document == result.to_dict()
    assert document["layers"][-1] == {
        "name": "fc",
        "shape": [10, 512],
        "weights": 5120,
        "density": 1.0,
        "nonzeros_expected": 5120.0,
    }
    assert len(document["layers"]) == 21
    assert (document["ratio"], document["density"], document["erk_kernel"]) == ("balanced-printed", 0.3, None)
    assert document["density_realised"] == result.density_realised
    assert document["dead_outputs_expected"] == result.dead_outputs_expected
    assert document["weights"] == 11_164_352
    assert json.loads(layer_densities(((2, 3),), 1, "erk").to_json())["erk_kernel"] == "size"


def test_markdown_says_what_is_realised() -> None:
    lines = layer_densities(((4, 5), (10, 5), (2, 5)), "0.5", "balanced-printed").to_markdown().splitlines()
    assert lines[2] == "| layer1 | 4 x 5 | 20 | 0.666667 | 13.3 |"
    assert lines[5] == "| all | | 80 | 0.458333 | 36.7 |"
    assert "asked 0.5, realised 0.458333" in lines[-1]
    assert all(line.count("|") == 6 for line in lines[:6])


@pytest.mark.parametrize("density", [0, -0.1, 1.0000001, math.nan, math.inf, True, "dense", None, "1e-291", [0.1]])
@pytest.mark.parametrize("ratio", RATIOS)
def test_densities_refused(ratio, density) -> None:
    with pytest.raises(InvalidInput) as caught:
        layer_densities(((3, 2),), density, ratio)
    assert caught.value.argument == "density"


@pytest.mark.parametrize(
    "shapes",
    [(), [], None, "abc", 3, (300, 784), ((3,),), ((3, 0),), ((3, 2.5),), ((3, 2), None), ((10**8, 10**8),), {"a": 1}],
)
@pytest.mark.parametrize("function", [uniform, erk, balanced, balanced_printed, pyramidal])
def test_shapes_refused(function, shapes) -> None:
    with pytest.raises(InvalidInput, match="shape"):
        function(shapes, 0.5)


def test_names_refused() -> None:
    with pytest.raises(InvalidInput, match="balanced, balanced-printed, erk, pyramidal, uniform"):
        layer_densities(((3, 2),), 0.5, "balanced_printed")
    with pytest.raises(InvalidInput, match="erk_kernel: expected one of size, area"):
        erk(((3, 2),), 0.5, kernel="volume")
    with pytest.raises(InvalidInput, match="erk_kernel: expected one of size, area"):
        layer_densities(((3, 2),), 0.5, "uniform", erk_kernel="volume")


@pytest.mark.parametrize("densities", [(), (0.5,), (0.5, 1.5), (0.5, -0.5), (0.5, math.nan), (0.5, "x"), 0.5])
def test_borrowed_densities_refused(densities) -> None:
    layers = architecture("4-3-2")
    with pytest.raises(InvalidInput, match="densities"):
        LayerDensities(layers, "snip", Fraction(1, 2), densities)
    with pytest.raises(InvalidInput, match="densities"):
        nonzero_counts(layers, densities)


def test_borrowed_densities_are_welcome() -> None:
    result = LayerDensities(architecture("4-3-2"), "snip", Fraction(1, 2), (0.75, 0.0))
    assert (result.spends_budget, result.density_realised) == (True, 0.5)
    assert result.nonzero_counts() == (9, 0)
    assert result.dead_outputs_expected == pytest.approx(3 * 0.25**4 + 2)


@pytest.mark.parametrize("total", [True, 2.0, "2"])
def test_totals_refused(total) -> None:
    with pytest.raises(InvalidInput, match="total"):
        nonzero_counts(((2, 2),), (0.5,), total)


@pytest.mark.parametrize(("ratio", "heading"), [("uniform", "ratio uniform"), ("erk", "ratio erk, kernel size")])
def test_the_heading_names_the_ratio_and_what_erk_does_with_kernels(ratio, heading):
    assert layer_densities(((4, 5), (10, 10), (2, 5)), 0.5, ratio).heading == heading
