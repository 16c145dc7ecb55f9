"""What training costs when the kept weights alone are stored and multiplied: ratios of times, in turns, in one run.

    python benchmarks/sparse_training.py [--neurons 1000] [--densities 0.1,...] [--batches 32,...] [--out FILE]
    python benchmarks/sparse_training.py --sizes 784-1921-128-1469-10 --densities 0.1
    python benchmarks/sparse_training.py --set-mlp FOLDER --forms masked,sparse
    python benchmarks/sparse_training.py --scaling --threads 2 --batches 128 --densities 0.1 --forms sparse,moved
    python benchmarks/sparse_training.py --large 500000 --density 1/10000 [--moved]

A step (forwards, backwards, SGD with momentum) of 784-n-n-10, every layer of which has the same density, by

dense   no mask at all
masked  dense weights with masks, the backend ``masked`` of `ertrain`: what the numbers are relative to
sparse  `ertrain.sparsify`, the backend ``sparse``: compiled loops over the kept weights
moved   the same, with `SparseSGD`: weights and biases move while it goes backwards
torch   the same layers by the engine ``torch``: PyTorch's CSR products, our gradients
stock   nothing but PyTorch: a sparse CSR parameter, `torch.sparse.mm` and its gradients, `torch.optim.SGD`
values  nothing but PyTorch: the kept values are the parameter, and a CSR matrix is made of them at every step
tuned   ``stock`` with SGD written by hand for the values of CSR parameters, which PyTorch's optimisers add as matrices
set-mlp the published program SET-MLP, from a copy that the reader has (`benchmarks/set_mlp.py`)

Times are the best of several, and of the thread's processor time where there is one thread, so that a machine which
others use disturbs them least. Optimisers are PyTorch's fused ones. Before anything is timed, twenty steps of every
form are compared with the masked ones, in double precision (SET-MLP keeps its gradients in single).
``--scaling`` says how much sooner a step is done with two threads than with one, by the clock, and beside it how long
it takes to write to a line of memory that the other thread has read: between processors that share their last cache
13 to 18 ns, between others 50 to 75, and then small steps gain little. What PyTorch does around the products, half a
millisecond a step, runs on one thread, and products of less than some 0.15 ms do too.
``--large`` trains one network with n neurons in two hidden layers for a few steps of the first of the batches, and says
what memory that took.
"""

from __future__ import annotations

import argparse
import copy
import math
import platform
import resource
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import torch
from set_mlp import Published, one_hot
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ertheory.layerwise import layer_densities
from ertheory.masks import GapMask
from ertheory.plots.columns import csv_text
from ertrain import SparseLinear, attach_masks, densify, draw_masks, guard, layer_shapes, masks_of, sparsify
from ertrain.masks.sparse import SparseSGD
from ertrain.masks.sparse.chain import SparseSequential

Numbers = npt.NDArray[np.float32]

FORMS = ("dense", "masked", "sparse", "moved", "torch", "stock", "values", "tuned")
_STOCK = ("stock", "values", "tuned")
_RATE = 0.001  # small: numbers that vanish or overflow would be timed
_IN_A_ROW = 3  # steps of one form, as in training: the first finds what others left in the caches
_TOLERANCE = 1e-9  # relative to the largest weight, after twenty steps in double precision
_TOLERANCE_SINGLE = 1e-6  # of forms that keep gradients in single precision
_MOMENTUM = 0.9


@dataclass(frozen=True)
class Timed:
    """One form of a step at one place."""

    threads: int
    sizes: str
    density: float
    batch: int
    form: str
    seconds: float
    masked_seconds: float  # of the masked step in the same turns
    speedup: float  # of the masked step's time: above 1 the form is faster
    memory: int  # bytes of weights, masks, gradients and momentum, without activations


