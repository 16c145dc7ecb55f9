"""`make gpu` where there is no GPU, and where hardly anything but PyTorch is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

ROOT = Path(__file__).parent.parent

# What the project uses beside PyTorch, NumPy, SciPy, scikit-learn, safetensors, Numba, tqdm, Hypothesis and pytest, and
# beside what these bring with them.
_WITHOUT = """
import sys
away = {
    "PIL", "dask", "distributed", "flint", "folktables", "matplotlib", "onnx", "pandas", "tensorboard",
    "torch_geometric", "torchvision", "tyro",
}
class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in away else self.finder.find_spec(name, path, target)
sys.meta_path[:] = map(Without, sys.meta_path)
sys.path[:0] = ["benchmarks"]
"""


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    how = {"cwd": ROOT, "env": {**os.environ, **variables}, "capture_output": True, "text": True}
    return subprocess.run(words, check=False, timeout=600, **how)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_without_a_gpu_it_says_so():
    done = run("make", "--no-print-directory", "gpu", f"BIN={Path(sys.executable).parent}")
    assert (done.returncode, done.stdout) == (0, "no GPU here: nothing was run\n")


def test_it_needs_only_what_it_says(tmp_path):
    """Steps are timed, small and on the CPU; the tests of a GPU are collected, and skipped where there is none."""
    out = tmp_path / "gpu.json"
    code = f"{_WITHOUT}\nimport gpu, json\nsys.argv[1:] = ['--cpu', '--out', {str(out)!r}]\nassert gpu.main() == 0\n"
    if not torch.cuda.is_available():
        code += "found = gpu.tested()\nprint(json.dumps([found['status'], len(found['skipped']), found['passed']]))\n"
    done = run(sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    steps = json.loads(out.read_text(encoding="utf-8"))["steps"]
    assert {row["form"] for row in steps} == {"masked", "sparse"}
    assert all(row["seconds"] > 0 for row in steps)
    if not torch.cuda.is_available():
        status, skipped, passed = json.loads(done.stdout.splitlines()[-1])
        assert status == 0
        assert skipped >= 15
        assert passed == []


def test_what_needs_a_gpu_runs_on_a_cpu_but_for_what_is_its_own():
    """Every test marked cuda, where only what `make gpu` asks for is installed."""
    code = f"{_WITHOUT}\nimport gpu, json\ngpu.stand_in()\nprint(json.dumps(gpu.tested()))\n"
    done = run(sys.executable, "-c", code, GPU_TESTS_ON="cpu")
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["status"], found["failed"]) == (0, []), done.stdout
    assert len(found["passed"]) >= 15
    assert [name.rpartition("::")[2] for name in found["skipped"]] == [
        "test_optimisers_stay_inside_masks[adamw-capturable]"
    ]
