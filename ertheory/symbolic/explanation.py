"""A formula, and the same formula with numbers put in."""

from __future__ import annotations

import decimal
import re
from fractions import Fraction

from sympy import Rational

from ertheory.errors import InfeasibleWidth
from ertheory.numbers import rational_text
from ertheory.symbolic.catalogue import formula_of
from ertheory.symbolic.printing import in_text
from ertheory.symbolic.relation import expanded

__all__ = ["explain"]

_MOST_TERMS = 200


def explain(name: str, **values: object) -> tuple[str, str]:
    """Show a formula, then the same with numbers put in, and with its value unless a long sum stands in the way.

    This loads sympy: it is for `--explain`, not for the answers themselves.

    Parameters
    ----------
    name
        A key of `FORMULAS`.
    values
        They are as for `Formula.substitute`.

    Returns
    -------
    tuple
        Two lines of ASCII text. Values are rounded to ten digits.

    Raises
    ------
    InvalidInput
        If there is no such statement, or a value is missing, unknown or out of range.

    Examples
    --------
    >>> for line in explain("theorem-2.1-q1", m2=1280, delta="0.001", p2="0.1"):
    ...     print(line)
    q1 >= log(2*m2/delta)/log(1/(1 - p2))
    q1 >= log(2*1280/0.001)/log(1/(1 - 0.1)) ~ 140.0478891
    """
    chosen = formula_of(name)
    numbers = chosen.read(values)
    sign = chosen.relation.rel_op.replace("==", "=")
    layers = {key: Rational(number) for key, number in numbers.items() if in_text(key) in {"L", "l"}}
    left, right = (in_text(expanded(side, layers)) for side in (chosen.relation.lhs, chosen.expression))
    # In the text and not in sympy, which would merge equal numbers and reorder the formula.
    texts = {in_text(key): _text(number) for key, number in numbers.items()}
    right = re.sub(r"[A-Za-z]\w*(\[\d+\])?", lambda word: texts.get(word[0], word[0]), right)
    lines = f"{in_text(chosen.relation.lhs)} {sign} {in_text(chosen.expression)}", f"{left} {sign} {right}"
    try:
        value = chosen.evaluate(numbers, digits=15, most_terms=_MOST_TERMS)
    except InfeasibleWidth:
        return lines
    with decimal.localcontext(prec=10):
        rounded = decimal.Decimal(value.numerator) / value.denominator
    return lines[0], f"{lines[1]} ~ {rounded}"


def _text(number: Fraction) -> str:
    text = rational_text(number)
    return f"({text})" if "/" in text else text
