"""The check of a strong ticket: a drawn source times a 0/1 mask, nothing else, and close to the target.

It knows nothing of how the ticket was found. The source is drawn again from the seed (`ertheory.check.redraw`), and how
far the ticket is off is bounded in rational arithmetic (`ertheory.check.ticket_error`).
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from ertheory.bounds.result import rational_text
from ertheory.check.files import read_embedding
from ertheory.check.redraw import biases_again, kept_again, weights_again
from ertheory.check.ticket_error import Unproved, largest_error
from ertheory.errors import InvalidInput
from ertheory.networks.network import Network
from ertheory.networks.target import Target, network_of
from ertheory.numbers import Rational, exact_rational
from ertheory.results import Result

__all__ = ["DrawnTicket", "TicketCheck", "check_ticket"]

_SHOWN = 10


class DrawnTicket(Protocol):
    """What is checked: weights, and what they are said to be drawn from."""

    @property
    def network(self) -> Network | None:
        """The ticket, with its box."""

    @property
    def masks(self) -> Sequence[Any]:
        """The ER masks of layers 0..L, or nothing for each."""

    @property
    def seed(self) -> int | None:
        """Of the source."""

    @property
    def densities(self) -> tuple[Fraction, ...] | None:
        """p_0..p_L."""

    @property
    def bits(self) -> int | None:
        """Bits behind the point of the weights; real ones if ``None``."""


@dataclass(frozen=True, kw_only=True)
class TicketCheck(Result):
    """What was found about a ticket.

    Parameters
    ----------
    foreign
        The first few weights that are not those of the source, as (layer, row, column); column -1 for a bias.
    off_mask
        The first few weights outside the ER masks, drawn again from the seed.
    wrong_masks
        Layers whose stated mask is not the one that the seed gives.
    error_certified
        A bound on |target(x) - ticket(x)| on the box as real functions, rounded up from a rational number; ``None`` if
        nothing is proved.
    reason
        Why nothing is proved.
    epsilon
        What the error was to be, if that was stated.
    """

    foreign: tuple[tuple[int, int, int], ...]
    off_mask: tuple[tuple[int, int, int], ...]
    wrong_masks: tuple[int, ...]
    error_certified: float | None
    reason: str | None
    epsilon: Fraction | None

    @property
    def passed(self) -> bool:
        """Whether it is the source times a 0/1 mask inside the ER masks, with a certified error of at most epsilon."""
        close = self.error_certified is not None
        if self.error_certified is not None and self.epsilon is not None:
            close = Fraction(self.error_certified) <= self.epsilon
        return close and not (self.foreign or self.off_mask or self.wrong_masks)

    def to_dict(self) -> dict[str, Any]:
        """Give the check as values that JSON can hold."""
        entries = {name: [list(place) for place in getattr(self, name)] for name in ("foreign", "off_mask")}
        limit = None if self.epsilon is None else rational_text(self.epsilon)
        lists = {**entries, "wrong_masks": list(self.wrong_masks)}
        return {**asdict(self), **lists, "epsilon": limit, "passed": self.passed}


def check_ticket(
    target: Target, ticket: str | os.PathLike[str] | DrawnTicket, *, epsilon: Rational | None = None
) -> TicketCheck:
    """Check a ticket against its source and its target.

    Parameters
    ----------
    target
        A target that is fully connected, with weights.
    ticket
        A file that ``ertheory ticket --build`` wrote, or an object with network, masks, seed and densities.
    epsilon
        What the error should be at most; without it, any proved error passes.

    Raises
    ------
    InvalidInput
        If the file cannot be read, or says too little, or the ticket has another shape than the target asks for.
    """
    drawn: DrawnTicket = read_embedding(ticket) if isinstance(ticket, str | os.PathLike) else ticket
    network, seed, densities = drawn.network, drawn.seed, drawn.densities
    if network is None or seed is None or densities is None:
        raise InvalidInput("ticket", "weights, a seed and densities", "a file or an object without them")
    _check_shape(target, network, densities)
    limit = None if epsilon is None else exact_rational("epsilon", epsilon)
    foreign, off_mask = _compared(network, seed, densities, drawn.bits)
    error: float | None = None
    reason: str | None = "weights that are not those of the source"
    if not foreign:
        try:
            error, reason = _rounded_up(largest_error(network_of(target), network)), None
        except Unproved as unproved:
            reason = str(unproved)
    return TicketCheck(
        foreign=tuple(foreign[:_SHOWN]),
        off_mask=tuple(off_mask[:_SHOWN]),
        wrong_masks=_wrong_masks(drawn.masks, network, seed, densities),
        error_certified=error,
        reason=reason,
        epsilon=limit,
    )


def _check_shape(target: Target, network: Network, densities: Sequence[Fraction]) -> None:
    if target.weights is None or target.is_convolutional:
        raise InvalidInput("target", "a fully connected target with weights", str(target))
    layers = network.affine
    if not network.is_chain or network.activation != "relu" or len(layers) != target.depth + 1:
        raise InvalidInput("ticket", f"{target.depth + 1} fully connected layers with ReLU in between", len(layers))
    if (network.inputs, network.outputs) != (target.inputs, target.widths[-1]):
        raise InvalidInput("ticket", "inputs and outputs of the target", (network.inputs, network.outputs))
    if len(densities) != len(layers):
        raise InvalidInput("densities", f"{len(layers)} numbers", len(densities))
    if network.domain is None:
        raise InvalidInput("domain", "a box of the inputs", None)


Places = list[tuple[int, int, int]]


def _compared(network: Network, seed: int, densities: Sequence[Fraction], bits: int | None) -> tuple[Places, Places]:
    """Compare every weight and bias with the source drawn again, and give those that differ or lie off the mask."""
    foreign: Places = []
    off_mask: Places = []
    for layer, (step, density) in enumerate(zip(network.affine, densities, strict=True)):
        rows, columns = step.weight.shape
        starts = step.weight.indptr.tolist()
        for row in range(rows):
            here = step.weight.indices[starts[row] : starts[row + 1]]
            if not len(here):
                continue
            values = step.weight.data[starts[row] : starts[row + 1]]
            differs = values != weights_again(seed, layer, row, columns, bits)[here]
            foreign += [(layer, row, int(column)) for column in here[differs]]
            outside = ~kept_again(seed, layer, row, columns, density)[here]
            off_mask += [(layer, row, int(column)) for column in here[outside]]
        wrong = (step.bias != 0) & (step.bias != biases_again(seed, layer, rows, bits))
        foreign += [(layer, int(row), -1) for row in np.flatnonzero(wrong)]
    return foreign, off_mask


def _wrong_masks(masks: Sequence[Any], network: Network, seed: int, densities: Sequence[Fraction]) -> tuple[int, ...]:
    """Give the layers whose stated mask is not the one that the seed and the density give."""
    wrong = []
    for layer, (mask, step, density) in enumerate(zip(masks, network.affine, densities, strict=True)):
        if mask is None:
            continue
        pattern = mask.to_csr() if hasattr(mask, "to_csr") else mask
        rows, columns = step.weight.shape
        same = pattern.shape == (rows, columns) and all(
            np.array_equal(
                np.sort(pattern.indices[pattern.indptr[row] : pattern.indptr[row + 1]]),
                np.flatnonzero(kept_again(seed, layer, row, columns, density)),
            )
            for row in range(rows)
        )
        if not same:
            wrong.append(layer)
    return tuple(wrong)


def _rounded_up(value: Fraction) -> float:
    nearest = float(value)
    return nearest if Fraction(nearest) >= value else math.nextafter(nearest, math.inf)
