"""The anytime test against its definition and by simulation; calibrated widths against what they promise.

Seeds are fixed. With a seed of its own each statistical test would fail once in 10^6 runs or less if the code were
right.
"""

from __future__ import annotations

import json
from fractions import Fraction
from math import lgamma, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.stats import binom

from ertheory.builders import plan
from ertheory.builders.sharp.matching_kernel import saturated
from ertheory.builders.sharp.solvable import Problem, lacking
from ertheory.cli import main
from ertheory.errors import InvalidInput
from ertheory.masks import DrawnMask
from ertheory.montecarlo import anytime_interval, binomial_interval, calibrate, decide_failure_rate
from ertheory.networks.readers.targets import write_target
from ertheory.networks.target import Target

HALF, FIFTH = Fraction(1, 2), Fraction(1, 5)


def log_martingale(failures: int, successes: int, theta: float) -> float:
    def log_beta(a: float, b: float) -> float:
        return lgamma(a) + lgamma(b) - lgamma(a + b)

    mixed = log_beta(failures + 0.5, successes + 0.5) - log_beta(0.5, 0.5)
    return mixed - failures * log(theta) - successes * log(1 - theta)


@given(st.integers(0, 300), st.integers(0, 300), st.sampled_from(["0.5", "0.9", "0.999999"]))
def test_the_interval_ends_where_the_martingale_reaches_one_over_alpha(failures, successes, level):
    if failures + successes == 0:
        return
    known = Fraction(level)
    found = anytime_interval(failures, failures + successes, known)
    threshold = -log(1 - known)
    for end, all_of_one in ((found.low, failures == 0), (found.high, successes == 0)):
        if all_of_one:
            assert end in (0, 1)
        else:
            assert log_martingale(failures, successes, end) == pytest.approx(threshold, abs=1e-6)
    assert found.low <= failures / (failures + successes) <= found.high


@pytest.mark.parametrize(("failures", "successes", "theta"), [(0, 5, 0.2), (2, 3, 0.4), (7, 1, 0.9)])
def test_the_martingale_is_the_mixture_of_likelihood_ratios(failures, successes, theta):
    def density(angle: float) -> float:  # the beta law with parameters 1/2 is that of sin^2 of a uniform angle
        x = np.sin(angle) ** 2
        return (x / theta) ** failures * ((1 - x) / (1 - theta)) ** successes / (np.pi / 2)

    mixture, _ = quad(density, 0, np.pi / 2)
    assert log_martingale(failures, successes, theta) == pytest.approx(log(mixture), abs=1e-9)


@given(st.integers(1, 12), st.floats(0.05, 0.95))
def test_the_martingale_has_mean_one(trials, theta):
    mean = sum(
        binom.pmf(failures, trials, theta) * np.exp(log_martingale(failures, trials - failures, theta))
        for failures in range(trials + 1)
    )
    assert mean == pytest.approx(1, abs=1e-9)


@given(st.integers(0, 200), st.integers(1, 200))
def test_looking_at_all_times_costs_width(failures, successes):
    level = Fraction(95, 100)
    always = anytime_interval(failures, failures + successes, level)
    once = binomial_interval(failures, failures + successes, level)
    assert always.high - always.low > 0.9 * (once.high - once.low)


@pytest.mark.parametrize("theta", [0.02, 0.2, 0.5])
def test_the_truth_is_covered_at_all_times_together(theta):
    runs, trials, level = 2_000, 400, Fraction(9, 10)
    random = np.random.default_rng(4)
    counts = (random.random((runs, trials)) < theta).cumsum(axis=1)
    known = {}
    missed = 0
    for row in counts.tolist():
        for done, failures in enumerate(row, start=1):
            key = failures, done
            if key not in known:
                interval = anytime_interval(failures, done, level)
                known[key] = interval.low <= theta <= interval.high
            if not known[key]:
                missed += 1
                break
    # At most a tenth of the runs may ever miss; the chance of a larger count than this is below 10^-6.
    assert missed <= binom.isf(1e-6, runs, 0.1)
    assert missed > 0  # an interval that never misses is too wide


