"""Formulas as LaTeX and as a line of text, in the order in which people write them."""

from __future__ import annotations

from typing import Any

from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

__all__ = ["in_latex", "in_text"]


def in_latex(expression: Any) -> str:
    """Write an expression in LaTeX.

    Examples
    --------
    >>> from sympy import symbols
    >>> p0, p1 = symbols("p0 p1")
    >>> print(in_latex(1 - p0 * p1))
    1 - p_{0} p_{1}
    """
    return str(_LATEX.doprint(expression))


def in_text(expression: Any) -> str:
    """Write an expression as one line of ASCII text.

    Examples
    --------
    >>> from sympy import symbols
    >>> p0, p1, n = symbols("p0 p1 n")
    >>> in_text((1 - p0 * p1) ** (n - 1))
    '(1 - p0*p1)^(n - 1)'
    """
    return str(_TEXT.doprint(expression)).replace("**", "^").replace("binomial(", "C(")


def _ordered_terms(expression: Any, order: object = None) -> list[Any]:  # noqa: ARG001
    # sympy would write -p q + 1 but 1 - p. Here: added before subtracted, a number in front if something is subtracted.
    terms = expression.as_ordered_terms()
    subtracted = any(term.could_extract_minus_sign() for term in terms if not term.is_Number)

    def rank(term: Any) -> tuple[bool, bool]:
        return term.could_extract_minus_sign(), term.is_Number != subtracted

    return sorted(terms, key=rank)


_LATEX, _TEXT = LatexPrinter(), StrPrinter()
for _printer in (_LATEX, _TEXT):
    _printer._as_ordered_terms = _ordered_terms
