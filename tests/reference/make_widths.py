"""Reference values of the width bounds, worked out apart from the package that they check.

Nothing of ``ertheory`` is imported: every number comes from the statements themselves, in integers, fractions and
mpmath.

    python tests/reference/make_widths.py            writes widths.json beside this file
    python tests/reference/make_widths.py --check    recomputes it and compares

The laws are written once for every kind of number: with ``Fraction`` densities they are exact, with mpmath densities
they carry the digits that are set. Integers come from exact inequalities in integers, or from both sides of the
inequality at high precision; sides that are closer than the digits can tell apart are compared in fractions, or stop
the script.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath

__all__ = [
    "SECTIONS",
    "binomial_below",
    "block_law",
    "block_section",
    "closed_integer",
    "closed_real",
    "counterexample_section",
    "covering_law",
    "covering_width",
    "degree_law",
    "degree_width",
    "figure2_section",
    "hall_lower",
    "hall_sum",
    "joint_optimum",
    "layer0_section",
    "matched_width",
    "mp",
    "numerics_section",
    "path_law",
    "path_law_by_sum",
    "path_upper_bounds",
    "path_width",
    "path_width_from_bounds",
    "preassigned_law",
    "single_integer",
    "single_real",
    "sized_block_law",
    "theorem23_section",
    "two_hidden_path_law",
]

Number = Any  # a Fraction or an mpf of the private context below
Row = dict[str, Any]

DIGITS = 100
PRINTED_DIGITS = 25
mp = mpmath.mp.clone()  # private, so that importing this file leaves mpmath's global precision alone
mp.dps = DIGITS


# --- numbers -------------------------------------------------------------------------------------------------------


def _real(value: Fraction | int) -> Number:
    """Round a rational to the working precision."""
    exact = Fraction(value)
    return mp.mpf(exact.numerator) / exact.denominator


def _text(value: Number) -> str:
    number = _real(value) if isinstance(value, (Fraction, int)) else value
    return str(mp.nstr(number, PRINTED_DIGITS, strip_zeros=False))


def _rate(density: Fraction) -> Number:
    """-log(1 - p)."""
    return -mp.log(_real(1 - density))


def _at_least(left: Number, right: Number, exact: Callable[[], bool] | None = None) -> bool:
    """Decide left >= right; where the digits do not tell, ask the exact comparison, or stop if there is none."""
    gap = left - right
    if abs(gap) > (abs(left) + abs(right)) * mp.mpf(10) ** (30 - mp.dps):
        return bool(gap > 0)
    if exact is None:
        raise ArithmeticError(f"{mp.dps} digits do not separate {left} and {right}")
    return exact()


def _smallest(start: Number, holds: Callable[[int], bool]) -> int:
    """Smallest integer >= 1 at which a property that stays true once true is true; `start` is about where."""
    value = max(1, int(mp.ceil(start)))
    while not holds(value):
        value += 1
    while value > 1 and holds(value - 1):
        value -= 1
    return value


def _bisect(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Smallest integer with the property in (low, high]; it is false at low, true at high, and monotone."""
    if holds(low) or not holds(high):
        raise ArithmeticError(f"no change between {low} and {high}")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


# --- laws ----------------------------------------------------------------------------------------------------------


def binomial_below(n: int, p: Number, m: int) -> Number:
    """P(Bin(n, p) < m), by the plain sum for a Fraction, and downwards from the largest term for an mpf."""
    if m <= 0:
        return 0 * p
    if m > n:
        return 0 * p + 1
    if isinstance(p, Fraction):
        return sum((math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(m)), Fraction(0))
    k = m - 1
    log_choose = mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1)
    term = mp.exp(log_choose + k * mp.log(p) + (n - k) * mp.log1p(-p))
    total, odds, tiny = term, (1 - p) / p, mp.mpf(10) ** (-mp.dps - 5)
    mode = n * p
    while k > 0 and (k > mode or term > total * tiny):
        term *= odds * k / (n - k + 1)
        total += term
        k -= 1
    return total


