"""Where unstructured sparsity pays at inference: products of sparse layers against the dense one, in one run.

    python benchmarks/inference.py [--layers 300x784,1024x1024] [--threads 1,2] [--out figures/inference.csv]

A layer with weight (out, in) is applied to a batch of inputs. Everything is in single precision, and the inputs stand
as (in, batch), so that nothing has to be turned around between layers:

dense             W X by PyTorch or NumPy, or X^T W^T by PyTorch, whatever is fastest: masks change nothing here
torch CSR         the ER mask's weights as torch.sparse_csr
scipy CSR         the same in SciPy, which uses one thread only (not on CUDA)
CSR, compiled     the same by the loops that `ertrain.SparseLinear` trains with (not on CUDA)
fan-in, gather    every neuron has round(p in) inputs, by torch.nn.functional.embedding_bag
fan-in, compiled  the same by a loop in Numba (not on CUDA)

Every product is compared with the dense one of its own weights first. Times are the best of several, taken in turns,
so that a busy machine disturbs all sides alike: processor time with one thread, and by the wall clock with more. On
CUDA, where there is one, the clock stops when the device is done. Numbers in the first table are the dense time
divided by that of the form. The second one says up to which of the densities the form is faster than dense, at it and
at all smaller ones.
"""

from __future__ import annotations

import argparse
import csv
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numba
import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits
from torch.nn.functional import embedding_bag

from ertheory.errors import InvalidInput
from ertheory.plots.columns import csv_text
from ertrain.masks.sparse.kernels import forward_rows

Array = npt.NDArray[np.float32]
Product = Callable[[], object]

LAYERS = {(300, 784): (1, 64, 1024), (1024, 1024): (1, 64, 1024), (4096, 4096): (1, 64)}  # and their batches
DENSITIES = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005)
FORMS = ("torch CSR", "scipy CSR", "CSR, compiled", "fan-in, gather", "fan-in, compiled")
_AT_ONCE = 256  # inputs of a batch that the compiled loop goes through together: a megabyte for 1024 inputs
# Seconds that are timed at once; short products are repeated. By the wall clock it is less: the shorter it is, the more
# often a busy machine leaves it alone.
_SHORTEST = {time.process_time: 0.002, time.perf_counter: 0.0003}
_TOLERANCE = 1e-4  # of single precision, relative to the largest output


@dataclass(frozen=True)
class Timed:
    device: str
    threads: int
    outputs: int
    inputs: int
    batch: int
    form: str
    density: float
    weights: int
    seconds: float
    dense_seconds: float
    speedup: float  # dense_seconds / seconds: above 1 the form is faster than dense


@numba.njit(parallel=True, fastmath=True, nogil=True)
def gathered(places: npt.NDArray[np.int32], weights: Array, inputs: Array, outputs: Array) -> None:
    """Put sum_j weights[o, j] inputs[places[o, j]] into outputs[o], for all columns (batch) of the inputs."""
    rows, count = places.shape
    batch = inputs.shape[1]
    if batch == 1:
        for row in numba.prange(rows):
            total = np.float32(0)
            for j in range(count):
                total += weights[row, j] * inputs[places[row, j], 0]
            outputs[row, 0] = total
        return
    for start in range(0, batch, _AT_ONCE):
        stop = min(start + _AT_ONCE, batch)
        for row in numba.prange(rows):
            outputs[row, start:stop] = 0
            last = count - count % 4
            for j in range(0, last, 4):  # four at once: outputs are read and written less often
                w0, w1, w2, w3 = weights[row, j], weights[row, j + 1], weights[row, j + 2], weights[row, j + 3]
                x0, x1, x2, x3 = places[row, j], places[row, j + 1], places[row, j + 2], places[row, j + 3]
                for b in range(start, stop):
                    first = w0 * inputs[x0, b] + w1 * inputs[x1, b]
                    outputs[row, b] += first + w2 * inputs[x2, b] + w3 * inputs[x3, b]
            for j in range(last, count):
                w0, x0 = weights[row, j], places[row, j]
                for b in range(start, stop):
                    outputs[row, b] += w0 * inputs[x0, b]


