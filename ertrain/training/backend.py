"""How the layers of a run are stored and multiplied: dense with masks, or the kept weights alone.

The network is the same module either way. With the sparse backend, layers are made of the kept weights of their masks
where that can be (`never_dense`). Other masked layers are dense, and exchanged for sparse ones between the moments at
which all of a layer is looked at: steps at which masks change, and checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ertheory.errors import InvalidInput
from ertheory.layerwise.architectures import LayerShape
from ertrain.configuration import Configuration
from ertrain.masks.masking import masks_of
from ertrain.masks.sparse import SparseLinear
from ertrain.masks.sparse.convert import can_be_sparse, sparse_layer
from ertrain.masks.sparse.convolution import SparseConv2d
from ertrain.masks.sparse.kept import KeptConv2d, KeptLinear
from ertrain.methods import FixedMask
from ertrain.models.factored import FactoredLayer
from ertrain.training.process_group import ProcessGroup

__all__ = ["BACKENDS", "Backend", "PackedLayers", "ShownLayers", "choose_backend", "layers_of", "never_dense"]

Backend = Literal["auto", "masked", "sparse"]
BACKENDS: tuple[Backend, ...] = ("auto", "masked", "sparse")

# Measured by benchmarks/sparse_training.py and benchmarks/sparse_convolutions.py: from there on the kept weights alone
# are faster, in layers that are not tiny, where what surrounds a product takes longer than it. So are layers of which a
# method chooses at every step. Weights of convolutions are used at many places.
_BREAK_EVEN, _BREAK_EVEN_JOINED = 0.25, 0.1
_LARGE, _LARGE_CONVOLUTION = 100_000, 1024


def choose_backend(
    backend: Backend, configuration: Configuration, model: nn.Module, processes: ProcessGroup
) -> tuple[str, ...]:
    """Name the layers of a network that are stored sparse.

    Parameters
    ----------
    backend
        ``"masked"``, none; ``"sparse"``, all that can be; ``"auto"``, those that are faster so, on a CPU. Convolutions
        that are a layer's two factors, which are multiplied before they meet an image, are so together or not at all.
    configuration
        It is that of the run.
    model
        The network with its masks.
    processes
        Where it is trained.

    Returns
    -------
    tuple of str
        Names of linear layers and convolutions with masks.

    Raises
    ------
    InvalidInput
        If ``"sparse"`` is asked for and cannot be had: the run is compiled or spread over processes, the network is
        itself a layer with a mask, or no such layer has one.

    Examples
    --------
    >>> from ertrain.masks.masking import attach_masks
    >>> layer = nn.Sequential(nn.Linear(1000, 1000))
    >>> attach_masks(layer, {"0": torch.rand(1000, 1000) < 0.1})
    >>> choose_backend("auto", Configuration(recipe="x"), layer, ProcessGroup(torch.device("cpu")))
    ('0',)
    """
    _check(backend)
    if backend == "masked":
        return ()
    masks = {name: mask for name, mask in masks_of(model).items() if can_be_sparse(model.get_submodule(name))}
    names = tuple(name for name, mask in masks.items() if bool(mask.any()))
    obstacles = {
        "masked with compile": configuration.compile,
        "masked with several processes": processes.world_size > 1,
        "masked for a network that is one layer, which nothing holds": "" in masks,
        "masked where no linear layer, and no convolution, has a mask with a kept weight": not names,
    }
    for allowed, holds in obstacles.items():
        if holds and backend == "sparse":
            raise InvalidInput("backend", allowed, backend)
    if any(obstacles.values()):
        return ()
    if backend == "sparse":
        return names
    if processes.device.type != "cpu":
        return ()
    factors = {name: _factor_beside(model, name) for name in names}
    return tuple(
        name
        for name, other in factors.items()
        if (_pays(model.get_submodule(name), masks[name]) if other is None else _pay_joined(masks, {name, other}))
    )


def _check(backend: str) -> None:
    if backend not in BACKENDS:
        raise InvalidInput("backend", f"one of {', '.join(BACKENDS)}", backend)


def never_dense(
    backend: Backend, configuration: Configuration, processes: ProcessGroup
) -> Callable[[LayerShape, float], bool] | None:
    """Say which layers are made of their kept weights from the start, by shape and density; None for none.

    The others are made dense with masks, and may be exchanged for sparse ones later: layers of density 1, from which
    weights are pruned, and all of them with the method GraSP, which takes gradients of gradients. Where the ratio of a
    pruning method is asked for, or masks are repaired, there are dense weights or whole masks until that is done.

    Examples
    --------
    >>> from ertheory.layerwise.architectures import LayerShape
    >>> chosen = never_dense("auto", Configuration(recipe="x"), ProcessGroup(torch.device("cpu")))
    >>> chosen(LayerShape("fc1", (1000, 784)), 0.1), chosen(LayerShape("fc1", (1000, 784)), 0.5)
    (True, False)
    """
    _check(backend)
    obstacles = (
        backend == "masked",
        backend == "auto" and processes.device.type != "cpu",
        configuration.compile,
        processes.world_size > 1,
        configuration.method == "grasp",
    )
    if any(obstacles):
        return None
    if backend == "sparse":
        return lambda _, density: 0 < density < 1
    joined = configuration.factored == 2

    def paying(layer: LayerShape, density: float) -> bool:
        if len(layer.shape) == 2:
            return layer.weights >= _LARGE and 0 < density <= _BREAK_EVEN
        if joined:  # both factors are, or neither
            return 0 < density <= _BREAK_EVEN_JOINED
        return layer.weights >= _LARGE_CONVOLUTION and 0 < density <= _BREAK_EVEN

    return paying


def _pays(layer: nn.Module, mask: Tensor) -> bool:
    """Whether a layer is faster when its kept weights alone are multiplied."""
    if isinstance(layer, KeptLinear):
        return True
    large = _LARGE_CONVOLUTION if isinstance(layer, nn.Conv2d) else _LARGE
    return mask.numel() >= large and int(mask.sum()) <= _BREAK_EVEN * mask.numel()


def _factor_beside(model: nn.Module, name: str) -> str | None:
    """Name the other one of two convolutions whose product is made once for all places of the images."""
    above = name.rpartition(".")[0]
    around = model.get_submodule(above)
    factors = dict(around.named_children()) if isinstance(around, FactoredLayer) else {}
    if len(factors) != 2 or not all(isinstance(factor, nn.Conv2d | KeptConv2d) for factor in factors.values()):
        return None
    return next(other for part in factors if (other := f"{above}.{part}".lstrip(".")) != name)


def _pay_joined(masks: Mapping[str, Tensor], names: set[str]) -> bool:
    """Whether two factors are sooner multiplied path by path than as dense ones."""
    return all(
        name in masks and 0 < int(masks[name].sum()) <= _BREAK_EVEN_JOINED * masks[name].numel() for name in names
    )


def layers_of(
    method: FixedMask, model: nn.Module, optimiser: Optimizer, names: tuple[str, ...]
) -> PackedLayers | ShownLayers | None:
    """Choose how the layers with these names are stored sparse, as a method allows; nothing if there are none.

    Examples
    --------
    >>> from ertrain.masks.masking import attach_masks
    >>> model = nn.Sequential(nn.Linear(2, 2))
    >>> attach_masks(model, {"0": torch.eye(2, dtype=torch.bool)})
    >>> method = FixedMask(Configuration(recipe="x"), model, (2,), steps=1)
    >>> type(layers_of(method, model, torch.optim.SGD(model.parameters()), ("0",))).__name__
    'PackedLayers'
    """
    if not names:
        return None
    if method.can_be_packed:
        return PackedLayers(model, optimiser, names)
    # Layers that were never dense show all of S_ER anyhow.
    masks = {n: method.drawn[n] for n in names if not isinstance(model.get_submodule(n), KeptLinear)}
    return ShownLayers(model, masks) if masks else None


class PackedLayers:
    """Layers of a network that can be exchanged for sparse ones, in place, with what an optimiser keeps about them.

    Parameters
    ----------
    model
        The network.
    optimiser
        The optimiser of its parameters.
    names
        Which layers.

    Examples
    --------
    >>> from ertrain.masks.masking import attach_masks
    >>> model = nn.Sequential(nn.Linear(3, 2))
    >>> attach_masks(model, {"0": torch.tensor([[True, False, True], [False, True, False]])})
    >>> layers = PackedLayers(model, torch.optim.SGD(model.parameters(), lr=0.1), ("0",))
    >>> layers.pack(); model[0].weight.shape
    torch.Size([3])
    >>> layers.unpack(); model[0].weight.shape
    torch.Size([2, 3])
    """

    def __init__(self, model: nn.Module, optimiser: Optimizer, names: tuple[str, ...]) -> None:
        self.model, self.optimiser = model, optimiser
        self._dense = {name: model.get_submodule(name) for name in names}
        self._sparse: dict[str, tuple[SparseLinear, Tensor]] = {}  # each with the mask that it was made of
        self._packed = False

    @torch.no_grad()
    def pack(self) -> None:
        """Exchange the layers for sparse ones of their masks of now."""
        if self._packed:
            return
        for name, layer in self._dense.items():
            weight, mask = layer.get_parameter("weight"), layer.get_buffer("weight_mask")
            same = isinstance(layer, KeptLinear) and bool(mask.all())  # as what it would be exchanged for
            if same or not bool(mask.any()):
                self._sparse.pop(name, None)
                continue
            known = self._sparse.get(name)
            if known is None or not torch.equal(known[1], mask):
                sparse = layer.present() if isinstance(layer, KeptLinear) else sparse_layer(name, layer)
                sparse.bias = layer._parameters["bias"]  # both have one
                self._sparse[name] = sparse, mask.clone()
            else:
                sparse = known[0]
                sparse.weight.copy_(weight[mask])
            self._move(weight, sparse.weight, partial(_kept, mask))
            self.model.set_submodule(name, sparse.train(layer.training))
        self._packed = True

    @torch.no_grad()
    def unpack(self) -> None:
        """Exchange them back."""
        if not self._packed:
            return
        for name, (sparse, mask) in self._sparse.items():
            layer = self._dense[name]
            weight = layer.get_parameter("weight")
            weight.copy_(_spread(mask, sparse.weight))
            self._move(sparse.weight, weight, partial(_spread, mask))
            self.model.set_submodule(name, layer.train(sparse.training))
        self._packed = False

    def before_step(self) -> None:
        """Nothing: the optimiser moves the kept weights."""

    def tensors(self) -> list[Tensor]:
        """List all that is held of the layers in both forms."""
        forms = [*self._dense.values(), *(sparse for sparse, _ in self._sparse.values())]
        return [*_tensors_of(forms), *(mask for _, mask in self._sparse.values())]

    def _move(self, there: nn.Parameter, here: nn.Parameter, shaped: Callable[[Tensor], Tensor]) -> None:
        """Let the optimiser move one parameter instead of another, as if it had done so from the start."""
        for group in self.optimiser.param_groups:
            group["params"] = [here if parameter is there else parameter for parameter in group["params"]]
        if there in self.optimiser.state:
            kept = self.optimiser.state.pop(there)
            self.optimiser.state[here] = {
                key: shaped(value) if isinstance(value, Tensor) and value.shape == there.shape else value
                for key, value in kept.items()
            }


class ShownLayers:
    """Layers of which a method holds the weights, dense, and chooses anew at every step which of a mask are used.

    Passes see sparse layers of that mask, S_ER, with the weights of now, zeros among them. Before the method's step the
    layers are in their places again, with gradients for all of S_ER and 0 elsewhere.

    Parameters
    ----------
    model
        The network.
    masks
        S_ER by the names of the layers.

    Examples
    --------
    >>> from ertrain.masks.masking import attach_masks
    >>> model, mask = nn.Sequential(nn.Linear(3, 2)), torch.tensor([[True, False, True], [False, True, False]])
    >>> attach_masks(model, {"0": mask})
    >>> layers = ShownLayers(model, {"0": mask})
    >>> layers.pack(); model(torch.ones(1, 3)).sum().backward()
    >>> layers.before_step(); model[0].weight.grad
    tensor([[1., 0., 1.],
            [0., 1., 0.]])
    """

    def __init__(self, model: nn.Module, masks: Mapping[str, Tensor]) -> None:
        self.model = model
        self._layers: dict[str, tuple[nn.Module, SparseLinear, Tensor]] = {}
        for name, mask in masks.items():
            layer = model.get_submodule(name)
            sparse = sparse_layer(name, layer, mask=mask)
            sparse.bias = layer._parameters["bias"]
            self._layers[name] = layer, sparse, mask.flatten().nonzero().squeeze(1)
        self._packed = False

    @torch.no_grad()
    def pack(self) -> None:
        """Let passes see the weights of now."""
        if self._packed:
            return
        for name, (layer, sparse, places) in self._layers.items():
            torch.take(layer.get_parameter("weight"), places, out=sparse.weight.detach())
            self.model.set_submodule(name, sparse.train(layer.training))
        self._packed = True

    @torch.no_grad()
    def unpack(self) -> None:
        """Bring the layers back, without gradients."""
        if not self._packed:
            return
        for name, (layer, sparse, _) in self._layers.items():
            self.model.set_submodule(name, layer.train(sparse.training))
            sparse.weight.grad = None
        self._packed = False

    def tensors(self) -> list[Tensor]:
        """List all that is held of the layers in both forms."""
        forms = [form for layer, sparse, _ in self._layers.values() for form in (layer, sparse)]
        return [*_tensors_of(forms), *(places for _, _, places in self._layers.values())]

    @torch.no_grad()
    def before_step(self) -> None:
        """Bring the layers back, with their gradients."""
        for layer, sparse, places in self._layers.values():
            if sparse.weight.grad is not None:
                weight = layer.get_parameter("weight")
                weight.grad = torch.zeros_like(weight)
                weight.grad.view(-1)[places] = sparse.weight.grad
        self.unpack()


def _tensors_of(modules: Iterable[nn.Module]) -> Iterator[Tensor]:
    for module in modules:
        yield from module.parameters()
        yield from module.buffers()
        if isinstance(module, SparseConv2d):
            yield from module.found()


def _kept(mask: Tensor, dense: Tensor) -> Tensor:
    return dense[mask]


def _spread(mask: Tensor, kept: Tensor) -> Tensor:
    whole = kept.new_zeros(mask.shape)
    whole[mask] = kept.detach()
    return whole
