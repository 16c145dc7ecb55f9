"""The machine-checked proofs: what stands in `proofs/`, and certificates of answers, compiled where there is a coqc."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ertheory import METHODS, Width, read_target, width

PROOFS = Path(__file__).resolve().parents[1] / "proofs"
CHECK = runpy.run_path(str(PROOFS / "check.py"))
MISSING = CHECK["missing_here"]()
needs_coq = pytest.mark.skipif(MISSING is not None, reason=f"there is no {MISSING}")
DENSE = {"density": [1, "0.1", "0.1"], "delta": "0.001"}
# A neuron of the first hidden layer is not read, and so does not count.
SPARSE = [np.array([[1.0, 0], [2, 3], [4, 5]]), np.array([[0.0, 1, 0], [1, 1, 0]]), np.array([[1.0, 1], [1, 0]])]


def check(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Ask `proofs/check.py` about a certificate."""
    file = folder / "answer.v"
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, str(PROOFS / "check.py"), str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def refused(tmp_path_factory) -> Callable[[str], str]:
    """Ask one Coq, in which libraries stay loaded, what a certificate fails at that is a theorem but for one number.

    The answer is the check that does not come out as true, such as ``hall_ok``, or else all that Coq says.
    """
    folder, compiled = tmp_path_factory.mktemp("refused"), CHECK["compiled_folder"]()
    command = ["coqtop", "-q", "-w", "none", "-Q", str(compiled), "ERProofs"]
    coq = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    )

    def ask(text: str) -> str:
        (folder / "wrong.v").write_text(text, encoding="utf-8")
        if any(not (compiled / f"{name}.vo").exists() for name in CHECK["theories"](text)):
            check(text, folder)  # compiles what it uses
        loaded = re.findall(r"^From .* Require Import .*\.$", text, re.MULTILINE)
        kept = [line.replace(" Import ", " ") for line in loaded]  # it is imported and forgotten with the certificate
        print(*kept, f'Fail Load "{folder / "wrong"}".', "Fail Check the_end.", sep="\n", file=coq.stdin, flush=True)
        said = ""
        while "the_end was not found" not in said:
            line = coq.stdout.readline()
            assert line, f"Coq has ended: {said}"
            said += line
        assert "Error:" not in said, said  # in particular that the certificate holds
        false = re.findall(r"expected to have type\s+\"is_true\s+\(+(\w+)", said)
        return false[0] if false else said

    with coq:
        yield ask
        coq.stdin.close()


def changed(text: str, old: str, new: str) -> str:
    """Replace what stands there once."""
    assert text.count(old) == 1
    return text.replace(old, new)


def fewer(answer: Width, layer: int) -> str:
    """Claim that one copy less is enough in a layer, with the width that belongs to it."""
    copies = (answer.factors or ())[layer] - 1
    text = answer.certificate()
    for name, number in (("copies", copies), ("width", copies * answer.target.widths[layer])):
        before, listed, behind = re.split(rf"(?<=Definition {name} : )(.*?\[:: .*?\])", text, maxsplit=1)
        numbers = re.split(r"(\d+)(?=[;\]])", listed)
        numbers[2 * layer + 1] = str(number)
        text = f"{before}{''.join(numbers)}{behind}"
    return text


