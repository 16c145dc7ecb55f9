"""What is said of a source that was built: on what its masks rest, what stays as it is, and what the checker found."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from ertheory.builders.factored.planning import FactoredPlan
from ertheory.builders.factored.result import FactoredChain
from ertheory.cli.built import report, report_network, share_of_failures


def checked(**other):
    found = {"points": 80, "max_abs_error": 0.0125, "difference_bound": 0.25, "exact": False, "equal": True}
    return SimpleNamespace(**{**found, "off_mask": [], "differs": None, **other})


def network(universal=(None, None), inner=(5,), **other):
    maps = [
        SimpleNamespace(nonzeros=600 * number, inner=inner, universal=one, error_bound=2.0**-number)
        for number, one in enumerate(universal, start=1)
    ]
    embedding = SimpleNamespace(
        maps=maps, success_lower=Fraction(3, 4), edges_available=12345, edges_ratio=6.8542, left_dense={}, inner="relu"
    )
    embedding.__dict__.update({name: other.pop(name) for name in ("left_dense",) if name in other})
    embedding.inner = other.pop("between", "relu")
    built = {"embedding": embedding, "check": checked(), "passed": True, "seconds": 1.26, "file": "source.npz"}
    return SimpleNamespace(**{**built, **other})


@pytest.fixture
def said(capsys, monkeypatch):
    """Print a report in a wide terminal; its lines."""
    monkeypatch.setenv("COLUMNS", "200")

    def lines(how, built) -> list[str]:
        how(built)
        return capsys.readouterr().out.splitlines()

    return lines


def test_a_network_in_pairs(said):
    assert said(report_network, network()) == [
        "2 layers of 1,800 weights as pairs of masked ones, found in 1.3 s.",
        "  widths   factored sources (ours), exact; these masks hold this network; success >= 0.7500",
        "  mask     12,345 entries kept, 6.85 for each weight",
        "  factors  ReLU between them; |AB - W| <= 0.5 in all",
        "  proved   every weight lies on the mask; source and target differ by at most 0.25 on the box",
        "  measured 80 points, largest error 0.0125 in double precision",
        "  written  source.npz",
    ]


def test_a_network_in_triples(said):
    lines = said(report_network, network(inner=(5, 6), between="identity", file=None))
    assert lines[0] == "2 layers of 1,800 weights as triples of masked ones, found in 1.3 s."
    assert lines[3] == "  factors  identity between them; |ACB - W| <= 0.5 in all"
    assert lines[-1] == "  nothing was written"


@pytest.mark.parametrize(
    ("universal", "text"),
    [
        ((True, True, True), "these masks hold every network of these shapes;"),
        (
            (True, None, True),
            "these masks hold every network of these shapes but in 1 layer, where they hold this one;",
        ),
        (
            (False, None, True),
            "these masks hold every network of these shapes but in 2 layers, where they hold this one;",
        ),
        ((False, None), "these masks hold this network;"),
    ],
)
def test_for_how_many_layers_masks_hold_every_layer(universal, text, said):
    assert text in said(report_network, network(universal))[1]


@pytest.mark.parametrize("count", [1, 6, 7])
def test_layers_that_stay_as_they_are_are_counted_and_six_named(count, said):
    names = [f"norm{number}" for number in range(count)]
    lines = said(report_network, network(left_dense=dict.fromkeys(names, "a norm")))
    assert lines[3] == f"  left     {count} as they are: {', '.join(names[:6])}"


def test_a_network_that_is_wrong(said):
    wrong = network(passed=False, check=checked(off_mask=[(1, 2, 3), (4, 5, 6)]))
    place = "weights outside of the mask, the first at (layer, row, column) = (1, 2, 3)"
    assert said(report_network, wrong)[4] == f"  proved   WRONG: {place}"
    assert said(report_network, network(passed=False, check=checked(differs="at x = 0.5")))[4].endswith(
        "WRONG: at x = 0.5"
    )
    differ = "WRONG: outputs differ by more than was proved"
    assert said(report_network, network(passed=False))[4].endswith(differ)


def chain(maps=2, **other):
    """Stand in for a chain of pairs."""
    embedding = Mock(
        target=SimpleNamespace(inputs=4, affine=[SimpleNamespace(outputs=5), SimpleNamespace(outputs=2)]),
        widths=(1025, 5, 22, 2),
        edges_used=1165,
        edges_available=1840,
        inner="relu",
        factors=[
            SimpleNamespace(scheme="primal", universal=number % 2, certificate=SimpleNamespace(bound=2.0**-number))
            for number in range(1, maps + 1)
        ],
        error_bound=Fraction(1, 8),
    )
    embedding.__class__ = FactoredChain
    answer = SimpleNamespace(statement="factored sources", variant="exact", success_lower=Fraction(7, 8))
    plan = Mock(answer=answer, layer0="factored", entries=3790, design=SimpleNamespace(nonzeros=23))
    plan.__class__ = FactoredPlan
    built = {"plan": plan, "embedding": embedding, "check": checked(exact=True), "passed": True, "exact_layer": None}
    return SimpleNamespace(**{**built, "seconds": 0.04, "file": None, **other})


def test_a_chain_of_pairs(said):
    assert said(report, chain()) == [
        "4-5-2 inside 1,025 + 5 + 22 hidden neurons, found in 0.0 s.",
        "  widths   factored sources, exact; layer 0 factored; success >= 0.8750",
        "  mask     3,790 entries drawn, 1,840 of them kept",
        "  used     1,165 weights, 80 kept ones for each of the target",
        "  pairs    relu between A and B; layer 1 primal, the masks hold every map, |AB - W| <= 0.5; "
        "layer 2 primal, the masks hold this map, |AB - W| <= 0.25",
        "  proved   every weight lies on the mask; source and target are equal in exact arithmetic on the whole box",
        "  measured 80 points, largest error 0.0125 in double precision",
        "  nothing was written",
    ]


@pytest.mark.parametrize(("maps", "more"), [(6, ""), (7, "; and 1 more"), (9, "; and 3 more")])
def test_six_maps_are_described_and_the_others_counted(maps, more, said, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    line = said(report, chain(maps))[4]
    assert line.count("layer ") == 6
    assert line.endswith(f"layer 6 primal, the masks hold this map, |AB - W| <= {2.0**-6:.2g}{more}")


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ({}, "source and target differ by at most 0.25"),
        ({"equal": False}, "an approximation, off by at most 0.125 on the box before rounding"),
        ({"exact": True, "equal": False}, "source and target are equal in exact arithmetic on the whole box"),
    ],
)
def test_what_was_proved(found, text, said):
    lines = said(report, chain(check=checked(**found), exact_layer=1))
    assert lines[5] == f"  proved   every weight lies on the mask; {text}"
    assert lines[6] == (
        "  exact    the mask holds the target itself: with rational weights of layer 1 the two are equal in exact "
        "arithmetic"
    )


def test_how_often_a_builder_fails():
    def plan(lower):
        return SimpleNamespace(answer=SimpleNamespace(success_lower=lower))

    assert share_of_failures(plan(None)) == "a share delta"
    assert share_of_failures(plan(Fraction(123456, 10**6))) == "0.877"
