"""Targets from and to files, and one front door for everything that can be read as a target.

A target file holds W1, b1, W2, b2, ... with W_l of shape (n_l, n_{l-1}) or (n_l, n_{l-1}, *kernel), the biases where
they are not zero, and optionally ``domain`` (d, 2) and ``activation``, which has to be "relu". Every number is read as
the double that equals it; a number that no double equals is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.files import SUFFIXES, check_place, write_arrays
from ertheory.networks.readers.frameworks import target_from_sklearn, target_from_torch
from ertheory.networks.target import Target

__all__ = ["load_target", "read_target", "target_from_sklearn", "target_from_torch", "write_target"]

FilePath: TypeAlias = str | os.PathLike[str]

_KEYS = "the keys W1, b1, W2, b2, ..., domain, activation"
_LARGEST_INTEGER = 2**53  # up to here every integer is a double
_BFLOAT = "BF16"
_SAFE_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", _BFLOAT: "<u2", "BOOL": "?",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1",
}  # fmt: skip


def load_target(thing: object) -> Target:
    """Read whatever describes a target.

    Parameters
    ----------
    thing
        A `Target`; text such as ``784-128-10``; the path of a .npz or .safetensors file; widths n_0..n_L; a list of
        weight arrays W_1..W_L, or a pair of two lists, weights and biases; a mapping with the keys of a target file; a
        ``torch.nn.Sequential`` or a state dict; a fitted scikit-learn ``MLPClassifier`` or ``MLPRegressor``.

    Raises
    ------
    InvalidInput
        If it is none of these, or not valid as what it is.

    Examples
    --------
    >>> str(load_target("784-128-10")), str(load_target([4, 8, 3]))
    ('784-128-10', '4-8-3')
    >>> load_target([[[1.0, 0.0], [2.0, 3.0]], [[1.0, 1.0]]]).nonzeros
    (3, 2)
    """
    if isinstance(thing, Target):
        return thing
    if isinstance(thing, str) and not thing.lower().endswith(SUFFIXES):
        return Target.from_text(thing)
    if isinstance(thing, str | os.PathLike):
        return read_target(thing)
    if isinstance(thing, Mapping):
        return _from_entries(thing) if "W1" in thing else target_from_torch(thing)
    if hasattr(thing, "state_dict"):
        return target_from_torch(thing)
    if hasattr(thing, "fit"):
        return target_from_sklearn(thing)
    if isinstance(thing, np.ndarray) and thing.ndim == 1:
        thing = thing.tolist()
    if isinstance(thing, Sequence) and not isinstance(thing, bytes | bytearray | memoryview):
        return _from_sequence(thing)
    allowed = "widths like 784-128-10, a file, arrays, a torch Sequential or state dict, or a fitted scikit-learn MLP"
    raise InvalidInput("target", allowed, type(thing).__name__)


def read_target(path: FilePath) -> Target:
    """Read a target from a .npz or .safetensors file.

    Parameters
    ----------
    path
        A file with the keys W1, b1, W2, b2, ... and optionally domain and activation (in .safetensors the activation
        stands in the metadata). Booleans, integers and floating-point numbers of any precision are accepted.

    Raises
    ------
    InvalidInput
        If the file cannot be read, is damaged, holds pickled objects or other keys, or describes no network.

    Notes
    -----
    Nothing in the file is executed: pickled objects are refused.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InvalidInput("target", "a .npz or .safetensors file", str(path))
    try:
        entries = _npz_entries(path) if suffix == ".npz" else _safetensors_entries(path)
    except InvalidInput:
        raise
    except FileNotFoundError:
        raise InvalidInput("target", "a file that exists", str(path)) from None
    except PermissionError:
        raise InvalidInput("target", "a file that may be read", str(path)) from None
    except Exception as error:  # damaged bytes raise a dozen kinds in zipfile, zlib, numpy and safetensors
        raise InvalidInput("target", f"an undamaged {suffix} file of plain arrays", str(path)) from error
    return _from_entries(entries)


def write_target(path: FilePath, target: Target, *, force: bool = False) -> None:
    """Write the weights, the biases and the domain of a target to a .npz or .safetensors file.

    Parameters
    ----------
    path
        Where to; the file is either complete or not there.
    target
        A target with weights.
    force
        Whether to write over an existing file.

    Raises
    ------
    InvalidInput
        If the target has no weights or could not be read back, the file exists, or the place cannot be written.
    """
    path = Path(path)
    check_place(path, force=force)
    write_arrays(path, _arrays(target), {"activation": "relu"}, force=force)


