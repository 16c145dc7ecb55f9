"""A strong ticket: what was kept of the source, and how close it is proved and measured to be."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ertheory.bounds.result import rational_text
from ertheory.masks import DrawnMask
from ertheory.masks.drawn_source import DrawnSource
from ertheory.networks.network import Affine, Network
from ertheory.networks.target import Target, network_of
from ertheory.results import Result

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Measured", "Ticket", "measure"]

_POINTS = 1000
_MOST_CORNERS = 1024


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The largest error found at some points, in double precision.

    Parameters
    ----------
    error
        Largest |target - ticket| over points and outputs.
    points
        Random points of the box, and its corners if there are at most 1024.
    seed
        It is that of the random points.
    """

    error: float
    points: int
    seed: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Ticket(Result):
    """The result of pruning one drawn source towards a target.

    Parameters
    ----------
    target
        The target, with the box on which the errors hold.
    source
        The source before pruning: its weights, biases and ER masks.
    epsilon
        The largest error that is a success; 0 where weights are quantised.
    success
        Whether the certified error is at most epsilon; where weights are quantised, at most 2^-30, for rounding.
    error_certified
        A bound on |target(x) - ticket(x)| for all x of the box and all outputs, as real-valued functions, by interval
        arithmetic rounded outward; ``None`` if there is no ticket.
    error_measured
        The largest error seen at some points; ``None`` if there is no ticket.
    amplification
        Lambda_1..Lambda_L: the largest L1 norm of the weights of one neuron over what is no constant, over all target
        neurons and their copies. An error of the copies below is passed on at most so many times larger; those of
        layer 0 have none.
    missing
        What failed, in words; empty if the ticket is a success.
    network
        The ticket: the source times a 0/1 mask inside the ER mask.
    """

    target: Target
    source: DrawnSource
    epsilon: Fraction
    success: bool
    error_certified: float | None
    error_measured: Measured | None
    amplification: tuple[float, ...]
    missing: tuple[str, ...]
    network: Network | None

    @property
    def seed(self) -> int:
        """Of the source."""
        return self.source.seed

    @property
    def bits(self) -> int | None:
        """Bits behind the point of the source's weights; ``None`` if they are U[-1, 1]."""
        return self.source.bits

    @property
    def densities(self) -> tuple[Fraction, ...]:
        """p_0..p_L."""
        return self.source.source.densities

    @property
    def masks(self) -> tuple[DrawnMask, ...]:
        """The ER masks of the source."""
        return self.source.masks

    @property
    def mask(self) -> tuple[csr_array, ...]:
        """The mask of the ticket inside the ER masks, layer by layer; empty if there is no ticket."""
        return () if self.network is None else tuple(step.weight != 0 for step in self.network.affine)

    @property
    def kept(self) -> tuple[int, ...]:
        """Weights that are kept, per layer 0..L."""
        return () if self.network is None else self.network.nonzeros

    @property
    def kept_biases(self) -> tuple[int, ...]:
        """Biases that are kept, per layer 0..L."""
        return () if self.network is None else tuple(int(np.count_nonzero(s.bias)) for s in self.network.affine)

    def to_dict(self) -> dict[str, Any]:
        """Collect what describes the ticket in types that JSON knows; not the weights."""
        measured = self.error_measured
        return {
            "success": self.success,
            "missing": list(self.missing),
            "widths": list(self.source.source.widths),
            "densities": [rational_text(density) for density in self.densities],
            "epsilon": rational_text(self.epsilon),
            "error_certified": self.error_certified,
            "error_measured": None if measured is None else measured.error,
            "points": None if measured is None else measured.points,
            "lambda": list(self.amplification),
            "kept": list(self.kept),
            "kept_biases": list(self.kept_biases),
            "seed": self.seed,
            "bits": self.bits,
        }


def measure(target: Target, network: Network, seed: int) -> Measured:
    """Evaluate target and ticket at random points of the target's box, and at its corners if they are few."""
    assert target.domain is not None
    low, high = target.domain.T
    rng = np.random.default_rng(seed)
    places = [low + rng.random((_POINTS, target.inputs)) * (high - low)]
    if 2**target.inputs <= _MOST_CORNERS:
        places.append(np.array(list(product(*target.domain.tolist()))))
    points = np.clip(np.concatenate(places), low, high).T
    difference = _outputs(network_of(target), points) - _outputs(network, points)
    return Measured(error=float(np.abs(difference).max()), points=points.shape[1], seed=seed)


def _outputs(network: Network, signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    for step in network.steps:
        if isinstance(step, Affine):
            signal = step.weight @ signal + step.bias[:, None]
        else:
            signal = np.maximum(signal, 0.0)
    return signal
