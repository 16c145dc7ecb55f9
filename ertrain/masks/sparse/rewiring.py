"""RiGL and SET on sparse layers: weights are dropped and grown where the pattern is kept, and nothing is made dense."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import unfold
from torch.optim import Optimizer

from ertheory.errors import InvalidInput
from ertrain.masks.shapes import named_parts
from ertrain.masks.sparse.convolution import SparseConv2d
from ertrain.masks.sparse.layer import SparseLinear

__all__ = ["rewire"]

_BLOCK = 2**22  # entries of a dense gradient that are looked at together: 16 MB


def rewire(
    model: nn.Module,
    share: float,
    loss: Callable[[], Tensor] | None = None,
    optimiser: Optimizer | None = None,
    *,
    generator: torch.Generator | None = None,
    block: int = _BLOCK,
) -> None:
    """Let every sparse layer drop a share of its weights, the smallest, and grow as many elsewhere.

    Parameters
    ----------
    model
        Any module with layers of `SparseLinear`; their patterns are changed in place, their numbers of weights are not.
    share
        How much of a layer is dropped, in [0, 1]; the number is rounded down.
    loss
        Computes the loss of a batch. Weights grow where its dense gradient is largest in absolute value, as in RiGL;
        gradients that were there are lost. Without it they grow at random, as in SET.
    optimiser
        Whose state is moved along: weights that stay keep what is remembered about them.
    generator
        Draws the random places; PyTorch's own by default.
    block
        How many entries of a dense gradient are held at a time, at least one row of it.

    Raises
    ------
    InvalidInput
        If there is no sparse layer, the share is outside of [0, 1], or a layer takes no part in the loss.

    Notes
    -----
    Evci, Gale, Menick, Castro and Elsen, *Rigging the Lottery: Making All Tickets Winners*, ICML 2020; Mocanu et al.,
    *Scalable training of artificial neural networks with adaptive sparse connectivity*, 2018. As in the runs of this
    package, a weight that has just been dropped may return by its gradient, as if it had not been dropped; a new one
    starts at 0 without momentum. Time is that of the dense gradient of one batch. Memory is that of a block, and of
    some vectors of the kept weights.

    Examples
    --------
    >>> layer = SparseLinear(3, 2, [[1, 1, 0], [0, 0, 1]], bias=False)
    >>> with torch.no_grad(): _ = layer.weight.copy_(torch.tensor([1.0, 0.1, 2.0]))
    >>> rewire(layer, 0.34, lambda: (layer(torch.tensor([[0.0, 1.0, 5.0]])) * torch.tensor([1.0, 3.0])).sum())
    >>> layer.to_dense()
    tensor([[1., 0., 0.],
            [0., 0., 2.]])
    """
    layers = {name: layer for name, layer in named_parts(model) if isinstance(layer, SparseLinear)}
    if not layers:
        raise InvalidInput("model", "at least one SparseLinear", type(model).__name__)
    if not 0 <= share <= 1:
        raise InvalidInput("share", "a number in [0, 1]", share)
    remaining = {name: _remaining(layer, share) for name, layer in layers.items()}
    if loss is None:
        grown = {
            name: _anywhere(there, count, layer.in_features * layer.out_features, generator)
            for (name, layer), (there, count) in zip(layers.items(), remaining.values(), strict=True)
        }
    else:
        grown = {}
        for name, (inputs, gradients) in _passes(layers, loss).items():
            there, count = remaining[name]
            grown[name] = _steepest(inputs, gradients, there, count, block)
    for name, layer in layers.items():
        _move(layer, torch.cat((remaining[name][0], grown[name])).sort().values, optimiser)


def _places(layer: SparseLinear) -> Tensor:
    """Give the number of each kept weight among all entries of the matrix, row by row."""
    rows = torch.repeat_interleave(layer.starts.diff())
    return rows * layer.in_features + layer.columns


def _remaining(layer: SparseLinear, share: float) -> tuple[Tensor, int]:
    """Give the places of the weights that are not dropped, and how many are."""
    kept = len(layer.weight)
    count = math.floor(share * kept)
    chosen = layer.weight.detach().abs().topk(kept - count, sorted=False).indices
    return _places(layer)[chosen.sort().values], count


def _passes(layers: dict[str, SparseLinear], loss: Callable[[], Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Give what goes into each layer and the gradient of what comes out, (places, features)."""
    seen: dict[str, tuple[Tensor, Tensor]] = {}

    def watch(name: str) -> Callable[[Any, Any, Tensor], None]:
        def look(_: Any, given: Any, outputs: Tensor) -> None:
            if name in seen:
                raise InvalidInput(f"layer {name!r}", "one that is used once in a pass", "one that is used again")
            seen[name] = given[0].detach(), outputs

        return look

    handles = [layer.register_forward_hook(watch(name)) for name, layer in layers.items()]
    try:
        found = loss()
    finally:
        for handle in handles:
            handle.remove()
    outputs = [there for _, there in seen.values()]
    gradients = torch.autograd.grad(found, outputs, allow_unused=True) if outputs else ()
    flat: dict[str, tuple[Tensor, Tensor]] = {}
    for (name, (inputs, _)), gradient in zip(seen.items(), gradients, strict=True):
        if gradient is not None:
            flat[name] = _by_features(layers[name], inputs, gradient)
    for name in layers:
        if name not in flat:
            raise InvalidInput(f"layer {name!r}", "one that takes part in the loss", "one that does not")
    return flat


