"""The catalogue: every statement is complete, and no necessary width contradicts a sufficient one."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory import Target, plan
from ertheory.bounds import (
    BUILT,
    INVERTED,
    METHODS,
    NECESSARY,
    STATEMENTS,
    find,
    largest_sparsity,
    success_probability,
    width,
)
from ertheory.errors import ErError, InvalidInput, TheoremNotApplicable
from ertheory.montecarlo.statements.catalogue import CHECKS
from tests.strategies import HALF

MNIST = Target.from_text("784-128-10")
PARTLY = ("first-moment",)  # necessary for colourings only
chances = st.sampled_from([Fraction(1, 50), Fraction(1, 10), Fraction(3, 10), HALF, Fraction(4, 5), Fraction(1)])


@pytest.mark.parametrize("statement", STATEMENTS, ids=METHODS)
def test_a_statement_says_what_it_is(statement):
    assert statement.source
    assert statement.title
    assert set(statement.checks) <= set(CHECKS)
    assert bool(statement.readings) == (statement.kind != "necessary")
    assert bool(statement.constructions) == (statement.name in BUILT)
    assert bool(statement.inverse) == (statement.name in INVERTED) == (not statement.not_inverted)
    assert (statement.kind == "necessary") == (statement.name in NECESSARY)
    answer = width(MNIST, method=statement.name, density="0.1", failure_probability="0.001")
    assert answer.kind == statement.kind
    assert statement.applies(MNIST, answer.densities, None)
    assert statement.steps(answer) or not answer.applies or statement.name.startswith("factored")  # not yet
    assert tuple(layer for layer, limit in enumerate(answer.holds_up_to) if limit is not None) == statement.limited


def test_names_are_found_or_refused():
    assert [find(name) for name in METHODS] == list(STATEMENTS)
    assert len(set(METHODS)) == len(METHODS)
    with pytest.raises(InvalidInput, match=r"^method: expected one of printed, exact, .*got 'widest'$"):
        find("widest")
    with pytest.raises(InvalidInput, match=r"^method: expected one of printed, exact, drop, .*got 'joint'$"):
        find("joint", INVERTED)


@pytest.mark.parametrize("statement", STATEMENTS, ids=METHODS)
def test_the_readings_are_those_that_work(statement):
    small, asked = Target.from_text("4-3-2"), {"density": HALF, "failure_probability": HALF}
    for layer0 in ("dense", "preassigned", "matched", "coded"):
        if not statement.readings or layer0 in statement.readings:
            found = width(small, method=statement.name, layer0=layer0, **asked)
            assert found.layer0 == (layer0 if statement.readings else "any")
        else:
            with pytest.raises(TheoremNotApplicable, match="read layer 0 as"):
                width(small, method=statement.name, layer0=layer0, **asked)


def test_options_that_a_statement_does_not_know_are_refused():
    asked = {"density": Fraction(1, 10), "failure_probability": Fraction(1, 1000)}
    with pytest.raises(InvalidInput, match=r"^split: expected one of the options of exact: it has none"):
        width(MNIST, method="exact", split="best", **asked)
    last, total = (width(MNIST, method="sharp", objective=objective, **asked).total for objective in ("last", "total"))
    assert total < last


@pytest.mark.parametrize("method", [name for name in BUILT if not name.startswith("factored")])  # of another shape
@pytest.mark.parametrize("text", ["3-2", "4-3-2", "3-4-3-2"])
def test_a_plan_takes_its_integers_from_the_design(method, text):
    rows = [[[1.0] * int(into)] * int(out) for into, out in zip(text.split("-"), text.split("-")[1:], strict=False)]
    target = Target.from_arrays(rows, domain=[(-1, 1)] * int(text[0]))
    found = plan(target, method=method, density=(1, *[HALF] * (text.count("-"))), failure_probability="1/10")
    assert found.construction == found.answer.design.construction
    assert found.construction in find(method).constructions
    assert (found.copies or 0) == found.answer.design.copies
    if found.answer.factors:
        assert found.copies == found.answer.factors[0]


FAULTS = ["20-3-1", "50-2-1", "10-2-2", "2-1-1", "100-5-1"]


@pytest.mark.parametrize("text", FAULTS)
def test_where_outputs_need_little_nothing_contradicts_and_sharp_is_the_best(text):
    _agree(Target.from_text(text), (Fraction(1, 100), Fraction(1, 100), Fraction(1)), Fraction(1, 1000))


@settings(max_examples=20)
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 6), st.integers(1, 3)),
    st.tuples(chances, chances, chances),
    st.sampled_from([Fraction(1, 1000), Fraction(1, 10), HALF]),
)
def test_no_necessary_width_is_above_a_sufficient_one(sizes, densities, delta):
    _agree(Target.from_widths(sizes), densities, delta)


def _agree(target, densities, delta):
    answers = {}
    for method in METHODS:
        try:
            found = width(target, method=method, density=densities, failure_probability=delta)
        except ErError:
            continue
        if found.applies and len(found.widths) == len(target.widths):
            answers[method] = found
    enough = {name: answer for name, answer in answers.items() if name not in NECESSARY}
    for name in set(answers) & set(NECESSARY) - set(PARTLY):
        for other in enough:
            pairs = zip(answers[name].widths, enough[other].widths, strict=True)
            assert all(least is None or least <= most for least, most in pairs), (name, other)
    if "sharp" in enough:
        rivals = (enough[name].total for name in ("exact", "drop", "sequential", "matching") if name in enough)
        assert all(enough["sharp"].total <= total for total in rivals)


def said(question, *asked, **options):
    """What is said, whether it is an answer or a refusal."""
    try:
        found = question(*asked, **options)
    except ErError as error:
        return str(error)
    assert found.method == options["method"]
    return found.reason and found.explain()


@pytest.mark.parametrize("text", ["1-1", "2-1", "3-2", "1-1-1", "2-1-1", "1-2-1", "1-1-1-1"])
@pytest.mark.parametrize("density", ["1", "0.5"])
def test_tiny_targets_have_an_answer_or_a_reason(text, density):
    target, delta = Target.from_text(text), Fraction(1, 10)
    for statement in STATEMENTS:
        assert said(width, target, method=statement.name, density=density, failure_probability=delta)
        layers = statement.layers(target, {})
        for one in (1, 5):
            widths, densities = (one,) * (layers - 1), (Fraction(density),) * layers
            assert said(largest_sparsity, target, widths, delta, method=statement.name)
            assert said(success_probability, target, widths, densities, method=statement.name)


@pytest.mark.parametrize("method", ["printed", "exact", "drop", "sharp", "factored"])
@pytest.mark.parametrize("density", [Fraction(1, 5), HALF])
def test_less_failure_takes_no_fewer_neurons(method, density):
    target = Target.from_text("8-6-3")
    deltas = [Fraction(1, 10**6), Fraction(1, 1000), Fraction(1, 20), Fraction(1, 3)]
    totals = [width(target, method=method, density=density, failure_probability=delta).total for delta in deltas]
    assert totals == sorted(totals, reverse=True)
    assert totals[0] > totals[-1]


@pytest.mark.parametrize("density", ["1/5", "4/5"])
@pytest.mark.parametrize("text", ["3-2", "8-3-2", "30-4", "4-30"])
def test_what_is_asked_to_be_few_is_few(text, density):
    """Neurons of the last hidden layer or of all layers; of three maps, which are searched, edges or neurons."""
    target = Target.from_text(text)
    ask = {"density": density, "failure_probability": "1/100"}
    if target.depth > 1:
        for method in ("sequential", "matching", "sharp"):
            last, total = (width(target, method=method, objective=name, **ask) for name in ("last", "total"))
            assert last.widths[-2] <= total.widths[-2]
            assert total.total <= last.total
    edges, total = (width(target, method="factored", factors=3, objective=name, **ask) for name in ("edges", "total"))
    assert edges.edges_expected <= total.edges_expected
    assert total.total <= edges.total
