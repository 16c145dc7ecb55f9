"""Certificates: what is written and what is refused, whole files or none. `tests/test_proofs.py` compiles them."""

from __future__ import annotations

import json
import math
import re
from fractions import Fraction

import numpy as np
import pytest

from ertheory import read_target, width
from ertheory.bounds.blocks.hall import hall_sum
from ertheory.bounds.blocks.hall_certified import hall_bound
from ertheory.bounds.catalogue import CERTIFIED, METHODS
from ertheory.bounds.drop.certified_law import CertifiedLaw
from ertheory.bounds.drop.law import read_neurons
from ertheory.bounds.factored.certified_mixed import mixed_choice
from ertheory.bounds.factored.floors import least_losses
from ertheory.bounds.factored.least import map_failure
from ertheory.bounds.factored.one_map import factored_map
from ertheory.cli import main
from ertheory.errors import TheoremNotApplicable
from ertheory.numbers import enclose

HALF = {"density": "0.5", "delta": "0.001"}
DENSE = {"density": [1, "0.1", "0.1"], "delta": "0.001"}
COMMAND = ["width", "--target", "784-128-10", "--density", "1,.1,.1", "--delta", ".001"]


def listed(text: str, name: str) -> tuple[int, ...]:
    found = re.search(rf"Definition {name} : \S+ -> \S+ := nth \S+ \[:: ([\d;\s]*)\]", text)
    assert found is not None, name
    return tuple(map(int, found[1].split(";")))


@pytest.mark.parametrize("method", ["printed", "exact"])
def test_the_numbers_are_those_of_the_answer(method):
    answer = width("9-7-5-2", method=method, density="1,0.5,2/3,1", delta="1/77")
    text = answer.certificate()
    assert listed(text, "copies") == answer.factors
    assert listed(text, "width") == answer.widths
    assert listed(text, "weights") == answer.target.nonzeros
    assert listed(text, "size") == answer.target.widths
    assert listed(text, "zeros") == (1, 1, 0)
    assert listed(text, "entries") == (2, 3, 1)
    assert "Let delta : R := toR R 1 / toR R 77." in text


def test_weights_that_are_zero_do_not_count():
    weights = [np.array([[1.0, 0, 2], [0, 3, 0]]), np.array([[0.0, 1]])]
    text = width(read_target(weights), method="exact", density="1,.5,.5", delta=".1").certificate()
    assert listed(text, "weights") == (3, 1)


@pytest.mark.parametrize("method", [name for name in METHODS if name not in CERTIFIED])
def test_methods_without_certificates_say_so(method):
    answer = width("4-3-2", method=method, density=0.5, delta=0.1)
    with pytest.raises(
        TheoremNotApplicable, match=rf"there is none for {method}; there is one for printed, exact, drop, factored"
    ):
        answer.certificate()


def test_answers_that_nothing_is_proved_of_are_refused():
    convolution = read_target([np.ones((2, 1, 3, 3)), np.ones((2, 2))])
    nothing = read_target([np.ones((2, 2)), np.zeros((1, 2))])
    for target, options, said in (
        (convolution, DENSE, "convolutions"),
        (nothing, DENSE, "no weights"),
        ("4-3-2", {"sparsity": 0.5, "delta": 0.1, "layer0": "dense"}, "does not apply; layer 0 is masked here"),
    ):
        with pytest.raises(TheoremNotApplicable, match=said):
            width(target, method="exact", **options).certificate()


def test_matched_numbers_are_those_of_the_answer():
    answer = width("9-7-5-2", method="exact", density=["0.8", "1/2", "1/2", "1/2"], delta="0.001")
    assert answer.layer0 == "matched"
    text = answer.certificate()
    assert listed(text, "copies") == answer.factors
    assert listed(text, "width") == (9 * answer.factors[0], *answer.widths[1:])
    assert f"Definition neurons : N := {answer.widths[0]}%bin." in text
    assert answer.widths[0] > 9 * answer.factors[0]
    assert "Theorem answer_least: with one neuron less in layer 0" in text.replace("\n   ", " ")


