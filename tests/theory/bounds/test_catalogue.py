"""The catalogue: which statements answer, in which order, and how they compare."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ertheory import METHODS, Target, width
from ertheory.bounds import coverage, widths
from ertheory.errors import InvalidInput, TheoremNotApplicable
from tests.strategies import HALF, deltas, plain_densities, small_targets

MNIST = Target.from_text("784-128-10")
few_deltas = st.fractions(Fraction(1, 10**6), Fraction(999, 1000), max_denominator=10**6)


def test_order_and_names():
    answers = widths(MNIST, density="1,0.1,0.1", failure_probability="0.001")
    needed = ["theorem-2.3", "degree", "coupled"]
    assert [answer.method for answer in answers] == ["printed", "exact", "drop", "sharp", *needed]
    assert [answer.kind for answer in answers] == ["printed", *["sufficient"] * 3, *["necessary"] * 3]
    sharp = "sequential matching sharp".split()
    necessary = "theorem-2.3 degree size-lp parameter-count path-count coupled least-total first-moment".split()
    factored = "factored factored-paths factored-count".split()
    assert [name for name in METHODS if name not in factored] == [
        "printed",
        "exact",
        "joint",
        "drop",
        *sharp,
        *necessary,
    ]
    assert set(factored) < set(METHODS)
    for method in (name for name in METHODS if name not in factored):  # their sources have other numbers of layers
        assert width(MNIST, method=method, density="1,0.1,0.1", failure_probability="0.001").method == method
    for answer in answers:
        assert answer == width(MNIST, method=answer.method, density="1,0.1,0.1", failure_probability="0.001")
        assert answer.densities == (1, Fraction(1, 10), Fraction(1, 10))
        assert answer.failure_probability == Fraction(1, 1000)


def test_the_printed_total_is_kept_beside_every_answer():
    tenth, joined = {"sparsity": "0.9", "failure_probability": "0.001"}, 179536 + 18048
    for method in METHODS:
        answer = width(MNIST, method=method, **tenth)
        assert answer.printed_total == joined  # also where layer 0 is read in another way
    assert width(MNIST, method="printed", **tenth).width_ratio == 1
    exact = width(MNIST, method="exact", **tenth)
    assert exact.width_ratio == float(Fraction(exact.total, joined))
    assert width(MNIST, method="degree", **tenth).width_ratio is None


def test_layer_0_is_chosen_where_it_is_not_given():
    masked = {"density": HALF, "failure_probability": HALF}
    dense = {"density": [1, HALF, HALF], "failure_probability": HALF}
    small = Target.from_text("4-8-3")
    assert width(small, method="printed", **masked).layer0 == "dense"
    assert not width(small, method="printed", **masked).applies
    assert width(small, method="exact", **masked).layer0 == "matched"
    assert width(small, method="exact", **masked).applies
    assert width(small, method="exact", **dense).layer0 == "dense"
    assert width(small, method="drop", **masked).layer0 == "matched"
    assert width(small, method="drop", **dense).layer0 == "dense"
    assert width(small, method="exact", layer0="preassigned", **masked).layer0 == "preassigned"
    assert width(small, method="printed", layer0="matched", **masked).variant == "repaired"
    assert [answer.layer0 for answer in widths(small, layer0="matched", **masked)] == [
        *("matched",) * 5,
        *("any",) * 5,
    ]


def test_readings_that_a_statement_does_not_know_are_refused():
    half = {"density": HALF, "failure_probability": HALF}
    small = Target.from_text("4-8-3")
    known = {"printed": "dense, preassigned or matched", "joint": "dense", "drop": "dense or matched"}
    for method, readings in {**known, "exact": known["printed"]}.items():
        with pytest.raises(TheoremNotApplicable, match=f"inputs are copied; read layer 0 as {readings}$"):
            width(small, method=method, layer0="coded", **half)
    for method in ("sequential", "matching", "sharp"):
        for layer0 in ("dense", "preassigned"):
            with pytest.raises(TheoremNotApplicable, match="layer 0 is masked; read layer 0 as coded or matched"):
                width(small, method=method, layer0=layer0, **half)
        assert width(small, method=method, layer0="coded", **half).layer0 == "coded"
    dense = width(small, method="sharp", density=(1, HALF, HALF), failure_probability=HALF, layer0="dense")
    assert dense.layer0 == "matched"
    assert dense.applies
    rows = {answer.method: answer for answer in widths(small, layer0="coded", **half)}
    assert [row.applies for row in rows.values()][:4] == [False, False, False, True]
    assert rows["drop"].reason == "inputs are copied; read layer 0 as dense or matched"
    assert rows["exact"].layer0 == "coded"


def test_sharp_widths_lie_between_the_necessary_ones_and_those_of_the_paper():
    tenth = {"sparsity": "0.9", "failure_probability": "0.001"}
    sharp = width(MNIST, method="sharp", **tenth)
    assert sharp.widths == (8551, 1850, 10)
    assert sharp.widths[1] >= width(MNIST, method="degree", **tenth).widths[1]
    assert sharp.widths[1] >= width(MNIST, method="size-lp", **tenth).widths[1]
    assert sharp.widths[1] >= width(MNIST, method="first-moment", **tenth).widths[1]
    assert sharp.width_ratio < 0.06
    assert sharp.total <= min(width(MNIST, method=name, **tenth).total for name in ("sequential", "matching"))


def test_a_long_search_has_to_be_asked_for():
    rows = widths(MNIST, sparsity="0.9995", failure_probability="0.001")
    sharp = next(row for row in rows if row.method == "sharp")
    assert not sharp.applies
    assert "ask for sharp alone" in sharp.reason


def test_the_degree_bound_speaks_of_the_printed_layer_0():
    answer = width(MNIST, method="degree", sparsity="0.9", failure_probability="0.001")
    assert "N_0 up to 179536" in answer.reason
    assert answer.widths == (None, 1720, 10)


@settings(max_examples=15)
@given(small_targets, plain_densities, few_deltas)
def test_exact_is_at_most_printed_in_every_layer(sizes, density, delta):
    target = Target.from_widths(sizes)
    for layer0 in ("dense", "preassigned", "matched"):
        densities = [1 if layer0 == "dense" else density, *[density] * target.depth]
        printed, exact = (
            width(target, method=method, density=densities, failure_probability=delta, layer0=layer0)
            for method in ("printed", "exact")
        )
        assert printed.applies
        assert exact.applies
        assert all(new <= old for new, old in zip(exact.widths, printed.widths, strict=True))
        assert 1 - delta <= exact.success_lower


@settings(max_examples=15)
@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=4), st.sampled_from([Fraction(1, 10**12), HALF]), deltas)
def test_exact_is_at_most_printed_for_large_targets(sizes, density, delta):
    target = Target.from_widths(sizes)
    densities = [1, *[density] * target.depth]
    printed, exact = (
        width(target, method=method, density=densities, failure_probability=delta) for method in ("printed", "exact")
    )
    assert all(new <= old for new, old in zip(exact.widths, printed.widths, strict=True))


@settings(max_examples=15)
@given(st.integers(2, 30), st.integers(1, 6), st.integers(1, 4), plain_densities, few_deltas)
def test_necessary_widths_are_below_sufficient_ones(inputs, hidden, outputs, density, delta):
    target = Target.from_widths([inputs, hidden, outputs])
    answers = {answer.method: answer for answer in widths(target, density=density, failure_probability=delta)}
    exact, dropped, counted, degree = (answers[name] for name in ("exact", "drop", "theorem-2.3", "degree"))
    assert exact.applies
    assert counted.applies
    assert dropped.applies
    assert dropped.total <= exact.total
    for enough in (exact, dropped):
        assert counted.widths[0] <= enough.widths[0]
        if degree.applies and enough.widths[0] <= width_of_layer_0(target, density, delta):
            assert degree.widths[1] <= enough.widths[1]


def width_of_layer_0(target, density, delta):
    return width(target, method="printed", density=density, failure_probability=delta).widths[0]


@settings(max_examples=10)
@given(st.integers(6, 40), st.integers(1, 3), few_deltas)
def test_the_degree_bound_is_below_exact_where_it_applies(inputs, hidden, delta):
    target = Target.from_widths([inputs, hidden, 2])
    density = Fraction(1, 20)
    degree = width(target, method="degree", density=density, failure_probability=delta)
    assume(degree.applies)
    assert hidden <= degree.widths[1]
    assert degree.widths[1] <= width(target, method="exact", density=density, failure_probability=delta).widths[1]


def test_coverage_is_the_printed_bound_at_any_depth():
    tenth = (Fraction(1, 10),)
    single = coverage(Target.from_text("784-1"), tenth * 2, Fraction(1, 1000))
    assert single.widths == (129, 1)
    assert single.statement == "Theorem 2.3"
    deep = coverage(Target.from_text("784-30-20-10"), tenth * 4, Fraction(1, 1000))
    assert deep.widths == (129, None, None, 10)
    assert deep.statement == "Theorem 2.3, its counting at any depth"
    assert (deep.kind, deep.layer0, deep.variant) == ("necessary", "any", "printed")
    # Only p_0 counts, and only inputs that are read.
    target = Target.from_arrays([np.array([[1.0, 0.0, 2.0]]), [[1.0]]])
    two = coverage(target, (HALF, Fraction(1, 9), Fraction(1, 9)), Fraction(1, 1000))
    assert (1 - HALF ** two.widths[0]) ** 2 >= Fraction(999, 1000) > (1 - HALF ** (two.widths[0] - 1)) ** 2
    assert "2 inputs" in two.reason


def test_a_target_that_reads_nothing_has_no_coverage():
    target = Target.from_arrays([[[0.0, 0.0]], [[1.0]]])
    answer = coverage(target, (HALF,) * 3, HALF)
    assert not answer.applies
    assert answer.reason == "the target depends on no input"
    assert answer.real_factors == (0,)  # no edge is needed


BAD = [
    (
        {"method": "Theorem 2.1"},
        "^method: expected one of printed, .*, factored-count, got 'Theorem 2.1'$",
    ),
    ({"layer0": "sparse"}, "^layer0: expected one of dense, preassigned, matched, coded, factored, got 'sparse'$"),
    ({"failure_probability": 0}, "^(delta|failure_probability): "),
    ({"failure_probability": "1"}, "^(delta|failure_probability): "),
    ({"density": "0.5,0.5"}, "^density: expected one number, or 3"),
    ({"density": 0}, "^density: "),
    ({"density": None}, "^density: expected exactly one of density and sparsity"),
    ({"sparsity": 0.5}, "^density: expected exactly one of density and sparsity"),
    ({"density": None, "sparsity": 1}, "^sparsity: "),
]


@pytest.mark.parametrize(("changed", "message"), BAD, ids=[str(changed) for changed, _ in BAD])
def test_bad_arguments(changed, message):
    arguments = {"method": "exact", "density": HALF, "failure_probability": HALF} | changed
    with pytest.raises(InvalidInput, match=message):
        width(MNIST, **arguments)
    del arguments["method"]
    if "method" not in changed:
        with pytest.raises(InvalidInput, match=message):
            widths(MNIST, **arguments)


@pytest.mark.parametrize("method", ["theorem-2.3", "degree"])
def test_layer_0_is_checked_also_where_it_is_not_used(method):
    with pytest.raises(InvalidInput, match=r"^layer0: "):
        width(MNIST, method=method, density=HALF, failure_probability=HALF, layer0="sparse")
