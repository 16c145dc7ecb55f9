"""Who computes the products of a sparse layer: one interface, an engine for each kind of machine.

An engine is given W by its rows (CSR) and by its columns, inputs as (features, batch), and gives results of that form.

``numba``   compiled loops over the kept weights, on the CPU; the same bits for every number of threads
``torch``   PyTorch's products of CSR matrices, wherever PyTorch has them: on CUDA, or where compiling is not wanted
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from ertheory.errors import InvalidInput

__all__ = ["ENGINES", "Engine", "Motion", "Structure", "engine_for", "threads_for"]


_REGISTER = 64  # bytes
_WORTH_IT = 2**22  # products of an entry and an input: some 150 microseconds of one thread
_OF_A_NUMBER = 8  # products take as long as a number that is read and written once
_UNITS = {4: np.float32(0), 8: np.float64(0)}  # by bytes


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


class Motion(NamedTuple):
    """How values move: a velocity becomes momentum * it + gradient + decay * value, and the value loses rate * that.

    Parameters
    ----------
    velocities
        They are those of the values, (kept,).
    rate, momentum, decay
        Learning rate, momentum and weight decay of PyTorch's SGD.
    """

    velocities: Tensor
    rate: float
    momentum: float
    decay: float


class Engine(Protocol):
    """What computes with W."""

    moves: bool  # whether it can move values, with gradients that are never held

    def by_features(self, inputs: Tensor) -> Tensor:
        """Give inputs of shape (batch, features) as (features, batch), one run of memory a feature."""

    def forward(
        self, structure: Structure, values: Tensor, bias: Tensor | None, inputs: Tensor, *, relu: bool
    ) -> Tensor:
        """Give W X + b, (rows, batch), or its ReLU."""

    def turned(self, structure: Structure, values: Tensor, gradients: Tensor) -> Tensor:
        """Give W^T G, (columns, batch)."""

    def of_values(self, structure: Structure, inputs: Tensor, gradients: Tensor) -> Tensor:
        """Give the gradients of the values."""

    def backward(
        self, structure: Structure, values: Tensor, inputs: Tensor, gradients: Tensor, *, relu: bool, over: bool = False
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Give both, and nothing; or, if the inputs are a ReLU, let the first go back through it and add its sums.

        With `over` nobody needs the inputs any more, and the first may be written over them.
        """

    def move(self, structure: Structure, values: Tensor, inputs: Tensor, gradients: Tensor, motion: Motion) -> None:
        """Move values and velocities instead of giving the gradients of the values; there is at least one input."""

    def move_back(
        self,
        structure: Structure,
        values: Tensor,
        inputs: Tensor,
        gradients: Tensor,
        motion: Motion,
        *,
        relu: bool,
        over: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Do so in `backward`, and give the others."""

    def move_vector(self, values: Tensor, gradients: Tensor, motion: Motion) -> None:
        """Move a vector, such as a bias, and its velocities by gradients that have been found; all are contiguous."""


class _Numba:
    moves = True

    def by_features(self, inputs: Tensor) -> Tensor:
        if inputs.requires_grad or not inputs.is_contiguous() or 1 in inputs.shape:
            return inputs.t().contiguous()
        rows, columns = inputs.shape
        turned = inputs.new_empty(columns, rows)
        block = _REGISTER // inputs.itemsize
        threads = threads_for(_OF_A_NUMBER * rows * columns)
        given = inputs.data_ptr(), turned.data_ptr(), rows, columns, block, _UNITS[inputs.itemsize]
        if threads == 1:
            _compiled().transpose_at(0, columns, *given)
        else:
            _compiled_for_threads().share_transpose(threads, columns, block, *given)
        return turned

    def forward(
        self, structure: Structure, values: Tensor, bias: Tensor | None, inputs: Tensor, *, relu: bool
    ) -> Tensor:
        (rows, width), batch, kept = structure.shape, inputs.shape[1], values.shape[0]
        outputs = inputs.new_empty(rows, batch)
        constants = values.new_zeros(rows) if bias is None else bias
        threads = threads_for((kept + _OF_A_NUMBER * rows) * batch)
        given = (
            *_addresses(structure.starts, structure.columns, values, constants, inputs, outputs),
            rows, width, kept, batch, relu, _UNITS[values.itemsize],
        )  # fmt: skip
        if threads == 1:
            _compiled().forward_at(0, rows, *given)
        else:
            _compiled_for_threads().share_forward(threads, rows, kept, *given)
        return outputs

    def turned(self, structure: Structure, values: Tensor, gradients: Tensor) -> Tensor:
        by_columns = structure._replace(
            starts=structure.of_columns, columns=structure.rows, shape=(structure.shape[1], structure.shape[0])
        )
        return self.forward(by_columns, values[structure.places], None, gradients, relu=False)

    def of_values(self, structure: Structure, inputs: Tensor, gradients: Tensor) -> Tensor:
        (rows, width), batch, kept = structure.shape, inputs.shape[1], structure.columns.shape[0]
        result = _new(inputs, kept, batch)
        given = (
            *_addresses(structure.starts, structure.columns, inputs, gradients, result),
            rows, width, kept, batch, _UNITS[inputs.itemsize],
        )  # fmt: skip
        threads = threads_for((kept + _OF_A_NUMBER * rows) * batch)
        if threads == 1:
            _compiled().weight_gradients_at(0, rows, *given)
        else:
            _compiled_for_threads().share_weights(threads, rows, kept, *given)
        return result

    def backward(
        self, structure: Structure, values: Tensor, inputs: Tensor, gradients: Tensor, *, relu: bool, over: bool = False
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        (rows, width), batch, kept = structure.shape, inputs.shape[1], values.shape[0]
        of_inputs = inputs if over else inputs.new_empty(inputs.shape)
        of_values, sums = _new(values, kept, batch), _new(inputs, width if relu else 0, batch)
        places = structure.of_columns, structure.rows, structure.places
        threads = threads_for((kept + _OF_A_NUMBER * width) * batch)
        given = (
            *_addresses(*places, values, inputs, gradients, of_inputs, of_values, sums),
            rows, width, kept, batch, relu, _UNITS[values.itemsize],
        )  # fmt: skip
        if threads == 1:
            _compiled().backward_at(0, width, *given)
        else:
            _compiled_for_threads().share_backward(threads, width, kept, *given)
        return of_inputs, of_values, sums if relu else None

    def move(self, structure: Structure, values: Tensor, inputs: Tensor, gradients: Tensor, motion: Motion) -> None:
        (rows, width), batch, kept = structure.shape, inputs.shape[1], values.shape[0]
        given = (
            *_addresses(structure.starts, structure.columns, values, inputs, gradients, motion.velocities),
            rows, width, kept, batch, *motion[1:], _UNITS[values.itemsize],
        )  # fmt: skip
        threads = threads_for((kept + _OF_A_NUMBER * rows) * batch)
        if threads == 1:
            _compiled_moves().move_at(0, rows, *given)
        else:
            _compiled_for_threads().share_move(threads, rows, kept, *given)

    def move_back(
        self,
        structure: Structure,
        values: Tensor,
        inputs: Tensor,
        gradients: Tensor,
        motion: Motion,
        *,
        relu: bool,
        over: bool,
    ) -> tuple[Tensor, Tensor | None]:
        (rows, width), batch, kept = structure.shape, inputs.shape[1], values.shape[0]
        of_inputs = inputs if over else inputs.new_empty(inputs.shape)
        sums = inputs.new_empty(width if relu else 0)
        places = structure.of_columns, structure.rows, structure.places
        threads = threads_for((kept + _OF_A_NUMBER * width) * batch)
        given = (
            *_addresses(*places, values, inputs, gradients, of_inputs, motion.velocities, sums),
            rows, width, kept, batch, relu, *motion[1:], _UNITS[values.itemsize],
        )  # fmt: skip
        if threads == 1:
            _compiled_moves().move_back_at(0, width, *given)
        else:
            _compiled_for_threads().share_move_back(threads, width, kept, *given)
        return of_inputs, sums if relu else None

    def move_vector(self, values: Tensor, gradients: Tensor, motion: Motion) -> None:
        parts, length = _addresses(values, motion.velocities, gradients), values.shape[0]
        threads = threads_for(_OF_A_NUMBER * length)
        if threads == 1:
            _compiled_moves().move_vector_at(0, length, *parts, length, *motion[1:], _UNITS[values.itemsize])
        else:
            given = *parts, length, *motion[1:], _UNITS[values.itemsize]
            _compiled_for_threads().share_move_vector(threads, length, *given)


class _Torch:
    moves = False

    def by_features(self, inputs: Tensor) -> Tensor:
        return inputs.t().contiguous()

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
        self, structure: Structure, values: Tensor, inputs: Tensor, gradients: Tensor, *, relu: bool, over: bool = False
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        del over  # these products make tensors of their own
        of_inputs = self.turned(structure, values, gradients)
        of_values = self.of_values(structure, inputs, gradients)
        if not relu:
            return of_inputs, of_values, None
        of_inputs.masked_fill_(inputs <= 0, 0)
        return of_inputs, of_values, of_inputs.sum(1)

    def move(self, *_: Any) -> None:
        raise NotImplementedError

    def move_back(self, *_: Any, **__: Any) -> tuple[Tensor, Tensor | None]:
        raise NotImplementedError

    def move_vector(self, *_: Any) -> None:
        raise NotImplementedError


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


def _addresses(*tensors: Tensor) -> tuple[int, ...]:
    return tuple([tensor.data_ptr() for tensor in tensors])


def _new(like: Tensor, length: int, batch: int) -> Tensor:
    """Make a vector for sums over a batch; nothing is written into those of an empty one."""
    return like.new_empty(length) if batch else like.new_zeros(length)


def threads_for(work: int) -> int:
    """Compute with as many threads as PyTorch does, where there is enough to do that waking them is worth it."""
    if work < _WORTH_IT:
        return 1
    threads = torch.get_num_threads()
    if threads > 1:
        import numba

        from ertheory.kernels import start_threads

        start_threads()
        threads = min(threads, numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
        numba.set_num_threads(threads)
    return threads


# Modules with compiled loops are loaded when they are asked for: numba takes its time.


@cache
def _compiled() -> Any:
    from ertrain.masks.sparse import addresses

    return addresses


@cache
def _compiled_moves() -> Any:
    from ertrain.masks.sparse import moving

    return moving


@cache
def _compiled_for_threads() -> Any:
    from ertrain.masks.sparse import shared

    return shared
