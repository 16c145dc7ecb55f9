"""The inverse questions, how sparse given widths may be and how likely they succeed.

Sufficient answers use the widths with the best numbers of copies that fit into them. Necessary answers say beyond
which sparsity, or above which probability, no construction at all can work.

The largest sparsity is found by bisection, and that is certain although not every bound is monotone: keep every entry
of a mask of density p' >= p with probability p / p', and what is left is a mask of density p. So the probability that a
mask contains the target grows with every density. What is granted at one density is granted at every larger one, and
what is ruled out at one is ruled out at every smaller one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, cast

from ertheory.bounds.blocks.available import checked_widths
from ertheory.bounds.catalogue import READINGS, find
from ertheory.bounds.factored.options import FACTORS, factors_of
from ertheory.bounds.result import Kind, Width
from ertheory.bounds.statement import NO_OPTIONS, GivenWidths, Inverse, Reading, Statement
from ertheory.errors import InfeasibleWidth, InvalidInput, TheoremNotApplicable
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import number_for_json, probability, rational_text, success_text
from ertheory.results import Explained, Step

__all__ = ["Answer", "given_factors", "largest_sparsity", "success_probability"]

_SPARSEST = 60  # densities below 10^-60 are not looked at


@dataclass(frozen=True, kw_only=True)
class Answer(Explained):
    """The answer of one statement about given widths.

    Parameters
    ----------
    method, statement, kind, layer0, applies, reason
        They are as in `Width`.
    target, widths
        The inputs: target and N_0..N_L.
    densities
        p_0..p_L: given, or those at the sparsity that was found.
    failure_probability
        delta, where it was given.
    sparsity
        Sufficient statements: the largest sparsity that suffices; necessary ones: no larger one is possible. All
        masked layers have this sparsity. ``None`` where it was given or where nothing suffices.
    success_lower, success_upper
        Bounds on the success probability, where that was asked.
    factors
        The copies q' that the answer builds on.
    """

    method: str
    statement: str
    kind: Kind
    layer0: str
    applies: bool
    reason: str
    target: Target
    widths: tuple[int, ...]
    densities: tuple[Fraction, ...] | None = None
    failure_probability: Fraction | None = None
    sparsity: Fraction | None = None
    success_lower: Fraction | None = None
    success_upper: Fraction | None = None
    factors: tuple[int, ...] | None = None

    @property
    def heading(self) -> str:
        """The method and the reading of layer 0."""
        return f"{self.method}, layer 0 {self.layer0}"

    def steps(self) -> tuple[Step, ...]:
        """Give the statement, its formulas for these widths, the numbers that go into them, and what comes out."""
        first = f"{self.statement}; {'' if self.applies else 'does not apply: '}{self.reason}."
        if self.densities is None or not self.applies:
            return (first,)
        statement, same = find(self.method), self._as_width(self.densities)
        steps = _inverse(statement).steps or statement.steps
        return (first, *steps(same), *self._found())

    def _as_width(self, densities: tuple[Fraction, ...]) -> Width:
        """Give the same as the answer of a statement to the question for its widths."""
        return Width(
            method=self.method,
            statement=self.statement,
            variant="exact",
            kind=self.kind,
            layer0=cast("Any", self.layer0),
            applies=self.applies,
            reason=self.reason,
            target=self.target,
            densities=densities,
            failure_probability=Fraction(1) if self.failure_probability is None else self.failure_probability,
            widths=self.widths,
            factors=self.factors,
        )

    def _found(self) -> tuple[str, ...]:
        if self.sparsity is not None and self.failure_probability is not None:
            relation = "at most" if self.kind == "necessary" else "up to"
            delta = rational_text(self.failure_probability)
            return (f"sparsity {relation} {rational_text(self.sparsity)} with delta = {delta}",)
        if self.success_lower is not None:
            return (f"success probability >= {success_text(self.success_lower)}",)
        if self.success_upper is not None:
            return (f"success probability <= {success_text(self.success_upper, up=True)}",)
        return ()

    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows."""
        upper = self.success_upper
        return {
            "method": self.method,
            "statement": self.statement,
            "kind": self.kind,
            "layer0": self.layer0,
            "applies": self.applies,
            "reason": self.reason,
            "widths": list(self.widths),
            "densities": None if self.densities is None else [rational_text(density) for density in self.densities],
            "sparsity": None if self.sparsity is None else rational_text(self.sparsity),
            "sparsity_float": None if self.sparsity is None else number_for_json(self.sparsity),
            "success_probability_lower": None if self.success_lower is None else success_text(self.success_lower),
            "success_probability_upper": None if upper is None else success_text(upper, up=True),
            "factors": None if self.factors is None else list(self.factors),
        }


