"""The rule behind layer-wise densities, and the numbers that go into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ertheory.results import Step

if TYPE_CHECKING:
    from ertheory.layerwise.result import LayerDensities

__all__ = ["ratio_steps"]

_RULES = {
    "uniform": "p_l = p",
    "erk": "p_l = min(1, c s_l / m_l),  s_l = n_l + n_(l-1) + {kernel},  c such that sum p_l m_l = p M",
    "balanced": "p_l = min(1, X / m_l),  X such that sum p_l m_l = p M",
    "balanced-printed": "p_l = min(1, X / m_l),  X = p M / L",
    "pyramidal": "p_l = x^l,  x such that sum x^l m_l = p M",
}
_KERNELS = {"size": "the sides of the filter", "area": "the taps of the filter"}
_MOST_LAYERS = 8


def ratio_steps(found: LayerDensities) -> tuple[Step, ...]:
    """Show the rule, what the densities of the layers come from, and what they spend."""
    rule = _RULES[found.ratio].format(kernel=_KERNELS.get(found.erk_kernel or "", ""))
    count = len(found.layers)
    steps: list[Step] = [rule, f"p = {float(found.density):.6g}, M = {found.weights}, L = {count}{_level(found)}"]
    rows = zip(found.layers, found.densities, found.nonzeros_expected, strict=True)
    for number, (layer, density, kept) in enumerate(rows, start=1):
        if number > _MOST_LAYERS:
            steps.append(f"and {count - _MOST_LAYERS} more layers")
            break
        steps.append(f"m_{number} = {layer.weights}: p_{number} = {density:.6g}, p_{number} m_{number} = {kept:.6g}")
    spent = f"sum p_l m_l = {sum(found.nonzeros_expected):.10g} of p M = {float(found.density * found.weights):.10g}"
    dead = f"outputs without a weight: sum n_l (1 - p_l)^(fan-in of layer l) = {found.dead_outputs_expected:.4g}"
    return (*steps, spent, dead)


def _level(found: LayerDensities) -> str:
    """Give the number that the rule solves for."""
    if found.ratio == "pyramidal":
        return f", x = {found.densities[0]:.6g}"
    if found.ratio == "uniform":
        return ""
    taken = [kept for density, kept in zip(found.densities, found.nonzeros_expected, strict=True) if density < 1]
    if found.ratio == "erk":
        return ""
    return f", X = {taken[0]:.6g}" if taken else ", all layers full"