def measured(
    shape: tuple[int, int], batch: int, density: float, device: torch.device, repeats: int, threads: int
) -> Iterator[Timed]:
    """Time all forms of one layer at one density."""
    outputs, inputs = shape
    rng = np.random.default_rng(0)
    x = rng.standard_normal((inputs, batch)).astype(np.float32)
    independent = np.where(rng.random(shape) < density, rng.standard_normal(shape), 0).astype(np.float32)
    count = max(1, round(density * inputs))
    places = np.sort(rng.permuted(np.tile(np.arange(inputs, dtype=np.int32), (outputs, 1)), axis=1)[:, :count])
    weights = rng.standard_normal((outputs, count)).astype(np.float32)
    constant = np.zeros(shape, dtype=np.float32)
    np.put_along_axis(constant, places, weights, axis=1)

    there = torch.from_numpy(x).to(device)
    turned = there.T.contiguous()
    dense = torch.from_numpy(independent).to(device)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        csr = dense.to_sparse_csr()
    bags, factors = torch.from_numpy(places).to(device), torch.from_numpy(weights).to(device)
    sides: dict[str, Product] = {
        "dense": lambda: dense @ there,
        "dense, turned": lambda: turned @ dense.T,
        "torch CSR": lambda: csr @ there,
        "fan-in, gather": lambda: embedding_bag(bags, there, per_sample_weights=factors, mode="sum"),
    }
    if device.type == "cpu":
        scipy_csr, result = csr_array(independent), np.empty((outputs, batch), dtype=np.float32)

        def compiled() -> Array:
            gathered(places, weights, x, result)
            return result

        starts, columns = scipy_csr.indptr.astype(np.int64), scipy_csr.indices.astype(np.int32)
        constants, ours = np.zeros(outputs, dtype=np.float32), np.empty_like(result)

        def sparse() -> Array:
            forward_rows(0, len(starts) - 1, starts, columns, scipy_csr.data, constants, x, ours, False)
            return ours

        sides |= {
            "CSR, compiled": sparse,
            "dense, NumPy": lambda: independent @ x,
            "scipy CSR": lambda: scipy_csr @ x,
            "fan-in, compiled": compiled,
        }
    for form in FORMS:
        if form in sides:
            agree(sides[form](), (constant if form.startswith("fan-in") else independent) @ x, form)
    best = in_turns(sides, repeats, device, time.process_time if threads == 1 else time.perf_counter)
    least = min(best[name] for name in best if name.startswith("dense"))
    used = {"torch CSR": int(np.count_nonzero(independent)), "fan-in, gather": places.size}
    used |= {"scipy CSR": used["torch CSR"], "CSR, compiled": used["torch CSR"], "fan-in, compiled": places.size}
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    for form in FORMS:
        if form in sides:
            ratio = least / best[form]
            yield Timed(
                name, threads, outputs, inputs, batch, form, density, used[form], best[form], least, round(ratio, 4)
            )


def agree(ours: object, wanted: Array, form: str) -> None:
    got = ours.cpu().numpy() if isinstance(ours, torch.Tensor) else np.asarray(ours)
    off = float(np.abs(got - wanted).max()) / max(float(np.abs(wanted).max()), 1e-30)
    if not off <= _TOLERANCE:
        msg = f"{form} is off by {off:.1e} of the largest output"
        raise AssertionError(msg)


def in_turns(
    sides: dict[str, Product], repeats: int, device: torch.device, clock: Callable[[], float]
) -> dict[str, float]:
    """Best time of each side in seconds."""
    wait = (lambda: torch.cuda.synchronize(device)) if device.type == "cuda" else (lambda: None)

    def timed(side: Product, times: int) -> float:
        wait()
        start = clock()
        for _ in range(times):
            side()
        wait()
        return (clock() - start) / times

    times, best = {}, {}
    for name, side in sides.items():
        side()
        best[name] = timed(side, 1)
        times[name] = max(1, round(_SHORTEST[clock] / max(best[name], 1e-7)))
    for turn in range(repeats):
        for name, side in sides.items():
            if best[name] < 0.5 or turn < 2:  # what takes so long is far from paying
                best[name] = min(best[name], timed(side, times[name]))
    return best


