"""Random subset sums by simulation, against enumeration, against drawn masks, and against themselves.

Seeds are fixed. Every interval has level 1 - 1e-9 on either side that it is compared with: with a seed of its own, a
check of something true would fail twice in a thousand million runs.
"""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from ertheory.errors import InvalidInput
from ertheory.masks.philox import philox_block
from ertheory.montecarlo import (
    StoppingTimes,
    best_errors,
    binomial_interval,
    draw_weights,
    sign_stratified,
    simulate_subset_sum,
    stopping_times,
    stopping_times_at,
)
from ertheory.montecarlo.subset_sums.draws import LAWS, stream_key
from ertheory.montecarlo.subset_sums.mixture import live_probabilities, mix
from ertheory.montecarlo.subset_sums.spread import spread

LEVEL = 1 - Fraction(1, 10**9)

# Smallest n at success 0.9 and 0.99 for p = .1, .2, .5, .8, .95, 1, from an independent program with 200,000 to 400,000
# trials; rows are epsilon, first for z = 1 and then for all of [-1, 1].
DENSITIES = ("0.1", "0.2", "0.5", "0.8", "0.95", "1")
TABLE = {
    ("0.1", False): ((101, 166), (50, 82), (19, 31), (12, 18), (10, 15), (9, 14)),
    ("0.03", False): ((117, 179), (58, 88), (22, 33), (13, 20), (11, 16), (10, 15)),
    ("0.01", False): ((132, 194), (65, 95), (25, 36), (15, 21), (12, 17), (11, 16)),
    ("0.003", False): ((151, 212), (74, 104), (29, 39), (17, 23), (14, 19), (13, 17)),
    ("0.001", False): ((168, 229), (83, 112), (32, 42), (19, 25), (15, 20), (14, 19)),
    ("0.1", True): ((126, 187), (62, 92), (24, 35), (14, 20), (12, 17), (11, 16)),
    ("0.03", True): ((149, 209), (74, 102), (28, 39), (17, 23), (14, 18), (13, 17)),
    ("0.01", True): ((170, 230), (84, 113), (32, 42), (19, 25), (15, 20), (14, 19)),
    ("0.003", True): ((193, 253), (95, 124), (37, 47), (22, 27), (18, 22), (16, 20)),
    ("0.001", True): ((214, 275), (106, 135), (41, 51), (24, 29), (19, 24), (18, 22)),
}


def sums_of(weights):
    sums = np.zeros(1)
    for weight in weights:
        sums = np.concatenate([sums, sums + weight])
    return np.sort(sums)


def covered(sums, epsilon, z):
    """Whether z, or all of [-1, 1], is within epsilon of the sums, which are sorted."""
    if z is not None:
        return np.abs(sums - z).min() <= epsilon
    reach = -1.0  # everything from -1 up to here is near a sum
    for point in sums:
        if point - epsilon > reach:
            return False
        reach = max(reach, point + epsilon)
        if reach >= 1:
            return True
    return False


def times_by_enumeration(weights, epsilon, z, most):
    return [next((k for k in range(most + 1) if covered(sums_of(row[:k]), epsilon, z)), most + 1) for row in weights]


def counts_up_to(run, most):
    return [*run.counts[: most + 1], sum(run.counts[most + 1 :])]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("target", [1, Fraction(-1, 3), None])
@settings(max_examples=15, deadline=None)
@given(epsilon=st.floats(0.006, 0.5), seed=st.integers(0, 2**128 - 1))
def test_union_against_all_subsets(law, target, epsilon, seed):
    z = {"uniform": True} if target is None else {"z": target}
    run = stopping_times(epsilon, law=law, trials=8, seed=seed, **z)
    goal = None if target is None else float(target)
    found = times_by_enumeration(draw_weights(8, 13, law=law, seed=seed), epsilon, goal, 13)
    assert counts_up_to(run, 13) == np.bincount(found, minlength=15).tolist()


@pytest.mark.parametrize("law", LAWS)
def test_both_kernels_see_the_same_trials(law):
    for epsilon in ("0.1", "0.01", "0.006"):
        union = stopping_times(epsilon, z="1/2", law=law, trials=2_000, seed=5)
        meeting = stopping_times_at([epsilon], z="1/2", law=law, trials=2_000, seed=5)[0]
        assert counts_up_to(union, 44) == list(meeting.counts)


def test_several_tolerances_are_the_single_ones_in_any_order():
    epsilons = ["1e-4", "1e-2", "1e-3", "1e-2"]
    together = stopping_times_at(epsilons, trials=500, seed=2)
    assert [run.epsilon for run in together] == [1e-4, 1e-2, 1e-3, 1e-2]
    assert together == tuple(stopping_times_at([epsilon], trials=500, seed=2)[0] for epsilon in epsilons)


