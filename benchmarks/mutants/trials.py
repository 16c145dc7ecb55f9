"""Trials: a process that has loaded the libraries divides itself, and the other one runs tests in a copy of the
project."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import pytest

from .belonging import importers, is_compiled
from .changes import Change
from .choice import Plan, plan
from .reach import Reach

# Loaded once, so that a trial does not wait for them. None of them starts threads when it is imported.
_LIBRARIES = (
    "numpy", "scipy.optimize", "scipy.sparse.csgraph", "scipy.stats", "scipy.special", "flint", "numba", "sympy",
    "matplotlib.figure", "mpmath", "hypothesis.extra.numpy", "torch", "torchvision", "sklearn.datasets", "safetensors",
    "joblib", "tqdm", "tyro", "onnx", "_pytest.doctest",
)  # fmt: skip
# The libraries are there before pytest is: it says that it cannot rewrite the assertions of its own plugins any more.
_OPTIONS = ("-q", "-x", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
_TOO_LONG = 60.0  # processor seconds in which every test of the right program ends
_COMPILING = 60.0  # and as many more where loops are compiled anew
_ENDLESS = "never ends"
_LATE = -1  # of a process that had too little of the processor to end in time
_BYTES = 12 << 30  # of memory that a trial may ask for
_RIGHT: dict[tuple[Path, tuple[str, ...]], bool] = {}  # by copy and words for pytest: whether nothing fails as it is


def bring_up_to_date(copy: Path, root: Path) -> None:
    """Copy what is in the repository, so that the work tree is never touched; what was compiled there is kept."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, check=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    kept = {path for path in listed if path and (root / path).is_file()}
    for file in [file for file in copy.rglob("*") if file.is_file() and "__pycache__" not in file.parts]:
        if file.relative_to(copy).as_posix() not in kept:
            file.unlink()
    for path in kept:
        there, here = copy / path, (root / path).stat()
        if not there.exists() or (there.stat().st_mtime, there.stat().st_size) != (here.st_mtime, here.st_size):
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / path, there)


def load_libraries() -> None:
    os.environ.update({"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "CI": "true"})
    for name in _LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if any(name.partition(".")[0] in ("ertheory", "ertrain") for name in sys.modules):
        msg = "the project is loaded already: what is changed would not be seen"
        raise RuntimeError(msg)


def divided(work: Callable[[], int], copy: Path, limit: float) -> int | None:
    """Do something in a process of its own, on a copy of the project; None where it takes longer than the limit.

    The limit is of processor time. A process that waits for something that never comes, or has to wait for others on a
    busy machine, is ended after three times as much time on the clock, and is late.
    """
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.setsid()
            out = os.open(copy.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5))
            resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.chdir(copy)
            os.environ["PYTHONPATH"] = str(copy)
            sys.path[:0] = [str(copy)]
            sys.dont_write_bytecode = False
            code = work()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    end = time.monotonic() + 3 * limit
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done or time.monotonic() > end:
            break
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)  # with what it started
    if not done:
        os.waitpid(child, 0)
        return _LATE
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return None if ended_by in (signal.SIGXCPU, signal.SIGKILL) else ended_by or os.WEXITSTATUS(status)


class Watch:
    """A plugin for pytest: writes down which tests ran and which failed, and stops once all have taken their time."""

    def __init__(self, limit: float, without: Set[str] = frozenset(), report: Path = Path(os.devnull)) -> None:
        self.limit, self.failed, self.started, self.report = limit, False, _spent(), report
        self.only: Set[str] | None = None
        self.without = set(without)  # and what has passed already
        signal.signal(signal.SIGVTALRM, lambda *_: pytest.fail("takes too long"))

    @property
    def over(self) -> bool:
        return _spent() - self.started > self.limit

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        meant = (item for item in items if self.only is None or item.nodeid in self.only)
        items[:] = [item for item in meant if item.nodeid not in self.without]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        if self.over:
            item.session.shouldstop = "these tests have taken their time"
        signal.setitimer(signal.ITIMER_VIRTUAL, _TOO_LONG)
        result = yield
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.failed:
            self.failed |= report.failed
            if report.passed:
                self.without.add(report.nodeid)
            with self.report.open("a", encoding="utf-8") as file:
                file.write(json.dumps([report.nodeid, report.failed]) + "\n")


