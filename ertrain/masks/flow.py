"""Which neurons of a masked network can take part: those on a whole path from the inputs to the outputs."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.functional import conv2d

from ertheory.errors import InvalidInput, one_of
from ertheory.layerwise import LayerDensities
from ertrain.arguments import check_inputs, taken
from ertrain.masks.entries import kept_by_neurons
from ertrain.masks.flow_repair import REPAIRS
from ertrain.masks.masking import masks_of
from ertrain.masks.positive import INSTEAD
from ertrain.masks.shapes import check_weights, layer_shapes, named_weights, turn_into_layers, whole_shape
from ertrain.masks.sparse.kept import KeptConv2d, KeptLinear
from ertrain.masks.structured import check_drawing
from ertrain.masks.uses import Uses, tensors_in

__all__ = ["DeadNeurons", "dead_neurons", "expected_without_weights"]

_FOLLOWED = "operations through which paths can be followed"
_OTHER_NUMBERS = 1  # seed of the numbers with which paths are followed once more
_BETWEEN = 0.1, 1.9


@dataclass(frozen=True)
class DeadNeurons:
    """Neurons (channels) of one layer's outputs that no path goes through.

    Parameters
    ----------
    name
        It is that of the layer.
    neurons
        Number of its outputs.
    without_weights
        Those that no kept weight leads to.
    without_input
        Those that no path from the inputs reaches.
    without_output
        Those from which no path leads to the outputs of the network.
    dead
        Those of which either holds.
    """

    name: str
    neurons: int
    without_weights: int
    without_input: int
    without_output: int
    dead: int


def dead_neurons(module: nn.Module, inputs: tuple[int, ...]) -> tuple[DeadNeurons, ...]:
    """Count the outputs of every linear and convolutional layer that no whole path goes through.

    Parameters
    ----------
    module
        Any module with linear and convolutional layers, and normalisation, pooling, sums, activations and attention
        between them; with or without masks. It is neither changed nor trained.
    inputs
        Shape of one input, without the batch.

    Returns
    -------
    tuple of DeadNeurons
        One per layer that is used, in the order of registration.

    Raises
    ------
    InvalidInput
        If the module does not take such inputs, or there are operations through which paths cannot be followed, so
        that neurons would count as dead without any mask.

    Notes
    -----
    In a copy every kept weight becomes the same positive number and every bias 0; activations and normalisation only
    scale, means stand for maxima, sums for differences, products for quotients, and a positive increasing function for
    the softmax and for gates, which let something through that nothing reaches. Then a path from the inputs
    reaches a neuron if and only if its value has a positive derivative by them, and one leads on if and only if the sum
    of all outputs has one by it. Weights are scaled by the mean number of inputs, and products of activations by their
    larger factor, so that nothing over- or underflows in double precision. Where neurons are dead, weights that differ
    have to say the same, or there are operations whose paths depend on them. A layer that is used
    more than once is asked about all of its uses together.

    Examples
    --------
    >>> from ertrain.masks.masking import attach_masks
    >>> network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    >>> attach_masks(network, {"0": torch.tensor([[True, True], [False, False]])})
    >>> [layer.dead for layer in dead_neurons(network, (2,))]
    [1, 0]
    """
    masks = masks_of(module)
    check_inputs(inputs)
    check_weights(module)
    names = [layer.name for layer in layer_shapes(module)]
    if names:
        named_weights(module, names)
    with taken("inputs", f"a shape of inputs that {type(module).__name__} takes", tuple(inputs)):
        lives = _lives(module, inputs, masks)
    found = _counts(module, masks, lives)
    if any(layer.dead for layer in found):
        whole = _counts(module, {}, _lives(module, inputs, {})) if masks else found
        lost = [layer.name for layer in whole if layer.dead]
        if lost:
            said = f"{_FOLLOWED}; without masks every neuron has to be on one{turn_into_layers(module)}"
            raise InvalidInput("module", said, f"layer {lost[0]!r}, which has dead neurons though it is dense")
        again = _lives(module, inputs, masks, np.random.default_rng(_OTHER_NUMBERS))
        moved = [name for name, live in lives.items() if not all(map(torch.equal, live, again[name]))]
        if moved:
            raise InvalidInput("module", _FOLLOWED, f"layer {moved[0]!r}, whose dead neurons change with the weights")
    return found


def _counts(
    module: nn.Module, masks: Mapping[str, Tensor], lives: Mapping[str, tuple[Tensor, Tensor]]
) -> tuple[DeadNeurons, ...]:
    return tuple(
        _counted(
            name, *lives[name], None if name not in masks else kept_by_neurons(module.get_submodule(name), masks[name])
        )
        for name in (layer.name for layer in layer_shapes(module))
        if name in lives
    )


def _lives(
    module: nn.Module, inputs: tuple[int, ...], masks: Mapping[str, Tensor], rng: np.random.Generator | None = None
) -> dict[str, tuple[Tensor, Tensor]]:
    """Say of the outputs of every layer which the inputs reach, and which lead on, in weights of positive numbers."""

    def fill(one: Tensor) -> None:
        if rng is None:
            one.fill_(1)
        else:
            one.copy_(torch.from_numpy(rng.uniform(*_BETWEEN, tuple(one.shape))))

    model = copy.deepcopy(module).double().eval()
    leads: list[tuple[str, Tensor]] = []

    def watch(name: str, result: Tensor, axis: int) -> None:
        leading = torch.zeros(result.shape[axis], dtype=torch.bool, device=result.device)
        leads.append((name, leading))
        if result.requires_grad:  # what is kept of a slope is as small as this: networks may be wide

            def reach(slope: Tensor) -> None:
                leading.logical_or_(_positive(slope, axis))

            result.register_hook(reach)  # type: ignore[no-untyped-call]

    names = [layer.name for layer in layer_shapes(model)]
    with torch.no_grad():
        for mask in masks_of(model).values():  # the masks that are given here are in the weights
            mask.fill_(value=True)
        for layer in model.modules():
            for key, parameter in layer.named_parameters(recurse=False):
                parameter.zero_() if "bias" in key else fill(parameter)
        for name in names:
            layer = model.get_submodule(name)
            weight = layer.get_parameter("weight")
            if name in masks:
                weight.mul_(masks[name])
            weight.div_(weight.sum().div(whole_shape(layer)[0]).clamp(min=1))
            if name not in masks and isinstance(layer, KeptLinear):
                layer._compute = partial(_means, layer)  # type: ignore[method-assign]
    device = next(model.parameters()).device
    ones = torch.empty(1, *inputs, dtype=torch.float64, device=device)
    fill(ones)
    with Uses(model, watch, INSTEAD):
        total = sum(tensor.sum() for tensor in tensors_in(model(ones.requires_grad_())))
    if isinstance(total, Tensor):
        total.backward()  # type: ignore[no-untyped-call]
    try:
        rises = _rises(model, ones.detach())
    except (NotImplementedError, RuntimeError):  # what others wrote may have no derivative forwards
        rises = _differences(model, ones.detach())
    uses: dict[str, tuple[Tensor, Tensor]] = {}
    for (name, leading), moved in zip(leads, rises, strict=True):
        before = uses.get(name, (torch.zeros_like(moved), torch.zeros_like(leading)))
        uses[name] = before[0] | moved, before[1] | leading
    return uses


def _positive(part: Tensor, axis: int) -> Tensor:
    """Say of every neuron or channel whether any of its numbers is positive."""
    return (part.detach().transpose(0, axis).flatten(1) > 0).any(1)


def _rises(model: nn.Module, ones: Tensor) -> list[Tensor]:
    """Say which outputs of every use of a layer rise with the inputs: what is constant does not."""
    rises: list[Tensor] = []

    def watch(_: str, result: Tensor, axis: int) -> None:
        slope = forward_ad.unpack_dual(result).tangent  # type: ignore[no-untyped-call]
        rises.append(_positive(torch.zeros_like(result) if slope is None else slope, axis))

    with warnings.catch_warnings(), torch.no_grad(), forward_ad.dual_level():
        warnings.simplefilter("ignore", FutureWarning)  # PyTorch warns of what it calls itself here
        with Uses(model, watch, INSTEAD):
            model(forward_ad.make_dual(ones, torch.ones_like(ones)))  # type: ignore[no-untyped-call]
    return rises


def _differences(model: nn.Module, ones: Tensor) -> list[Tensor]:
    """Say the same by comparing the outputs of two inputs, one of which is larger everywhere."""
    outputs: list[list[tuple[Tensor, int]]] = [[], []]
    for scale, found in enumerate(outputs, 1):

        def watch(_: str, result: Tensor, axis: int, found: list[tuple[Tensor, int]] = found) -> None:
            found.append((result.detach(), axis))

        with Uses(model, watch, INSTEAD):
            model((scale * ones).requires_grad_())
    return [_positive(twice - once, axis) for (once, axis), (twice, _) in zip(*outputs, strict=True)]


def _means(layer: KeptLinear, inputs: Tensor) -> Tensor:
    """Give what a dense layer of equal weights makes of its inputs, without the weights."""
    if isinstance(layer, KeptConv2d):
        size, stride, padding, dilation = layer.window
        kernel = inputs.new_full((1, 1, *size), 1 / math.prod(size))
        means = conv2d(inputs.mean(1, keepdim=True), kernel, None, stride, padding, dilation)
        return means.repeat(1, layer.out_channels, 1, 1)
    return inputs.mean(-1, keepdim=True).repeat(*[1] * (inputs.dim() - 1), layer.out_features)


def expected_without_weights(densities: LayerDensities, *, drawing: str = "independent", repair: str = "none") -> float:
    """Expect so many outputs to which no weight is kept that leads to them, before the masks are drawn.

    Parameters
    ----------
    densities
        Those that masks are drawn with.
    drawing
        ``"independent"``, every weight with the density of its layer, or ``"exact"``, their exact number.
    repair
        ``"none"``; any other leaves no such output.

    Returns
    -------
    float
        The sum over all layers of outputs * (1 - p_l)^fan_in; for k of m weights, outputs * C(m - fan_in, k) / C(m, k).
        It is exact, for outputs that lose their own weights; those that are cut off further away come on top.

    Raises
    ------
    InvalidInput
        If the drawing or the repair is unknown.

    Examples
    --------
    >>> from ertheory.layerwise import layer_densities
    >>> densities = layer_densities(((10, 4),), "1/4", "uniform")
    >>> round(expected_without_weights(densities), 4), round(expected_without_weights(densities, drawing="exact"), 4)
    (3.1641, 2.9987)
    """
    check_drawing(drawing)
    if one_of("repair", repair, REPAIRS) != "none":
        return 0.0
    if drawing == "independent":
        return densities.dead_outputs_expected
    counts = zip(densities.layers, densities.nonzero_counts(), strict=True)
    return math.fsum(layer.outputs * _all_elsewhere(layer.weights, layer.fan_in, kept) for layer, kept in counts)


def _all_elsewhere(weights: int, own: int, kept: int) -> float:
    """Probability that so many of the weights, drawn without putting back, are all outside of one's own."""
    if kept > weights - own:
        return 0.0
    logs = [math.lgamma(number + 1) for number in (weights - own, weights - kept, weights, weights - own - kept)]
    return math.exp(logs[0] + logs[1] - logs[2] - logs[3])


def _counted(name: str, reached: Tensor, leading: Tensor, kept: Tensor | None) -> DeadNeurons:
    return DeadNeurons(
        name=name,
        neurons=len(reached),
        without_weights=0 if kept is None else int((kept == 0).sum()),
        without_input=int((~reached).sum()),
        without_output=int((~leading).sum()),
        dead=int((~(reached & leading)).sum()),
    )
