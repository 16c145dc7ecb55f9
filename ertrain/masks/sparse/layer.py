"""A linear layer that holds its kept weights and nothing else."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertheory.masks import read_mask
from ertheory.numbers import whole_number
from ertrain.arguments import device_of
from ertrain.masks.sparse.engines import ENGINES, Structure, engine_for
from ertrain.masks.sparse.products import Operand, product

__all__ = ["SparseLinear", "turned_around"]

_WORDS_AT_ONCE = 2**22  # of 64 entries, when a mask is drawn: 32 MB
_LARGEST = 10**15  # side of a matrix
_TYPES = (torch.float32, torch.float64)


class SparseLinear(nn.Module):
    """Compute W x + b where only the entries of W under a mask exist: they are the parameter, a vector.

    Time and memory go with the number of kept weights, and so does what an optimiser keeps about them; any optimiser of
    PyTorch that does not ask for matrices works unchanged.

    Parameters
    ----------
    in_features, out_features
        Sizes of inputs and outputs, as in `torch.nn.Linear`.
    mask
        Which weights are kept: a mask of `ertheory.masks` (a drawn one is never made dense), a sparse matrix, or
        booleans, shape (out_features, in_features). At least one weight is kept.
    bias
        Whether there is a b.
    engine
        Who computes: ``"numba"``, ``"torch"``, or ``"auto"``, which is numba on the CPU and torch on CUDA.
    device, dtype
        They are as in `torch.nn.Linear`; the type is float32 or float64.

    Attributes
    ----------
    weight : torch.nn.Parameter
        The kept weights, shape (kept,), row by row.
    starts, columns : torch.Tensor
        Where they are, as in a CSR matrix: buffers, so that a state dict is whole.

    Raises
    ------
    InvalidInput
        If a size, the mask, the engine or the device is not one of these.

    Notes
    -----
    Outputs stand in memory feature by feature, so that nothing is turned around between layers. Gradients of gradients
    are not computed. Inputs of another number type, as under autocast, are brought into that of the weights.

    Examples
    --------
    >>> from ertheory.masks import DrawnMask
    >>> mask = DrawnMask((1000, 784), "1/100", seed=0)
    >>> layer = SparseLinear(784, 1000, mask)
    >>> layer(torch.ones(32, 784)).shape, len(layer.weight)
    (torch.Size([32, 1000]), 7708)
    """

    bias: nn.Parameter | None
    starts: Tensor
    columns: Tensor
    of_columns: Tensor
    rows: Tensor
    places: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        mask: Any,
        bias: bool = True,
        *,
        engine: str = "auto",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_features = whole_number("in_features", in_features, least=1, most=_LARGEST)
        self.out_features = whole_number("out_features", out_features, least=1, most=_LARGEST)
        if engine not in ("auto", *ENGINES):
            raise InvalidInput("engine", f"auto, {' or '.join(ENGINES)}", engine)
        engine_for(engine, device_of(device))
        self.engine = engine
        starts, columns = _pattern(mask, (self.out_features, self.in_features))
        if not len(columns):
            raise InvalidInput("mask", "at least one kept weight", f"{self.out_features} x {self.in_features} zeros")
        kind = torch.get_default_dtype() if dtype is None else dtype
        if kind not in _TYPES:
            raise InvalidInput("dtype", "torch.float32 or torch.float64", kind)
        self.weight = nn.Parameter(torch.empty(len(columns), device=device, dtype=kind))
        constants = nn.Parameter(torch.empty(self.out_features, device=device, dtype=kind)) if bias else None
        self.register_parameter("bias", constants)
        self.register_buffer("starts", starts.to(device))
        self.register_buffer("columns", columns.to(device))
        self.turn()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and bias as `torch.nn.Linear` does, for the mean number of kept weights of a neuron."""
        bound = math.sqrt(self.out_features / len(self.weight))
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)

    @property
    def structure(self) -> Structure:
        """Where the kept weights are, by rows and by columns."""
        held: dict[str, Any] = self._buffers  # asked by itself: attributes of modules take long to be found
        places = held["starts"], held["columns"], held["of_columns"], held["rows"], held["places"]
        return Structure(*places, (self.out_features, self.in_features))

    def forward(self, inputs: Tensor) -> Tensor:
        """Give W x + b for inputs of shape (..., in_features)."""
        if torch.compiler.is_compiling():
            from ertrain.masks.sparse.uncompiled import uncompiled

            outputs: Tensor = uncompiled(self._compute, inputs)
            return outputs
        return self._compute(inputs)

    def _compute(self, inputs: Tensor) -> Tensor:
        return product((self.operand(),), inputs)

    def operand(self, *, relu: bool = False) -> Operand:
        """Give what a product needs of the layer, with or without a ReLU behind it."""
        held: dict[str, Any] = self._parameters  # as in `structure`
        weight = held["weight"]
        if weight.dtype not in _TYPES:
            raise InvalidInput("weight", "torch.float32 or torch.float64", weight.dtype)
        return Operand(weight, held.get("bias"), self.structure, engine_for(self.engine, weight.device), relu)

    def to_csr(self) -> csr_array:
        """Give W as a sparse matrix of SciPy, which shares no memory with the layer."""
        values = self.weight.detach().cpu().numpy().copy()
        where = self.columns.cpu().numpy().copy(), self.starts.cpu().numpy().copy()
        return csr_array((values, *where), shape=(self.out_features, self.in_features))

    def to_torch(self) -> Tensor:
        """Give W as a CSR matrix of PyTorch on the layer's device, which shares no memory with the layer."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
            return torch.sparse_csr_tensor(
                self.starts.clone(),
                self.columns.to(self.starts.dtype),
                self.weight.detach().clone(),
                (self.out_features, self.in_features),
                check_invariants=False,
            )

    def to_mask(self) -> Tensor:
        """Give the mask as booleans, shape (out_features, in_features)."""
        return self.spread(torch.ones_like(self.columns, dtype=torch.bool))

    def to_dense(self) -> Tensor:
        """Give W with its zeros, shape (out_features, in_features)."""
        return self.spread(self.weight.detach())

    def spread(self, kept: Tensor) -> Tensor:
        """Put what belongs to the kept weights, shape (kept,), where they are: shape (out_features, in_features)."""
        dense = kept.new_zeros(self.out_features, self.in_features)
        dense[torch.repeat_interleave(self.starts.diff()), self.columns.long()] = kept
        return dense

    def extra_repr(self) -> str:
        """Describe the layer within that of its network."""
        kept = f"kept={len(self.weight)} of {self.in_features * self.out_features}"
        return f"in_features={self.in_features}, out_features={self.out_features}, {kept}, bias={self.bias is not None}"

    def turn(self) -> None:
        """Find the entries by columns anew, after `starts` and `columns` have been written to."""
        turned = turned_around(self.starts, self.columns, self.in_features)
        for name, part in zip(("of_columns", "rows", "places"), turned, strict=True):
            self.register_buffer(name, part, persistent=False)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Load another mask too, if it keeps as many weights; kernels trust the places, so they are looked at first."""
        starts, columns = (state_dict.get(f"{prefix}{name}", getattr(self, name)) for name in ("starts", "columns"))
        kept = state_dict.get(f"{prefix}weight", self.weight).shape
        _check(f"{prefix}weight", starts, columns, tuple(kept), self)
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self.turn()


