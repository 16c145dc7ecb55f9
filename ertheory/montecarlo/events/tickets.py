"""The event of Theorem 2.5: one random network, pruned, is within epsilon of the target."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod

import numpy as np

from ertheory.builders import build_ticket
from ertheory.check import check_ticket
from ertheory.montecarlo.events.sampling import Bools, Event
from ertheory.networks.target import Target

__all__ = ["ticket_event"]


def ticket_event(
    target: Target, widths: Sequence[int], densities: Sequence[Fraction], epsilon: Fraction, *, check: bool = False
) -> Event:
    """Decide whether the builder finds a ticket in a source drawn once, certified to be within epsilon.

    The theorem says that there is one, so the event is at most as likely as what it promises.

    Parameters
    ----------
    target
        A target with weights and a box.
    widths, densities
        N_0..N_L and p_0..p_L.
    epsilon
        The largest error.
    check
        Whether `ertheory.check_ticket` has to certify it too, from the seed and in rational arithmetic.

    Examples
    --------
    >>> target = Target.from_arrays([[[0.5]]], domain=[(0, 1)])
    >>> ticket_event(target, (60, 1), [Fraction(1)] * 2, Fraction(1, 10)).occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """

    def found(seed: int) -> bool:
        ticket = build_ticket(target, widths=widths, density=densities, epsilon=epsilon, seed=seed, workers=1)
        return ticket.success and (not check or check_ticket(target, ticket, epsilon=epsilon).passed)

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        return np.array([found(seed) for seed in rng.integers(2**63, size=trials).tolist()], dtype=np.bool_)

    entries = sum(map(prod, zip(widths, (target.inputs, *widths), strict=False)))
    return Event(max(entries, 2**17), occurs)  # blocks of at most 16, so that a progress bar moves