def block_law(nonzeros: Sequence[int], factors: Sequence[int], densities: Sequence[Number]) -> Number:
    """prod_l (1-(1-p_{l+1})^{q_l})^{m_{l+1} q_{l+1}}, with q_L = 1 and layer 0 alive."""
    sizes, result = (*factors, 1), 0 * sum(densities) + 1
    for layer, (m, p) in enumerate(zip(nonzeros, densities, strict=True)):
        result *= (1 - (1 - p) ** sizes[layer]) ** (m * sizes[layer + 1])
    return result


def sized_block_law(
    columns: Sequence[Sequence[Sequence[int]]], sizes: Sequence[Sequence[int]], densities: Sequence[Number]
) -> Number:
    """Block law with q_{l,i} copies of neuron i: `columns[l][i]` lists the neurons that read it, once per weight."""
    result = 0 * sum(densities) + 1
    for readers, size, following, p in zip(columns, sizes[:-1], sizes[1:], densities, strict=True):
        for i, copies in enumerate(size):
            result *= (1 - (1 - p) ** copies) ** sum(following[j] for j in readers[i])
    return result


def preassigned_law(
    fan_out: Sequence[int], upper_nonzeros: Sequence[int], factors: Sequence[int], densities: Sequence[Number]
) -> Number:
    """prod_i E[(1-(1-p_1)^K)^{c_i q_1}], K ~ Bin(q_0, p_0), times the law of the layers above; p_0 comes first."""
    p0, p1, *upper = densities
    q0, q1 = factors[0], [*factors, 1][1]
    result: Number = block_law(upper_nonzeros, factors[1:], upper)
    for c in fan_out:
        weights = (math.comb(q0, k) * p0**k * (1 - p0) ** (q0 - k) for k in range(q0 + 1))
        result *= sum(w * (1 - (1 - p1) ** k) ** (c * q1) for k, w in enumerate(weights))
    return result


def hall_sum(d: int, q0: int, p0: Number, n0: int) -> Number:
    """H(N_0) = sum_s C(d,s) P(Bin(N_0, 1-(1-p_0)^s) < q_0 s): no b-matching with at most this probability."""
    return sum(math.comb(d, s) * binomial_below(n0, 1 - (1 - p0) ** s, q0 * s) for s in range(1, d + 1))


def hall_lower(d: int, q0: int, p0: Number, n0: int) -> Number:
    """No b-matching with at least this probability: one input is short, or all of them together are."""
    single = 1 - (1 - binomial_below(n0, p0, q0)) ** d
    return max(single, binomial_below(n0, 1 - (1 - p0) ** d, q0 * d))


def path_law(d: int, n: int, p1: Number, p2: Number) -> Number:
    """Probability that each of d inputs has a path through n hidden neurons, by inclusion and exclusion."""
    terms = [(-1) ** s * math.comb(d, s) * (1 - p2 * (1 - (1 - p1) ** s)) ** n for s in range(d + 1)]
    total = sum(terms)
    if not isinstance(total, Fraction) and max(map(abs, terms)) > mp.mpf(10) ** (mp.dps - 60):
        raise ArithmeticError(f"cancellation: d={d}, n={n}, {mp.dps} digits")
    return total


def path_law_by_sum(d: int, n: int, p1: Number, p2: Number) -> Number:
    """The same law as sum_k Bin(n,p_2)(k) (1-(1-p_1)^k)^d; mpmath sums leave out tails below 1e-70."""
    total: Number = 0 * p2
    weight, ratio, reach = (1 - p2) ** n, p2 / (1 - p2) if p2 != 1 else None, 1
    if ratio is None:
        return (1 - (1 - p1) ** n) ** d
    for k in range(n + 1):
        reach_k = (1 - reach) ** d
        total += weight * reach_k
        if not isinstance(p2, Fraction) and k > 2 * n * p2 and weight < mp.mpf(10) ** -75:
            break
        weight *= ratio * (n - k) / (k + 1)
        reach *= 1 - p1
    return total


