"""Read what `ertheory embed` writes: a source network, its masks, and where they came from.

A file holds per source layer l the CSR arrays ``W{l}_data``, ``W{l}_indices``, ``W{l}_indptr``, ``W{l}_shape``, the
biases ``b{l}`` and optionally the pattern of the mask, ``mask{l}_indices`` and ``mask{l}_indptr``; beside them
``activation``, one name or one per layer but the last, and optionally ``domain`` (d, 2), ``steps`` (JSON, where the
network is more than a chain), ``seed``, ``densities``, ``bits`` (of quantised weights) and ``rationals`` (JSON; the
doubles are nearest to them). In .safetensors the texts stand in the metadata. Nothing in a file is executed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.check.geometry import check_flow
from ertheory.check.steps import read_steps
from ertheory.errors import InvalidInput
from ertheory.files import SUFFIXES, read_arrays
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Network, Step

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["EmbeddingFile", "read_embedding"]

FilePath: TypeAlias = str | os.PathLike[str]
Integers: TypeAlias = npt.NDArray[np.int64]

_TEXTS = ("activation", "bits", "densities", "rationals", "seed", "steps")
_KEYS = re.compile(
    r"(W\d+_(data|indices|indptr|shape)|b\d+|mask\d+_(indices|indptr)|domain|activation|bits|densities|rationals|seed|steps)"
)
_LARGEST = 2**53
_LONGEST_NAME = 60


@dataclass(frozen=True, kw_only=True, eq=False)
class EmbeddingFile:
    """What such a file holds.

    Parameters
    ----------
    network
        The source, with the box for which it was made.
    masks
        The pattern of each affine step in the order of evaluation, ``None`` where the file leaves it out.
    seed
        It is that of the masks, where it was written.
    densities
        They are those of the source layers, where they were written.
    rationals
        Weights of source layers as rational numbers, in the order of the stored ones, where they were written; the
        doubles are the nearest to them.
    bits
        Bits behind the point of the weights that the seed gives, where they are quantised.
    """

    network: Network
    masks: tuple[csr_array | None, ...]
    seed: int | None = None
    densities: tuple[Fraction, ...] | None = None
    rationals: dict[int, tuple[Fraction, ...]] | None = None
    bits: int | None = None


def read_embedding(path: FilePath) -> EmbeddingFile:
    """Read a source network and its masks.

    Parameters
    ----------
    path
        A .npz or .safetensors file.

    Raises
    ------
    InvalidInput
        If the file is not there, damaged or holds pickled objects, or its arrays describe no network.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InvalidInput("path", "a .npz or .safetensors file", str(path))
    arrays, texts = read_arrays(path)
    try:
        return _embedding(_with_texts(arrays, texts, apart=suffix != ".npz"))
    except InvalidInput as error:
        name = " ".join(path.name.split())[:_LONGEST_NAME]
        argument = name if error.argument == "path" else f"{name}, {error.argument}"
        raise InvalidInput(argument, error.allowed, error.value) from error


def _with_texts(arrays: Mapping[str, Any], texts: Mapping[str, str], *, apart: bool) -> dict[str, Any]:
    """Put the texts beside the arrays: they stand apart in the metadata, or are arrays of text themselves."""
    found = dict(arrays)
    for name in _TEXTS:
        if name in found and apart:
            raise InvalidInput(name, "text in the metadata", "a tensor")
        if name in found:
            values = found[name]
            if values.dtype.kind not in "Uiu":
                raise InvalidInput(name, "text", values.dtype.name)
            found[name] = ",".join(str(value) for value in values.ravel().tolist())
    return found | {name: texts[name] for name in _TEXTS if name in texts}


