"""How wide must the source be? One statement a file; this page is the catalogue that puts them side by side.

Sufficient: `printed` (Theorems 2.1, 2.2 and the convolutional statement by their closed form), `exact` (the smallest
integers by the exact law), `joint` (the best split of the failure budget), `drop` (bad copies are left out). Necessary:
``theorem-2.3`` and ``degree``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from ertheory.bounds.available import best_factors
from ertheory.bounds.degree import degree, degree_ceiling
from ertheory.bounds.drop import SHARED, drop, drop_success, dropped_statement
from ertheory.bounds.expressive import closed_form, printed, statement_of, union_factor
from ertheory.bounds.hall import hall_sum
from ertheory.bounds.inverse import Answer, largest_sparsity, success_probability
from ertheory.bounds.joint import joint
from ertheory.bounds.laws import LAYER0, Law, Layer0, checked_layer0
from ertheory.bounds.minimal import exact
from ertheory.bounds.paths import path_ceiling
from ertheory.bounds.questions import QUESTIONS
from ertheory.bounds.univariate import (
    UnivariateWidth,
    coverage_ceiling,
    essential_inputs,
    path_failure,
    printed_univariate,
    univariate_width,
)
from ertheory.errors import InfeasibleWidth, InvalidInput, TheoremNotApplicable
from ertheory.exact import Rational, probability
from ertheory.results import Kind, Width
from ertheory.source import read_densities
from ertheory.target import Target

__all__ = [
    "LAYER0",
    "METHODS",
    "QUESTIONS",
    "Answer",
    "Law",
    "Layer0",
    "UnivariateWidth",
    "best_factors",
    "coverage",
    "coverage_ceiling",
    "degree",
    "degree_ceiling",
    "drop",
    "drop_success",
    "essential_inputs",
    "exact",
    "hall_sum",
    "joint",
    "largest_sparsity",
    "path_ceiling",
    "path_failure",
    "printed",
    "printed_univariate",
    "success_probability",
    "union_factor",
    "univariate_width",
    "width",
    "widths",
]

METHODS = ("printed", "exact", "joint", "drop", "theorem-2.3", "degree")
_DEFAULT_METHODS = ("printed", "exact", "drop", "theorem-2.3", "degree")
_FAILED_KINDS: dict[str, Kind] = {
    "printed": "printed",
    "exact": "sufficient",
    "drop": "sufficient",
    "theorem-2.3": "necessary",
    "degree": "necessary",
}
_CONSTRUCTIONS: dict[str, Callable[..., Width]] = {"printed": printed, "exact": exact, "joint": joint, "drop": drop}


def width(
    target: Target,
    *,
    method: str,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    failure_probability: Rational,
    layer0: Layer0 | None = None,
) -> Width:
    """Compute the widths that one statement asks for.

    Parameters
    ----------
    target
        The network to represent.
    method
        ``printed``, ``exact``, ``joint``, ``drop``, ``theorem-2.3`` or ``degree``.
    density, sparsity
        Exactly one: one number for all layers, or one per source layer, layer 0 first.
    failure_probability
        delta in (0, 1).
    layer0
        How layer 0 is read. By default ``dense`` where p_0 = 1 and for the printed statement, else ``matched``.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    TheoremNotApplicable
        For ``drop`` with layer 0 ``preassigned``.

    Examples
    --------
    >>> answer = width(Target.from_text("784-128-10"), method="exact", sparsity="0.9", failure_probability="0.001")
    >>> answer.layer0, answer.widths
    ('matched', (177184, 18432, 10))
    """
    if method not in METHODS:
        raise InvalidInput("method", f"one of {', '.join(METHODS)}", method)
    if layer0 is not None:
        checked_layer0(layer0)
    densities = read_densities(target, density=density, sparsity=sparsity)
    delta = probability("delta", failure_probability)
    reference = closed_form(Law(target, densities, "dense"), delta).factors
    if method == "theorem-2.3":
        found = coverage(target, densities, delta)
    elif method == "degree":
        # Stated for ten times the printed N_0, so that it covers every other answer beside it.
        found = degree(target, densities, delta, first_width=10 * reference[0] * target.inputs)
    else:
        default: Layer0 = "dense" if densities[0] == 1 or method not in ("exact", "drop") else "matched"
        found = _CONSTRUCTIONS[method](target, densities, delta, layer0=layer0 or default)
    total = sum(q * n for q, n in zip(reference[:-1], target.widths[:-1], strict=True))
    return replace(found, printed_total=total)


def widths(
    target: Target,
    *,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    failure_probability: Rational,
    layer0: Layer0 | None = None,
) -> tuple[Width, ...]:
    """Compute the widths of all statements, printed first, necessary ones last.

    Parameters
    ----------
    target, density, sparsity, failure_probability, layer0
        As for `width`.

    Examples
    --------
    >>> answers = widths(Target.from_text("784-128-10"), density="1,0.1,0.1", failure_probability="0.001")
    >>> [(answer.method, answer.kind, answer.applies) for answer in answers][:2]
    [('printed', 'printed', True), ('exact', 'sufficient', True)]
    """
    densities = read_densities(target, density=density, sparsity=sparsity)
    delta = probability("delta", failure_probability)
    return tuple(_row(target, method, densities, delta, layer0) for method in _DEFAULT_METHODS)


def _row(target: Target, method: str, densities: tuple[Fraction, ...], delta: Fraction, layer0: Layer0 | None) -> Width:
    try:
        return width(target, method=method, density=densities, failure_probability=delta, layer0=layer0)
    except (InfeasibleWidth, TheoremNotApplicable) as error:  # one answer less must not take the others along
        return Width(
            method=method,
            statement=dropped_statement(target) if method == "drop" else statement_of(target),
            variant="exact",
            kind=_FAILED_KINDS[method],
            layer0="any" if _FAILED_KINDS[method] == "necessary" else layer0 or "dense",
            applies=False,
            reason=SHARED if isinstance(error, TheoremNotApplicable) else str(error),
            target=target,
            densities=densities,
            failure_probability=delta,
            widths=(*(None,) * target.depth, target.widths[-1]),
        )


def coverage(target: Target, densities: tuple[Fraction, ...], failure_probability: Fraction) -> Width:
    """Smallest N_0 by the counting of Theorem 2.3: every input needs an edge into layer 0.

    Returns
    -------
    Width
        Necessary; the other layers are left open.

    Notes
    -----
    Theorem 2.3 is stated for a single neuron and a source with one hidden layer. Its proof counts only edges into the
    first source layer, so the bound holds for every target that depends on d inputs, at any depth.

    Examples
    --------
    >>> coverage(Target.from_text("784-128-10"), (Fraction(1, 10),) * 3, Fraction(1, 1000)).widths
    (129, None, 10)
    """
    inputs = essential_inputs(target)
    neurons: int | None = None
    value = Fraction(0)
    if inputs:
        value, neurons = printed_univariate(inputs, densities[0], failure_probability)
    single = target.depth == 1 and target.widths[-1] == 1
    return Width(
        method="theorem-2.3",
        statement="Theorem 2.3" if single else "Theorem 2.3, its counting at any depth",
        variant="printed",
        kind="necessary",
        layer0="any",
        applies=inputs > 0,
        reason=(
            f"for a target that depends on {inputs} inputs, all that reach an output; each needs an edge into layer 0"
            if inputs
            else "the target depends on no input"
        ),
        target=target,
        densities=densities,
        failure_probability=failure_probability,
        widths=(neurons, *(None,) * (target.depth - 1), target.widths[-1]),
        real_factors=(value,),
        certified="mpmath intervals or exact integers",
    )
