"""Do the commands of two checkouts give the same JSON documents?

    python tests/reference/compare_commands.py BEFORE AFTER       compares two checkouts, given by their folders
    python tests/reference/compare_commands.py --write CHECKOUT   writes the quick documents into `commands/`

Every command of the README and of the contract that ends in seconds runs in both, with `--json`, in an empty folder
with the same target files, and so do some that must fail. Documents are compared field by field, and so are the files
that commands leave behind. What is only in the second is an addition, and a sentence may be put in other words; both
are listed, and so are floats whose last digits differ: bounds that are found in another way are rounded elsewhere. A
value that changed, a field that went and another exit status are failures, and then the exit status is 1. A number
that changed for a reason that is known is listed with it. Times and versions are left out.
`--only WORD` takes the commands whose name holds the word, `--all` also those that take minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["COMMANDS", "FAILURES", "FROZEN", "QUICK", "answer", "differences", "frozen", "write_targets"]

FROZEN = Path(__file__).parent / "commands"

# Times, and what counts versions; they differ between two runs of the same commit.
IGNORED = {"version", "seconds", "trials_per_second", "environment"}

LAST_DIGITS = 1e-12  # relative

# Sentences for people. They may be put in other words, which is listed; a sentence in place of null is a change.
PROSE = {"reason", "conditions", "warnings", "says", "certified", "explanation"}

# Rows of a list are matched by these fields where they tell the rows apart: a further row is then an addition.
KEYS = ("method", "name", "statement", "argument", "what")

BIG, SMALL = "784-128-10 --sparsity 0.9 --delta 0.001", "8-6-3 --sparsity 0.5 --delta 0.05"

# Quick ones: a second or less, and the same on every processor. Their documents are frozen.
QUICK = {
    "width": f"ertheory width --target {BIG}",
    "width-dense-layer-0": "ertheory width --target 784-128-10 --density 1,0.1,0.1 --delta 0.001",
    "width-confidence": "ertheory width --target 784-128-10 --sparsity 9/10 --confidence 0.999 --layer0 matched",
    "width-preassigned": f"ertheory width --target {BIG} --method exact --layer0 preassigned",
    "width-coded": f"ertheory width --target {SMALL} --method sharp --layer0 coded",
    "width-joint": "ertheory width --target 784-128-10 --density 1,0.1,0.1 --delta 0.001 --method joint",
    "width-explain": "ertheory width --target 784-128-10 --density 1,.1,.1 --delta 1/1000 --method printed --explain",
    "width-deep": "ertheory width --target 20-12-8-4 --density 0.3,0.2,0.3,0.5 --delta 0.01",
    "width-one-layer": "ertheory width --target 10-3 --sparsity 0.5 --delta 0.01",
    "width-file": "ertheory width --target net.npz --sparsity 0.9 --delta 0.01",
    "width-convolution": "ertheory width --target conv.npz --density 1,0.2,0.2,0.2 --delta 0.01",
    "width-sequential": f"ertheory width --target {SMALL} --method sequential",
    "width-matching": f"ertheory width --target {SMALL} --method matching",
    "width-size-lp": f"ertheory width --target {SMALL} --method size-lp",
    "width-first-moment": f"ertheory width --target {SMALL} --method first-moment",
    "width-parameter-count": f"ertheory width --target {BIG} --method parameter-count",
    "width-path-count": f"ertheory width --target {BIG} --method path-count",
    "sparsity": "ertheory sparsity --target 784-128-10 --widths 179536,18048 --delta 0.001",
    "confidence": "ertheory confidence --target 784-128-10 --widths 179536,18048 --density 1,0.1,0.1",
    "confidence-masked": "ertheory confidence --target 8-6-3 --widths 200,120 --sparsity 0.5",
    "lower": "ertheory lower --inputs 10 --density 0.01 --delta 0.05",
    "lower-linear": "ertheory lower --inputs 10 --density 0.01,0.1 --delta 0.05 --output linear --explain",
    "densities": "ertheory densities --model resnet18 --ratio balanced --density 0.1",
    "densities-printed": "ertheory densities --model resnet18 --ratio balanced-printed --density 0.3",
    "densities-erk": "ertheory densities --model vgg16 --ratio erk --sparsity 0.95",
    "densities-pyramidal": "ertheory densities --model 784-300-100-10 --ratio pyramidal --density 0.1",
    "densities-uniform": "ertheory densities --model resnet50 --ratio uniform --density 0.2 --classes 100 --width 2",
    "embed": "ertheory embed --target net.npz --sparsity 0,0.9,0.9 --delta 0.001 --out source.npz",
    "embed-drop": "ertheory embed --target net.npz --sparsity 0.5 --delta 0.01 --method drop --domain=-1,1 --seed 3 "
    "--out drop.npz",
    "embed-convolution": "ertheory embed --target conv.npz --density 1,0.5,0.5,0.5 --delta 0.01 --method printed "
    "--inputs images.npy --out conv-source.npz",
    "embed-fails": "ertheory embed --target net.npz --sparsity 0.9 --delta 0.9 --method drop --seed 1 --out none.npz",
    "verify": "ertheory verify theorem-2.1 --trials 500",
    "verify-build": "ertheory verify drop --build --trials 50 --seed 1",
    "verify-lower": "ertheory verify theorem-2.3 --trials 500 --seed 2",
    "subset-sum": "ertheory subset-sum --density 0.5 --epsilon 0.01 --delta 0.01",
    "subset-sum-printed": "ertheory subset-sum --density 0.99 --epsilon 0.01 --delta 0.01 --mode printed --constant 5",
    "subset-sum-calibrated": "ertheory subset-sum --sparsity 0.5 --epsilon 0.01 --delta .1 --uniform --mode calibrated",
    "subset-sum-law": "ertheory subset-sum --density 0.5 --epsilon 0.01 --delta 0.01 --law 1/2,1/3 --z 1/4",
    "ticket": "ertheory ticket --target 784-300-100-10 --density 0.5 --epsilon 0.01 --delta 0.01",
    "ticket-sensitivity": "ertheory ticket --target 2-4-1 --density 0.5 --epsilon 0.1 --delta 0.1 --domain=-1,1 "
    "--depth both --sensitivity",
    "ticket-printed": "ertheory ticket --target 2-4-1 --density 0.5 --epsilon 0.1 --delta 0.1 --mode printed "
    "--constant 5 --gamma 0.5",
    "ticket-build": "ertheory ticket --build --target small.npz --density 1/2 --epsilon 0.1 --widths 210,160 --seed 1 "
    "--workers 1 --out ticket.npz",
    "bad-target": "ertheory width --target 784--10 --sparsity 0.9 --delta 0.001",
    "bad-delta": "ertheory width --target 784-128-10 --sparsity 0.9 --delta 2",
    "bad-both": "ertheory width --target 784-128-10 --sparsity 0.9 --density 0.1 --delta 0.1",
    "bad-file": "ertheory embed --target nothing.npz --sparsity 0.5 --delta 0.1 --out source-of-nothing.npz",
    "bad-overwrite": "ertheory embed --target net.npz --sparsity 0,0.9,0.9 --delta 0.001 --out source.npz",
}

# These take longer, or hang on the last bits of a processor's arithmetic: compared on one machine only.
LONGER = {
    "calibrate": "ertheory calibrate --target 3-2-1 --sparsity 0.5 --delta 0.2 --resolution 0.3 --workers 1",
    "embed-sharp": "ertheory embed --target net.npz --sparsity 0.5 --delta 0.01 --method sharp --out sharp.npz",
    "embed-coded": "ertheory embed --target net.npz --sparsity 0.5 --delta 0.01 --method sequential --layer0 coded "
    "--out coded.npz --no-mask",
    "subset-sum-simulate": "ertheory subset-sum --density 0.5 --epsilon 0.01 --delta 0.1 --simulate --trials 20000 "
    "--seed 1 --workers 1",
    **{
        f"verify-{statement}": f"ertheory verify {statement} --trials {5 if statement == 'theorem-2.5' else 200}"
        for statement in (
            "theorem-2.2 convolution preassigned matched drop drop-deep residual theorem-2.3-linear lemma-2.4 "
            "theorem-2.5 degree path-ceiling sequential matching coded coded-dual coded-classes sharp size-lp "
            "first-moment parameter-count path-count"
        ).split()
    },
    "figure-2": "ertheory figure figure2 --out figures",
    "list": "ertrain list",
    "run": "ertrain run table1 --only data=digits ratio=balanced --density 0.1 --seeds 1 --set epochs=1 --out runs "
    "--quiet",
    "sweep": "ertrain sweep ratios --only data=digits ratio=erk --density 0.2 --seeds 2 --set epochs=1 --out swept "
    "--workers 1",
    "report": "ertrain report runs",
    "bad-recipe": "ertrain run table9",
}

# Minutes each: compared with `--all` alone.
LONGEST = {
    "readme-calibrate": "ertheory calibrate --target 8-6-3 --sparsity 0.5 --delta 0.05 --resolution 0.1",
    "readme-verify": "ertheory verify theorem-2.1",
    "readme-verify-build": "ertheory verify theorem-2.1 --build",
    "readme-floors": "ertrain verify floors --target 3-1-1 --density .5 --delta .1",
    "readme-widths": "ertrain verify widths --target 4-8-3 --sparsity .5 --delta .05",
    **{
        f"figure-{name}": f"ertheory figure {name} --out figures"
        for name in (
            "figure4 figure7 gap lower-bound subset-sum-n subset-sum-constant subset-sum-sandwich ticket-success"
        ).split()
    },
}
COMMANDS = QUICK | LONGER | LONGEST

FAILURES = {"changed", "lost"}

# Numbers that changed for a reason that is known, by the command; they are listed as explained.
EXPLAINED = {
    "verify-matched": "masks are the same, but layer 0 is shared out among the inputs by another of the largest "
    "matchings, so the copies read other entries of the next mask: another draw from the same law",
    "readme-calibrate": "the proved widths from which the search goes down have one neuron less, by spare neurons in "
    "layer 1; so every test is at other widths, and the width that is found is smaller too",
    "file figures/gap.csv": "sharp totals are smaller where copies share weights and neurons are spare, and there are "
    "rows for two further necessary statements; no sufficient total is larger and no necessary one smaller",
}


def write_targets(folder: Path) -> None:
    """Write the target files of the commands; every weight is a multiple of 1/8, so that sums are exact."""

    def weights(seed: int, *shape: int) -> np.ndarray:
        return np.random.default_rng(seed).integers(-16, 17, size=shape) / 8

    np.savez(folder / "net.npz", W1=weights(1, 5, 4), b1=weights(2, 5), W2=weights(3, 2, 5), b2=weights(4, 2))
    np.savez(folder / "small.npz", W1=weights(5, 3, 2) / 4, b1=weights(6, 3) / 4, W2=weights(7, 1, 3) / 4, b2=[0.125])
    kernels = {"W1": weights(8, 3, 1, 2, 2), "W2": weights(9, 2, 3, 2, 2), "W3": weights(10, 2, 2, 1, 1)}
    np.save(folder / "images.npy", weights(14, 3, 1, 5, 6) % 1)
    np.savez(folder / "conv.npz", **kernels, b1=weights(11, 3), b2=weights(12, 2), b3=weights(13, 2))


def answer(command: str) -> dict[str, Any]:
    """Run a command with `--json` in this process and this folder; give its exit status and its document."""
    program, *words = shlex.split(command)
    if program == "ertrain":
        from ertrain.cli import main
    else:
        from ertheory.cli import main
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            status = main([*words, "--json"])
        except SystemExit as stop:
            status = stop.code
    text = out.getvalue()
    return {"command": command, "exit": status, "document": json.loads(text) if text else None}


def differences(before: Any, after: Any, path: str = "", tolerance: float = 0) -> Iterator[tuple[str, str]]:
    """Yield a kind and a line for every field in which two documents differ.

    Kinds are "added", "reworded", "rounded", "lost" and "changed". Floats may differ by the given share of themselves;
    integers, and numbers written as text, never.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            here = f"{path}.{name}" if path else str(name)
            if name in IGNORED:
                continue
            if name not in after:
                yield "lost", f"{here}: {_short(before[name])}"
            elif name not in before:
                yield "added", f"{here}: {_short(after[name])}"
            else:
                yield from differences(before[name], after[name], here, tolerance)
    elif isinstance(before, list) and isinstance(after, list):
        key = _key(before, after)
        if key is not None:
            rows, others = {row[key]: row for row in before}, {row[key]: row for row in after}
            if [name for name in others if name in rows] != [name for name in rows if name in others]:
                yield "changed", f"{path}: the order of the rows"
            yield from differences(rows, others, path, tolerance)
        elif len(before) != len(after):
            yield "changed", f"{path}: {len(before)} entries, now {len(after)}"
        else:
            for index, pair in enumerate(zip(before, after, strict=True)):
                yield from differences(*pair, f"{path}[{index}]", tolerance)
    elif isinstance(before, float) and isinstance(after, float):
        if not math.isclose(before, after, rel_tol=tolerance):
            near = math.isclose(before, after, rel_tol=LAST_DIGITS)
            yield "rounded" if near else "changed", f"{path}: {before}, now {after}"
    elif type(before) is not type(after) or before != after:
        field = path.rpartition(".")[2].partition("[")[0]
        kind = "reworded" if field in PROSE and isinstance(before, str) and isinstance(after, str) else "changed"
        yield kind, f"{path}: {_short(before)}, now {_short(after)}"


