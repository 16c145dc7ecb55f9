"""Which neurons of layer 0 serve which unit, given what the mask lets them read.

- dense: neurons are shared out in blocks, and every one of them has to read its input.
- preassigned: neuron k serves unit k mod U, and is dead if it does not read its input. Where the first layer of the
  target has groups, neurons and units fall into as many parts, and each part is counted on its own.
- matched: neurons are shared out after the mask was seen, the same number for every unit. This is a b-matching between
  units and neurons, found as a largest flow.

A coded layer 0 is not shared out; see `ertheory.builders.sharp.combined`.
"""

from __future__ import annotations

import numpy as np

from ertheory.bounds.blocks.laws import Layer0, checked_layer0
from ertheory.builders.blocks.links import Bools, MissingEdge, Owners, Signal, layout
from ertheory.builders.sharp.coding import Coding
from ertheory.builders.sharp.private import share_out
from ertheory.errors import InvalidInput
from ertheory.masks import Mask
from ertheory.numbers import whole_number

__all__ = ["assign"]


def assign(
    mask: Mask, coding: Coding, layer0: Layer0, *, copies: int | None = None
) -> tuple[Signal, list[MissingEdge]]:
    """Give the neurons of layer 0 to the units.

    Parameters
    ----------
    mask
        It is that of layer 0, shape (N_0, inputs).
    coding
        The units.
    layer0
        ``dense``, ``preassigned`` or ``matched``.
    copies
        Neurons for each unit where they are matched; N_0 / units, rounded down, if left out.

    Returns
    -------
    tuple
        What layer 0 supplies, and the edges that it lacks: for ``matched`` those of units that got too few neurons.

    Raises
    ------
    InvalidInput
        If the mask has too few rows.
    """
    checked_layer0(layer0)
    neurons, units, groups = mask.shape[0], coding.units, coding.first.groups
    if neurons < units:
        raise InvalidInput("widths", f"at least {units} neurons in layer 0, one per unit", neurons)
    if neurons % groups:
        raise InvalidInput("widths", f"a multiple of {groups} neurons in layer 0, one part for each group", neurons)
    if copies is not None:
        copies = whole_number("copies", copies, least=1)
    if layer0 == "matched":
        return _matched(mask, coding, neurons // units if copies is None else copies)
    if layer0 == "dense":
        owners = layout(neurons, units)
    else:
        part, place = np.divmod(np.arange(neurons, dtype=np.int64), neurons // groups)
        owners = part * (units // groups) + place % (units // groups)
    lacking = np.flatnonzero(~_reads(mask, coding, owners))
    missing = []
    if layer0 == "dense":
        missing = [MissingEdge(0, int(k), int(owners[k]), int(coding.inputs[owners[k]])) for k in lacking]
    owners[lacking] = -1
    return Signal(owners, units), missing


def _reads(mask: Mask, coding: Coding, owners: Owners) -> Bools:
    """Whether each neuron reads the input of its unit; a constant reads nothing."""
    inputs = coding.inputs[owners]
    reads: Bools = inputs < 0
    rows = np.flatnonzero(~reads)
    reads[rows] = mask.contains(rows, inputs[rows])
    return reads


def _matched(mask: Mask, coding: Coding, copies: int) -> tuple[Signal, list[MissingEdge]]:
    rows, columns = _candidates(mask, coding)
    owners = share_out(rows, columns, mask.shape[0], np.full(coding.units, copies))
    served = np.bincount(owners[owners >= 0], minlength=coding.units)
    missing = [MissingEdge(0, None, int(unit), int(coding.inputs[unit])) for unit in np.flatnonzero(served < copies)]
    return Signal(owners, coding.units), missing


def _candidates(mask: Mask, coding: Coding) -> tuple[Owners, Owners]:
    """Pairs of a neuron and a unit of its group that it can serve: one whose input it reads, or a constant."""
    serving: list[list[int]] = [[] for _ in range(mask.shape[1])]
    for unit, index in enumerate(coding.inputs.tolist()):
        if index >= 0:
            serving[index].append(unit)
    starts, inputs = mask.rows(0, mask.shape[0])
    neurons = np.repeat(np.arange(mask.shape[0]), np.diff(starts))
    several = len(serving[0]) if serving else 0  # every input has as many units as the others
    table = np.array(serving, dtype=np.int64).reshape(-1, several)
    constants = np.flatnonzero(coding.inputs < 0)
    rows = np.concatenate([np.repeat(neurons, several), np.repeat(np.arange(mask.shape[0]), len(constants))])
    columns = np.concatenate([table[inputs].ravel(), np.tile(constants, mask.shape[0])])
    groups = coding.first.groups
    together = rows * groups // mask.shape[0] == columns * groups // coding.units
    return rows[together], columns[together]
