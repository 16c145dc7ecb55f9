"""Points at which errors are measured."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput

__all__ = ["read_points"]

Array: TypeAlias = npt.NDArray[np.float64]
FilePath: TypeAlias = str | PathLike[str]


def read_points(inputs: FilePath | npt.ArrayLike, box: Array | None) -> Array:
    """Read the points at which errors are measured.

    Raises
    ------
    InvalidInput
        If they are no numbers of shape (n, d), or lie outside the box.

    Examples
    --------
    >>> read_points([[0.5, 1.0]], None).shape
    (1, 2)
    """
    array = _loaded(inputs) if isinstance(inputs, str | PathLike) else np.asarray(inputs)
    if array.dtype.kind not in "biuf" or array.ndim < 2 or not array.size:
        raise InvalidInput("inputs", "numbers of shape (n, d)", f"{array.dtype} of shape {array.shape}")
    points = np.asarray(array, dtype=np.float64)
    if box is not None and points.ndim == 2 and points.shape[1] == len(box):
        outside = ~((box[:, 0] <= points) & (points <= box[:, 1]))
        if outside.any():
            raise InvalidInput("inputs", "points inside the domain", points[outside][0].item())
    return points


def _loaded(path: FilePath) -> npt.NDArray[np.generic]:
    try:
        loaded = np.load(Path(path), allow_pickle=False)
        found: npt.NDArray[np.generic] = (
            loaded[_only_name(loaded.files)] if isinstance(loaded, np.lib.npyio.NpzFile) else loaded
        )
    except FileNotFoundError:
        raise InvalidInput("inputs", "a file that exists", str(path)) from None
    except InvalidInput:
        raise
    except Exception as error:  # damaged bytes raise a dozen kinds in zipfile, zlib and numpy
        raise InvalidInput("inputs", "an undamaged .npy or .npz file of plain arrays", str(path)) from error
    return found


def _only_name(names: list[str]) -> str:
    if "inputs" in names:
        return "inputs"
    if len(names) != 1:
        raise InvalidInput("inputs", "one array, or one that is named inputs", ", ".join(names))
    return names[0]
