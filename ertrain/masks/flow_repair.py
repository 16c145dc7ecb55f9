"""Flow repair: every neuron keeps at least one weight that leads in and one that leads out, within the same budget.

If that holds in every layer, every neuron lies on a whole path: following kept weights backwards one arrives at an
input, following them forwards at an output.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ertheory.errors import ConstructionFailed, InvalidInput
from ertheory.numbers import whole_number

__all__ = ["REPAIRS", "repair_masks"]

REPAIRS = ("add", "none", "swap")

_Bools = npt.NDArray[np.bool_]


def repair_masks(
    masks: Mapping[str, Tensor],
    rng: np.random.Generator,
    *,
    hold_budget: bool,
    groups: Mapping[str, int] | None = None,
) -> dict[str, Tensor]:
    """Connect every neuron of every layer.

    Parameters
    ----------
    masks
        Boolean masks (outputs, inputs per group, *kernel) by layer.
    rng
        Chooses among the weights that would do.
    hold_budget
        Whether as many weights are removed as are added, at random among those that no neuron hangs on: in the same
        layer where possible, else elsewhere.
    groups
        Groups of convolutions that have more than one.

    Returns
    -------
    dict
        New masks. Where nothing was missing they are equal to the old ones, so a second repair changes nothing.

    Raises
    ------
    ConstructionFailed
        If the budget is held and too small for that.
    InvalidInput
        If a mask is not boolean, or has other rows than its groups share.

    Examples
    --------
    >>> masks = {"fc": torch.tensor([[True, True], [False, False]])}
    >>> repair_masks(masks, np.random.default_rng(0), hold_budget=True)["fc"].sum(0).tolist()
    [1, 1]
    """
    blocks: dict[str, _Bools] = {}
    for name, mask in masks.items():
        if mask.dtype != torch.bool or mask.dim() < 2 or not mask.numel():
            got = f"{mask.dtype} of shape {tuple(mask.shape)}"
            raise InvalidInput(f"mask of {name!r}", "booleans of shape (outputs, inputs, *kernel)", got)
        count = whole_number(f"groups of {name!r}", (groups or {}).get(name, 1), least=1)
        if mask.shape[0] % count:
            raise InvalidInput(f"groups of {name!r}", f"a divisor of {mask.shape[0]} outputs", count)
        shape = (count, mask.shape[0] // count, mask.shape[1], -1)
        blocks[name] = mask.cpu().numpy().reshape(shape).copy()
    owed = 0
    fresh: dict[str, _Bools] = {}
    for name, block in blocks.items():
        before = block.copy()
        for part in block:
            _connect(part, rng)
        fresh[name] = block & ~before
        if hold_budget:
            added = int(fresh[name].sum())
            owed += added - _remove(block, fresh[name], added, rng)
    for name, block in blocks.items():
        owed -= _remove(block, fresh[name], owed, rng)
    if owed > 0:
        needed = sum(int(block.sum()) for block in blocks.values())
        message = f"flow repair: {needed - owed} weights cannot connect every neuron; {needed} could"
        raise ConstructionFailed(message)
    return {
        name: torch.from_numpy(blocks[name].reshape(tuple(mask.shape))).to(mask.device) for name, mask in masks.items()
    }


def _connect(part: _Bools, rng: np.random.Generator) -> None:
    """Give every row and column of (outputs, inputs, taps) an entry, one for both where both lack one."""
    rows = rng.permutation(np.flatnonzero(part.sum(axis=(1, 2)) == 0))
    columns = rng.permutation(np.flatnonzero(part.sum(axis=(0, 2)) == 0))
    for place in range(max(len(rows), len(columns))):
        row = rows[place] if place < len(rows) else rng.integers(part.shape[0])
        column = columns[place] if place < len(columns) else rng.integers(part.shape[1])
        part[row, column, rng.integers(part.shape[2])] = True


def _remove(block: _Bools, fresh: _Bools, count: int, rng: np.random.Generator) -> int:
    """Remove up to so many entries that neither their row nor their column needs; those just added last of all."""
    if count <= 0:
        return 0
    rows, columns = block.sum(axis=(2, 3)), block.sum(axis=(1, 3))
    removed = 0
    for entries in (block & ~fresh, block & fresh):
        for flat in rng.permutation(np.flatnonzero(entries)):
            group, row, column, tap = np.unravel_index(flat, block.shape)
            if rows[group, row] > 1 and columns[group, column] > 1:
                block[group, row, column, tap] = False
                rows[group, row] -= 1
                columns[group, column] -= 1
                removed += 1
                if removed == count:
                    return removed
    return removed