def test_printed_numbers_with_a_masked_layer_0_are_those_of_the_answer():
    for layer0, zeros, entries in (("matched", (1, 2), (2, 3)), ("preassigned", (4, 2), (5, 3))):
        answer = width("4-8-3", method="printed", density=["2/5", "1/2", "1/3"], delta="0.001", layer0=layer0)
        text = answer.certificate()
        assert listed(text, "copies") == answer.factors
        assert listed(text, "weights") == answer.target.nonzeros
        assert (listed(text, "zeros"), listed(text, "entries")) == (zeros, entries)
        assert listed(text, "width") == (4 * answer.factors[0], *answer.widths[1:])
    assert "if l is 0%N then toR R 1 / toR R 2 else 1 - r l." in text


def test_preassigned_numbers_are_those_of_the_answer():
    weights = [np.array([[1.0, 0, 2], [0, 3, 1], [4, 0, 5]]), np.ones((2, 3))]  # 2, 1 and 3 weights behind the inputs
    answer = width(read_target(weights), method="exact", density=[0.8, "1/2", "1/3"], delta=0.01, layer0="preassigned")
    text = answer.certificate()
    assert listed(text, "copies") == answer.factors
    assert listed(text, "width") == answer.widths
    assert "Definition fans : seq (positive * positive) := [:: (1, 1); (2, 1); (3, 1)]%positive." in text
    unread = read_target([np.array([[1.0, 0], [1, 0]]), np.ones((2, 2))])
    with pytest.raises(TheoremNotApplicable, match="does not read an input"):
        width(unread, method="exact", density=0.5, delta=0.1, layer0="preassigned").certificate()


@pytest.mark.parametrize(
    ("neurons", "inputs", "copies", "density", "excess"),
    [
        (907, 20, 45, "3/10", 1e-5),
        (191, 9, 21, "3/5", 1e-5),
        (3, 1, 1, "1/2", 1e-5),
        (2032, 4, 147, "1/10", 1e-5),
        (1681, 9, 105, "1/10", 1e-5),
        (177184, 784, 226, "1/10", 2),  # the tail that matters has too long binomial coefficients: Chernoff's bound
    ],
)
def test_what_coq_adds_up_is_above_the_hall_sum(neurons, inputs, copies, density, excess):
    bound = hall_bound(neurons, inputs, copies, Fraction(density))
    _, high = enclose(lambda: hall_sum(neurons, inputs, copies, Fraction(density)))
    assert high <= bound.failure <= (1 + excess) * high
    assert len(bound.exponents) == len(bound.terms) == inputs


def test_dropped_numbers_are_those_of_the_answer():
    answer = width("784-128-10", method="drop", **DENSE)
    text = answer.certificate()
    names = ("inputs", "hidden", "outputs", "width0", "width1", "copies0", "copies1", "fan", "weights")
    found = [re.search(rf"Definition {name} : \w+ := (\d+)%", text) for name in names]
    assert [int(match[1]) for match in found if match] == [784, 128, 10, 58016, 23936, 74, 187, 784, 1280]


def test_numbers_of_deep_dropped_copies_are_those_of_the_answer():
    answer = width("9-7-5-2", method="drop", density=["0.8", "1/2", "2/3", "1/2"], delta="0.001")
    text = answer.certificate()
    assert listed(text, "copies") == answer.factors
    assert listed(text, "thresholds") == (1, *answer.design.thresholds)
    assert listed(text, "size") == answer.target.widths
    assert listed(text, "zeros") == (1, 1, 1)
    assert listed(text, "entries") == (2, 3, 2)
    assert listed(text, "width") == (9 * answer.factors[0], *answer.widths[1:])
    assert f"Definition neurons : N := {answer.widths[0]}%bin." in text
    assert "[:: [:: (9%bin, 5, 7)]; [:: (7%bin, 2, 5)]]%positive." in text


def test_windows_hold_all_but_what_was_said():
    """Coq counts what is outside as lost; here it is added up with exact numbers."""
    answer = width("5-4-3-2", method="drop", density=[1, 0.5, 0.3, 0.5], delta="0.01")
    law, lost = CertifiedLaw(answer, answer.design.thresholds), Fraction(1, 10**6)
    sources = (answer.factors[0], *answer.design.thresholds)
    for layer, (start, length) in enumerate(law.windows(lost), start=1):
        ((fan_in, _, count),) = read_neurons(answer.target, layer)
        good = (1 - (1 - answer.densities[layer]) ** sources[layer - 1]) ** fan_in
        for copies in (answer.factors[layer], answer.factors[layer] - 1):
            inside = range(start, min(start + length, copies + 1))
            chances = [math.comb(copies, k) * good**k * (1 - good) ** (copies - k) for k in inside]
            assert count * (1 - sum(chances)) <= lost / 2


