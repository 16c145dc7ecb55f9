"""Sources of the sharp construction: what is built is the target up to the bound that it states, on every mask.

Differences are evaluated in rational arithmetic by `tests.oracles_networks`. Whether a mask admits the construction is
decided again by matchings, for the events of the theorems. Statistical tests fix their seeds; with a seed of its own,
each would fail once in 10^9 runs if the code were right.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.stats import binom

from ertheory.bounds.sharp.widths import sharp
from ertheory.builders import embed_target, plan
from ertheory.builders.sharp.coding import code_inputs
from ertheory.builders.sharp.combined import combine, products_of
from ertheory.builders.sharp.rational import exact_combination, rational_layer0, rational_rows
from ertheory.builders.sharp.solve import combine_rows, unmatched
from ertheory.check import check_embedding
from ertheory.errors import ConstructionFailed, InvalidInput, TheoremNotApplicable
from ertheory.masks import DrawnMask, read_mask
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Network
from ertheory.networks.target import Target, network_of
from tests.oracles_networks import attempt, dense_masks, evaluate
from tests.strategies_networks import ANY, DYADIC, chains, conv_networks, masks, points, source_shapes

FALSE_ALARM = 1e-9
DENSITIES = [Fraction(3, 10), Fraction(1, 2), Fraction(4, 5)]


def drawn_target(text: str, seed: int = 0, *, integers: bool = False) -> Target:
    random = np.random.default_rng(seed)
    widths = [int(word) for word in text.split("-")]

    def numbers(*shape: int) -> np.ndarray:
        return (
            random.integers(1, 5, shape) * random.choice([-1.0, 1.0], shape) if integers else random.normal(size=shape)
        )

    pairs = list(pairwise(widths))
    domain = [(-1.0, 1.0)] * widths[0]
    return Target.from_arrays([numbers(n, m) for m, n in pairs], [numbers(n) for _, n in pairs], domain=domain)


def drawn_masks(widths, inputs: int, density, seed: int) -> list[DrawnMask]:
    shapes = zip(widths, (inputs, *widths), strict=False)
    return [DrawnMask(shape, Fraction(density), seed, layer) for layer, shape in enumerate(shapes)]


def assert_near(embedding, data, positions=()) -> None:
    bound = embedding.error_bound
    if bound is None:  # beyond the largest double
        weights = [abs(step.weight).max() for step in embedding.target.affine if step.weight.nnz]
        assert max(np.abs(embedding.target.domain).max(), *weights, 0) > 1e100
        return
    for _ in range(2):
        point = data.draw(points(embedding.target.domain, embedding.target.inputs))
        wanted, found = evaluate(embedding.target, point), evaluate(embedding.source, point)
        assert max(abs(one - other) for one, other in zip(wanted, found, strict=True)) <= bound


def assert_on_masks(embedding) -> None:
    for step, mask in zip(embedding.source.affine, dense_masks(embedding.masks), strict=True):
        assert not (step.weight.toarray() != 0)[~np.asarray(mask, dtype=bool)].any()


@st.composite
def cases(draw: st.DrawFn, numbers=DYADIC, **options):
    network = draw(chains(numbers, **options))
    assume(network.domain is not None)
    shapes = draw(source_shapes(network, network.inputs))
    return network, draw(masks(shapes, first_full=draw(st.booleans())))


CONSTRUCTIONS = st.sampled_from(["sequential", "matching", "drop", "blocks"])


@given(cases(), CONSTRUCTIONS, st.data())
@settings(max_examples=200, deadline=None)
def test_a_coded_source_is_the_target_up_to_its_bound(case, construction, data):
    network, given_masks = case
    embedding, error = attempt(embed_target, network, given_masks, construction=construction, layer0="coded")
    if error is not None:
        assert str(error).startswith(f"{construction}: ")
        assert "\n" not in str(error)
        return
    assert_on_masks(embedding)
    assert_near(embedding, data)
    checked = check_embedding(embedding.target, embedding.source, embedding.masks)
    assert checked.on_mask
    if np.abs(embedding.target.domain).max() < 1e6:  # beyond, rounding can make two target neurons look the same
        assert checked.equal
        assert checked.exact or embedding.error_bound > 0
    assert embedding.to_dict()["form"] == "combinations"


@given(cases(ANY, depth=3), CONSTRUCTIONS, st.data())
@settings(max_examples=100, deadline=None)
def test_the_bound_holds_for_numbers_of_every_size(case, construction, data):
    network, given_masks = case
    try:
        embedding = embed_target(network, given_masks, construction=construction, layer0="coded")
    except (ConstructionFailed, InvalidInput):
        return
    assert_on_masks(embedding)
    assert_near(embedding, data)


@given(
    cases(),
    st.sampled_from(["sequential", "matching"]),
    st.sampled_from(["dense", "preassigned", "matched"]),
    st.data(),
)
@settings(max_examples=150, deadline=None)
def test_colourings_on_shared_inputs_are_exact(case, construction, layer0, data):
    network, given_masks = case
    embedding, error = attempt(embed_target, network, given_masks, construction=construction, layer0=layer0)
    if error is not None:
        assert error.missing
        return
    assert_on_masks(embedding)
    assert embedding.error_bound == 0
    assert_near(embedding, data)
    assert check_embedding(embedding.target, embedding.source, embedding.masks).exact


@given(st.data(), conv_networks(), st.sampled_from(["sequential", "matching"]))
@settings(max_examples=100, deadline=None)
def test_the_last_layer_of_convolutions_is_coloured_too(data, drawn, construction):
    network, positions = drawn
    coding = code_inputs(network.affine[0], network.domain)
    shapes = data.draw(source_shapes(network, coding.units))
    given_masks = data.draw(masks(shapes, first_full=True))
    if any(step.groups > 1 for step in network.affine[-2:]):
        return  # refused, unless an edge is missing before
    embedding, error = attempt(embed_target, network, given_masks, construction=construction)
    if error is not None:
        assert error.missing
        return
    assert_on_masks(embedding)
    point = data.draw(points(network.domain, network.inputs, positions))
    assert evaluate(embedding.source, point) == evaluate(network, point)


@given(st.data(), conv_networks(), st.sampled_from(["sequential", "matching", "drop", "blocks"]))
@settings(max_examples=200, deadline=None)
def test_a_coded_layer_0_carries_combinations_of_channels(data, drawn, construction):
    network, positions = drawn
    shapes = data.draw(source_shapes(network, network.inputs, most=3))
    given_masks = data.draw(masks(shapes, first_full=data.draw(st.booleans())))
    first = network.affine[0]
    if construction in ("sequential", "matching") and any(step.groups > 1 for step in network.affine[-2:]):
        return  # not coloured
    if first.groups > 1 or any(first.padding):
        with pytest.raises(TheoremNotApplicable, match="without groups and padding"):
            embed_target(network, given_masks, construction=construction, layer0="coded")
        return
    embedding, error = attempt(embed_target, network, given_masks, construction=construction, layer0="coded")
    if error is not None:
        assert str(error).startswith(f"{construction}: ")
        return
    assert_on_masks(embedding)
    corner = network.domain[:, 0].reshape(1, -1, *[1] * len(positions)) * np.ones(positions)
    checked = check_embedding(network, embedding.source, embedding.masks, points=corner)
    assert checked.on_mask
    assert checked.equal
    bound = embedding.error_bound
    point = data.draw(points(network.domain, network.inputs, positions))
    wanted, found = evaluate(network, point), evaluate(embedding.source, point)
    assert max(abs(one - other) for one, other in zip(wanted, found, strict=True)) <= bound


def convolution(taps: int, seed: int = 0) -> Target:
    random = np.random.default_rng(seed)
    weights = [random.normal(size=shape) for shape in ((5, 3, taps), (4, 5, 2), (2, 4))]
    return Target.from_arrays(weights, [random.normal(size=n) for n in (5, 4, 2)], domain=[(-1.0, 1.0)] * 3)


@pytest.mark.parametrize("taps", [1, 3])
def test_planned_convolutions_are_found_as_often_as_the_bound_says(taps):
    trials, delta, target = 60, Fraction(1, 20), convolution(taps)
    chosen = plan(target, method="sharp", density="3/5", failure_probability=delta, layer0="coded")
    assert chosen.layer0 == "coded"
    found = 0
    points = np.random.default_rng(1).uniform(-1, 1, (3, 3, taps + 1))
    for seed in range(trials):
        try:
            embedding = chosen.embed(seed, workers=1)
        except ConstructionFailed:
            assert not chosen.found_in(chosen.masks(seed))
            continue
        found += 1
        assert chosen.found_in(chosen.masks(seed))
        if seed < 10:
            checked = check_embedding(embedding.target, embedding.source, embedding.masks, points=points)
            assert checked.passed
            assert checked.difference_bound <= 4 * float(embedding.error_bound) + 1e-13
            assert embedding.error_bound < Fraction(1, 10**9)
    assert found >= binom.ppf(FALSE_ALARM, trials, float(1 - delta))


def test_every_tap_needs_its_inputs():
    # Both channels of layer 0 carry the input; tap 1 of the only neuron of layer 1 reads none of them.
    target = network_of(Target.from_arrays([[[[1.0, 2.0]]]], domain=[(0.0, 1.0)]))
    with pytest.raises(ConstructionFailed) as failed:
        embed_target(target, [np.ones((2, 1)), [[1, 0, 1, 0]]], construction="drop", layer0="coded")
    assert [(edge.layer, edge.copy, edge.input) for edge in failed.value.missing] == [(1, 0, 0)]
    # A tap without weights needs nothing.
    target = network_of(Target.from_arrays([[[[1.0, 0.0]]]], domain=[(0.0, 1.0)]))
    embedding = embed_target(target, [np.ones((2, 1)), [[1, 0, 1, 0]]], construction="drop", layer0="coded")
    assert embedding.source.affine[1].kernel == (2,)


# ---- on many masks


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize(("text", "trials"), [("4-8-3", 150), ("24-14-5", 12)])
def test_a_planned_source_is_found_and_passes_its_check_as_often_as_the_bound_says(text, trials, density):
    target = drawn_target(text)
    delta = Fraction(1, 20)
    chosen = plan(target, method="sharp", density=density, failure_probability=delta, layer0="coded")
    found = 0
    for seed in range(trials):
        try:
            embedding = chosen.embed(seed, workers=1)
        except ConstructionFailed:
            continue
        found += 1
        checked = check_embedding(target, embedding.source, embedding.masks)
        assert checked.passed
        assert checked.difference_bound <= 4 * float(embedding.error_bound) + 1e-13
        assert embedding.error_bound < Fraction(1, 10**9)
    assert binom.cdf(found, trials, float(chosen.answer.success_lower)) > FALSE_ALARM


@pytest.mark.parametrize("text", ["4-8-3", "4-5-5-3", "3-3-3-3-2", "5-2"])
@pytest.mark.parametrize("method", ["sequential", "matching"])
@pytest.mark.parametrize("layer0", ["coded", "matched"])
def test_plans_of_every_depth_are_built(text, method, layer0):
    target = drawn_target(text, 3)
    chosen = plan(target, method=method, density="1/2", failure_probability="1/20", layer0=layer0)
    assert (chosen.layer0, chosen.construction) == (layer0, method)
    trials, found = 30, 0
    for seed in range(trials):
        embedding, error = attempt(chosen.embed, seed, workers=1)
        if error is None:
            assert check_embedding(target, embedding.source, embedding.masks).passed
            assert embedding.widths == chosen.answer.widths
            found += 1
    assert binom.cdf(found, trials, float(chosen.answer.success_lower)) > FALSE_ALARM


def greedy(last: np.ndarray, classes: int) -> np.ndarray | None:
    owners = np.full(last.shape[1], -1)
    for row in last:
        lacking = [j for j in range(classes) if not (row & (owners == j)).any()]
        free = np.flatnonzero(row & (owners < 0))[: len(lacking)]
        if len(free) < len(lacking):
            return None
        owners[free] = lacking
    return owners


def is_matched(pattern: np.ndarray) -> bool:
    """Whether all rows of a pattern can be matched to columns."""
    found = maximum_bipartite_matching(csr_array(pattern.astype(np.int8)), perm_type="column")
    return bool((found >= 0).all())


def test_it_succeeds_where_the_event_of_the_theorem_occurs():
    target = drawn_target("5-4-3")
    events = others = 0
    for seed in range(250):
        given_masks = drawn_masks((16, 16, 3), 5, "1/2", seed)
        first, second, last = (np.asarray(mask, dtype=bool) for mask in dense_masks(given_masks))
        owners = greedy(last, 4)
        event = owners is not None and all(is_matched(first[second[v]].T) for v in np.flatnonzero(owners >= 0))
        embedding, _ = attempt(embed_target, target, given_masks, construction="sequential", layer0="coded")
        if event:
            events += 1
            assert embedding is not None
        elif embedding is None:
            others += 1
    assert min(events, others) >= 20


def test_the_dual_is_taken_where_neurons_read_fewer_combinations_than_there_are_inputs():
    target = drawn_target("16-2-1")
    built = 0
    for seed in range(30):
        given_masks = drawn_masks((24, 6, 1), 16, "1/2", seed)
        first, second = (np.asarray(mask, dtype=bool) for mask in dense_masks(given_masks[:2]))
        owners = greedy(np.asarray(dense_masks(given_masks)[2], dtype=bool), 2)
        if owners is None or second[owners >= 0].sum(axis=1).min() >= 16:
            continue
        if all(is_matched(second[owners >= 0][:, first[:, i]]) for i in range(16)):
            embedding = embed_target(target, given_masks, construction="sequential", layer0="coded")
            assert check_embedding(target, embedding.source, given_masks).passed
            built += 1
    assert built > 5


def test_copies_share_their_weights_where_layer_0_has_fewer_neurons_than_layer_1_has_copies():
    target = drawn_target("8-3-6")
    events = others = equal = 0
    for seed in range(60):
        given_masks = [*drawn_masks((4, 20), 8, "19/20", seed), DrawnMask((6, 20), Fraction(3, 5), seed, 2)]
        first, second, last = (np.asarray(mask, dtype=bool) for mask in dense_masks(given_masks))
        owners = greedy(last, 3)
        shared = None if owners is None else np.array([second[owners == j].all(axis=0) for j in range(3)])
        embedding, _ = attempt(embed_target, target, given_masks, construction="sequential", layer0="coded")
        if shared is not None and all(is_matched(shared[:, first[:, i]]) for i in range(8)):
            events += 1
            assert embedding is not None
            assert check_embedding(target, embedding.source, given_masks).passed
            assert embedding.error_bound < Fraction(1, 10**9)
            weight, kinds = embedding.source.affine[1].weight.toarray(), embedding.owners[1]
            if np.count_nonzero(kinds >= 0) > 4:  # too many for the dual, as the inputs are for the primal
                rows = [np.unique(weight[kinds == kind], axis=0) for kind in range(3)]
                assert sum(map(len, rows)) < np.count_nonzero(kinds >= 0)
                equal += 1
        elif embedding is None:
            others += 1
    assert min(events, others, equal) > 5


# ---- adversarial masks


def test_a_full_mask_needs_as_few_neurons_as_there_are():
    target = drawn_target("4-3-2")
    embedding = embed_target(
        target, [np.ones((4, 4)), np.ones((3, 4)), np.ones((2, 3))], construction="sequential", layer0="coded"
    )
    assert check_embedding(target, embedding.source, embedding.masks).passed
    assert embedding.copies == (4, 3, 2)


def test_what_is_missing_is_named():
    target = drawn_target("4-3-2")
    full = [np.ones((8, 4)), np.ones((6, 8)), np.ones((2, 6))]

    def failed(layer: int, place) -> ConstructionFailed:
        changed = [mask.copy() for mask in full]
        changed[layer][place] = 0
        with pytest.raises(ConstructionFailed) as caught:
            embed_target(target, changed, construction="sequential", layer0="coded")
        return caught.value

    unread = failed(0, (slice(None), 2))
    assert {(edge.layer, edge.input) for edge in unread.missing} == {(1, 2)}
    assert str(unread).startswith("sequential: neuron 0 of source layer 1 is not linked to every input")
    deaf = failed(1, slice(None))
    assert {edge.input for edge in deaf.missing} == {0, 1, 2, 3}
    lonely = failed(2, 1)
    assert {(edge.layer, edge.copy, edge.output, edge.input) for edge in lonely.missing} == {
        (2, 1, 1, j) for j in range(3)
    }
    few = failed(2, (0, slice(2, 6)))
    assert len(few.missing) == 1


def test_a_neuron_without_edges_is_passed_over():
    target = drawn_target("4-3-2")
    second = np.ones((6, 8))
    second[[0, 2]] = 0
    second[1, 3:] = 0
    embedding = embed_target(
        target, [np.ones((8, 4)), second, np.ones((2, 6))], construction="sequential", layer0="coded"
    )
    assert embedding.owners[1].tolist() == [-1, -1, -1, 0, 1, 2]
    assert check_embedding(target, embedding.source, embedding.masks).passed


def test_inputs_that_the_target_does_not_read_may_be_missing():
    target = Target.from_arrays([[[1.0, 0.0, -2.0], [0.5, 0.0, 0.0]], [[1.0, 1.0]]], domain=[(0.0, 1.0)] * 3)
    first = np.ones((4, 3))
    first[:, 1] = 0
    embedding = embed_target(target, [first, np.ones((2, 4)), np.ones((1, 2))], construction="matching", layer0="coded")
    assert check_embedding(target, embedding.source, embedding.masks).passed


def test_constants_need_no_inputs():
    target = Target.from_arrays([[[0.0, 0.0], [1.0, 3.0]], [[2.0, 1.0]]], [[1.5, 0.0], [0.0]], domain=[(0.0, 1.0)] * 2)
    embedding = embed_target(
        target, [np.ones((2, 2)), np.ones((2, 2)), np.ones((1, 2))], construction="sequential", layer0="coded"
    )
    assert check_embedding(target, embedding.source, embedding.masks).passed


@pytest.mark.parametrize("activation", ["hardtanh", "relu6", "leaky_relu:0.1"])
def test_other_activations_that_are_affine_somewhere_carry_combinations_too(activation):
    network = network_of(drawn_target("4-5-2"), activation=activation)
    embedding = embed_target(network, drawn_masks((20, 20, 2), 4, "4/5", 1), construction="sequential", layer0="coded")
    checked = check_embedding(network, embedding.source, embedding.masks)
    assert checked.passed
    assert checked.max_abs_error < 1e-12


def test_the_source_depends_on_the_masks_alone():
    target = drawn_target("24-14-5")
    chosen = plan(target, method="sharp", density="1/2", failure_probability="1/100")
    one, other = (chosen.embed(7, workers=workers) for workers in (1, 3))
    for step, same in zip(one.source.affine, other.source.affine, strict=True):
        assert (step.weight != same.weight).nnz == 0
        assert step.bias.tolist() == same.bias.tolist()


def test_where_it_does_not_apply_it_says_so():
    target = drawn_target("4-3-2")
    full = [np.ones((8, 4)), np.ones((6, 8)), np.ones((2, 6))]
    network = network_of(target)
    unbounded = Network(network.steps)
    with pytest.raises(TheoremNotApplicable, match="needs bounded inputs"):
        embed_target(unbounded, full, construction="sequential", layer0="coded")
    with pytest.raises(TheoremNotApplicable, match="affine on no interval"):
        embed_target(network_of(target, activation="tanh"), full, construction="sequential", layer0="coded")
    with pytest.raises(TheoremNotApplicable, match="needs bounded inputs"):
        plan(unbounded, method="sharp", density="1/2", failure_probability="1/10", layer0="coded")
    with pytest.raises(InvalidInput, match="layer0"):
        plan(target, method="exact", density="1/2", failure_probability="1/10", layer0="coded")
    with pytest.raises(InvalidInput, match="layer0"):
        plan(target, method="sharp", density="1/2", failure_probability="1/10", layer0="dense")
    with pytest.raises(InvalidInput, match=r"mask of layer 1: expected shape \(6, 8\)"):
        embed_target(target, [full[0], np.ones((6, 9)), full[2]], construction="sequential", layer0="coded")
    with pytest.raises(InvalidInput, match="construction"):
        embed_target(target, full, construction="greedy")
    last = Affine.from_dense(np.ones((1, 4)))
    grouped = Network((Affine.from_dense(np.ones((4, 2)), groups=2), Activation("relu"), last))
    with pytest.raises(TheoremNotApplicable, match="groups"):
        embed_target(grouped, [np.ones((8, 4)), np.ones((8, 4)), np.ones((1, 8))], construction="matching")
    huge = Network(network.steps, np.tile([-1e308, 1e308], (4, 1)))
    with pytest.raises(InvalidInput, match="domain: expected a box on which combinations"):
        embed_target(huge, full, construction="sequential", layer0="coded")


# ---- in rational numbers


@pytest.mark.parametrize("seed", range(6))
def test_rational_rows_solve_their_equations_exactly(seed):
    target = drawn_target("5-4-2", seed, integers=True)
    embedding = embed_target(
        target, drawn_masks((24, 24, 2), 5, "1/2", seed), construction="sequential", layer0="coded"
    )
    bottom = embedding.source.affine[0]
    rows = rational_rows(embedding)
    assert [row.neuron for row in rows] == np.flatnonzero(embedding.owners[1] >= 0).tolist()
    for row in rows:
        units = list(row.weights)
        assert embedding.masks[1].contains(np.full(len(units), row.neuron), np.array(units)).all()
        kind = embedding.owners[1][row.neuron]
        for i, wanted in enumerate(target.weights[0][kind].tolist()):
            terms = (value * Fraction(bottom.weight.toarray()[unit, i]) for unit, value in row.weights.items())
            assert sum(terms, start=Fraction(0)) == Fraction(wanted)
        shift = sum((value * Fraction(bottom.bias[unit]) for unit, value in row.weights.items()), start=Fraction(0))
        assert row.bias + shift == Fraction(target.biases[0][kind])


@pytest.mark.parametrize("seed", range(8))
def test_a_rational_layer_0_is_exact_where_copies_share_their_weights(seed):
    target = drawn_target("12-3-2", seed, integers=True)
    embedding = embed_target(target, drawn_masks((9, 9, 2), 12, "4/5", seed), construction="sequential", layer0="coded")
    with pytest.raises(ConstructionFailed, match="no exact weights with this layer 0"):
        rational_rows(embedding)  # layer 0 was solved for: nine rows do not span twelve inputs
    used = np.flatnonzero(embedding.owners[1] >= 0)
    found = rational_layer0(embedding)
    above = embedding.source.affine[1].weight.toarray()
    assert set(found.biases) == set(used.tolist())
    for row in found.rows:  # on the mask, and never at the kink inside the box
        places = np.array(list(row.weights))
        assert embedding.masks[0].contains(np.full(len(places), row.neuron), places).all()
        ends = [min(value * Fraction(end) for end in target.domain[i].tolist()) for i, value in row.weights.items()]
        assert sum(ends, start=row.bias) >= 0
    for neuron in used.tolist():
        kind = embedding.owners[1][neuron]
        for i, wanted in enumerate(target.weights[0][kind].tolist()):
            terms = (Fraction(above[neuron, row.neuron]) * row.weights.get(i, 0) for row in found.rows)
            assert sum(terms, start=Fraction(0)) == Fraction(wanted)
        shift = sum((Fraction(above[neuron, row.neuron]) * row.bias for row in found.rows), start=Fraction(0))
        assert found.biases[neuron] + shift == Fraction(target.biases[0][kind])


def test_rational_rows_are_for_coded_layers():
    target = drawn_target("2-2-1")
    embedding = embed_target(target, [np.ones((2, 2)), np.ones((2, 2)), np.ones((1, 2))])
    with pytest.raises(InvalidInput, match="coded"):
        rational_rows(embedding)
    with pytest.raises(InvalidInput, match="coded"):
        rational_layer0(embedding)


@given(st.integers(1, 4), st.integers(0, 5), st.integers(0, 10**6))
@settings(max_examples=100)
def test_an_exact_combination_is_found_if_and_only_if_there_is_one(columns, rows, seed):
    random = np.random.default_rng(seed)
    matrix, wanted = random.integers(-1, 2, (rows, columns)), random.integers(-1, 2, columns)
    found = exact_combination([[Fraction(int(x)) for x in row] for row in matrix], [Fraction(int(x)) for x in wanted])
    rank = np.linalg.matrix_rank(matrix) if rows else 0
    reachable = np.linalg.matrix_rank(np.vstack([matrix, wanted])) == rank
    assert (found is not None) == reachable
    if found is not None:
        for i in range(columns):
            assert sum((x * int(row[i]) for x, row in zip(found, matrix, strict=True)), start=Fraction(0)) == wanted[i]


# ---- the solver


@pytest.mark.parametrize("spread", [0, 3, 8])
def test_rows_are_combined_to_what_is_wanted_however_bad_the_condition(spread):
    random = np.random.default_rng(spread)
    matrix = random.normal(size=(14, 10)) @ np.diag(10.0 ** -np.linspace(0, spread, 10)) @ random.normal(size=(10, 10))
    wanted = random.normal(size=(3, 10))
    supports = csr_array(np.ones((3, 14), dtype=bool))
    values, unsolved = combine_rows(csr_array(matrix), supports, wanted, workers=1)
    assert not len(unsolved)
    left = np.abs(values.toarray() @ matrix - wanted)
    assert (left <= 2.0**-43 * (np.abs(values.toarray()) @ np.abs(matrix))).all()


def test_systems_without_a_solution_are_named():
    matrix = csr_array(np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 1.0]]))
    supports = csr_array(np.array([[True, True, True], [True, True, False], [False, False, False]]))
    values, unsolved = combine_rows(matrix, supports, np.array([[1.0, 1.0, 5.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]))
    assert unsolved.tolist() == [1]
    assert (values @ matrix).toarray().round(12).tolist() == [[1.0, 1.0, 5.0], [0.0] * 3, [0.0] * 3]
    _, unsolved = combine_rows(matrix, supports, np.array([[1.0, 2.0, 0.0]] * 3), workers=2)
    assert unsolved.tolist() == [0, 1, 2]


@pytest.mark.parametrize("workers", [None, 1, 2])
def test_of_no_systems_none_is_unsolved(workers):
    matrix, supports = csr_array(np.eye(3)), csr_array((0, 3), dtype=np.bool_)
    values, unsolved = combine_rows(matrix, supports, np.zeros((0, 3)), workers=workers)
    assert (values.shape, values.nnz, unsolved.tolist()) == ((0, 3), 0, [])


@pytest.mark.parametrize("turned", [False, True])
def test_copies_that_read_nothing_keep_their_exact_bias_whichever_neuron_they_copy(turned):
    """A copy without weights is the constant of its own neuron, the first one included, and what copies none is 0."""
    thirds = (Fraction(1, 3), Fraction(2, 7))
    weights = [[0.0, 0.0], [3.0, -1.0]]
    if turned:
        weights, thirds = weights[::-1], thirds[::-1]
    first = Affine.from_dense(weights, [float(third) for third in thirds])
    first = replace(first, bias_exact=thirds)
    owners = np.array([1, -1, 0, 0, 1])
    both = read_mask([[1, 1], [0, 1], [1, 0]]), read_mask(np.ones((5, 3), dtype=int))
    found = combine(both, first, owners, np.array([[0.0, 1.0]] * 2), activation("relu")).first
    constant = int(turned)
    assert found.bias_exact is not None
    for owner, exact, near in zip(owners, found.bias_exact, found.bias, strict=True):
        assert near == float(exact)
        if owner == -1:
            assert exact == 0
        elif owner == constant:
            assert exact == thirds[constant]
        else:
            assert exact == Fraction(near)  # a double that makes up for what layer 0 adds


def test_unmatched_columns_are_those_beyond_the_largest_matching():
    random = np.random.default_rng(2)
    for _ in range(50):
        pattern = random.random((6, 5)) < 0.3
        support = np.flatnonzero(random.random(6) < 0.7)
        left = unmatched(csr_array(pattern)[support])
        graph = csr_array(pattern[support].astype(np.int8))
        largest = 0 if not len(support) else int((maximum_bipartite_matching(graph, perm_type="row") >= 0).sum())
        assert len(left) == 5 - min(largest, 5) if len(support) else len(left) == 5


def test_products_are_exact():
    random = np.random.default_rng(4)
    one, other = random.normal(size=(2, 3)), random.normal(size=(3, 4))
    for row, products in enumerate(products_of(csr_array(one), csr_array(other))):
        for column, value in products.items():
            assert value == sum(Fraction(one[row, k]) * Fraction(other[k, column]) for k in range(3))


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_large_products_are_bounded_as_well_as_small_ones(scale, monkeypatch):
    target = drawn_target("12-6-3")
    given_masks = drawn_masks((48, 40, 3), 12, "1/2", 2)
    exactly = embed_target(target, given_masks, construction="sequential", layer0="coded")
    monkeypatch.setattr("ertheory.builders.sharp.combined._MOST_PRODUCTS", 0)
    roughly = embed_target(target, given_masks, construction="sequential", layer0="coded")
    assert exactly.error_bound < roughly.error_bound < 1000 * exactly.error_bound
    corner = [scale / 3 * (-1) ** k for k in range(12)]
    wanted, found = evaluate(roughly.target, corner), evaluate(roughly.source, corner)
    assert max(abs(one - other) for one, other in zip(wanted, found, strict=True)) <= roughly.error_bound


def test_the_widths_of_a_plan_are_those_of_the_bound():
    target = drawn_target("4-8-3")
    for layer0 in ("coded", "matched", None):
        chosen = plan(target, method="sharp", density="1/2", failure_probability="1/100", layer0=layer0)
        assert chosen.answer.widths == sharp(target, (Fraction(1, 2),) * 3, Fraction(1, 100), layer0=layer0).widths