class StockLinear(nn.Module):
    """A sparse layer as one writes it with PyTorch alone."""

    def __init__(self, layer: SparseLinear) -> None:
        super().__init__()
        self.weight = nn.Parameter(layer.to_dense().to_sparse_csr())
        self.bias = nn.Parameter(layer.bias.detach().clone())  # type: ignore[union-attr]

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.sparse.mm(self.weight, inputs.t()).t() + self.bias


class StockValues(nn.Module):
    """The same with a parameter that all optimisers of PyTorch take: the values, of which a CSR matrix is made."""

    def __init__(self, layer: SparseLinear) -> None:
        super().__init__()
        csr = layer.to_torch()
        self.starts, self.columns, self.shape = csr.crow_indices(), csr.col_indices(), csr.shape
        self.values = nn.Parameter(csr.values())
        self.bias = nn.Parameter(layer.bias.detach().clone())  # type: ignore[union-attr]

    @property
    def weight(self) -> Tensor:
        return torch.sparse_csr_tensor(self.starts, self.columns, self.values, self.shape, check_invariants=False)

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.sparse.mm(self.weight, inputs.t()).t() + self.bias


class Momentum:
    """SGD with momentum on the values of CSR parameters, all at once."""

    def __init__(self, parameters: list[Tensor], rate: float, momentum: float) -> None:
        self.parameters, self.rate, self.momentum = parameters, rate, momentum
        self.velocity: list[Tensor] = []

    @torch.no_grad()
    def step(self) -> None:
        values = [part.values() if part.layout == torch.sparse_csr else part for part in self.parameters]
        gradients = [
            part.grad.values() if part.grad.layout == torch.sparse_csr else part.grad  # type: ignore[union-attr]
            for part in self.parameters
        ]
        if not self.velocity:
            self.velocity = [gradient.clone() for gradient in gradients]
        else:
            torch._foreach_mul_(self.velocity, self.momentum)
            torch._foreach_add_(self.velocity, gradients)
        torch._foreach_add_(values, self.velocity, alpha=-self.rate)

    def zero_grad(self) -> None:
        for part in self.parameters:
            part.grad = None


def network(sizes: Sequence[int], density: float) -> nn.Module:
    """Make the masked network: every layer has the same density."""
    torch.manual_seed(0)
    layers = [part for inputs, outputs in pairwise(sizes) for part in (nn.Linear(inputs, outputs), nn.ReLU())]
    model = nn.Sequential(*layers[:-1])
    attach_masks(model, draw_masks(layer_densities(layer_shapes(model), str(density), "uniform"), seed=0))
    with torch.no_grad():  # signals keep their size
        for name in masks_of(model):
            model.get_submodule(name).weight.mul_(density**-0.5)
    return model


def forms(model: nn.Module, chosen: tuple[str, ...]) -> dict[str, tuple[nn.Module, object]]:
    """Give every form of a network its optimiser."""
    made: dict[str, tuple[nn.Module, object]] = {}
    for form in chosen:
        if form in ("dense", "masked"):
            one = copy.deepcopy(model)
            if form == "dense":
                for name in masks_of(one):
                    del one.get_submodule(name).weight_mask
        else:
            one = sparsify(model, engine="auto" if form in ("sparse", "moved") else "torch")
        if form in _STOCK:
            kind = StockValues if form == "values" else StockLinear
            one = nn.Sequential(*[kind(part) if isinstance(part, SparseLinear) else part for part in one])
        if form == "tuned":
            made[form] = one, Momentum(list(one.parameters()), _RATE, _MOMENTUM)
            continue
        how: dict[str, Any] = {"lr": _RATE, "momentum": _MOMENTUM, "fused": form != "stock"}  # of CSR there is none
        optimiser = (SparseSGD if form == "moved" else torch.optim.SGD)(one.parameters(), **how)
        if form == "masked":
            guard(optimiser, one)
        made[form] = one, optimiser
    return made


