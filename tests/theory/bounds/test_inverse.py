"""The inverse questions: round trips with the widths, monotone answers, refusals."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ertheory import Target, confidence, width
from ertheory.bounds import (
    INVERTED,
    STATEMENTS,
    best_factors,
    exact,
    find,
    largest_sparsity,
    printed,
    success_probability,
)
from ertheory.bounds.blocks import answers as blocks_answers
from ertheory.bounds.blocks import given as blocks_given
from ertheory.bounds.blocks.available import checked_widths, most_factors
from ertheory.bounds.blocks.laws import Law
from ertheory.bounds.drop.widths import drop
from ertheory.bounds.sharp import given as sharp_given
from ertheory.bounds.sharp.given import least_failure
from ertheory.bounds.statement import GivenWidths
from ertheory.errors import InfeasibleWidth, InvalidInput, TheoremNotApplicable
from tests import oracles
from tests.reference import make_widths as ref
from tests.strategies import HALF

F5 = json.loads((Path(ref.__file__).parent / "widths.json").read_text(encoding="utf-8"))["counterexamples"]["F5"]
MNIST = Target.from_text("784-128-10")
ONE = Fraction(1)
TARGETS = [Target.from_text(text) for text in ("1-1", "3-2", "4-8-3", "3-4-4-2")]
few_targets = st.sampled_from(TARGETS)
percents = st.integers(2, 98).map(lambda count: Fraction(count, 100))
few_deltas = st.sampled_from([Fraction(1, 1000), Fraction(1, 20), Fraction(1, 3), Fraction(9, 10)])
METHODS = {"printed": printed, "exact": exact, "drop": drop}


def masked(target, density, layer0="dense"):
    return (ONE if layer0 == "dense" else density, *(density,) * target.depth)


def below(density):
    """The next smaller number of twelve significant digits."""
    return density - Fraction(10) ** (math.floor(math.log10(density)) - 11)


# --- largest sparsity ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["printed", "exact", "drop"])
@settings(max_examples=5)
@given(few_targets, percents, few_deltas)
def test_widths_for_a_sparsity_allow_that_sparsity(method, target, density, delta):
    answer = METHODS[method](target, masked(target, density), delta)
    found = largest_sparsity(target, answer.widths, delta, method=method)
    assert found.applies
    assert found.sparsity >= 1 - density
    assert found.densities == masked(target, 1 - found.sparsity)
    assert (found.method, found.layer0) == (method, "dense")


@pytest.mark.parametrize("method", ["printed", "exact"])
@pytest.mark.parametrize("density", [Fraction(3, 10), Fraction(4, 5)], ids=str)
@pytest.mark.parametrize("layer0", ["preassigned", "matched"])
def test_a_masked_layer_0_makes_the_round_trip_too(method, density, layer0):
    target, delta = Target.from_text("2-2-1"), Fraction(1, 3)
    answer = METHODS[method](target, masked(target, density, layer0), delta, layer0=layer0)
    found = largest_sparsity(target, answer.widths, delta, method=method, layer0=layer0)
    assert found.sparsity >= 1 - density
    assert found.densities == (1 - found.sparsity,) * 3
    again = METHODS[method](target, found.densities, delta, layer0=layer0)
    if method == "printed":
        assert all(new <= given for new, given in zip(again.widths, answer.widths, strict=True))


@settings(max_examples=5)
@given(few_targets, st.lists(st.integers(0, 40), min_size=3, max_size=3), few_deltas)
def test_the_printed_answer_is_the_largest_to_twelve_digits(target, spare, delta):
    widths = tuple(size + more for size, more in zip(target.widths[:-1], spare, strict=False))
    found = largest_sparsity(target, widths, delta, method="printed")
    density = 1 - found.sparsity

    def fits(value):
        asked = printed(target, masked(target, value), delta).widths
        return all(need <= have for need, have in zip(asked, (*widths, asked[-1]), strict=True))

    assert fits(density)
    assert not fits(below(density))
    assert (density * Fraction(10) ** (11 - math.floor(math.log10(density)))).denominator == 1


@settings(max_examples=5)
@given(few_targets, percents, few_deltas)
def test_the_exact_answer_holds_and_fails_a_unit_below(target, density, delta):
    widths = exact(target, masked(target, density), delta).widths
    found = largest_sparsity(target, widths, delta)
    at = success_probability(target, widths, found.densities)
    assert at.success_lower >= (1 - delta) * (1 - Fraction(1, 10**6))
    assert at.factors == found.factors
    less = success_probability(target, widths, masked(target, below(1 - found.sparsity)))
    assert less.success_lower < 1 - delta


@settings(max_examples=2)
@given(st.just(TARGETS[1]), st.lists(st.integers(0, 40), min_size=3, max_size=3), few_deltas)
def test_necessary_answers_lie_above_sufficient_ones(target, spare, delta):
    widths = tuple(size + more for size, more in zip(target.widths[:-1], spare, strict=False))
    printed_one, exact_one, ruled_out = (
        largest_sparsity(target, widths, delta, method=method) for method in ("printed", "exact", "theorem-2.3")
    )
    assert printed_one.sparsity <= exact_one.sparsity
    assert ruled_out.kind == "necessary"
    for layer0 in ("preassigned", "matched"):  # the necessary answer speaks of a masked layer 0
        assert (largest_sparsity(target, widths, delta, layer0=layer0).sparsity or 0) <= ruled_out.sparsity


def test_the_degree_answer():
    widths = 179536, 18048
    found = largest_sparsity(MNIST, widths, Fraction(1, 1000), method="degree")
    enough = largest_sparsity(MNIST, widths, Fraction(1, 1000), layer0="matched")
    assert 0.98 < float(enough.sparsity) + 0.09 < float(found.sparsity) + 0.09
    assert 0.990 < float(found.sparsity) < 0.9905  # reference: .99 needs 17418 neurons
    assert not largest_sparsity(Target.from_text("4-8-3"), (90, 90), HALF, method="degree").applies


def test_a_closed_form_to_twelve_digits():
    # Theorem 2.3 for one input: 1 - (1 - p)^N = 1 - delta, and the dense construction of 1-1 is the same law.
    for method in ("exact", "printed", "theorem-2.3"):
        found = largest_sparsity(Target.from_text("1-1"), (40,), Fraction(1, 1000), method=method)
        density = 1 - Fraction(1, 1000) ** Fraction(1, 40)
        assert float(1 - found.sparsity) == pytest.approx(float(density), rel=2e-12)


def test_widths_that_suffice_at_no_sparsity_below_1e_60():
    found = largest_sparsity(Target.from_text("1-1"), (10**70,), HALF)
    assert found.sparsity == 1 - Fraction(1, 10**60)


@pytest.mark.parametrize("method", [name for name in INVERTED if not name.startswith("factored")])
@settings(max_examples=3)
@given(st.integers(0, 80), st.integers(0, 80), st.integers(0, 40), st.integers(0, 40))
def test_wider_is_sparser_and_likelier(method, first, second, more, again):
    target = Target.from_text("4-2-2")
    narrow, wide = (4 + first, 2 + second), (4 + first + more, 2 + second + again)
    delta, density = Fraction(1, 20), Fraction(2, 5)
    before, after = (largest_sparsity(target, widths, delta, method=method) for widths in (narrow, wide))
    assert after.applies or not before.applies
    assert (after.sparsity or 0) >= (before.sparsity or 0)
    densities = masked(target, density) if method in METHODS else (density,) * 3
    before, after = (success_probability(target, widths, densities, method=method) for widths in (narrow, wide))
    close = 1 + Fraction(1, 10**5)
    if find(method).kind != "necessary":
        assert 1 - after.success_lower <= (1 - before.success_lower) * close
        assert after.success_upper is None
    else:
        assert after.success_upper * close >= before.success_upper
        assert after.success_lower is None


QUICKLY = [name for name in INVERTED if not name.startswith("factored") and name != "size-lp"]


@pytest.mark.parametrize("method", QUICKLY)
def test_widths_of_a_trillion_are_answered_and_are_no_worse(method):
    target, delta = Target.from_text("24-14-5"), Fraction(1, 20)
    wide, huge = (largest_sparsity(target, (many, many), delta, method=method) for many in (10**4, 10**12))
    assert huge.applies
    assert (huge.sparsity or 0) >= (wide.sparsity or 0)
    if method in {"sharp", "sequential", "matching"}:
        assert huge.sparsity == Fraction(999, 1000)  # as sparse as they are asked about


# --- success probability -------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(few_targets, percents, few_deltas)
def test_exact_widths_keep_their_promise(target, density, delta):
    densities = masked(target, density)
    answer = exact(target, densities, delta)
    found = success_probability(target, answer.widths, densities)
    assert found.success_lower >= 1 - delta
    assert found.success_lower >= answer.success_lower
    union = success_probability(target, answer.widths, densities, method="printed")
    assert 1 - union.success_lower >= (1 - found.success_lower) * (1 - Fraction(1, 10**5))
    assert union.kind == "printed"
    assert found.kind == "sufficient"


@settings(max_examples=15)
@given(few_targets, percents, few_deltas)
def test_printed_widths_keep_their_promise_by_the_union_bound(target, density, delta):
    densities = masked(target, density)
    answer = printed(target, densities, delta)
    # Where the law is just 1 - delta, the lower end of an enclosure lies below it.
    found = success_probability(target, answer.widths, densities).success_lower
    assert found >= answer.success_lower * (1 - Fraction(1, 2**56))
    law = Law(target, densities, "dense")
    assert all(
        q <= most for q, most in zip(best_factors(law, answer.factors, answer.widths[0]), answer.factors, strict=True)
    )


@pytest.mark.parametrize(
    "delta", [Fraction(1, 10**18), Fraction(1, 10**30), Fraction(1, 10**100)], ids=["18", "30", "100"]
)
def test_tiny_failure_probabilities_make_the_round_trip(delta):
    target, density = Target.from_text("3-4-2"), Fraction(1, 10)
    answer = exact(target, masked(target, density), delta)
    assert success_probability(target, answer.widths, answer.densities).success_lower >= 1 - delta
    assert largest_sparsity(target, answer.widths, delta).sparsity >= 1 - density


@pytest.mark.parametrize(
    ("inputs", "hidden", "widths"), [(1, 1, (3, 2)), (1, 2, (2, 4)), (2, 1, (4, 3)), (2, 2, (4, 2))]
)
def test_enumeration_never_succeeds_less(inputs, hidden, widths):
    target, density = Target.from_widths([inputs, hidden, 1]), Fraction(3, 5)
    found = success_probability(target, widths, masked(target, density))
    dense = [[[1] * inputs] * hidden, [[1] * hidden]]
    options = [
        oracles.block_probability(dense, (first, second), (density, density))
        for first in range(1, widths[0] // inputs + 1)
        for second in range(1, widths[1] // hidden + 1)
    ]
    assert max(options) * (1 - Fraction(1, 10**5)) <= found.success_lower <= max(options)


def test_more_hidden_copies_do_not_hurt():
    # F5: with q_0 = 33 the pair q_1 = 60 does not satisfy the theorem, although q_1 = 22 does.
    few, many = (success_probability(MNIST, (784 * row["q0"], 128 * row["q1"]), (ONE, HALF, HALF)) for row in F5)
    assert many.success_lower >= few.success_lower
    assert many.factors[1] < 60
    assert float(1 - few.success_lower) <= float(F5[0]["failure"]) * (1 + 1e-5)
    assert float(1 - many.success_lower) < float(F5[1]["failure"]) / 2
    union = success_probability(MNIST, (784 * 33, 128 * 60), (ONE, HALF, HALF), method="printed")
    assert union.success_lower >= 1 - Fraction(1, 1000)


@settings(max_examples=15)
@given(few_targets, percents, few_deltas, st.sampled_from(["dense", "matched"]))
@example(Target.from_text("1-1"), Fraction(1, 50), Fraction(1, 1000), "matched")  # most numbers of copies are too many
@example(Target.from_text("3-4-4-2"), Fraction(1, 50), Fraction(1, 20), "matched")  # and few are too few
def test_dropping_keeps_its_promise_and_is_never_less_likely(target, density, delta, layer0):
    densities = masked(target, density, layer0)
    answer = drop(target, densities, delta, layer0=layer0)
    close = 1 - Fraction(1, 10**5)
    found = success_probability(target, answer.widths, densities, method="drop", layer0=layer0)
    assert 1 - found.success_lower <= delta / close
    assert (found.kind, found.method, found.layer0) == ("sufficient", "drop", layer0)
    assert found.statement.startswith("dropped copies (ours)")
    whole = success_probability(target, answer.widths, densities, layer0=layer0)
    assert 1 - found.success_lower <= (1 - whole.success_lower) / close


@settings(max_examples=5)
@given(few_targets, percents, few_deltas)
@example(Target.from_text("1-1"), Fraction(1, 10), Fraction(9, 10))  # a tie
def test_the_answer_of_drop_holds_and_fails_a_unit_below(target, density, delta):
    widths = drop(target, masked(target, density), delta).widths
    found = largest_sparsity(target, widths, delta, method="drop")
    assert found.sparsity >= (largest_sparsity(target, widths, delta).sparsity or 0)
    at = success_probability(target, widths, found.densities, method="drop")
    assert at.success_lower >= (1 - delta) * (1 - Fraction(1, 10**6))
    less = success_probability(target, widths, masked(target, below(1 - found.sparsity)), method="drop")
    assert less.success_lower < 1 - delta


@pytest.mark.parametrize("copies", [(2, 3), (3, 2), (1, 4)])
def test_enumeration_of_dropped_copies(copies):
    target, density = Target.from_widths([2, 1, 2]), Fraction(3, 5)
    truth = oracles.drop_probability([[[1, 1]], [[1], [1]]], copies, (density, density))
    widths = (2 * copies[0], copies[1])
    found = success_probability(target, widths, masked(target, density), method="drop")
    assert truth * (1 - Fraction(1, 10**5)) <= found.success_lower <= truth
    assert found.factors == (*copies, 1)


def test_dropping_shares_no_preassigned_neurons():
    widths = (40, 40)
    for ask in (
        lambda: largest_sparsity(TARGETS[2], widths, HALF, method="drop", layer0="preassigned"),
        lambda: success_probability(TARGETS[2], widths, (HALF,) * 3, method="drop", layer0="preassigned"),
    ):
        found = ask()
        assert not found.applies
        assert "share the dead ones" in found.reason
    assert not success_probability(TARGETS[2], widths, (HALF,) * 3, method="drop").applies


def test_necessary_ceilings():
    found = success_probability(MNIST, (129, 10**4), (Fraction(1, 10),) * 3, method="theorem-2.3")
    assert found.success_upper >= (1 - Fraction(9, 10) ** 129) ** 784 >= found.success_upper * (1 - Fraction(1, 10**5))
    assert found.success_upper >= Fraction(999, 1000)
    assert success_probability(MNIST, (128, 10**4), found.densities, method="theorem-2.3").success_upper < Fraction(
        999, 1000
    )
    degree = success_probability(MNIST, (179536, 1719), (Fraction(1, 10),) * 3, method="degree")
    assert degree.success_upper < Fraction(999, 1000)
    assert success_probability(MNIST, (179536, 1720), degree.densities, method="degree").success_upper >= Fraction(
        999, 1000
    )
    nearly_dense = success_probability(MNIST, (10**4, 128), (Fraction(9, 10),) * 3, method="degree")
    assert nearly_dense.success_upper == 1


def test_a_masked_layer_0_is_not_read_as_dense():
    found = success_probability(Target.from_text("4-8-3"), (56, 80), (HALF,) * 3)
    assert not found.applies
    assert found.success_lower is None
    assert "layer 0 is masked here (p_0 = 0.5)" in found.reason
    assert success_probability(Target.from_text("4-8-3"), (90, 80), (HALF,) * 3, layer0="matched").success_lower > 0


@pytest.mark.parametrize(
    "ask", [lambda t, w: largest_sparsity(t, w, HALF), lambda t, w: success_probability(t, w, (ONE, HALF, HALF))]
)
@pytest.mark.parametrize(
    ("widths", "reason"),
    [((3, 80), "layer 0 has 3 neurons, the target has 4"), ((56, 7), "layer 1 has 7 neurons, the target has 8")],
)
def test_widths_below_the_targets(ask, widths, reason):
    found = ask(Target.from_text("4-8-3"), widths)
    assert not found.applies
    assert found.reason == reason
    assert found.sparsity is None
    assert found.success_lower is None
    assert found.factors is None


# --- what is given -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "widths", [(), (56,), (56, 80, 3, 3), (56, 0), (56, -1), (56, 80.0), (True, 80), (56, "80"), (56, 80, 4)]
)
def test_bad_widths(widths):
    target = Target.from_text("4-8-3")
    for ask in (
        checked_widths,
        lambda t, w: largest_sparsity(t, w, HALF),
        lambda t, w: success_probability(t, w, (HALF,) * 3),
    ):
        with pytest.raises(InvalidInput, match=r"^widths: expected .*, got [^\n]*$"):
            ask(target, widths)


def test_outputs_may_be_left_out():
    target = Target.from_text("4-8-3")
    assert checked_widths(target, (56, 80)) == checked_widths(target, (56, 80, 3)) == (56, 80, 3)
    assert checked_widths(target, (10**100, 80)) == (10**100, 80, 3)
    for wide in (10**100 + 1, 10**4000):
        with pytest.raises(InvalidInput, match=r"^widths: expected whole numbers from 1 to 1"):
            checked_widths(target, (wide, 80))
    assert most_factors(target, (57, 7, 3)) == (14, 0, 1)


def test_bad_methods_and_readings():
    target = Target.from_text("4-8-3")
    with pytest.raises(
        InvalidInput,
        match=r"^method: expected one of printed, exact, joint, .*, factored-count, got 'best'$",
    ):
        largest_sparsity(target, (56, 80), HALF, method="best")
    with pytest.raises(InvalidInput, match=r"^layer0: "):
        success_probability(target, (56, 80), (HALF,) * 3, layer0="sparse")


def test_answers_can_be_written_down():
    target = Target.from_text("4-8-3")
    found = largest_sparsity(target, (56, 80), Fraction(1, 10))
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert Fraction(told["sparsity"]) == found.sparsity
    assert told["factors"] == list(found.factors)
    assert told["widths"] == [56, 80, 3]
    assert told["success_probability_lower"] is None
    at = success_probability(target, (56, 80), (ONE, HALF, HALF)).to_dict()
    assert at["success_probability_lower"] == "0.95792"
    above = width(target, method="theorem-2.3", density=HALF, failure_probability="0.1")
    ceiling = success_probability(target, (above.widths[0], 8), (HALF,) * 3, method="theorem-2.3").to_dict()
    assert Fraction(ceiling["success_probability_upper"]) >= (1 - HALF ** above.widths[0]) ** 4


def test_an_answer_that_cannot_be_enclosed_is_marked_and_the_others_stay():
    target, widths, densities = Target.from_text("784-128-10"), (10**13, 10**14), (Fraction(1, 2),) * 3
    answers = {
        method: success_probability(target, widths, densities, method=method, layer0="matched")
        for method in ("exact", "drop", "theorem-2.3")
    }
    assert not answers["drop"].applies
    assert "could not be enclosed" in answers["drop"].reason
    assert answers["drop"].success_lower is None
    assert answers["exact"].applies
    assert answers["exact"].success_lower > 1 - Fraction(1, 10**30)


def _not_to_be_told(*asked, **options):
    msg = "too close, or too long"
    raise InfeasibleWidth(msg)


@pytest.mark.parametrize(
    ("method", "module", "decides"),
    [
        ("printed", blocks_given, "closed_form"),
        ("exact", blocks_given, "law_holds"),
        *((method, sharp_given, "least_failure") for method in ("sharp", "sequential", "matching")),
    ],
)
def test_what_cannot_be_decided_is_not_granted(method, module, decides, monkeypatch):
    statement, densities = find(method), (HALF,) * 3
    wide = GivenWidths(target=Target.from_text("4-3-2"), widths=(1000, 1000, 2), layer0=statement.readings[-1])
    asked = wide, densities, Fraction(1, 20)
    assert statement.inverse.holds(*asked)
    monkeypatch.setattr(module, decides, _not_to_be_told)
    assert not statement.inverse.holds(*asked)


def test_a_success_that_cannot_be_enclosed_is_the_one_that_was_asked_for(monkeypatch):
    asked = {"method": "exact", "density": "1/2", "failure_probability": "1/20"}
    known = width(Target.from_text("4-3-2"), **asked)
    assert known.success_lower > Fraction(19, 20)
    monkeypatch.setattr(blocks_answers, "enclose", _not_to_be_told)
    assert width(Target.from_text("4-3-2"), **asked) == replace(known, success_lower=Fraction(19, 20))


# --- sharp widths, and necessary ones with a limit -------------------------------------------------------------------

CODED = [("784-128-10", "0.1", "0.001"), ("24-14-5", "0.2", "0.05"), ("24-14-5", "0.8", "0.05"), ("6-3", "0.3", "0.1")]
LIMITED = ("size-lp", "parameter-count", "path-count", "coupled", "degree")


@pytest.mark.parametrize("method", ["sharp", "sequential", "matching"])
@pytest.mark.parametrize(("text", "density", "delta"), CODED)
def test_coded_widths_keep_their_promise(method, text, density, delta):
    target = Target.from_text(text)
    answer = width(target, method=method, density=density, failure_probability=delta, layer0="coded")
    found = success_probability(target, answer.widths, answer.densities, method=method)
    assert (found.kind, found.layer0, found.applies) == ("sufficient", "coded", True)
    assert found.success_lower >= answer.success_lower * (1 - Fraction(1, 10**9))
    if method != "sharp" or target.depth == 1:
        return
    parts = [
        success_probability(target, answer.widths, answer.densities, method=one) for one in ("sequential", "matching")
    ]
    assert found.success_lower == max(part.success_lower for part in parts)


@settings(max_examples=12)
@given(st.sampled_from(["24-14-5", "5-3-2", "9-2-1"]), percents, st.integers(0, 60), st.integers(0, 60))
@example("24-14-5", Fraction(4, 5), 16, 14)  # copies that share their weights
@example("24-14-5", Fraction(13, 20), 10, 23)  # 0.4918, where as many rows as are used on average cost more than 0.5
@example("30-6-9", Fraction(13, 20), 18, 40)
@example("9-4-2", Fraction(83, 100), 17, 58)  # 35 spare neurons, found by way of numbers that are worse
def test_the_bound_of_a_coded_design_is_that_of_the_law(text, density, more, again):
    target, densities = Target.from_text(text), (density,) * 3
    widths = target.widths[0] + more, target.widths[1] + again, target.widths[2]
    failure, design = least_failure(target, densities, widths, ("sequential", "matching"))
    assert failure > 0
    if design is None:
        assert failure == 1
        return
    assert design.widths == widths
    assert float(failure) == pytest.approx(float(design.failure()[1]), rel=1e-6)
    for enough in (HALF, failure * (1 + Fraction(1, 10**6))):  # a bound just below it is not missed
        asked, _ = least_failure(target, densities, widths, ("sequential", "matching"), enough=enough)
        assert (failure <= enough) == (asked <= enough)


def test_a_coded_source_may_be_as_sparse_as_its_widths_are_for():
    target, delta = Target.from_text("24-14-5"), Fraction(1, 20)
    answer = width(target, method="sharp", density="0.2", failure_probability=delta, layer0="coded")
    found = largest_sparsity(target, answer.widths, delta, method="sharp")
    assert found.sparsity >= Fraction(4, 5)
    density = 1 - found.sparsity
    assert (density * 10**4).denominator == 1
    unit = Fraction(1, 10**4)
    at, less = (
        success_probability(target, answer.widths, (one,) * 3, method="sharp") for one in (density, density - unit)
    )
    assert at.success_lower >= 1 - delta > less.success_lower
    line = at.explain()
    assert "E|V| eps(d, N0, p0, p1)" in line
    assert f"N0 = {answer.widths[0]}" in line


def test_sharp_widths_that_are_not_read_say_why():
    def reason(text, widths, **options):
        return success_probability(
            Target.from_text(text), widths, (HALF,) * len(widths), method="sharp", **options
        ).reason

    assert "at most one hidden layer; drop answers" in reason("3-4-4-2", (90, 90, 90, 2))
    assert "with a coded layer 0 alone" in reason("4-8-3", (90, 90, 3), layer0="matched")
    assert "layer 0 is masked" in reason("4-8-3", (90, 90, 3), layer0="dense")
    sparse = (Fraction(1, 10**4),) * 3
    found = success_probability(Target.from_text("4-8-3"), (10**6, 10**6), sparse, method="sharp")
    assert (found.applies, found.success_lower) == (False, None)
    assert "densities of at least 0.001" in found.reason


@pytest.mark.parametrize("method", LIMITED)
@pytest.mark.parametrize("density", ["0.1", "0.3"])
def test_a_necessary_width_is_where_its_ceiling_passes(method, density):
    target, delta = Target.from_text("24-14-5"), Fraction(1, 20)
    answer = width(target, method=method, density=density, failure_probability=delta)
    assert answer.applies
    if "affine" in answer.reason:
        return  # a statement about fewer sources
    widths = [limit if asked is None else asked for asked, limit in zip(answer.widths, answer.holds_up_to, strict=True)]
    place = answer.widths.index(next(filter(None, answer.widths)))

    def ask(question, less):
        return question(target, (*widths[:place], widths[place] - less, *widths[place + 1 :]))

    at, below_it = (
        ask(lambda *one: success_probability(*one, answer.densities, method=method), less).success_upper
        for less in (0, 1)
    )
    assert at >= 1 - delta > below_it
    sparse = ask(lambda *one: largest_sparsity(*one, delta, method=method), 1)
    assert sparse.sparsity < 1 - Fraction(density)
    assert "assumed, not checked" in sparse.reason


def test_coupled_layers_rule_out_no_less_than_degrees_and_paths():
    target, densities = Target.from_text("24-14-5"), (Fraction(1, 5),) * 3
    for widths in [(40, 60), (100, 100), (300, 90), (2000, 150), (20, 13)]:
        coupled, *others = (
            success_probability(target, widths, densities, method=method).success_upper
            for method in ("coupled", "degree", "parameter-count", "path-count")
        )
        assert coupled <= min(others) + Fraction(1, 10**6), widths


@pytest.mark.parametrize("method", [statement.name for statement in STATEMENTS if statement.inverse is None])
def test_a_statement_that_is_not_asked_about_widths_says_why(method):
    for ask in (
        lambda: largest_sparsity(TARGETS[2], (90, 90), HALF, method=method),
        lambda: success_probability(TARGETS[2], (90, 90), (HALF,) * 3, method=method),
    ):
        with pytest.raises(TheoremNotApplicable, match=f"^{method}: .*(exact|coupled) "):
            ask()


@pytest.mark.parametrize("seed", range(4))
def test_ceilings_lie_above_enumeration(seed):
    """Where the output reads a neuron that all inputs reach, an affine layer 0 leads any weights there."""
    target, density = Target.from_widths([2, 1, 1]), Fraction(2 + seed, 6)
    widths = (2, 2, 1)
    reached = oracles.reached_law(2, widths[:2], (density, density))
    truth = sum(chance * (1 - (1 - density) ** count) for count, chance in enumerate(reached))
    for method in (*LIMITED, "theorem-2.3"):
        found = success_probability(target, widths, (density,) * 3, method=method)
        assert found.success_upper >= truth, method


def test_the_failure_that_is_explained_at_given_widths_is_the_one_that_is_answered():
    found = confidence("24-14-5", sparsity=HALF, widths=(69, 53, 5))["sharp"]
    failures = re.findall(r"P\(failure\) <= (\S+) with", found.explain())
    assert failures == [f"{float(1 - found.success_lower):.4g}"]
