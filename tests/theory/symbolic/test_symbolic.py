"""The statements in sympy: their values against the numeric code, the enumerations and the reference script, their
limits against the theory, and their text and LaTeX as something that can be read back."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from fractions import Fraction
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import sympy
from matplotlib.mathtext import MathTextParser

import ertheory
from ertheory.bounds.blocks.closed_form import closed_form, union_factor
from ertheory.bounds.blocks.hall import hall_sum
from ertheory.bounds.blocks.laws import Law
from ertheory.bounds.necessary.chambers import dense_rows
from ertheory.bounds.necessary.degree import degree_ceiling
from ertheory.bounds.necessary.paths import path_ceiling
from ertheory.bounds.necessary.univariate import path_failure, printed_univariate, univariate_width
from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.networks.target import Target
from ertheory.numbers import enclose
from ertheory.symbolic import FORMULAS, explain, formula_of
from ertheory.symbolic.relation import AskedLimit, Formula
from tests import oracles
from tests.reference import make_widths as ref

HALF, THIRD, TENTH, MOST = Fraction(1, 2), Fraction(1, 3), Fraction(1, 10), Fraction(19, 20)
DENSITIES = (Fraction(1, 100), THIRD, MOST)
DELTAS = (Fraction(1, 1000), HALF)
ALMOST = 1 - Fraction(1, 10**12)


def close(value: Fraction, truth: Any, digits: int = 30) -> bool:
    exact = truth if isinstance(truth, Fraction) else Fraction(*map(int, sympy.Rational(str(truth)).as_numer_denom()))
    return abs(value - exact) * 10**digits <= abs(exact)


def inside(value: Fraction, interval: Any, digits: int = 30) -> bool:
    """Whether a value of so many digits agrees with an enclosure of a few digits more."""
    low, high = enclose(interval, digits=digits + 3)
    slack = abs(high) / 10**digits
    return low - slack <= value <= high + slack


# --- values: Theorems 2.1 and 2.2 and their repairs ----------------------------------------------------------------


@pytest.mark.parametrize(("density", "delta"), list(product(DENSITIES, DELTAS)))
def test_width_factor(density, delta):
    factor = formula_of("width-factor").substitute(p=density)
    assert close(factor, ref.closed_real(7, delta, density) / ref.mp.log(7 / ref._real(delta)))


EXTREMES = [
    (10**12, Fraction(1, 10**300), Fraction(1, 10**12)),
    (10**12, Fraction(1, 10**300), 1 - Fraction(1, 10**300)),
    (1280, Fraction(1, 1000), ALMOST),
    (3, HALF, Fraction(1, 10**300)),
    (1, ALMOST, HALF),
]


@pytest.mark.parametrize(("links", "delta", "density"), [*product((1, 1280), DELTAS, DENSITIES), *EXTREMES])
def test_theorem_21(links, delta, density):
    with ref.mp.workdps(700):
        truth = ref.closed_real(2 * links, delta, density)
    assert close(formula_of("theorem-2.1-q1").substitute(m2=links, delta=delta, p2=density), truth)
    assert close(formula_of("theorem-2.1-q0").substitute(m1=links, q1=1, delta=delta, p1=density), truth)
    with ref.mp.workdps(700):
        truth = ref.closed_real(2 * links * 23, delta, density)
    assert close(formula_of("theorem-2.1-q0").substitute(m1=links, q1=23, delta=delta, p1=density), truth)


NETWORKS = [
    ("784-128-10", (1, TENTH, Fraction(1, 100))),
    ("2-3-4-2", (1, HALF, Fraction(2, 3), Fraction(1, 7))),
    ("3-5", (1, Fraction(1, 5))),
    ("4-2-3-3-1", (1, TENTH, 1, HALF, MOST)),
]


@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize(("widths", "densities"), NETWORKS)
@pytest.mark.parametrize(
    ("layer0", "first"), [("dense", Fraction(1)), ("preassigned", THIRD), ("matched", Fraction(1, 4))]
)
def test_closed_forms_of_the_calculator(widths, densities, delta, layer0, first):
    target, densities = Target.from_text(widths), tuple(map(Fraction, (first, *densities[1:])))
    form = closed_form(Law(target, densities, layer0), delta)
    for layer in range(target.depth):
        name = "matched" if layer0 == "matched" else "theorem-2.2"
        values: dict[str, Any] = {"l": layer, "m": target.nonzeros, "p": densities, "q": form.factors}
        if layer == 0 and layer0 == "preassigned":
            name, values = "preassigned", {"m1": target.nonzeros[0], "q1": form.factors[1]}
            values |= {"p0": densities[0], "p1": densities[1]}
        real = formula_of(name).substitute(L=target.depth, delta=delta, **values)
        assert close(real, form.real_factors[layer], 15) or real == form.real_factors[layer] == 0
        assert form.factors[layer] == max(1, math.ceil(real))


@pytest.mark.parametrize("delta", DELTAS)
def test_theorem_21_is_theorem_22_with_two_layers(delta):
    p, q, m = (1, THIRD, TENTH), (40, 30, 1), (24, 12)
    general = formula_of("theorem-2.2")
    lower = general.substitute(L=2, l=0, delta=delta, p=p, q=q, m=m)
    upper = general.substitute(L=2, l=1, delta=delta, p=p, q=q, m=m)
    assert lower == formula_of("theorem-2.1-q0").substitute(m1=24, q1=30, delta=delta, p1=THIRD)
    assert upper == formula_of("theorem-2.1-q1").substitute(m2=12, delta=delta, p2=TENTH)


BLOCKS = [
    ("4-8-3", (14, 10, 1), (1, HALF, HALF)),
    ("1-1-1", (33, 22, 1), (1, TENTH, Fraction(1, 100))),
    ("2-3-2-1", (3, 1, 7, 1), (1, MOST, THIRD, HALF)),
    ("784-128-10", (32, 22, 1), (1, HALF, HALF)),
    ("3-2", (5, 1), (1, Fraction(1))),
]


@pytest.mark.parametrize(("widths", "factors", "densities"), BLOCKS)
def test_block_law(widths, factors, densities):
    target, densities = Target.from_text(widths), tuple(map(Fraction, densities))
    law = Law(target, densities, "dense")
    value = formula_of("block-law").substitute(L=target.depth, p=densities, q=factors, m=target.nonzeros)
    assert value == 1 or inside(value, lambda: law.log_success(factors, factors[0] * target.inputs).exp())


@pytest.mark.parametrize(("factors", "densities"), [((2, 1), (HALF, THIRD)), ((1, 2), (Fraction(1, 5), HALF))])
def test_block_law_by_enumeration(factors, densities):
    value = formula_of("block-law").substitute(L=2, p=(1, *densities), q=(*factors, 1), m=(4, 2))
    assert close(value, oracles.block_probability([[[1, 1], [1, 1]], [[1, 1]]], factors, densities))


@pytest.mark.parametrize("first", [THIRD, Fraction(1)])
@pytest.mark.parametrize(
    ("widths", "factors", "densities"),
    [("4-8-3", (13, 8, 1), (HALF, HALF)), ("2-3-2-1", (5, 1, 4, 1), (HALF, MOST, THIRD))],
)
def test_preassigned_law(widths, factors, densities, first):
    target = Target.from_text(widths)
    law = Law(target, (first, *densities), "preassigned")
    value = formula_of("preassigned-law").substitute(
        L=target.depth, d=target.inputs, c=(target.widths[1],) * target.inputs, p=law.densities, q=factors,
        m=target.nonzeros,
    )  # fmt: skip
    assert inside(value, lambda: law.log_success(factors, factors[0] * target.inputs).exp())


@pytest.mark.parametrize("lone", [0, 1])
def test_preassigned_law_by_enumeration(lone):
    layers, densities = [[[1, 0], [1, lone]], [[1, 1]]], (Fraction(1, 5), HALF, THIRD)
    counts = {"c": (2, lone), "m": (2 + lone, 2)}
    value = formula_of("preassigned-law").substitute(L=2, d=2, p=densities, q=(2, 1, 1), **counts)
    assert close(value, oracles.preassigned_probability(layers, (2, 1), densities))


@pytest.mark.parametrize("density", [HALF, Fraction(3, 10), MOST])
@pytest.mark.parametrize(("inputs", "copies", "neurons"), [(1, 3, 5), (4, 9, 54), (3, 2, 6), (2, 1, 2), (8, 3, 40)])
def test_hall_sum(inputs, copies, neurons, density):
    value = formula_of("hall-sum").substitute(d=inputs, q0=copies, N0=neurons, p0=density)
    assert inside(value, lambda: hall_sum(neurons, inputs, copies, density))
    if inputs * neurons <= oracles.MAX_ENTRIES:
        failure = 1 - oracles.b_matching_probability([copies] * inputs, neurons, density)
        assert failure <= value * (1 + Fraction(1, 10**30))
        assert inputs > 1 or close(value, failure)


# --- values: Theorem 2.3 and its laws ------------------------------------------------------------------------------


@pytest.mark.parametrize(("inputs", "delta", "density"), list(product((1, 10, 784), DELTAS, DENSITIES)))
def test_theorem_23(inputs, delta, density):
    value = formula_of("theorem-2.3").substitute(d=inputs, delta=delta, p1=density)
    real, width = printed_univariate(inputs, density, delta)
    assert close(value, real, 15)
    assert width == max(1, math.ceil(value))
    assert close(value, ref.single_real(inputs, delta, density))


SHAPES = list(product(((1, 1), (1, 7), (2, 5), (3, 8), (9, 4)), (Fraction(3, 10), MOST), (Fraction(1, 100), HALF)))


@pytest.mark.parametrize(
    ("shape", "into", "out"), [*SHAPES, ((5, 40), Fraction(1), HALF), ((5, 40), HALF, Fraction(1))]
)
def test_laws_of_a_single_neuron(shape, into, out):
    inputs, neurons = shape
    given = {"d": inputs, "n": neurons, "p1": into, "p2": out}

    def law(d, n, first, second):
        return 1 - path_failure(d, n, first, second)

    assert inside(formula_of("law-a").substitute(**given), lambda: law(inputs, neurons, into, out))
    # With one input, or with p_2 = 1, the bounds are the law itself.
    harris = formula_of("law-a-harris").substitute(**given)
    assert inside(harris, lambda: law(1, neurons, into, out) ** inputs)
    edges = formula_of("law-a-edges").substitute(d=inputs, n=neurons, p1=into)
    paths = formula_of("law-a-paths").substitute(n=neurons, p1=into, p2=out)
    assert edges == 1 or inside(edges, lambda: law(inputs, neurons, into, Fraction(1)))
    assert inside(paths, lambda: law(1, neurons, into, out))
    pairs = formula_of("law-a-pairs").substitute(**given)
    assert close(pairs, ref.path_upper_bounds(inputs, neurons, into, out)[2])
    assert close(formula_of("law-b").substitute(**given), ref.covering_law(inputs, neurons, into, out))


@pytest.mark.parametrize(("inputs", "neurons"), [(1, 3), (2, 3), (2, 5), (3, 4)])
def test_laws_of_a_single_neuron_by_enumeration(inputs, neurons):
    given = {"d": inputs, "n": neurons, "p1": THIRD, "p2": Fraction(3, 4)}
    value = formula_of("law-a").substitute(**given)
    assert close(value, oracles.path_probability(inputs, [neurons], (THIRD, Fraction(3, 4))))
    assert close(
        formula_of("law-b").substitute(**given), oracles.covering_probability(inputs, neurons, THIRD, Fraction(3, 4))
    )
    wide = Fraction(1, 10**30)
    assert formula_of("law-a-harris").substitute(**given) <= value * (1 + wide)
    for name in ("law-a-edges", "law-a-paths", "law-a-pairs"):
        upper = formula_of(name)
        assert value <= upper.substitute(**{key: given[key] for key in upper.symbols}) * (1 + wide)


def test_law_b_where_it_is_tiny():
    value = formula_of("law-b").substitute(d=784, n=3, p1=TENTH, p2=HALF)
    assert close(value, 1 - (1 - HALF * TENTH**784) ** 3)


@pytest.mark.parametrize(
    ("inputs", "delta", "into", "out"), list(product((1, 6), DELTAS, (TENTH, MOST), (HALF, ALMOST)))
)
def test_closed_widths_of_a_single_neuron(inputs, delta, into, out):
    given = {"d": inputs, "delta": delta, "p1": into, "p2": out}
    sufficient = formula_of("law-a-sufficient").substitute(**given)
    necessary = formula_of("law-a-necessary").substitute(delta=delta, p1=into, p2=out)
    covering = formula_of("law-b-width").substitute(**given)
    for value, links, chance in (
        (sufficient, inputs, into * out),
        (necessary, 1, into * out),
        (covering, 1, out * into**inputs),
    ):
        assert close(value, union_factor(chance, links, delta)[1], 15)
        assert close(value, ref.closed_real(links, delta, chance))
    paths = univariate_width(inputs, (into, out), delta)
    assert paths.sufficient == max(1, math.ceil(sufficient))
    assert max(1, math.ceil(necessary)) <= paths.exact <= paths.sufficient
    assert univariate_width(inputs, (into, out), delta, output="linear").exact == max(1, math.ceil(covering))


# --- values: what no construction can avoid ------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "last"), list(product((Fraction(1, 100), HALF, Fraction(1)), (TENTH, MOST))))
@pytest.mark.parametrize(
    ("widths", "layers"), [("9-2-1", (1, 2)), ("6-4-3", (50, 30)), ("5-5-2", (7, 12)), ("5-1-1", (2, 2))]
)
def test_degree_bound(widths, layers, first, last):
    target = Target.from_text(widths)
    inputs, neurons, outputs = target.widths
    value = formula_of("degree").substitute(
        d=inputs, n1=neurons, n2=outputs, N0=layers[0], N1=layers[1], p0=first, p2=last
    )
    union = partial(dense_rows, inputs, neurons, first, layers[0])  # no less than what the bound itself adds
    assert inside(value, lambda: degree_ceiling(target, (first, HALF, last), 0, layers[1]) + union())


def test_degree_bound_by_enumeration():
    value = formula_of("degree").substitute(d=2, n1=2, n2=2, N0=1, N1=5, p0=ALMOST, p2=THIRD)
    row = 1 - (1 - ALMOST) ** 2
    assert close(value, oracles.degree_probability(2, 5, THIRD, 2) + row)


@pytest.mark.parametrize(("inputs", "hidden"), [(1, (3, 3)), (2, (3, 2)), (2, (2, 4)), (3, (2, 2))])
def test_path_ceiling(inputs, hidden):
    densities = (HALF, THIRD, Fraction(3, 4))
    names = {"d": inputs, "N0": hidden[0], "N1": hidden[1]}
    value = formula_of("path-ceiling").substitute(**names, **dict(zip(("p0", "p1", "p2"), densities, strict=True)))
    assert close(value, oracles.path_probability(inputs, list(hidden), densities))
    assert float(value) == pytest.approx(path_ceiling(inputs, hidden, densities), rel=1e-10)


def test_digits_are_a_choice():
    short, long = (
        formula_of("theorem-2.3").substitute(digits=digits, d=7, delta=TENTH, p1=THIRD) for digits in (8, 60)
    )
    truth = ref.single_real(7, TENTH, THIRD)
    assert close(long, truth, 60)
    assert close(short, truth, 8)
    assert not close(short, truth, 30)


def test_density_one():
    assert (
        formula_of("theorem-2.1-q1").substitute(m2=1280, delta=TENTH, p2=1) == union_factor(Fraction(1), 2560, TENTH)[1]
    )
    assert formula_of("law-a").substitute(d=3, n=4, p1=1, p2=1) == 1
    assert formula_of("hall-sum").substitute(d=3, q0=2, N0=6, p0=1) == 0


# --- limits --------------------------------------------------------------------------------------------------------

# Equal to the package's symbols: sympy knows a symbol by its name and its assumptions.
L, N0, d, m1, m2, n, n2, q1 = sympy.symbols("L N0 d m1 m2 n n2 q1", integer=True, positive=True)
delta, p0, p1, p2, t = sympy.symbols("delta p0 p1 p2 t", positive=True)
upper = sympy.Symbol("l", integer=True, nonnegative=True) + 1
p, q = (sympy.IndexedBase(name, positive=True) for name in "pq")
m, c = (sympy.IndexedBase(name, nonnegative=True) for name in "mc")
log = sympy.log


def per(density: Any) -> Any:
    return 1 / log(1 / (1 - density))


LIMITS = {
    "width-factor": [1, -sympy.Rational(1, 2), 0],
    "theorem-2.1-q1": [log(2 * m2 / delta), 0, per(p2), per(p2)],
    "theorem-2.1-q0": [log(2 * m1 * q1 / delta), 0, per(p1), per(p1)],
    "theorem-2.2": [log(L * m[upper] * q[upper] / delta), 0, per(p[upper]), per(p[upper])],
    "preassigned": [log(L * m1 * q1 / delta) / p1, log(L * m1 * q1 / delta) * per(p1), per(p0 * p1)],
    "matched": [log((L + 1) * m[upper] * q[upper] / delta), 0, per(p[upper])],
    "block-law": [m[1], 1, q[0] ** 2],
    "preassigned-law": [(1 - (1 - p[1]) ** 3) ** (c[1] * q[1]), 3 * p[1] ** 2],
    "hall-sum": [0, 3],
    "path-ceiling": [1 - (1 - p0 * p1) ** 2, 2 * p1 * p2],
    "theorem-2.3": [-log(1 - (1 - delta) ** (1 / d)), 0, per(p1), per(p1)],
    "law-a": [(1 - (1 - p1) ** 3) ** 2, 1 - (1 - p2) ** 3, 6 * p2**2 + 3 * p2],
    "law-a-harris": [(1 - (1 - p1) ** n) ** d, 2],
    "law-a-edges": [1, 2],
    "law-a-paths": [1 - (1 - p2) ** n, n * p2],
    "law-a-pairs": [1 - d + sympy.binomial(d, 2), (1 - (1 - p1) ** 3) ** 2],
    "law-a-sufficient": [log(d / delta) / p2, log(d / delta) * per(p2), per(p1 * p2), per(p1 * p2)],
    "law-a-necessary": [log(1 / delta) / p2, log(1 / delta) * per(p2), per(p1 * p2)],
    "law-b": [1 - (1 - p2) ** n, n * p2],
    "law-b-width": [log(1 / delta) / p2, t, per(p2 * p1**d)],
    "degree": [1 + N0 * (3 * p0**2 * (1 - p0) + p0**3), (1 - (1 - p2) ** 4 - 4 * p2 * (1 - p2) ** 3) ** n2],
}


@pytest.mark.parametrize("name", FORMULAS)
def test_limits_are_those_of_the_theory(name):
    limits = formula_of(name).limits()
    assert len(limits) == len(LIMITS[name])
    for found, expected in zip(limits, LIMITS[name], strict=True):
        difference = sympy.expand_log(sympy.sympify(found.value - expected), force=True)
        assert sympy.simplify(sympy.expand(difference)) == 0, found.latex()


def test_a_limit_at_0_is_from_above_and_one_at_1_from_below():
    """Where both sides differ: 1/x + 1/(1 - x) is infinite at 0 from above and at 1 from below, and not elsewhere."""
    x, left = sympy.Symbol("x", real=True), sympy.Symbol("W")
    entry = Formula(
        name="made-up", title="", relation=sympy.Ge(left, 1 / x + 1 / (1 - x)), kind="sufficient", source="", note="",
        questions=(AskedLimit(left, x, sympy.S.Zero), AskedLimit(left, x, sympy.S.One)),
    )  # fmt: skip
    assert [known.value for known in entry.limits()] == [sympy.oo, sympy.oo]
    assert [rf"\to {at}" in known.latex() for at, known in zip(("0^{+}", "1^{-}"), entry.limits(), strict=True)] == [
        True, True,
    ]  # fmt: skip


def test_the_paper_counts_half_of_the_edges():
    """At small density Theorem 2.3 asks for a width too small by 1 / p_2, as soon as delta is small."""
    ratio = formula_of("law-a-sufficient").expression / formula_of("theorem-2.3").expression
    assert sympy.limit(sympy.limit(ratio, p1, 0, "+"), delta, 0, "+") == 1 / p2


# --- what a statement says of itself -------------------------------------------------------------------------------


def test_every_statement_describes_itself():
    for name, entry in FORMULAS.items():
        assert entry.name == name
        assert entry.variant in {"printed", "exact", "repaired"}
        assert entry.kind in {"printed", "sufficient", "necessary", "law"}
        assert isinstance(entry.relation, {">=": sympy.Ge, "<=": sympy.Le, "==": sympy.Eq}[entry.relation.rel_op])
        assert all((entry.title, entry.source, entry.note, *entry.symbols.values()))
    assert formula_of("theorem-2.3").kind == "necessary"
    assert formula_of("theorem-2.3").relation.rel_op == ">="
    assert {name for name, entry in FORMULAS.items() if entry.relation.rel_op == "<="} == {
        "degree", "law-a-edges", "law-a-paths", "law-a-pairs", "path-ceiling"
    }  # fmt: skip
    assert formula_of("law-a-harris").relation.rel_op == ">="


@pytest.mark.parametrize("name", FORMULAS)
def test_latex_can_be_set(name):
    entry = formula_of(name)
    text = entry.latex()
    for symbol in entry.symbols:
        assert re.search(re.escape(sympy.latex(sympy.Symbol(symbol))) + r"(?![A-Za-z])", text), symbol
    for line in (text, *(known.latex() for known in entry.limits())):
        assert line.count("{") == line.count("}")
        assert len(re.findall(r"\\left\W", line)) == len(re.findall(r"\\right\W", line))
        assert MathTextParser("path").parse(f"${line}$").width > 0


def test_latex_of_the_printed_theorems():
    assert formula_of("theorem-2.1-q1").latex() == (
        r"q_{1} \geq \frac{\log{\left(\frac{2 m_{2}}{\delta} \right)}}{\log{\left(\frac{1}{1 - p_{2}} \right)}}"
    )
    assert formula_of("block-law").latex() == (
        r"P_{block} = \prod_{l=0}^{L - 1} "
        r"\left(1 - \left(1 - {p}_{l + 1}\right)^{{q}_{l}}\right)^{{m}_{l + 1} {q}_{l + 1}}"
    )
    assert formula_of("width-factor").limits()[1].latex() == (
        r"\lim_{p \to 0^{+}} \left(F - \frac{1}{p}\right) = - \frac{1}{2}"
    )


VALUES: dict[str, Any] = {
    "L": 2, "N0": 6, "N1": 5, "c": (2, 1), "d": 2, "delta": "1/30", "l": 0, "m": (3, 2), "m1": 4, "m2": 3, "n": 4,
    "n1": 2, "n2": 3, "p": ("1", "0.2", "1e-21"), "p0": "0.5", "p1": "1/3", "p2": "0.25", "q": (2, 3, 1),
    "q0": 2, "q1": 3,
}  # fmt: skip


def given(name: str, **changes: Any) -> dict[str, Any]:
    values = VALUES | ({"p": "0.3"} if name == "width-factor" else {}) | changes
    return {symbol: values[symbol] for symbol in formula_of(name).symbols}


@pytest.mark.parametrize("name", FORMULAS)
def test_explained_numbers_can_be_recomputed(name):
    formula, with_numbers = explain(name, **given(name))
    assert (formula + with_numbers).isascii()
    left, sign = formula.split()[:2]
    assert with_numbers.startswith((f"{left} {sign} ", "q[0] >= "))
    shown, value = re.fullmatch(r"\S+ (?:>=|<=|=) (.*) ~ (\S+)", with_numbers).groups()
    assert float(value) == pytest.approx(float(formula_of(name).substitute(**given(name))), rel=1e-9)
    assert not set(re.findall(r"[A-Za-z]\w*", shown)) & (formula_of(name).symbols.keys() - {"c", "p"})
    if "Sum" not in shown:
        names = {"log": math.log, "C": math.comb}
        assert eval(shown.replace("^", "**"), names) == pytest.approx(float(value), rel=1e-6)


def test_explain_layer_by_layer():
    formula, with_numbers = explain(
        "theorem-2.2", L=2, l=1, delta="0.001", m=(9, 1280), p=("1", "1/2", "1/3"), q=(1, 4, 1)
    )
    assert formula == "q[l] >= log(L*m[l + 1]*q[l + 1]/delta)/log(1/(1 - p[l + 1]))"
    assert with_numbers == "q[1] >= log(2*1280*1/0.001)/log(1/(1 - (1/3))) ~ 36.39158468"


def test_explain_leaves_long_sums_alone():
    short = explain("law-a", d=2, n=5, p1="0.5", p2="0.5")
    assert short[1] == "P_A = Sum(0.5^j*(1 - 0.5)^(5 - j)*(1 - (1 - 0.5)^j)^2*C(5, j), (j, 0, 5)) ~ 0.6207580566"
    long = explain("law-a", d=10, n=52739, p1="0.01", p2="0.01")
    assert long[1].endswith("*C(52739, j), (j, 0, 52739))")


# --- bad input -----------------------------------------------------------------------------------------------------

BAD = [
    ("theorem-2.1-q1", {"m2": -1}, "m2"),
    ("law-b", {"n": 0}, "n"),
    ("theorem-2.1-q1", {"m2": True}, "m2"),
    ("theorem-2.1-q1", {"m2": 2.5}, "m2"),
    ("theorem-2.1-q1", {"delta": 1}, "delta"),
    ("theorem-2.1-q1", {"delta": 0}, "delta"),
    ("theorem-2.1-q1", {"p2": 0}, "p2"),
    ("theorem-2.1-q1", {"p2": "1.5"}, "p2"),
    ("theorem-2.1-q1", {"p2": "many"}, "p2"),
    ("theorem-2.1-q1", {"p2": float("nan")}, "p2"),
    ("theorem-2.2", {"p": "0.5"}, "p"),
    ("theorem-2.2", {"p": (1, 2, 1)}, "p"),
    ("theorem-2.2", {"q": (0, 1, 1)}, "q"),
    ("theorem-2.2", {"l": -1}, "l"),
    ("theorem-2.2", {"q": (2,)}, "values"),
    ("block-law", {"L": 3}, "values"),
]


@pytest.mark.parametrize(("name", "changes", "argument"), BAD)
def test_bad_numbers_are_refused(name, changes, argument):
    for question in (formula_of(name).substitute, lambda **values: explain(name, **values)):
        with pytest.raises(InvalidInput) as caught:
            question(**given(name, **changes))
        assert caught.value.argument == argument


def test_without_weights_there_is_no_value():
    entry = formula_of("theorem-2.1-q1")
    with pytest.raises(InfeasibleWidth, match="no finite value"):
        entry.substitute(m2=0, delta=HALF, p2=HALF)
    assert explain(entry.name, m2=0, delta=HALF, p2=HALF)[1] == "q1 >= log(2*0/0.5)/log(1/(1 - 0.5))"
    assert formula_of("block-law").substitute(L=1, p=(1, HALF), q=(1, 1), m=(0,)) == 1


def test_missing_and_unknown_numbers_are_refused():
    entry = formula_of("law-b")
    with pytest.raises(InvalidInput, match="numbers for d, n, p1, p2"):
        entry.substitute(d=1, n=2, p1=HALF)
    with pytest.raises(InvalidInput, match="numbers for d, n, p1, p2"):
        entry.substitute(d=1, n=2, p1=HALF, p2=HALF, p3=HALF)
    with pytest.raises(InvalidInput, match=r"one of width-factor, .*'law-c'"):
        formula_of("law-c")


# --- sympy is loaded here only -------------------------------------------------------------------------------------


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_package_is_imported_without_sympy():
    assert run("import sys, ertheory; print('sympy' in sys.modules)") == "False"


def test_no_calculator_loads_sympy():
    on_demand = {"__main__", "explain"}  # the commands, and what `--explain` makes them load
    root = Path(ertheory.__file__).parent
    files = [path.relative_to(root.parent).with_suffix("") for path in root.rglob("*.py")]
    modules = [".".join(path.parts) for path in files if "symbolic" not in path.parts and path.name not in on_demand]
    assert len(modules) > 10
    code = f"import importlib, sys\nfor name in {modules}: importlib.import_module(name)\nprint('sympy' in sys.modules)"
    assert run(code) == "False"
