"""Which tests reach a line: recorded once from the whole suite, and kept in one small file."""

from __future__ import annotations

import ast
import difflib
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

from .changes import PACKAGES, Change

_COMPILERS = {"kernel", "njit"}  # decorators of loops whose lines are machine code
_GENERATOR = "llvmlite"  # what imports it writes machine code, which is kept: it runs again only where that is missing


@dataclass(frozen=True)
class Reach:
    """What was recorded: tests with their processor seconds, files as they were, and which tests reach their lines."""

    day: str
    minutes: float
    seconds: Mapping[str, float]  # by test
    texts: Mapping[str, str]  # by path
    lines: Mapping[str, Mapping[str, int]]  # by path and number of the line: a place in `sets`
    sets: tuple[tuple[int, ...], ...]  # of places in `seconds`

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(self.seconds)

    @cached_property
    def functions(self) -> frozenset[str]:
        """Tests by the names of their functions, for those with parameters are many."""
        return frozenset(function_of(name) for name in self.names)

    def tests_of(self, path: str, lines: Iterable[int]) -> set[str]:
        """The tests that reach any of some lines of a file."""
        there = self.lines.get(path, {})
        places = {there[str(line)] for line in lines if str(line) in there}
        return {self.names[test] for place in places for test in self.sets[place]}

    def tests_inside(self, path: str) -> set[str]:
        """The tests that reach a function of a file: not those alone that import it in a process of their own."""
        return self.tests_of(path, _inside(self.texts.get(path, "")))

    def reaching(self, change: Change, text: str) -> tuple[set[str], bool]:
        """The tests that reach a wrong line, and whether there can be no others among those that were recorded.

        What runs when a module is imported, what is compiled, and what was written since is not traced. Who imports a
        module is not who asks for what is in it: of the first, no test is known to reach it.
        """
        statement, traced = place_of(text, change.line)
        if not traced:
            return set(), False
        before = self._before(change.path, text)
        then = [before[line] for line in statement if line in before]
        itself = self.tests_of(change.path, [before[change.line]]) if change.line in before else set()
        return itself or self.tests_of(change.path, then), len(then) == len(statement)

    def _before(self, path: str, text: str) -> dict[int, int]:
        """Where the lines of a file were when it was recorded."""
        old, new = self.texts.get(path, "").splitlines(), text.splitlines()
        blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        return {b.b + step + 1: b.a + step + 1 for b in blocks for step in range(b.size)}

    def save(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        with gzip.open(part, "wt", encoding="utf-8") as packed:
            json.dump({field.name: getattr(self, field.name) for field in fields(self)}, packed, separators=(",", ":"))
        part.replace(file)

    @classmethod
    def load(cls, file: Path) -> Reach:
        with gzip.open(file, "rt", encoding="utf-8") as packed:
            return cls(**json.load(packed))


def function_of(test: str) -> str:
    return test.partition("[")[0]


def place_of(text: str, line: int) -> tuple[range, bool]:
    """The lines of the statement that a line belongs to, and whether they are traced: in a function, not compiled."""
    statement, traced, compiled = range(line, line + 1), False, _GENERATOR in text
    for node in ast.walk(ast.parse(text)):  # from outside inwards
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno
            if line <= max(last, node.lineno):
                statement = range(node.lineno, max(last, node.lineno) + 1)
            elif isinstance(node, ast.FunctionDef):
                traced = True
                compiled |= any(_name(decorator) in _COMPILERS for decorator in node.decorator_list)
    return statement, traced and not compiled


def _inside(text: str) -> Iterator[int]:
    """The lines of a file that are in functions."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            yield from range(node.body[0].lineno, (node.end_lineno or 0) + 1)


def _name(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def recorded(root: Path, workers: int) -> Reach:
    """Run the whole suite once and write down which test reaches what."""
    start, day = time.monotonic(), time.strftime("%Y-%m-%d")
    texts = {
        file.relative_to(root).as_posix(): file.read_text(encoding="utf-8")
        for package in PACKAGES
        for file in sorted((root / package).rglob("*.py"))
    }
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        words = ["-q", "-p", "benchmarks.mutants.recording", "-p", "no:cacheprovider", "-o", "timeout=3600"]
        words += ["-n", f"{workers}", "--dist", "loadfile", "--no-loadscope-reorder"] if workers > 1 else []
        environment = {**os.environ, "MUTANTS_RECORDING": folder, "CI": "true", "OMP_NUM_THREADS": "1"}
        done = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=root, env=environment, check=False)
        if done.returncode not in (0, 1):  # a test that fails reaches what it reaches
            msg = f"pytest ends with {done.returncode}: nothing is kept"
            raise RuntimeError(msg)
        return gathered(Path(folder), root, texts, day, (time.monotonic() - start) / 60)


def gathered(folder: Path, root: Path, texts: Mapping[str, str], day: str, minutes: float) -> Reach:
    """What processes of a recording wrote down, in one: what a shared fixture reaches, its tests do."""
    from coverage import CoverageData

    notes = [json.loads(row) for file in sorted(folder.glob("notes-*.jsonl")) for row in file.open(encoding="utf-8")]
    rows = sorted((row for row in notes if "test" in row), key=lambda row: row["test"])
    shared = {row["fixture"]: row["seconds"] for row in notes if "fixture" in row}
    seconds = {  # of each test alone
        row["test"]: round(row["seconds"] + sum(shared.get(name, 0) for name in row["fixtures"]), 3) for row in rows
    }
    masks = {name: 1 << place for place, name in enumerate(seconds)}  # of contexts: which tests belong to them
    for row in rows:
        for fixture in row["fixtures"]:
            masks[fixture] = masks.get(fixture, 0) | masks[row["test"]]
    found: dict[str, dict[int, int]] = {path: defaultdict(int) for path in texts}
    for file in folder.glob("coverage.*"):
        data = CoverageData(basename=file)
        data.read()
        for measured in data.measured_files():
            lines = found.get(os.path.relpath(measured, root), {})
            for line, contexts in data.contexts_by_lineno(measured).items():
                for context in contexts:
                    if context in masks:  # not what runs when a module is imported before all tests
                        lines[line] |= masks[context]
        data.close()
    places = {
        mask: place for place, mask in enumerate(dict.fromkeys(m for lines in found.values() for m in lines.values()))
    }
    return Reach(
        day, round(minutes, 1), seconds, texts,
        {path: {f"{line}": places[mask] for line, mask in sorted(lines.items())} for path, lines in found.items()},
        tuple(tuple(bit for bit in range(mask.bit_length()) if mask >> bit & 1) for mask in places),
    )  # fmt: skip
