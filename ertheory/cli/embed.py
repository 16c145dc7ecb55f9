"""``ertheory embed``: build the target inside one drawn source, check what was written, and keep it."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any

from ertheory.bounds.factored import Split
from ertheory.bounds.result import rational_text
from ertheory.builders import BUILT, FORMS, Form, Plan
from ertheory.builders.factored.inner import INNER, Inner
from ertheory.builders.factored.matching import Unmatched
from ertheory.builders.factored.planning import OUTER, FactoredPlan, Outer
from ertheory.cli import reading
from ertheory.cli.arguments import (
    Confidence,
    Delta,
    Density,
    Explain,
    Force,
    Format,
    Json,
    ReadingName,
    Sparsity,
    TargetText,
    densities_inputs,
    interval_or_box,
)
from ertheory.cli.built import report, report_network, share_of_failures
from ertheory.cli.notes import show_explained
from ertheory.cli.options import Option
from ertheory.cli.output import document, show, wrap
from ertheory.cli.progress import Progress
from ertheory.commands import BuiltNetwork, embed
from ertheory.commands.arguments import read_network_too
from ertheory.commands.described import described, rests_on
from ertheory.commands.sampling import drawn_weights
from ertheory.errors import ConstructionFailed
from ertheory.networks.arrays import Array
from ertheory.networks.layer import Layer
from ertheory.networks.network import Network
from ertheory.networks.target import Target, network_of

__all__ = ["EmbedCommand"]

_UNBOUNDED = "unbounded"


def _box(argument: str, text: str) -> tuple[Fraction, Fraction] | str:
    return text if text == _UNBOUNDED else reading.interval(argument, text, also=f" or {_UNBOUNDED}")


@dataclass(frozen=True)
class EmbedCommand:
    """Build the target inside a random masked network, and write it to a file."""

    target: TargetText
    out: Annotated[str, Option("The source is written to this file: .npz or .safetensors.", "FILE")]
    density: Density = None
    sparsity: Sparsity = None
    delta: Delta = None
    confidence: Confidence = None
    method: Annotated[
        str, Option(f"The construction is one of {', '.join(BUILT)}.", "M", read=reading.choice(*BUILT))
    ] = "exact"
    layer0: ReadingName = None
    seed: Annotated[
        int, Option("The masks are drawn by this seed, and so are weights where the target has none.", "N")
    ] = 0
    domain: Annotated[
        tuple[Fraction, Fraction] | str | None,
        Option(
            "Every input lies between these two, or is 'unbounded'; if left out, the target says where, or it is 0,1.",
            "A,B",
            read=_box,
        ),
    ] = None
    inputs: Annotated[
        str | None,
        Option(
            "Errors are measured at the points of this file, shape (n, d), .npy or .npz; if left out, at random ones.",
            "FILE",
        ),
    ] = None
    activation: Annotated[
        str | None, Option("This activation takes the place of the target's own, such as relu or gelu.", "A")
    ] = None
    form: Annotated[
        Form | None,
        Option(
            f"Layer 0 hands inputs on in this form: {', '.join(FORMS)}; if left out, it is the exact one that fits.",
            "F",
        ),
    ] = None
    inner: Annotated[
        Inner | None,
        Option(
            f"Inner neurons of factored sources are {', '.join(INNER)}; if this is left out, relu for a chain, and "
            "identity for other networks and three factors.",
            "I",
            read=reading.choice(*INNER),
        ),
    ] = None
    outer: Annotated[
        Outer | None,
        Option(
            "The outer factors of factored sources are drawn and never solved with 'random'.",
            "O",
            read=reading.choice(*OUTER),
        ),
    ] = None
    split: Annotated[
        Split | None,
        Option(
            "The factors of factored sources have densities that are equal, or the best ones.",
            "S",
            read=reading.choice("equal", "best"),
        ),
    ] = None
    factors: Annotated[
        int | None,
        Option("Factored sources have so many masked maps for each one: 2, or 3 for chains; 2 if left out.", "N"),
    ] = None
    no_mask: Annotated[
        bool, Option("Leave the masks out of the file; they can be drawn again from its seed and densities.")
    ] = False
    force: Force = False
    explain: Explain = False
    format: Format = "table"
    json: Json = False

    def run(self) -> int:
        """Build, check, write; exit status 1 if the mask lacks an edge or the check fails."""
        plans: list[Plan | FactoredPlan] = []
        started = time.perf_counter()
        target = read_network_too(self.target)
        drawn = isinstance(target, Target) and self._draws_weights(target)
        with (
            Progress(unit=" entries", unit_scale=True, desc="mask") as bar,
            Progress(unit=" points", desc="check") as checks,
        ):
            try:
                built = embed(
                    target,
                    density=self.density,
                    sparsity=self.sparsity,
                    delta=self.delta,
                    confidence=self.confidence,
                    method=self.method,
                    layer0=self.layer0,
                    seed=self.seed,
                    domain=self.domain if isinstance(self.domain, str | None) else tuple(map(float, self.domain)),
                    inputs=self.inputs,
                    activation=self.activation,
                    form=self.form,
                    inner=self.inner,
                    outer=self.outer,
                    split=self.split,
                    factors=self.factors,
                    out=self.out,
                    no_mask=self.no_mask,
                    force=self.force,
                    planned=plans.append,
                    progress=bar.update,
                    checking=checks.reach,
                )
            except ConstructionFailed as error:
                seconds = time.perf_counter() - started
                if not plans:
                    return self._network_failed(target, error, drawn=drawn, seconds=seconds)
                return self._failed(plans[0], error, drawn=drawn, seconds=seconds)
        if isinstance(built, BuiltNetwork):
            return self._network(built, drawn=drawn)
        if self.json:
            show(document("embed", self._inputs(built.plan, drawn=drawn), **{**built.to_dict(), "file": self.out}))
            return 0 if built.passed else 1
        if self.format == "table":
            report(built)
        else:
            show(built.rendered(self.format))
        if self.explain:
            show_explained(built.explain())
        return 0 if built.passed else 1

    def _network(self, built: BuiltNetwork, *, drawn: bool) -> int:
        """Show the source of a network that is no chain."""
        if self.json:
            inputs = self._network_inputs(built.embedding.target.domain, drawn=drawn)
            show(document("embed", inputs, **{**built.to_dict(), "file": self.out}))
        elif self.format == "table":
            report_network(built)
        else:
            show(built.rendered(self.format))
        if self.explain and not self.json:
            show_explained(built.explain())
        return 0 if built.passed else 1

    def _network_failed(
        self, target: Target | Network, error: ConstructionFailed, *, drawn: bool, seconds: float
    ) -> int:
        if self.json:
            whole = target if isinstance(target, Network) else network_of(drawn_weights(target, self.seed))
            inputs = self._network_inputs(whole.domain, drawn=drawn)
            missing = [described(edge) if isinstance(edge, Unmatched) else edge for edge in error.missing]
            nothing = dict.fromkeys(("max_abs_error", "max_rel_error", "edges_used", "edges_available"))
            fields = {**nothing, "widths": None, "construction": "factored", "seconds": seconds}
            show(document("embed", inputs, seed=self.seed, success=False, missing=missing, **fields))
        else:
            show(wrap(f"Failed: {error}."))
            show(wrap("This happens to at most a share delta of the masks; another --seed draws another one."))
        return 1

    def _network_inputs(self, box: Array | None, *, drawn: bool) -> dict[str, Any]:
        delta = 1 - self.confidence if self.delta is None and self.confidence is not None else self.delta
        kept = self.density or tuple(1 - one for one in self.sparsity or ())
        own = [0.0, 1.0] if box is None else interval_or_box(box)
        return {
            "density": [rational_text(one) for one in kept],
            "sparsity": [rational_text(1 - one) for one in kept],
            "target": self.target,
            "weights": "drawn" if drawn else "given",
            "out": self.out,
            "delta": None if delta is None else rational_text(delta),
            "method": self.method,
            "layer0": "factored",
            "inner": self.inner or "identity",
            "outer": self.outer or "solved",
            "split": self.split or "equal",
            "factors": self.factors or 2,
            "domain": own if self.domain is None or isinstance(self.domain, str) else list(map(float, self.domain)),
            "inputs": self.inputs,
            "force": self.force,
        }

    def _draws_weights(self, target: Target) -> bool:
        """Say so where the target is given by its widths alone."""
        drawn = target.network is None and not target.is_convolutional  # of a convolution more than weights is missing
        if drawn:
            print(f"{self.target} has no weights; they are drawn by seed {self.seed}", file=sys.stderr)
        return drawn

    def _failed(self, chosen: Plan | FactoredPlan, error: ConstructionFailed, *, drawn: bool, seconds: float) -> int:
        if self.json:
            missing = [described(edge) for edge in error.missing]
            nothing = dict.fromkeys(("max_abs_error", "max_rel_error", "edges_used", "edges_available"))
            fields = {**nothing, **rests_on(chosen), "seconds": seconds}
            inputs = self._inputs(chosen, drawn=drawn)
            show(document("embed", inputs, seed=self.seed, success=False, missing=missing, **fields))
        else:
            often = share_of_failures(chosen)
            show(wrap(f"Failed: {error}."))
            show(wrap(f"This happens to at most {often} of the masks; another --seed draws another one."))
        return 1

    def _inputs(self, chosen: Plan | FactoredPlan, *, drawn: bool) -> dict[str, Any]:
        box, name = chosen.network.domain, chosen.network.activation
        asked = chosen.answer.densities if isinstance(chosen, Plan) else chosen.asked
        counted = chosen.answer.target
        if isinstance(chosen, Plan):  # a bound sees layer 1 in the units of layer 0: two for an input without bounds
            first = chosen.network.affine[0]
            counted = Target((Layer.from_step(first, channels=first.inputs), *counted.layers[1:]))
        return {
            **densities_inputs(counted, asked),
            "target": self.target,
            "weights": "drawn" if drawn else "given",
            "out": self.out,
            "delta": rational_text(chosen.answer.failure_probability),
            "method": self.method,
            "layer0": chosen.layer0,
            "activation": self.activation or ("relu" if name == "identity" else name),
            **({"form": chosen.coding.form} if isinstance(chosen, Plan) else self._pairs(chosen)),
            "domain": _UNBOUNDED if box is None else interval_or_box(box),
            "inputs": self.inputs,
            "no_mask": self.no_mask,
            "force": self.force,
        }

    def _pairs(self, chosen: FactoredPlan) -> dict[str, Any]:
        return {
            "form": None,
            "inner": chosen.inner,
            "outer": chosen.outer,
            "split": self.split or "equal",
            "factors": 2,
        }
