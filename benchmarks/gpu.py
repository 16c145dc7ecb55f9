"""What only a GPU can show: the tests that need one and a few timings, in less than eight minutes.

    make gpu          or python benchmarks/gpu.py [--out gpu.json]
    python benchmarks/gpu.py --cpu   the timings alone, small and on the CPU: whether the script runs

It needs PyTorch, NumPy, SciPy, scikit-learn, safetensors, Numba, tqdm, Hypothesis and pytest, and nothing else of what
the project depends on: python-flint, with which widths are computed, may be missing. Without a GPU it says so and ends.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

try:
    import torch
except ModuleNotFoundError:
    print("no PyTorch here: nothing was run")
    sys.exit(0)

ROOT = Path(__file__).resolve().parent.parent
_DENSITIES = (0.1, 0.02)


class Missing(ModuleType):
    """Stands in for a package that is not installed: names of it can be imported, but not used."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)

        def refuse(*_: object, **__: object) -> None:
            msg = f"{self.__name__}.{name} was asked for, and {self.__name__} is not installed"
            raise ModuleNotFoundError(msg)

        return type(name, (), {"__init__": refuse})


def stand_in() -> None:
    """Let the packages be imported where python-flint is not installed."""
    try:
        import flint  # noqa: F401
    except ModuleNotFoundError:
        sys.modules["flint"] = Missing("flint")


class Counts:
    """Counts what pytest says of tests."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.failed: list[str] = []
        self.skipped: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(report.nodeid)
        elif report.skipped:
            self.skipped.append(report.nodeid)
        elif report.when == "call":
            self.passed.append(report.nodeid)


def tested() -> dict[str, object]:
    """Run the tests that need a GPU."""
    import pytest

    counts, start = Counts(), time.perf_counter()
    folder = ROOT / "tests" / "train" / "cuda"
    status = pytest.main(["-q", "-c", str(folder / "gpu.ini"), "-p", "no:cacheprovider", str(folder)], plugins=[counts])
    seconds = round(time.perf_counter() - start, 1)
    return {"status": int(status), **vars(counts), "seconds": seconds}


def timed(device: torch.device, neurons: int, batch: int, repeats: int) -> list[dict[str, object]]:
    """Time steps of 784-n-n-10, masked and sparse, the best of several in turns."""
    from torch import nn
    from torch.nn.functional import cross_entropy

    from ertheory.layerwise import layer_densities
    from ertrain import attach_masks, draw_masks, guard, layer_shapes, sparsify

    rows: list[dict[str, object]] = []
    for density in _DENSITIES:
        torch.manual_seed(0)
        masked = nn.Sequential(
            nn.Linear(784, neurons), nn.ReLU(), nn.Linear(neurons, neurons), nn.ReLU(), nn.Linear(neurons, 10)
        )
        attach_masks(masked, draw_masks(layer_densities(layer_shapes(masked), str(density), "uniform"), seed=0))
        masked = masked.to(device)
        forms = {"masked": masked, "sparse": sparsify(masked)}
        images, labels = torch.rand(batch, 784, device=device), torch.randint(10, (batch,), device=device)
        optimisers = {
            form: torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=True)
            for form, model in forms.items()
        }
        guard(optimisers["masked"], masked)
        best = dict.fromkeys(forms, float("inf"))
        for turn in range(repeats + 1):
            for form, model in forms.items():
                _finish(device)
                start = time.perf_counter()
                optimisers[form].zero_grad()
                cross_entropy(model(images), labels).backward()
                optimisers[form].step()
                _finish(device)
                if turn:
                    best[form] = min(best[form], time.perf_counter() - start)
        rows += [
            {"form": form, "neurons": neurons, "batch": batch, "density": density, "seconds": seconds}
            for form, seconds in best.items()
        ]
    return rows


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu.json"), help="Where the numbers go.")
    parser.add_argument("--cpu", action="store_true", help="Time small steps on the CPU, and test nothing.")
    given = parser.parse_args()
    if not (given.cpu or torch.cuda.is_available()):
        print("no GPU here: nothing was run")
        return 0
    sys.path.insert(0, str(ROOT))
    stand_in()
    found: dict[str, object] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": "cpu" if given.cpu else torch.cuda.get_device_name(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "cuda": torch.version.cuda},
    }
    if given.cpu:
        found["steps"] = timed(torch.device("cpu"), neurons=50, batch=8, repeats=1)
    else:
        found["steps"] = timed(torch.device("cuda"), neurons=4000, batch=128, repeats=20)
        found["tests"] = tested()
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{given.out} written")
    tests = found.get("tests")
    return 1 if isinstance(tests, dict) and tests["status"] != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