def frozen() -> dict[str, dict[str, Any]]:
    """Read the frozen answers of the quick commands, by their names."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FROZEN.glob("*.json"))}


def _key(*lists: list[Any]) -> str | None:
    """Which field tells the rows of each list apart."""
    for key in KEYS:
        if all(rows and all(isinstance(row, dict) and key in row for row in rows) for rows in lists) and all(
            len({str(row[key]) for row in rows}) == len(rows) for rows in lists
        ):
            return key
    return None


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _files(folder: Path) -> dict[str, Any]:
    """What commands left behind and other programs read: numbers of figures, sources and tickets."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".csv":
            found[name] = path.read_text(encoding="utf-8").splitlines()
        elif path.suffix == ".npz":
            with np.load(path) as arrays:
                found[name] = {key: arrays[key].tolist() for key in arrays.files}
        elif path.name in {"config.json", "result.json"}:
            found[name] = json.loads(path.read_text(encoding="utf-8"))
        elif path.name == "metrics.jsonl":
            found[name] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return found


def _answers(checkout: Path, names: list[str]) -> dict[str, Any]:
    """Let one process with the packages of a checkout answer all commands, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        write_targets(Path(folder))
        environment = os.environ | {"PYTHONPATH": str(checkout.resolve()), "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
        command = [sys.executable, str(Path(__file__).resolve()), "--answer", *names]
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, check=True, text=True)
        answers = dict(map(json.loads, done.stdout.splitlines()))
        found: dict[str, Any] = {name: answers[name] for name in names}
        return found | {f"file {name}": content for name, content in _files(Path(folder)).items()}


def _compare(before: Path, after: Path, names: list[str]) -> int:
    first, second = _answers(before, names), _answers(after, names)
    failures = 0
    for name in [*first, *(name for name in second if name not in first)]:
        here, there = ({key: of[key] for key in (name,) if key in of} for of in (first, second))
        for found, line in differences(here, there):
            kind = "explained" if found == "changed" and name in EXPLAINED else found
            failures += kind in FAILURES
            print(f"{kind:9} {line}" + (f" ({EXPLAINED[name]})" if kind == "explained" else ""))
    print(f"{len(names)} commands, {len(first) - len(names)} files: {failures} changes or losses")
    return int(failures > 0)


def _write(checkout: Path) -> int:
    FROZEN.mkdir(exist_ok=True)
    for name, given in _answers(checkout, list(QUICK)).items():
        if name in QUICK:
            if given["document"] is not None:
                given["document"] = {key: value for key, value in given["document"].items() if key not in IGNORED}
            (FROZEN / f"{name}.json").write_text(json.dumps(given, indent=1) + "\n", encoding="utf-8")
    return 0


def main() -> int:
    """Compare two checkouts, or freeze the answers of one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", nargs="*", help="two folders to compare, or one to freeze")
    parser.add_argument("--only", default="", metavar="WORD", help="only commands whose name holds it")
    parser.add_argument("--all", action="store_true", help="also the commands that take minutes")
    parser.add_argument("--write", action="store_true", help="freeze the quick answers of one checkout")
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.answer:
        for name in given.checkouts:
            print(json.dumps([name, answer(COMMANDS[name])]), flush=True)
        return 0
    if len(given.checkouts) != (1 if given.write else 2):
        parser.error("give two checkouts to compare, or one with --write")
    folders = list(map(Path, given.checkouts))
    if given.write:
        return _write(*folders)
    chosen = COMMANDS if given.all else QUICK | LONGER
    return _compare(*folders, [name for name in chosen if given.only in name])


if __name__ == "__main__":
    raise SystemExit(main())
