"""Compiled: bits of one, two or three arrays stay where a mask is 1 and become 0 where it is 0, in one pass.

The loops are called with addresses, since to make an array of a tensor takes longer than some of them. As an integer,
the negative of 1 has all bits and that of 0 has none. One array alone is that of weights before a pass, where nearly
always nothing is left to clear: it is read in blocks, and only a block with something outside its mask is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ctypes import CFUNCTYPE, c_int64, c_void_p
from typing import Any

import numpy as np
from numba import carray, cfunc, types  # type: ignore[attr-defined]

__all__ = ["clear_all"]

_BITS: Any = types.CPointer(types.int32)  # type: ignore[no-untyped-call]
_KEPT: Any = types.CPointer(types.int8)  # type: ignore[no-untyped-call]
_BLOCK = 2048  # entries, which stay in the first cache until they are written


def _one(first: Any, mask: Any, size: Any) -> None:
    whole, masks = carray(first, size), carray(mask, size)
    for start in range(0, size, _BLOCK):
        one, kept = whole[start : start + _BLOCK], masks[start : start + _BLOCK]
        outside = np.int32(0)
        for at in range(one.size):
            outside = np.int32(outside | np.int32(one[at] & ~np.int32(-np.int32(kept[at]))))
        if outside != 0:
            for at in range(one.size):
                one[at] &= -np.int32(kept[at])


def _two(first: Any, second: Any, mask: Any, size: Any) -> None:
    one, two, kept = carray(first, size), carray(second, size), carray(mask, size)
    for at in range(size):
        bits = -np.int32(kept[at])
        one[at] &= bits
        two[at] &= bits


def _three(first: Any, second: Any, third: Any, mask: Any, size: Any) -> None:
    one, two, three, kept = carray(first, size), carray(second, size), carray(third, size), carray(mask, size)
    for at in range(size):
        bits = -np.int32(kept[at])
        one[at] &= bits
        two[at] &= bits
        three[at] &= bits


def _compiled(function: Any, arrays: int) -> tuple[Any, Callable[..., None]]:
    """Compile a loop, and give it, which has to be kept, and how to call it."""
    signature = types.void(*[_BITS] * arrays, _KEPT, types.int64)
    made: Any
    try:
        made = cfunc(signature, cache=True)(function)
    except RuntimeError:  # numba found no folder that it may write to
        made = cfunc(signature)(function)
    return made, CFUNCTYPE(None, *[c_void_p] * (arrays + 1), c_int64)(made.address)


_LOOPS = [_compiled(function, arrays) for arrays, function in enumerate((_one, _two, _three), start=1)]
_CALLS = [call for _, call in _LOOPS]


def clear_all(arrays: Sequence[int], mask: int, size: int) -> None:
    """Clear arrays of numbers of 32 bits.

    Parameters
    ----------
    arrays
        Addresses of the arrays.
    mask
        Address of the mask, bytes that are 0 or 1.
    size
        Entries of each of them.
    """
    while arrays:
        part, arrays = (arrays, ()) if len(arrays) <= 3 else (arrays[:3], arrays[3:])
        _CALLS[len(part) - 1](*part, mask, size)
