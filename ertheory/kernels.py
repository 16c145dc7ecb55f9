"""Compiled loops whose machine code is kept from one process to the next, wherever there is a place for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

__all__ = ["kernel"]

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile a function, without the lock of the interpreter, when it is first called.

    Parameters
    ----------
    function
        A function in the part of Python that numba compiles.

    Returns
    -------
    callable
        The compiled function, which is called like the given one.

    Notes
    -----
    The machine code is kept beside the module, or in the user's folder for caches. An installation that is read-only
    and has no home has neither; then every process compiles for itself.

    Examples
    --------
    >>> @kernel
    ... def twice(number):
    ...     return 2 * number
    >>> twice(21)
    42
    """
    compiled: Any = njit(nogil=True)(function)
    try:
        compiled.enable_caching()
    except RuntimeError:  # numba found no folder that it may write to
        pass
    return cast(Function, compiled)
