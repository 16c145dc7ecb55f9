"""What is said to be allowed is allowed up to its end, and what decides does so at its limit as it is written down."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ertheory.errors import InvalidInput
from ertheory.montecarlo import anytime_interval, decide_failure_rate, sign_stratified, stopping_times
from ertheory.montecarlo.subset_sums.draws import draw_weights
from ertheory.montecarlo.subset_sums.failure_curve import StoppingTimes

LEVEL = Fraction(9, 10)


def decided(failures: int, trials: int, limit: Fraction, **options: int) -> tuple[str, int]:
    """Let so many of the first trials fail; those that come after them do not count where the test has ended."""
    left = iter([*[True] * failures, *[False] * (trials - failures)])
    found = decide_failure_rate(
        lambda batch: np.array([next(left) for _ in range(batch)]),
        limit=limit,
        level=LEVEL,
        most_trials=trials,
        **options,
    )
    return found.verdict, found.trials


@pytest.mark.parametrize("failures", [0, 3, 16])
def test_the_ends_of_an_interval_belong_to_it(failures):
    found = anytime_interval(failures, 16, LEVEL)
    low, high = Fraction(found.low), Fraction(found.high)
    tiny = Fraction(1, 2**80)
    if high < 1:
        assert decided(failures, 16, high) == ("at most", 16)
        assert decided(failures, 16, high - tiny) == ("undecided", 16)
    if low > 0:
        assert decided(failures, 16, low) == ("undecided", 16)
        assert decided(failures, 16, low - tiny) == ("above", 16)
    assert found.meets(found.high, 2)
    assert found.meets(-1, found.low)
    assert not found.meets(found.high + 1e-9, 2)
    assert not found.meets(-1, found.low - 1e-9)


def test_a_verdict_comes_with_the_least_trials_and_not_after_them():
    assert decided(48, 48, Fraction(1, 2)) == ("above", 16)
    assert decided(48, 48, Fraction(1, 2), least_trials=32) == ("above", 32)
    assert decided(48, 48, Fraction(1, 2), least_trials=33) == ("above", 48)


@pytest.mark.parametrize(
    ("ask", "name", "end", "beyond"),
    [
        (lambda value: sign_stratified(value, trials=2), "epsilon", "0.0001", "0.0000999"),
        (lambda value: sign_stratified("0.1", trials=value), "trials", 2, 1),
        (lambda value: stopping_times(value, uniform=True, trials=1), "epsilon", "0.000001", "0.000000999"),
        (lambda value: stopping_times("0.1", z=value, trials=1), "z", 1, "1.000001"),
        (lambda value: stopping_times("0.1", z=value, trials=1), "z", -1, "-1.000001"),
        (lambda value: draw_weights(1, 1, seed=value), "seed", 2**128 - 1, 2**128),
        (lambda value: RUN.failure(value, 1), "n", 10**9, 10**9 + 1),
    ],
    ids=["finest", "two trials", "finest for all", "largest", "smallest", "seed", "weights"],
)
def test_a_range_ends_where_it_is_said_to(ask, name, end, beyond):
    ask(end)
    with pytest.raises(InvalidInput, match=f"^{name}: "):
        ask(beyond)


RUN = StoppingTimes(epsilon=0.1, z=1.0, law="uniform", counts=(0, 5, 90, 5, 0), seed=0)


def test_ten_failures_are_enough():
    """Without a mask the failures that support an answer are those that were counted."""
    for failed, enough in ((10, True), (9, False)):
        run = StoppingTimes(epsilon=0.1, z=1.0, law="uniform", counts=(0, 9_990 - failed + 10, failed, 0), seed=0)
        assert run.trials == 10_000
        if enough:
            assert (run.required(1, "0.002").n, run.required(1, "0.002").failures) == (1, 10)
        else:
            with pytest.raises(InvalidInput, match=r"^trials: "):
                run.required(1, "0.002")