def test_small_tolerances_go_through_the_middle():
    assert stopping_times("0.001", trials=300, seed=1) == stopping_times_at(["0.001"], trials=300, seed=1)[0]


@pytest.mark.parametrize("arguments", [{"epsilon": "0.02"}, {"epsilon": "0.02", "uniform": True}, {"epsilon": "1e-4"}])
def test_workers_and_pieces_do_not_change_the_numbers(arguments):
    whole = stopping_times(trials=5_000, seed=7, workers=1, **arguments)
    assert stopping_times(trials=5_000, seed=7, workers=2, **arguments) == whole
    pieces = [
        stopping_times(trials=trials, first=first, seed=7, **arguments)
        for first, trials in ((0, 1_700), (1_700, 3_300))
    ]
    assert pieces[0].joined(pieces[1]) == whole
    assert stopping_times(trials=5_000, seed=8, **arguments) != whole


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_a_surrounding_back_end_is_used_and_does_not_change_the_numbers(backend):
    alone = stopping_times("0.02", trials=9_000, seed=7)
    told = []
    with joblib.parallel_config(backend=backend, n_jobs=-1):
        assert stopping_times("0.02", trials=9_000, seed=7, progress=told.append) == alone
    assert told[-1] == 9_000


def test_an_existing_cluster_is_used_and_does_not_change_the_numbers():
    distributed = pytest.importorskip("distributed", reason="needs the extra 'cluster'")
    questions = (
        lambda: stopping_times("0.02", trials=9_000, seed=7),
        lambda: stopping_times_at(["1e-3", "1e-4"], trials=3_000, seed=7),
        lambda: sign_stratified("0.02", trials=2_000, seed=7).needed.tolist(),
        lambda: simulate_subset_sum("1/2", "0.1", "0.1", trials=9_000, seed=7),
    )
    alone = [question() for question in questions]
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    options |= {"protocol": "tcp", "host": "127.0.0.1"}  # any other host would be looked for outside
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        with joblib.parallel_config(backend="dask"):
            assert [question() for question in questions] == alone
        done = client.run(lambda dask_worker: dask_worker.state.executed_count)
    assert sum(done.values()) > 0


