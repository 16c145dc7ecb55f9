"""The bounds behind an answer about factored sources, with the numbers that go into them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ertheory.bounds.factored.network import FactoredDesign, shapes_of_target
from ertheory.bounds.factored.one_map import FactoredMap
from ertheory.bounds.factored.triple import TripleMap
from ertheory.bounds.factored.triple_network import TripleDesign
from ertheory.bounds.result import Width
from ertheory.bounds.statement import Step
from ertheory.numbers import named_numbers, rational_text

__all__ = ["count_ceiling_steps", "count_steps", "factored_steps", "path_ceiling_steps", "path_steps"]

_MOST = 6  # maps that are shown
_HALL = "h*_k(d, a) = min(1, min_(j <= k) sum_s C(d, s) C(j, s - 1) (1 - a)^(s (j - s + 1)))"
_DUAL = "dual: P <= n E[h*_K(m, p2)],  K ~ Bin(N, p1)"
_PRIMAL = "primal: P <= m E[h*_K(n, p1)],  K ~ Bin(N, p2)"
_LINKING = "linking: P <= n E[min(1, min_(j <= K) h_j)],  K ~ Bin(N1, p1); transposed: both sides exchanged"
_LINKED = (
    "  h_k = sum_t C(m, t) sum_(a < t) C(k, a) P(Bin(N2, r) < t - a),",
    "  r = (1 - (1 - p3)^t) (1 - (1 - p2)^(k - a))",
)
_COLOURING = "colouring: P <= H(n, q1, N1, p1) + H(m, q2, N2, p3) + n m (1 - p2)^(q1 q2),  H Hall's sum"
_MIXED = (
    "mixed: P <= P(Bin(n, phi) > f) + n E[h*_K(m, p2); K >= kappa] + n m E[h*_J(f, rho)] / (1 - phi)",
    "  phi = P(K < kappa),  rho = E[K | K < kappa] / N,  J ~ Bin(N, p2 (1 - p1)); mixed-primal with n, p1 and m, p2 "
    "exchanged",
)


def factored_steps(answer: Width) -> tuple[Step, ...]:
    """Show the theorems that the maps rest on, and one line with numbers for each map."""
    design = answer.design
    if isinstance(design, TripleDesign):
        return _triple_steps(design)
    if not isinstance(design, FactoredDesign):
        return ()
    used = {one.orientation for one in design.maps}
    steps: list[Step] = [_HALL]
    steps += [line for name, line in (("dual", _DUAL), ("primal", _PRIMAL)) if name in used]
    steps += _MIXED if any(name.startswith("mixed") for name in used) else ()
    steps += [_numbers(one) for one in design.maps[:_MOST]]
    if len(design.maps) > _MOST:
        steps.append(f"and {len(design.maps) - _MOST} more maps")
    failure = sum((one.failure for one in design.maps), Fraction(0))
    steps.append(f"P(failure) <= {_short(failure)} in all; {_ratio(design)}")
    return tuple(steps)


_PATHS = (
    "P(success) <= 1 - n m q / (1 + (m - 1) r / q + (n - 1) s / q + (n - 1) (m - 1) q),  q = (1 - p1 p2)^N",
    "  r = (1 - p1 + p1 (1 - p2)^2)^N,  s = (1 - p2 + p2 (1 - p1)^2)^N",
)
_COUNTS = (
    "P(success) <= exp(-theta n m) E[exp(theta Z)]^N,  Z = a + b - 1 where a, b > 0, else 0",
    "  a ~ Bin(n, p1) edges into an inner neuron, b ~ Bin(m, p2) out of it",
    "P(success) <= P(Bin(N, u) >= min(n, m)),  u = (1 - (1 - p1)^n) (1 - (1 - p2)^m)",
)


_THREE_PATHS = (
    "P(success) <= (1 - (1 - p1)^N1)^n,  P(success) <= (1 - (1 - p3)^N2)^m,  each whatever the other width is",
    "P(success) <= 1 - (1 - p3 (1 - (1 - p2)^(p1 N1)))^N2,  for both widths together",
)
_THREE_COUNTS = (
    "P(success) <= P(Bin(N1, 1 - (1 - p1)^n) >= min(n, m)),  P(success) <= P(Bin(N2, 1 - (1 - p3)^m) >= min(n, m))",
)


def _of_triples(answer: Width, formulas: tuple[str, ...]) -> tuple[Step, ...] | None:
    """Show the bounds of three factors, and the widths; ``None`` for two."""
    shapes = shapes_of_target(answer.target)
    if len(answer.widths) != 3 * len(shapes):
        return None
    inner = list(zip(shapes, answer.widths[::3], answer.widths[1::3], strict=True))[:_MOST]
    lines = (named_numbers({"N1": first or 0, "N2": second or 0}) for _, first, second in inner if first)
    return (*formulas, *(f"{shape.name}: {line}" for (shape, _, _), line in zip(inner, lines, strict=False)))


def path_steps(answer: Width) -> tuple[Step, ...]:
    """Show the bound that counts pairs without a path."""
    return _of_triples(answer, _THREE_PATHS) or _of_pairs(answer, *_PATHS)


def count_steps(answer: Width) -> tuple[Step, ...]:
    """Show the bounds that count unknowns and rank."""
    return _of_triples(answer, _THREE_COUNTS) or _of_pairs(answer, *_COUNTS)


def path_ceiling_steps(answer: Width) -> tuple[Step, ...]:
    """Show the bound that counts pairs without a path, for the widths that are given."""
    return _of_triples(answer, _THREE_PATHS) or (*_PATHS, *_given(answer))


def count_ceiling_steps(answer: Width) -> tuple[Step, ...]:
    """Show the bounds that count unknowns and rank, for the widths that are given."""
    return _of_triples(answer, _THREE_COUNTS) or (*_COUNTS, *_given(answer))


def _given(answer: Width) -> Iterator[str]:
    pairs = zip(answer.densities[::2], answer.densities[1::2], strict=True)
    maps = zip(shapes_of_target(answer.target), answer.widths[::2], pairs, strict=False)
    for shape, inner, (first, second) in list(maps)[:_MOST]:
        n, m = shape.used
        yield f"{shape.name}: " + named_numbers({"n": n, "m": m, "N": inner or 0, "p1": first, "p2": second})


def _of_pairs(answer: Width, *formulas: str) -> tuple[Step, ...]:
    delta = rational_text(answer.failure_probability)
    steps: list[Step] = list(formulas)
    for shape, inner in zip(shapes_of_target(answer.target)[:_MOST], answer.widths[::2], strict=False):
        if inner is not None:
            steps.append(f"{shape.name}: N >= {inner}; with {inner - 1} the bound is below 1 - {delta}")
    return tuple(steps)


def _numbers(one: FactoredMap) -> str:
    densities = ", ".join(f"p{index} = {_brief(density)}" for index, density in enumerate(one.densities, start=1))
    split = f", kappa = {one.threshold}, f = {one.set_aside}" if one.set_aside else ""
    form = "" if one.form == "linear" else f", {one.form}"
    sizes = f"n = {one.columns}, m = {one.rows}, {densities}, N = {one.inner}{form}{split}"
    return f"{one.name or 'map'}, {one.orientation}: {sizes}: P <= {_short(one.failure)} (share {_short(one.share)})"


def _triple_steps(design: TripleDesign) -> tuple[Step, ...]:
    used = {one.theorem.partition("-")[0] for one in design.maps}
    steps: list[Step] = []
    if "linking" in used:
        steps += [_LINKING, *_LINKED]
    if "colouring" in used:
        steps.append(_COLOURING)
    steps += [_triple_numbers(one) for one in design.maps[:_MOST]]
    if len(design.maps) > _MOST:
        steps.append(f"and {len(design.maps) - _MOST} more maps")
    failure = sum((one.failure for one in design.maps), Fraction(0))
    steps.append(f"P(failure) <= {_short(failure)} in all; {_ratio(design)}")
    return tuple(steps)


def _triple_numbers(one: TripleMap) -> str:
    densities = ", ".join(f"p{index} = {_brief(density)}" for index, density in enumerate(one.densities, start=1))
    classes = f", q1 = {one.classes[0]}, q2 = {one.classes[1]}" if one.theorem == "colouring" else ""
    sizes = f"n = {one.columns}, m = {one.rows}, {densities}, N1 = {one.inner[0]}, N2 = {one.inner[1]}{classes}"
    return f"{one.name or 'map'}, {one.theorem}: {sizes}: P <= {_short(one.failure)} (share {_short(one.share)})"


def _ratio(design: FactoredDesign | TripleDesign) -> str:
    edges = f"{float(design.edges_expected):,.0f} expected edges for {design.nonzeros:,} weights"
    return f"{edges}, {float(design.edges_ratio):.4g} to 1"


def _brief(density: Fraction) -> str:
    text = rational_text(density)
    return text if len(text) <= 12 else f"{float(density):.6g}"


def _short(value: Fraction) -> str:
    return f"{float(value):.4g}"
