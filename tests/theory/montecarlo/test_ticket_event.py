"""``verify theorem-2.5``: tickets at the proved widths, and that narrower sources would contradict the bound.

Seeds are fixed; the level of the intervals is 1 - 1e-9.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ertheory.bounds import ticket_widths
from ertheory.montecarlo import binomial_interval, verify
from ertheory.montecarlo.events import tickets
from ertheory.montecarlo.events.sampling import count_occurrences
from ertheory.montecarlo.events.tickets import ticket_event
from ertheory.montecarlo.statements.catalogue import case_of
from ertheory.networks.target import Target

LEVEL = 1 - Fraction(1, 10**9)


def test_tickets_are_found_at_the_proved_widths():
    checked = verify("theorem-2.5", trials=40, seed=7, level="0.999")
    assert checked.agrees
    assert checked.predicted == (0.75, 1.0)
    assert checked.predicted_kind == "bounds"
    assert checked.successes == 40
    case = case_of("theorem-2.5")
    target, densities = case.target, case.densities
    answer = ticket_widths(target, density=densities, epsilon="1/5", failure_probability="1/4")
    assert case.widths == checked.widths == answer.widths
    assert (answer.kind, answer.mode) == ("sufficient", "rigorous")


def test_the_checker_agrees_where_it_is_asked():
    assert verify("theorem-2.5", trials=3, seed=1, build=True).successes == 3


@pytest.mark.parametrize(("check", "found"), [(False, True), (True, False)])
def test_a_ticket_that_is_farther_off_than_epsilon_is_found_out_by_the_checker_alone(check, found, monkeypatch):
    built = tickets.build_ticket
    monkeypatch.setattr(tickets, "build_ticket", lambda target, **given: built(target, **given | {"epsilon": "1/10"}))
    target = Target.from_arrays([[[0.5]]], domain=[(0, 1)])
    event = ticket_event(target, (60, 1), [Fraction(1)] * 2, Fraction(1, 10**12), check=check)
    assert event.occurs(np.random.default_rng(0), 2).tolist() == [found] * 2


def test_narrow_sources_would_contradict_the_bound():
    case = case_of("theorem-2.5")
    event = ticket_event(case.target, (30, 12, 1), case.densities, Fraction(1, 5))
    interval = binomial_interval(count_occurrences(event, 150, 3), 150, LEVEL)
    assert interval.high < 0.75


def test_a_seed_gives_one_result():
    case = case_of("theorem-2.5")
    event = ticket_event(case.target, (60, 30, 1), case.densities, Fraction(1, 5))
    found = [event.occurs(np.random.default_rng(5), 20).tolist() for _ in range(2)]
    assert found[0] == found[1]
    assert len(set(found[0])) == 2