def covering_law(d: int, n: int, p1: Number, p2: Number) -> Number:
    """Probability that one hidden neuron sees all d inputs and the output."""
    return 1 - (1 - p2 * p1**d) ** n


def path_upper_bounds(d: int, n: int, p1: Number, p2: Number) -> tuple[Number, Number, Number]:
    """Three upper bounds of the path law: first-layer edges, one input, Bonferroni."""
    x, y = (1 - p1 * p2) ** n, (1 - p1 * p2 * (2 - p1)) ** n
    return (1 - (1 - p1) ** n) ** d, 1 - x, 1 - d * x + math.comb(d, 2) * y


def two_hidden_path_law(d: int, n0: int, n1: int, p0: Number, p1: Number, p2: Number) -> Number:
    """Probability that each of d inputs has a path through layers of n0 and n1 neurons to one output."""
    total: Number = 0 * p2
    for k in range(n1 + 1):
        weight = math.comb(n1, k) * p2**k * (1 - p2) ** (n1 - k)
        live = 1 - (1 - p1) ** k
        total += weight * sum(
            (-1) ** s * math.comb(d, s) * (1 - live * (1 - (1 - p0) ** s)) ** n0 for s in range(d + 1)
        )
    return total


def degree_law(neighbours: int, n: int, p: Number, outputs: int) -> Number:
    """Probability that each output has at least so many neighbours among n neurons."""
    return (1 - binomial_below(n, p, neighbours)) ** outputs


# --- widths --------------------------------------------------------------------------------------------------------


def closed_real(weights: int, delta: Fraction, p: Fraction) -> Number:
    """log(M/delta) / -log(1-p)."""
    return mp.log(_real(weights / delta)) / _rate(p)


def closed_integer(weights: int, delta: Fraction, p: Fraction) -> int:
    """Smallest integer q >= 1 with M (1-p)^q <= delta, in integers."""
    a, b = (1 - p).as_integer_ratio()

    def holds(q: int) -> bool:
        return bool(weights * a**q * delta.denominator <= delta.numerator * b**q)

    return _smallest(closed_real(weights, delta, p), holds)


def single_real(weights: int, delta: Fraction, p: Fraction) -> Number:
    """Real q with (1-(1-p)^q)^M = 1 - delta."""
    return -mp.log(-mp.expm1(mp.log1p(-_real(delta)) / weights)) / _rate(p)


def single_integer(weights: int, delta: Fraction, p: Fraction) -> int:
    """Smallest integer q >= 1 with (1-(1-p)^q)^M >= 1 - delta."""
    rate, goal = _rate(p), mp.log1p(-_real(delta))

    def holds(q: int) -> bool:
        real = weights * mp.log1p(-mp.exp(-rate * q))
        return _at_least(real, goal, lambda: (1 - (1 - p) ** q) ** weights >= 1 - delta)

    return _smallest(single_real(weights, delta, p), holds)


def joint_optimum(
    widths: tuple[int, int], weights: tuple[int, int], delta: Fraction, p: Fraction
) -> tuple[int, int, int]:
    """Minimise n_0 q_0 + n_1 q_1 under the block law >= 1 - delta; also how many pairs attain the minimum."""
    rate, goal = _rate(p), mp.log1p(-_real(delta))

    def smallest_q0(m: int, budget: Number) -> int:
        real = -mp.log(-mp.expm1(budget / m)) / rate
        above = mp.ceil(real)
        if min(above - real, real - above + 1) < mp.mpf(10) ** (20 - mp.dps):
            raise ArithmeticError(f"{mp.dps} digits do not round {real}")
        return max(1, int(above))

    best: tuple[int, int, int] | None = None
    ties = 0
    q1 = single_integer(weights[1], delta, p)
    while True:
        # What layer 0 would need if layer 1 never failed bounds the cost of this q1 and of every larger one from below.
        floor = widths[0] * smallest_q0(weights[0] * q1, goal) + widths[1] * q1
        if best is not None and floor > best[0]:
            return best[1], best[2], ties
        left = goal - weights[1] * mp.log1p(-mp.exp(-rate * q1))
        if left < 0:
            q0 = smallest_q0(weights[0] * q1, left)
            cost = widths[0] * q0 + widths[1] * q1
            ties = 1 if best is None or cost < best[0] else ties + (cost == best[0])
            if best is None or cost < best[0]:
                best = (cost, q0, q1)
        q1 += 1


