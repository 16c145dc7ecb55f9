"""What a given source certainly contains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from ertheory.bounds.capacity import CAPACITIES, Capacity, capacity_of, capacity_of_model
from ertheory.bounds.factored.options import factors_of
from ertheory.bounds.own_capacity import capacity_of_own_masks
from ertheory.commands.arguments import called, read_delta, read_one_density, refuse_given
from ertheory.commands.results import Results
from ertheory.commands.written import Whole, listed, read_whole
from ertheory.errors import InvalidInput, one_of
from ertheory.layerwise import RATIOS
from ertheory.layerwise.architectures import ARCHITECTURES
from ertheory.networks.target import Target
from ertheory.numbers import Rational, whole_number
from ertheory.tables import Table

__all__ = ["capacity"]

Densities = Rational | Sequence[Rational]

_MOST = 12  # targets that stand in a table


def capacity(
    source: str | Sequence[int] | None = None,
    *,
    model: str | None = None,
    density: Densities | None = None,
    sparsity: Densities | None = None,
    delta: Rational | None = None,
    confidence: Rational | None = None,
    failure_probability: Rational | None = None,
    method: str | None = None,
    edges: Whole | None = None,
    factors: Whole | None = None,
    ratio: str | None = None,
    progress: Callable[[], object] | None = None,
) -> Results[Capacity]:
    """Find targets that a random sparse network certainly contains, as ``ertheory capacity`` does.

    Parameters
    ----------
    source
        The widths of a fully connected source, inputs first, as text such as ``784-1921-128-1600-10`` or as integers.
    model
        What may stand instead is the name of an architecture, one of `ertheory.ARCHITECTURES`. Then the largest factor
        on its hidden widths is found with which it is contained in a factored source of so many edges.
    density, sparsity
        Exactly one of them is given: one number for all layers of the source, or, for a chain, one for each.
    delta, confidence, failure_probability
        Exactly one of them is given: the failure probability in (0, 1) by either name, or 1 minus it.
    method
        The one statement to ask, of ``exact``, ``drop``, ``sharp`` and ``factored``; all of them if left out.
    edges
        Expected edges of the source of a model; as many as the model has weights if left out.
    factors
        How many layers of a factored source, 2 or 3, are one map of the target; 2 if left out. If given, only the
        statement ``factored`` answers.
    ratio
        What may stand instead of them is one of `ertheory.RATIOS`, or ``"all"``. Then the model itself is the source,
        its layers masked with the densities of the ratio, and pairs of its layers are read as one map each.
    progress
        A function that is called after each target that was looked at.

    Returns
    -------
    Results
        One answer per statement, with widths of targets that are maximal: none with one hidden width one larger is
        contained by the same statement.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.

    Examples
    --------
    >>> capacity("784-1921-128-1600-10", sparsity=0.9, delta=0.001)["factored"].targets
    ((784, 128, 10),)
    """
    failure, edges = read_delta(delta, confidence, failure_probability), read_whole("edges", edges)
    factors = read_whole("factors", factors)
    many = factors_of({} if factors is None else {"factors": factors})
    if factors is not None and method not in (None, "factored"):
        refuse_given("`method` factored to go with it", factors=factors)
    if (source is None) == (model is None):
        raise InvalidInput("source", "exactly one of `source` and `model`", "none" if source is None else "both")
    if model is not None:
        one_of("model", model, ARCHITECTURES)
        one_of("method", method or "factored", ("factored",))
        most = None if edges is None else whole_number("edges", edges, least=1)
        kept = read_one_density(_one(density, "density"), _one(sparsity, "sparsity"))
        if ratio is not None:
            refuse_given("no `ratio` beside it", edges=edges, factors=factors)
            chosen = RATIOS if one_of("ratio", ratio, (*RATIOS, "all")) == "all" else (ratio,)
            own = [
                capacity_of_own_masks(model, ratio=name, density=kept, failure_probability=failure, progress=progress)
                for name in chosen
            ]
            return Results(tuple(own), capacity_table)
        found = capacity_of_model(
            model, density=kept, failure_probability=failure, edges=most, factors=many, progress=progress
        )
        return Results((found,), capacity_table)
    refuse_given("`model` to go with it", edges=edges, ratio=ratio)
    with called(target="source"):
        chain = Target.from_text(source) if isinstance(source, str) else Target.from_widths(list(source or ()))
    asked = (method,) if method is not None else CAPACITIES if factors is None else ("factored",)
    answers = tuple(
        capacity_of(
            chain,
            method=name,
            density=density,
            sparsity=sparsity,
            failure_probability=failure,
            factors=many,
            alone=method is not None,
            progress=progress,
        )
        for name in asked
    )
    return Results(answers, capacity_table)


def capacity_table(answers: Sequence[Capacity]) -> Table:
    """Lay out targets, one row each, or ratios."""
    rows: list[list[str]] = []
    if all(answer.ratio is not None for answer in answers):
        for answer in answers:
            kind = answer.kind if answer.applies else f"{answer.kind}*"
            contained = f"{answer.model} x {float(answer.width_factor or 0):.4g}" if answer.applies else "-"
            wider = "more than 4096" if answer.widening is None else f"{float(answer.widening):.4g}"
            rows.append([answer.ratio or "", kind, contained, f"{wider} times as wide"])
        return Table.of(["ratio", "kind", "contains", f"contains {answers[0].model} if"], rows)
    for answer in answers:
        kind = answer.kind if answer.applies else f"{answer.kind}*"
        shown = ["-".join(map(str, target)) for target in answer.targets[:_MOST]] or ["-"]
        if answer.width_factor is not None:
            shown = [f"{answer.model} x {float(answer.width_factor):.4g}"]
        if len(answer.targets) > _MOST:
            shown.append(f"and {len(answer.targets) - _MOST} more")
        rows += [[answer.method, kind, answer.layer0, text] for text in shown]
    return Table.of(["method", "kind", "layer 0", "contains"], rows)


def _one(values: Densities | None, name: str) -> Rational | None:
    if values is None:
        return None
    several = listed(values)
    if len(several) != 1:
        raise InvalidInput(name, "one number for a model", len(several))
    return cast("Rational", several[0])