def _embedding(found: Mapping[str, Any]) -> EmbeddingFile:
    unknown = sorted(name for name in found if not _KEYS.fullmatch(name))
    if unknown:
        raise InvalidInput("path", "the keys of an embedding: W0_data, ..., b0, ..., activation", ", ".join(unknown))
    depth = sum(name.endswith("_shape") for name in found)
    used = {f"{kind}{layer}" for kind in ("W", "b", "mask") for layer in range(depth)}
    stray = sorted(name for name in found if name[-1].isdigit() or "_" in name if name.split("_")[0] not in used)
    if stray or not depth:
        raise InvalidInput("path", f"layers 0 to {depth - 1} without a gap" if depth else "W0_shape", ", ".join(stray))
    weights = [_weight(found, layer) for layer in range(depth)]
    biases = [_numbers(f"b{layer}", _entry(found, f"b{layer}")) for layer in range(depth)]
    masks = [_mask(found, layer, weight.shape) for layer, weight in enumerate(weights)]
    names = _activations(_entry(found, "activation"), depth)
    domain = _domain(found["domain"]) if "domain" in found else None
    if "steps" in found:
        steps, order = read_steps(found["steps"], weights, biases)
    else:
        steps, order = _chain(weights, biases, names), tuple(range(depth))
    network = Network(steps, domain)
    check_flow(network)
    if "steps" in found and not network.activations <= {*names, "identity"}:
        kinds = ", ".join(sorted(network.activations))
        raise InvalidInput("steps", f"the activation {', '.join(sorted(set(names)))} that the file names", kinds)
    return EmbeddingFile(
        network=network,
        masks=tuple(masks[layer] for layer in order),
        seed=_seed(found),
        densities=_densities(found),
        rationals=_rationals(found, weights),
        bits=_bits(found),
    )


def _activations(text: Any, depth: int) -> list[str]:
    """Read one name for all layers but the last, or one for each of them."""
    try:
        names = json.loads(text) if text.startswith("[") else text.split(",")
    except (ValueError, RecursionError):
        names = []
    if not all(isinstance(name, str) for name in names) or len(names) not in {1, depth - 1}:
        raise InvalidInput("activation", f"one name, or {depth - 1}, one per layer but the last", text)
    for name in names:
        activation(name)
    return [*names] * (depth if len(names) == 1 else 1)


