"""Calibrated factored sources: below what is proved, never below what is necessary, and as good as they say."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

import ertheory
from ertheory.bounds.factored.necessary import count_ceiling, least_necessary, path_ceiling, rank_ceiling
from ertheory.cli import main
from ertheory.errors import InvalidInput
from ertheory.montecarlo.generic_ranks import calibrate_ranks
from ertheory.networks.layer import Layer
from ertheory.networks.target import Target
from tests import oracles_factored as oracles

ASKED = {"density": "1/2", "failure_probability": "1/2", "resolution": "1/4", "workers": 1}


def test_two_factors_lie_between_what_is_necessary_and_what_is_proved():
    found = calibrate_ranks(Target.from_text("4-3-4"), **ASKED)
    assert found.meaning == "locally generic"
    assert found.widths[1::2] == (3, 4)
    for index, (inputs, outputs) in enumerate(((4, 3), (3, 4))):
        # The test has a probability of error of 1 %: a width below the necessary one at delta + 0.1 is not shown.
        least = least_necessary(
            (path_ceiling, count_ceiling, rank_ceiling), inputs, outputs, (Fraction(1, 2),) * 2, Fraction(6, 10)
        )
        assert least <= found.widths[2 * index] <= found.proved.widths[2 * index]


def test_three_factors_are_what_they_say():
    found = calibrate_ranks(Target.from_text("5-5"), factors=3, **ASKED)
    first, second, _ = found.widths
    assert sum(found.widths) < sum(found.proved.widths)
    assert found.test.verdict == "at most"
    rng = np.random.default_rng(7)
    failures = sum(
        oracles.generic_triple_rank(
            rng.random((first, 5)) < 0.5, rng.random((second, first)) < 0.5, rng.random((5, second)) < 0.5, rng
        )
        < 25
        for _ in range(100)
    )
    # Of 100 draws with failure probability at most 1/2, 70 or more fail with probability 4e-5; the seed is fixed.
    assert failures < 70


def test_workers_do_not_matter_and_bad_input_is_refused(capsys):
    target = Target.from_text("2-2")
    assert calibrate_ranks(target, **ASKED) == calibrate_ranks(target, **{**ASKED, "workers": 2})
    words = ["calibrate", "--target", "2-2", "--method", "factored", "--density", "1/2", "--delta", "1/2"]
    assert main([*words, "--factors", "3", "--workers", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["meaning"], document["inputs"]["factors"]) == ("locally generic", 3)
    assert len(document["widths"]) == len(document["inputs"]["density"]) == 3
    with pytest.raises(InvalidInput, match="factors"):
        calibrate_ranks(target, factors=4, **ASKED)
    with pytest.raises(InvalidInput, match=r"target: expected fully connected layers .*layer 1 of 784-128"):
        calibrate_ranks(Target.from_text("784-128"), **ASKED)
    with pytest.raises(InvalidInput, match="target"):
        calibrate_ranks(Target((Layer(2, 2, (3,)),)), **ASKED)
    with pytest.raises(InvalidInput, match="factors"):
        ertheory.calibrate("3-3", density=0.5, delta=0.25, factors=3)
    with pytest.raises(InvalidInput, match="layer0"):
        ertheory.calibrate("3-3", density=0.5, delta=0.25, method="factored", layer0="coded")
