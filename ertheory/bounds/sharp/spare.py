"""Spare neurons of layer 1: how many are counted on, and how many edges into layer 0 each of these has.

The theorem of `ertheory.bounds.sharp.law` lets neurons of layer 1 with fewer than k edges into layer 0 go without a
class, as long as N' others are left. With one hidden layer and layer 0 in the primal its bound is

    E|V| E[h*_K | K >= k] + P(Bin(N_1, P(Bin(N_0, p_1) >= k)) < N') + last(N'),

for any k and N' that are chosen before the masks are seen. If every neuron is counted on, none of N_1 may have fewer
than k edges; if one goes without a class, one may. A colouring fails hardly more often with N_1 - 1 neurons than with
N_1, but that two neurons have few edges is far less likely than that one has. So a smaller N_0 will do.

The first term falls in k and the second one grows, the second one grows in N' and the third one falls, and all fall in
N_0.
Any numbers make a valid bound, so nothing rests on how they are found here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from ertheory.bounds.sharp.law import Design, short_of
from ertheory.numbers import decided, smallest

__all__ = ["counted", "spared", "wired"]

_HOPELESS = Fraction(1, 2)  # so large a second term leaves nothing to gain


def wired(design: Design) -> Design:
    """Choose k for the numbers N_0, N_1 and N' of a design in the primal, with one hidden layer.

    Examples
    --------
    >>> from ertheory.bounds.sharp.law import colouring
    >>> from ertheory.networks.target import Target
    >>> target, half = Target.from_text("12-8-3"), Fraction(1, 2)
    >>> design = Design(target, (half,) * 3, colouring(target, half, "sequential"), "primal", 60, 40, 38)
    >>> wired(design).columns, wired(design).failure() < design.failure()
    (17, True)
    """
    known: dict[int, tuple[Design, Fraction, Fraction]] = {}

    def at(columns: int) -> tuple[Design, Fraction, Fraction]:
        if columns not in known:
            found = replace(design, columns=columns)
            few = short_of(found.last_width, found.served, found.missing_last)[1]
            known[columns] = found, found.first_layer()[1], few
        return known[columns]

    def is_large(columns: int) -> bool:
        _, coded, few = at(columns)
        return few >= min(coded, _HOPELESS)

    least = design.target.inputs
    if least > design.first_width:
        return design
    if is_large(least):
        return at(least)[0]
    low, high = least, design.first_width
    while high - low > 1:  # the smallest k at which the second term is no longer the smaller one
        middle = (low + high) // 2
        low, high = (low, middle) if is_large(middle) else (middle, high)
    while high > least and sum(at(high - 1)[1:]) < sum(at(high)[1:]):
        high -= 1
    return at(high)[0]


def counted(design: Design) -> tuple[Fraction, Design]:
    """Choose N' and k for the numbers N_0 and N_1 of a design in the primal, with one hidden layer.

    Parameters
    ----------
    design
        The numbers; its own N' and k are not looked at.

    Returns
    -------
    tuple
        The bound and the design; 1 and the design that was given where no other is below 1.

    Examples
    --------
    >>> from ertheory.bounds.sharp.law import colouring
    >>> from ertheory.networks.target import Target
    >>> target, half = Target.from_text("12-8-3"), Fraction(1, 2)
    >>> plain = Design(target, (half,) * 3, colouring(target, half, "sequential"), "primal", 36, 27, 27)
    >>> failure, found = counted(plain)
    >>> found.served, found.columns, failure < plain.failure()[0]
    (25, 12, True)
    """
    best, least = design, Fraction(1)

    def better(spare: int) -> bool:
        nonlocal best, least
        trial = wired(replace(design, served=design.last_width - spare))
        failure = trial.failure()[1] if trial.columns else Fraction(1)
        if failure >= least:
            return False
        best, least = trial, failure
        return True

    _climb(better, design, lambda: least)
    return least, best


def spared(design: Design, delta: Fraction, *, rival: int | None = None) -> Design:
    """Look for a smaller N_0 beside the same N_1: the design itself, or one that holds with fewer neurons in layer 0.

    Parameters
    ----------
    design
        A design with one hidden layer that counts on all its N_1 neurons, layer 0 coded in any way.
    delta
        What the bound may be at most.
    rival
        Only fewer neurons in all than this are of use, so that no time is spent on more.

    Examples
    --------
    >>> from ertheory.bounds.sharp.law import colouring
    >>> from ertheory.networks.target import Target
    >>> target, tenth = Target.from_text("784-128-10"), (Fraction(1, 10),) * 3
    >>> plain = Design(target, tenth, colouring(target, tenth[2], "sequential"), "primal", 9206, 1850, 1850)
    >>> found = spared(plain, Fraction(1, 1000))
    >>> found.first_width, found.served, found.columns
    (8551, 1828, 784)
    >>> spared(plain, Fraction(1, 1000), rival=10_000) == plain
    True
    """
    best = design
    most = design.first_width if rival is None else min(design.first_width, rival - design.last_width)
    if most <= design.target.inputs:
        return design

    def at(spare: int, neurons: int) -> Design:
        served = design.last_width - spare
        return wired(replace(design, layer0="primal", part=1, first_width=neurons, served=served))

    def better(spare: int) -> bool:
        nonlocal best
        neurons = min(best.first_width, most) - 1
        trial = at(spare, neurons)
        if not trial.columns or not decided(trial.failure(), delta).holds:
            return False
        neurons, _ = smallest(
            lambda neurons: decided(at(spare, neurons).failure(), delta),
            neurons,
            least=design.target.inputs,
        )
        best = at(spare, neurons)
        return True

    _climb(better, design, lambda: delta)
    return best


def _climb(better: Callable[[int], bool], design: Design, most: Callable[[], Fraction]) -> None:
    """Leave out 1, 2, 4, .. neurons, and then move from the best of these numbers by halves of what it is.

    No number is looked at for which the colouring alone fails with a probability of `most()` or more: none is better.
    """

    def allowed(spare: int) -> bool:
        return spare < design.last_width and design.colours.failure(design.last_width - spare)[1] < most()

    place, spare = 0, 1
    while allowed(spare):
        place = spare if better(spare) else place
        spare *= 2
    step = place // 2
    while step:
        for trial in (place + step, place - step):
            if allowed(trial) and better(trial):
                place = trial
                break
        step //= 2
