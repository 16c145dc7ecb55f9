"""The options that statements about factored sources understand, by their names on the command line."""

from __future__ import annotations

from collections.abc import Mapping

from ertheory.errors import InvalidInput
from ertheory.networks.target import Target

__all__ = ["FACTORS", "OPTIONS", "factors_of", "source_layers"]

OPTIONS = ("split", "objective", "inner", "factors")
FACTORS = (2, 3)


def factors_of(options: Mapping[str, object]) -> int:
    """Read how many factors each map becomes.

    Raises
    ------
    InvalidInput
        If it is neither 2 nor 3.

    Examples
    --------
    >>> factors_of({}), factors_of({"factors": 3})
    (2, 3)
    """
    found = options.get("factors", FACTORS[0])
    if isinstance(found, bool) or not isinstance(found, int) or found not in FACTORS:
        raise InvalidInput("factors", "2 or 3", found)
    return found


def source_layers(target: Target, options: Mapping[str, object]) -> int:
    """Count the layers of a factored source.

    Examples
    --------
    >>> source_layers(Target.from_text("784-128-10"), {"factors": 3})
    6
    """
    return factors_of(options) * target.depth
