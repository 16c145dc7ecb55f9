"""What a statement in sympy can do: print itself, find its limits, take numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from sympy import Add, Dummy, Indexed, Mul, Product, Rational, Sum, limit, log, nan, oo, zoo

from ertheory.bounds.result import Kind, Variant
from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.numbers import Ball, ball, enclose, probability, whole_number
from ertheory.symbolic.printing import in_latex

__all__ = ["AskedLimit", "Formula", "Limit", "expanded"]

Expression: TypeAlias = Any  # sympy ships no types

_MEANINGS = {
    "L": "layers of the target",
    "N0": "neurons of source layer 0",
    "N1": "neurons of source layer 1",
    "d": "inputs of the target, all of them essential",
    "delta": "failure probability",
    "l": "a layer of the source, 0..L-1",
    "m1": "non-zero weights of target layer 1",
    "m2": "non-zero weights of target layer 2",
    "n": "hidden neurons of the source",
    "n1": "hidden neurons of the target",
    "n2": "outputs of the target",
    "p": "density",
    "p0": "density of source layer 0",
    "p1": "density of source layer 1",
    "p2": "density of source layer 2",
    "q0": "copies of each input in source layer 0",
    "q1": "copies of each hidden neuron in source layer 1",
}
_LISTS = {
    "c": (1, "non-zero weights in each column of the first target layer, c_1..c_d"),
    "m": (1, "non-zero weights (filter entries) of each target layer, m_1..m_L"),
    "p": (0, "densities of the source layers, p_0..p_L"),
    "q": (0, "copies of a neuron in each source layer, q_0..q_L, with q_L = 1"),
}


class AskedLimit(NamedTuple):
    """A limit to be computed: where a quantity goes, told in terms of the left side of a statement."""

    quantity: Expression
    variable: Expression
    point: Expression
    given: Mapping[Expression, Expression] = MappingProxyType({})


@dataclass(frozen=True)
class Limit:
    """A limit that sympy has computed.

    Parameters
    ----------
    quantity
        What tends to the value, in terms of the left side of the statement.
    variable, point
        The variable and where it goes: to 0 from above, to 1 from below, or to infinity.
    given
        What was put in beforehand: sizes without which a sum cannot be written out, or a density in terms of a rate,
        which tells sympy the range of the density.
    value
        The limit.
    """

    quantity: Expression
    variable: Expression
    point: Expression
    given: tuple[tuple[Expression, Expression], ...]
    value: Expression

    def latex(self) -> str:
        """Write the limit as an equation."""
        side = {"0": "^{+}", "1": "^{-}"}.get(str(self.point), "")
        towards = rf"{in_latex(self.variable)} \to {in_latex(self.point)}{side}"
        given = ",\\ ".join(f"{in_latex(name)} = {in_latex(value)}" for name, value in self.given)
        condition = rf" \quad \left({given}\right)" if given else ""
        quantity = in_latex(self.quantity)
        if self.quantity.is_Add:
            quantity = rf"\left({quantity}\right)"
        return rf"\lim_{{{towards}}} {quantity} = {in_latex(self.value)}{condition}"


@dataclass(frozen=True, kw_only=True)
class Formula:
    """One statement: a symbol on the left, the formula that equals or bounds it on the right.

    Parameters
    ----------
    name
        Its key in the catalogue.
    title
        What it says, in words.
    variant
        ``printed``, ``exact`` or ``repaired``, as in the results.
    kind
        ``printed``, ``sufficient`` or ``necessary``, as in the results; ``law`` where both sides are equal.
    relation
        The statement in sympy.
    source
        Where it comes from.
    note
        The conditions under which it holds.
    questions
        The limits of interest.
    """

    name: str
    title: str
    variant: Variant = "exact"
    kind: Kind | Literal["law"]
    relation: Expression
    source: str
    note: str
    questions: tuple[AskedLimit, ...] = field(repr=False)

    @property
    def expression(self) -> Expression:
        """The right side."""
        return self.relation.rhs

    @property
    def symbols(self) -> dict[str, str]:
        """Names and meanings of the symbols on the right side; numbers are put in by these names."""
        lists = {name: _LISTS[name][1] for name in self._bases}
        plain = {str(symbol) for symbol in self.expression.free_symbols if symbol.is_Symbol} - lists.keys()
        return dict(sorted((lists | {name: _MEANINGS[name] for name in plain}).items()))

    def latex(self) -> str:
        """Write the relation in LaTeX."""
        return in_latex(self.relation)

    def limits(self) -> tuple[Limit, ...]:
        """Have sympy compute the limits of interest.

        Examples
        --------
        >>> from ertheory.symbolic import formula_of
        >>> [str(known.value) for known in formula_of("width-factor").limits()[:2]]
        ['1', '-1/2']
        """
        return tuple(self._limit(*question) for question in self.questions)

    def _limit(
        self, quantity: Expression, variable: Expression, point: Expression, given: Mapping[Expression, Expression]
    ) -> Limit:
        formula = expanded(quantity.xreplace({self.relation.lhs: self.expression}), given)
        # sympy takes limits in symbols only, not in one entry of a list.
        moving = Dummy(positive=True) if isinstance(variable, Indexed) else variable
        value = limit(formula.xreplace({variable: moving}), moving, point, "+" if point == 0 else "-")
        return Limit(quantity, variable, point, tuple(given.items()), value)

    def substitute(self, *, digits: int = 30, **values: object) -> Fraction:
        """Put exact numbers into the right side.

        Parameters
        ----------
        digits
            How many significant digits of the answer are right.
        values
            One value for each of `symbols`: integers; densities and delta in any form that the package reads as an
            exact rational; lists for whole layers.

        Raises
        ------
        InvalidInput
            If a value is missing, unknown or out of range.
        InfeasibleWidth
            If there is no finite value at these numbers, such as the logarithm of no weights at all.

        Examples
        --------
        >>> from ertheory.symbolic import formula_of
        >>> float(formula_of("theorem-2.1-q1").substitute(m2=1280, delta="0.001", p2="0.1"))
        140.047889138816
        """
        return self.evaluate(self.read(values), digits=digits)

    def read(self, values: Mapping[str, object]) -> dict[Expression, Fraction]:
        """Check numbers given by name and assign them to the symbols.

        Raises
        ------
        InvalidInput
            If a value is missing, unknown or out of range.
        """
        if values.keys() != self.symbols.keys():
            raise InvalidInput("values", f"numbers for {', '.join(self.symbols)}", sorted(values))
        plain = {str(symbol): symbol for symbol in self.expression.free_symbols}
        numbers = {}
        for name, value in values.items():
            if name not in self._bases:
                numbers[plain[name]] = _number(name, value)
            elif isinstance(value, list | tuple):
                for index, number in enumerate(value, _LISTS[name][0]):
                    numbers[self._bases[name][index]] = _number(name, number)
            else:
                raise InvalidInput(name, "a list of numbers", value)
        return numbers

    def evaluate(
        self, numbers: Mapping[Expression, Fraction], *, digits: int, most_terms: int | None = None
    ) -> Fraction:
        """Evaluate the right side; sums of more than `most_terms` terms are refused.

        Raises
        ------
        InvalidInput
            If a list of numbers is too short.
        InfeasibleWidth
            If a sum is too long, or the value is not finite.
        """
        whole = {key: Rational(number) for key, number in numbers.items() if number.denominator == 1}
        # Other rationals stay symbols: as numbers, sympy would write their huge powers out.
        waiting = {key: Dummy(positive=True) for key in numbers.keys() - whole.keys()}
        formula = expanded(self.expression, {**whole, **waiting}, most_terms=most_terms)
        if formula.has(Indexed):
            raise InvalidInput("values", "one number for every layer or input", [str(key) for key in numbers])
        if formula.has(oo, -oo, zoo, nan):
            raise InfeasibleWidth(f"{self.name} has no finite value at these numbers")
        if formula.is_Rational:
            return Fraction(int(formula.p), int(formula.q))
        known = {dummy: numbers[key] for key, dummy in waiting.items()}
        low, high = enclose(lambda: _enclosed(formula, known), digits=digits)
        return (low + high) / 2

    @property
    def _bases(self) -> dict[str, Expression]:
        return {str(entry.base): entry.base for entry in self.expression.atoms(Indexed)}


def expanded(
    formula: Expression, values: Mapping[Expression, Expression], *, most_terms: int | None = None
) -> Expression:
    """Put values in and write sums and products out, as far as their limits are then known.

    Raises
    ------
    InfeasibleWidth
        If one of them has more than `most_terms` terms.
    """

    def written_out(node: Expression) -> Expression:
        if not node.has(Sum, Product):
            return node
        if isinstance(node, Sum | Product):
            ((index, first, last),) = node.limits
            if first.is_Integer and last.is_Integer:
                if most_terms is not None and last - first >= most_terms:
                    raise InfeasibleWidth(f"a sum of {last - first + 1} terms is too long to be written out")
                terms = [written_out(node.function.xreplace({index: i})) for i in range(int(first), int(last) + 1)]
                return (Add if isinstance(node, Sum) else Mul)(*terms)
        return node.func(*(written_out(argument) for argument in node.args))

    return written_out(formula.xreplace(values)).xreplace(values)


def _enclosed(formula: Expression, known: Mapping[Expression, Fraction]) -> Ball:
    # Not sympy's evalf: in 1.14 it takes log(1 + x) for 0 where x is below its working precision.
    if formula in known:
        return ball(known[formula])
    if formula.is_Rational:
        return ball(Fraction(int(formula.p), int(formula.q)))
    if formula.is_Pow and formula.exp.is_Integer:
        return _enclosed(formula.base, known) ** int(formula.exp)
    parts = [_enclosed(argument, known) for argument in formula.args]
    if formula.is_Add:
        return sum(parts, Ball(0))
    if formula.is_Mul:
        return prod(parts, start=Ball(1))
    assert formula.is_Pow or isinstance(formula, log)
    logarithm = parts[0].log()
    return (parts[1] * logarithm).exp() if formula.is_Pow else logarithm


def _number(name: str, value: object) -> Fraction:
    if name == "delta" or name.startswith("p"):
        return probability(name, value, one=name != "delta")
    least = 0 if name in {"c", "l", "m", "m1", "m2"} else 1
    return Fraction(whole_number(name, value, least=least))
