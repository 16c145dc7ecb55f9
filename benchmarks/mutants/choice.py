"""Which tests are asked about a wrong line, and in what order: those that reach it, or, unknown, those that belong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from .belonging import belonging, functions, importers, nearest
from .changes import Change
from .reach import Reach, function_of

_FILES = 4  # that are read at once where it is not known which of their tests reach the line
_FIRST, _TIMES = 20, 4  # tests in the first group, and how many times as many are in each group after it
_READING = "tests/reference/test_defaults.py"  # looks at what every module defines, and reaches nothing of it
_CASES = 3  # of a test with parameters that are asked for its words


@dataclass(frozen=True)
class Group:
    """What pytest is asked for at once, and which of the tests it finds there are meant; None: all."""

    asked: tuple[str, ...]
    only: frozenset[str] | None = None


@dataclass(frozen=True)
class Plan:
    """Groups in their order, and the tests that reach the line; `traced`: there can be no others."""

    groups: tuple[Group, ...]
    reaching: frozenset[str] = frozenset()
    traced: bool = False


def plan(root: Path, change: Change, reach: Reach | None, long: float) -> Plan:
    """The tests to ask about a wrong line, in groups.

    Those that reach it come first, and those that are too new to be known. Where the line is not traced, those that
    reach any function of the module do, or of its importers; after these, and where nobody reaches it, those that
    belong by words.
    """
    if reach is None:
        return Plan(tuple(_by_words(root, change)))
    reaching, traced = reach.reaching(change, (root / change.path).read_text(encoding="utf-8"))
    ranked = ranks(root, change, reach, reaching, long)
    if not traced:
        about = reach.tests_inside(change.path) or {
            test for path in importers(root)[change.path] for test in reach.tests_inside(path)
        }
        ranked += ranks(root, change, reach, about - reaching, long)
    known, *more = [*_groups(root, ranked), Group(())]
    new = tuple(name for name in nearest(root, change) if name not in reach.functions)
    reading = (_READING,) if not traced and (root / _READING).exists() else ()
    words = [] if traced and reaching else _by_words(root, change)
    groups = [group for group in (known, Group(new), Group(reading), *more, *words) if group.asked]
    return Plan(tuple(groups), frozenset(reaching), traced)


def ranks(root: Path, change: Change, reach: Reach, tests: Set[str], long: float) -> list[str]:
    """Tests in the order in which they should be asked.

    First the examples of the module itself, and of the tests nearest by words a few each, but for long ones; then the
    shortest.
    """
    near = {name: place for place, name in enumerate(nearest(root, change, {function_of(test) for test in tests}))}
    taken: Counter[str] = Counter()
    ranked = []
    for test in sorted(tests, key=lambda test: (reach.seconds[test], test)):
        function, seconds = function_of(test), reach.seconds[test]
        place = -1 if test.startswith(f"{change.path}::") else near.get(function, len(near))
        taken[function] += 1
        ranked.append((place if seconds <= long and taken[function] <= _CASES else len(near), seconds, test))
    return [test for *_, test in sorted(ranked)]


def _groups(root: Path, tests: Sequence[str]) -> Iterator[Group]:
    """Few tests first and then more, so that few files are read where one of the first fails."""
    start, count = 0, _FIRST
    while start < len(tests):
        some = tests[start : start + count]
        yield Group(tuple(dict.fromkeys(name for test in some for name in _readable(root, test))), frozenset(some))
        start, count = start + count, count * _TIMES


def _readable(root: Path, test: str) -> Iterator[str]:
    """What to ask pytest for to find a test: its function, or the whole file; nothing where that is gone."""
    (file, _, function), name = test.partition("::"), function_of(test)
    if (root / file).exists():
        yield name if file.startswith("tests/") and function_of(function) in functions(root / file) else file


def _by_words(root: Path, change: Change) -> Iterator[Group]:
    """The examples of the module, the tests that speak of the line, then file by file what belongs to the module."""
    files = belonging(root, change.path)
    own = files[:1] if files[:1] == [change.path] else []
    if first := own + nearest(root, change):
        yield Group(tuple(first))
    for start in range(len(own), len(files), _FILES):
        yield Group(tuple(files[start : start + _FILES]))