def _chain(weights: list[csr_array], biases: list[npt.NDArray[np.float64]], names: list[str]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if layer:
            steps.append(Activation(names[layer - 1]))
        steps.append(Affine(weight=weight, bias=bias, inputs=int(weight.shape[1])))
    return tuple(steps)


def _entry(found: Mapping[str, Any], name: str) -> Any:
    if name not in found:
        raise InvalidInput(name, "to be in the file", "nothing")
    return found[name]


def _numbers(name: str, array: Any) -> npt.NDArray[np.float64]:
    if array.dtype != np.float64:
        raise InvalidInput(name, "doubles", array.dtype.name)
    if not np.isfinite(array).all():
        raise InvalidInput(name, "finite numbers", array[~np.isfinite(array)][0].item())
    return np.asarray(array, dtype=np.float64)


def _integers(name: str, array: Any) -> Integers:
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise InvalidInput(name, "one axis of integers", f"{array.dtype.name}, shape {array.shape}")
    if array.size and not (0 <= int(array.min()) and int(array.max()) <= _LARGEST):
        raise InvalidInput(name, f"integers from 0 to {_LARGEST}", int(array.min()))
    return np.asarray(array, dtype=np.int64)


def _pattern(found: Mapping[str, Any], prefix: str, shape: tuple[int, int]) -> tuple[Integers, Integers]:
    """Read the indices and the row starts of a CSR array, and refuse what scipy would take without a look."""
    indices, indptr = (_integers(name, _entry(found, name)) for name in (f"{prefix}_indices", f"{prefix}_indptr"))
    name = f"{prefix}_indptr"
    if len(indptr) != shape[0] + 1:
        raise InvalidInput(name, f"{shape[0] + 1} row starts", len(indptr))
    if indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        raise InvalidInput(name, f"row starts from 0 up to {len(indices)}", indptr.tolist()[:8])
    if len(indices) and int(indices.max()) >= shape[1]:
        raise InvalidInput(f"{prefix}_indices", f"columns below {shape[1]}", int(indices.max()))
    rows = np.repeat(np.arange(shape[0]), np.diff(indptr))
    order = np.lexsort((indices, rows))
    repeated = (np.diff(rows[order]) == 0) & (np.diff(indices[order]) == 0)
    if repeated.any():
        at = order[int(np.argmax(repeated))]
        raise InvalidInput(f"{prefix}_indices", "each column once per row", (int(rows[at]), int(indices[at])))
    return indices, indptr


def _weight(found: Mapping[str, Any], layer: int) -> csr_array:
    from scipy.sparse import csr_array

    shape = _integers(f"W{layer}_shape", _entry(found, f"W{layer}_shape"))
    if len(shape) != 2 or not shape.all():
        raise InvalidInput(f"W{layer}_shape", "two positive integers", shape.tolist()[:8])
    rows, columns = shape.tolist()
    indices, indptr = _pattern(found, f"W{layer}", (rows, columns))
    data = _numbers(f"W{layer}_data", _entry(found, f"W{layer}_data"))
    if data.shape != indices.shape:
        raise InvalidInput(f"W{layer}_data", f"{len(indices)} numbers", data.shape)
    return csr_array((data, indices, indptr), shape=(rows, columns))


def _mask(found: Mapping[str, Any], layer: int, shape: tuple[int, int]) -> csr_array | None:
    from scipy.sparse import csr_array

    if not any(f"mask{layer}_{part}" in found for part in ("indices", "indptr")):
        return None
    indices, indptr = _pattern(found, f"mask{layer}", shape)
    return csr_array((np.ones(len(indices), dtype=np.bool_), indices, indptr), shape=shape)


def _domain(array: Any) -> npt.NDArray[np.float64]:
    box = _numbers("domain", array)
    if box.ndim != 2 or box.shape[1] != 2:
        raise InvalidInput("domain", "shape (d, 2)", box.shape)
    if (box[:, 0] > box[:, 1]).any():
        raise InvalidInput("domain", "intervals [a, b] with a <= b", box[box[:, 0] > box[:, 1]][0].tolist())
    return box


def _seed(found: Mapping[str, Any]) -> int | None:
    if "seed" not in found:
        return None
    if not re.fullmatch(r"\d{1,60}", found["seed"], re.ASCII):
        raise InvalidInput("seed", "a whole number", found["seed"])
    return int(found["seed"])


def _bits(found: Mapping[str, Any]) -> int | None:
    if "bits" not in found:
        return None
    if not re.fullmatch(r"\d|[1-4]\d", found["bits"], re.ASCII):
        raise InvalidInput("bits", "a whole number of at most 49", found["bits"])
    return int(found["bits"])


def _densities(found: Mapping[str, Any]) -> tuple[Fraction, ...] | None:
    if "densities" not in found:
        return None
    text = found["densities"]
    try:
        parts = json.loads(text) if text.startswith("[") else text.split(",")
        densities = tuple(_fraction(part) for part in parts)
    except (RecursionError, TypeError, ValueError, ZeroDivisionError):
        raise InvalidInput("densities", "rationals such as 1/10", text) from None
    if any(not 0 < density <= 1 for density in densities):
        raise InvalidInput("densities", "rationals in (0, 1]", text)
    return densities


def _fraction(given: Any) -> Fraction:
    """Read a rational, but none whose exponent alone would fill the memory."""
    if isinstance(given, str) and len(given.lower().partition("e")[2]) > 5:
        raise ValueError(given)
    return Fraction(given)


def _rationals(found: Mapping[str, Any], weights: list[csr_array]) -> dict[int, tuple[Fraction, ...]] | None:
    if "rationals" not in found:
        return None
    try:
        given = json.loads(found["rationals"])
        read = {int(layer): tuple(_fraction(text) for text in row) for layer, row in given.items()}
    except (AttributeError, RecursionError, TypeError, ValueError, ZeroDivisionError):
        raise InvalidInput(
            "rationals", "lists of rationals such as -2/3 by layer, in JSON", found["rationals"]
        ) from None
    for layer, row in read.items():
        if not 0 <= layer < len(weights) or len(row) != weights[layer].nnz:
            raise InvalidInput(
                "rationals", "a number for each stored weight of a layer", f"{len(row)} in layer {layer}"
            )
    return read
