r"""Every statement about widths, written once in sympy: its formula, its LaTeX, its limits and its values.

Importing `ertheory` leaves this package out, because sympy is slow to load. It is for papers, for `--explain`, and for
checking the numeric code, which works from formulas of its own.

Symbols are those of the paper: target widths d = n_0, n_1, ..., n_L with m_l non-zeros in layer l; source layers 0..L
with densities p_l and q_l copies of each neuron; failure probability delta; natural logarithms. Numbers are put in by
these names, those of all layers as a list: p = (p_0, ..., p_L), q = (q_0, ..., q_L), m = (m_1, ..., m_L).

>>> first = formula_of("theorem-2.1-q1")
>>> print(first.latex())
q_{1} \geq \frac{\log{\left(\frac{2 m_{2}}{\delta} \right)}}{\log{\left(\frac{1}{1 - p_{2}} \right)}}
>>> float(first.substitute(m2=1280, delta="0.001", p2="0.1"))
140.047889138816
>>> print(first.limits()[0].latex())
\lim_{p_{2} \to 0^{+}} p_{2} q_{1} = \log{\left(\frac{2 m_{2}}{\delta} \right)}
"""

from typing import TYPE_CHECKING

from ertheory._deprecated import other_names
from ertheory._typed import name_wrong_types
from ertheory.symbolic.catalogue import FORMULAS, formula_of
from ertheory.symbolic.explanation import explain
from ertheory.symbolic.relation import Formula, Limit

__all__ = ["FORMULAS", "Formula", "Limit", "explain", "formula_of"]

if not TYPE_CHECKING:  # or every name would be one that the package has
    __getattr__ = other_names(__name__)

name_wrong_types(__name__)
