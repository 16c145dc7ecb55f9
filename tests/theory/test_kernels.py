"""Compiled loops in an installation that can keep nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

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
