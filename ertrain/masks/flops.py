"""Floating-point operations of a forward pass and of training, counted from shapes and masks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertheory.numbers import whole_number
from ertrain.arguments import check_inputs, taken
from ertrain.masks.dense_uses import DenseUses
from ertrain.masks.masking import masks_of
from ertrain.masks.products import Products
from ertrain.masks.shapes import check_known, layer_shapes
from ertrain.masks.uses import Uses, tensors_in

__all__ = ["InputShape", "Positions", "forward_flops", "layer_positions", "masked_flops", "training_flops"]

_PASSES = 3  # forwards, backwards to the inputs, backwards to the weights
_COUNTED = "layers whose whole weight is multiplied with something: other uses cannot be counted"


class InputShape(tuple[int, ...]):
    """Shape of one input, which also knows whether inputs are whole numbers, such as those of words.

    Examples
    --------
    >>> shape = InputShape.of(torch.zeros(5, 3, dtype=torch.int64))
    >>> shape, shape.dtype
    ((3,), torch.int64)
    """

    dtype: torch.dtype | None = None

    @classmethod
    def of(cls, inputs: Tensor) -> InputShape:
        """Give the shape of one of some inputs (n, *shape)."""
        shape = cls(inputs.shape[1:])
        shape.dtype = None if inputs.is_floating_point() else inputs.dtype
        return shape


class Positions(dict[str, int]):
    """Positions of layers by their names, which also know what is multiplied with the weights that no mask covers.

    Attributes
    ----------
    beside
        Multiplications for one input by weights of recurrent layers, of projections into attention, of transposed
        convolutions and bilinear layers, and by other parameters, by their names.
    """

    beside: Mapping[str, int] = MappingProxyType({})


def layer_positions(module: nn.Module, inputs: tuple[int, ...]) -> Positions:
    """Count the positions at which every linear and convolutional weight is applied to one input.

    Parameters
    ----------
    module
        Any module that takes a batch of inputs; it is run once, in evaluation mode, and left as it was.
    inputs
        Shape of one input, without the batch.

    Returns
    -------
    Positions
        A dict with the number for each layer, by its name: 1 for a linear layer that is used once, height times width
        for a convolution. Every use counts, in functions and operators and by layers that share the weight too; a layer
        that is not used has none. What other weights are multiplied with is in its ``beside``.

    Raises
    ------
    InvalidInput
        If the module does not take such inputs, or the weight of a layer is used in part, or in no product.

    Examples
    --------
    >>> layer_positions(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(16, 2)), (1, 4, 4))
    {'0': 4, '2': 1}
    >>> layer_positions(nn.Sequential(nn.Linear(4, 3), nn.RNN(3, 2, bias=False)), (5, 4)).beside
    {'1.weight_ih_l0': 30, '1.weight_hh_l0': 20}
    """
    check_inputs(inputs)
    check_known(module)
    sizes = {layer.name: layer.weights for layer in layer_shapes(module)}
    positions = Positions(dict.fromkeys(sizes, 0))

    def count(name: str, result: Tensor, axis: int) -> None:
        positions[name] += result.numel() // result.shape[axis]

    modes = [(part, part.training) for part in module.modules()]
    weight = next(module.parameters(), None)
    if weight is None:
        raise InvalidInput("module", "a module with weights", type(module).__name__)
    fits = taken("inputs", f"a shape of inputs that {type(module).__name__} takes", tuple(inputs))
    try:
        with fits, torch.no_grad(), Uses(module, count), DenseUses(module) as others, Products(module) as products:
            zeros = torch.zeros(1, *inputs, device=weight.device, dtype=getattr(inputs, "dtype", None) or weight.dtype)
            module.eval()(zeros)
        positions.beside = _multiplied(positions, others.multiplications, products, sizes)
        unseen = [name for name, places in positions.items() if places == 0]
        if unseen:
            _refuse_others(module, zeros, unseen)
    finally:
        for part, training in modes:
            part.training = training
    return positions


def _multiplied(
    positions: dict[str, int], beside: dict[str, int], products: Products, sizes: Mapping[str, int]
) -> dict[str, int]:
    """Put in what functions and layers do not show: products that were written as such, and weights without a layer."""
    found = dict(beside)
    for name, times in products.multiplications.items():
        if name not in sizes:
            found[name] = max(found.get(name, 0), times)
        elif times > positions[name] * sizes[name]:
            if name in products.parts or times % sizes[name]:
                raise InvalidInput("module", _COUNTED, name)
            positions[name] = times // sizes[name]
    return found


def _refuse_others(module: nn.Module, zeros: Tensor, names: list[str]) -> None:
    """Refuse layers whose weights are used, but not as those of linear or convolutional layers."""
    weights = {
        one: name
        for name in names
        for key, one in module.get_submodule(name).named_parameters()
        if one.requires_grad and "bias" not in key
    }
    with torch.enable_grad():
        total = sum(tensor.sum() for tensor in tensors_in(module(zeros)))
    if not isinstance(total, Tensor) or not total.requires_grad or not weights:
        return
    slopes = torch.autograd.grad(total, list(weights), allow_unused=True)
    for name, slope in zip(weights.values(), slopes, strict=True):
        if slope is not None:
            raise InvalidInput("module", _COUNTED, name)


def forward_flops(
    module: nn.Module,
    inputs: tuple[int, ...],
    *,
    dense: bool = False,
    positions: Mapping[str, int] | None = None,
) -> int:
    """Count the operations of all layers with weights for one input: two for every weight and position.

    Parameters
    ----------
    module
        Any module, with or without masks.
    inputs
        Shape of one input, without the batch.
    dense
        Whether masks are ignored.
    positions
        What `layer_positions` gave for them, where it is known; they do not depend on the masks.

    Raises
    ------
    InvalidInput
        If the module does not take such inputs, or there are positions of layers that it does not have.

    Notes
    -----
    Recurrent layers, projections into attention, transposed convolutions, bilinear layers and parameters without a
    layer have no masks, and count as they are. Normalisation, activations, biases and the products of attention, which
    have no weights, are left out, as usual. Masked weights count nothing, although a simulated sparse network takes the
    time of a dense one.

    Examples
    --------
    >>> forward_flops(nn.Linear(30, 10), (30,))
    600
    """
    where = layer_positions(module, inputs) if positions is None else positions
    return masked_flops(module, where, {} if dense else masks_of(module))


def masked_flops(module: nn.Module, positions: Mapping[str, int], masks: Mapping[str, Tensor]) -> int:
    """Count the operations of a forward pass in masks that the module may not have; what has none is dense.

    Examples
    --------
    >>> masked_flops(nn.Linear(30, 10), {"": 1}, {"": torch.arange(300).reshape(10, 30) < 100})
    200
    """
    for name, mask in masks.items():
        if mask.dtype != torch.bool or mask.is_meta:
            raise InvalidInput("masks", "booleans", f"{mask.dtype} of {name!r}")
    kept = {
        layer.name: int(masks[layer.name].sum()) if layer.name in masks else layer.weights
        for layer in layer_shapes(module)
    }
    for name, places in positions.items():
        whole_number("positions", places, least=0)
        if name not in kept:
            raise InvalidInput("positions", f"names among {', '.join(kept)}", name)
    beside = positions.beside.values() if isinstance(positions, Positions) else ()
    return sum(2 * kept[name] * places for name, places in positions.items()) + 2 * sum(beside)


def training_flops(forward: int, images: int) -> int:
    """Operations of training on some images, counted as often as they are seen: three forward passes for each.

    Notes
    -----
    Backwards, the gradients of the inputs and those of the weights take one forward pass each; Evci et al. (ICML 2020)
    count so for static sparse training.

    Examples
    --------
    >>> training_flops(600, images=200)
    360000
    """
    return _PASSES * forward * images
