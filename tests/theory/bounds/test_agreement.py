"""Statements do not contradict each other over random cases: the functions of the script, on fewer cases."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from benchmarks import agreement
from ertheory.bounds.necessary.coupled import coupled
from ertheory.bounds.sharp.law import Design
from ertheory.bounds.sharp.widths import matching, sharp
from ertheory.networks.target import Target

HALF = Fraction(1, 2)
CASE = agreement.Case(Target.from_text("9-4-2"), (HALF,) * 3, Fraction(1, 20))


QUICK = [case for case in agreement.cases(16, seed=5) if min(case.densities) >= Fraction(1, 10)]  # sparser: seconds


@pytest.mark.parametrize("case", QUICK, ids=str)
def test_nothing_contradicts(case):
    assert list(agreement.contradictions(case)) == []


def test_cases_are_of_every_kind():
    drawn = list(agreement.cases(200, seed=5))
    assert {case.target.depth for case in drawn} == {2, 3}
    assert {case.target.weights is None for case in drawn} == {True, False}
    assert any(len(set(case.densities)) == 1 for case in drawn)
    assert {density for case in drawn for density in case.densities} == set(agreement.DENSITIES)


def test_contradictions_are_seen(monkeypatch):
    found = agreement.answers(CASE)
    assert {"sharp", "sequential", "drop"} <= set(found)

    def with_one(**changed):
        monkeypatch.setattr(agreement, "answers", lambda case: {**found, **changed})
        return list(agreement.contradictions(CASE))

    assert with_one() == []
    small = replace(found["drop"], widths=(1, 4, 2))
    assert any("sharp" in text and "drop" in text for text in with_one(drop=small))
    least = found["first-moment"]
    necessary = replace(least, widths=(None, 10**6, 2), holds_up_to=(None,) * len(least.holds_up_to))
    assert sum("necessary degree" in text for text in with_one(degree=necessary)) >= 3
    assert not any("degree" in text for text in with_one(degree=replace(necessary, holds_up_to=(0, None))))


def test_widths_that_are_not_granted_are_seen():
    enough = {name: agreement.answers(CASE)[name] for name in ("exact", "drop", "sharp")}
    assert list(agreement.not_granted(CASE, enough)) == []
    assert enough["sharp"].layer0 == "coded"
    for name, answer in enough.items():
        narrower = replace(answer, widths=(*answer.widths[:-2], answer.widths[-2] // 2, answer.widths[-1]))
        (text,) = agreement.not_granted(CASE, {name: narrower})
        assert f"{name} {narrower.widths} is enough, and granted 0." in text


def test_a_bound_that_moves_the_wrong_way_is_seen(monkeypatch):
    design = sharp(Target.from_text("9-4-2"), (HALF,) * 3, Fraction(1, 20)).design
    assert list(agreement.wrong_ways(design)) == []
    honest = Design.failure
    least = design.first_width

    def wrong(self):
        return (Fraction(0), Fraction(0)) if self.first_width < least else honest(self)

    monkeypatch.setattr(Design, "failure", wrong)
    narrower = replace(design, first_width=least - 1)
    assert [text.split(":")[0] for text in agreement.wrong_ways(narrower)] == [
        "more neurons in layer 0 fail more often"
    ]


def test_widths_that_grow_where_the_question_is_easier_are_seen(monkeypatch):
    found = agreement.answers(CASE)
    assert list(agreement.not_monotone(CASE, found)) == []
    for what in ("delta", "density"):
        case = replace(CASE, easier=what)
        wider = replace(found["sequential"], widths=(10**6, 10**6, 2))
        monkeypatch.setattr(agreement, "answers", lambda _, wider=wider: {"sequential": wider})
        assert [text.split(":")[1] for text in agreement.not_monotone(case, found)] == [
            f" a larger {what} gives sequential {wider.widths} instead of {found['sequential'].widths}"
        ]


def test_a_run_goes_on_where_it_ended(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(agreement, "contradictions", lambda case: iter(()))
    file = tmp_path / "cases.txt"
    for cases, first in ((2, 0), (5, 2)):
        monkeypatch.setattr("sys.argv", ["agreement.py", "--cases", str(cases), "--save", str(file)])
        agreement.main()
        assert capsys.readouterr().out == f"{cases} cases, 0 contradictions\n"
        assert file.read_text().splitlines() == [f"done {number}" for number in range(cases)], first


def test_what_random_cases_found_stays_mended():
    """A harder question gave less: a t for all N_0 where rows may evade, and a search that gave up after one look."""
    weights = [np.random.default_rng(0).normal(size=shape) for shape in ((4, 7), (2, 4))]
    target = Target.from_arrays(weights, [np.zeros(4), np.zeros(2)], domain=[(-1, 1)] * 7)
    asked = target, (Fraction(3, 10), Fraction(3, 10), Fraction(1))
    found = [coupled(*asked, delta, second_width=4).widths[0] for delta in (Fraction(1, 1000), Fraction(1001, 2000))]
    assert found == [13, 11]  # 9 and 11 once
    asked = Target.from_text("5-1-3"), (HALF, Fraction(1, 50), Fraction(19, 20))
    harder, easier = (matching(*asked, delta).total for delta in (Fraction(1, 20), Fraction(21, 40)))
    assert easier <= harder == 326  # 430 and 326 once


def test_case_k_is_the_same_in_every_run():
    assert str(list(agreement.cases(3, 5))[2]) == str(next(agreement.cases(1, 5, first=2)))
    assert str(next(agreement.cases(1, 5, first=2))) != str(next(agreement.cases(1, 6, first=2)))