def step_of(model: nn.Module, optimiser: object, images: Tensor, labels: Tensor) -> Callable[[], object]:
    """Make a function that does one step."""

    def step_through() -> None:
        optimiser.step_through(cross_entropy(model(images), labels))  # type: ignore[attr-defined]

    def step() -> None:
        optimiser.zero_grad()  # type: ignore[attr-defined]
        cross_entropy(model(images), labels).backward()
        optimiser.step()  # type: ignore[attr-defined]

    return step_through if isinstance(optimiser, SparseSGD) else step


def agree(
    model: nn.Module, images: Tensor, labels: Tensor, chosen: tuple[str, ...], set_mlp: Path | None = None
) -> None:
    """Train every form for twenty steps in double precision, and stop if one leaves the masked network."""
    trained = {}
    for form, (one, optimiser) in forms(copy.deepcopy(model).double(), chosen).items():
        step = step_of(one, optimiser, images.double(), labels)
        for _ in range(20):
            step()
        if form in _STOCK:
            trained[form] = [layer.weight.to_dense() for layer in one if hasattr(layer, "weight")]
        else:
            whole = densify(one) if form in ("sparse", "moved", "torch") else one
            trained[form] = [layer.weight for layer in whole if isinstance(layer, nn.Linear)]
    if set_mlp is not None:
        program = Published(set_mlp, model, _RATE, _MOMENTUM)
        for _ in range(20):
            program.step(images.numpy(), one_hot(labels, 10))
        trained["set-mlp"] = [torch.from_numpy(weight) for weight in program.weights()]
    for form, weights in trained.items():
        if form == "dense":
            continue
        for ours, right in zip(weights, trained["masked"], strict=True):
            off = ((ours - right).abs().max() / right.abs().max()).item()
            if not off <= (_TOLERANCE_SINGLE if form == "set-mlp" else _TOLERANCE):
                msg = f"{form} is off by {off:.1e} of the largest weight after twenty steps"
                raise AssertionError(msg)


def measured(
    sizes: Sequence[int],
    density: float,
    batch: int,
    repeats: int,
    threads: int,
    chosen: tuple[str, ...],
    *,
    compared: bool = True,
    set_mlp: Path | None = None,
) -> list[Timed]:
    """Time all forms of a step at one place."""
    model = network(sizes, density)
    images, labels = torch.rand(batch, sizes[0]), torch.randint(10, (batch,))
    if compared:
        agree(model, images, labels, chosen, set_mlp)
    clock = time.thread_time if threads == 1 else time.perf_counter
    made = forms(model, chosen)
    steps = {form: step_of(*pair, images, labels) for form, pair in made.items()}
    memory = {form: held(one, gradients=form != "moved") for form, (one, _) in made.items()}
    if set_mlp is not None:
        program, theirs = Published(set_mlp, model, _RATE, _MOMENTUM), (images.numpy(), one_hot(labels, 10))
        steps["set-mlp"], memory["set-mlp"] = (lambda: program.step(*theirs)), program.held()
    best, name = dict.fromkeys(steps, float("inf")), "-".join(map(str, sizes))
    for turn in range(repeats + 1):
        for form, step in steps.items():
            for _ in range(_IN_A_ROW):
                start = clock()
                step()
                if turn:
                    best[form] = min(best[form], clock() - start)
    return [
        Timed(
            threads,
            name,
            density,
            batch,
            form,
            seconds,
            best["masked"],
            round(best["masked"] / seconds, 3),
            memory[form],
        )
        for form, seconds in best.items()
    ]


