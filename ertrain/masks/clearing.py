"""Set to 0 what lies outside a mask, quickly and for good: also what is infinite or not a number.

Numbers are treated as integers of their size, so that all of their bits stay or become 0. Large tensors on a CPU are
cleared by a compiled loop, up to three in a pass, which knows no more of them than where they are: it costs less than
one operation of PyTorch. Nothing is remembered from one call to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

__all__ = ["clear", "clear_at_once"]

_INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_LARGE = 2**14  # entries from which it pays to load the compiled loop
_loops: list[Callable[[Sequence[int], int, int], None]] = []  # it, once it is loaded


def clear(tensors: Sequence[Tensor], mask: Tensor) -> None:
    """Set the entries of some tensors outside a mask to 0, in place and behind the back of autograd.

    Parameters
    ----------
    tensors
        They are those of the mask's shape, on its device.
    mask
        Booleans.

    Examples
    --------
    >>> numbers = torch.tensor([-1.0, torch.nan, torch.inf])
    >>> clear([numbers], torch.tensor([True, False, False]))
    >>> numbers
    tensor([-1.,  0.,  0.])
    """
    if torch.compiler.is_compiling():
        for tensor in () if _exporting() else tensors:  # a program that writes to its weights cannot be exported
            tensor.data.masked_fill_(~mask, 0)
    elif (_loops or mask.numel() >= _LARGE or _tracing()) and _plain(mask, torch.bool) and _all_plain(tensors):
        if not _loops:
            from ertrain.masks.clearing_kernel import clear_all  # numba takes half a second to load

            _loops.append(clear_all)
        _loops[0]([tensor.data_ptr() for tensor in tensors], mask.data_ptr(), mask.numel())
    else:
        for tensor in tensors:
            kind = _INTEGERS.get(tensor.element_size())
            if kind is None:
                tensor.data.masked_fill_(~mask, 0)
            else:
                tensor.data.view(kind).mul_(mask)


def clear_at_once(weight: Tensor, mask: Tensor, about: Sequence[Tensor] = ()) -> bool:
    """Do the same for a weight, if all is as it nearly always is in training; else change nothing, and say so.

    It asks all that there is to ask in one place, for it is called in every step for every layer: what a small step
    pays for its masks is mostly that Python, after each product of matrices, finds itself out of all caches.

    Parameters
    ----------
    weight
        Any tensor.
    mask
        Another one.
    about
        Further tensors to be cleared.

    Returns
    -------
    bool
        Whether all are cleared. If so, the mask is one of booleans of the shape of the weight.
    """
    if (
        torch.compiler.is_compiling()
        or not _loops
        or mask.dtype is not torch.bool
        or weight.dtype is not torch.float32
        or weight.shape != mask.shape
        or (type(weight) is not nn.Parameter and type(weight) is not Tensor)
        or type(mask) is not Tensor
        or not (weight.is_cpu and mask.is_cpu and weight.is_contiguous() and mask.is_contiguous())
        or (about and not _all_plain(about))
    ):
        return False
    _loops[0]([weight.data_ptr(), *[tensor.data_ptr() for tensor in about]], mask.data_ptr(), mask.numel())
    return True


def _exporting() -> bool:
    known = getattr(torch.compiler, "is_exporting", None)  # PyTorch has it since 2.7
    return known is not None and bool(known())


def _tracing() -> bool:
    """Whether operations are being recorded; the loop leaves no trace."""
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined,no-untyped-call]


def _all_plain(tensors: Sequence[Tensor]) -> bool:
    for tensor in tensors:  # a generator takes as long again, in every step for every layer
        if not _plain(tensor, torch.float32):
            return False
    return True


def _plain(tensor: Tensor, kind: torch.dtype) -> bool:
    """Whether a tensor is nothing but numbers one after another where the CPU finds them."""
    known = type(tensor) is nn.Parameter or type(tensor) is Tensor
    return known and tensor.dtype is kind and tensor.is_cpu and tensor.is_contiguous()
