"""The biases that keep inner neurons of a layer above 0, and what they bring into its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ertheory.builders.factored.inner import shifts_of
from ertheory.builders.factored.pairs import Array

if TYPE_CHECKING:
    from ertheory.builders.factored.factors import Factors
    from ertheory.builders.factored.modules.parts import LayerPlan, Part

__all__ = ["Lift"]


class Lift:
    """Shifts c of the inner channels of a layer, and A c for its outputs, gathered map after map.

    Parameters
    ----------
    plan
        The layer and its maps.
    """

    def __init__(self, plan: LayerPlan) -> None:
        layer = plan.layer
        self._plan = plan
        self._shift = np.zeros(layer.groups * plan.blocks * plan.inner)
        self._taken = np.zeros(layer.weight.shape[0])

    @property
    def largest(self) -> float:
        """The largest shift."""
        return float(self._shift.max(initial=0.0))

    def add(self, part: Part, factors: Factors, box: Array) -> None:
        """Add a map of the layer, which reads values in a box of shape (inputs, 2).

        Raises
        ------
        TheoremNotApplicable
            If a shift is too large.
        """
        layer, last = self._plan.layer, self._plan.one.form == "spatial-last"
        first = part.group * layer.weight.shape[1] + part.inputs.start
        read = box[first : first + part.inputs.stop - part.inputs.start]
        shift = shifts_of(factors.first, read if last else np.repeat(read, layer.taps, axis=0), name=part.name)
        self._shift[part.inner] = shift
        brought = factors.second @ shift
        self._taken[part.outputs] += brought.reshape(-1, layer.taps).sum(axis=1) if last else brought

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Give c and A c in the precision of the layer."""
        weight = self._plan.layer.weight
        shift, taken = (torch.from_numpy(array).to(weight) for array in (self._shift, self._taken))
        return shift, taken