def _by_features(layer: SparseLinear, inputs: Tensor, gradients: Tensor) -> tuple[Tensor, Tensor]:
    if isinstance(layer, SparseConv2d):  # what the matrix of its kernels meets at each place
        size, stride, padding, dilation = layer.window
        images = inputs.reshape(-1, *inputs.shape[-3:])
        inputs, gradients = unfold(images, size, dilation, padding, stride).mT, gradients.movedim(-3, -1)
    kind = layer.weight.dtype
    return inputs.to(kind).reshape(-1, layer.in_features), gradients.to(kind).reshape(-1, layer.out_features)


def _steepest(inputs: Tensor, gradients: Tensor, there: Tensor, count: int, block: int) -> Tensor:
    """Give the places, none of those that remain, of the largest entries of the dense gradient, some rows at a time."""
    width = inputs.shape[1]
    rows = max(1, block // width)
    scores, places = inputs.new_empty(0), there.new_empty(0)
    for first in range(0, gradients.shape[1], rows):
        here = (gradients[:, first : first + rows].t() @ inputs).abs_().flatten()
        begin = first * width
        low, high = torch.searchsorted(there, there.new_tensor([begin, begin + len(here)])).tolist()
        here[there[low:high] - begin] = -torch.inf
        best = here.topk(min(count, len(here)), sorted=False)
        scores, places = torch.cat((scores, best.values)), torch.cat((places, best.indices + begin))
        chosen = scores.topk(min(count, len(scores)), sorted=False)
        scores, places = chosen.values, places[chosen.indices]
    return places


def _anywhere(there: Tensor, count: int, size: int, generator: torch.Generator | None) -> Tensor:
    """Draw places, none of those that remain: every choice of so many is equally likely."""
    free, device = size - len(there), "cpu" if generator is None else generator.device
    if free <= 4 * count:
        ranks = torch.randperm(free, generator=generator, device=device)[:count]
    else:
        ranks = torch.empty(0, dtype=torch.int64, device=device)
        while len(ranks) < count:
            more = torch.randint(free, (2 * count + 16 - len(ranks),), generator=generator, device=device)
            ranks = torch.cat((ranks, more)).unique()  # type: ignore[no-untyped-call]
        ranks = ranks[torch.randperm(len(ranks), generator=generator, device=device)[:count]]
    # Before a free place of rank r there are r free ones, and as many others as have at most r free ones before them.
    before = there - torch.arange(len(there), device=there.device)
    ranks = ranks.to(there.device)
    return ranks + torch.searchsorted(before, ranks, right=True)


@torch.no_grad()
def _move(layer: SparseLinear, places: Tensor, optimiser: Optimizer | None) -> None:
    """Let the weights of a layer be at other places, which rise."""
    old = _places(layer)
    at = torch.searchsorted(old, places).clamp_(max=len(old) - 1)
    stays = old[at] == places
    moved: list[Tensor] = [layer.weight]
    if optimiser is not None:
        kept = optimiser.state.get(layer.weight, {}).values()
        moved += [one for one in kept if isinstance(one, Tensor) and one.shape == layer.weight.shape]
    for vector in moved:
        vector.copy_(torch.where(stays, vector[at], 0))
    layer.starts[1:] = torch.bincount(places // layer.in_features, minlength=layer.out_features).cumsum(0)
    layer.columns.copy_(places % layer.in_features)
    layer.turn()
