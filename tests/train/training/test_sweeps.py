"""Sweeps in trouble: errors of workers as those of one process, killed workers, killed parents."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from joblib import delayed  # noqa: E402

from ertheory.errors import InvalidInput, WorkerLost  # noqa: E402
from ertheory.processes import worker_processes  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.training.parallel import sweep  # noqa: E402

# Data that are not there, so that every run stops with an error.
MISSING = [
    Configuration(recipe="test", model="mlp-6", data="mnist", ratio=ratio, epochs=1) for ratio in ("erk", "snip")
]


def failure(out: Path, workers: int) -> str:
    with pytest.raises(InvalidInput) as caught:
        list(sweep(MISSING, out, data_dir=out / "no data", workers=workers, replicas=1))
    return str(caught.value)


def test_workers_fail_with_the_same_line(tmp_path):
    alone, two = failure(tmp_path / "a", 1), failure(tmp_path / "a", 2)
    assert alone == two
    assert "\n" not in alone


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_killed_worker_is_one_line():
    with pytest.raises(WorkerLost, match="goes on"), worker_processes(2) as parallel:
        parallel(delayed(_kill_oneself)() for _ in range(2))


def _kill_oneself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


SCRIPT = """
import os, sys, time
from joblib import delayed
from ertheory.processes import ends_with, worker_processes

def task(parent, path):
    ends_with(parent)
    open(path + str(os.getpid()), "w").close()
    time.sleep(600)

with worker_processes(2) as parallel:
    parallel(delayed(task)(os.getpid(), sys.argv[1]) for _ in range(2))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_end_with_their_parent(tmp_path):
    parent = subprocess.Popen([sys.executable, "-c", SCRIPT, f"{tmp_path}/"])
    try:
        assert _within(60, lambda: len(list(tmp_path.iterdir())) == 2)
    finally:
        parent.kill()
        parent.wait()
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert _within(20, lambda: not any(_lives(worker) for worker in workers))


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def _within(seconds: float, holds) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