def _npz_entries(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise InvalidInput("target", "an archive of arrays", str(path))
        names = archive.files
        if len(set(names)) < len(names):
            raise InvalidInput("target", "each key once", sorted(names))
        return {name: archive[name] for name in names}


def _safetensors_entries(path: Path) -> dict[str, Any]:
    import safetensors

    entries: dict[str, Any] = {}
    # The reader for numpy knows no bfloat16, so the bytes are interpreted here.
    for name, tensor in safetensors.deserialize(path.read_bytes()):  # type: ignore[no-untyped-call]
        if tensor["dtype"] not in _SAFE_DTYPES:
            raise InvalidInput("target", f"tensors of type {', '.join(_SAFE_DTYPES)}", f"{tensor['dtype']} in {name}")
        array = np.frombuffer(tensor["data"], dtype=_SAFE_DTYPES[tensor["dtype"]]).reshape(tensor["shape"])
        # bfloat16 is the upper half of a float32.
        entries[name] = (array.astype("<u4") << 16).view("<f4") if tensor["dtype"] == _BFLOAT else array
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata: dict[str, str] = file.metadata() or {}
    return {"activation": metadata["activation"], **entries} if "activation" in metadata else entries


def _from_entries(entries: Mapping[Any, Any]) -> Target:
    depth = sum(str(key).startswith("W") for key in entries)
    unknown = sorted(str(key) for key in entries if not _is_known(str(key)))
    if unknown:
        raise InvalidInput("target", _KEYS, ", ".join(unknown))
    if not depth:
        raise InvalidInput("target", _KEYS, ", ".join(sorted(map(str, entries))))
    for index in range(1, depth + 1):
        if f"W{index}" not in entries:
            found = sorted((str(key) for key in entries if str(key).startswith("W")), key=lambda key: (len(key), key))
            raise InvalidInput(f"W{index}", f"weights W1 to W{depth} without a gap", ", ".join(found))
    for key in entries:
        if str(key).startswith("b") and f"W{str(key)[1:]}" not in entries:
            raise InvalidInput(str(key), f"biases b1 to b{depth}, beside the weights", str(key))
    activation = entries.get("activation", "relu")
    if str(activation) != "relu":
        raise InvalidInput("activation", "'relu'", str(activation))
    weights = [_double(f"W{index}", entries[f"W{index}"]) for index in range(1, depth + 1)]
    biases = [
        _double(f"b{index}", entries[f"b{index}"]) if f"b{index}" in entries else np.zeros(weight.shape[:1])
        for index, weight in enumerate(weights, start=1)
    ]
    domain = _double("domain", entries["domain"]) if "domain" in entries else None
    return Target.from_arrays(weights, biases, domain=domain)


def _is_known(key: str) -> bool:
    return key in {"domain", "activation"} or re.fullmatch("[Wb][0-9]+", key) is not None


def _from_sequence(items: Sequence[Any]) -> Target:
    if all(isinstance(item, int | float | np.number) for item in items):
        return Target.from_widths(list(items))
    weights, biases = (items[0], items[1]) if _is_pair(items) else (items, None)
    return Target.from_arrays(
        [_double(f"W{index}", weight) for index, weight in enumerate(weights, start=1)],
        None if biases is None else [_double(f"b{index}", bias) for index, bias in enumerate(biases, start=1)],
    )


def _is_pair(items: Sequence[Any]) -> bool:
    """Whether these are two lists, of weights and of biases, and not the two weight arrays of a network."""
    if len(items) != 2 or not all(isinstance(item, list | tuple) for item in items):
        return False
    try:
        return all(np.ndim(weight) >= 2 for weight in items[0]) and all(np.ndim(bias) <= 1 for bias in items[1])
    except ValueError:  # a ragged list
        return False


def _double(name: str, value: Any) -> npt.NDArray[np.float64]:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):  # ragged lists; tensors that need a gradient
        raise InvalidInput(name, "a rectangular array of real numbers", type(value).__name__) from None
    if array.dtype.kind not in "bfiu":
        raise InvalidInput(name, "an array of real numbers", array.dtype.name)
    if array.dtype.kind in "iu" and array.size:
        largest = max(int(array.max()), -int(array.min()))
        if largest > _LARGEST_INTEGER:
            raise InvalidInput(name, "integers of at most 2**53, which a double holds exactly", largest)
    with np.errstate(over="ignore"):
        double = array.astype(np.float64)
    if array.dtype.kind == "f" and not np.array_equal(double.astype(array.dtype), array, equal_nan=True):
        raise InvalidInput(name, "numbers that a double holds exactly", array.dtype.name)
    return double


def _arrays(target: Target) -> dict[str, npt.NDArray[np.float64]]:
    if target.weights is None or target.biases is None:
        raise InvalidInput("target", "a target with weights", f"{str(target)[:80]}, given by its counts alone")
    arrays: dict[str, npt.NDArray[np.float64]] = {}
    for index, (weight, bias) in enumerate(zip(target.weights, target.biases, strict=True), start=1):
        arrays[f"W{index}"], arrays[f"b{index}"] = np.ascontiguousarray(weight), np.ascontiguousarray(bias)
    if target.domain is not None:
        arrays["domain"] = np.ascontiguousarray(target.domain)
    # Only behind a convolution does a file show that each channel is read at several positions.
    shown = Target.from_arrays(target.weights, target.biases, domain=target.domain)
    if shown.widths != target.widths:
        raise InvalidInput("target", f"widths {shown} as the shapes of its weights say", str(target))
    return arrays
