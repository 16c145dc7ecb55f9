"""How the functions that answer questions read what they are given."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction

from ertheory.errors import InfeasibleWidth, InvalidInput, called
from ertheory.layerwise.network_target import network_target
from ertheory.networks.network import Network
from ertheory.networks.readers.targets import target_of, target_or_network
from ertheory.networks.target import Target
from ertheory.numbers import Rational, probability

__all__ = [
    "called",
    "near_zero_is_density",
    "read_counted",
    "read_delta",
    "read_network_too",
    "read_one_density",
    "read_target",
    "refuse_given",
]

_NEXT_TO_0 = Fraction(1, 10**9)


def read_delta(delta: Rational | None, confidence: Rational | None, failure_probability: Rational | None) -> Fraction:
    """Read the failure probability from exactly one of the three ways to give it.

    Raises
    ------
    InvalidInput
        If none or several are given, or the one that is lies outside (0, 1).

    Examples
    --------
    >>> read_delta(None, "0.999", None)
    Fraction(1, 1000)
    """
    ways = {"delta": delta, "confidence": confidence, "failure_probability": failure_probability}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) != 1:
        raise InvalidInput("delta", "exactly one of `delta` and `confidence`", " and ".join(given) or "none")
    (name,) = given
    value = probability(name, ways[name])
    return 1 - value if name == "confidence" else value


def read_one_density(density: Rational | None, sparsity: Rational | None) -> Fraction:
    """Read one density from exactly one of density and sparsity.

    Examples
    --------
    >>> read_one_density(None, "0.9")
    Fraction(1, 10)
    """
    if (density is None) == (sparsity is None):
        given = "none" if density is None else "both"
        raise InvalidInput("density", "exactly one of `density` and `sparsity`", given)
    if density is not None:
        return probability("density", density, one=True)
    return 1 - probability("sparsity", sparsity, zero=True)


def read_target(target: object) -> Target:
    """Read whatever describes a target: a file, or what `ertheory.read_target` reads.

    Examples
    --------
    >>> str(read_target("784-128-10"))
    '784-128-10'
    """
    with called(path="target"):
        return target_of(target)


def read_network_too(target: object) -> Target | Network:
    """Read a target as `read_target` does, or a network for which no widths are computed from counts.

    Examples
    --------
    >>> str(read_network_too("784-128-10"))
    '784-128-10'
    """
    with called(path="target"):
        return target_or_network(target)


def read_counted(target: object) -> Target:
    """Read a target as `read_target` does; of other networks the maps, of which factored sources speak.

    Examples
    --------
    >>> read_counted("784-128-10").is_chain
    True
    """
    with called(path="target"):
        found = target_or_network(target)
        return network_target(found) if isinstance(found, Network) else found


@contextlib.contextmanager
def near_zero_is_density(densities: tuple[Fraction, ...], *, given: str) -> Iterator[None]:
    """Name the density where a number cannot be written down because a density is next to 0.

    Parameters
    ----------
    densities
        The densities that were read.
    given
        Whether ``density`` or ``sparsity`` was given.
    """
    try:
        yield
    except InfeasibleWidth as error:
        if min(densities) >= _NEXT_TO_0:
            raise
        where = "a number in (0, 1] that is not this close to 0"
        if given == "sparsity":
            where = "a number in [0, 1) that is not this close to 1"
        least = min(densities)
        raise InvalidInput(given, f"{where} ({error})", least if given == "density" else 1 - least) from error


def refuse_given(allowed: str, **given: object) -> None:
    """Refuse arguments that have nothing to act on.

    Parameters
    ----------
    allowed
        What would have to be different.
    given
        The arguments; all of them are ``None`` or false where they are left out.

    Examples
    --------
    >>> refuse_given("`simulate` to go with it", trials=None, seed=None)
    """
    for name, value in given.items():
        if value is not None and value is not False:
            raise InvalidInput(name, allowed, value)