def test_progress_ends_with_all_trials():
    told = []
    stopping_times("0.1", trials=9_000, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 9_000
    assert len(told) > 1


def test_spread_refuses_no_workers():
    with pytest.raises(InvalidInput, match="workers"):
        list(spread(lambda first, trials: np.zeros(trials, dtype=np.int64), 0, 1, size=1, workers=0))


def test_weights_come_from_the_stated_words():
    key = stream_key(11)
    for law in LAWS:
        found = draw_weights(3, 10, first=2**40, law=law, seed=11)
        for trial in range(3):
            for place in range(10):
                counter = np.array([place // 4, 2**40 + trial, 0, 0], dtype=np.uint64)
                cell = int(philox_block(counter, key)[place % 4]) >> 11
                weight = Fraction(2 * cell + 1, 2**53) - 1
                counter[2] = 1
                factor = Fraction(2 * (int(philox_block(counter, key)[place % 4]) >> 12) + 1, 2**53)
                if law == "uniform":
                    assert Fraction(found[trial, place]) == weight
                else:
                    assert found[trial, place] == float(weight) * float(factor)


@pytest.mark.parametrize(("law", "variance"), [("uniform", 1 / 3), ("product", 1 / 9)])
def test_weights_have_the_moments_of_their_law(law, variance):
    # 400,000 weights, 6.1 standard errors: 1e-9 each.
    weights = draw_weights(50_000, 8, law=law, seed=3).ravel()
    squares = weights**2
    assert abs(weights.mean()) < 6.1 * np.sqrt(variance / weights.size)
    assert abs(squares.mean() - variance) < 6.1 * squares.std() / np.sqrt(weights.size)


@pytest.mark.parametrize("number", [0, 1, 5, 64, 65, 700])
@pytest.mark.parametrize("density", [0.05, 0.5, 1.0])
def test_live_weights_are_binomial(number, density):
    masses = live_probabilities(number, density, 64)
    np.testing.assert_allclose(masses[:-1], binom.pmf(np.arange(65), number, density), rtol=1e-9, atol=1e-300)
    assert masses[-1] == pytest.approx(binom.sf(64, number, density), rel=1e-9, abs=1e-300)
    assert masses.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("law", "n", "density"), [("uniform", 12, "1/2"), ("uniform", 30, "1/5"), ("product", 14, "4/5")]
)
def test_mixture_against_drawn_masks(law, n, density):
    trials = 20_000
    rng = np.random.default_rng(4)
    weights = rng.uniform(-1, 1, (trials, n)) * (rng.uniform(0, 1, (trials, n)) if law == "product" else 1)
    errors = best_errors(weights, z=1, kept=rng.random((trials, n)) < float(Fraction(density)))
    counted = binomial_interval(int(np.count_nonzero(errors > 0.05)), trials, LEVEL)
    estimate = stopping_times("0.05", law=law, trials=50_000, seed=6).failure(n, density, level=LEVEL)
    assert counted.meets(estimate.interval.low, estimate.interval.high)
    assert estimate.interval.high - estimate.interval.low < 0.06


def test_one_weight_is_known():
    # A window of length eps at the end of [-1, 1] (z = 1), of length 2 eps inside, and density 1/2.
    for z, window in ((1, Fraction(1, 10)), ("1/2", Fraction(1, 5))):
        run = stopping_times("0.1", z=z, trials=100_000, seed=9)
        for density in (Fraction(1), Fraction(1, 3)):
            interval = run.failure(1, density, level=LEVEL).interval
            truth = float(1 - density * window / 2)
            assert interval.low <= truth <= interval.high


def test_nothing_to_do():
    assert stopping_times("0.01", z=0, trials=50).counts[0] == 50
    assert stopping_times("0.3", z="0.3", trials=50).counts[0] == 50
    run = stopping_times("0.01", z=0, trials=500)
    assert run.failure(0, "1/2").value == 0
    assert simulate_subset_sum("1/10", "0.01", "0.1", z=0, trials=500).n == 0


def test_full_masks_are_dense():
    run = stopping_times("0.05", trials=5_000, seed=1)
    for n in range(30):
        assert run.failure(n, 1).value == pytest.approx(run.failures[n] / run.trials, abs=1e-12)


def test_failures_fall_with_everything():
    runs = [stopping_times(epsilon, trials=2_000, seed=1) for epsilon in ("0.01", "0.03", "0.1")]
    for finer, coarser in pairwise(runs):
        assert (finer.failures[:45] >= coarser.failures[:45]).all()
    everywhere = stopping_times("0.01", uniform=True, trials=2_000, seed=1)
    assert (everywhere.failures[:45] >= runs[0].failures[:45]).all()
    curve = [runs[0].failure(n, "1/2").value for n in range(60)]
    assert all(after <= before for before, after in pairwise(curve))
    thinner = [runs[0].failure(30, density).value for density in ("0.2", "0.4", "0.6", "0.8", "1")]
    assert all(after <= before for before, after in pairwise(thinner))


def test_band_holds_the_curve_and_widens_with_its_level():
    run = stopping_times("0.02", trials=3_000, seed=1)
    low, high = run.band()
    wide_low, wide_high = run.band(LEVEL)
    share = run.failures / run.trials
    assert (wide_low <= low).all()
    assert (low <= share).all()
    assert (share <= high).all()
    assert (high <= wide_high).all()
    assert mix(live_probabilities(25, 0.5, run.longest), high, high[-1]) >= run.failure(25, "1/2").interval.high - 1e-12


def test_required_is_the_smallest():
    run = stopping_times("0.01", trials=20_000, seed=1)
    for density in ("0.1", "0.5", "1"):
        for delta in (0.1, 0.01):
            found = run.required(density, delta)
            assert found.low <= found.n <= found.high
            assert run.failure(found.n, density).value <= delta < run.failure(found.n - 1, density).value
            assert run.failure(found.high, density).interval.high <= delta
            assert run.failure(found.low - 1, density).interval.low > delta
            assert found.n - 1 < run.crossing(density, delta) <= found.n


def test_what_few_failures_support_is_refused():
    run = stopping_times("0.01", trials=2_000, seed=1)
    assert run.required(1, "0.05").failures >= 10
    with pytest.raises(InvalidInput, match=r"trials: expected 40,000 or so for delta = 0.001 .*, got 2000"):
        run.required(1, "0.001")
    with pytest.raises(InvalidInput, match="trials"):
        simulate_subset_sum("1/2", "0.01", "1e-6", trials=10_000)


def test_given_up_trials_count_as_failures():
    run = StoppingTimes(epsilon=0.1, z=1.0, law="uniform", counts=(0, 60, 30, 10), seed=0)
    assert (run.longest, run.censored) == (2, 10)
    assert run.failure(1_000, 1).value == pytest.approx(0.1)
    assert run.failure(1_000, 1).interval.low == 0  # more weights may well do
    with pytest.raises(InvalidInput, match=r"delta: expected at least 0.1, the part of the trials given up after 2 "):
        run.required("1/2", "0.05")


@pytest.mark.parametrize(("epsilon", "uniform"), TABLE)
def test_table_of_an_independent_program(epsilon, uniform):
    trials = 400_000 if epsilon in {"0.1", "0.03"} else 30_000 if (epsilon, uniform) == ("0.001", True) else 100_000
    run = stopping_times(epsilon, uniform=uniform, trials=trials, seed=12)
    for density, expected in zip(DENSITIES, TABLE[epsilon, uniform], strict=True):
        for delta, theirs in zip(("0.1", "0.01"), expected, strict=True):
            ours = run.required(density, delta, level=LEVEL)
            assert abs(ours.n - theirs) <= 1  # at 1/10 and 1/100 both are rounded, and noise may tip either
            assert ours.low <= theirs + 1
            assert theirs - 1 <= ours.high


def test_simulation_stops_by_itself():
    found = simulate_subset_sum("1/2", "0.02", "0.05", seed=3)
    assert found.interval[1] - found.interval[0] <= 1
    assert found.interval[0] <= found.n <= found.interval[1]
    assert found.trials in {2**power for power in range(12, 23)}
    assert found == simulate_subset_sum("1/2", "0.02", "0.05", seed=3, workers=2)
    counted = stopping_times("0.02", trials=found.trials, seed=3)
    assert counted.required("1/2", "0.05").n == found.n


def test_result_is_json():
    told = []
    found = simulate_subset_sum("0.1", "0.1", "0.1", uniform=True, trials=4_000, progress=told.append)
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["interval"] == [found.interval[0], found.interval[1]]
    assert (content["trials"], content["seed"], content["uniform"], content["z"]) == (4_000, 0, True, None)
    assert content["trials_per_second"] > 0
    assert told[-1] == 4_000
    run = stopping_times("0.1", trials=100)
    assert json.loads(json.dumps(run.to_dict()))["counts"] == list(run.counts)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 11), z=st.fractions(-2, 2, max_denominator=1000))