def test_dropped_copies_that_rest_on_no_thresholds_are_certified_as_exact_ones():
    """There are none without hidden layers, and where `exact` asks for more than 10^9 copies."""
    for target, density in (("3-2", 0.5), ("2-2-2-1", "1e-9")):
        found = width(target, method="drop", density=[1, *[density] * target.count("-")], delta="0.01")
        assert found.design.thresholds == ()
        exact = width(target, method="exact", density=found.densities, delta="0.01").certificate()
        assert found.certificate().split("*)", 1)[1] == exact.split("*)", 1)[1]


@pytest.mark.parametrize(
    ("target", "density", "said"),
    [
        ("9-7-5-2", [1, 0.5, 0.5, 0.001], "more than 4000 copies of a neuron"),
        ("2001-2-2-1", 0.5, "more than 2000 inputs"),
    ],
)
def test_dropped_answers_that_coq_cannot_follow_are_refused(target, density, said):
    answer = width(target, method="drop", density=density, delta=0.001)
    with pytest.raises(TheoremNotApplicable, match=said):
        answer.certificate()


def test_factored_numbers_are_those_of_the_answer():
    answer = width("20-10-5", method="factored", density=[0.3, 0.4, 0.5, 0.25], delta="0.001")
    text = answer.certificate()
    assert (listed(text, "inner"), listed(text, "size")) == (answer.widths[::2], (20, 10, 5))
    common = int(re.findall(r"Definition common : N := (\d+)%bin", text)[0])
    assert [Fraction(one, common) for one in listed(text, "shares")] == [one.share for one in answer.design.maps]
    densities = [(f"kept{one}", f"entries{one}") for one in (1, 2)]
    found = [zip(listed(text, kept), listed(text, entries), strict=True) for kept, entries in densities]
    assert [list(pairs) for pairs in found] == [[(3, 10), (1, 2)], [(2, 5), (1, 4)]]


def test_numbers_of_the_mixed_theorem_are_those_of_the_answer():
    answer = width("80-200-80", method="factored", density=0.5, delta="0.001")
    text = answer.certificate()
    found = re.findall(r"\d => Plan (true|false) (\d+)%N (\d+)%N (\d+)%bin (\d+)%bin", text)
    assert [one[0] for one in found] == ["true", "false"]  # outputs are read as inputs, and not
    for one, (_, kappa, few, kept, entries) in zip(answer.design.maps, found, strict=True):
        assert (int(kappa), int(few)) == (one.threshold, one.set_aside)
        masses = [math.comb(one.inner, k) for k in range(one.threshold)]  # all of the density 1/2
        mean = Fraction(sum(k * mass for k, mass in enumerate(masses)), sum(masses) * one.inner)
        assert mean * (1 - Fraction(1, 10**8)) < Fraction(int(kept), int(entries)) < mean
    assert "answer_least_mixed" in text
    assert "Definition mixed : seq nat := [:: 0; 1]%N." in text
    assert "Definition divided : seq nat := [:: ]%N." in text


def test_where_only_the_law_of_the_answer_is_above_the_share_the_certificate_says_so():
    """With one neuron less the bound that Coq has proved, without the factor 1 / (1 - phi), still keeps the share."""
    text = width("200-200", method="factored", density="0.2", delta="0.001").certificate()
    assert "Definition mixed : seq nat := [:: 0]%N." in text
    assert "Definition divided : seq nat := [:: 0]%N." in text


@pytest.mark.parametrize(("inputs", "outputs", "density"), [(80, 200, "0.5"), (784, 300, "0.3"), (300, 100, "0.5")])
def test_choices_for_one_neuron_less_are_those_of_the_bound(inputs, outputs, density):
    """The least kappa and f that keep their parts."""
    one = factored_map(inputs, outputs, densities=(density, density), failure_probability="0.001")
    choice = mixed_choice(one)
    found = map_failure(inputs, outputs, one.inner - 1, one.densities, one.orientation, one.share)
    assert choice is not None
    assert found.failure > one.share
    assert (choice.kappa, choice.aside) == (found.threshold, found.set_aside)


