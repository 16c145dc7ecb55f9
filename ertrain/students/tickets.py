"""Strong tickets by training: edge-popup in many random networks at once, each for a target of its own.

The networks are those of Theorem 2.5, the very ones that `ertheory.build_ticket` prunes: depth L + 1, weights and
biases U[-1, 1] that never change, weights masked, biases not, and everything may be pruned. Scores alone are trained.
All networks see the same points, fresh ones at every step, so that given the points they are independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ertheory.errors import InvalidInput
from ertheory.masks.drawn_source import DrawnSource
from ertheory.networks.target import Target
from ertheory.numbers import whole_number
from ertrain.streams import generator
from ertrain.students.batched import Budget
from ertrain.students.teacher import points_of
from ertrain.training import cosine_decay, set_learning_rate

__all__ = ["PopupTickets", "edge_popup_tickets", "grid_of", "outputs_of", "stacked_sources", "stacked_targets"]

_LOOKS = 40  # how often errors are looked at during training, the last time at its end


@dataclass(frozen=True, eq=False)
class PopupTickets:
    """What edge-popup found in every network.

    Parameters
    ----------
    errors
        Largest error |target - network| over outputs and the points of a grid, shape (networks,): the least of those
        that were looked at. It is at most the error on the whole box.
    layers
        The pruned networks that have it, as by `stacked_sources`.
    """

    errors: Tensor
    layers: tuple[Tensor, ...]


def stacked_sources(sources: Sequence[DrawnSource]) -> tuple[Tensor, ...]:
    """Put random networks of one shape side by side.

    Parameters
    ----------
    sources
        They are those of the same widths; their densities may differ.

    Returns
    -------
    tuple of torch.Tensor
        A tensor (networks, outputs, inputs + 1) for every layer 0..L in single precision: weights, 0 outside of the
        mask, and the biases behind them.

    Examples
    --------
    >>> from ertheory.networks.source import Source
    >>> source = Source.for_target(Target.from_text("2-4-1"), widths=(8, 6, 1), densities="1/2")
    >>> [tuple(layer.shape) for layer in stacked_sources([DrawnSource(source, 0), DrawnSource(source, 1)])]
    [(2, 8, 3), (2, 6, 9), (2, 1, 7)]
    """
    return tuple(
        torch.stack(
            [_joined(source.rows(layer, 0, source.source.widths[layer]), source.biases(layer)) for source in sources]
        )
        for layer in range(len(sources[0].source.widths))
    )


def stacked_targets(targets: Sequence[Target]) -> tuple[Tensor, ...]:
    """Put targets with weights and of one shape side by side, as `stacked_sources` does it with networks."""
    pairs = [zip(target.weights or (), target.biases or (), strict=True) for target in targets]
    return tuple(torch.stack([_joined(*pair) for pair in layer]) for layer in zip(*pairs, strict=True))


def outputs_of(layers: Sequence[Tensor], points: Tensor) -> Tensor:
    """Compute what ReLU networks with linear outputs give at points (n, d): a tensor (networks, n, outputs)."""
    hidden = points.expand(layers[0].shape[0], *points.shape)
    for number, layer in enumerate(layers):
        if number:
            hidden = hidden.relu()
        hidden = torch.baddbmm(layer[:, None, :, -1], hidden, layer[:, :, :-1].transpose(1, 2))
    return hidden


def grid_of(box: Any, each: int) -> Tensor:
    """Make a grid (n, d) over a box (d, 2), corners included, with so many places along every input.

    Examples
    --------
    >>> grid_of([(0, 1), (-1, 1)], 2).tolist()
    [[0.0, -1.0], [0.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """
    ends = np.array(box, dtype=np.float64).tolist()
    axes = [torch.linspace(low, high, each) for low, high in ends]
    return torch.cartesian_prod(*axes).reshape(-1, len(axes))


def edge_popup_tickets(
    targets: Sequence[Target],
    sources: Sequence[DrawnSource],
    budget: Budget,
    *,
    share: float = 0.5,
    places: int = 41,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> PopupTickets:
    """Run edge-popup in every network, for its target.

    Parameters
    ----------
    targets
        Targets with weights, of one shape and on one box.
    sources
        One per target, of one shape.
    budget
        How long and how fast scores learn, by Adam.
    share
        It lies in (0, 1]; every layer keeps this share of the weights and biases that its mask has on average.
    places
        They are those of the grid for the errors, along every input, at least 2.
    seed
        It is that of the points; scores start from the seeds of the sources.
    device
        The device that computes; points and starts do not depend on it.

    Raises
    ------
    InvalidInput
        If there are not as many sources as targets, or none, or the budget has no steps, the share lies outside its
        domain, or targets have different boxes.

    Notes
    -----
    Ramanujan et al. (CVPR 2020): a layer keeps its k entries with the largest |s|, and straight through, the gradient
    of s is that of the entry in the network times its value and sign(s), whether it is kept or not. The loss is the
    mean squared error at the points of a step; errors are looked at 40 times, and the least counts, since every network
    on the way is a ticket in its own right.
    """
    if not targets or len(sources) != len(targets):
        raise InvalidInput(
            "sources", f"one per target, and at least one target; there are {len(targets)}", len(sources)
        )
    whole_number("steps", budget.steps, least=1)
    if not 0 < share <= 1:
        raise InvalidInput("share", "a number in (0, 1]", share)
    box = targets[0].domain
    if box is None or any(target.domain is None or not np.array_equal(target.domain, box) for target in targets):
        raise InvalidInput("targets", "targets on one box", [target.domain for target in targets])
    values = tuple(layer.to(device) for layer in stacked_sources(sources))
    wanted = tuple(layer.to(device) for layer in stacked_targets(targets))
    counts = _counts(sources[0], share)
    scores = [torch.nn.Parameter(layer.to(device)) for layer in _starts(values, [source.seed for source in sources])]
    grid = grid_of(box, places).to(device)
    there = outputs_of(wanted, grid)
    best = PopupTickets(torch.full((len(targets),), torch.inf, device=device), tuple(map(torch.zeros_like, values)))
    optimiser = torch.optim.Adam(scores, lr=budget.learning_rate, fused=True)
    stream, looks = generator(seed, "points"), min(_LOOKS, budget.steps)
    layers = _kept(values, scores, counts)
    for step in range(budget.steps):
        set_learning_rate(optimiser, cosine_decay(step / budget.steps, budget.learning_rate))
        points = points_of(box, budget.batch, stream).to(device)
        for layer in layers:
            layer.requires_grad_()
        off = outputs_of(layers, points) - outputs_of(wanted, points)
        # The sum over networks: each has the gradient that it would have alone.
        slopes = torch.autograd.grad(off.square().mean((1, 2)).sum(), layers)
        for score, slope, value in zip(scores, slopes, values, strict=True):
            score.grad = slope * value * score.detach().sign()
        optimiser.step()
        layers = _kept(values, scores, counts)
        if (step + 1) * looks // budget.steps > step * looks // budget.steps:
            best = _better(best, layers, (outputs_of(layers, grid) - there).abs().amax((1, 2)))
    return best


def _joined(weight: Any, bias: Any) -> Tensor:
    return torch.from_numpy(np.concatenate([weight, bias[:, None]], axis=1)).float()


def _counts(source: DrawnSource, share: float) -> list[int]:
    """How many weights and biases layers keep, never less than 1."""
    widths, columns = source.source.widths, [mask.shape[1] for mask in source.masks]
    sizes = zip(widths, columns, source.source.densities, strict=True)
    return [max(1, round(share * (rows * inputs * float(density) + rows))) for rows, inputs, density in sizes]


def _starts(values: Sequence[Tensor], seeds: Sequence[int]) -> list[Tensor]:
    """Draw the scores, uniform on [-1, 1]: those of a network from a stream of its own, whatever its company."""
    streams = [generator(seed, "scores") for seed in seeds]
    return [
        torch.stack([2 * torch.rand(layer.shape[1:], generator=stream) - 1 for stream in streams]) for layer in values
    ]


@torch.no_grad()
def _kept(values: Sequence[Tensor], scores: Sequence[Tensor], counts: Sequence[int]) -> tuple[Tensor, ...]:
    layers = []
    for value, score, count in zip(values, scores, counts, strict=True):
        strength = score.abs().masked_fill(value == 0, -1).flatten(1)  # an entry of the mask is never 0
        highest = strength.topk(min(count, strength.shape[1]), dim=1, sorted=False).indices
        flat = value.flatten(1)
        layers.append(torch.zeros_like(flat).scatter_(1, highest, flat.gather(1, highest)).view_as(value))
    return tuple(layers)


@torch.no_grad()
def _better(best: PopupTickets, layers: tuple[Tensor, ...], errors: Tensor) -> PopupTickets:
    better = errors < best.errors
    kept = (torch.where(better[:, None, None], new, old) for new, old in zip(layers, best.layers, strict=True))
    return PopupTickets(torch.where(better, errors, best.errors), tuple(kept))
