"""Compile every proof and say what each theorem rests on, or check one certificate.

Run by ``make proofs``, and by ``make certificate FILE=answer.v`` for what ``ertheory width --certificate`` wrote. Needs
``coqc`` with mathcomp 1 or 2, as in Debian 12 and 13; without it this says how to install them, and that nothing was
checked. A proof that is not finished, or an axiom that is not listed here, is a failure.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMPILED = HERE / ".compiled"  # one folder for each version of the sources and of Coq
PACKAGES = (
    "coq",
    "libcoq-mathcomp-ssreflect",
    "libcoq-mathcomp-algebra",
    "libcoq-mathcomp-algebra-tactics",
    "libcoq-mathcomp-analysis",
)
# Everything was compiled, with the same axioms, by these; others may know a lemma under another name.
CHECKED = "Coq 8.16.1, mathcomp 1.15 (Debian 12) and Coq 8.20.1, mathcomp 2.3 (Debian 13)"
NAMES = "names"  # what the proofs are written with; mathcomp 1 and 2 have a file each that makes up for what they lack
MATHCOMPS = ("mathcomp_1", "mathcomp_2")  # the first whose names compile is the one that is there
# In the order in which they build on one another, with the theorems that they are there for.
THEOREMS = {
    "bernoulli": ("Ex_blocks", "Pr_blocks", "block_law"),
    "block_construction": ("construction", "construction_id"),
    "theorem_2_2": ("law22", "exact22", "union22", "printed22"),
    "theorem_2_2_logarithms": ("theorem22", "theorem21"),
    "exact_laws": ("fubini", "binomial_law", "law23A", "law23B", "law_path", "path_first_moment"),
    "theorem_2_3": ("theorem23", "exact23A", "exact23B"),
    "rounding": ("certificateP", "fig2_99"),
    "certificates": ("plan_sound", "plan_minimal", "widths_okP"),
    "printed_certificate": ("printed_condition", "printed_minimal", "printed_sound"),
    "theorem_2_1_masked_inputs": ("exact3", "upper3", "printed_conditions", "printed_is_false"),
    "dropped_copies": ("good_law", "served_law", "drop_construction_id", "theoremI1"),
    "dropped_certificate": ("drop_loss_le", "drop_minimal", "drop_sound"),
    "subset_sum_step": ("one_step", "potential_step"),
    "hall": ("hall_theorem",),
    "factored": ("dual", "primal", "either_matching", "path_needed", "linear_source", "relu_source"),
    "factored_law": ("groups_law", "hall_union", "bad_law", "factored_law"),
    "factored_mixed": ("mixed", "contains_transposed"),
    "small_sets": ("binomial_quotients", "fewer_concave", "fewer_power", "fewer_mean"),
    "factored_mixed_law": ("columns_law", "fewer_avoids", "aside_law", "mixed_matchings", "mixed_law"),
    "factored_network": ("Ex_part", "pair_law", "factored_network", "factored_network_relu"),
    "masked_layer_0": ("transport", "seen_law", "matched_law", "matchable_law", "masked_drop"),
    "three_factors": ("colouring", "joined_law", "three_factors"),
    "masked_networks": ("transport_deep", "seen_law_deep"),
    "masked_laws": ("alive_law", "matched_deep", "matched22", "preassigned_exact", "preassigned22"),
    "masked_printed": ("power_ge", "printed_matched"),
    "upward": ("up_mulP", "up_addP", "up_powP", "up_leP"),
    "factored_certificate": ("level_steps", "weighted_levels", "loss_upP"),
    "enclosures": ("mean_dnP", "mean_upP"),
    "factored_answers": ("readers_dnP", "many_upP", "map_upP", "factored_answer", "factored_answer_relu"),
    "factored_minimal": ("lost_dnP", "floorsP", "map_aboveP", "shares_le"),
    "preassigned_certificate": ("preassigned_enough", "preassigned_minimal", "preassigned_sound"),
    "matched_certificate": ("chernoff", "tail_upP", "sharp_upP", "hall_sum_upP", "hall_okP", "matched_drop"),
    "matched_minimal": ("tail_dnP", "hall_sum_dnP", "neurons_fewP"),
    "matched_blocks_certificate": ("blocks_matched_sound",),
    "matched_blocks_minimal": ("plan_minimal_left",),
    "printed_masked_certificate": ("printed_preassigned_sound", "printed_matched_sound", "hall_aboveP"),
    "matched_drops": ("drop_matched_sound",),
    "conditioning": ("Ex_two", "Ex_bits", "Ex_mono"),
    "factored_mixed_minimal": ("lost_rows", "steps_weaken", "binomial_above", "readers_le", "mixed_aboveP"),
    "dropped_deep": ("kept_construction", "next_law", "kept_law", "drop_deep"),
    "dropped_deep_certificate": (
        "deep_enough",
        "deep_minimal",
        "deep_matched_minimal",
        "deep_sound",
        "deep_matched_sound",
        "deep_neurons_fewP",
    ),
    "lemma_2_4": ("some_missed", "printed_lemma_2_4_is_false"),
    "theorem_2_1_masked_inputs_number": ("path_le", "printed_is_false_2173"),
    "private_matching": ("private_law",),
    "one_hidden_layer": ("eq_density",),
    "coded_layer_0": ("coded_source", "coloured_law", "matching_law", "sequential_coded"),
    "kinks": ("avoid", "kinks_needed"),
    "degree_bound": ("chamber", "degree_needed", "degree_minors", "degree_general"),
    "subset_sums": ("mean_tuples", "never_reached", "grid_law", "explicit_potential", "explicit_theorem"),
    "subset_sum_exponents": ("power_chord", "explicit_exponent"),
    "sequential_greedy": ("run_serves", "greedy_law", "sequential_law", "sequential_bound"),
}
# What logarithms of real numbers rest on in mathcomp-analysis: classical logic, and functions that are their values.
AXIOMS = {
    "functional_extensionality_dep",
    "propositional_extensionality",
    "constructive_indefinite_description",
}
CLASSICAL = ("theorem_2_2_logarithms", "subset_sum_exponents")
UNFINISHED = re.compile(r"\b(Admitted|admit|Axiom|Axioms|Parameter|Parameters|Conjecture|Abort)\b")
USED = re.compile(r"^From ERProofs Require Import ([^.]*)\.", re.MULTILINE)
NAMED = re.compile(r"^(?:Theorem|Corollary) (\w+)", re.MULTILINE)
FLAGS = ("-w", "-notation-overridden,-ambiguous-paths")


def main() -> int:
    """Check everything or one certificate; 0 if all of it holds, or if there is no Coq with mathcomp to ask."""
    parser = argparse.ArgumentParser(description="Compile every proof, and say what each theorem rests on.")
    parser.add_argument("file", nargs="?", type=Path, help="a certificate, to be checked instead of the proofs")
    parser.add_argument("--require", action="store_true", help="fail where Coq or mathcomp is not installed")
    options = parser.parse_args()
    if (missing := missing_here()) is not None:
        print(f"Nothing was checked: there is no {missing} here. On Debian 12 or 13:")
        print(f"  apt-get install --no-install-recommends {' '.join(PACKAGES)}")
        return int(options.require or options.file is not None)
    if options.file is not None:
        return check_certificate(options.file, compiled_folder())
    with tempfile.TemporaryDirectory(prefix="ertheory-proofs-") as folder:
        return check_proofs(Path(folder))


def check_proofs(folder: Path) -> int:
    """Compile all proofs in an empty folder, as many at once as there are cores, and keep them for certificates."""
    started = time.monotonic()
    for name in THEOREMS:
        if found := unfinished(source(name)):
            return refuse(f"{name}.v is not finished: {found}")
    mathcomp = compiled_names(folder)
    if mathcomp is None:
        return refuse_mathcomp()
    print(f"Coq {coq_version()} with {mathcomp.replace('_', ' ')}. The proofs were checked with {CHECKED}.", flush=True)
    for name, answer in compiled_together(folder):
        if answer is None:
            return refuse(f"{name}.v does not compile, or lacks a theorem that is named in check.py")
        axioms = axioms_in(answer)
        if axioms - (AXIOMS if name in CLASSICAL else set()):
            return refuse(f"{name}.v rests on {', '.join(sorted(axioms))}")
        rests = "the axioms of classical logic in mathcomp-analysis" if axioms else "no axiom"
        print(f"{name}: {', '.join(THEOREMS[name])} rest on {rests}", flush=True)
    number = sum(map(len, THEOREMS.values()))
    print(f"\n{number} theorems in {len(THEOREMS)} files checked in {time.monotonic() - started:.0f} s.")
    keep = compiled_folder()
    for name in (NAMES, *THEOREMS):
        shutil.copy(folder / f"{name}.vo", keep / f".{name}.vo")
        (keep / f".{name}.vo").replace(keep / f"{name}.vo")
    return 0


def compiled_together(folder: Path) -> Iterator[tuple[str, str | None]]:
    """Compile every proof as soon as those that it uses are there; each with what Coq says of its theorems.

    The first that fails is the last one: what waits is not begun, and what runs is waited for.
    """
    waiting = {name: set(theories(source(name))) for name in THEOREMS}
    running: dict[Future[str | None], str] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while waiting or running:
            for name in [name for name, used in waiting.items() if not used]:
                del waiting[name]
                running[pool.submit(compiled, name, folder)] = name
            for task in wait(running, return_when=FIRST_COMPLETED).done:
                name, answer = running.pop(task), task.result()
                if answer is None:
                    pool.shutdown(cancel_futures=True)
                yield name, answer
                if answer is None:
                    return
                for used in waiting.values():
                    used.discard(name)


def check_certificate(file: Path, folder: Path) -> int:
    """Compile one certificate with the theories that it uses, and say what its theorems rest on."""
    started = time.monotonic()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return refuse(f"{file} cannot be read")
    if found := unfinished(text):
        return refuse(f"{file.name} is not finished: {found}")
    theorems = NAMED.findall(text)
    if not theorems:
        return refuse(f"{file.name} states no theorem")
    if not (folder / f"{NAMES}.vo").exists() and compiled_names(folder) is None:
        return refuse_mathcomp()
    for name in theories(text):
        if not (folder / f"{name}.vo").exists():
            print(f"{name}.v", flush=True)
            if compiled(name, folder) is None:
                return refuse(f"{name}.v does not compile")
    with tempfile.TemporaryDirectory(prefix="ertheory-certificate-") as place:
        copy = Path(place) / "certificate.v"
        copy.write_text(f"{text}\n{question(theorems)}", encoding="utf-8")
        answer = run(copy, folder)
    if answer is None:
        return refuse(f"{file.name} does not hold")
    if axioms := axioms_in(answer):
        return refuse(f"{file.name} rests on {', '.join(sorted(axioms))}")
    print(
        f"{file.name}: {', '.join(theorems)} checked in {time.monotonic() - started:.0f} s "
        f"by Coq {coq_version()}, on no axiom."
    )
    return 0


def source(name: str) -> str:
    """Read one of the proofs."""
    return (HERE / f"{name}.v").read_text(encoding="utf-8")


def unfinished(text: str) -> str:
    """Find a word, outside comments, that leaves something unproved."""
    found = UNFINISHED.search(re.sub(r"\(\*.*?\*\)", "", text, flags=re.DOTALL))
    return found[0] if found else ""


def theories(text: str) -> list[str]:
    """List the proofs that a text uses, each after those that it uses itself."""
    found: list[str] = []
    for name in [name for names in USED.findall(text) for name in names.split() if name != NAMES]:
        found += [one for one in (*theories(source(name)), name) if one not in found]
    return found


def compiled_folder() -> Path:
    """Make the folder of what was compiled from these very sources by this Coq."""
    names = (f"{mathcomp}/{NAMES}" for mathcomp in MATHCOMPS)
    texts = "".join(map(source, (*names, *THEOREMS)))
    digest = hashlib.sha256((coq_version() + texts).encode()).hexdigest()[:16]
    folder = COMPILED / digest
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def missing_here() -> str | None:
    """Name what is not installed: coqc, or a part of mathcomp that the proofs load; None where all of it is there."""
    if shutil.which("coqc") is None:
        return "coqc"
    done = subprocess.run(["coqc", "-where"], capture_output=True, text=True, check=True)
    more = filter(None, os.environ.get("COQPATH", "").split(os.pathsep))
    places = [Path(done.stdout.strip()) / "user-contrib", *map(Path, more)]
    needed = ("ssreflect", "algebra", "algebra_tactics", "analysis")
    there = all(any((place / "mathcomp" / part).is_dir() for place in places) for part in needed)
    return None if there else "whole mathcomp for this coqc"


def coq_version() -> str:
    """Ask which Coq this is, as in 8.16.1."""
    done = subprocess.run(["coqc", "--print-version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def compiled_names(folder: Path) -> str | None:
    """Compile the names of the mathcomp that is there, and say which one it is; nothing where there is none."""
    for mathcomp in MATHCOMPS:
        with tempfile.TemporaryDirectory(prefix=".draft-", dir=folder) as place:
            draft = Path(place) / f"{NAMES}.v"
            draft.write_text(source(f"{mathcomp}/{NAMES}"), encoding="utf-8")
            if run(draft, folder, quiet=mathcomp != MATHCOMPS[-1]) is not None:
                draft.with_suffix(".vo").replace(folder / f"{NAMES}.vo")
                return mathcomp
    return None


def compiled(name: str, folder: Path) -> str | None:
    """Compile one of the proofs into a folder that holds what it uses; whole or not at all.

    Returns
    -------
    str or None
        What Coq says on what its theorems rest; nothing where it does not compile or lacks one of them.
    """
    with tempfile.TemporaryDirectory(prefix=".draft-", dir=folder) as place:
        draft = Path(place) / f"{name}.v"
        draft.write_text(f"{source(name)}\n{question(THEOREMS[name])}", encoding="utf-8")
        answer = run(draft, folder)
        if answer is not None:
            draft.with_suffix(".vo").replace(folder / f"{name}.vo")
    return answer


def question(theorems: Iterable[str]) -> str:
    """Ask Coq what theorems rest on, all together: each question would go through all that is below them once more."""
    together = ", ".join(f"@{theorem}" for theorem in theorems)
    return f"Definition all_theorems := ({together}).\nPrint Assumptions all_theorems.\n"


def axioms_in(answer: str) -> set[str]:
    """Read what Coq says to that: a name at the beginning of a line, and its type behind it or below."""
    names = {line.split()[0] for line in answer.splitlines() if line.strip() and not line[0].isspace()}
    return names - {"Axioms:", "Closed"}  # under the global context


def run(file: Path, *folders: Path, quiet: bool = False) -> str | None:
    """Compile one file beside the folders that it may use; what it prints, or nothing where it fails."""
    places = [word for folder in folders for word in ("-Q", str(folder), "ERProofs")]
    command = ["coqc", *places, "-Q", ".", "ERProofs", *FLAGS, file.name]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, check=False)
    if done.returncode and not quiet:
        print(done.stdout + done.stderr, file=sys.stderr)
    return None if done.returncode else done.stdout


def refuse_mathcomp() -> int:
    """Say that Coq is there, but not what the proofs are written with."""
    return refuse(f"Coq {coq_version()} has no mathcomp here, or another one. Known to do: {CHECKED}")


def refuse(reason: str) -> int:
    """Say why the check fails."""
    print(f"proofs: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
