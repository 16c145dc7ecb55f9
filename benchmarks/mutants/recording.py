"""A plugin for pytest: writes down which test reaches which line of the packages, and what each test takes.

    python -m pytest -p benchmarks.mutants.recording     with the folder to write into in MUTANTS_RECORDING

Every test is a context of coverage.py. What is done once for many tests would be seen with the first of them alone: a
fixture of a module or of the session is a context of its own, which belongs to all tests that ask for it, and what the
packages have cached is forgotten before each test. Commands that a test starts as processes are recorded with it, where
they inherit its environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

from .changes import PACKAGES

FOLDER, _CONTEXT = "MUTANTS_RECORDING", "MUTANTS_CONTEXT"
_COMMANDS = """
[run]
source = {source}
data_file = {data}
parallel = true
context = ${{MUTANTS_CONTEXT-}}
disable_warnings = {quiet}
"""
# All that a command could say about its recording: tests read what it prints.
_QUIET = "no-data-collected,module-not-imported,module-not-measured,already-imported,couldnt-parse,no-ctracer"


class Recorder:
    """Records a process in which tests run."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.notes, commands = folder / f"notes-{os.getpid()}.jsonl", folder / f"commands-{os.getpid()}.ini"
        self.shared = 0.0  # seconds of a test that went into fixtures of many
        source, data = [str(root / package) for package in PACKAGES], folder / "coverage"
        commands.write_text(_COMMANDS.format(source=",".join(source), data=data, quiet=_QUIET), encoding="utf-8")
        os.environ["COVERAGE_PROCESS_START"] = str(commands)
        self.coverage = coverage.Coverage(data_file=data, data_suffix=True, source=source, config_file=False)
        self.coverage.set_option("run:disable_warnings", _QUIET.split(","))
        self.coverage.start()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        _forget()
        start, self.shared = _spent(), 0.0
        with self.within(item.nodeid):
            result = yield
        shared = sorted({_fixture(one) for all_of in _fixtures(item).values() for one in all_of if _is_shared(one)})
        self.note(test=item.nodeid, seconds=_spent() - start - self.shared, fixtures=shared)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object]) -> Iterator[None]:
        if not _is_shared(fixturedef):
            return (yield)
        start, before = _spent(), self.shared
        with self.within(_fixture(fixturedef)):
            result = yield
        seconds = _spent() - start - (self.shared - before)  # without those that it asks for
        self.shared += seconds
        self.note(fixture=_fixture(fixturedef), seconds=seconds)
        return result

    def note(self, *, seconds: float, **row: object) -> None:
        """Write a row down at once: a process may be ended by its last test."""
        with self.notes.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**row, "seconds": round(seconds, 3)}) + "\n")

    @contextlib.contextmanager
    def within(self, context: str) -> Iterator[None]:
        """Record for a context, in this process and in those that it starts."""
        before = os.environ.get(_CONTEXT, "")
        self.coverage.switch_context(context)
        os.environ[_CONTEXT] = context
        try:
            yield
        finally:
            self.coverage.switch_context(before)
            os.environ[_CONTEXT] = before

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        self.coverage.save()


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("numprocesses", None) or hasattr(config, "workerinput"):  # not in what only shares out
        config.pluginmanager.register(Recorder(config.rootpath, Path(os.environ[FOLDER])))


def _fixtures(item: pytest.Item) -> dict[str, object]:
    info = getattr(item, "_fixtureinfo", None)
    return info.name2fixturedefs if info else {}


def _is_shared(fixture: pytest.FixtureDef[object]) -> bool:
    return fixture.scope != "function"


def _fixture(fixture: pytest.FixtureDef[object]) -> str:
    return f"fixture {fixture.baseid}::{fixture.argname}"


def _forget() -> None:
    """Empty the caches of functions in the packages."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in PACKAGES:
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear") and getattr(value, "__module__", None) == name:
                    value.cache_clear()


def _spent() -> float:
    return sum(os.times()[:4])  # with that of processes which have ended
