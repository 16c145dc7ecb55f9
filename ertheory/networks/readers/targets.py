"""Everything that can be read as a target, or as a network: what is in memory is read, and files are loaded.

`read_target` and `read_network` take text, arrays, PyTorch modules and programs, state dicts and scikit-learn
estimators; `load_target` and `load_network` take paths. None of these libraries is imported before something of it is
given.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ertheory.errors import InvalidInput, warn
from ertheory.networks.network import Network
from ertheory.networks.readers.files import READABLE, load_file, read_entries
from ertheory.networks.readers.scikit_learn import network_from_sklearn
from ertheory.networks.readers.state_dicts import target_from_state_dict
from ertheory.networks.readers.torch_read import network_from_torch
from ertheory.networks.target import Target, network_of
from ertheory.networks.writers.target_file import write_target

__all__ = [
    "load_network",
    "load_target",
    "read_network",
    "read_target",
    "target_from_sklearn",
    "target_from_torch",
    "target_of",
    "target_or_network",
    "write_target",
]

FilePath: TypeAlias = str | os.PathLike[str]


def read_target(thing: object) -> Target:
    """Read whatever describes a target.

    Parameters
    ----------
    thing
        A `Target` or a `Network`; text such as ``784-128-10``; widths n_0..n_L; a list of weight arrays W_1..W_L, or a
        pair of two lists, weights and biases; a mapping with the keys of a target file or of a state dict; a PyTorch
        module or a program of ``torch.export``; a fitted perceptron of scikit-learn, or a pipeline of scalers in front
        of one. Files are loaded by `load_target`; for one release more, their paths are taken here too.

    Returns
    -------
    Target
        What the width bounds read. It keeps the network, unless only counts are known: from text, from widths, and from
        a state dict with convolutions, which does not tell their geometry.

    Raises
    ------
    InvalidInput
        If it is none of these, or not valid as what it is, or a network for which no width is computed: one with
        residual blocks or with another activation than ReLU.

    Examples
    --------
    >>> str(read_target("784-128-10")), str(read_target([4, 8, 3]))
    ('784-128-10', '4-8-3')
    >>> read_target([[[1.0, 0.0], [2.0, 3.0]], [[1.0, 1.0]]]).nonzeros
    (3, 2)
    """
    return target_of(_memory("read_target", thing))


def load_target(path: FilePath) -> Target:
    """Load a target from a file.

    Parameters
    ----------
    path
        A .npz, .safetensors, .pt, .pth, .pt2 or .onnx file. For one release more, what `read_target` reads is taken
        here too.

    Returns
    -------
    Target
        It is as `read_target` gives it.

    Raises
    ------
    InvalidInput
        If the file cannot be read, is damaged, or describes no network for which widths are computed. It is named.

    Examples
    --------
    >>> load_target("missing.npz")
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: target: expected a file that exists, got 'missing.npz'
    """
    return target_of(_file("load_target", path))


def read_network(thing: object) -> Network:
    """Read whatever describes a network wholly.

    Parameters
    ----------
    thing
        It is as for `read_target`, with any activation and with residual blocks.

    Raises
    ------
    InvalidInput
        If it is none of these, or not valid as what it is, or only the counts of a network are known.

    Examples
    --------
    >>> read_network([[[1.0, 0.0], [2.0, 3.0]], [[1.0, 1.0]]]).outputs
    1
    """
    return _wholly(_memory("read_network", thing))


def load_network(path: FilePath) -> Network:
    """Load a network from a file.

    Parameters
    ----------
    path
        It is as for `load_target`, with any activation and with residual blocks.

    Raises
    ------
    InvalidInput
        If the file cannot be read, is damaged, or tells counts alone; the file is named.
    """
    return _wholly(_file("load_network", path))


def target_of(thing: object) -> Target:
    """Give the target that a question is asked about: of a file, or of whatever `read_target` reads.

    Raises
    ------
    InvalidInput
        It is raised as `read_target` and `load_target` do.

    Examples
    --------
    >>> target_of("4-8-3").widths
    (4, 8, 3)
    """
    found = _read(thing)
    return Target.from_network(found) if isinstance(found, Network) else found


def target_or_network(thing: object) -> Target | Network:
    """Give the target of a file, or of whatever `read_target` reads; a network that cannot be counted as it is.

    Raises
    ------
    InvalidInput
        It is raised as `read_network` and `load_network` do.

    Examples
    --------
    >>> str(target_or_network("4-8-3"))
    '4-8-3'
    """
    found = _read(thing)
    if isinstance(found, Target):
        return found
    try:
        return Target.from_network(found)
    except InvalidInput:  # it has skips, norms, or another activation
        return found


def target_from_torch(model: object) -> Target:
    """Read a target from a PyTorch module, or from a state dict.

    Parameters
    ----------
    model
        A module as for `ertheory.networks.readers.torch_read.network_from_torch`, or a state dict as for
        `ertheory.networks.readers.state_dicts.target_from_state_dict`.

    Raises
    ------
    InvalidInput
        If the module is no chain of layers with ReLU between them, or contains something that is not known.

    Examples
    --------
    >>> import numpy as np
    >>> target_from_torch({"0.weight": np.ones((3, 2)), "0.bias": np.zeros(3), "2.weight": np.ones((1, 3))}).widths
    (2, 3, 1)
    """
    return (
        target_from_state_dict(model) if isinstance(model, Mapping) else Target.from_network(network_from_torch(model))
    )


def target_from_sklearn(estimator: object) -> Target:
    """Read a target from a fitted perceptron of scikit-learn, or a pipeline of scalers that ends with one.

    Parameters
    ----------
    estimator
        It is as for `ertheory.networks.readers.scikit_learn.network_from_sklearn`, with ReLU as its activation.

    Raises
    ------
    InvalidInput
        If it is another kind of object, not fitted, or has another activation.
    """
    return Target.from_network(network_from_sklearn(estimator))


def _wholly(thing: object) -> Network:
    found = _read(thing)
    return network_of(found) if isinstance(found, Target) else found


def _is_path(thing: object) -> bool:
    return isinstance(thing, os.PathLike) or (isinstance(thing, str) and thing.lower().endswith(READABLE))


def _file(name: str, thing: object) -> object:
    """Give a path; what is none is taken for one release more, with a warning."""
    if isinstance(thing, str) and not re.fullmatch(r"[\d\s-]*", thing):
        return Path(thing)
    if not isinstance(thing, os.PathLike):
        _warn(name, "what is no path", name.replace("load", "read"))
    return thing


def _memory(name: str, thing: object) -> object:
    """Give what is no path; paths are taken for one release more, with a warning."""
    if _is_path(thing):
        _warn(name, "a path", name.replace("read", "load"))
    return thing


def _warn(name: str, what: str, instead: str) -> None:
    message = f"ertheory.{name} takes {what} for this release only: use ertheory.{instead}"
    warn(message, DeprecationWarning)


def _read(thing: object) -> Target | Network:
    if isinstance(thing, Target | Network):
        return thing
    if isinstance(thing, str | os.PathLike):
        return load_file(Path(thing)) if _is_path(thing) else Target.from_text(str(thing))
    if isinstance(thing, Mapping):
        return read_entries(thing)
    if hasattr(thing, "state_dict"):
        return network_from_torch(thing)
    if hasattr(thing, "fit"):
        return network_from_sklearn(thing)
    if isinstance(thing, np.ndarray) and thing.ndim == 1:
        thing = thing.tolist()
    if isinstance(thing, Sequence) and not isinstance(thing, bytes | bytearray | memoryview):
        return _from_sequence(thing)
    allowed = "widths like 784-128-10, a file, arrays, a torch module or state dict, or a fitted scikit-learn MLP"
    raise InvalidInput("target", allowed, type(thing).__name__)


def _from_sequence(items: Sequence[Any]) -> Target:
    if all(isinstance(item, int | float | np.number) for item in items):
        return Target.from_widths(list(items))
    weights, biases = (items[0], items[1]) if _is_pair(items) else (items, None)
    return Target.from_arrays(weights, biases)


def _is_pair(items: Sequence[Any]) -> bool:
    """Whether these are two lists, of weights and of biases, and not the two weight arrays of a network."""
    if len(items) != 2 or not all(isinstance(item, list | tuple) for item in items):
        return False
    try:
        return all(np.ndim(weight) >= 2 for weight in items[0]) and all(np.ndim(bias) <= 1 for bias in items[1])
    except ValueError:  # a ragged list
        return False
