"""Sparse training inside a random mask: one method a file, all of them answers to what the loop asks `FixedMask`."""

from __future__ import annotations

from ertrain.methods.base import FixedMask
from ertrain.methods.rigl import RiGL
from ertrain.methods.set import SET

__all__ = ["METHODS", "SET", "FixedMask", "RiGL"]

# By the name that a configuration has for them.
METHODS: dict[str, type[FixedMask]] = {
    "fixed": FixedMask,
    "rigl": RiGL,
    "set": SET,
}
