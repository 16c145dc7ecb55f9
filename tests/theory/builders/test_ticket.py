"""Strong tickets: never off by more than is certified, the same on any number of threads, refusals that help."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from ertheory import Target, build_ticket, check_ticket, network_of, target_from_sklearn
from ertheory.builders.ticket.balance import balanced
from ertheory.builders.ticket.roles import input_roles
from ertheory.check import evaluate, evaluate_exact
from ertheory.check.redraw import biases_again, weights_again
from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.masks.drawn_source import DrawnSource
from ertheory.networks.source import Source
from tests import tickets

BOXES = [(-1.0, 1.0), (0.0, 1.0), (-2.0, -0.5), (0.25, 0.25), (0.5, 2.0)]


@st.composite
def targets(draw):
    """Targets of depth 1 to 3 with weights and biases of every kind, zeros among them."""
    dims = draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    scale = draw(st.sampled_from([0.5, 1.0, 3.0]))
    share = draw(st.sampled_from([0.5, 0.9, 1.0]))
    weights = [rng.uniform(-scale, scale, (b, a)) * (rng.random((b, a)) < share) for a, b in pairwise(dims)]
    biases = [rng.uniform(-1, 1, n) * draw(st.booleans()) for n in dims[1:]]
    box = [draw(st.sampled_from(BOXES)) for _ in range(dims[0])]
    return Target.from_arrays(weights, biases, domain=box)


@given(targets(), st.integers(0, 50), st.sampled_from(["1", "1/2"]), st.data())
@settings(max_examples=40)
def test_a_ticket_is_never_off_by_more_than_is_certified(target, seed, density, data):
    """At random points and corners, in rational arithmetic: neither bound has room for rounding."""
    widths = [60] * target.depth
    try:
        ticket = build_ticket(target, widths=widths, density=density, epsilon="1/10", seed=seed, workers=1)
    except InvalidInput:  # weights beyond reach have a test of their own
        return
    assert ticket.success == (not ticket.missing)
    if ticket.network is None:
        assert not ticket.success
        return
    assert ticket.success == (Fraction(ticket.error_certified) <= Fraction(1, 10))
    checked = check_ticket(target, ticket)
    assert checked.passed, checked
    if ticket.success:  # of neurons that are no good copies, the checker may think something else
        assert checked.error_certified <= ticket.error_certified
    coordinate = st.fractions(0, 1, max_denominator=99) | st.sampled_from([Fraction(0), Fraction(1)])
    shares = data.draw(st.lists(st.tuples(*[coordinate] * target.inputs), min_size=6, max_size=6))
    ends = [(Fraction(low), Fraction(high)) for low, high in target.domain.tolist()]
    points = [[low + t * (high - low) for t, (low, high) in zip(share, ends, strict=True)] for share in shares]
    off = abs(evaluate_exact(network_of(target), points) - evaluate_exact(ticket.network, points)).max()
    assert off <= Fraction(checked.error_certified)
    assert ticket.error_measured.error <= ticket.error_certified + 1e-12


@pytest.mark.parametrize(("widths", "density", "seeds"), [((80, 60), "1", 20), ((210, 160), "1/2", 20)])
def test_all_sources_hold_the_small_target(widths, density, seeds):
    for seed in range(seeds):
        ticket = build_ticket(tickets.small(seed), widths=widths, density=density, epsilon="1/10", seed=seed, workers=1)
        assert ticket.success, ticket.missing
        assert ticket.error_measured.error <= ticket.error_certified <= 0.1


@pytest.mark.parametrize("kept", [2, 4])
def test_a_ticket_of_guaranteed_sparsity(kept):
    """So many weights stand for each of the target: counted by input and sign in layer 1, in all in layer 2."""
    asked = {"widths": (420, 320), "density": "1/2", "epsilon": "1/10", "seed": 2, "workers": 1}
    ticket = build_ticket(tickets.small(2), kept=kept, **asked)
    assert ticket.success, ticket.missing
    assert check_ticket(ticket.target, ticket, epsilon="1/10").passed
    first, second, last = (step.weight.toarray() for step in ticket.network.affine)
    roles = np.where(first.any(axis=1), np.abs(first).argmax(axis=1) + 2 * (first.min(axis=1) < 0), 4)
    edges = np.stack([(second[:, roles == role] != 0).sum(axis=1) for role in range(5)], axis=1)
    assert edges[:, :4].max() <= kept
    assert (edges[:, 4] + (ticket.network.affine[1].bias != 0)).max() <= kept
    assert (last != 0).sum() + (ticket.network.affine[2].bias != 0).sum() <= kept * (4 + 1)
    free = build_ticket(tickets.small(2), **asked)
    assert sum(ticket.kept) < sum(free.kept)
    with pytest.raises(InvalidInput, match="kept"):
        build_ticket(tickets.small(2), kept=0, **asked)


@pytest.mark.parametrize(("seed", "kept"), [(0, None), (1, None), (2, 6)])
def test_quantised_weights_are_the_target_itself(seed, kept):
    """In rational arithmetic, by the checker, which draws the quantised source again; one of other bits is another."""
    target = tickets.coarse(seed)
    asked = {"widths": (600, 300), "density": "1/2", "seed": seed, "workers": 1, "kept": kept}
    ticket = build_ticket(target, bits=2, **asked)
    assert ticket.success, ticket.missing
    checked = check_ticket(target, ticket, epsilon=0)
    assert (checked.passed, checked.error_certified) == (True, 0.0)
    points = [[Fraction(1, 3), Fraction(-2, 7)], [Fraction(-1), Fraction(1)], [Fraction(5, 9), Fraction(1, 11)]]
    assert (evaluate_exact(network_of(target), points) == evaluate_exact(ticket.network, points)).all()
    assert all((step.weight.data * 4 == np.round(step.weight.data * 4)).all() for step in ticket.network.affine)
    other = build_ticket(target, bits=3, **asked)
    assert not check_ticket(target, replace(other, source=replace(other.source, bits=2))).passed


def test_quantised_sources_are_uniform():
    """Each of the 2M + 1 values as often as the others: a chi-square test that errs once in a million seeds."""
    target = tickets.coarse(0)
    source = DrawnSource(Source.for_target(target, widths=(200, 400, 1), densities=1), 5, 2)
    codes, counts = np.unique(
        np.concatenate([source.rows(1, 0, 400).ravel(), source.biases(1)]) * 4, return_counts=True
    )
    assert codes.tolist() == list(range(-4, 5))
    assert chisquare(counts).pvalue > 1e-6
    assert (source.rows(1, 3, 4)[0] == weights_again(5, 1, 3, 200, 2)).all()
    assert (source.biases(1) == biases_again(5, 1, 400, 2)).all()


def test_what_is_not_quantised_is_refused():
    target = tickets.small(0)
    with pytest.raises(TheoremNotApplicable, match="no multiple of"):
        build_ticket(target, widths=(60, 40), density=1, bits=3)
    with pytest.raises(InvalidInput, match="epsilon"):
        build_ticket(tickets.coarse(0), widths=(60, 40), density=1, bits=3, epsilon="0.1")


def test_a_sparse_source_holds_the_small_target():
    found = [
        build_ticket(tickets.small(seed), widths=(780, 600), density="1/5", epsilon="1/10", seed=seed, workers=1)
        for seed in range(4)
    ]
    assert all(ticket.success for ticket in found)
    assert all(check_ticket(ticket.target, ticket, epsilon="1/10").passed for ticket in found[:1])


def test_narrow_sources_do_not_and_say_why():
    found = [build_ticket(tickets.small(s), widths=(14, 10), density=1, epsilon="0.1", seed=s) for s in range(8)]
    failed = [ticket for ticket in found if not ticket.success]
    assert len(failed) > 4
    for ticket in failed:
        assert ticket.missing
        assert all(text.startswith(("output ", "neuron ")) and "\n" not in text for text in ticket.missing)
        assert ticket.error_certified is None or ticket.error_certified > 0.1
    assert any("live edges reach" in text for ticket in failed for text in ticket.missing)


def test_the_result_does_not_depend_on_the_number_of_threads():
    target = tickets.random_target(1, (2, 5, 4, 2))
    found = [
        build_ticket(target, widths=(300, 300, 200), density="1/2", epsilon="0.1", seed=2, workers=workers)
        for workers in (1, 2, 5)
    ]
    for other in found[1:]:
        assert found[0].to_dict() == other.to_dict()
        for one, two in zip(found[0].network.affine, other.network.affine, strict=True):
            assert (one.weight != two.weight).nnz == 0
            assert np.array_equal(one.bias, two.bias)


def test_a_ticket_is_the_source_times_its_mask():
    ticket = build_ticket(tickets.small(3), widths=(210, 160), density="1/2", epsilon="0.1", seed=3)
    for layer, (step, mask, drawn) in enumerate(zip(ticket.network.affine, ticket.mask, ticket.masks, strict=True)):
        rows = step.outputs
        np.testing.assert_array_equal(step.weight.toarray(), ticket.source.rows(layer, 0, rows) * mask.toarray())
        assert (mask.toarray() <= drawn.to_csr().toarray()).all()
        kept = step.bias != 0
        np.testing.assert_array_equal(step.bias[kept], ticket.source.biases(layer)[kept])
        assert ticket.kept[layer] == mask.nnz
        assert ticket.kept_biases[layer] == kept.sum()
    # Nothing is kept that nothing reads.
    for below, above in zip(ticket.network.affine, ticket.network.affine[1:], strict=False):
        read = np.diff(above.weight.tocsc().indptr) > 0
        alive = (np.diff(below.weight.indptr) > 0) | (below.bias != 0)
        np.testing.assert_array_equal(read, alive)


def test_realised_amplification_is_the_largest_norm_over_copies():
    ticket = build_ticket(tickets.small(0), widths=(80, 60), density=1, epsilon="0.1", seed=0)
    _, hidden, last = ticket.network.affine
    constants = np.diff(hidden.weight.indptr) == 0
    norm = np.abs(last.weight.toarray()[0, ~constants]).sum()
    assert ticket.amplification[1] == pytest.approx(norm)
    assert norm >= np.abs(ticket.target.weights[1]).sum() - 0.2  # subsets of both signs cannot do with less


@pytest.mark.parametrize("box", BOXES[:3])
def test_roles_follow_the_signs_of_the_inputs(box):
    rng = np.random.default_rng(4)
    weights, biases = rng.uniform(-1, 1, (90, 3)), rng.uniform(-1, 1, 90)
    signals = input_roles(weights, biases, np.tile(box, (3, 1)), np.array([1.0, 1.0, 0.0, 1.0]))
    used = set(signals.units[signals.units >= 0].tolist())
    positive, negative = {0, 1}, {3, 4}  # nobody reads input 2
    assert used == {6} | (positive if box[1] > 0 else set()) | (negative if box[0] < 0 else set())
    for neuron, unit in enumerate(signals.units.tolist()):
        if unit == 6:
            assert signals.factors[neuron] == biases[neuron] > 0
        elif unit >= 0:
            assert signals.factors[neuron] == (1 if unit < 3 else -1) * weights[neuron, unit % 3] > 0
    counts = np.bincount(signals.units[signals.units >= 0])
    assert min(counts[list(used)]) > 90 / len(used) / 2


@given(targets())
def test_balancing_changes_no_value(target):
    scaled = balanced(target)
    points = [[Fraction(1, 3)] * target.inputs, [Fraction(-2, 7)] * target.inputs]
    found, wanted = (evaluate_exact(network_of(one), points) for one in (scaled, target))
    assert (found == wanted).all()
    assert all(np.abs(weight).max(initial=0.0) <= 1 for weight in scaled.weights[:-1])


def test_a_target_at_the_edge_of_the_doubles_is_left_as_it_is():
    target = Target.from_arrays([[[3.0, 5e-324]], [[1.0]]])
    assert balanced(target) is target
    assert balanced(Target.from_arrays([[[3.0, 5e-300]], [[1.0]]])).weights[0].tolist() == [[0.75, 1.25e-300]]


def test_large_weights_are_reached_by_moving_scale():
    target = Target.from_arrays([[[6.0, -5.0]], [[0.1]]], [[1.0], [0.5]], domain=[(-1, 1)] * 2)
    ticket = build_ticket(target, widths=(120, 80), density=1, epsilon="0.05", seed=0)
    assert ticket.success
    assert check_ticket(target, ticket, epsilon="0.05").passed
    points = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    assert np.abs(evaluate(network_of(target), points) - evaluate(ticket.network, points)).max() < 0.05


def test_weights_beyond_reach_are_refused_with_what_is_reached():
    target = Target.from_arrays([[[0.5, 0.5]], [[500.0]]])
    found = r"^W2\[0, 0\]: expected a modulus of at most 60, .* \(wider layers reach more\), got "
    with pytest.raises(InvalidInput, match=found) as caught:
        build_ticket(target, widths=(80, 60), density=1, epsilon="0.1")
    assert len(str(caught.value)) <= 400
    biased = Target.from_arrays([[[0.5, 0.5]]], [[99.0]])
    with pytest.raises(InvalidInput, match=r"^b1\[0\]: expected a modulus of at most 40, .*got 99.0"):
        build_ticket(biased, widths=(80,), density="1/2", epsilon="0.1")


def test_weights_that_a_wide_source_would_reach_are_a_failure_in_words():
    target = Target.from_arrays([[[0.5, 0.5]], [[40.0]]])
    ticket = build_ticket(target, widths=(80, 60), density=1, epsilon="0.1")
    assert not ticket.success
    assert any("W2[0, 0] = " in text and "but live edges reach" in text for text in ticket.missing)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"widths": (80,)}, "widths: expected 3 source widths"),
        ({"widths": (80, 60, 2)}, "widths: expected 1 outputs as last width"),
        ({"widths": (80, 0)}, "widths: expected whole numbers of at least 1"),
        ({"epsilon": 0}, "epsilon: expected a positive number"),
        ({"epsilon": "1e400"}, "epsilon: expected a positive number"),
        ({"epsilon": "x"}, "epsilon: expected a number"),
        ({"density": 0}, r"density: expected a number in \(0, 1\]"),
        ({"density": "1,1"}, "density: expected one number, or 3"),
        ({"seed": -1}, "seed: expected a whole number"),
        ({"domain": (1, 0)}, "domain: expected intervals"),
        ({"workers": 0}, "workers: expected a whole number of at least 1"),
        ({"target": Target.from_text("2-4-1")}, "target: expected a fully connected target with weights"),
        ({"target": Target.from_arrays([np.ones((1, 1, 3))])}, "target: expected a fully connected target"),
    ],
)
def test_bad_input_is_named(changed, message):
    arguments = {"target": tickets.small(0), "widths": (80, 60), "density": 1, "epsilon": "0.1", **changed}
    with pytest.raises(InvalidInput, match=f"^{message}"):
        build_ticket(arguments.pop("target"), **arguments)


def test_progress_counts_up_to_all_neurons_that_were_looked_at():
    seen = []
    build_ticket(tickets.small(0), widths=(80, 60), density=1, epsilon="0.1", seed=0, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] % 60 == 0


def test_a_trained_classifier_is_found_by_pruning():
    """Digits, 64-16-10; epsilon is below half of the second smallest gap between the two largest outputs."""
    datasets = pytest.importorskip("sklearn.datasets")
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier

    images, classes = datasets.load_digits(return_X_y=True)
    learn, held, labels, _ = train_test_split(images / 16, classes, test_size=360, random_state=0, stratify=classes)
    learner = MLPClassifier((16,), alpha=1.0, max_iter=600, random_state=0).fit(learn, labels)
    target = target_from_sklearn(learner)
    outputs = evaluate(network_of(target), held)
    gaps = np.sort(outputs, axis=1)[:, -2:] @ [-1, 1]
    epsilon = float(np.sort(gaps)[1]) / 2 * 0.99
    ticket = build_ticket(target, widths=(3000, 1000), density="1/2", epsilon=epsilon, domain=(0, 1))
    assert ticket.success, ticket.missing
    found = evaluate(ticket.network, held)
    assert np.abs(found - outputs).max() <= ticket.error_certified <= epsilon
    assert np.count_nonzero(found.argmax(axis=1) != outputs.argmax(axis=1)) <= 1
