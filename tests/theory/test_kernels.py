"""Compiled loops: in an installation that can keep nothing, and beside other threads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ertheory

PACKAGE = Path(ertheory.__file__).parent
DRAW = "from ertheory import DrawnMask; print(DrawnMask((3, 3), '1/2', 7, 0).to_csr().indices.tolist())"


def _drawn(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")}
    environment = {**inherited, "PYTHONPATH": str(folder), **variables}
    return subprocess.run(
        [sys.executable, "-c", DRAW], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )


def test_a_read_only_installation_without_a_home_works(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "ertheory", ignore=shutil.ignore_patterns("__pycache__"))
    # No permission stops a test that runs as root, but nobody can make a folder where a file stands.
    blocked = tmp_path / "file"
    blocked.touch()
    for folder in [path for path in (tmp_path / "ertheory").rglob("*") if path.is_dir()]:
        (folder / "__pycache__").touch()
    found = _drawn(tmp_path, HOME=str(blocked), XDG_CACHE_HOME=str(blocked))
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == _drawn(PACKAGE.parent).stdout != ""
    assert not list(tmp_path.rglob("*.nbi"))


WAITS = """
import ctypes, os, threading
import numpy as np
from ertheory.kernels import kernel
read = ctypes.CDLL(None).read
read.argtypes, read.restype = (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t), ctypes.c_ssize_t

def wait(end, place):
    return read(end, place, 1)

waiting = kernel(wait)
end, start = os.pipe()
byte = np.zeros(1, dtype=np.uint8)
ended, begun = os.pipe()
os.write(begun, b"a")
assert waiting(ended, byte.ctypes.data) == 1  # compiled
thread = threading.Thread(target=waiting, args=(end, byte.ctypes.data), daemon=True)
thread.start()
thread.join(0.2)  # until it waits inside the loop, but for a very busy machine, where nothing is seen
os.write(start, b"b")
thread.join()
print(bytes(byte))
"""


@pytest.mark.skipif(os.name != "posix", reason="needs pipes that a loop can read")
def test_other_threads_run_while_a_loop_does():
    """The loop waits for a byte that another thread writes: with the lock of the interpreter none ever would."""
    words = [sys.executable, "-c", WAITS]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=100)
    assert (done.stdout, done.returncode) == ("b'b'\n", 0), done.stderr


THREADS = """
import torch
torch.set_num_threads(1)
assert torch.get_num_threads() == 1
import numba
from ertheory.masks import GapMask
GapMask((10, 10), "1/2").to_csr()
print(torch.get_num_threads(), numba.get_num_threads())
"""


@pytest.mark.skipif((os.cpu_count() or 1) == 1, reason="needs a second core")
def test_pytorch_keeps_its_number_of_threads_when_numba_starts_its_own():
    """Both may compute with one OpenMP library, whose number of threads numba sets when it starts them."""
    pytest.importorskip("torch", reason="needs the extra 'train'")
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    found = subprocess.run(
        [sys.executable, "-c", THREADS], env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    assert found.stdout.split() == ["1", "2"]