def largest_sparsity(
    target: Target,
    widths: tuple[int, ...],
    failure_probability: Fraction,
    *,
    method: str = "exact",
    layer0: Reading | None = None,
    factors: int = 2,
    progress: Callable[[], object] | None = None,
) -> Answer:
    """Find the largest sparsity at which given widths suffice, or are not ruled out.

    Parameters
    ----------
    target
        Target of depth L.
    widths
        N_0..N_L, or N_0..N_{L-1}.
    failure_probability
        delta in (0, 1).
    method
        The name of a statement, one of `INVERTED`; the others say why they are not read for given widths.
    layer0
        How layer 0 is read: with ``dense`` it keeps density 1 and the others share one sparsity, else all layers share
        it. By default it is the first reading that the statement knows.
    factors
        How many source layers a factored source has for each map of the target.
    progress
        It is called after each density that was looked at, about fifty times.

    Returns
    -------
    Answer
        The density 1 - sparsity has 12 significant digits, 4 for the sharp ones; the statement holds there and fails
        one unit below.

    Examples
    --------
    >>> answer = largest_sparsity(Target.from_text("784-128-10"), (179536, 18048), Fraction(1, 1000))
    >>> round(float(answer.sparsity), 4)
    0.9004
    """
    statement, given = _ask(target, widths, method, layer0, factors)
    delta = probability("failure_probability", failure_probability)
    inverse = _inverse(statement)
    refusal = _refuses(statement, given, _spread(statement, given, Fraction(1)))
    if refusal:
        return _answer(statement, given, refusal, failure_probability=delta)

    def holds(density: Fraction) -> bool:
        if progress is not None:
            progress()
        return inverse.holds(given, _spread(statement, given, density), delta)

    density = _smallest_density(holds, inverse.digits)
    if density is None:
        refusal = f"these widths do not suffice at any sparsity with delta = {rational_text(delta)}"
        return _answer(statement, given, refusal, failure_probability=delta)
    densities = _spread(statement, given, density)
    answer = _answer(
        statement,
        given,
        failure_probability=delta,
        sparsity=1 - density,
        densities=densities,
        factors=inverse.factors(given, densities, delta),
    )
    if statement.kind != "necessary":
        return answer
    # With a dense layer 0 the same widths could be sparser elsewhere.
    return replace(answer, layer0="masked", reason=f"{answer.reason}; layer 0 is as sparse as the other layers")


def success_probability(
    target: Target,
    widths: tuple[int, ...],
    densities: tuple[Fraction, ...],
    *,
    method: str = "exact",
    layer0: Reading | None = None,
    factors: int = 2,
) -> Answer:
    """Bound the success probability of given widths and densities.

    Parameters
    ----------
    target, widths, method, layer0, factors
        They are as for `largest_sparsity`.
    densities
        p_0..p_L in (0, 1].

    Returns
    -------
    Answer
        A lower bound from ``printed`` (the union bound), ``exact`` and ``drop`` (the laws of the constructions), an
        upper bound from the necessary statements. Where a probability cannot be enclosed, `applies` is false and
        `reason` says why.

    Examples
    --------
    >>> half = (Fraction(1), Fraction(1, 2), Fraction(1, 2))
    >>> answer = success_probability(Target.from_text("4-8-3"), (56, 80), half)
    >>> round(float(answer.success_lower), 6)
    0.95793
    """
    statement, given = _ask(target, widths, method, layer0, factors)
    densities = read_densities(target, density=densities, layers=len(given.widths))
    inverse = _inverse(statement)
    refusal = _refuses(statement, given, densities)
    if refusal:
        return _answer(statement, given, refusal, densities=densities)
    try:
        lower, upper = inverse.success(given, densities)
    except InfeasibleWidth as error:  # one answer less must not take the others along
        return _answer(statement, given, str(error), densities=densities)
    copies = inverse.factors(given, densities, None)
    return _answer(statement, given, densities=densities, success_lower=lower, success_upper=upper, factors=copies)