def degree_width(neighbours: int, p: Fraction, outputs: int, confidence: Fraction) -> int:
    """Smallest N with P(Bin(N, p) >= n)^o >= confidence."""
    goal, density = _real(confidence), _real(p)
    high = neighbours
    while degree_law(neighbours, high, density, outputs) < goal:
        high *= 2
    return _bisect(neighbours - 1, high, lambda n: _at_least(degree_law(neighbours, n, density, outputs), goal))


def path_width(d: int, p1: Fraction, p2: Fraction, delta: Fraction) -> int:
    """Smallest n at which the path law is >= 1 - delta, checked there and at n - 1 by the second form of the law."""
    one, two, goal = _real(p1), _real(p2), _real(1 - delta)
    low = closed_integer(1, delta, p1 * p2) - 1  # a single input needs more than this
    high = closed_integer(d, delta, p1 * p2)

    def holds(n: int) -> bool:
        return _at_least(path_law(d, n, one, two), goal, lambda: bool(path_law(d, n, p1, p2) >= 1 - delta))

    n = _bisect(low, high, holds)
    for at in (n, n - 1):
        if abs(path_law(d, at, one, two) - path_law_by_sum(d, at, one, two)) > mp.mpf(10) ** -50:
            raise ArithmeticError(f"two forms of the path law disagree: d={d}, p1={p1}, p2={p2}, n={at}")
    return n


def path_width_from_bounds(d: int, p1: Fraction, p2: Fraction, delta: Fraction) -> int:
    """1 + the largest n at which one of the three upper bounds of the path law is below 1 - delta."""
    one, two, goal = _real(p1), _real(p2), _real(1 - delta)
    last, limit = 0, closed_integer(d, delta, p1 * p2)  # from here on d x^n <= delta, so all three hold
    for index in range(3):

        def holds(n: int, index: int = index) -> bool:
            real = path_upper_bounds(d, n, one, two)[index]
            return _at_least(real, goal, lambda: bool(path_upper_bounds(d, n, p1, p2)[index] >= 1 - delta))

        # The first two grow with n; the failure d x^n - C(d,2) y^n of the third rises to one peak and falls after it.
        low = 1
        if index == 2 and d > 1:
            x, y = _real(1 - p1 * p2), _real(1 - p1 * p2 * (2 - p1))
            low = max(1, int(mp.floor(mp.log(math.comb(d, 2) * mp.log(y) / (d * mp.log(x))) / mp.log(x / y))))
            low += holds(low)
        if not holds(low):
            last = max(last, _bisect(low, limit, holds) - 1)
    return last + 1


