"""Target files: the weights, the biases and the box of a target."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ertheory.errors import InvalidInput
from ertheory.files import check_place, write_arrays
from ertheory.networks.arrays import Array
from ertheory.networks.network import Affine
from ertheory.networks.target import Target, network_of

__all__ = ["write_target"]


def write_target(path: str | os.PathLike[str], target: Target, *, force: bool = False) -> None:
    """Write the weights, the biases and the domain of a target to a .npz or .safetensors file.

    Parameters
    ----------
    path
        It says where to write; the file is either complete or not there.
    target
        A target with its network.
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


def _arrays(target: Target) -> dict[str, Array]:
    network = network_of(target)
    if target.weights is None or target.biases is None or any(_has_geometry(step) for step in network.affine):
        allowed = "no pooling, stride, padding or dilation, for which a target file has no place"
        raise InvalidInput("target", allowed, str(target))
    arrays: dict[str, Array] = {}
    for index, (weight, bias) in enumerate(zip(target.weights, target.biases, strict=True), start=1):
        arrays[f"W{index}"], arrays[f"b{index}"] = np.ascontiguousarray(weight), np.ascontiguousarray(bias)
    if target.domain is not None:
        arrays["domain"] = np.ascontiguousarray(target.domain)
    return arrays


def _has_geometry(step: Affine) -> bool:
    return any(step.padding) or any(size != 1 for size in (*step.stride, *step.dilation))
