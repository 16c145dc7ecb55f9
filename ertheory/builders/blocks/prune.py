"""What no output reads is taken away, from the outputs back to the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ertheory.builders.blocks.links import Bools
from ertheory.networks.network import Affine, Flatten, Residual, Step

__all__ = ["prune"]


def prune(steps: Sequence[Step], needed: Bools) -> tuple[tuple[Step, ...], Bools, list[Bools]]:
    """Empty the rows of all channels that nothing reads.

    Parameters
    ----------
    steps
        They are those of the source, without what stands in front of its first affine step.
    needed
        Which outputs are wanted, shape (outputs,).

    Returns
    -------
    tuple
        The steps, which inputs of the first of them are read, and for each affine step, in the order of evaluation,
        which of its channels are.
    """
    kept: list[Bools] = []
    pruned: list[Step] = []
    for index in reversed(range(len(steps))):
        step = steps[index]
        if isinstance(step, Affine):
            kept.insert(0, needed)
            new = _emptied(step, needed)
            needed = _read(new)
            pruned.insert(0, new)
        elif isinstance(step, Residual):
            branch, into_branch, of_branch = prune(step.branch, needed)
            skip, into_skip, of_skip = prune(step.skip, needed)
            kept = [*of_branch, *of_skip, *kept]
            needed = into_branch | into_skip
            pruned.insert(0, Residual(branch, skip))
        else:
            if isinstance(step, Flatten):
                needed = np.asarray(needed.reshape(_channels(steps[:index]), -1).any(axis=1))
            pruned.insert(0, step)
    return tuple(pruned), needed, kept


def _emptied(step: Affine, needed: Bools) -> Affine:
    from scipy.sparse import csr_array

    lengths = np.diff(step.weight.indptr)
    links = np.repeat(needed, lengths)
    starts = np.concatenate([[0], np.cumsum(np.where(needed, lengths, 0))])
    parts = step.weight.data[links], step.weight.indices[links], starts
    exact = step.bias_exact
    return replace(
        step,
        weight=csr_array(parts, shape=step.weight.shape),
        bias=np.where(needed, step.bias, 0.0),
        bias_exact=exact and tuple(bias if use else Fraction(0) for bias, use in zip(exact, needed, strict=True)),
    )


def _read(step: Affine) -> Bools:
    """Which inputs have a weight."""
    rows, columns = step.weight.nonzero()
    groups = rows // (step.outputs // step.groups)
    read = np.zeros(step.inputs, dtype=np.bool_)
    read[groups * (step.inputs // step.groups) + columns // step.taps] = True
    return read


def _channels(steps: Sequence[Step]) -> int:
    """Channels behind the last of these steps; there is an affine one among them."""
    last = next(step for step in reversed(steps) if isinstance(step, Affine | Residual))
    return last.outputs if isinstance(last, Affine) else _channels(last.branch)