def _ask(
    target: Target, widths: tuple[int, ...], method: str, layer0: Reading | None, factors: int
) -> tuple[Statement, GivenWidths]:
    statement = find(method)
    options = given_factors(statement, factors)
    if statement.inverse is None:
        raise TheoremNotApplicable(f"{method}: {statement.not_inverted}")
    statement.checked_shape(target)
    if layer0 is not None and layer0 not in READINGS:
        raise InvalidInput("layer0", f"one of {', '.join(READINGS)}", layer0)
    read = layer0 or (statement.readings or READINGS)[0]
    full = checked_widths(target, widths, statement.layers(target, options))
    return statement, GivenWidths(target=target, widths=full, layer0=read, options=options)


def given_factors(statement: Statement, factors: int) -> Mapping[str, object]:
    """Read how many factors each map has as an option, which only statements about factored sources have.

    Raises
    ------
    InvalidInput
        If a statement that knows no factors is asked about others than two.

    Examples
    --------
    >>> given_factors(find("factored"), 3)["factors"], dict(given_factors(find("exact"), 2))
    (3, {})
    """
    factors_of({"factors": factors})
    if "factors" in statement.options:
        return {"factors": factors}
    if factors != FACTORS[0]:
        raise InvalidInput("factors", f"left out with {statement.name}, which is not about factored sources", factors)
    return NO_OPTIONS


def _inverse(statement: Statement) -> Inverse:
    assert statement.inverse is not None  # or it had been refused
    return statement.inverse


def _refuses(statement: Statement, given: GivenWidths, densities: tuple[Fraction, ...]) -> str:
    if statement.readings and given.layer0 not in statement.readings:
        return statement.unreadable.get(given.layer0, f"layer 0 is not read as {given.layer0}")
    return _inverse(statement).refuses(given) or statement.refuses(given.target, densities, given.layer0)


def _spread(statement: Statement, given: GivenWidths, density: Fraction) -> tuple[Fraction, ...]:
    """Give all masked layers one density; necessary statements hold for every source, also a masked layer 0."""
    first = Fraction(1) if given.layer0 == "dense" and statement.kind != "necessary" else density
    return (first, *(density,) * (len(given.widths) - 1))


def _answer(statement: Statement, given: GivenWidths, refusal: str = "", **known: Any) -> Answer:
    return Answer(
        method=statement.name,
        statement=statement.citation(given.target),
        kind=statement.kind_of(given.layer0),
        layer0=given.layer0 if statement.readings else "any",
        applies=not refusal,
        reason=refusal or _inverse(statement).reason(given),
        target=given.target,
        widths=given.widths,
        **known,
    )


def _smallest_density(holds: Callable[[Fraction], bool], digits: int) -> Fraction | None:
    """Smallest p of so many significant digits at which a condition holds that is monotone in p."""
    if not holds(Fraction(1)):
        return None
    exponent = 1
    while exponent <= _SPARSEST and holds(Fraction(1, 10**exponent)):
        exponent += 1
    if exponent > _SPARSEST:
        return Fraction(1, 10**_SPARSEST)
    unit = Fraction(1, 10 ** (exponent + digits - 1))
    low, high = 10 ** (digits - 1), 10**digits  # fails at 10^-exponent, holds ten times above
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle * unit) else (middle, high)
    return Fraction(high) * unit
