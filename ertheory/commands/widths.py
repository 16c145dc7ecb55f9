"""How wide must a source be? For a whole target by every statement, and for a single neuron."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, overload

from ertheory.bounds import READINGS, Reading, UnivariateWidth, find, univariate_width
from ertheory.bounds import width as width_by
from ertheory.bounds import widths as width_by_all
from ertheory.bounds.factored import Objective, Split
from ertheory.bounds.factored.inner import Inner
from ertheory.bounds.necessary.univariate import Output
from ertheory.bounds.result import Width
from ertheory.commands.arguments import read_counted, read_delta
from ertheory.commands.results import Results
from ertheory.commands.rows import width_table
from ertheory.commands.written import Whole, listed, read_whole
from ertheory.errors import InvalidInput, TheoremNotApplicable, one_of
from ertheory.layerwise.model_target import ModelTarget, model_target
from ertheory.networks.source import read_densities
from ertheory.numbers import Rational, probability, whole_number

__all__ = ["certified", "gathered", "lower", "two_densities", "width"]

_MOST_INPUTS = 10**15

Densities = Rational | Sequence[Rational]


@overload
def width(
    target: object = None,
    *,
    method: str,
    density: Densities | None = None,
    sparsity: Densities | None = None,
    delta: Rational | None = None,
    confidence: Rational | None = None,
    failure_probability: Rational | None = None,
    layer0: Reading | None = None,
    model: str | None = None,
    split: Split | None = None,
    objective: Objective | None = None,
    inner: Inner | None = None,
    factors: Whole | None = None,
    progress: Callable[[], object] | None = None,
) -> Width: ...


@overload
def width(
    target: object = None,
    *,
    method: None = None,
    density: Densities | None = None,
    sparsity: Densities | None = None,
    delta: Rational | None = None,
    confidence: Rational | None = None,
    failure_probability: Rational | None = None,
    layer0: Reading | None = None,
    model: str | None = None,
    split: Split | None = None,
    objective: Objective | None = None,
    inner: Inner | None = None,
    factors: Whole | None = None,
    progress: Callable[[], object] | None = None,
) -> Results[Width]: ...


@overload
def width(
    target: object = None,
    *,
    method: str | None = None,
    sparsities: Sequence[Densities],
    delta: Rational | None = None,
    confidence: Rational | None = None,
    failure_probability: Rational | None = None,
    layer0: Reading | None = None,
    model: str | None = None,
    split: Split | None = None,
    objective: Objective | None = None,
    inner: Inner | None = None,
    factors: Whole | None = None,
    progress: Callable[[], object] | None = None,
) -> Results[Width]: ...


def width(
    target: object = None,
    *,
    method: str | None = None,
    density: Densities | None = None,
    sparsity: Densities | None = None,
    sparsities: Sequence[Densities] | None = None,
    delta: Rational | None = None,
    confidence: Rational | None = None,
    failure_probability: Rational | None = None,
    layer0: Reading | None = None,
    model: str | None = None,
    split: Split | None = None,
    objective: Objective | None = None,
    inner: Inner | None = None,
    factors: Whole | None = None,
    progress: Callable[[], object] | None = None,
) -> Width | Results[Width]:
    """Compute how wide a random sparse network must be to contain a target, as ``ertheory width`` does.

    Parameters
    ----------
    target
        A file, or whatever `ertheory.read_target` reads: text such as ``784-128-10``, arrays, a module, or a `Target`.
        Of a network with skips, norms or other activations than ReLU factored sources speak alone.
    method
        One of `ertheory.METHODS`. If left out, the main statements answer, one row each.
    density, sparsity
        Exactly one of them is given: one number for all layers of the source, or one per source layer, layer 0 first. A
        float stands for its shortest decimal.
    sparsities
        A grid instead of the two: the question is answered for each of these sparsities in turn. An entry is what
        ``sparsity`` takes, so a list of lists gives every layer its own.
    delta, confidence, failure_probability
        Exactly one of them is given: the failure probability in (0, 1) by either name, or 1 minus it.
    layer0
        How layer 0 is read: ``dense``, ``preassigned``, ``matched`` or ``coded``. Each statement chooses for itself if
        this is left out.
    model
        What may stand instead of a target is the name of an architecture, one of `ertheory.ARCHITECTURES`. Its channels
        are counted; skips and normalisation stay as they are. Where it has shortcuts, only factored sources speak of
        it.
    split
        It is for factored sources, as all that follow: ``equal`` densities of the factors of a map, or the ``best``
        ones at the same overall density.
    objective
        Whether expected ``edges`` or the ``total`` of neurons shall be few.
    inner
        What inner neurons do: ``identity``, ``relu`` (lifted above 0 on a box) or ``relu-positive``. It decides which
        forms a convolution may take. If left out, ``relu`` for a chain and ``identity`` for other networks and models.
    factors
        How many masked maps each map of the target becomes: 2, or 3, which take fewer edges where paths are rare.
    progress
        A function that is called after each statement that has answered, where several do.

    Returns
    -------
    Width or Results
        One answer where one method is asked for at one sparsity; else all of them, in an immutable sequence that also
        finds them by the name of the method.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    TheoremNotApplicable
        If the one method that is asked for cannot read layer 0 in this way.
    InfeasibleWidth
        If the one method that is asked for finds no width that can be certified.

    Examples
    --------
    >>> width("784-128-10", sparsity=0.9, delta=0.001)["exact"].widths
    (177184, 18432, 10)
    >>> width("784-128-10", method="drop", sparsity=0.9, confidence=0.999).total
    81952
    >>> [row.widths[1] for row in width("784-128-10", method="exact", sparsities=[0.5, 0.9], delta=0.001)]
    [2816, 18432]
    >>> round(float(width(model="resnet18", method="factored", sparsity=0.9, delta=0.001).edges_ratio), 2)
    1.34
    """
    network = read_counted(target) if model is None else _model(target, model)
    given_options = {
        "split": split,
        "objective": objective,
        "inner": inner or ("identity" if model is not None or not network.is_chain else None),
        "factors": read_whole("factors", factors),
    }
    options = {name: value for name, value in given_options.items() if value is not None}
    if sparsities is not None:
        if (density, sparsity) != (None, None):
            raise InvalidInput("sparsities", "no `density` or `sparsity` beside it", sparsities)
        grid: list[dict[str, Any]] = [{"sparsity": one} for one in listed(sparsities)]
    else:
        if (density is None) == (sparsity is None):
            read_densities(network, density=density, sparsity=sparsity)  # says what is missing
        grid = [{"density": density, "sparsity": sparsity}]  # statements know how many layers their sources have
    failure = read_delta(delta, confidence, failure_probability)
    if layer0 is not None:
        one_of("layer0", layer0, READINGS)
    try:
        if method is None:
            rows = [
                row
                for given in grid
                for row in width_by_all(
                    network, **given, failure_probability=failure, layer0=layer0, progress=progress, **options
                )
            ]
        else:
            if inner is None and "inner" not in find(method).options:
                options.pop("inner", None)  # nobody asked for it
            rows = [
                width_by(network, method=method, **given, failure_probability=failure, layer0=layer0, **options)
                for given in grid
            ]
            if sparsities is None:
                return rows[0]
    except InvalidInput as error:
        raise _pointing_at_grids(error, sparsity) from None
    return gathered(rows)


def _pointing_at_grids(error: InvalidInput, sparsity: object) -> InvalidInput:
    """Name `sparsities` to whoever gave a list that has another length than the source."""
    if not isinstance(sparsity, list) or (error.argument, error.value) != ("sparsity", len(sparsity)):
        return error
    return InvalidInput("sparsity", f"{error.allowed}; sparsities=[...] asks for each in turn", error.value)


def _model(target: object, model: str) -> ModelTarget:
    if target is not None:
        raise InvalidInput("model", "one of `target` and `model`", "both")
    return model_target(model)


def gathered(answers: Sequence[Width]) -> Results[Width]:
    """Put answers together that were asked for one by one.

    Examples
    --------
    >>> options = {"sparsity": 0.9, "delta": 0.001}
    >>> gathered([width("8-6-3", method=name, **options) for name in ("exact", "drop")]).methods
    ('exact', 'drop')
    """
    return Results(tuple(answers), width_table)


def certified(answers: Sequence[Width]) -> tuple[Width, str]:
    """Write the certificate of one answer, or of the one with fewest hidden neurons that has one.

    Raises
    ------
    TheoremNotApplicable
        If there is none, with what the narrowest of them says.

    Examples
    --------
    >>> answer, text = certified(width("8-6-3", sparsity=0.5, delta=0.001))
    >>> answer.method, "Theorem answer" in text
    ('factored', True)
    """
    able = [one for one in answers if find(one.method).certificate is not None and one.applies] or list(answers)
    refused: list[TheoremNotApplicable] = []
    for one in sorted(able, key=lambda one: sum(size or 0 for size in one.widths[:-1])):
        try:
            return one, one.certificate()
        except TheoremNotApplicable as error:
            refused.append(error)
    raise refused[0]


def lower(
    inputs: Whole,
    *,
    density: Densities | None = None,
    sparsity: Densities | None = None,
    delta: Rational | None = None,
    confidence: Rational | None = None,
    failure_probability: Rational | None = None,
    output: Output = "relu",
) -> UnivariateWidth:
    """Compute how many hidden neurons a single ReLU neuron needs by Theorem 2.3, as ``ertheory lower`` does.

    Parameters
    ----------
    inputs
        The number d of inputs that the neuron reads, from 1 to 10^15.
    density, sparsity
        Exactly one of them is given: one number, or two, of the layer into the hidden neurons and the one out of them.
    delta, confidence, failure_probability
        Exactly one of them is given: the failure probability in (0, 1) by either name, or 1 minus it.
    output
        Whether the source ends in a ReLU (``relu``) or not (``linear``).

    Returns
    -------
    UnivariateWidth
        The printed bound, and the width by the exact law.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.

    Examples
    --------
    >>> answer = lower(10, density=0.01, delta=0.05)
    >>> answer.printed, answer.exact
    (525, 52739)
    """
    inputs = whole_number("inputs", read_whole("inputs", inputs), least=1, most=_MOST_INPUTS)
    densities = two_densities(density, sparsity)
    failure = read_delta(delta, confidence, failure_probability)
    return univariate_width(inputs, densities, failure, output=one_of("output", output, ("relu", "linear")))


def two_densities(density: Densities | None, sparsity: Densities | None) -> tuple[Fraction, Fraction]:
    """Read the densities of the two layers of a source with one hidden layer.

    Examples
    --------
    >>> two_densities(None, "0.9")
    (Fraction(1, 10), Fraction(1, 10))
    """
    if (density is None) == (sparsity is None):
        given = "none" if density is None else "both"
        raise InvalidInput("density", "exactly one of `density` and `sparsity`", given)
    if density is not None:
        values = [probability("density", one, one=True) for one in listed(density)]
    else:
        values = [1 - probability("sparsity", one, zero=True) for one in listed(sparsity)]
    if len(values) not in (1, 2):
        name = "density" if density is not None else "sparsity"
        raise InvalidInput(name, "one or two numbers (inputs to hidden, hidden to output)", len(values))
    return values[0], values[-1]