def scaling(sizes: Sequence[int], density: float, batch: int, repeats: int, chosen: tuple[str, ...]) -> None:
    """Time steps by the clock with one thread and with two, in turns in one process."""
    model = network(sizes, density)
    images, labels = torch.rand(batch, sizes[0]), torch.randint(10, (batch,))
    steps = {form: step_of(*pair, images, labels) for form, pair in forms(model, chosen).items()}
    best = dict.fromkeys(((form, threads) for form in steps for threads in (1, 2)), math.inf)
    for turn in range(repeats + 1):
        for form, threads in best:
            torch.set_num_threads(threads)
            for _ in range(_IN_A_ROW):
                start = time.perf_counter()
                steps[form]()
                if turn:
                    best[form, threads] = min(best[form, threads], time.perf_counter() - start)
    for form in steps:
        one, two = best[form, 1], best[form, 2]
        name = "-".join(map(str, sizes))
        place = f"{name} | {density:g} | {batch} | {form}"
        print(f"| {place} | {one * 1e3:.2f} | {two * 1e3:.2f} | {one / two:.2f} |", flush=True)


@numba.njit(parallel=True, nogil=True)  # type: ignore[untyped-decorator]
def write_halves(numbers: Numbers, value: float) -> None:
    """Let each of two threads write half of an array."""
    half = len(numbers) // 2
    for part in numba.prange(2):
        for at in range(part * half, (part + 1) * half):
            numbers[at] = value


@numba.njit(parallel=True, nogil=True)  # type: ignore[untyped-decorator]
def read_all(numbers: Numbers, sums: Numbers) -> None:
    """Let both read all of it."""
    for part in numba.prange(2):
        total = sums[0] * 0
        for at in range(len(numbers)):
            total += numbers[at]
        sums[16 * part] = total


def line_of_others() -> float:
    """Give the nanoseconds that a thread takes to write to a line of 64 bytes which another one has read."""
    numbers, sums, times = np.zeros(2**17, dtype=np.float32), np.zeros(64, dtype=np.float32), []
    for turn in range(200):
        read_all(numbers, sums)
        start = time.perf_counter()
        write_halves(numbers, turn)
        times.append(time.perf_counter() - start)
    return 1e9 * statistics.median(times) / (numbers.nbytes / 64 / 2)


def held(model: nn.Module, *, gradients: bool = True) -> int:
    """Count the bytes that are held from step to step: gradients and momentum are as large as what they belong to."""
    total, times = 0, 3 if gradients else 2
    for parameter in model.parameters():
        if parameter.layout == torch.sparse_csr:
            places = parameter.crow_indices().nbytes + parameter.col_indices().nbytes
            # The gradient has places of its own; so has momentum, but that of `tuned`.
            total += 3 * parameter.values().nbytes + 2 * places
        else:
            total += times * parameter.nbytes
    places = [each for part in model.modules() if isinstance(part, StockValues) for each in (part.starts, part.columns)]
    return total + sum(each.nbytes for each in (*model.buffers(), *places))


def large(neurons: int, density: Fraction, batch: int, steps: int, *, moved: bool) -> None:
    """Train a network whose dense form would not fit anywhere."""
    start = time.perf_counter()
    sizes = (784, neurons, neurons, 10)
    layers: list[nn.Module] = []
    for place, (inputs, outputs) in enumerate(pairwise(sizes)):
        layers += [SparseLinear(inputs, outputs, GapMask((outputs, inputs), density, 0, place)), nn.ReLU()]
    model = SparseSequential(*layers[:-1])
    made = time.perf_counter() - start
    kept_weights = sum(len(layer.weight) for layer in model if isinstance(layer, SparseLinear))
    kind = SparseSGD if moved else torch.optim.SGD
    optimiser = kind(model.parameters(), lr=_RATE, momentum=_MOMENTUM, fused=True)
    step = step_of(model, optimiser, torch.rand(batch, 784), torch.randint(10, (batch,)))
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"784-{neurons}-{neurons}-10, density {density}: {kept_weights:,} kept weights, {made:.1f} s to draw and make; "
        f"a step with batch {batch} {min(times):.2f} s; peak of the process {peak / 1e9:.2f} GB, "
        f"of which {_of_files() / 1e9:.2f} are pages of files, which processes share: libraries"
    )