def covering_width(d: int, p1: Fraction, p2: Fraction, delta: Fraction) -> int:
    """Smallest n with 1-(1-p_2 p_1^d)^n >= 1 - delta."""
    whole = p2 * p1**d
    with mp.workdps(2 * len(str(whole.denominator // whole.numerator)) + DIGITS):
        rate, need = -mp.log1p(-_real(whole)), -mp.log(_real(delta))
        return _smallest(need / rate, lambda n: _at_least(n * rate, need))


def matched_width(d: int, q0: int, p0: Fraction, budget: Fraction) -> int:
    """Smallest N_0 with H(N_0) <= budget."""
    density, goal = _real(p0), _real(budget)

    def holds(n0: int) -> bool:
        return _at_least(goal, hall_sum(d, q0, density, n0))

    low, step = q0 * d - 1, 1
    while not holds(low + step):
        low, step = low + step, 2 * step
    return low + 1 if step == 1 else _bisect(low, low + step, holds)


# --- sections of the file ------------------------------------------------------------------------------------------

SPARSITIES = "1/10 1/5 3/10 2/5 1/2 3/5 7/10 4/5 9/10 19/20 97/100 49/50 99/100 199/200 999/1000".split()


def figure2_section(sparsities: Iterable[str] = SPARSITIES) -> Row:
    """Widths for the target 784-128-10 at failure probability 1/1000, one density in layers 1 and 2."""
    d, n1, outputs, delta = 784, 128, 10, Fraction(1, 1000)
    m1, m2 = d * n1, n1 * outputs
    rows = []
    for text in sparsities:
        p = 1 - Fraction(text)
        density = _real(p)
        real, q1 = closed_real(2 * m2, delta, p), closed_integer(2 * m2, delta, p)
        q0 = closed_integer(2 * m1 * q1, delta, p)
        failure = 1 - block_law((m1, m2), (q0, q1), (density, density))
        row: Row = {"sparsity": text, "printed_q1_real": _text(real), "printed_width1_real": _text(n1 * real)}
        row |= {"printed_q1": q1, "printed_width1": n1 * q1, "printed_q0": q0, "printed_width0": d * q0}
        row |= {"printed_q0_real": _text(closed_real(2 * m1 * q1, delta, p)), "printed_failure": _text(failure)}
        half = single_integer(m2, delta / 2, p)
        row |= {"half_q1_real": _text(single_real(m2, delta / 2, p)), "half_q1": half}
        row |= {"half_q0": single_integer(m1 * half, delta / 2, p)}
        row |= {"full_q1_real": _text(single_real(m2, delta, p)), "full_q1": single_integer(m2, delta, p)}
        q0, q1, optima = joint_optimum((d, n1), (m1, m2), delta, p)
        failure = 1 - block_law((m1, m2), (q0, q1), (density, density))
        row |= {"joint_q0": q0, "joint_q1": q1, "joint_optima": optima, "joint_failure": _text(failure)}
        row |= {"degree_width": degree_width(n1, p, outputs, 1 - delta)}
        row |= {"degree_width_half": degree_width(n1, p, outputs, 1 - delta / 2)}
        rows.append(row)
    source = (
        "Theorem 2.1 as printed, with the integer q1 inside q0's formula. half, full: the exact law of layer 1 "
        "alone, q1 = -log(1-(1-delta_l)^(1/M))/lam, M = 1280, delta_l = delta/2 or delta; half_q0: the same for "
        "layer 0 with M = 100352 half_q1. joint: smallest 784 q0 + 128 q1 with the block law >= 1-delta, attained "
        "by joint_optima pairs. degree: smallest N1 with P(Bin(N1,p) >= 128)^10 >= 1-delta (half: 1-delta/2). The "
        "term of dense layer-0 rows is left out there; with p_0 = p it is not small at sparsity 1/10 and 1/5, so "
        "these two are not proved."
    )
    return {"source": source, "target": [d, n1, outputs], "delta": str(delta), "rows": rows}


REQUIRED = """
    1 1/2 1/2 1/20; 5 1/2 1/2 1/1000; 10 1/10 1/10 1/20; 10 1/100 1/100 1/20; 100 1/10 1/10 1/1000; 784 1/2 1/2 1/1000;
    784 1/10 1/10 1/1000; 784 1/100 1/100 1/1000; 10 1/10 1/2 1/20; 10 9/10 1/20 1/100
"""
LAWS = "2 5 1/2 1/2; 3 8 1/2 1/2; 3 10 3/10 3/5; 4 12 7/10 2/5; 5 30 3/10 3/10"


def theorem23_section(required: str = REQUIRED) -> Row:
    """Widths of Theorem 2.3 and its exact laws."""
    rows, laws = [], []
    for d_text, first, second, delta_text in map(str.split, required.split(";")):
        d, p1, p2, delta = int(d_text), Fraction(first), Fraction(second), Fraction(delta_text)
        with mp.workdps(DIGITS + (d * 3) // 5):
            n = path_width(d, p1, p2, delta)
            at, before = (path_law(d, m, _real(p1), _real(p2)) for m in (n, n - 1))
        row: Row = {"d": d, "p1": first, "p2": second, "delta": delta_text}
        row |= {"printed_real": _text(single_real(d, delta, p1)), "printed": single_integer(d, delta, p1)}
        row |= {"relu_output": n, "relu_output_at": _text(at), "relu_output_before": _text(before)}
        row |= {"relu_output_closed": closed_integer(d, delta, p1 * p2)}
        row |= {"relu_output_bounds": path_width_from_bounds(d, p1, p2, delta)}
        row |= {"linear_output": str(covering_width(d, p1, p2, delta))}
        row |= {"theorem22_width": d * closed_integer(d, delta, p1)}
        rows.append(row)
    for d_text, n_text, first, second in map(str.split, LAWS.split(";")):
        d, n, p1, p2 = int(d_text), int(n_text), Fraction(first), Fraction(second)
        row = {"d": d, "n": n, "p1": first, "p2": second, "relu_output": _text(path_law(d, n, p1, p2))}
        row |= {"first_layer_only": _text(path_upper_bounds(d, n, p1, p2)[0])}
        row |= {"product_lower": _text((1 - (1 - p1 * p2) ** n) ** d)}
        row |= {"linear_output": _text(covering_law(d, n, p1, p2))}
        laws.append(row)
    source = (
        "Theorem 2.3. printed: smallest integer >= log(1/(1-(1-delta)^(1/d)))/lam(p1). relu_output: smallest n with "
        "P_A(n) = sum_k Bin(n,p2)(k) (1-(1-p1)^k)^d >= 1-delta; at, before: P_A(n) and P_A(n-1). closed: smallest "
        "integer >= log(d/delta)/lam(p1 p2). bounds: 1 + the largest n at which one of the three upper bounds of "
        "P_A is below 1-delta. linear_output: smallest n with 1-(1-p2 p1^d)^n >= 1-delta. theorem22_width: d q_0 of "
        "Theorem 2.2, L = 1."
    )
    return {"source": source, "rows": rows, "laws": laws}


MASKED = "1 1/5 1/10; 1 1/10 1/10; 1 1/100 1/10; 1 1/100 1/100; 2 1/20 1/10; 4 1/100 1/100; 8 1/100 1/10"


def counterexample_section() -> Row:
    """Counterexamples to readings of Theorem 2.1: masked layer 0, real factors, rounding late, monotonicity."""
    masked, pairs = [], []
    for d_text, p_text, delta_text in map(str.split, MASKED.split(";")):
        d, p, delta = int(d_text), Fraction(p_text), Fraction(delta_text)
        q1 = closed_integer(2, delta, p)
        q0 = closed_integer(2 * d * q1, delta, p)
        ceiling = two_hidden_path_law(d, q0 * d, q1, _real(p), _real(p), _real(p))
        masked.append({"d": d, "p": p_text, "delta": delta_text, "q1": q1, "q0": q0, "ceiling": _text(ceiling)})

    real = closed_real(2 * 1000, Fraction(1, 2), Fraction(9999, 10000))
    below_one = {"q1_real": _text(real), "width_real": _text(100 * real), "width_needed": 100}

    half, p1, p2 = Fraction(1, 2), Fraction(1, 20), Fraction(99, 100)
    real, q1 = closed_real(2, half, p2), closed_integer(2, half, p2)
    late = int(mp.ceil(mp.log(2 * real / _real(half)) / _rate(p1)))
    q0 = closed_integer(2 * q1, half, p1)
    rounded_late = {"q1_real": _text(real), "q1": q1, "q0_from_real": late, "q0": q0}
    rounded_late |= {"success_from_real": _text(block_law((1, 1), (late, q1), (p1, p2)))}
    rounded_late |= {"success": _text(block_law((1, 1), (q0, q1), (p1, p2)))}

    m1, m2, delta = 784 * 128, 1280, Fraction(1, 1000)
    for q0, q1 in ((33, 22), (33, 60)):
        need = closed_integer(2 * m1 * q1, delta, half)
        row: Row = {
            "q0": q0,
            "q1": q1,
            "q0_needed": need,
            "q0_needed_real": _text(closed_real(2 * m1 * q1, delta, half)),
        }
        row |= {"qualifies": need <= q0 and closed_integer(2 * m2, delta, half) <= q1}
        row |= {"failure": _text(1 - block_law((m1, m2), (q0, q1), (_real(half), _real(half))))}
        pairs.append(row)
    source = (
        "F2: target d-1-1, widths of Theorem 2.1, every layer masked with density p; ceiling = P(every input has a "
        "path to the output). F3: real q1 of 100 hidden and 10 outputs, p = .9999, delta = .5. F4: one weight a "
        "layer, p1 = .05, p2 = .99, delta = .5: the real q1 put into q0's formula. F5: 784-128-10, p = .5, delta = "
        ".001."
    )
    return {"source": source, "F2": masked, "F3": below_one, "F4": rounded_late, "F5": pairs}


PREASSIGNED = ((4, 8, 3), "1/2", "1/10"), ((2, 3, 2), "3/10", "1/20")
HALL = """
    4 9 1/2 40; 4 9 3/10 54; 8 10 1/2 80; 8 10 1/5 100; 8 10 1/5 120; 784 33 1/10 25872; 784 33 1/50 25872;
    784 33 1/50 25873; 784 229 1/100 179536; 784 229 1/100 179633; 784 229 1/100 179634
"""
MATCHED = "4 9 1/2 1/10; 8 10 1/5 1/10; 784 33 1/50 1/1000; 784 229 1/100 1/1000"


def layer0_section(hall_rows: str = HALL, matched_rows: str = MATCHED) -> Row:
    """Masked layer 0: neurons assigned before or after the mask is seen."""
    preassigned, hall, minimal = [], [], []
    for (d, n1, outputs), p_text, delta_text in PREASSIGNED:
        p, delta = Fraction(p_text), Fraction(delta_text)
        q1 = closed_integer(2 * n1 * outputs, delta, p)
        for name, density in (("printed", p), ("corrected", p * p)):
            q0 = closed_integer(2 * d * n1 * q1, delta, density)
            row: Row = {
                "target": [d, n1, outputs],
                "p": p_text,
                "delta": delta_text,
                "variant": name,
                "q0": q0,
                "q1": q1,
            }
            law = preassigned_law([n1] * d, [n1 * outputs], [q0, q1], [p, p, p])
            preassigned.append({**row, "success": _text(law)})
    for d_text, q_text, p_text, n_text in map(str.split, hall_rows.split(";")):
        d, q0, n0, density = int(d_text), int(q_text), int(n_text), _real(Fraction(p_text))
        row = {"d": d, "q0": q0, "p0": p_text, "n0": n0, "hall_sum": _text(hall_sum(d, q0, density, n0))}
        hall.append({**row, "failure_at_least": _text(hall_lower(d, q0, density, n0))})
    for d_text, q_text, p_text, delta_text in map(str.split, matched_rows.split(";")):
        d, q0, p, delta = int(d_text), int(q_text), Fraction(p_text), Fraction(delta_text)
        for parts in (2, 3):
            with mp.workdps(60):
                n0 = matched_width(d, q0, p, delta / parts)
            minimal.append({"d": d, "q0": q0, "p0": p_text, "delta": delta_text, "parts": parts, "n0": n0})
    source = (
        "preassigned: layer-0 neuron k reads input k mod d, exact law for dense targets, with the printed q0 and "
        "with the one from lam(p0 p1). hall: sum_s C(d,s) P(Bin(N0,1-(1-p0)^s) < q0 s), an upper bound of P(no "
        "b-matching), and a lower bound beside it. minimal: smallest N0 >= q0 d with that sum <= delta/parts."
    )
    return {"source": source, "preassigned": preassigned, "hall": hall, "minimal": minimal}


BLOCKS = """
    4 8 3 14 10 1/2 1/2; 1 1 1 2 1 1/2 1/2; 1 1 1 1 2 1/2 1/2; 1 1 1 2 2 1/2 1/2; 2 2 1 2 1 1/2 1/3; 2 2 1 1 2 1/2 1/3;
    2 2 1 2 2 1/2 1/3
"""


def block_section() -> Row:
    """Exact probability of the block construction, layer 0 alive."""
    rows = []
    for *numbers, first, second in map(str.split, BLOCKS.split(";")):
        d, n1, n2, q0, q1 = map(int, numbers)
        law = block_law([d * n1, n1 * n2], [q0, q1], [Fraction(first), Fraction(second)])
        row: Row = {"target": [d, n1, n2], "factors": [q0, q1], "densities": [first, second], "success": _text(law)}
        rows.append({**row, "fraction": str(law) if law.denominator < 10**30 else None})
    source = (
        "Dense target: prod_l (1-(1-p_{l+1})^{q_l})^{m_{l+1} q_{l+1}}, the probability that every copy sees a copy "
        "of every neuron that it needs; fraction: the same number, where it is short."
    )
    return {"source": source, "rows": rows}


EXTREMES = """
    1e12 1e-300 density 1e-12; 1e12 1/2 density 1e-12; 1e12 1e-300 sparsity 1e-300; 1 999999/1000000 density 1/2;
    1280 1/2000 density 1/100
"""


def numerics_section() -> Row:
    """Points at which plain floating-point formulas lose digits or round to the wrong integer."""
    rows = []
    for weight_text, delta_text, kind, value in map(str.split, EXTREMES.split(";")):
        weights, delta = int(Fraction(weight_text)), Fraction(delta_text)
        p = Fraction(value) if kind == "density" else 1 - Fraction(value)
        with mp.workdps(700):
            closed, exact = closed_real(weights, delta, p), single_real(weights, delta, p)
            row: Row = {"weights": weight_text, "delta": delta_text, kind: value, "closed_real": _text(closed)}
            row |= {"closed": str(max(1, int(mp.ceil(closed)))), "exact_real": _text(exact)}
            rows.append({**row, "exact": str(single_integer(weights, delta, p))})
    half = Fraction(1, 2)
    ties = [closed_integer(1, Fraction(1, 2**k), half) for k in range(1, 200)]
    products = [closed_integer(2**j, Fraction(1, 2**k), half) for j, k in ((3, 26), (10, 37), (40, 159))]
    source = (
        "closed: smallest q with M (1-p)^q <= delta; exact: smallest q with (1-(1-p)^q)^M >= 1-delta; 700 digits. "
        "ties: M = 1, p = 1/2, delta = 2^-k, k = 1..199, decided in integers; tie_products: M = 2^j, delta = 2^-k "
        "for (j,k) = (3,26), (10,37), (40,159)."
    )
    return {"source": source, "rows": rows, "ties": ties, "tie_products": products}


SECTIONS: dict[str, Callable[[], Row]] = {
    "figure2": figure2_section,
    "theorem_2_3": theorem23_section,
    "counterexamples": counterexample_section,
    "layer0": layer0_section,
    "block": block_section,
    "numerics": numerics_section,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or compare it with what is computed now."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="compare with widths.json instead of writing it")
    check = parser.parse_args(arguments).check
    path = Path(__file__).with_name("widths.json")
    values = {name: section() for name, section in SECTIONS.items()}
    if not check:
        path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
        return 0
    stored = json.loads(path.read_text(encoding="utf-8"))
    wrong = [name for name in {**values, **stored} if values.get(name) != stored.get(name)]
    sys.stdout.write(f"differs: {', '.join(wrong)}\n" if wrong else "widths.json is what this script computes\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
