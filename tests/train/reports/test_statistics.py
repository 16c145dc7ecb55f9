"""Means, intervals and paired tests against scipy's, and verdicts on made-up results."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from scipy import stats  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.reports.claims import paper_accuracy  # noqa: E402
from ertrain.reports.report import compare, rows_of  # noqa: E402
from ertrain.reports.statistics import Mean, mean_of, paired_difference  # noqa: E402

numbers = st.floats(0, 1).map(lambda value: round(value, 4))


@given(values=st.lists(numbers, min_size=2, max_size=8, unique=True), level=st.sampled_from([0.5, 0.95, 0.999]))
def test_intervals_are_those_of_student(values, level):
    mean = mean_of(values, level)
    expected = stats.ttest_1samp(values, 0).confidence_interval(level)
    assert (mean.low, mean.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert mean.count == len(values)


@given(
    pairs=st.lists(st.tuples(numbers, numbers), min_size=3, max_size=8),
    level=st.sampled_from([0.5, 0.95, 0.999]),
)
def test_p_values_and_intervals_are_those_of_the_paired_test(pairs, level):
    first, second = zip(*pairs, strict=True)
    if len({round(one - other, 6) for one, other in pairs}) == 1:
        return
    compared = paired_difference(first, second, level)
    expected = stats.ttest_rel(first, second)
    assert compared.p_value == pytest.approx(expected.pvalue, rel=1e-5)
    interval = expected.confidence_interval(level)
    assert (compared.mean.low, compared.mean.high) == pytest.approx((interval.low, interval.high), abs=1e-9)
    assert (compared.mean.count, compared.mean.level) == (len(pairs), level)


def test_differences_that_are_the_same_but_for_roundings_tell_nothing_of_their_spread():
    first, second = (0.3, 0.6, 0.8), (0.2, 0.5, 0.7)
    assert len({one - other for one, other in zip(first, second, strict=True)}) > 1  # doubles
    compared = paired_difference(first, second)
    assert (compared.mean.value, compared.mean.low, compared.mean.high) == (0.1, 0.1, 0.1)
    assert compared.p_value is None


def test_one_run_has_no_interval_and_none_have_no_mean():
    assert mean_of([0.5], 0.9) == Mean(0.5, None, None, 1, 0.9)
    with pytest.raises(InvalidInput, match=r"^values: "):
        mean_of([])
    for level in (0, 1):
        with pytest.raises(InvalidInput, match=r"^level: "):
            mean_of([0.5], level)
    with pytest.raises(InvalidInput, match=r"^second: "):
        paired_difference([1.0], [1.0, 2.0])


def results(ratio: str, values: list[float], density: str = "0.1", batch: int = 100) -> list[dict]:
    return [
        {
            **dict.fromkeys(("accuracy_test", "accuracy_test_best", "accuracy_validation"), value),
            **dict.fromkeys(("density_realised", "density_final"), 0.1),
            "recipe": "table1", "model": "vgg16", "width": "1", "method": "fixed", "ratio": ratio, "epochs": 1,
            "dead_neurons": 3, "neurons": 40, "without_weights": 2, "without_weights_expected": 2.5,
            "density_target": density, "seed": seed, "flops_train": 1, "flops_dense": 10, "data": {"name": "cifar10"},
            "configuration": {"ratio": ratio, "density": density, "batch": batch, "seed": seed, "hash": f"{seed}"},
        }
        for seed, value in enumerate(values)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("balanced", "verdict"),
    [
        ([0.93, 0.941, 0.935], "agrees"),
        ([0.92, 0.929, 0.92], "agrees"),
        ([0.85, 0.862, 0.853], "disagrees"),
        ([0.85, 0.99, 0.91], "cannot tell"),
        ([0.93], "cannot tell"),
    ],
)
def test_verdicts(balanced, verdict):
    (claim,) = compare(results("erk", [0.92, 0.93, 0.921]) + results("balanced", balanced))
    assert claim.verdict == verdict


def test_runs_are_paired_by_their_seeds():
    erk, balanced = results("erk", [0.50, 0.70, 0.90]), results("balanced", [0.10, 0.69, 0.92])
    (claim,) = compare(erk[:1] + erk[:0:-1] + balanced[1:])  # seeds 0, 2, 1 against 1, 2
    assert claim.difference.mean.count == 2
    assert claim.difference.mean.value == pytest.approx((0.69 - 0.70 + 0.92 - 0.90) / 2)
    assert not compare(erk[:1] + balanced[1:])


# Differences of accuracies with the mean in points, and an interval of 0.4 points to each side (95 %, n = 3).
@pytest.mark.parametrize(
    ("rule", "points", "verdict"),
    [
        ("matches", -0.8, "cannot tell"),  # worse, but perhaps by less than a point, and perhaps by more
        ("matches", -1.2, "disagrees"),
        ("matches", -0.5, "agrees"),
        ("costs little", -1.8, "cannot tell"),
        ("costs little", -2.2, "disagrees"),
        ("costs little", -1.5, "agrees"),
        ("degrades", -0.8, "cannot tell"),
        ("degrades", -1.2, "agrees"),
        ("degrades", -0.5, "disagrees"),
        ("improves", 0.5, "agrees"),
        ("improves", 0.2, "cannot tell"),
        ("improves", -0.5, "disagrees"),
    ],
)
def test_rules_say_what_they_are_written_down_as(rule, points, verdict):
    spread = 0.4 / (stats.t.ppf(0.975, 2) / 3**0.5)  # of the differences: -s, 0, s have the standard deviation s
    differences = [(points + step * spread) / 100 for step in (-1, 0, 1)]
    first = [0.7 + one for one in differences]
    first_density, second_density, names = {
        "matches": ("0.1", "0.1", ("balanced", "erk")),
        "degrades": ("0.005", "0.01", ("erk", "erk")),
    }.get(rule, ("", "", ("", "")))
    if rule in ("matches", "degrades"):
        (claim,) = compare(results(names[1], [0.7] * 3, second_density) + results(names[0], first, first_density))
    elif rule == "costs little":
        (claim,) = compare(ended("imp", "1", "0.02", [0.7] * 3) + ended("imp", "0.1", "0.02", first))
    else:
        (claim,) = compare(ended("fixed", "0.02", "0.02", [0.7] * 3) + ended("rigl", "0.5", "0.02", first))
    assert claim.rule == rule
    assert claim.difference.mean.high - claim.difference.mean.low == pytest.approx(0.008)
    assert claim.verdict == verdict


def test_a_claim_explains_its_interval_and_its_verdict():
    (claim,) = compare(results("erk", [0.92, 0.93, 0.921]) + results("balanced", [0.94, 0.94, 0.95]))
    expected = stats.ttest_1samp([2.0, 1.0, 2.9], 0)
    low, high = expected.confidence_interval(0.95)
    lines = [line.strip() for line in claim.explain().splitlines()]
    assert f"n = 3: d = {5.9 / 3:+.4f}" in lines
    spread = np.std([2.0, 1.0, 2.9], ddof=1) / 3**0.5
    assert f"t = 4.3027, s/sqrt(n) = {spread:.4f}: {low:+.4f} to {high:+.4f}" in lines
    assert f"p = {expected.pvalue:.4g}, of d = 0" in lines
    assert lines[-1].startswith(f"{claim.verdict}, by '{claim.rule}': agrees: all of the interval above")
    (alone,) = compare(results("erk", [0.92]) + results("balanced", [0.94]))
    assert "one pair alone has no interval" in alone.explain()


def test_ratios_are_compared_at_sparsity_99_too():
    for density, compared in (("0.01", True), ("0.009", False)):
        claims = compare(results("erk", [0.9, 0.91], density) + results("pyramidal", [0.9, 0.92], density))
        assert [claim.density_target for claim in claims if claim.ratio == "pyramidal"] == [density] * compared


@pytest.mark.parametrize(("masked", "verdict"), [([0.93, 0.941, 0.935], "agrees"), ([0.8, 0.81, 0.79], "disagrees")])
def test_fixed_masks_are_compared_with_the_dense_network(masked, verdict):
    runs = results("erk", [0.92, 0.93, 0.921], "1") + results("erk", masked, "0.1")
    (claim,) = compare(runs + results("erk", masked, "0.2", batch=50))
    assert (claim.verdict, claim.against, claim.density_target) == (verdict, "dense network", "0.1")


def test_only_runs_that_share_all_but_ratio_and_seed_are_compared():
    runs = results("erk", [0.9, 0.91]) + results("balanced", [0.9, 0.92], batch=50)
    assert not compare(runs)
    sparser = results("erk", [0.5, 0.6], "0.001") + results("balanced", [0.5, 0.6], "0.001")
    assert not compare(sparser)
    claims = compare(sparser + results("erk", [0.7, 0.81], "0.01") + results("erk", [0.7, 0.8], "0.01", batch=50))
    assert [(claim.ratio, claim.density_target, claim.against) for claim in claims] == [
        ("erk", "0.001", "density 0.01")
    ]
    assert len(rows_of(runs + results("erk", [0.9, 0.91], batch=50))) == 3


def test_masks_are_compared_with_the_dense_network_of_which_the_paper_says_nothing():
    (claim,) = compare(results("erk", [0.92, 0.93, 0.921], "1") + results("erk", [0.91, 0.925, 0.92], "0.1"))
    said = (claim.claim, claim.paper, claim.against, claim.rule)
    assert said == ("a erk mask of density 0.1 matches the dense network", None, "dense network", "matches")


@pytest.mark.parametrize(
    ("sparser", "verdict"),
    [
        ([0.6, 0.61, 0.59], "agrees"),
        ([0.921, 0.931, 0.92], "disagrees"),
        ([0.90, 0.92, 0.915], "cannot tell"),
        ([0.82, 0.83, 0.821], "cannot tell"),  # the same difference three times tells nothing of its spread
    ],
)
def test_beyond_sparsity_99_everything_degrades(sparser, verdict):
    (claim,) = compare(results("erk", [0.92, 0.93, 0.921], "0.01") + results("erk", sparser, "0.005"))
    assert (claim.verdict, claim.rule, claim.claim) == (
        verdict,
        "degrades",
        "erk is worse at density 0.005 than at 0.01",
    )
    assert "Beyond sparsity 0.99 everything degrades" in claim.paper


def test_ratios_that_come_to_the_same_network_match():
    (claim,) = compare(results("erk", [0.92, 0.93, 0.921]) + results("balanced", [0.92, 0.93, 0.921]))
    assert (claim.difference.p_value, claim.verdict) == (None, "agrees")


@pytest.mark.parametrize(("values", "verdict"), [([0.945, 0.946, 0.947], "agrees"), ([0.9, 0.905, 0.9], "disagrees")])
def test_numbers_in_captions_stand_beside_dense_starts_like_theirs(values, verdict):
    runs = [run | {"model": "resnet18"} for run in ended("str", "1", "0.1", values)]
    (claim,) = compare(runs)
    assert (claim.verdict, claim.against) == (verdict, "94.66 %")
    assert claim.difference.mean.value == pytest.approx(sum(values) / 3 - 0.9466)
    (row,) = rows_of(runs)
    assert row.accuracy_paper == 0.9466
    others = (
        [run | {"width": "1/2"} for run in runs]
        + [run | {"data": {"name": "digits"}} for run in runs]
        + ended("str", "1", "0.1", values)
        + [run | {"model": "resnet18"} for run in ended("str", "1", "0.2", values) + ended("imp", "0.5", "0.1", values)]
    )
    assert not compare(others)
    assert {row.accuracy_paper for row in rows_of(others)} == {None}


def test_numbers_of_the_captions():
    printed = {
        ("str", "0.1"): 0.9466, ("str", "0.007"): 0.9095, ("imp", "0.1"): 0.9338, ("imp", "0.01"): 0.9139,
        ("edge-popup", "0.1"): 0.8786,
    }  # fmt: skip
    for method in ("str", "imp", "edge-popup", "gradual"):
        for final in ("0.1", "0.05", "0.01", "0.007"):
            (run,) = ended(method, "1", final, [0.9])
            assert paper_accuracy(run | {"model": "resnet18"}) == printed.get((method, final))


def ended(method: str, density: str, final: str, values: list[float], **changes) -> list[dict]:
    """Results of a method from a mask of some density; the fixed mask has no other density at its end."""
    runs = results("erk", values, density)
    for run in runs:
        run["method"] = run["configuration"]["method"] = method
        own = {} if method == "fixed" else {"final_density": final}
        own |= {"drop_share": 0.3, "update_every": 100, "update_until": 0.75} if method == "rigl" else {}
        run["configuration"] |= own | changes
    return runs


@pytest.mark.parametrize("method", ["imp", "str", "edge-popup", "gradual", "rigl", "set"])
@pytest.mark.parametrize(
    ("sparse", "verdict"),
    [
        ([0.919, 0.931, 0.92], "agrees"),
        ([0.80, 0.812, 0.803], "disagrees"),
        ([0.85, 0.99, 0.91], "cannot tell"),
        ([0.93], "cannot tell"),
    ],
)
def test_starts_are_compared_with_the_dense_one(method, sparse, verdict):
    dense = ended(method, "1", "0.02", [0.92, 0.93, 0.921])
    others = ended(method, "1", "0.1", [0.1, 0.1, 0.1]) + ended("fixed", "0.3", "0.3", [0.1, 0.1, 0.1])
    (claim,) = compare(dense + others + ended(method, "0.3", "0.02", sparse))
    assert claim.verdict == verdict
    assert claim.claim == f"{method} from a random mask of density 0.3 to 0.02 matches the dense start"
    assert (claim.paper is not None) == (method in ("imp", "str"))
    assert (claim.method, claim.against, claim.density_target) == (method, "dense start", "0.3")
    assert claim.difference.mean.count == len(sparse)
    assert not compare(dense + ended(method, "0.3", "0.02", sparse, epochs=7))


@pytest.mark.parametrize(
    ("method", "start", "final", "words"),
    [
        ("imp", "0.1", "0.02", "up to 0.9 costs little"),
        ("str", "0.2", "0.1", "up to 0.9 costs little"),
        ("edge-popup", "0.2", "0.1", "stays competitive"),
        ("edge-popup", "0.2", "0.05", None),
        ("edge-popup", "0.15", "0.1", None),
        ("imp", "0.05", "0.02", None),
        ("gradual", "0.5", "0.1", None),
    ],
)
def test_what_the_paper_says_depends_on_start_and_end(method, start, final, words):
    runs = ended(method, "1", final, [0.92, 0.93, 0.921]) + ended(method, start, final, [0.905, 0.916, 0.906])
    (claim,) = compare(runs)
    assert claim.rule == ("matches" if words is None else "costs little")
    assert claim.verdict == ("disagrees" if words is None else "agrees")
    assert claim.paper is None if words is None else words in claim.paper


@pytest.mark.parametrize(
    ("rewired", "verdict"),
    [
        ([0.95, 0.962, 0.951], "agrees"),
        ([0.915, 0.926, 0.915], "disagrees"),
        ([0.922, 0.931, 0.919], "cannot tell"),
        ([0.90, 0.99, 0.93], "cannot tell"),
    ],
)
def test_rewiring_is_compared_with_the_fixed_mask_of_its_final_density(rewired, verdict):
    fixed = ended("fixed", "0.02", "0.02", [0.92, 0.93, 0.921]) + ended("fixed", "0.5", "0.5", [0.1, 0.1, 0.1])
    (claim,) = compare(fixed + ended("rigl", "0.5", "0.02", rewired))
    assert (claim.verdict, claim.against, claim.method) == (verdict, "fixed mask", "rigl")
    assert claim.claim == "RiGL at 0.02 inside a mask of density 0.5 improves on the fixed mask"


def test_a_row_has_the_means_of_its_runs_each_under_its_own_name():
    """Every number of every run is another one, so that no two names can be taken for one another."""
    runs = results("erk", [0.5, 0.7, 0.6])
    means = (
        "accuracy_test", "accuracy_test_best", "accuracy_validation", "density_realised", "density_final",
        "dead_neurons", "without_weights", "without_weights_expected",
    )  # fmt: skip
    for number, run in enumerate(runs):
        run |= {name: 10 * place + number**2 for place, name in enumerate(means, start=1)}
        run |= {"flops_train": 100 + 7 * number, "flops_dense": 1000 + number, "diverged": number == 2}
        run |= {"neurons": 77, "epochs": 9}
    (row,) = rows_of([*runs[::-1], {**runs[0], "accuracy_test": 99}])  # a seed counts once
    for place, name in enumerate(means, start=1):
        found = getattr(row, name)
        assert getattr(found, "value", found) == pytest.approx(10 * place + 5 / 3), name
    interval = stats.ttest_1samp([10, 11, 14], 0).confidence_interval(0.95)
    assert (row.accuracy_test.low, row.accuracy_test.high) == pytest.approx((interval.low, interval.high))
    assert (row.accuracy_test.count, row.accuracy_test.level) == (3, 0.95)
    assert (row.density_low, row.density_high) == (40, 44)
    assert row.flops_ratio == pytest.approx((100 + 107 + 114) / (1000 + 1001 + 1002))
    assert (row.seeds, row.diverged, row.neurons, row.epochs) == ((0, 1, 2), 1, 77, 9)
    assert (row.recipe, row.data, row.model, row.width, row.method, row.ratio, row.density_target) == (
        "table1", "cifar10", "vgg16", "1", "fixed", "erk", "0.1",
    )  # fmt: skip
    runs[1]["dead_neurons"] = None
    (row,) = rows_of(runs)
    assert (row.dead_neurons, row.without_weights) == (None, pytest.approx(70 + 5 / 3))


def test_rows_come_by_data_network_method_and_densities_the_densest_first():
    runs = results("erk", [0.5], "0.05") + results("balanced", [0.5], "0.2") + results("erk", [0.5], "0.2")
    runs += ended("rigl", "0.5", "0.1", [0.5]) + ended("rigl", "1", "0.1", [0.5]) + ended("rigl", "1", "0.2", [0.5])
    for data, model in (("cifar10", "resnet18"), ("cifar100", "a")):
        (run,) = results("erk", [0.5])
        run["configuration"] |= {"data": data, "model": model}
        runs.append(run | {"data": {"name": data}, "model": model})
    rows = [(row.data, row.model, row.method, row.final_target, row.density_target, row.ratio) for row in rows_of(runs)]
    assert rows == [
        ("cifar10", "resnet18", "fixed", "0.1", "0.1", "erk"),
        ("cifar10", "vgg16", "fixed", "0.2", "0.2", "balanced"),
        ("cifar10", "vgg16", "fixed", "0.2", "0.2", "erk"),
        ("cifar10", "vgg16", "fixed", "0.05", "0.05", "erk"),
        ("cifar10", "vgg16", "rigl", "0.2", "1", "erk"),
        ("cifar10", "vgg16", "rigl", "0.1", "1", "erk"),
        ("cifar10", "vgg16", "rigl", "0.1", "0.5", "erk"),
        ("cifar100", "a", "fixed", "0.1", "0.1", "erk"),
    ]


def test_rows_know_what_a_method_was_asked_for():
    rows = rows_of(
        ended("str", "0.5", "", [0.9]) + ended("str", "0.5", "0.1", [0.8]) + ended("fixed", "0.2", "", [0.7])
    )
    assert [(row.method, row.final_target) for row in rows] == [("fixed", "0.2"), ("str", "0.1"), ("str", None)]


def arms(values: list[float], density: str, rate: float, *, width: str = "1", **factored) -> list[dict]:
    runs = results("uniform", values, density)
    for run in runs:
        run["width"] = width
        run["configuration"] |= {"learning_rate": rate, "optimiser": "sgd", "width": width, **factored}
    return runs


def test_factored_networks_are_compared_with_the_dense_one_in_them_and_with_plain_masks():
    dense, same = arms([0.92, 0.93, 0.921], "1", 0.1), arms([0.87, 0.88, 0.872], "0.1", 0.2)
    wide = arms([0.90, 0.912, 0.90], "0.1", 0.05, width="7/2")
    pair = arms([0.919, 0.931, 0.92], "0.1", 0.02, factored=2, outer="trained", failure_probability="1/1000")
    claims = [claim for claim in compare(dense + same + wide + pair) if "factors" in claim.claim]
    assert {(claim.against, claim.rule, claim.verdict) for claim in claims} == {
        ("dense network", "matches", "agrees"),
        ("mask of its width", "improves", "agrees"),
        ("mask of width 7/2", "improves", "agrees"),
    }
    assert all(claim.claim.startswith("a network of 2 factors at density 0.1 ") for claim in claims)
    settings = {row.settings for row in rows_of(same + pair)}
    assert settings == {"learning_rate=0.2", "factored=2 failure_probability=1/1000 learning_rate=0.02 outer=trained"}
    # Neither other densities nor other training; a dense network of another width is not the one in it.
    others = arms([0.9, 0.9], "0.2", 0.2) + arms([0.9, 0.9], "1", 0.2, width="2") + results("uniform", [0.9], "0.1", 50)
    assert not [claim for claim in compare(others + pair) if "factors" in claim.claim]