def _of_files() -> float:
    """Give the bytes of files that this process has mapped and looked at, on Linux."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return math.nan
    return next((1024.0 * int(line.split()[1]) for line in lines if line.startswith("RssFile")), math.nan)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", default="1000", help="Numbers of neurons, with commas in between.")
    parser.add_argument("--sizes", help="Sizes of layers instead, as in 784-300-10.")
    parser.add_argument("--densities", default="0.5,0.25,0.1,0.05,0.02,0.01", help="Densities of the masks.")
    parser.add_argument("--batches", default="32,128,512", help="Sizes of batches.")
    parser.add_argument("--threads", type=int, default=1, help="Number of threads.")
    parser.add_argument("--repeats", type=int, default=15, help="How often everything is timed.")
    parser.add_argument("--forms", default=",".join(FORMS), help="Which forms are timed; masked always is.")
    parser.add_argument("--set-mlp", type=Path, metavar="FOLDER", help="A copy of SET-MLP, which is timed as well.")
    parser.add_argument("--unchecked", action="store_true", help="Compare nothing first, which takes long.")
    parser.add_argument("--out", type=Path, help="A CSV file for all times.")
    parser.add_argument("--scaling", action="store_true", help="Time two threads against one, and nothing else.")
    parser.add_argument("--large", type=int, help="Train one network with so many neurons, and nothing else.")
    parser.add_argument("--moved", action="store_true", help="Move its weights by SparseSGD, not torch.optim.SGD.")
    parser.add_argument("--density", type=Fraction, default=Fraction(1, 10_000), help="Of the large network.")
    given = parser.parse_args()
    warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
    torch.set_num_threads(given.threads)
    numba.set_num_threads(given.threads)
    print(f"{platform.machine()}, torch {torch.__version__}, numba {numba.__version__}, {given.threads} thread(s)")
    if given.large is not None:
        large(given.large, given.density, batch=int(given.batches.split(",")[0]), steps=3, moved=given.moved)
        return
    chosen = tuple(form for form in FORMS if form in given.forms.split(",") or form == "masked")
    shown = chosen if given.set_mlp is None else (*chosen, "set-mlp")
    networks = [given.sizes] if given.sizes else [f"784-{n}-{n}-10" for n in given.neurons.split(",")]
    if given.scaling:
        print("\n| network | p | batch | form | one thread, ms | two, ms | times |")
        print("| --- | --- | ---: | --- | ---: | ---: | ---: |")
        for name in networks:
            for density in map(float, given.densities.split(",")):
                sizes, batch = tuple(map(int, name.split("-"))), int(given.batches.split(",")[0])
                scaling(sizes, density, batch, given.repeats, tuple(form for form in chosen if form != "masked"))
        torch.set_num_threads(2)
        numba.set_num_threads(2)
        print(f"\nTo write to a line that the other thread has read: {line_of_others():.0f} ns")
        return
    rows: list[Timed] = []
    print(f"\nTime of the masked step / time of the form\n\n| network | p | batch | masked, ms | {' | '.join(shown)} |")
    print(f"| --- | --- | --- | ---: |{' ---: |' * len(shown)}")
    for name in networks:
        for density in map(float, given.densities.split(",")):
            for batch in map(int, given.batches.split(",")):
                sizes = tuple(map(int, name.split("-")))
                how = {"compared": not given.unchecked, "set_mlp": given.set_mlp}
                new = measured(sizes, density, batch, given.repeats, given.threads, chosen, **how)
                by_form = {row.form: row for row in new}
                cells = " | ".join(f"{by_form[form].speedup:.2f}" for form in shown)
                print(
                    f"| {name} | {density:g} | {batch} | {by_form['masked'].seconds * 1e3:.1f} | {cells} |",
                    flush=True,
                )
                rows += new
                if given.out is not None:
                    columns = {field.name: tuple(getattr(row, field.name) for row in rows) for field in fields(Timed)}
                    given.out.write_text(csv_text(columns), encoding="utf-8")


if __name__ == "__main__":
    main()
