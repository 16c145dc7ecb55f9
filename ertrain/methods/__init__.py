"""Sparse training inside a random mask: one method a file, all of them answers to what the loop asks `FixedMask`."""

from __future__ import annotations

from ertheory._typed import name_wrong_types
from ertrain.methods.at_initialisation import SNIP, GraSP, SynFlow
from ertrain.methods.base import FixedMask
from ertrain.methods.edge_popup import EdgePopup
from ertrain.methods.gradual import Gradual
from ertrain.methods.granet import GraNet
from ertrain.methods.imp import IMP
from ertrain.methods.rigl import RiGL
from ertrain.methods.set import SET
from ertrain.methods.str import STR

__all__ = [
    "IMP",
    "METHODS",
    "SET",
    "SNIP",
    "STR",
    "EdgePopup",
    "FixedMask",
    "GraNet",
    "GraSP",
    "Gradual",
    "RiGL",
    "SynFlow",
]

# By the name that a configuration has for them.
METHODS: dict[str, type[FixedMask]] = {
    "edge-popup": EdgePopup,
    "fixed": FixedMask,
    "gradual": Gradual,
    "granet": GraNet,
    "grasp": GraSP,
    "imp": IMP,
    "rigl": RiGL,
    "set": SET,
    "snip": SNIP,
    "str": STR,
    "synflow": SynFlow,
}

name_wrong_types(__name__)