@pytest.mark.parametrize(
    ("theta", "limit", "verdict"),
    [(0.001, "1/20", "at most"), (0.3, "1/20", "above"), (0.049, "1/20", "undecided")],
)
def test_verdicts(theta, limit, verdict):
    random = np.random.default_rng(0)
    seen = []
    found = decide_failure_rate(
        lambda trials: random.random(trials) < theta,
        limit=Fraction(limit),
        level=Fraction(999, 1000),
        progress=seen.append,
    )
    assert found.verdict == verdict
    assert sum(seen) == found.trials <= 800
    assert (found.trials == 800) == (verdict == "undecided")
    assert found.to_dict()["interval"] == [found.interval.low, found.interval.high]


def test_no_verdict_is_given_before_the_least_trials():
    ask = {"limit": HALF, "level": Fraction(9, 10)}
    early = decide_failure_rate(lambda n: np.ones(n, bool), **ask)
    late = decide_failure_rate(lambda n: np.ones(n, bool), **ask, least_trials=60)
    assert (early.trials, late.trials) == (16, 64)
    assert early.verdict == late.verdict == "above"
    assert late.interval.low > early.interval.low
    assert decide_failure_rate(lambda n: np.ones(n, bool), **ask, least_trials=60, most_trials=32).trials == 32


def test_a_test_stops_at_its_last_trial_and_refuses_nonsense():
    found = decide_failure_rate(lambda n: np.zeros(n, bool), limit=HALF, level=FIFTH, most_trials=1)
    assert found.trials == 1
    for options in ({"limit": 0}, {"level": 1}, {"most_trials": 0}):
        with pytest.raises(InvalidInput, match=rf"^{next(iter(options))}: "):
            decide_failure_rate(lambda n: np.zeros(n, bool), **{"limit": HALF, "level": HALF, **options})


@pytest.fixture(scope="module")
def small():
    return calibrate(
        Target.from_text("4-6-3"), sparsity=HALF, failure_probability=FIFTH, resolution="1/12", seed=1, workers=1
    )


def test_calibrated_widths_lie_below_the_proved_ones_and_keep_what_they_promise(small):
    assert small.total < small.proved.total
    assert all(found <= proved for found, proved in zip(small.widths, small.proved.widths, strict=True))
    assert small.test.verdict == "at most"
    assert small.test.interval.high <= FIFTH
    # Other masks agree: of 400, so many would fail once in 10^6 runs if a fifth did.
    started = plan(drawn(Target.from_text("4-6-3")), method="sharp", sparsity=HALF, failure_probability=FIFTH)
    shapes = started.shapes_at(small.widths)
    failed = sum(not started.found_in(masks_of(shapes, seed)) for seed in range(400))
    assert failed < binom.isf(1e-6, 400, 0.2)


def test_what_was_refused_by_a_test_is_not_returned(small):
    refused = [widths for widths, test in small.tests if test.verdict != "at most"]
    assert refused
    assert small.widths not in refused
    assert len({test.interval.level for _, test in small.tests}) == 1
    spent = sum(1 - test.interval.level for _, test in small.tests)
    assert spent <= 1 - float(small.level) + 1e-12


def test_the_numbers_do_not_depend_on_the_workers():
    options = {"density": "1,1,1/2", "failure_probability": "1/4", "resolution": FIFTH, "seed": 3}
    options["method"] = "matching"
    target = Target.from_text("1-3-5")
    assert calibrate(target, workers=1, **options) == calibrate(target, workers=2, **options)


