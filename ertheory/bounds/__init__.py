"""How wide must the source be? One statement a file; this page is the catalogue that puts them side by side.

Sufficient: `printed` (Theorems 2.1, 2.2 and the convolutional statement by their closed form), `exact` (the smallest
integers by the exact law), `joint` (the best split of the failure budget), `drop` (bad copies are left out),
`sequential` and `matching` (the last hidden layer coloured after the mask is seen, layer 0 coded or matched), `sharp`
(the best of these two). Necessary: for N_0 ``theorem-2.3``, ``parameter-count`` and ``path-count``, for the last
hidden layer ``degree`` and ``size-lp``, and for colourings ``first-moment``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from ertheory.bounds.blocks.available import best_factors
from ertheory.bounds.blocks.closed_form import closed_form, printed, statement_of, union_factor
from ertheory.bounds.blocks.hall import hall_sum
from ertheory.bounds.blocks.joint import joint
from ertheory.bounds.blocks.laws import LAYER0, READINGS, Law, Layer0, Reading
from ertheory.bounds.blocks.minimal import exact
from ertheory.bounds.drop.widths import drop, drop_success, dropped_statement
from ertheory.bounds.inverse import Answer, largest_sparsity, success_probability
from ertheory.bounds.necessary import first_moment, parameter_count, path_count, size_lp
from ertheory.bounds.necessary.degree import degree, degree_ceiling
from ertheory.bounds.necessary.paths import path_ceiling
from ertheory.bounds.necessary.univariate import (
    UnivariateWidth,
    coverage_ceiling,
    essential_inputs,
    path_failure,
    printed_univariate,
    univariate_width,
)
from ertheory.bounds.questions import QUESTIONS
from ertheory.bounds.result import Width
from ertheory.bounds.sharp import widths as sharp
from ertheory.bounds.sharp.search import SharpLayer0
from ertheory.bounds.subset_sum import (
    FITS,
    LAWS,
    MODES,
    Fit,
    LawLike,
    LawName,
    Mode,
    SubsetSum,
    SubsetSumCount,
    UniformPart,
    failure_lower,
    failure_upper,
    mixed_failure_upper,
    n_necessary,
    n_required,
    sharp_exponent,
)
from ertheory.bounds.tickets import (
    DEPTHS,
    Depth,
    Sensitivity,
    TicketSensitivity,
    TicketWidth,
    ticket_sensitivity,
    ticket_widths,
)
from ertheory.errors import InfeasibleWidth, InvalidInput, TheoremNotApplicable
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import Rational, probability

__all__ = [
    "DEPTHS",
    "FITS",
    "LAWS",
    "LAYER0",
    "METHODS",
    "MODES",
    "QUESTIONS",
    "READINGS",
    "Answer",
    "Depth",
    "Fit",
    "Law",
    "LawLike",
    "LawName",
    "Layer0",
    "Mode",
    "Reading",
    "Sensitivity",
    "SubsetSum",
    "SubsetSumCount",
    "TicketSensitivity",
    "TicketWidth",
    "UniformPart",
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
    "failure_lower",
    "failure_upper",
    "hall_sum",
    "joint",
    "largest_sparsity",
    "mixed_failure_upper",
    "n_necessary",
    "n_required",
    "path_ceiling",
    "path_failure",
    "printed",
    "printed_univariate",
    "sharp_exponent",
    "success_probability",
    "ticket_sensitivity",
    "ticket_widths",
    "union_factor",
    "univariate_width",
    "width",
    "widths",
]

METHODS = (
    "printed",
    "exact",
    "joint",
    "drop",
    "sequential",
    "matching",
    "sharp",
    "theorem-2.3",
    "degree",
    "size-lp",
    "parameter-count",
    "path-count",
    "first-moment",
)
_DEFAULT_METHODS = ("printed", "exact", "drop", "sharp", "theorem-2.3", "degree")
_NECESSARY = ("theorem-2.3", "degree", "size-lp", "parameter-count", "path-count", "first-moment")
_COPYING: dict[str, Callable[..., Width]] = {"printed": printed, "exact": exact, "joint": joint, "drop": drop}
_SHARP: dict[str, Callable[..., Width]] = {
    "sequential": sharp.sequential,
    "matching": sharp.matching,
    "sharp": sharp.sharp,
}
_FIRST_LAYER: dict[str, Callable[..., Width]] = {
    "parameter-count": parameter_count.parameter_count,
    "path-count": path_count.path_count,
}
_QUICK_DENSITY = Fraction(1, 1000)  # below, the search for sharp widths takes longer than one cares to wait unasked


def width(
    target: Target,
    *,
    method: str,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    failure_probability: Rational,
    layer0: Reading | None = None,
) -> Width:
    """Compute the widths that one statement asks for.

    Parameters
    ----------
    target
        The network to represent.
    method
        One of `METHODS`.
    density, sparsity
        Exactly one: one number for all layers, or one per source layer, layer 0 first.
    failure_probability
        delta in (0, 1).
    layer0
        How layer 0 is read. By default ``dense`` where p_0 = 1 and for the printed statement, else ``matched``; for the
        sharp ones ``coded`` or ``matched``, whichever needs fewer neurons. Necessary widths hold for all readings.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    TheoremNotApplicable
        If the statement cannot read layer 0 in this way: ``drop`` not as ``preassigned``, those that copy inputs not as
        ``coded``, and the sharp ones only as ``coded`` or ``matched`` (which is what ``dense`` is where p_0 = 1).
    InfeasibleWidth
        If no width could be certified.

    Examples
    --------
    >>> answer = width(Target.from_text("784-128-10"), method="exact", sparsity="0.9", failure_probability="0.001")
    >>> answer.layer0, answer.widths
    ('matched', (177184, 18432, 10))
    """
    if method not in METHODS:
        raise InvalidInput("method", f"one of {', '.join(METHODS)}", method)
    if layer0 is not None and layer0 not in READINGS:
        raise InvalidInput("layer0", f"one of {', '.join(READINGS)}", layer0)
    densities = read_densities(target, density=density, sparsity=sparsity)
    delta = probability("delta", failure_probability)
    reference = closed_form(Law(target, densities, "dense"), delta).factors
    first_width = 10 * reference[0] * target.inputs  # of necessary statements: it covers every other answer beside them
    if method == "theorem-2.3":
        found = coverage(target, densities, delta)
    elif method == "degree":
        found = degree(target, densities, delta, first_width=first_width)
    elif method == "size-lp":
        found = size_lp.size_lp(target, densities, delta, first_width=first_width)
    elif method in _FIRST_LAYER:
        second_width = 10 * reference[1] * target.widths[1]
        found = _FIRST_LAYER[method](target, densities, delta, second_width=second_width)
    elif method == "first-moment":
        found = first_moment.first_moment(target, densities, delta)
    elif method in _SHARP:
        found = _SHARP[method](target, densities, delta, layer0=_sharp_layer0(method, densities, layer0))
    elif layer0 == "coded":
        raise TheoremNotApplicable(f"{method}: inputs are copied; read layer 0 as dense, preassigned or matched")
    else:
        default: Layer0 = "dense" if densities[0] == 1 or method not in ("exact", "drop") else "matched"
        found = _COPYING[method](target, densities, delta, layer0=layer0 or default)
    total = sum(q * n for q, n in zip(reference[:-1], target.widths[:-1], strict=True))
    return replace(found, printed_total=total)


def _sharp_layer0(method: str, densities: tuple[Fraction, ...], layer0: Reading | None) -> SharpLayer0 | None:
    if layer0 == "preassigned" or (layer0 == "dense" and densities[0] < 1):
        raise TheoremNotApplicable(f"{method}: layer 0 is masked; read it as coded or matched")
    return "matched" if layer0 == "dense" else layer0


def widths(
    target: Target,
    *,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    failure_probability: Rational,
    layer0: Reading | None = None,
) -> tuple[Width, ...]:
    """Compute the widths of the main statements, printed first, necessary ones last.

    Parameters
    ----------
    target, density, sparsity, failure_probability, layer0
        As for `width`. A statement without an answer does not apply, and says why; so does ``sharp`` below densities of
        1/1000, where its search takes minutes and has to be asked for.

    Examples
    --------
    >>> answers = widths(Target.from_text("784-128-10"), density="1,0.1,0.1", failure_probability="0.001")
    >>> [(answer.method, answer.kind, answer.applies) for answer in answers][:2]
    [('printed', 'printed', True), ('exact', 'sufficient', True)]
    """
    densities = read_densities(target, density=density, sparsity=sparsity)
    delta = probability("delta", failure_probability)
    return tuple(_row(target, method, densities, delta, layer0) for method in _DEFAULT_METHODS)


def _row(
    target: Target, method: str, densities: tuple[Fraction, ...], delta: Fraction, layer0: Reading | None
) -> Width:
    try:
        if method in _SHARP and min(densities) < _QUICK_DENSITY:
            msg = "takes some time at densities below 1/1000: ask for sharp alone"
            raise InfeasibleWidth(msg)
        return width(target, method=method, density=densities, failure_probability=delta, layer0=layer0)
    except (InfeasibleWidth, TheoremNotApplicable) as error:  # one answer less must not take the others along
        return Width(
            method=method,
            statement=_statement(method, target),
            variant="repaired" if method in _SHARP else "exact",
            kind="necessary" if method in _NECESSARY else "printed" if method == "printed" else "sufficient",
            layer0="any" if method in _NECESSARY else layer0 or ("coded" if method in _SHARP else "dense"),
            applies=False,
            reason=str(error).removeprefix(f"{method}: "),
            target=target,
            densities=densities,
            failure_probability=delta,
            widths=(*(None,) * target.depth, target.widths[-1]),
        )


def _statement(method: str, target: Target) -> str:
    if method in _SHARP:
        return sharp.SHARP_STATEMENT
    return dropped_statement(target) if method == "drop" else statement_of(target)


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
        certified="balls or exact integers",
    )
