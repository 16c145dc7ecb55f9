"""Scores by which pruning methods rank weights at the start: SNIP, GraSP, SynFlow and magnitude.

All work on copies: the module that is scored is never changed. Only the scores of linear and convolutional weights are
looked at, and the weights with the highest ones are kept, in an exact number. In a module with masks the network is
that of the weights inside; what lies outside has score 0.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ertheory.errors import InvalidInput
from ertheory.numbers import whole_number
from ertrain.arguments import check_inputs, taken
from ertrain.masks.masking import masks_of
from ertrain.masks.shapes import check_weights, named_weights
from ertrain.streams import stream_seed

__all__ = [
    "Loss",
    "Scores",
    "grasp",
    "highest",
    "keep_highest",
    "magnitude",
    "snip",
    "summed_cross_entropy",
    "synflow_masks",
]

Scores = dict[str, Tensor]
Batches = Callable[[], Iterator[tuple[Tensor, Tensor]]]  # normalised images and labels
Loss = Callable[[Tensor, Tensor], Tensor]

_ROUNDS = 100
_MOST_ROUNDS = 10**6
_TEMPERATURE = 200.0


def summed_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Add up the cross-entropies of a batch."""
    return cross_entropy(logits, labels, reduction="sum")


def keep_highest(scores: Scores, count: int) -> dict[str, Tensor]:
    """Keep exactly so many weights, those with the highest scores of all layers.

    Parameters
    ----------
    scores
        A tensor per layer.
    count
        How many to keep, 0 <= count <= all.

    Returns
    -------
    dict
        Boolean masks of the same shapes. Among equal scores the first ones are kept.

    Raises
    ------
    InvalidInput
        If there are no scores, no real numbers in memory, or fewer than are kept.

    Examples
    --------
    >>> kept = keep_highest({"a": torch.tensor([3.0, 1.0]), "b": torch.tensor([2.0, 2.0])}, 2)
    >>> {name: int(mask.sum()) for name, mask in kept.items()}
    {'a': 1, 'b': 1}
    """
    if not scores or any(score.is_complex() or score.is_meta or score.is_sparse for score in scores.values()):
        raise InvalidInput("scores", "tensors of real numbers by the names of layers", list(scores))
    flat = torch.cat([score.flatten() for score in scores.values()])
    count = whole_number("count", count, least=0, most=len(flat))
    parts = highest(flat, count).split([score.numel() for score in scores.values()])  # type: ignore[no-untyped-call]
    return {name: part.reshape(score.shape) for (name, score), part in zip(scores.items(), parts, strict=True)}


def highest(scores: Tensor, count: int) -> Tensor:
    """Choose exactly so many of some numbers, the highest ones, and the first ones among those that are equal.

    So it does not matter whether entries that are never chosen, such as those outside of a mask, stand in between:
    neurons without a gradient make many that are equal. What is not a number is higher than all numbers.

    Examples
    --------
    >>> highest(torch.tensor([1.0, 0.0, 1.0, 2.0]), 2)
    tensor([ True, False, False,  True])
    """
    if count <= 0:
        return torch.zeros_like(scores, dtype=torch.bool)
    scores = scores.nan_to_num(torch.inf, torch.inf, -torch.inf)
    least = scores.topk(count, sorted=False).values.min()
    above, equal = scores > least, scores == least
    return above | (equal & (equal.cumsum(0) <= count - torch.count_nonzero(above)))


def magnitude(module: nn.Module, names: Sequence[str]) -> Scores:
    """|w|.

    Raises
    ------
    InvalidInput
        If a name is none of a linear or convolutional layer.
    """
    return {name: weight.detach().abs() for name, weight in named_weights(module, names).items()}


def snip(
    module: nn.Module, names: Sequence[str], batches: Batches, *, seed: int = 0, loss: Loss = summed_cross_entropy
) -> Scores:
    """|w dL/dw|, the effect of a weight on the loss L, to first order; the noise of dropout is that of the seed.

    Notes
    -----
    Lee, Ajanthan and Torr (ICLR 2019), over all the images that are given and at the network's own start.

    Raises
    ------
    InvalidInput
        If a name is none of a linear or convolutional layer, there is no batch, or one that network and loss do not
        take.
    """
    named_weights(module, names)
    model = copy.deepcopy(module).train()
    weights = _weights(model, names)
    with _noise(seed):
        _with_each(batches, lambda images, labels: loss(model(images), labels).backward())  # type: ignore[no-untyped-call]
    return {name: (weight * _gradient(weight)).detach().abs() for name, weight in weights.items()}