def _spent() -> float:
    return sum(os.times()[:4])  # with that of processes which have ended


@dataclass(frozen=True)
class Outcome:
    """What came of a wrong line: the test that failed or a word for what else happened, and the tests that ran."""

    by: str
    asked: frozenset[str]


def tried(change: Change, copy: Path, limit: float, reach: Reach | None = None) -> dict[str, object]:
    """Make a line of the copy wrong, run the tests of its plan, and put it right again.

    A test that fails where nothing is wrong as well, for it needs more than the copy has, sees nothing: it is left out.
    """
    start, file, without = time.monotonic(), copy / change.path, set[str]()
    text, stamp = file.read_text(encoding="utf-8"), file.stat().st_mtime
    chosen = plan(copy, change, reach, limit / 12)
    while True:
        try:
            file.write_text(change.applied(text), encoding="utf-8")
            # Never the time of another wrong line, by which Python knows what it has compiled.
            os.utime(file, (stamp, stamp + 1 + crc32(repr(change.key).encode()) % 10**6))
            outcome = run(change, copy, limit, chosen, without)
        finally:
            file.write_text(text, encoding="utf-8")
            os.utime(file, (stamp, stamp))
        by = outcome.by
        files = {name.partition("::")[0] for group in chosen.groups for name in group.asked}
        if by in ("", _ENDLESS) or is_right((by,) if "::" in by else ("--collect-only", *sorted(files)), copy):
            break
        if "::" not in by:
            by = ""
            break
        without.add(by)
    return {
        **change.to_dict(), "seen": bool(by), "by": by, "tests": len(outcome.asked), "traced": chosen.traced,
        "reaching": len(chosen.reaching - without), "asked": len(chosen.reaching & outcome.asked),
        "seconds": round(time.monotonic() - start, 1),
    }  # fmt: skip


def is_right(words: tuple[str, ...], copy: Path) -> bool:
    """Whether pytest finds nothing to complain of where nothing is wrong."""
    if (copy, words) not in _RIGHT:
        limit = 2 * _TOO_LONG + 30  # it has to be read first

        def work() -> int:
            return int(pytest.main([*_OPTIONS, f"--rootdir={copy}", *words], plugins=[Watch(limit)]))

        _RIGHT[copy, words] = divided(work, copy, limit) == 0
    return _RIGHT[copy, words]


def run(change: Change, copy: Path, limit: float, chosen: Plan, without: Set[str]) -> Outcome:
    """Run tests, group by group, until one fails; what else may happen is put into a word."""
    path = change.path
    compiled = any(is_compiled(copy / name) for name in (path, *importers(copy)[path]))
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        report = Path(folder) / "report"

        def work() -> int:
            if compiled:  # machine code kept from the right line must not be used, nor kept from the wrong one
                import numba

                numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"] = folder
            watch = Watch(limit + _COMPILING * compiled, without, report)
            for group in chosen.groups:
                if watch.over:
                    break
                watch.only = group.only
                code = pytest.main([*_OPTIONS, f"--rootdir={copy}", *group.asked], plugins=[watch])
                if watch.failed or code not in (0, 2, 5) or (code == 2 and not watch.over):
                    return 1
            return 0

        code = divided(work, copy, limit + _TOO_LONG + 2 * _COMPILING * compiled + 30)
        rows = [json.loads(row) for row in report.open(encoding="utf-8")] if report.exists() else []
    failed = next((name for name, has_failed in rows if has_failed), "cannot be run")
    by = _ENDLESS if code is None else "" if code in (0, _LATE) else failed
    return Outcome(by, frozenset(name for name, _ in rows))