def test_losses_from_below_are_terms_of_halls_sum():
    for rows, most, miss in ((3, 9, 0.5), (5, 12, 0.2)):
        sizes = range(1, rows + 1)
        for columns, lost in enumerate(least_losses(rows, most, miss, rows)):
            hall = sum(
                math.comb(rows, t) * math.comb(columns, t - 1) * miss ** (t * (columns - t + 1))
                for t in sizes
                if columns >= rows
            )
            assert lost == pytest.approx(1.0 if columns < rows else min(1.0, hall), rel=1e-12)
            assert least_losses(rows, most, miss, 1)[columns] <= lost


@pytest.mark.parametrize(
    ("target", "options", "said"),
    [
        ("2000-1500-10", {"density": 0.01}, "take Coq too long"),
        ([np.ones((2, 2, 3, 3)), np.ones((2, 2))], {"density": 0.5}, "convolutions"),
        ([np.array([[1.0, 0], [1, 0]]), np.ones((2, 2))], {"density": 0.5}, "layer 1 leaves neurons unused"),
        ("20-10-5", {"density": 0.5, "factors": 3}, "two masked maps in a row only"),
        ("40-1", {"density": 0.1, "delta": 0.8}, "the bound that Coq knows is above delta"),
    ],
)
def test_factored_answers_that_coq_cannot_follow_are_refused(target, options, said):
    answer = width(read_target(target), method="factored", **{"delta": "0.001", **options})
    with pytest.raises(TheoremNotApplicable, match=said):
        answer.certificate()


def test_ties_are_refused():
    """(1 - 1/2^3) is 7/8 exactly: balls, and so fixed-point numbers, cannot tell on which side it is."""
    answer = width("1-1", method="exact", density="1,1/2", delta="1/8")
    assert answer.factors == (3, 1)
    with pytest.raises(TheoremNotApplicable, match="equal or too close"):
        answer.certificate()


def test_without_a_method_the_narrowest_answer_that_has_a_certificate_is_written(tmp_path, capsys):
    asked = ["width", "--target", "20-10-5", "--density", "0.5", "--delta", "0.001"]
    place = tmp_path / "answer.v"
    assert main([*asked, "--certificate", str(place)]) == 0
    assert "for factored; make certificate FILE=" in " ".join(capsys.readouterr().out.split())
    assert place.read_text(encoding="utf-8") == width("20-10-5", method="factored", **HALF).certificate()
    # With three factors there is none for `factored`; the next one is `drop`.
    assert main([*asked, "--factors", "3", "--certificate", str(place), "--force"]) == 0
    assert "for drop; make certificate FILE=" in " ".join(capsys.readouterr().out.split())
    assert place.read_text(encoding="utf-8") == width("20-10-5", method="drop", **HALF).certificate()


def test_the_command_writes_a_whole_file_or_none(tmp_path, capsys):
    place = tmp_path / "answer.v"
    assert main([*COMMAND, "--method", "exact", "--certificate", str(place)]) == 0
    assert "checks it" in capsys.readouterr().out
    assert place.read_text(encoding="utf-8") == width("784-128-10", method="exact", **DENSE).certificate()
    assert list(tmp_path.iterdir()) == [place]
    place.write_text("mine", encoding="utf-8")
    for words, said in (
        (["--method", "exact", "--certificate", str(place)], "a file that does not exist yet, or --force"),
        (["--method", "exact", "--certificate", str(tmp_path / "answer.txt")], "a name that ends in .v"),
        (["--method", "exact", "--certificate", str(tmp_path / "no" / "answer.v")], "a file in a folder that exists"),
        (["--method", "sharp", "--certificate", str(tmp_path / "other.v")], "there is none for sharp"),
    ):
        assert main([*COMMAND, *words]) == 2
        printed = capsys.readouterr()
        assert said in printed.err
        assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert place.read_text(encoding="utf-8") == "mine"
    assert list(tmp_path.iterdir()) == [place]
    assert main([*COMMAND, "--method", "exact", "--certificate", str(place), "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["inputs"]["certificate"] == str(place)
    assert main([*COMMAND, "--method", "exact", "--certificate", str(place), "--force", "--format", "csv"]) == 0
    with_it = capsys.readouterr().out
    assert main([*COMMAND, "--method", "exact", "--format", "csv"]) == 0
    assert capsys.readouterr().out == with_it  # a table for programs, and nothing below it
    assert place.read_text(encoding="utf-8").startswith("(* Question.")
