"""Compiled loops whose machine code is kept from one process to the next, wherever there is a place for it."""

from __future__ import annotations

from collections.abc import Callable, Set
from functools import cache
from threading import Thread
from typing import Any, TypeVar, cast, overload

import numba
from numba import njit

__all__ = ["kernel", "start_threads"]

Function = TypeVar("Function", bound=Callable[..., object])


@overload
def kernel(function: Function, /) -> Function: ...


@overload
def kernel(*, parallel: bool = False, fastmath: Set[str] = frozenset()) -> Callable[[Function], Function]: ...


def kernel(
    function: Callable[..., object] | None = None, /, *, parallel: bool = False, fastmath: Set[str] = frozenset()
) -> Any:
    """Compile a function, without the lock of the interpreter, when it is first called.

    Parameters
    ----------
    function
        A function in the part of Python that numba compiles. Without one, a decorator with these options is returned.
    parallel
        Whether the rounds of its loops over `numba.prange` are shared out to threads.
    fastmath
        Freedoms in floating point by the names that LLVM has for them, such as ``"reassoc"``; none by default.

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

    def compiled(given: Function) -> Function:
        made: Any = njit(nogil=True, parallel=parallel, fastmath=set(fastmath))(given)
        try:
            made.enable_caching()
        except RuntimeError:  # numba found no folder that it may write to
            pass
        if parallel:
            _start_threads_before_loading(made)
        return cast(Function, made)

    return compiled if function is None else compiled(function)


@cache
def start_threads() -> None:
    """Have numba start its threads; PyTorch keeps the number that it computes with.

    Notes
    -----
    Where they are OpenMP's, numba makes its number that of the thread which starts them, once. In the caller's it
    would be PyTorch's too, and so change the last bits of what comes after: they start from one of their own.

    Examples
    --------
    >>> start_threads()
    """
    starting = Thread(target=numba.get_num_threads)
    starting.start()
    starting.join()


def _start_threads_before_loading(function: Any) -> None:
    """Start them when a parallel function is compiled, or its code is loaded, for arguments of new types."""
    load = function.compile

    def started(signature: object) -> object:
        start_threads()
        return load(signature)

    function.compile = started
