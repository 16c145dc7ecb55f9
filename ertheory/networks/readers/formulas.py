"""Activations that are written out in arithmetic, as people and decompositions of programs write them.

>>> tree = {"out": ("mul", "in", "gate"), "gate": ("sigmoid", "in")}
>>> formula_of("out", tree.get)
('in', 'silu')
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["formula_of"]

# Gives the name of an operation and its operands; ``None`` for what is no arithmetic.
Opened: TypeAlias = Callable[[Any], tuple[Any, ...] | None]

_COMMUTES = frozenset({"add", "mul"})
_THRESHOLD = 20  # of softplus: where it is given up for its argument, by less than 2.1e-9


@dataclass(frozen=True)
class _Hole:
    """A place in a pattern: the value that everything depends on, or a number."""

    name: str
    number: bool = True


_X, _A = _Hole("x", number=False), _Hole("a")
_RAMP = ("clamp", ("clamp", ("add", _X, 3), 0, None), None, 6)  # min(max(x + 3, 0), 6)
_RAMP_AT_ONCE = ("clamp", ("add", _X, 3), 0, 6)
_LOG_EXP = ("log1p", ("exp", _X))
_SOFTPLUS = ("where", ("gt", _X, _THRESHOLD), _X, _LOG_EXP)

# Each with the name of the activation, in which a parameter that was found takes the place of "a".
_FORMULAS: tuple[tuple[tuple[Any, ...], str], ...] = (
    (("mul", _X, ("sigmoid", _X)), "silu"),
    *(
        (pattern, name)
        for ramp in (_RAMP, _RAMP_AT_ONCE)
        for pattern, name in (
            (("div", ramp, 6), "hardsigmoid"),
            (("div", ("mul", _X, ramp), 6), "hardswish"),
            (("mul", _X, ("div", ramp, 6)), "hardswish"),
        )
    ),
    (("mul", _X, ("hardsigmoid", _X)), "hardswish"),
    (("mul", _X, ("tanh", _SOFTPLUS)), "mish"),
    (("mul", _X, ("tanh", ("softplus", _X))), "mish"),
    (_SOFTPLUS, "softplus"),
    (("where", ("gt", ("mul", _X, 1), _THRESHOLD), _X, ("div", ("log1p", ("exp", ("mul", _X, 1))), 1)), "softplus"),
    (("where", ("gt", _X, 0), _X, ("mul", _X, _A)), "leaky_relu:a"),
    (("where", ("gt", _X, 0), _X, ("expm1", _X)), "celu:1.0"),
    (("where", ("gt", _X, 0), _X, ("mul", ("expm1", ("div", _X, _A)), _A)), "celu:a"),
    (("where", ("gt", ("abs", _X), _A), ("sub", _X, ("mul", ("sign", _X), _A)), ("mul", _X, 0)), "softshrink:a"),
)


def formula_of(thing: Any, opened: Opened) -> tuple[Any, str] | None:
    """Say which activation an operation ends, and of which value.

    Parameters
    ----------
    thing
        The operation that comes last.
    opened
        Gives the name of an operation and its operands. Numbers are operands that it gives ``None`` for.

    Returns
    -------
    tuple or None
        The value, and the name that `ertheory.networks.activations` has; ``None`` for another formula.
    """
    for pattern, name in _FORMULAS:
        for found in _matches(pattern, thing, opened, {}):
            return found["x"], name.replace(":a", f":{found.get('a', 0.0)!r}")
    return None


def _matches(pattern: Any, thing: Any, opened: Opened, known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the ways in which the holes of a pattern can be filled, beside those that are."""
    if isinstance(pattern, _Hole):
        if isinstance(thing, int | float) is not pattern.number:
            return
        value = float(thing) if pattern.number else thing
        if pattern.name not in known:
            yield {**known, pattern.name: value}
        elif known[pattern.name] is value or (pattern.number and known[pattern.name] == value):
            yield known
        return
    if not isinstance(pattern, tuple):
        same = thing is None if pattern is None else isinstance(thing, int | float) and thing == pattern
        yield from [known] if same else []
        return
    parts = None if isinstance(thing, int | float) or thing is None else opened(thing)
    if parts is None or parts[0] != pattern[0] or len(parts) != len(pattern):
        return
    name, *operands = parts
    for order in (operands, operands[::-1]) if name in _COMMUTES else (operands,):
        ways = [known]
        for part, operand in zip(pattern[1:], order, strict=True):
            ways = [one for way in ways for one in _matches(part, operand, opened, way)]
        yield from ways
