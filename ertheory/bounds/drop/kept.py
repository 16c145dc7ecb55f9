"""How likely enough good copies are left, with the thresholds that a deep target asks for."""

from __future__ import annotations

from fractions import Fraction

from ertheory.bounds.blocks.laws import LAW_BITS, Law
from ertheory.bounds.drop.law import log_drop
from ertheory.bounds.drop.thresholds import best_thresholds
from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.networks.target import Target
from ertheory.numbers import Ball, whole_numbers, working_precision

__all__ = ["SHARED", "drop_success", "dropped_statement", "log_kept"]

SHARED = (
    "copies that share preassigned neurons of a masked layer 0 share the dead ones too and do not fail independently; "
    "read layer 0 as matched or dense"
)


def drop_success(target: Target, densities: tuple[Fraction, ...], factors: tuple[int, ...]) -> Ball:
    """Enclose the success probability of given numbers of copies if bad ones are dropped, layer 0 alive.

    Parameters
    ----------
    target
        Target of depth L.
    densities
        p_0..p_L; p_0 is not used.
    factors
        q_0..q_L.

    Returns
    -------
    Ball
        Around the law (up to one hidden layer) or around a lower bound (deeper, with thresholds chosen well).

    Examples
    --------
    >>> from ertheory.numbers import enclose
    >>> half = (Fraction(1), Fraction(1, 2), Fraction(1, 2))
    >>> low, _ = enclose(lambda: drop_success(Target.from_text("4-8-3"), half, (5, 9, 1)))
    >>> round(float(low), 4)
    0.8791
    """
    if len(whole_numbers("factors", factors, least=1)) != target.depth + 1:
        raise InvalidInput("factors", f"{target.depth + 1} numbers, one per source layer", factors)
    return log_kept(target, densities, factors, best_thresholds(target, densities, factors)).exp()


def log_kept(
    target: Target,
    densities: tuple[Fraction, ...],
    factors: tuple[int, ...],
    thresholds: tuple[int, ...],
) -> Ball:
    """Enclose the logarithm of what `drop_success` encloses, with thresholds that were chosen already."""
    block = Law(target, densities, "dense")  # no copy at all is bad: another bound, without long sums
    try:
        kept = log_drop(target, densities, factors, thresholds)
    except InfeasibleWidth:
        if not thresholds:
            raise
        return block.log_success(factors, 0)
    if kept.is_finite() and not thresholds:
        return kept
    whole = block.log_success(factors, 0)
    # The logarithm of what cannot be told from 0 is no number; with more bits it may be one.
    if not kept.is_finite() and whole.is_finite() and working_precision() >= LAW_BITS:
        return whole
    return kept.max(whole) if thresholds and whole.is_finite() else kept


def dropped_statement(target: Target) -> str:
    """Name the statement and the theorem whose blocks it uses."""
    theorem = "Theorem 2.1" if target.depth == 2 and not target.is_convolutional else "Theorem 2.2"
    return f"dropped copies (ours), {theorem}'s blocks"
