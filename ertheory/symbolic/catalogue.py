"""The statements. Each formula stands here once; what several have in common is one of the functions below."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sympy import Eq, Ge, IndexedBase, Le, Product, Sum, binomial, exp, log, oo, symbols

from ertheory.errors import InvalidInput
from ertheory.symbolic.relation import AskedLimit, Formula

__all__ = ["FORMULAS", "formula_of"]

L, N0, N1, d, m1, m2, n, n1, n2, q0, q1 = symbols("L N0 N1 d m1 m2 n n1 n2 q0 q1", integer=True, positive=True)
i, j, k, l, s = symbols("i j k l s", integer=True, nonnegative=True)  # noqa: E741
F, H, P, P_A, P_B, P_block, delta, p, p0, p1, p2, t = symbols("F H P P_A P_B P_block delta p p0 p1 p2 t", positive=True)
c, m = (IndexedBase(name, nonnegative=True) for name in "cm")
ps, q = (IndexedBase(name, positive=True) for name in "pq")

_PAPER = "Gadhikar, Mukherjee, Burkholz, ICML 2023"
_INTEGER = "q = max(1, ceil(.)), the rounded factor of one layer goes into the formula of the layer below"
_DENSE = f"bounded inputs; p_0 = 1; {_INTEGER}"
_RELU = "bounded box, w without zeros, w.x + b positive somewhere on the box, ReLU at the output"
_LINEAR = "w without zeros, w.x + b changes sign on the box, linear output"
_MASKED = "bounded inputs; layer 0 masked"
_SMALL = {n: 3, d: 2}


def _rate(density: Any) -> Any:
    return log(1 / (1 - density))


def _copies(links: Any, density: Any, failure: Any = delta) -> Any:
    """Smallest real q with links (1 - density)^q <= failure."""
    return log(links / failure) / _rate(density)


def _mass(trials: Any, density: Any, count: Any = j) -> Any:
    """P(Bin(trials, density) = count)."""
    return binomial(trials, count) * density**count * (1 - density) ** (trials - count)


def _blocks(first: int) -> Any:
    """Every copy in layers first + 1..L finds the blocks that it needs."""
    return Product((1 - (1 - ps[l + 1]) ** q[l]) ** (m[l + 1] * q[l + 1]), (l, first, L - 1))


def _usual(width: Any, density: Any) -> tuple[AskedLimit, ...]:
    """Ask how a closed form behaves in its density and in delta."""
    return (
        AskedLimit(width * density, density, 0),
        AskedLimit(width, density, 1),
        AskedLimit(width / log(1 / delta), delta, 0),
    )


_ALL = (
    Formula(
        name="width-factor",
        title="Width over log(2 m / delta): what masking costs",
        variant="printed",
        kind="law",
        relation=Eq(F, 1 / _rate(p)),
        source=_PAPER,
        note="the factor that Theorems 2.1 to 2.3 have in common",
        questions=(AskedLimit(p * F, p, 0), AskedLimit(F - 1 / p, p, 0), AskedLimit(F, p, 1)),
    ),
    Formula(
        name="theorem-2.1-q1",
        title="Copies of each hidden neuron of a two-layer target",
        variant="printed",
        kind="printed",
        relation=Ge(q1, _copies(2 * m2, p2)),
        source=f"Theorem 2.1 of {_PAPER}",
        note=_DENSE,
        questions=(*_usual(q1, p2), AskedLimit(q1 / log(m2), m2, oo)),
    ),
    Formula(
        name="theorem-2.1-q0",
        title="Copies of each input of a two-layer target",
        variant="printed",
        kind="printed",
        relation=Ge(q0, _copies(2 * m1 * q1, p1)),
        source=f"Theorem 2.1 of {_PAPER}",
        note=_DENSE,
        questions=(*_usual(q0, p1), AskedLimit(q0 / log(q1), q1, oo)),
    ),
    Formula(
        name="theorem-2.2",
        title="Copies of each neuron, layer by layer from q_L = 1 downwards",
        variant="printed",
        kind="printed",
        relation=Ge(q[l], _copies(L * m[l + 1] * q[l + 1], ps[l + 1])),
        source=f"Theorem 2.2 of {_PAPER}; appendix A.5 for convolutions, with m_l the non-zero filter entries",
        note=_DENSE,
        questions=(*_usual(q[l], ps[l + 1]), AskedLimit(q[l] / log(L), L, oo)),
    ),
    Formula(
        name="preassigned",
        title="Copies of each input where layer 0 is masked and neuron k serves input k mod d",
        variant="repaired",
        kind="sufficient",
        relation=Ge(q0, _copies(L * m1 * q1, p0 * p1)),
        source="the union bound of Theorem 2.2 over copies with two edges",
        note=f"{_MASKED}; the other factors as in Theorem 2.2; {_INTEGER}",
        questions=_usual(q0, p0),
    ),
    Formula(
        name="matched",
        title="Copies of each neuron where layer 0 is masked and shared out after the mask is seen",
        variant="repaired",
        kind="sufficient",
        relation=Ge(q[l], _copies((L + 1) * m[l + 1] * q[l + 1], ps[l + 1])),
        source="the union bound of Theorem 2.2, with one share of delta more for layer 0",
        note=f"{_MASKED}; N_0 with H <= delta / (L + 1), see hall-sum; {_INTEGER}",
        questions=_usual(q[l], ps[l + 1]),
    ),
    Formula(
        name="block-law",
        title="Every copy finds an edge to every block that it needs",
        kind="law",
        relation=Eq(P_block, _blocks(0)),
        source="the events of Theorems 2.1 and 2.2 use disjoint entries of the mask",
        note="bounded inputs; p_0 = 1, or layer 0 alive; q_L = 1; sufficient for the target",
        questions=(
            AskedLimit((1 - P_block) * exp(t * n), n, oo, {L: 1, ps[1]: 1 - exp(-t), q[0]: n, q[1]: 1}),
            AskedLimit(P_block, ps[1], 1, {L: 1}),
            AskedLimit(P_block / ps[1] ** 2, ps[1], 0, {L: 1, m[1]: 2, q[1]: 1}),
        ),
    ),
    Formula(
        name="preassigned-law",
        title="The block law where layer 0 is masked and neuron k serves input k mod d",
        kind="law",
        relation=Eq(
            P_block,
            Product(Sum(_mass(q[0], ps[0]) * (1 - (1 - ps[1]) ** j) ** (c[i] * q[1]), (j, 0, q[0])), (i, 1, d))
            * _blocks(1),
        ),
        source="given how many copies of an input work, its demands are independent",
        note=f"{_MASKED}; q_L = 1; sufficient for the target",
        questions=(
            AskedLimit(P_block, ps[0], 1, {L: 1, d: 1, q[0]: 3}),
            AskedLimit(P_block / ps[0], ps[0], 0, {L: 1, d: 1, q[0]: 3, c[1]: 2, q[1]: 1}),
        ),
    ),
    Formula(
        name="hall-sum",
        title="Bounds the probability that layer 0 cannot give each input q_0 neurons of its own",
        kind="sufficient",
        relation=Eq(H, Sum(binomial(d, s) * Sum(_mass(N0, 1 - (1 - p0) ** s), (j, 0, q0 * s - 1)), (s, 1, d))),
        source="Hall's theorem and a union bound over sets of inputs",
        note=f"{_MASKED} and shared out after the mask is seen; success at least (1 - H) P_block",
        questions=(AskedLimit(H, p0, 1, {d: 2, q0: 2, N0: 5}), AskedLimit(H, p0, 0, {d: 2, q0: 2, N0: 5})),
    ),
    Formula(
        name="path-ceiling",
        title="Every input of a target d-1-1 has a path to the output: no construction can do better",
        kind="necessary",
        relation=Le(
            P,
            Sum(
                _mass(N1, p2, k) * Sum(_mass(N0, 1 - (1 - p1) ** k) * (1 - (1 - p0) ** j) ** d, (j, 0, N0)), (k, 0, N1)
            ),
        ),
        source="what depends on an input needs a path from it",
        note="all source layers masked; the target depends on every input on the box",
        questions=(AskedLimit(P, p2, 1, {N0: 2, N1: 1, d: 1}), AskedLimit(P / p0, p0, 0, {N0: 2, N1: 1, d: 1})),
    ),
    Formula(
        name="theorem-2.3",
        title="Width below which one hidden layer does not represent a ReLU neuron",
        variant="printed",
        kind="necessary",
        relation=Ge(n, _copies(1, p1, 1 - (1 - delta) ** (1 / d))),
        source=f"Theorem 2.3 of {_PAPER}",
        note="w without zeros; counts only the edges into the hidden layer",
        questions=(*_usual(n, p1), AskedLimit(n / log(d), d, oo)),
    ),
    Formula(
        name="law-a",
        title="Every input has a path to a ReLU output",
        kind="law",
        relation=Eq(P_A, Sum(_mass(n, p2) * (1 - (1 - p1) ** j) ** d, (j, 0, n))),
        source="Theorem 2.3 by its exact law",
        note=_RELU,
        questions=(
            AskedLimit(P_A, p2, 1, _SMALL),
            AskedLimit(P_A, p1, 1, _SMALL),
            AskedLimit(P_A / p1**2, p1, 0, _SMALL),
        ),
    ),
    Formula(
        name="law-a-harris",
        title="Lower bound on law A: paths of different inputs help each other",
        kind="sufficient",
        relation=Ge(P_A, (1 - (1 - p1 * p2) ** n) ** d),
        source="Harris' inequality",
        note=_RELU,
        questions=(AskedLimit(P_A, p2, 1), AskedLimit((1 - P_A) * exp(t * n), n, oo, {p1: (1 - exp(-t)) / p2, d: 2})),
    ),
    Formula(
        name="law-a-edges",
        title="Upper bound on law A: every input needs an edge, the event of Theorem 2.3",
        variant="printed",
        kind="necessary",
        relation=Le(P_A, (1 - (1 - p1) ** n) ** d),
        source=f"proof of Theorem 2.3 of {_PAPER}",
        note=_RELU,
        questions=(AskedLimit(P_A, p1, 1), AskedLimit((1 - P_A) * exp(t * n), n, oo, {p1: 1 - exp(-t), d: 2})),
    ),
    Formula(
        name="law-a-paths",
        title="Upper bound on law A: the first input needs a path",
        kind="necessary",
        relation=Le(P_A, 1 - (1 - p1 * p2) ** n),
        source="one input alone",
        note=_RELU,
        questions=(AskedLimit(P_A, p1, 1), AskedLimit(P_A / p1, p1, 0)),
    ),
    Formula(
        name="law-a-pairs",
        title="Upper bound on law A: inputs without a path, counted singly and in pairs",
        kind="necessary",
        relation=Le(P_A, 1 - d * (1 - p1 * p2) ** n + binomial(d, 2) * (1 - p1 * p2 * (2 - p1)) ** n),
        source="Bonferroni's inequality",
        note=f"{_RELU}; not monotone in n",
        questions=(AskedLimit(P_A, p1, 0), AskedLimit(P_A, p2, 1, _SMALL)),
    ),
    Formula(
        name="law-a-sufficient",
        title="Width that suffices for a ReLU neuron with ReLU at the output",
        kind="sufficient",
        relation=Ge(n, _copies(d, p1 * p2)),
        source="a union bound over the inputs' paths",
        note=_RELU,
        questions=(*_usual(n, p1), AskedLimit(n / log(d), d, oo)),
    ),
    Formula(
        name="law-a-necessary",
        title="Width that is needed for a ReLU neuron with ReLU at the output",
        kind="necessary",
        relation=Ge(n, _copies(1, p1 * p2)),
        source="law-a-paths",
        note=_RELU,
        questions=_usual(n, p1),
    ),
    Formula(
        name="law-b",
        title="One hidden neuron reads every input and reaches a linear output",
        kind="law",
        relation=Eq(P_B, 1 - (1 - p2 * p1**d) ** n),
        source="Theorem 2.3 by its exact law",
        note=_LINEAR,
        questions=(AskedLimit(P_B, p1, 1, {d: 3}), AskedLimit(P_B / p1**3, p1, 0, {d: 3})),
    ),
    Formula(
        name="law-b-width",
        title="Width that is needed and suffices for a ReLU neuron with a linear output",
        kind="law",
        relation=Ge(n, _copies(1, p2 * p1**d)),
        source="law-b",
        note=_LINEAR,
        questions=(
            AskedLimit(n * exp(-t * d), d, oo, {p1: exp(-t)}),
            AskedLimit(log(n) / d, d, oo, {p1: exp(-t)}),
            AskedLimit(n / log(1 / delta), delta, 0),
        ),
    ),
    Formula(
        name="degree",
        title="Every output of a two-layer target needs n_1 neighbours",
        kind="necessary",
        relation=Le(P, (1 - Sum(_mass(N1, p2), (j, 0, n1 - 1))) ** n2 + N0 * Sum(_mass(d, p0), (j, d - n1 + 1, d))),
        source="kinks of different hidden neurons need different neighbours; `degree` adds less for almost every W_1",
        note="W_2 without zeros, n_1 <= d, rank W_1 = n_1 and every non-zero vector of its row span with at least "
        "d - n_1 + 1 non-zeros, all kinks share a point inside the box, two masked hidden layers, linear output",
        questions=(AskedLimit(P, p2, 1, {d: 3, n1: 2, N1: 4}), AskedLimit(P, p0, 0, {d: 3, n1: 2, N1: 4})),
    ),
)

# Every statement by its name.
FORMULAS: Mapping[str, Formula] = MappingProxyType({entry.name: entry for entry in _ALL})


def formula_of(name: str) -> Formula:
    r"""Look up a statement by its name.

    Raises
    ------
    InvalidInput
        If there is none of that name.

    Examples
    --------
    >>> print(formula_of("law-b").latex())
    P_{B} = 1 - \left(1 - p_{1}^{d} p_{2}\right)^{n}
    """
    if name not in FORMULAS:
        raise InvalidInput("statement", f"one of {', '.join(FORMULAS)}", name)
    return FORMULAS[name]
