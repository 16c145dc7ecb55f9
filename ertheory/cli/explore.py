"""``ertheory explore``: the page with sliders, curves and a drawing."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated

from ertheory.cli import reading
from ertheory.cli.arguments import Force, Json
from ertheory.cli.options import Option
from ertheory.cli.output import document, show, wrap
from ertheory.commands import explore
from ertheory.numbers import rational_text

__all__ = ["ExploreCommand"]


@dataclass(frozen=True)
class ExploreCommand:
    """A page in the browser that answers at the touch of a slider."""

    target: Annotated[str, Option("This is the network that it begins with, fully connected.", "T")] = "784-128-10"
    sparsity: Annotated[
        Fraction, Option("The page begins with this sparsity of every layer, in [0, 1).", "S", read=reading.sparsity)
    ] = Fraction(9, 10)
    delta: Annotated[
        Fraction, Option("The page begins with this probability of failure, in (0, 1).", "D", read=reading.unit)
    ] = Fraction(1, 1000)
    out: Annotated[
        str | None, Option("Write the page into this file, and open no browser; it is complete by itself.", "FILE.html")
    ] = None
    force: Force = False
    json: Json = False

    def run(self) -> int:
        """Write the page, and open it."""
        page = explore(self.target, sparsity=self.sparsity, delta=self.delta, out=self.out, force=self.force)
        if self.json:
            numbers = {"sparsity": rational_text(self.sparsity), "delta": rational_text(self.delta)}
            inputs = {"target": self.target, **numbers, "out": self.out, "force": self.force}
            show(document("explore", inputs, file=str(page)))
        elif self.out is None:
            show(wrap(f"{page}: open it in a browser if none has opened; it needs no network."))
        else:
            show(str(page))
        return 0
