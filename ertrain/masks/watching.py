"""Whether the parts of a module are those that were found there the last time, in a fraction of a walk over them.

A guard has to know before every step which weights have masks. A walk over all parts of a module finds them, but in a
small network it takes as long as a product of matrices, since nothing of what it reads is in a cache. So the
dictionaries that a walk reads are kept, and looked at again: where they hold the very same objects, another walk would
find the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from ertrain.masks.keeping import MASK

__all__ = ["Watch", "same"]


class Watch:
    """What there was in a module when this was made; it holds all of it, so that no address is used again.

    Parameters
    ----------
    module
        The module, whose parts are watched as well.

    Attributes
    ----------
    masks
        How many parts have something called a mask.
    """

    def __init__(self, module: nn.Module) -> None:
        parts = list(module.modules())
        self._children = [(part._modules, [*part._modules.values()]) for part in parts if part._modules]
        self._masked = [
            (part._buffers, part._buffers.get(MASK), part._parameters, part._parameters.get("weight"))
            for part in parts
            if part._buffers.get(MASK) is not None
        ]
        self._empty: list[dict[str, Any]] = [part._modules for part in parts if not part._modules]
        self._bare: list[dict[str, Any]] = [part._buffers for part in parts if part._buffers.get(MASK) is None]
        self.masks = len(self._masked)

    def sees_no_change(self) -> bool:
        """Whether every part has the same parts, and every mask and weight is the same object."""
        for buffers, mask, parameters, weight in self._masked:
            if buffers.get(MASK) is not mask or parameters.get("weight") is not weight:
                return False
        if any(self._empty):
            return False
        for children, known in self._children:
            if not same(children.values(), known):
                return False
        for buffers in self._bare:
            if buffers and buffers.get(MASK) is not None:
                return False
        return True


def same(some: Iterable[object], others: Iterable[object]) -> bool:
    """Whether two rows are of the very same objects, which may not know whether they are equal."""
    return [*map(id, some)] == [*map(id, others)]