@needs_coq
@pytest.mark.parametrize("method", ["printed", "exact"])
def test_a_certificate_is_a_theorem_and_one_copy_less_is_none(method, tmp_path, refused):
    answer = width("784-128-10", method=method, **DENSE)
    text = answer.certificate()
    found = check(text, tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert "answer.v: answer checked in" in found.stdout
    found = check(fewer(answer, 1), tmp_path)
    assert found.returncode == 1
    assert found.stderr.endswith("proofs: answer.v does not hold\n")
    assert refused(fewer(answer, 1)) in found.stderr


@needs_coq
def test_a_certificate_that_holds_is_not_refused(refused):
    with pytest.raises(AssertionError, match="has not failed"):
        refused(width("3-2-2", method="drop", density=[1, 0.5, 0.5], delta=0.7).certificate())


@needs_coq
def test_dropped_copies_are_certified_and_one_copy_less_is_not(tmp_path, refused):
    text = width("784-128-10", method="drop", **DENSE).certificate()
    found = check(text, tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    less = changed(text, "copies1 : positive := 187%", "copies1 : positive := 186%")
    assert refused(changed(less, "width1 : N := 23936%", "width1 : N := 23808%")) == "drop_certificate"


@needs_coq
@pytest.mark.parametrize(
    ("target", "density", "layer"),
    [
        ("9-7-5-2", ["0.8", "1/2", "1/2", "1/2"], 2),
        ("5-4-5", ["0.3", "0.3", "0.3"], 1),  # Hall's sum is 3.89e-6 where 3.98e-6 is left for it
        ("1-1-1", ["0.1", "0.1", "0.1"], 1),  # one copy less is too few beside Hall's sum only
    ],
)
def test_a_matched_layer_0_is_certified_and_one_copy_or_one_neuron_less_is_not(
    target, density, layer, tmp_path, refused
):
    answer = width(target, method="exact", density=density, delta="0.001")
    text, neurons = answer.certificate(), answer.widths[0]
    found = check(text, tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert "answer.v: answer, answer_least checked in" in found.stdout
    assert refused(fewer(answer, layer)) == "blocks_matched_ok"
    for other, found in ((neurons - 1, "hall_ok"), (neurons + 1, "neurons_few")):  # too few, and one too many
        assert refused(changed(text, f"neurons : N := {neurons}%bin", f"neurons : N := {other}%bin")) == found


@needs_coq
def test_a_preassigned_layer_0_is_certified_and_one_copy_less_is_not(tmp_path, refused):
    answer = width("9-7-5-2", method="exact", density=["0.8", "1/2", "1/2", "1/2"], delta="0.001", layer0="preassigned")
    text = answer.certificate()
    found = check(text, tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert "answer.v: answer checked in" in found.stdout
    assert refused(fewer(answer, 0)) == "preassigned_ok"
    assert refused(changed(text, "[:: (7, 9)]", "[:: (14, 9)]")) == "preassigned_ok"  # more weights than copies carry


@needs_coq
@pytest.mark.parametrize(("layer0", "theorems"), [("matched", "answer, answer_least"), ("preassigned", "answer")])
def test_printed_answers_with_a_masked_layer_0_are_certified_and_one_copy_less_is_not(
    layer0, theorems, tmp_path, refused
):
    answer = width("4-8-3", method="printed", density="0.5", delta="0.001", layer0=layer0)
    text = answer.certificate()
    found = check(text, tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert f"answer.v: {theorems} checked in" in found.stdout
    assert refused(fewer(answer, 1)) == "printed_ok"
    if layer0 == "preassigned":  # another density than the one behind the table of sparsities
        other = changed(text, "product_ok zeros entries 1 2 1 2", "product_ok zeros entries 1 2 1 3")
        assert refused(other) == "product_ok"


@needs_coq
def test_dropped_copies_behind_a_matched_layer_0_are_certified_and_one_copy_less_is_not(tmp_path, refused):
    answer = width("9-7-2", method="drop", density="0.4", delta="0.001")
    text, neurons = answer.certificate(), answer.widths[0]
    found = check(text, tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert "answer.v: answer, answer_least checked in" in found.stdout
    assert refused(fewer(answer, 1)) == "deep_matched_ok"
    for other, found in ((neurons - 1, "hall_ok"), (neurons + 1, "deep_neurons_few")):
        assert refused(changed(text, f"neurons : N := {neurons}%bin", f"neurons : N := {other}%bin")) == found


@needs_coq
def test_an_answer_that_only_the_law_of_dropped_copies_allows_is_certified(tmp_path, refused):
    """Twice the chance that one of two copies is lost is above delta, but not the chance that one is."""
    answer = width("3-2-2", method="drop", density=[1, 0.5, 0.5], delta=0.7)
    text = answer.certificate()
    assert "drop_law" in text
    assert check(text, tmp_path).returncode == 0
    assert refused(fewer(answer, 1)) == "deep_ok"


@needs_coq
@pytest.mark.parametrize(
    ("target", "density", "layer0", "theorems"),
    [
        ("784-128-32-10", ["1", "1/2", "1/2", "1/2"], "dense", "answer"),
        ("5-7-4-3-2", ["1", ".9", ".5", "1", ".3"], "dense", "answer"),
        ("2-2-2-1", ["1/2", "1/3", "1/2", "1/2"], "matched", "answer, answer_least"),
    ],
)
def test_dropped_copies_in_deep_targets_are_certified_and_one_copy_less_is_not(
    target, density, layer0, theorems, tmp_path, refused
):
    answer = width(target, method="drop", density=density, delta="0.001")
    assert (answer.layer0, len(answer.design.thresholds)) == (layer0, answer.target.depth - 2)
    text, sufficient = answer.certificate(), "deep_matched_ok" if layer0 == "matched" else "deep_ok"
    found = check(text, tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert f"answer.v: {theorems} checked in" in found.stdout
    assert refused(fewer(answer, answer.target.depth - 1)) == sufficient
    counted_on = "; ".join(map(str, (1, *answer.design.thresholds)))
    more = "; ".join(str(level + 1) for level in (1, *answer.design.thresholds))
    assert refused(changed(text, f"[:: {counted_on}]%positive", f"[:: {more}]%positive")) == sufficient


@needs_coq
def test_kinds_of_neurons_count_with_their_weights(tmp_path, refused):
    answer = width(read_target(SPARSE), method="drop", density=[1, 0.5, 0.5, 0.5], delta="0.01")
    text = answer.certificate()
    kinds = "[:: [:: (1%bin, 1, 1); (2%bin, 2, 1)]; [:: (1%bin, 2, 1); (2%bin, 1, 1)]]%positive"
    assert kinds in " ".join(text.split())
    assert check(text, tmp_path).returncode == 0
    for old, new in (("(2%bin, 2, 1)", "(9%bin, 2, 1)"), ("(1%bin, 2, 1)", "(1%bin, 9, 1)")):
        assert refused(changed(text, old, new)) == "deep_ok"


@needs_coq
def test_a_factored_source_is_certified_with_linear_and_with_relu_neurons(tmp_path, refused):
    answer = width("20-10-5", method="factored", density="0.3", delta="0.001")
    text = answer.certificate()
    first, _, second, _ = answer.widths
    found = check(text, tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert "answer.v: answer_least, answer, answer_relu checked in" in found.stdout
    # Too few, and one too many.
    for other, found in ((f"{first - 1}; {second - 1}", "factored_ok"), (f"{first + 1}; {second}", "all")):
        assert refused(changed(text, f"[:: {first}; {second}]", f"[:: {other}]")) == found


@needs_coq
def test_the_answer_that_a_user_gets_is_certified_where_it_rests_on_the_mixed_theorem(tmp_path):
    answer = width("784-128-10", method="factored", density="0.5", delta="0.001")
    assert [one.orientation for one in answer.design.maps] == ["mixed-dual", "dual"]
    found = check(answer.certificate(), tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert "answer.v: answer_least, answer_least_mixed, answer, answer_relu checked in" in found.stdout


@needs_coq
def test_maps_by_the_mixed_theorem_are_certified_forwards_and_backwards(tmp_path, refused):
    answer = width("80-200-80", method="factored", density="0.5", delta="0.001")
    first, second = answer.design.maps
    assert (first.orientation, second.orientation) == ("mixed-primal", "mixed-dual")
    text = answer.certificate()
    found = check(text, tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert "answer.v: answer_least_mixed, answer, answer_relu checked in" in found.stdout
    fewer_neurons = changed(text, f"[:: {first.inner}; {second.inner}]", f"[:: {first.inner}; {second.inner - 10}]")
    sides = f"0 => Plan true {first.threshold}%N {first.set_aside}%N "
    fewer_aside = changed(text, sides, sides.replace(f" {first.set_aside}%N", f" {first.set_aside - 5}%N"))
    more_readers = re.sub(rf"({sides})\d+%bin \d+%bin", r"\g<1>1%bin 2%bin", text)  # than the mean below the threshold
    other_way = changed(text, sides, sides.replace("true", "false"))
    one_neuron_more = changed(text, f"[:: {first.inner}; {second.inner}]", f"[:: {first.inner}; {second.inner + 1}]")
    for wrong in (fewer_neurons, fewer_aside, more_readers, other_way, one_neuron_more):
        assert wrong != text
        assert refused(wrong) == "factored_ok"


@needs_coq
def test_one_neuron_less_is_too_few_for_the_law_that_the_program_uses_if_not_for_the_better_one(tmp_path, refused):
    """Between the two lies the factor 1 / (1 - phi) in the third term of the mixed bound."""
    text = width("60-60", method="factored", density="0.4", delta="0.1").certificate()
    found = check(text, tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert "answer.v: answer_least_mixed, answer, answer_relu checked in" in found.stdout
    assert refused(changed(text, "divided : seq nat := [:: 0]%N", "divided : seq nat := [:: ]%N")) == "all"


@needs_coq
@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("[:: 100352; 1280]", "[:: 100352; 1400]", "plan_ok"),  # more weights: the copies are no longer enough
        ("[:: 100352; 1280]", "[:: 100352; 1000]", "minimal"),  # fewer: one copy less would do
        ("[:: 178752; 18048; 10]", "[:: 178751; 18048; 10]", "widths_ok"),  # other widths than the copies make
        # The theorem claims more than was checked.
        ("toR R 1 / toR R 1000", "toR R 1 / toR R 1001", "Cannot apply lemma (plan_sound _ enough nz rep)"),
    ],
)
def test_a_number_that_was_changed_is_rejected(old, new, found, refused):
    text = width("784-128-10", method="exact", **DENSE).certificate()
    assert found in refused(changed(text, old, new))


@needs_coq
def test_deep_thin_targets_and_small_deltas(tmp_path):
    answer = width("5-7-4-3-2", method="exact", density="1,.9,.5,1,.3", delta="1e-30")
    assert check(answer.certificate(), tmp_path).returncode == 0


@needs_coq
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Theorem answer : False.\nProof. Admitted.\n", "is not finished: Admitted"),
        ("Axiom all : forall P : Prop, P.\nTheorem answer : False.\nProof. exact (all False). Qed.\n", "Axiom"),
        (
            "From Coq Require Import Classical.\nTheorem answer P : P \\/ ~ P.\nProof. exact (classic P). Qed.\n",
            "classic",
        ),
        ("(* nothing *)\n", "states no theorem"),
    ],
)
def test_what_is_not_proved_is_refused(text, said, tmp_path):
    found = check(text, tmp_path)
    assert found.returncode == 1
    assert said in found.stderr.splitlines()[-1]


def test_without_coq_proofs_are_left_out_and_certificates_are_not_said_to_hold(tmp_path):
    for words, status in (((), 0), (("--require",), 1), ((str(tmp_path / "answer.v"),), 1)):
        found = subprocess.run(
            [sys.executable, str(PROOFS / "check.py"), *words],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": str(tmp_path)},
        )
        assert found.returncode == status
        assert found.stdout.startswith("Nothing was checked: there is no coqc here.")
        assert "apt-get install --no-install-recommends coq libcoq-mathcomp-ssreflect" in found.stdout


def test_coq_without_mathcomp_is_no_failure_but_said(tmp_path):
    coqc = tmp_path / "coqc"
    coqc.write_text(f"#!/bin/sh\necho {tmp_path}\n", encoding="utf-8")
    coqc.chmod(0o755)

    def asked(*words: str) -> tuple[int, str]:
        command = [sys.executable, str(PROOFS / "check.py"), *words]
        environment = {"PATH": f"{tmp_path}:{os.defpath}", "COQPATH": ""}
        found = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        return found.returncode, found.stdout

    for part in ("ssreflect", "algebra", "algebra_tactics"):  # the last one, analysis, is a package of its own
        (tmp_path / "user-contrib" / "mathcomp" / part).mkdir(parents=True)
    status, said = asked()
    assert (status, said.splitlines()[0][:66]) == (
        0,
        "Nothing was checked: there is no whole mathcomp for this coqc here",
    )
    assert "libcoq-mathcomp-analysis" in said
    assert asked("--require")[0] == asked(str(tmp_path / "answer.v"))[0] == 1
    (tmp_path / "user-contrib" / "mathcomp" / "analysis").mkdir()
    assert "Nothing was checked" not in asked(str(tmp_path / "answer.v"))[1]  # it is asked, and cannot be read


def test_every_file_of_the_proofs_is_compiled_and_has_its_place_in_the_map():
    code = (PROOFS / "check.py").read_text(encoding="utf-8")
    listed = re.findall(r'^    "(\w+)": \(', code, re.MULTILINE)
    assert sorted(listed) == sorted(path.stem for path in PROOFS.glob("*.v"))
    page = (PROOFS / "README.md").read_text(encoding="utf-8")
    assert [name for name in listed if f"`{name}`" not in page] == []
    for name in listed:
        stated = (PROOFS / f"{name}.v").read_text(encoding="utf-8")
        used = re.search(r"^From ERProofs Require Import ([^.]*)\.", stated, re.MULTILINE)
        for other in used[1].split() if used else ():
            assert other == "names" or listed.index(other) < listed.index(name)


def test_every_statement_has_its_place_in_the_map():
    """A new statement has to be named there, with what has been checked of it and by whom."""
    page = (PROOFS / "README.md").read_text(encoding="utf-8")
    _, mapped = page.split("## Which statement is proved how")
    rows = [row.strip("| ").split(" | ") for row in mapped.splitlines() if row.startswith("| ")][2:]
    assert {len(row) for row in rows} <= {3, 4}
    named = {name for row in rows for name in re.findall(r"`([a-z0-9.-]+)`", row[0])}
    assert named == set(METHODS)
    allowed = {"machine", "by hand", "enumeration", "Monte Carlo", "the rest by hand"}
    assert {word for row in rows for word in row[-1].split(", ")} <= allowed
    for row in rows:
        for part in row[-2].split("; ") if row[-1].startswith("machine") else ():
            file, *theorems = re.findall(r"`(\w+)`", part)
            stated = (PROOFS / f"{file}.v").read_text(encoding="utf-8")
            assert [
                name for name in theorems if not re.search(rf"^(Theorem|Corollary|Lemma) {name}\b", stated, re.M)
            ] == []


def test_no_proof_uses_a_name_that_one_of_the_two_mathcomps_lacks():
    """`mathcomp_1/names.v` lists what has another name in mathcomp 2, and gives mathcomp 1 the new one."""
    renamed = re.findall(r"^Notation (\w+) := (\w+) ", (PROOFS / "mathcomp_1/names.v").read_text(), re.MULTILINE)
    assert len(renamed) > 60
    old = re.compile(rf"\b({'|'.join(before for _, before in renamed)}|lnX|lnXn)\b")
    package = PROOFS.parent / "ertheory"
    for path in (*PROOFS.glob("*.v"), *package.rglob("certified*.py"), package / "bounds" / "coq.py"):
        assert (path.name, old.findall(path.read_text(encoding="utf-8"))) == (path.name, [])
