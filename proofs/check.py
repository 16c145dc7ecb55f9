"""Compile every proof, and say what each theorem rests on.

Run by ``make proofs``. Needs ``coqc`` 8.16 with mathcomp 1.15; without it this says how to install them, and that
nothing was checked. A proof that is not finished, or an axiom that is not listed here, is a failure.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = (
    "coq",
    "libcoq-mathcomp-ssreflect",
    "libcoq-mathcomp-algebra",
    "libcoq-mathcomp-algebra-tactics",
    "libcoq-mathcomp-analysis",
)
# In the order in which they build on one another, with the theorems that they are there for.
THEOREMS = {
    "bernoulli": ("Ex_blocks", "Pr_blocks", "block_law"),
    "block_construction": ("construction",),
    "theorem_2_2": ("law22", "exact22", "union22", "printed22"),
    "theorem_2_2_logarithms": ("theorem22", "theorem21"),
    "exact_laws": ("fubini", "binomial_law", "law23A", "law23B", "law_path", "path_first_moment"),
    "theorem_2_3": ("theorem23", "exact23A", "exact23B"),
    "rounding": ("certificateP", "fig2_99"),
    "certificates": ("plan_sound",),
    "theorem_2_1_masked_inputs": ("exact3", "upper3", "printed_conditions", "printed_is_false"),
    "dropped_copies": ("good_law", "served_law", "theoremI1"),
    "subset_sum_step": ("one_step",),
    "hall": ("hall_theorem",),
    "factored": ("dual", "primal", "either_matching", "path_needed", "linear_source", "relu_source"),
    "factored_law": ("groups_law", "bad_law", "factored_law"),
    "factored_network": ("Ex_part", "factored_network", "factored_network_relu"),
    "upward": ("up_mulP", "up_addP", "up_powP", "up_leP"),
    "factored_certificate": ("level_steps", "weighted_levels", "factored_certificate", "factored_certificate_relu"),
}
# What logarithms of real numbers rest on in mathcomp-analysis: classical logic, and functions that are their values.
AXIOMS = {
    "boolp.functional_extensionality_dep",
    "boolp.propositional_extensionality",
    "boolp.constructive_indefinite_description",
}
CLASSICAL = ("theorem_2_2_logarithms",)
UNFINISHED = re.compile(r"\b(Admitted|admit|Axiom|Axioms|Parameter|Parameters|Conjecture|Abort)\b")
FLAGS = ("-w", "-notation-overridden,-ambiguous-paths")


def main() -> int:
    """Check everything; 0 if all of it holds, or if there is no Coq to ask."""
    parser = argparse.ArgumentParser(description="Compile every proof, and say what each theorem rests on.")
    parser.add_argument("--require", action="store_true", help="fail where Coq is not installed")
    options = parser.parse_args()
    if shutil.which("coqc") is None:
        print("Nothing was checked: there is no coqc here. On Debian 12:")
        print(f"  apt-get install --no-install-recommends {' '.join(PACKAGES)}")
        return int(options.require)
    with tempfile.TemporaryDirectory(prefix="ertheory-proofs-") as folder:
        return check(Path(folder))


def check(folder: Path) -> int:
    """Compile a copy of the proofs in an empty folder."""
    started = time.monotonic()
    for name in THEOREMS:
        source = HERE / f"{name}.v"
        text = source.read_text(encoding="utf-8")
        if found := UNFINISHED.search(re.sub(r"\(\*.*?\*\)", "", text, flags=re.DOTALL)):
            return refuse(f"{source.name} is not finished: {found[0]}")
        (folder / source.name).write_text(text, encoding="utf-8")
        print(f"{source.name}", flush=True)
        if run(folder, source.name) is None:
            return refuse(f"{source.name} does not compile")
    print()
    for name, theorems in THEOREMS.items():
        questions = "".join(f"Print Assumptions {theorem}.\n" for theorem in theorems)
        (folder / "assumptions.v").write_text(f"From ERProofs Require Import {name}.\n{questions}", encoding="utf-8")
        answer = run(folder, "assumptions.v")
        if answer is None:
            return refuse(f"{name}.v lacks a theorem that is named here")
        axioms = set(re.findall(r"^(\S+) :", answer, re.MULTILINE))
        if axioms - (AXIOMS if name in CLASSICAL else set()):
            return refuse(f"{name}.v rests on {', '.join(sorted(axioms))}")
        rests = "the axioms of classical logic in mathcomp-analysis" if axioms else "no axiom"
        print(f"{name}: {', '.join(theorems)} rest on {rests}")
    number = sum(map(len, THEOREMS.values()))
    print(f"\n{number} theorems in {len(THEOREMS)} files checked in {time.monotonic() - started:.0f} s.")
    return 0


def run(folder: Path, name: str) -> str | None:
    """Compile one file; what it prints, or nothing where it fails."""
    command = ["coqc", "-Q", ".", "ERProofs", *FLAGS, name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        return None
    return done.stdout


def refuse(reason: str) -> int:
    """Say why the check fails."""
    print(f"proofs: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