def test_best_error_against_all_subsets(seed, n, z):
    rng = np.random.default_rng(seed)
    weights, kept = rng.uniform(-1, 1, (5, n)), rng.random((5, n)) < 0.7
    expected = [np.abs(sums_of(row[mask]) - float(z)).min() for row, mask in zip(weights, kept, strict=True)]
    np.testing.assert_allclose(best_errors(weights, z=z, kept=kept), expected, rtol=0, atol=1e-14)


def test_best_error_of_integers_is_exact():
    assert best_errors([[3, 5, -2, 11], [4, 8, 16, 32]], z=9).tolist() == [0, 1]
    assert best_errors(np.zeros((2, 0)), z="-1/4").tolist() == [0.25, 0.25]
    with pytest.raises(InvalidInput, match="kept: expected at most 52"):
        best_errors(np.ones((1, 53)))
    with pytest.raises(InvalidInput, match="weights"):
        best_errors([[np.nan]])
    with pytest.raises(InvalidInput, match="kept"):
        best_errors([[1.0]], kept=[[True, False]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epsilon": 0}, r"epsilon: expected a number in \(0, 1\), got 0"),
        ({"epsilon": "1e-10"}, "epsilon: expected at least 1e-9"),
        ({"epsilon": "1e-7", "uniform": True}, "epsilon: expected at least 0.000001 for all"),
        ({"z": "2.5"}, r"z: expected a number in \[-1, 1\] \(split a larger one into 3 parts, each with epsilon/3"),
        ({"law": "normal"}, "law: expected one of uniform, product"),
        ({"trials": 0}, "trials: expected a whole number from 1"),
        ({"seed": -1}, "seed: expected a whole number"),
        ({"workers": 0}, "workers: expected a whole number of at least 1"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(InvalidInput, match=message):
        stopping_times(**{"epsilon": "0.1", "trials": 10, **change})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, "0.1", "0.1"), "density"),
        (("1.1", "0.1", "0.1"), "density"),
        ((1, 1, "0.1"), "epsilon"),
        ((1, "0.1", 0), "delta"),
    ],
)
def test_bad_questions(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        simulate_subset_sum(*arguments, trials=100)


@pytest.mark.parametrize("trials", [0, 10**9 + 1])
def test_trials_are_refused_before_anything_is_compiled(monkeypatch, trials):
    monkeypatch.setattr("ertheory.montecarlo.subset_sums.simulate.stopping_times", None)
    with pytest.raises(InvalidInput, match="trials: expected a whole number from 1 to 1000000000"):
        simulate_subset_sum("1/2", "0.1", "0.1", trials=trials)


def test_bad_levels_and_numbers():
    with pytest.raises(InvalidInput, match="level"):
        simulate_subset_sum(1, "0.1", "0.1", level=1)
    run = stopping_times("0.1", trials=100)
    with pytest.raises(InvalidInput, match="n: expected a whole number"):
        run.failure(-1, 1)
    with pytest.raises(InvalidInput, match="epsilon"):
        stopping_times_at([], trials=10)
