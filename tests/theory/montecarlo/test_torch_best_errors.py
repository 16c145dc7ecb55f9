"""The PyTorch back end of the best error, bit against bit with the compiled kernel, on the central processor."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.errors import InvalidInput
from ertheory.montecarlo import best_errors, torch_best_errors


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    trials=st.integers(1, 40),
    n=st.integers(0, 16),
    density=st.sampled_from([0.0, 0.5, 0.9, 1.0]),
    z=st.fractions(-2, 2, max_denominator=1000),
)
def test_same_bits(seed, trials, n, density, z):
    rng = np.random.default_rng(seed)
    weights, kept = rng.uniform(-1, 1, (trials, n)), rng.random((trials, n)) < density
    found = torch_best_errors(weights, z=z, kept=kept, device="cpu")
    assert found.tobytes() == best_errors(weights, z=z, kept=kept).tobytes()


def test_same_bits_where_many_sums_are_alike():
    rng = np.random.default_rng(1)
    weights = rng.integers(-3, 4, (200, 14)) / 10
    for z in ("1", "0.3", "-0.7"):
        assert torch_best_errors(weights, z=z, device="cpu").tobytes() == best_errors(weights, z=z).tobytes()


def test_batches_do_not_matter(monkeypatch):
    weights = np.random.default_rng(2).uniform(-1, 1, (50, 12))
    whole = torch_best_errors(weights, device="cpu")
    module = sys.modules["ertheory.montecarlo.subset_sums.on_torch"]  # the package has the function under this name
    monkeypatch.setattr(module, "_SUMS_AT_ONCE", 2**8)
    assert torch_best_errors(weights, device="cpu").tobytes() == whole.tobytes()
    assert torch_best_errors(np.empty((0, 5)), device="cpu").shape == (0,)


def test_bad_input():
    with pytest.raises(InvalidInput, match="device: expected a device that PyTorch can use here"):
        torch_best_errors([[0.5]], device="nothing")
    with pytest.raises(InvalidInput, match="kept: expected at most 52"):
        torch_best_errors(np.ones((1, 53)), device="cpu")


def test_simulation_loads_no_torch():
    code = "import sys, ertheory.montecarlo; sys.exit('torch' in sys.modules or 'numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
