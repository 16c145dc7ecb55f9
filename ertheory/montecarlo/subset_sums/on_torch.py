"""The best error of many trials at once with PyTorch, for graphics processors; the same bits as the compiled kernel.

All rows take the same steps, so that each is one operation on a whole batch: sums of both halves by doubling, one of
them sorted, the other searched in it. A sum is formed in the same order as in `ertheory.montecarlo.best_errors`, and
the addition of doubles is the same everywhere, so the results are equal to the last bit. On a central processor the
sorting makes this slower than the compiled walk; it is there for devices that sort many lists side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.montecarlo.subset_sums.meet_in_the_middle import read_rows
from ertheory.numbers import Rational, exact_rational

__all__ = ["torch_best_errors"]

_SUMS_AT_ONCE = 2**24  # doubles in one half of a batch
_NEIGHBOURS = range(-2, 2)  # one more to either side than exact numbers would need: places are found by rounded ones


def torch_best_errors(
    weights: npt.ArrayLike, *, z: Rational = 1, kept: npt.ArrayLike | None = None, device: str = "cuda"
) -> npt.NDArray[np.float64]:
    """Find the smallest distance of a subset sum from z, row by row.

    Parameters
    ----------
    weights, z, kept
        They are as for `ertheory.montecarlo.best_errors`.
    device
        What `torch.device` knows.

    Returns
    -------
    ndarray
        Shape (trials,).

    Raises
    ------
    InvalidInput
        It is raised as there, or if the device is not at hand.
    """
    import torch

    values, mask, most = read_rows(weights, kept)
    goal = float(exact_rational("z", z))
    try:
        place = torch.device(device)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError) as error:
        raise InvalidInput("device", "a device that PyTorch can use here", device) from error
    # Kept weights first: then each goes to the same half as in the kernel, which skips the others.
    order = np.argsort(~mask, axis=1, kind="stable")[:, :most]
    packed = np.take_along_axis(np.where(mask, values, 0.0), order, axis=1)
    batch = max(1, _SUMS_AT_ONCE >> -(-most // 2))
    parts = [_batch(torch, packed[start : start + batch], goal, place) for start in range(0, len(packed), batch)]
    return np.concatenate(parts) if parts else np.empty(0)


def _batch(torch: Any, rows: npt.NDArray[np.float64], goal: float, device: Any) -> npt.NDArray[np.float64]:
    drawn = torch.from_numpy(rows).to(device)
    halves = []
    for first in (0, 1):
        sums = torch.zeros(len(rows), 1, dtype=torch.float64, device=device)
        for column in range(first, rows.shape[1], 2):
            sums = torch.cat([sums, sums + drawn[:, column, None]], dim=1)
        halves.append(sums)
    below, above = halves[0], halves[1].sort(dim=1).values
    found = torch.searchsorted(above, goal - below)
    best = torch.full((len(rows),), torch.inf, dtype=torch.float64, device=device)
    for step in _NEIGHBOURS:
        near = above.gather(1, (found + step).clamp(0, above.shape[1] - 1))
        best = torch.minimum(best, ((below + near) - goal).abs().amin(dim=1))
    errors: npt.NDArray[np.float64] = best.cpu().numpy()
    return errors