def grasp(
    module: nn.Module, names: Sequence[str], batches: Batches, *, seed: int = 0, loss: Loss = summed_cross_entropy
) -> Scores:
    """w (H g), with the gradient g and the Hessian H of the loss: what a weight adds to the flow of gradients.

    The noise of dropout is that of the seed, and the same for g and for H.

    Notes
    -----
    Wang, Zhang and Grosse (ICLR 2020): to first order, removing w changes |g|^2 by -2 w (H g), and the weights whose
    removal increases it the most go first. Logits are divided by 200 as there.

    Raises
    ------
    InvalidInput
        It is raised as by `snip`.
    """
    named_weights(module, names)
    model = copy.deepcopy(module).train()
    weights = list(_weights(model, names).values())

    def gradient(images: Tensor, labels: Tensor, *, twice: bool) -> tuple[Tensor, ...]:
        found = loss(model(images) / _TEMPERATURE, labels)
        return torch.autograd.grad(found, weights, create_graph=twice)

    total = [torch.zeros_like(weight) for weight in weights]
    with _noise(seed):
        _with_each(batches, lambda images, labels: torch._foreach_add_(total, gradient(images, labels, twice=False)))
    masks = masks_of(model)
    for name, flow in zip(names, total, strict=True):
        if name in masks:  # no gradient flows into a weight that is not there
            flow.mul_(masks[name])
    with _noise(seed):
        for images, labels in _pairs(batches):
            again = gradient(images, labels, twice=True)
            flow_of_all = sum((one * other).sum() for one, other in zip(again, total, strict=True))
            flow_of_all.backward()  # type: ignore[union-attr]
    return {name: (weight * _gradient(weight)).detach() for name, weight in zip(names, weights, strict=True)}


def synflow_masks(
    module: nn.Module,
    names: Sequence[str],
    inputs: tuple[int, ...],
    count: int,
    *,
    rounds: int = _ROUNDS,
    tell: Callable[[Mapping[str, Tensor]], object] = lambda _: None,
) -> dict[str, Tensor]:
    """Prune by synaptic flow in many rounds, without data.

    Parameters
    ----------
    module
        The network at its start, without masks or with some; then the weights are chosen inside them.
    names
        Layers to prune.
    inputs
        Shape of one input, without the batch.
    count
        Weights to keep.
    rounds
        After round k of n, the share (count / all)^(k / n) of them all, or of those inside, is left.
    tell
        It is called in every round with the masks of its passes.

    Returns
    -------
    dict
        Boolean masks.

    Raises
    ------
    InvalidInput
        If a name is none of a linear or convolutional layer, the module does not take such inputs, or a number lies
        outside of its domain.

    Notes
    -----
    Tanaka, Kunin, Yamins and Ganguli (NeurIPS 2020): with |w| for all w and an input of ones, the score of a weight
    is w dR/dw for the sum R of all outputs, the flow through it. In double precision, because the flow through a deep
    network overflows floats; in evaluation mode, so that normalisation only scales.
    """
    check_inputs(inputs)
    check_weights(module)
    rounds = whole_number("rounds", rounds, least=1, most=_MOST_ROUNDS)
    listed = sum(weight.numel() for weight in named_weights(module, names).values())
    count = whole_number("count", count, least=0, most=listed)
    model = copy.deepcopy(module).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()
    weights = _weights(model, names)
    there = masks_of(model)
    masks = {name: there.get(name, torch.ones_like(weight, dtype=torch.bool)) for name, weight in weights.items()}
    total = sum(int(mask.sum()) for mask in masks.values())
    device = next(model.parameters()).device
    for number in range(1, rounds + 1):
        tell(masks)
        model.zero_grad()
        with taken("inputs", f"a shape of inputs that {type(module).__name__} takes", tuple(inputs)):
            model(torch.ones(1, *inputs, dtype=torch.float64, device=device)).sum().backward()
        # What has been pruned stays so, even where a weight that is left has no flow.
        flow = {name: (weight * _gradient(weight)).detach() for name, weight in weights.items()}
        scores = {name: score.masked_fill(~masks[name], -torch.inf) for name, score in flow.items()}
        masks = keep_highest(scores, max(count, round(total * (count / total) ** (number / rounds))))
        with torch.no_grad():
            for name, weight in weights.items():
                weight.masked_fill_(~masks[name], 0)
    return masks


def _pairs(batches: Batches) -> Iterator[tuple[Tensor, Tensor]]:
    """Go through batches, each of which is inputs and labels."""
    for batch in batches():
        if not (isinstance(batch, tuple | list) and len(batch) == 2 and all(isinstance(one, Tensor) for one in batch)):
            kinds = [type(one).__name__ for one in batch] if isinstance(batch, tuple | list) else type(batch).__name__
            raise InvalidInput("batches", "pairs of tensors, inputs and labels", kinds)
        yield batch[0], batch[1]


def _with_each(batches: Batches, use: Callable[[Tensor, Tensor], object]) -> None:
    """Look at all batches, of which there is at least one."""
    empty = True
    for images, labels in _pairs(batches):
        empty = False
        shapes = f"shapes {tuple(images.shape)} and {tuple(labels.shape)}"
        with taken("batches", "inputs and labels that network and loss take", shapes):
            use(images, labels)
    if empty:
        raise InvalidInput("batches", "at least one batch", "none")


@contextlib.contextmanager
def _noise(seed: int) -> Iterator[None]:
    """Draw the noise of dropout from a seed in a block, and use up nobody else's numbers."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(stream_seed(seed, "noise"))
        yield


def _weights(model: nn.Module, names: Sequence[str]) -> dict[str, nn.Parameter]:
    """Give the weights of a copy; they have gradients also where they are frozen."""
    weights = {name: model.get_submodule(name).get_parameter("weight") for name in names}
    for weight in weights.values():
        weight.requires_grad_()
    return weights


def _gradient(weight: nn.Parameter) -> Tensor:
    return torch.zeros_like(weight) if weight.grad is None else weight.grad
