"""Numbers as they are given, as the doubles that equal them.

Lists, arrays, tensors and parameters of PyTorch are read, in every precision; PyTorch itself is not imported.

>>> doubles("W1", [[1, 2]])
array([[1., 2.]])
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput

__all__ = ["Array", "check_finite", "checked_box", "doubles", "frozen", "read_box"]

Array: TypeAlias = npt.NDArray[np.float64]

_ALLOWED = "a rectangular array of real numbers"
_LARGEST_INTEGER = 2**53  # up to here every integer is a double


def doubles(name: str, value: Any) -> Array:
    """Read an array of real numbers.

    Parameters
    ----------
    name
        Names the array in an error.
    value
        A number, a nested list, an array, or a tensor or parameter of PyTorch, on any device.

    Raises
    ------
    InvalidInput
        If it holds no real numbers, is ragged, holds nothing, like a tensor on the meta device, or a number of it is no
        double.
    """
    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu()
            value = value if value.is_complex() else value.double().numpy()
        given = np.asarray(value)
    except (TypeError, ValueError, RuntimeError, AttributeError, OverflowError):
        raise InvalidInput(name, _ALLOWED, type(value).__name__) from None
    if given.dtype.name == "bfloat16":  # the type that ml_dtypes adds to NumPy
        given = given.astype(np.float32)
    if given.dtype.kind not in "biuf":
        raise InvalidInput(name, _ALLOWED, f"an array of {given.dtype}")
    if given.dtype.kind in "iu" and given.size:
        largest = max(int(given.max()), -int(given.min()))
        if largest > _LARGEST_INTEGER:
            raise InvalidInput(name, "integers of at most 2**53, which a double holds exactly", largest)
    with np.errstate(over="ignore"):
        array = given.astype(np.float64)
    if given.dtype.itemsize > array.dtype.itemsize and not np.array_equal(
        array.astype(given.dtype), given, equal_nan=True
    ):
        raise InvalidInput(name, "numbers that a double holds exactly", given.dtype.name)
    return array


def check_finite(name: str, array: Array) -> None:
    """Refuse infinities and what is no number.

    Raises
    ------
    InvalidInput
        If a number is not finite.
    """
    if not np.isfinite(array).all():
        raise InvalidInput(name, "finite numbers", array[~np.isfinite(array)][0].item())


def read_box(value: npt.ArrayLike, inputs: int) -> Array:
    """Read a box of the inputs: one interval (a, b) for all of them, or shape (inputs, 2).

    Raises
    ------
    InvalidInput
        If it is no such array of finite numbers, or an interval has a > b.

    Examples
    --------
    >>> read_box((0, 1), 2).tolist()
    [[0.0, 1.0], [0.0, 1.0]]
    """
    box = doubles("domain", value)
    return checked_box(np.tile(box, (inputs, 1)) if box.shape == (2,) else box, inputs)


def checked_box(box: Array, inputs: int) -> Array:
    """Check a box of shape (inputs, 2), and give a copy that cannot be written to.

    Raises
    ------
    InvalidInput
        If it has another shape, a number is not finite, or an interval has a > b.
    """
    if box.shape != (inputs, 2):
        raise InvalidInput("domain", f"shape {(inputs, 2)}", box.shape)
    check_finite("domain", box)
    for low, high in box:
        if low > high:
            raise InvalidInput("domain", "intervals [a, b] with a <= b", (float(low), float(high)))
    return frozen(box)


def frozen(array: Array) -> Array:
    """Give a copy that cannot be written to."""
    kept = array.copy()
    kept.flags.writeable = False
    return kept
