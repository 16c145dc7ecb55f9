"""What given widths are good for: how sparse they may be, and how likely they succeed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ertheory.bounds import INVERTED, METHODS, READINGS, Answer, Reading, find, largest_sparsity, success_probability
from ertheory.bounds.blocks.available import checked_widths
from ertheory.bounds.factored.options import factors_of
from ertheory.bounds.inverse import given_factors
from ertheory.commands.arguments import read_counted, read_delta
from ertheory.commands.results import Results
from ertheory.commands.rows import answer_table
from ertheory.commands.widths import Densities
from ertheory.commands.written import Whole, Wholes, listed, read_whole, read_wholes
from ertheory.errors import InvalidInput, one_of
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import Rational

__all__ = ["confidence", "sparsity"]


def sparsity(
    target: object,
    widths: Wholes,
    *,
    method: str | None = None,
    layer0: Reading | None = None,
    delta: Rational | None = None,
    confidence: Rational | None = None,
    failure_probability: Rational | None = None,
    factors: Whole | None = None,
    progress: Callable[[], object] | None = None,
) -> Results[Answer]:
    """Find the largest sparsity at which given widths suffice, as ``ertheory sparsity`` does.

    Parameters
    ----------
    target
        A file, or whatever `ertheory.read_target` reads.
    widths
        Source widths N_0..N_L, as integers or as text such as ``179536,18048``; the last one, the outputs, may be left
        out.
    method
        The one statement to ask; the main ones answer if it is left out.
    layer0
        How layer 0 is read: ``dense``, ``preassigned``, ``matched`` or ``coded``. If left out, ``dense`` and
        ``matched``, and ``coded`` by the sharp statements.
    delta, confidence, failure_probability
        Exactly one of them is given: the failure probability in (0, 1) by either name, or 1 minus it.
    factors
        How many source layers, 2 or 3, a factored source has for each map of the target; 2 if left out. If given, only
        statements about factored sources answer.
    progress
        A function that is called after each density that was looked at.

    Returns
    -------
    Results
        One answer per statement and reading of layer 0. Necessary statements say beyond which sparsity
        no construction can work.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.

    Examples
    --------
    >>> found = sparsity("784-128-10", (179536, 18048), delta=0.001)
    >>> round(float(found["exact"].sparsity), 4)
    0.9004
    """
    network = read_counted(target)
    failure, wide = read_delta(delta, confidence, failure_probability), read_wholes("widths", widths)
    maps = read_whole("factors", factors)
    answers = tuple(
        largest_sparsity(network, wide, failure, method=name, layer0=reading, factors=maps or 2, progress=progress)
        for name, reading in _asked(network, wide, method, layer0, ("dense", "matched"), maps)
    )
    return _results(answers)


def confidence(
    target: object,
    widths: Wholes,
    *,
    method: str | None = None,
    layer0: Reading | None = None,
    density: Densities | None = None,
    sparsity: Densities | None = None,
    factors: Whole | None = None,
) -> Results[Answer]:
    """Bound the probability with which given widths succeed, as ``ertheory confidence`` does.

    Parameters
    ----------
    target
        A file, or whatever `ertheory.read_target` reads.
    widths
        Source widths N_0..N_L, as integers or as text such as ``179536,18048``; the last one, the outputs, may be left
        out.
    method
        The one statement to ask; the main ones answer if it is left out.
    layer0
        How layer 0 is read: ``dense``, ``preassigned``, ``matched`` or ``coded``. If left out, ``dense`` where p_0 = 1
        and ``matched`` otherwise, and ``coded`` by the sharp statements.
    density, sparsity
        Exactly one of them is given: one number for all layers of the source, or one per source layer, layer 0 first.
    factors
        They are as for `sparsity`.

    Returns
    -------
    Results
        One answer per statement and reading of layer 0. Sufficient statements bound the probability
        from below, necessary ones from above.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.

    Examples
    --------
    >>> found = confidence("4-8-3", (56, 80), density="1,1/2,1/2")
    >>> round(float(found["exact"].success_lower), 6)
    0.95793
    """
    network, wide, maps = read_counted(target), read_wholes("widths", widths), read_whole("factors", factors)
    first = read_densities(network, density=density, sparsity=sparsity, layers=_given(density, sparsity))[0]
    readings: tuple[Reading, ...] = ("dense",) if first == 1 else ("matched",)
    answers: list[Answer] = []
    for name, reading in _asked(network, wide, method, layer0, readings, maps):
        layers = _layers(name, network, maps)
        densities = read_densities(network, density=density, sparsity=sparsity, layers=layers)
        answers.append(success_probability(network, wide, densities, method=name, layer0=reading, factors=maps or 2))
    return _results(tuple(answers))


def _given(*densities: Densities | None) -> int:
    """Count the numbers that were given."""
    return max(len(listed(one)) for one in densities)


def _layers(name: str, network: Target, factors: int | None) -> int:
    statement = find(name)
    return statement.layers(network, given_factors(statement, factors or 2))


def _fits(name: str, network: Target, widths: tuple[int, ...], factors: int | None) -> bool:
    """Whether a statement speaks of sources with so many layers, of which the outputs may be left out.

    As many widths as the source of the theorems has layers mean that source, though a factored one without its outputs
    has as many where the target has two layers; unless factors are asked for.
    """
    if factors is not None and "factors" not in find(name).options:
        return False
    if find(name).chains_only and not network.is_chain:
        return False
    layers = _layers(name, network, factors)
    if factors is None and len(widths) == network.depth + 1 != layers:
        return False
    try:
        checked_widths(network, widths, layers)
    except InvalidInput:
        return False
    return True


def _asked(
    network: Target,
    widths: tuple[int, ...],
    method: str | None,
    layer0: Reading | None,
    readings: tuple[Reading, ...],
    factors: int | None,
) -> Iterator[tuple[str, Reading]]:
    chosen = None if layer0 is None else one_of("layer0", layer0, READINGS)
    if factors is not None:
        factors_of({"factors": factors})
    fitting = [name for name in INVERTED if _fits(name, network, widths, factors)]
    if method is None and not fitting:
        # This says what is wrong with them.
        maps = factors or (None if network.is_chain else 2)
        checked_widths(network, widths, None if maps is None else maps * network.depth)
    asked = [name for name in fitting if find(name).default] if method is None else [one_of("method", method, METHODS)]
    for name in asked:
        if "factored" in find(name).readings:
            yield name, "factored"
        elif chosen is not None:
            yield name, chosen
        elif "coded" in find(name).readings:
            yield name, "coded"
        elif name == "printed" or find(name).kind == "necessary":
            yield name, "dense"
        else:
            yield from ((name, reading) for reading in readings)


def _results(answers: tuple[Answer, ...]) -> Results[Answer]:
    return Results(answers, answer_table)
