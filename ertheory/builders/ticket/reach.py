"""Weights that are out of reach before anything is drawn; and what failed where a ticket was not found, in words."""

from __future__ import annotations

import numpy as np

from ertheory.builders.ticket.error import Array, Signals
from ertheory.builders.ticket.rows import KeptRows
from ertheory.errors import InvalidInput
from ertheory.masks.drawn_source import DrawnSource
from ertheory.networks.source import Source

__all__ = ["refuse_unreachable", "what_failed"]

_MOST_ROWS = 4096  # of a layer, that are looked at for an explanation


def refuse_unreachable(source: Source, layer: int, wanted: Array, units: int) -> None:
    """Refuse weights beyond the number of live edges that a neuron of source layer l has on average.

    Each of them adds less than 1, half of them have the right sign, and those a quarter of that number on average; so
    no source that one may hope for reaches such a weight, even if all of the layer below served it alone.

    Parameters
    ----------
    source, layer
        The source before it is drawn, and l >= 1.
    wanted
        Coefficients of the units below, shape (neurons, units); the bias last.
    units
        The number of units into which the inputs of a row fall, for its name.

    Raises
    ------
    InvalidInput
        If there is such a weight; the largest one is named.
    """
    most = max(1.0, float(source.widths[layer - 1] * source.densities[layer]))
    sizes = np.abs(wanted)
    neuron, unit = np.unravel_index(int(sizes.argmax()), sizes.shape)
    if sizes[neuron, unit] > most:
        name = f"b{layer}[{neuron}]" if unit == wanted.shape[1] - 1 else f"W{layer}[{neuron}, {unit % units}]"
        allowed = (
            f"a modulus of at most {most:.4g}, the live edges of a neuron on average, once hidden neurons are scaled"
        )
        raise InvalidInput(name, f"{allowed} by powers of two (wider layers reach more)", float(wanted[neuron, unit]))


def what_failed(
    source: DrawnSource, layer: int, below: Signals, wanted: Array, kept: KeptRows, epsilon: float
) -> tuple[str, ...]:
    """Say which neurons of a target layer could not be made, and which weights were out of reach.

    Parameters
    ----------
    source, layer, below
        The source layer, and what it reads.
    wanted
        Coefficients of the units below, shape (neurons, units); the bias last.
    kept
        The rows that were made.
    epsilon
        The largest error that is a success.
    """
    last = layer == len(source.source.widths) - 1
    if last:
        errors = np.maximum(-kept.signals.low, kept.signals.high)
        failed = np.flatnonzero(errors > epsilon).tolist()
    else:
        failed = np.setdiff1d(np.arange(len(wanted)), kept.signals.units).tolist()
    stop = min(source.source.widths[layer], _MOST_ROWS)
    rows = source.rows(layer, 0, stop) * np.where(below.units >= 0, below.factors, 0.0)
    texts = []
    for neuron in failed:
        candidates = rows[neuron : neuron + 1] if last else rows
        beyond = _beyond(layer, neuron, candidates, below, wanted[neuron])
        name = f"output {neuron}" if last else f"neuron {neuron} of layer {layer}"
        how = (
            f"off by up to {errors[neuron]:.3g}, epsilon is {epsilon:.3g}"
            if last
            else f"none of {stop} copies is close"
        )
        texts.append("; ".join([f"{name}: {how}", *beyond]))
    return tuple(texts)


def _beyond(layer: int, neuron: int, rows: Array, below: Signals, wanted: Array) -> list[str]:
    """Name the weights that no row reaches with the edges that lead to its unit."""
    texts = []
    for unit in range(len(wanted) - 1):
        size, most = abs(float(wanted[unit])), below.boxes[unit, 1]
        if not size or not most:
            continue
        name = f"W{layer}[{neuron}, {unit % below.inputs if below.inputs else unit}]"
        here = np.maximum(np.sign(wanted[unit]) * rows[:, below.units == unit], 0).sum(axis=1)
        reach = float(here.max(initial=0.0))
        if reach < size:
            texts.append(f"{name} = {float(wanted[unit]):.3g}, but live edges reach {reach:.3g}")
    return texts
