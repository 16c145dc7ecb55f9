"""Targets from files: .npz and .safetensors with the keys of a target file or a state dict, .pt, .pth, .pt2, .onnx.

A target file holds W1, b1, W2, b2, ... with W_l of shape (n_l, n_{l-1}) or (n_l, n_{l-1}, *kernel), the biases where
they are not zero, and optionally ``domain`` (d, 2) and ``activation``, which has to be "relu". Every number is read as
the double that equals it; a number that no double equals is refused. Nothing in a file is executed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ertheory.errors import InvalidInput
from ertheory.files import SUFFIXES, check_regular, read_arrays, undamaged
from ertheory.networks.arrays import doubles
from ertheory.networks.network import Network
from ertheory.networks.readers.onnx_read import load_onnx
from ertheory.networks.readers.state_dicts import is_state_dict, target_from_state_dict
from ertheory.networks.readers.torch_export import network_from_exported
from ertheory.networks.target import Target

__all__ = ["READABLE", "load_file", "read_entries"]

READABLE = (*SUFFIXES, ".pt", ".pth", ".pt2", ".onnx")

_KEYS = "the keys W1, b1, W2, b2, ..., domain, activation, or those of a state dict such as fc1.weight"
_INSIDE = ("state_dict", "model_state_dict", "model", "net")  # where a checkpoint keeps its state dict
_LONGEST_NAME = 60


def load_file(path: Path) -> Target | Network:
    """Load what a file describes.

    Parameters
    ----------
    path
        A file whose name ends with one of `READABLE`.

    Raises
    ------
    InvalidInput
        If the file cannot be read, is damaged, holds pickled objects or other keys, or describes no network. The file
        is named.
    """
    suffix = path.suffix.lower()
    if suffix not in READABLE:
        raise InvalidInput("target", f"a {', '.join(READABLE[:-1])} or {READABLE[-1]} file", str(path))
    check_regular(path, argument="target")
    try:
        if suffix in SUFFIXES:
            arrays, texts = read_arrays(path, argument="target")
            activation = {"activation": texts["activation"]} if "activation" in texts else {}
            return read_entries({**activation, **arrays})
        if suffix == ".pt2":
            return network_from_exported(_program(path))
        return load_onnx(path) if suffix == ".onnx" else target_from_state_dict(_checkpoint(path))
    except InvalidInput as error:
        if str(path) in str(error.value):
            raise
        name = " ".join(path.name.split())[:_LONGEST_NAME]
        argument = name if error.argument == "target" else f"{name}, {error.argument}"
        raise InvalidInput(argument, error.allowed, error.value) from error


def read_entries(entries: Mapping[Any, Any]) -> Target:
    """Read a target from the entries of a file: those of a target file, or a state dict.

    Raises
    ------
    InvalidInput
        If there are other entries, or they describe no network.
    """
    weights = [key for key in entries if re.fullmatch("W[0-9]+", str(key))]
    activation = entries.get("activation", "relu")
    if str(activation) != "relu":
        raise InvalidInput("activation", "'relu'", str(activation))
    if not weights and is_state_dict(entries):
        return target_from_state_dict({key: entries[key] for key in entries if key != "activation"})
    depth = len(weights)
    unknown = sorted(str(key) for key in entries if not _is_known(str(key)))
    if unknown or not depth:
        raise InvalidInput("target", _KEYS, ", ".join(unknown or sorted(map(str, entries))))
    for index in range(1, depth + 1):
        if f"W{index}" not in entries:
            found = sorted(map(str, weights), key=lambda key: (len(key), key))
            raise InvalidInput(f"W{index}", f"weights W1 to W{depth} without a gap", ", ".join(found))
    for key in entries:
        if str(key).startswith("b") and f"W{str(key)[1:]}" not in entries:
            raise InvalidInput(str(key), f"biases b1 to b{depth}, beside the weights", str(key))
    arrays = [doubles(f"W{index}", entries[f"W{index}"]) for index in range(1, depth + 1)]
    biases = [entries.get(f"b{index}", np.zeros(array.shape[:1])) for index, array in enumerate(arrays, start=1)]
    return Target.from_arrays(arrays, biases, domain=entries.get("domain"))


def _is_known(key: str) -> bool:
    return key in {"domain", "activation"} or re.fullmatch("[Wb][0-9]+", key) is not None


def _program(path: Path) -> Any:
    """Load a program that ``torch.export.save`` wrote, without running what may stand in it."""
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        raise InvalidInput("target", "PyTorch to be installed for .pt2 files", str(path)) from None
    from ertheory.networks.readers.torch_program import load_program

    with undamaged(path, "target", "program that torch.export.save wrote"):
        return load_program(path)


def _checkpoint(path: Path) -> Mapping[Any, Any]:
    """Load a state dict that ``torch.save`` wrote, without running what may stand in it."""
    try:
        import torch
    except ModuleNotFoundError:
        raise InvalidInput("target", "PyTorch to be installed for .pt and .pth files", str(path)) from None
    kind = "state dict that torch.load takes with weights_only=True (whole models: torch.export.save, as .pt2)"
    with undamaged(path, "target", kind):
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    inside = [name for name in _INSIDE if isinstance(found, Mapping) and isinstance(found.get(name), Mapping)]
    if len(inside) == 1:
        found = found[inside[0]]
    if not isinstance(found, Mapping):
        raise InvalidInput(
            "target", "a state dict, as torch.save(model.state_dict(), ...) writes it", type(found).__name__
        )
    return found
