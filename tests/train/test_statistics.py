"""Means, intervals and paired tests against scipy's, and verdicts on made-up results."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from scipy import stats  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.report import compare, rows_of  # noqa: E402
from ertrain.statistics import mean_of, paired_difference  # noqa: E402

numbers = st.floats(0, 1).map(lambda value: round(value, 4))


@given(values=st.lists(numbers, min_size=2, max_size=8, unique=True), level=st.sampled_from([0.5, 0.95, 0.999]))
def test_intervals_are_those_of_student(values, level):
    mean = mean_of(values, level)
    expected = stats.ttest_1samp(values, 0).confidence_interval(level)
    assert (mean.low, mean.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert mean.count == len(values)


@given(pairs=st.lists(st.tuples(numbers, numbers), min_size=3, max_size=8))
def test_p_values_are_those_of_the_paired_test(pairs):
    first, second = zip(*pairs, strict=True)
    if len({round(one - other, 6) for one, other in pairs}) == 1:
        return
    compared = paired_difference(first, second)
    assert compared.p_value == pytest.approx(stats.ttest_rel(first, second).pvalue, rel=1e-5)


def test_one_run_has_no_interval_and_none_have_no_mean():
    assert (mean_of([0.5]).low, mean_of([0.5]).high, mean_of([0.5]).value) == (None, None, 0.5)
    with pytest.raises(InvalidInput):
        mean_of([])
    with pytest.raises(InvalidInput):
        paired_difference([1.0], [1.0, 2.0])


def results(ratio: str, values: list[float], density: str = "0.1", batch: int = 100) -> list[dict]:
    return [
        {
            **dict.fromkeys(("accuracy_test", "accuracy_test_best", "accuracy_validation"), value),
            **dict.fromkeys(("density_realised", "density_final"), 0.1),
            "recipe": "table1", "model": "vgg16", "width": "1", "method": "fixed", "ratio": ratio, "epochs": 1,
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


def test_only_runs_that_share_all_but_ratio_and_seed_are_compared():
    runs = results("erk", [0.9, 0.91]) + results("balanced", [0.9, 0.92], batch=50)
    assert not compare(runs)
    assert not compare(results("erk", [0.5, 0.6], "0.001") + results("balanced", [0.5, 0.6], "0.001"))
    assert len(rows_of(runs + results("erk", [0.9, 0.91], batch=50))) == 3


def ended(method: str, density: str, final: str, values: list[float], **changes) -> list[dict]:
    """Results of a method from a mask of some density; the fixed mask has no other density at its end."""
    runs = results("erk", values, density)
    for run in runs:
        run["method"] = run["configuration"]["method"] = method
        own = {} if method == "fixed" else {"final_density": final}
        own |= {"drop_share": 0.3, "update_every": 100, "update_until": 0.75} if method == "rigl" else {}
        run["configuration"] |= own | changes
    return runs


@pytest.mark.parametrize("method", ["imp", "str", "edge-popup", "gradual"])
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
    assert (claim.method, claim.against, claim.density_target) == (method, "dense start", "0.3")
    assert claim.difference.mean.count == len(sparse)
    assert not compare(dense + ended(method, "0.3", "0.02", sparse, epochs=7))


@pytest.mark.parametrize(
    ("rewired", "verdict"),
    [
        ([0.95, 0.96, 0.951], "agrees"),
        ([0.922, 0.931, 0.919], "disagrees"),
        ([0.90, 0.99, 0.93], "cannot tell"),
    ],
)
def test_rewiring_is_compared_with_the_fixed_mask_of_its_final_density(rewired, verdict):
    fixed = ended("fixed", "0.02", "0.02", [0.92, 0.93, 0.921]) + ended("fixed", "0.5", "0.5", [0.1, 0.1, 0.1])
    (claim,) = compare(fixed + ended("rigl", "0.5", "0.02", rewired))
    assert (claim.verdict, claim.against, claim.method) == (verdict, "fixed mask", "rigl")
    assert claim.claim == "RiGL at 0.02 inside a mask of density 0.5 improves on the fixed mask"


def test_rows_know_what_a_method_was_asked_for():
    rows = rows_of(
        ended("str", "0.5", "", [0.9]) + ended("str", "0.5", "0.1", [0.8]) + ended("fixed", "0.2", "", [0.7])
    )
    assert [(row.method, row.final_target) for row in rows] == [("fixed", "0.2"), ("str", "0.1"), ("str", None)]
