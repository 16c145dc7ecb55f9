"""Who computes the products of a sparse layer: one interface, an engine for each kind of machine.

An engine is given W by its rows (CSR) and by its columns, inputs as (features, batch), and gives results of that form.

``numba``   compiled loops over the kept weights, on the CPU; the same bits for every number of threads
``torch``   PyTorch's products of CSR matrices, wherever PyTorch has them: on CUDA, or where compiling is not wanted
"""

from __future__ import annotations

import warnings
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ertheory.errors import InvalidInput

__all__ = ["ENGINES", "Engine", "Structure", "engine_for"]


class Structure(NamedTuple):
    """Where the entries of W are: integer tensors on one device.

    Parameters
    ----------
    starts, columns
        They go by rows: where each begins among the values, (rows + 1,), int64, and the column of every entry, int32.
    of_columns, rows, places
        They go by columns: where each begins, (columns + 1,), int64, and of every entry its row and its place among the
        values.
    shape
        Rows and columns of W.
    """

    starts: Tensor
    columns: Tensor
    of_columns: Tensor
    rows: Tensor
    places: Tensor
    shape: tuple[int, int]


class Engine(Protocol):
    """What computes with W."""

    def forward(
        self, structure: Structure, values: Tensor, bias: Tensor | None, inputs: Tensor, *, relu: bool
    ) -> Tensor:
        """Give W X + b, (rows, batch), or its ReLU."""

    def turned(self, structure: Structure, values: Tensor, gradients: Tensor) -> Tensor:
        """Give W^T G, (columns, batch)."""

    def of_values(self, structure: Structure, inputs: Tensor, gradients: Tensor) -> Tensor:
        """Give the gradients of the values."""

    def backward(
        self, structure: Structure, values: Tensor, inputs: Tensor, gradients: Tensor, *, relu: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Give both, and nothing; or, if the inputs are a ReLU, let the first go back through it and add its sums."""


class _Numba:
    def forward(
        self, structure: Structure, values: Tensor, bias: Tensor | None, inputs: Tensor, *, relu: bool
    ) -> Tensor:
        from ertrain.masks.sparse.kernels import forward

        outputs = inputs.new_empty(structure.shape[0], inputs.shape[1])
        constants = values.new_zeros(structure.shape[0]) if bias is None else bias
        forward(
            structure.starts.numpy(),
            structure.columns.numpy(),
            values.numpy(),
            constants.numpy(),
            inputs.numpy(),
            outputs.numpy(),
            relu,
            threads=_threads(),
        )
        return outputs

    def turned(self, structure: Structure, values: Tensor, gradients: Tensor) -> Tensor:
        by_columns = structure._replace(
            starts=structure.of_columns, columns=structure.rows, shape=(structure.shape[1], structure.shape[0])
        )
        return self.forward(by_columns, values[structure.places], None, gradients, relu=False)

    def of_values(self, structure: Structure, inputs: Tensor, gradients: Tensor) -> Tensor:
        from ertrain.masks.sparse.kernels import weight_gradients

        result = inputs.new_empty(len(structure.columns))
        by_rows = structure.starts.numpy(), structure.columns.numpy()
        weight_gradients(*by_rows, inputs.numpy(), gradients.numpy(), result.numpy(), threads=_threads())
        return result

    def backward(
        self, structure: Structure, values: Tensor, inputs: Tensor, gradients: Tensor, *, relu: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        from ertrain.masks.sparse.kernels import backward

        of_inputs, of_values = torch.empty_like(inputs), torch.empty_like(values)
        sums = inputs.new_empty(len(inputs) if relu else 0)
        by_columns = structure.of_columns.numpy(), structure.rows.numpy(), structure.places.numpy()
        results = of_inputs.numpy(), of_values.numpy()
        given = values.numpy(), inputs.numpy(), gradients.numpy()
        backward(*by_columns, *given, *results, relu, sums.numpy(), threads=_threads())
        return of_inputs, of_values, sums if relu else None


class _Torch:
    def forward(
        self, structure: Structure, values: Tensor, bias: Tensor | None, inputs: Tensor, *, relu: bool
    ) -> Tensor:
        outputs = _csr(structure.starts, structure.columns, values, structure.shape) @ inputs
        if bias is not None:
            outputs.add_(bias[:, None])
        return outputs.relu_() if relu else outputs

    def turned(self, structure: Structure, values: Tensor, gradients: Tensor) -> Tensor:
        outputs, columns = structure.shape
        turned = _csr(structure.of_columns, structure.rows, values[structure.places], (columns, outputs))
        return turned @ gradients

    def of_values(self, structure: Structure, inputs: Tensor, gradients: Tensor) -> Tensor:
        zeros = _csr(structure.starts, structure.columns, inputs.new_zeros(len(structure.columns)), structure.shape)
        sampled: Tensor = torch.sparse.sampled_addmm(zeros, gradients, inputs.t(), beta=0.0)
        return sampled.values()

    def backward(
        self, structure: Structure, values: Tensor, inputs: Tensor, gradients: Tensor, *, relu: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        of_inputs = self.turned(structure, values, gradients)
        of_values = self.of_values(structure, inputs, gradients)
        if not relu:
            return of_inputs, of_values, None
        of_inputs.masked_fill_(inputs <= 0, 0)
        return of_inputs, of_values, of_inputs.sum(1)


ENGINES: dict[str, Engine] = {"numba": _Numba(), "torch": _Torch()}


def engine_for(name: str, device: torch.device) -> Engine:
    """Choose an engine for a device.

    Parameters
    ----------
    name
        ``"auto"``, which is numba on the CPU and torch elsewhere, or one of `ENGINES`.
    device
        Where the values are.

    Raises
    ------
    InvalidInput
        If the engine does not run on the device.

    Examples
    --------
    >>> engine_for("auto", torch.device("cpu")) is ENGINES["numba"]
    True
    """
    on_cpu = device.type == "cpu"
    if name == "auto":
        name = "numba" if on_cpu else "torch"
    if name == "numba" and not on_cpu:
        raise InvalidInput("engine", f"torch on {device.type}: numba computes on the CPU", name)
    if name == "torch" and device.type not in ("cpu", "cuda"):
        raise InvalidInput("device", "cpu or cuda, where sparse products can be had", device.type)
    return ENGINES[name]


def _csr(starts: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        # Both of one type; what we keep is consistent by construction.
        return torch.sparse_csr_tensor(starts.to(columns.dtype), columns, values, shape, check_invariants=False)


def _threads() -> int:
    """Compute with as many threads as PyTorch does."""
    import numba

    threads: int = min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    if threads > 1:
        numba.set_num_threads(threads)
    return threads
