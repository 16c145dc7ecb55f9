"""What a given source certainly contains: the inverse question that asks for the target.

A source with layers of given widths may be read in two ways. The theorems read its first layer as copies of the inputs,
and every other as copies of a layer of the target. Factored sources read every second layer as one of the target, or
every third where they have three factors, and those between as inner ones. Inputs and outputs are those of the source;
of the layers between them, targets are found that are maximal. A source that contains a target contains every narrower
one too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ertheory.bounds.catalogue import find
from ertheory.bounds.factored.options import FACTORS
from ertheory.bounds.factored.width_factor import width_factor
from ertheory.bounds.front import Front, maximal_points
from ertheory.bounds.inverse import given_factors
from ertheory.bounds.questions import width
from ertheory.bounds.result import Kind, Reading
from ertheory.bounds.statement import GivenWidths, Statement
from ertheory.errors import InfeasibleWidth, TheoremNotApplicable, one_of
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import Rational, named_numbers, number_for_json, probability, rational_text
from ertheory.results import Explained, Step

__all__ = ["CAPACITIES", "Capacity", "capacity_of", "capacity_of_model"]

CAPACITIES = ("exact", "drop", "sharp", "factored")


@dataclass(frozen=True, kw_only=True)
class Capacity(Explained):
    """What a source contains by one statement.

    Parameters
    ----------
    method, statement, kind, layer0, applies, reason
        They are as in `Width`.
    source
        The inputs of the source and the widths of its layers.
    densities
        One for each of its layers.
    failure_probability
        The number delta.
    targets
        Widths n_0..n_L of targets that are certainly contained, and are not with one of n_1..n_{L-1} one larger.
    complete
        Whether these are all such targets.
    model, width_factor
        The name of an architecture, and the largest factor on its hidden widths; else ``None``.
    edges_expected
        Expected edges of the source of an architecture.
    ratio, widening
        Where the source is the architecture itself: the ratio of its masks, and how many times as wide it would have to
        be to contain all of itself, ``None`` where no number was found.
    """

    method: str
    statement: str
    kind: Kind
    layer0: str
    applies: bool
    reason: str
    source: tuple[int, ...]
    densities: tuple[Fraction, ...]
    failure_probability: Fraction
    targets: tuple[tuple[int, ...], ...] = ()
    complete: bool = True
    model: str | None = None
    width_factor: Fraction | None = None
    edges_expected: Fraction | None = None
    ratio: str | None = None
    widening: Fraction | None = None

    @property
    def heading(self) -> str:
        """The statement's name, and what it takes layer 0 for."""
        return f"{self.method}, layer 0 {self.layer0}" + ("" if self.ratio is None else f", ratio {self.ratio}")

    def steps(self) -> tuple[Step, ...]:
        """Give the statement that was asked of every target, the numbers of the source, and what came out."""
        numbers: dict[str, Fraction | int] = {f"N_{layer}": width for layer, width in enumerate(self.source[1:])}
        if len(self.densities) <= len(self.source):
            numbers |= {f"p_{layer}": density for layer, density in enumerate(self.densities)}
        asked = "" if self.applies else "does not apply: "
        first = (
            f"{self.statement}; {asked}{self.reason}.",
            named_numbers({**numbers, "delta": self.failure_probability}),
        )
        if not self.applies:
            return first
        if self.ratio is not None:
            wider = "unknown" if self.widening is None else f"{float(self.widening):.6g}"
            factors = f"largest factor on its own widths: {float(self.width_factor or 0):.6g}"
            return (*first, f"{factors}; times as wide it would contain all of itself: {wider}")
        if self.width_factor is not None:
            return (*first, f"largest factor on the widths of {self.model}: {float(self.width_factor):.6g}")
        return (*first, f"targets that are maximal, none with one hidden width one larger: {len(self.targets)}")

    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows."""
        return {
            "method": self.method,
            "statement": self.statement,
            "kind": self.kind,
            "layer0": self.layer0,
            "applies": self.applies,
            "reason": self.reason,
            "source": list(self.source),
            "densities": [rational_text(one) if self.ratio is None else float(one) for one in self.densities],
            "delta": rational_text(self.failure_probability),
            "targets": [list(target) for target in self.targets],
            "complete": self.complete,
            "model": self.model,
            "width_factor": _text(self.width_factor),
            "edges_expected": None if self.edges_expected is None else number_for_json(self.edges_expected),
            **({} if self.ratio is None else {"ratio": self.ratio, "widening": _text(self.widening)}),
        }


def _text(value: Fraction | None) -> str | None:
    return None if value is None else rational_text(value)


def capacity_of(
    source: Target,
    *,
    method: str = "factored",
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    failure_probability: Rational,
    factors: int = 2,
    alone: bool = True,
    progress: Callable[[], object] | None = None,
) -> Capacity:
    """Find targets that a source contains with probability 1 - delta, by one statement.

    Parameters
    ----------
    source
        The source, written as a fully connected network.
    method
        One of `CAPACITIES`.
    density, sparsity
        Exactly one of them is given: one number for all layers of the source, or one for each.
    failure_probability
        The number delta in (0, 1).
    factors
        How many layers of the source, 2 or 3, are one map of the target where it is factored.
    alone
        Whether this is the one statement that is asked, which may take its time.
    progress
        It is called after each target that was looked at.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.

    Examples
    --------
    >>> source = Target.from_text("784-1921-128-1600-10")
    >>> capacity_of(source, sparsity="0.9", failure_probability="0.001").targets
    ((784, 128, 10),)
    """
    statement = find(one_of("method", method, CAPACITIES))
    options = given_factors(statement, factors)
    densities = read_densities(source, density=density, sparsity=sparsity, layers=source.depth)
    delta = probability("delta", failure_probability)
    layer0 = _reading(statement, densities)
    refusal = _refuses(source, method, factors) or ("" if alone else _slow(source, method))
    front = Front((), complete=True)
    if not refusal:
        limits = source.widths[factors:-1:factors] if method == "factored" else source.widths[2:-1]
        holds = _condition(statement, source.widths, densities, delta, layer0, options)

        def counted(hidden: tuple[int, ...]) -> bool:
            if progress is not None:
                progress()
            return holds(Target.from_widths((source.inputs, *hidden, source.widths[-1])))

        front = maximal_points(counted, limits)
        if not front.points:
            refusal = f"not even a target with one neuron in every hidden layer, at delta = {rational_text(delta)}"
    return Capacity(
        method=method,
        statement=statement.citation(source),
        kind="sufficient",
        layer0=layer0,
        applies=not refusal,
        reason=refusal or _reason(method, layer0, front, factors),
        targets=tuple((source.inputs, *hidden, source.widths[-1]) for hidden in front.points),
        complete=front.complete,
        source=source.widths,
        densities=densities,
        failure_probability=delta,
    )


def capacity_of_model(
    model: str,
    *,
    density: Rational,
    failure_probability: Rational,
    edges: int | None = None,
    factors: int = 2,
    progress: Callable[[], object] | None = None,
) -> Capacity:
    """Find the part of an architecture that a factored source of so many expected edges contains.

    Parameters
    ----------
    model, density, failure_probability, edges, factors, progress
        They are as for `ertheory.bounds.factored.width_factor.width_factor`.

    Examples
    --------
    >>> found = capacity_of_model("lenet-300-100", density="0.5", failure_probability="0.001")
    >>> found.targets[0][0], found.width_factor < 1
    (784, True)
    """
    statement = find("factored")
    kept = probability("density", density, one=True)
    delta = probability("delta", failure_probability)
    source: tuple[int, ...] = ()
    targets: tuple[tuple[int, ...], ...] = ()
    factor: Fraction | None = None
    expected: Fraction | None = None
    try:
        factor, design = width_factor(
            model, density=kept, failure_probability=delta, edges=edges, factors=factors, progress=progress
        )
    except InfeasibleWidth as error:
        reason, applies = str(error), False
    else:
        source, expected = (design.maps[0].inputs, *design.widths), design.edges_expected
        targets = ((design.maps[0].inputs, *(one.outputs for one in design.maps)),)
        within = "as many expected edges as it has weights" if edges is None else f"{edges} expected edges"
        applies, reason = True, f"hidden widths times {rational_text(factor)} fit into a factored source of {within}"
    return Capacity(
        method="factored",
        statement=statement.source,
        kind="sufficient",
        layer0="factored",
        applies=applies,
        reason=reason,
        source=source,
        densities=(kept,),
        failure_probability=delta,
        targets=targets,
        model=model,
        width_factor=factor,
        edges_expected=expected,
    )


def _reading(statement: Statement, densities: tuple[Fraction, ...]) -> Reading:
    if "factored" in statement.readings:
        return "factored"
    if densities[0] == 1 and "dense" in statement.readings:
        return "dense"
    return "coded" if "coded" in statement.readings else "matched"


def _refuses(source: Target, method: str, factors: int) -> str:
    if method == "factored" and source.depth % factors:
        if factors == FACTORS[0]:
            return "every second layer is an inner one, so their number has to be even"
        return "only every third layer is one of the target, so their number has to be a multiple of 3"
    if method == "factored":
        return ""
    return "" if source.depth > 1 else "the first layer holds copies of the inputs, so two layers are needed"


def _slow(source: Target, method: str) -> str:
    if method != "sharp" or source.depth < 4:
        return ""
    return "takes some time for more than one hidden layer: ask for sharp alone"


def _reason(method: str, layer0: str, front: Front, factors: int) -> str:
    read = f"layer 0 is {layer0}"
    if method == "factored":
        two = factors == FACTORS[0]
        read = "every second layer is read as an inner one" if two else "two of three layers are read as inner ones"
    return f"inputs and outputs of the source; {read}" + ("" if front.complete else "; some of the maximal targets")


def _condition(
    statement: Statement,
    source: tuple[int, ...],
    densities: tuple[Fraction, ...],
    delta: Fraction,
    layer0: Reading,
    options: Mapping[str, object],
) -> Callable[[Target], bool]:
    def by_inverse(target: Target) -> bool:
        assert statement.inverse is not None
        given = GivenWidths(target=target, widths=source[1:], layer0=layer0, options=options)
        refused = statement.inverse.refuses(given) or statement.refuses(target, densities, layer0)
        return not refused and statement.inverse.holds(given, densities, delta)

    def by_widths(target: Target) -> bool:
        try:
            needed = width(
                target, method=statement.name, density=densities, failure_probability=delta, layer0=layer0
            ).widths
        except (InfeasibleWidth, TheoremNotApplicable):
            return False
        return all(wide is not None and wide <= given for wide, given in zip(needed, source[1:], strict=True))

    return by_widths if statement.inverse is None else by_inverse
