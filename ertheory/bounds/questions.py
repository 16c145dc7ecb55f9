"""How wide must the source be? The question put to one statement, or to all the main ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ertheory.bounds.blocks.closed_form import closed_form
from ertheory.bounds.blocks.laws import Law
from ertheory.bounds.catalogue import READINGS, STATEMENTS, find
from ertheory.bounds.region import reach
from ertheory.bounds.result import Width
from ertheory.bounds.statement import Question, Reading, Statement
from ertheory.errors import InfeasibleWidth, InvalidInput, TheoremNotApplicable, one_of
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import Rational, probability

__all__ = ["width", "widths"]


def width(
    target: Target,
    *,
    method: str,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    failure_probability: Rational,
    layer0: Reading | None = None,
    **options: object,
) -> Width:
    """Compute the widths that one statement asks for.

    Parameters
    ----------
    target
        The network to represent.
    method
        The name of a statement, one of `METHODS`.
    density, sparsity
        Exactly one of them is given: one number for all layers, or one per source layer, layer 0 first.
    failure_probability
        The failure probability delta, in (0, 1).
    layer0
        How layer 0 is read. By default it is ``dense`` where p_0 = 1 and for the printed statement, else ``matched``;
        for the sharp ones it is ``coded`` or ``matched``, whichever needs fewer neurons. Necessary widths hold for all
        readings.
    options
        What only some statements know, by the names in `Statement.options`.

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
    statement = find(method)
    _check(statement, layer0, options)
    layers = statement.layers(target, options)
    question = Question(
        target=target,
        densities=read_densities(target, density=density, sparsity=sparsity, layers=layers),
        failure_probability=probability("delta", failure_probability),
        layer0=layer0,
        options=options,
    )
    return _answer(statement, question)


def widths(
    target: Target,
    *,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    failure_probability: Rational,
    layer0: Reading | None = None,
    progress: Callable[[], object] | None = None,
    **options: object,
) -> tuple[Width, ...]:
    """Compute the widths of the main statements, printed first, necessary ones last.

    Parameters
    ----------
    target, density, sparsity, failure_probability, layer0
        They are as for `width`. A statement without an answer does not apply, and says why; so does ``sharp`` below
        densities of 1/1000, where its search takes minutes and has to be asked for. Statements whose sources have
        another number of layers than there are densities are left out, and those that speak of chains alone where the
        target is none.
    progress
        It is called after each statement that has answered.
    options
        What only some statements know, which are the only ones to read it.

    Examples
    --------
    >>> answers = widths(Target.from_text("784-128-10"), density="1,0.1,0.1", failure_probability="0.001")
    >>> [(answer.method, answer.kind, answer.applies) for answer in answers][:2]
    [('printed', 'printed', True), ('exact', 'sufficient', True)]
    """
    _check_reading(layer0)
    delta = probability("delta", failure_probability)
    rows: list[Width] = []
    refused: list[InvalidInput] = []
    _check_known(options)
    for statement in (one for one in STATEMENTS if one.default and (target.is_chain or not one.chains_only)):
        known = {name: value for name, value in options.items() if name in statement.options}
        layers = statement.layers(target, known)
        try:
            densities = read_densities(target, density=density, sparsity=sparsity, layers=layers)
        except InvalidInput as error:
            refused.append(error)
            continue
        asked = Question(target=target, densities=densities, failure_probability=delta, layer0=layer0, options=known)
        rows.append(_row(statement, asked))
        if progress is not None:
            progress()
    if not rows:
        raise refused[0]
    return tuple(rows)


def _row(statement: Statement, question: Question) -> Width:
    try:
        if min(question.densities) < statement.slow_below:
            msg = f"takes some time at densities below {statement.slow_below}: ask for {statement.name} alone"
            raise InfeasibleWidth(msg)
        return _answer(statement, question)
    except (InfeasibleWidth, TheoremNotApplicable) as error:  # one answer less must not take the others along
        return statement.no_answer(question, str(error))


def _answer(statement: Statement, question: Question) -> Width:
    statement.checked_reading(question.layer0, question.densities)
    target, densities, delta = question.target, question.densities, question.failure_probability
    statement.checked_shape(target)
    if statement.limited and max(statement.limited) >= target.depth:  # there is no such layer to bound
        return statement.no_answer(question, statement.refuses(target, densities, question.layer0))
    if statement.limited:
        question = replace(question, reach=reach(target, densities, delta))
    return replace(statement.widths(question), printed_total=_printed_total(question))


def _printed_total(question: Question) -> int | None:
    """Count the hidden neurons that the printed theorem asks for at the same densities, where it speaks of them."""
    target, densities = question.target, question.densities
    if not target.is_chain:
        return None
    if len(densities) != target.depth + 1:
        if len(set(densities)) > 1:
            return None
        densities = densities[:1] * (target.depth + 1)
    factors = closed_form(Law(target, densities, "dense"), question.failure_probability).factors
    return sum(q * n for q, n in zip(factors[:-1], target.widths[:-1], strict=True))


def _check(statement: Statement, layer0: Reading | None, options: dict[str, object]) -> None:
    _check_reading(layer0)
    for name, value in options.items():
        if name not in statement.options:
            allowed = f"one of the options of {statement.name}: {', '.join(statement.options) or 'it has none'}"
            raise InvalidInput(name, allowed, value)


def _check_known(options: dict[str, object]) -> None:
    known = sorted({name for statement in STATEMENTS for name in statement.options})
    for name in options:
        one_of("option", name, known)


def _check_reading(layer0: Reading | None) -> None:
    if layer0 is not None and layer0 not in READINGS:
        raise InvalidInput("layer0", f"one of {', '.join(READINGS)}", layer0)