def break_even(rows: list[Timed]) -> str:
    """Give the largest density from which on, downwards, a form was always faster than dense."""
    found = None
    for row in sorted(rows, key=lambda row: row.density):
        if row.speedup <= 1:
            break
        found = row.density
    return "never" if found is None else f"{found:g}"


def place_of(row: Timed) -> tuple[str, int, int, int, int]:
    return row.device, row.threads, row.outputs, row.inputs, row.batch


def read(path: Path) -> list[Timed]:
    """Read what was measured before; numbers stand in the file as they are printed."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as lines:
        kinds = {
            "device": str,
            "form": str,
            "density": float,
            "seconds": float,
            "dense_seconds": float,
            "speedup": float,
        }
        return [
            Timed(**{name: kinds.get(name, int)(cell) for name, cell in row.items()}) for row in csv.DictReader(lines)
        ]


def write(path: Path, rows: list[Timed]) -> None:
    columns = {field.name: tuple(getattr(row, field.name) for row in rows) for field in fields(Timed)}
    path.write_text(csv_text(columns), encoding="utf-8")


def table(rows: list[Timed], cells: Callable[[list[Timed]], str], *, by_density: bool) -> None:
    """Print a line for every place, and density if asked for, with a cell for every form."""
    head = ("device, threads", "layer", "batch", *(("p",) if by_density else ()), *FORMS)
    print(f"\n| {' | '.join(head)} |\n| --- | --- |{' ---: |' * (len(head) - 2)}")
    for key in dict.fromkeys((place_of(row), row.density if by_density else 0.0) for row in rows):
        (device, threads, outputs, inputs, batch), density = key
        here = [row for row in rows if place_of(row) == key[0] and (not by_density or row.density == density)]
        chosen = [[row for row in here if row.form == form] for form in FORMS]
        shown = (f"{device}, {threads}", f"{outputs} x {inputs}", batch, *((f"{density:g}",) if by_density else ()))
        print(f"| {' | '.join(map(str, (*shown, *(cells(each) if each else '' for each in chosen))))} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [f"{outputs}x{inputs}" for outputs, inputs in LAYERS]
    parser.add_argument("--layers", default=",".join(known), help=f"Some of {', '.join(known)}.")
    parser.add_argument("--batches", default="1,64,1024", help="Some of 1, 64 and 1024.")
    parser.add_argument("--threads", default="1,2", help="Numbers of threads on the CPU, with commas in between.")
    parser.add_argument("--repeats", type=int, default=10, help="How often everything is timed.")
    parser.add_argument("--out", type=Path, help="A CSV file for all times; other layers that are there stay.")
    given = parser.parse_args()
    threads = [int(number) for number in given.threads.split(",")]
    most = numba.config.NUMBA_NUM_THREADS
    if not all(1 <= number <= most for number in threads):
        raise InvalidInput("threads", f"whole numbers from 1 to {most}, which NUMBA_NUM_THREADS can raise", threads)
    layers = [shape for shape, name in zip(LAYERS, known, strict=True) if name in given.layers.split(",")]
    devices = [(torch.device("cpu"), number) for number in threads]
    if torch.cuda.is_available():
        devices.append((torch.device("cuda"), 0))
    print(f"{platform.machine()}, torch {torch.__version__}", flush=True)
    rows: list[Timed] = []
    for device, number in devices:
        if device.type == "cpu":
            torch.set_num_threads(number)
            numba.set_num_threads(number)
            threadpool_limits(number)
        for shape in layers:
            for batch in (batch for batch in LAYERS[shape] if str(batch) in given.batches.split(",")):
                new = [
                    row
                    for density in DENSITIES
                    for row in measured(shape, batch, density, device, given.repeats, number)
                ]
                rows += new
                if given.out is not None:  # at once: the whole takes a while
                    place = place_of(new[0])
                    write(
                        given.out,
                        sorted([*(row for row in read(given.out) if place_of(row) != place), *new], key=place_of),
                    )
    table(rows, lambda here: f"{here[0].speedup:.2f}", by_density=True)
    print("\nFaster than dense at this density and all smaller ones:")
    table(rows, break_even, by_density=False)


if __name__ == "__main__":
    main()
