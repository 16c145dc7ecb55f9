"""What `torch.compile` leaves alone. Only what is compiled loads this: PyTorch's compiler takes seconds to load."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["uncompiled"]


@torch.compiler.disable  # type: ignore[untyped-decorator]
def uncompiled(compute: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Call a function as if nothing were compiled.

    Examples
    --------
    >>> uncompiled(torch.neg, torch.ones(2))
    tensor([-1., -1.])
    """
    return compute(inputs)