def turned_around(starts: Tensor, columns: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Find the entries of a matrix by columns: `of_columns`, `rows` and `places` of a `Structure`, from the others."""
    from ertrain.masks.sparse.kernels import turn

    of_columns = torch.empty(width + 1, dtype=torch.int64)
    rows, places = (torch.empty_like(columns, device="cpu") for _ in range(2))
    turn(*(part.cpu().numpy() for part in (starts, columns, of_columns, rows, places)))
    return of_columns.to(columns.device), rows.to(columns.device), places.to(columns.device)


def _pattern(mask: Any, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Read where the kept weights are."""
    found = read_mask(mask)
    if tuple(found.shape) != shape:
        raise InvalidInput("mask", f"shape {shape}", tuple(found.shape))
    outputs, inputs = shape
    starts, columns = np.zeros(outputs + 1, dtype=np.int64), np.empty(0, dtype=np.int32)
    block = max(1, _WORDS_AT_ONCE // -(-inputs // 64))
    for first in range(0, outputs, block):
        some = found.to_csr(first, min(first + block, outputs))
        some.sort_indices()
        starts[first + 1 : first + 1 + some.shape[0]] = starts[first] + some.indptr[1:]
        before = len(columns)
        columns.resize(before + some.nnz, refcheck=False)  # one array that grows in place: parts would be held twice
        columns[before:] = some.indices
    return torch.from_numpy(starts), torch.from_numpy(columns)


def _check(name: str, starts: Tensor, columns: Tensor, kept: tuple[int, ...], layer: SparseLinear) -> None:
    """Refuse what does not say where so many weights of a layer are."""
    if len(columns) != len(layer.columns) or kept != tuple(layer.weight.shape):
        raise InvalidInput(
            f"{name!r} in the state dict", f"{len(layer.columns)} kept weights", max(len(columns), *kept)
        )
    shape = layer.out_features, layer.in_features
    fits = len(starts) == shape[0] + 1 and int(starts[0]) == 0 and int(starts[-1]) == len(columns)
    if not (fits and bool((starts.diff() >= 0).all()) and bool(((columns >= 0) & (columns < shape[1])).all())):
        raise InvalidInput(f"the mask of {name!r} in the state dict", f"places in a matrix of shape {shape}", "others")
