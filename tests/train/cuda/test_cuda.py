"""What only a GPU can show. `make gpu` runs this file where there is one; elsewhere all of it is skipped.

With GPU_TESTS_ON=cpu it runs on the CPU: then only what is CUDA's own is left open (`tests/test_gpu_script.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from safetensors.torch import load_file  # noqa: E402
from torch import nn  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertheory.montecarlo import best_errors, torch_best_errors  # noqa: E402
from ertrain import attach_masks, guard, masks_of, sparsify  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.masks.sparse import SparseLinear  # noqa: E402
from ertrain.masks.sparse.engines import engine_for  # noqa: E402
from ertrain.training.experiments import perform  # noqa: E402
from ertrain.training.process_group import join_process_group  # noqa: E402
from ertrain.training.replicas import perform_replicas  # noqa: E402

DEVICE = os.environ.get("GPU_TESTS_ON", "cuda")
ON_GPU = DEVICE == "cuda"

pytestmark = [pytest.mark.cuda, pytest.mark.skipif(ON_GPU and not torch.cuda.is_available(), reason="needs a GPU")]

BASE = Configuration(
    recipe="test", model="mlp-20-15", ratio="erk", density="0.4", epochs=2, batch=100, learning_rate=0.02
)


def masked(*, convolution: bool = False) -> nn.Module:
    torch.manual_seed(0)
    if convolution:
        model: nn.Module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10))
    else:
        model = nn.Sequential(nn.Linear(40, 60), nn.ReLU(), nn.Linear(60, 10))
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)}
    attach_masks(model, {name: torch.rand(layer.weight.shape) < 0.3 for name, layer in layers.items()})
    return model.to(DEVICE)


def train(model: nn.Module, optimiser: torch.optim.Optimizer, inputs: torch.Tensor, steps: int = 5) -> None:
    labels = torch.arange(len(inputs), device=inputs.device) % 10
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(inputs).float(), labels).backward()
        optimiser.step()


def assert_inside(model: nn.Module) -> None:
    for name, mask in masks_of(model).items():
        weight = model.get_submodule(name).weight
        assert not weight[~mask].any()
        assert weight[mask].any()


@pytest.mark.parametrize(
    "make",
    [
        lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, fused=True),
        lambda parameters: torch.optim.AdamW(parameters, lr=0.01, fused=True),
        lambda parameters: torch.optim.AdamW(parameters, lr=0.01, foreach=True),
        pytest.param(
            lambda parameters: torch.optim.AdamW(parameters, lr=0.01, capturable=True),
            marks=pytest.mark.skipif(not ON_GPU, reason="CUDA graphs are CUDA's own"),
        ),
        lambda parameters: torch.optim.RMSprop(parameters, lr=0.01),
    ],
    ids=["sgd", "adamw-fused", "adamw-foreach", "adamw-capturable", "rmsprop"],
)
def test_optimisers_stay_inside_masks(make):
    model = masked()
    optimiser = make(model.parameters())
    guard(optimiser, model)
    train(model, optimiser, torch.randn(32, 40, device=DEVICE))
    assert_inside(model)
    weight = model[0].weight
    for kept in optimiser.state[weight].values():
        if isinstance(kept, torch.Tensor) and kept.shape == weight.shape:
            assert not kept[~masks_of(model)["0"]].any()


def test_bfloat16_and_channels_last_stay_inside_masks():
    model = masked(convolution=True).to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    guard(optimiser, model)
    inputs = torch.randn(16, 3, 8, 8, device=DEVICE).contiguous(memory_format=torch.channels_last)
    with torch.autocast(DEVICE, torch.bfloat16):
        assert model(inputs).dtype == torch.bfloat16
        train(model, optimiser, inputs)
    assert_inside(model)
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_a_compiled_network_stays_inside_masks():
    model = masked()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    guard(optimiser, model)
    # On the CPU the compiler of kernels would need one of C++: there passes are traced, and computed as they were.
    compiled = torch.compile(model, backend="inductor" if ON_GPU else "aot_eager")
    train(compiled, optimiser, torch.randn(32, 40, device=DEVICE))
    assert_inside(model)


def test_sparse_layers_compute_what_masked_ones_do():
    model, x = masked(), torch.randn(32, 40, device=DEVICE)
    sparse = sparsify(model, engine="torch")
    assert isinstance(sparse[0], SparseLinear)
    for one in (model, sparse):
        one(x).square().sum().backward()
    torch.testing.assert_close(sparse(x), model(x), rtol=1e-4, atol=1e-4)
    mask = masks_of(model)["0"]
    torch.testing.assert_close(sparse[0].weight.grad, model[0].weight.grad[mask], rtol=1e-3, atol=1e-3)
    if ON_GPU:
        assert type(engine_for("auto", x.device)) is type(engine_for("torch", x.device))
        with pytest.raises(InvalidInput, match="numba computes on the CPU"):
            sparsify(model, engine="numba")


def run(configuration: Configuration, out: Path, *, stop: bool = False, backend: str = "auto") -> dict:
    def progress(line):
        if stop and line["epoch"] == 1:
            raise KeyboardInterrupt

    with join_process_group(DEVICE) as processes:
        return perform(configuration, out, processes, data_dir=out / "data", progress=progress, backend=backend)


def tensors(out: Path, configuration: Configuration) -> dict[str, torch.Tensor]:
    return load_file(out / configuration.folder / "checkpoint.safetensors")


@pytest.mark.parametrize("method", ["fixed", "rigl"])
def test_the_same_bits_twice_and_after_an_interruption(method, tmp_path):
    more = {} if method == "fixed" else {"final_density": "0.2", "update_every": 4}
    configuration = replace(BASE, method=method, **more)
    for name in ("one", "two"):
        run(configuration, tmp_path / name)
    with pytest.raises(KeyboardInterrupt):
        run(configuration, tmp_path / "three", stop=True)
    run(configuration, tmp_path / "three")
    first = tensors(tmp_path / "one", configuration)
    for name in ("two", "three"):
        other = tensors(tmp_path / name, configuration)
        assert all(torch.equal(tensor, other[key]) for key, tensor in first.items())


def test_the_sparse_backend_trains_the_same_network(tmp_path):
    configuration = replace(BASE, deterministic=False)
    for backend in ("masked", "sparse"):
        assert run(configuration, tmp_path / backend, backend=backend)["backend"] == backend
    one, other = (tensors(tmp_path / backend, configuration) for backend in ("masked", "sparse"))
    for key, tensor in one.items():
        torch.testing.assert_close(tensor, other[key], rtol=1e-3, atol=1e-3)


def test_replicas_are_runs(tmp_path):
    runs = [replace(BASE, seed=seed, deterministic=False) for seed in (0, 1, 2)]
    with join_process_group(DEVICE) as processes:
        together = perform_replicas(runs, tmp_path / "together", processes, data_dir=tmp_path)
        alone = [perform(one, tmp_path / "alone", processes, data_dir=tmp_path) for one in runs]
    for one, other in zip(together, alone, strict=True):
        assert one["accuracy_test"] == pytest.approx(other["accuracy_test"], abs=0.05)


_DDP = """
import sys, torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from ertrain import attach_masks, guard, masks_of
device, store = sys.argv[1:]
torch.distributed.init_process_group(
    "nccl" if device == "cuda" else "gloo", init_method=store, rank=0, world_size=1
)
torch.manual_seed(0)
model = nn.Linear(8, 4)
attach_masks(model, {"": torch.rand(4, 8) < 0.5})
model = model.to(device)
optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
guard(optimiser, model)
forward = DistributedDataParallel(model, device_ids=[0] if device == "cuda" else None)
for _ in range(3):
    optimiser.zero_grad()
    forward(torch.randn(5, 8, device=device)).square().sum().backward()
    optimiser.step()
assert not model.weight[~masks_of(model)[""]].any()
torch.distributed.destroy_process_group()
"""


def test_a_process_group_of_one_gpu_stays_inside_masks(tmp_path):
    root = str(Path(__file__).parents[3])
    # Where python-flint is missing, only what stands in for it lets the package be imported.
    stand_in = f"import sys; sys.path[:0] = [{root!r}, {root + '/benchmarks'!r}]\nimport gpu; gpu.stand_in()\n"
    words = DEVICE, (tmp_path / "store").as_uri()  # no port, which another process might have
    subprocess.run([sys.executable, "-c", stand_in + _DDP, *words], check=True, timeout=200)


@pytest.mark.parametrize("seed", range(5))
def test_subset_sums_are_the_same_bit_for_bit(seed):
    rng = np.random.default_rng(seed)
    weights, kept = rng.uniform(-1, 1, (200, 18)), rng.random((200, 18)) < 0.8
    found = torch_best_errors(weights, z="3/10", kept=kept, device=DEVICE)
    assert found.tobytes() == best_errors(weights, z="3/10", kept=kept).tobytes()