def test_the_masks_alone_say_whether_the_builder_succeeds():
    started = plan(drawn(Target.from_text("5-4-3")), method="sharp", sparsity=HALF, failure_probability=HALF)
    assert started.layer0 == "coded"
    outcomes = []
    for seed in range(80):
        masks = masks_of(started.shapes_at((12, 12, 3)), seed)
        outcomes.append(started.found_in(masks))
        assert outcomes[-1] == built_in(started, masks)
    assert 10 < sum(outcomes) < 70


def built_in(started, masks) -> bool:
    from ertheory.builders import embed_target
    from ertheory.errors import ConstructionFailed

    try:
        embed_target(started.network, masks, construction=started.construction, layer0="coded", workers=1)
    except ConstructionFailed:
        return False
    return True


def masks_of(shapes, seed: int) -> list[DrawnMask]:
    return [DrawnMask(shape, HALF, seed, layer) for layer, shape in enumerate(shapes)]


def drawn(target: Target) -> Target:
    random = np.random.default_rng(0)
    shapes = [(layer.outputs, layer.inputs) for layer in target.layers]
    return Target.from_arrays([random.normal(size=shape) for shape in shapes], domain=[(-1, 1)] * target.inputs)


@pytest.mark.parametrize(
    "options",
    [{"method": "exact"}, {"seed": -1}, {"level": 1}, {"resolution": 0}, {"failure_probability": 0}],
)
def test_bad_arguments_are_refused(options):
    given = {"density": HALF, "failure_probability": HALF, "workers": 1, **options}
    with pytest.raises(InvalidInput, match=rf"^{next(iter(options))}: "):
        calibrate(Target.from_text("2-2-1"), **given)


def test_weights_without_a_box_are_those_of_the_unit_box(tmp_path, capsys):
    write_target(tmp_path / "net.npz", Target.from_arrays([[[1.0], [0.5]], [[1.0, 2.0]]]))
    words = "--density 1,1,0.5 --delta 0.5 --method matching --level 0.1 --workers 1 --json".split()
    assert main(["calibrate", "--target", str(tmp_path / "net.npz"), *words]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["inputs"]["domain"] == [0.0, 1.0]


def test_the_command_prints_a_table_or_one_document(capsys):
    words = (
        "calibrate --target 1-3-5 --density 1,1,1/2 --delta 1/4 --method matching --workers 1 --resolution 1/5".split()
    )
    assert main(words) == 0
    table = " ".join(capsys.readouterr().out.split())
    assert "measured" in table
    assert "all right with probability 0.99" in table
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["command"] == "calibrate"
    assert document["proved"]["method"] == "matching"
    assert document["verdict"] == "at most"
    assert f"{document['total']:,}" in table
    assert main("calibrate --target 1-4-2 --density 1/2 --delta 1/2 --method exact".split()) == 2
    assert "--method" in capsys.readouterr().err


@given(st.data())
def test_many_matchings_at_once_are_those_of_one_by_one(data):
    rows, columns, systems = (data.draw(st.integers(1, 7)) for _ in range(3))

    def pattern(height: int, width: int) -> np.ndarray:
        bits = data.draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
        return np.array(bits, dtype=bool).reshape(height, width)

    lower, upper, wanted = pattern(rows, columns), pattern(systems, rows), pattern(systems, columns)
    problem = Problem(
        rows=np.arange(systems),
        taps=np.zeros(systems, dtype=np.int64),
        kinds=np.arange(systems),
        read=np.arange(columns),
        lower=csr_array(lower),
        upper=csr_array(upper),
        wanted=wanted.astype(float),
    )
    found = saturated(problem.lower.indptr, problem.lower.indices, problem.upper.indptr, problem.upper.indices, wanted)
    assert found.tolist() == [not len(lacking(problem, place)) for place in range(systems)]
    for place in range(systems):
        part = lower[upper[place]]
        reached = part.any(axis=0)
        graph = csr_array(part.astype(np.int8))
        largest = (maximum_bipartite_matching(graph, perm_type="row") >= 0).sum() if part.any() else 0
        assert found[place] == (largest == reached.sum() and not (wanted[place] & ~reached).any())
