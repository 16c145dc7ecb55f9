"""Any network inside a random one in which every linear map is a pair of masked maps; skips and the rest stay.

>>> import numpy as np
>>> from ertheory.networks.network import Activation, Affine, Residual
>>> rng = np.random.default_rng(0)
>>> first, second = (Affine.from_dense(rng.normal(size=(4, 4))) for _ in range(2))
>>> block = Residual((first, Activation("relu"), second))
>>> target = Network((block, Activation("relu"), Affine.from_dense(rng.normal(size=(2, 4)))))
>>> built = embed_network(target, density="1/2", failure_probability="0.1")
>>> len(built.source.affine), max(one.error_bound for one in built.maps) < 1e-12
(6, True)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ertheory.bounds.result import rational_text, success_text
from ertheory.builders.factored.answers import MapAnswer, solved_fields
from ertheory.builders.factored.inner import Inner
from ertheory.builders.factored.modules.embed import embed_module
from ertheory.errors import InvalidInput
from ertheory.networks.network import Activation, Affine, Network, Residual, Step
from ertheory.networks.writers.torch_module import network_to_torch
from ertheory.numbers import Rational
from ertheory.results import Result

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["FactoredNetwork", "embed_network"]


@dataclass(frozen=True, eq=False, kw_only=True)
class FactoredNetwork(Result):
    """A network inside a masked source with two or three affine steps for each of its own.

    Parameters
    ----------
    target, source
        The network, and what contains it.
    masks
        They are those of the affine steps of the source, in their order, as booleans; full where a layer stays as it
        is.
    maps
        What every product rests on.
    left_dense
        Layers that stay as they are, and why.
    success_lower
        A lower bound on the probability that drawn masks hold every network of these shapes.
    inner
        What the inner neurons do.
    """

    target: Network
    source: Network
    masks: tuple[csr_array, ...]
    maps: tuple[MapAnswer, ...]
    left_dense: dict[str, str]
    success_lower: Fraction
    inner: Inner = "identity"

    @property
    def widths(self) -> tuple[int, ...]:
        """Outputs of all affine steps of the source."""
        return tuple(step.outputs for step in self.source.affine)

    @property
    def edges_used(self) -> int:
        """Weights other than 0."""
        return sum(self.source.nonzeros)

    @property
    def edges_available(self) -> int:
        """Entries that the masks keep."""
        return sum(int(mask.nnz) for mask in self.masks)

    @property
    def edges_ratio(self) -> float:
        """Entries that the masks keep for each weight of the target other than 0."""
        return self.edges_available / max(1, sum(self.target.nonzeros))

    def to_dict(self) -> dict[str, Any]:
        """Collect what describes the source in types that JSON knows; not the weights."""
        return {
            "construction": "factored",
            "widths": list(self.widths),
            "edges_used": self.edges_used,
            "edges_available": self.edges_available,
            "edges_ratio": self.edges_ratio,
            **solved_fields(self.maps),
            "densities": [rational_text(density) for one in self.maps for density in one.densities],
            "inner": self.inner,
            "layers": [one.name for one in self.maps],
            "left_dense": dict(self.left_dense),
            "success_probability_lower": success_text(self.success_lower),
        }


def embed_network(
    target: Network,
    *,
    density: Rational,
    failure_probability: Rational,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
    **options: Any,
) -> FactoredNetwork:
    """Build a network inside a random one that has pairs of masked maps for its affine steps.

    Parameters
    ----------
    target
        Any network: with convolutions, skips, and norms that are steps of their own.
    density
        The overall density p.
    failure_probability
        The number delta.
    seed
        It is that of the masks.
    progress
        It is told how many entries of masks are done, map after map.
    **options
        They are ``inner``, ``outer``, ``split`` and ``workers`` of `ertheory.embed_module`; a box for inner ReLU is
        that of the network.

    Raises
    ------
    InvalidInput
        If the network has no map that can be replaced, or an argument lies outside its domain.
    ConstructionFailed
        If a drawn mask lacks a matching; the layer is named.
    ModuleNotFoundError
        If PyTorch is not installed.

    Notes
    -----
    Depthwise convolutions stay as they are; so does a norm that is a step of its own, a diagonal. Projections in skips
    are pairs like the others, with inner neurons of the same kind.
    """
    module = network_to_torch(target)
    layers = _layers(module)
    norms = [name for name, step in zip(layers, target.affine, strict=True) if step.is_scaling]
    if len(norms) == len(layers):
        raise InvalidInput("target", "a network with a linear map that is no scaling of channels", "none")
    if options.get("inner", "identity") != "identity":
        options["domain"] = target.domain
    made = embed_module(
        module,
        density=density,
        failure_probability=failure_probability,
        seed=seed,
        leave_out=norms,
        progress=progress,
        **options,
    )
    steps = _layers(made.module).values()
    parts = iter(list(zip(steps, target.affine, strict=True)))
    masks: list[csr_array] = []
    source = Network(tuple(_replaced(target.steps, parts, masks.append)), target.domain)
    return FactoredNetwork(
        target=target,
        source=source,
        masks=tuple(masks),
        maps=tuple(made.maps.values()),
        left_dense=made.left_dense | dict.fromkeys(norms, "a norm, which scales channels one by one"),
        success_lower=made.success_probability_lower,
        inner=made.inner,
    )


def _layers(module: Any) -> dict[str, Any]:
    """Give the layers of a module, pairs among them, by name in the order of their registration."""
    from torch import nn

    from ertheory.builders.factored.modules.pair import MapPair

    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, MapPair)
    return {name: part for name, part in module.named_modules() if isinstance(part, kinds)}


_Part = tuple[Step, Any]  # a step, and the mask of an affine one


def _parts(layer: Any, step: Affine) -> tuple[_Part, ...]:
    """Give the steps that stand for one of the target."""
    from scipy.sparse import csr_array

    if not hasattr(layer, "first"):
        return ((step, csr_array(np.ones(step.weight.shape, dtype=np.bool_))),)
    if not layer.rectified:
        return _step(layer.first, None), _step(layer.second, layer.bias)
    bias = layer.bias if layer.taken is None else (0 if layer.bias is None else layer.bias) - layer.taken
    return _step(layer.first, layer.shift), (Activation("relu"), None), _step(layer.second, bias)


def _step(one: Any, bias: Any) -> _Part:
    from scipy.sparse import csr_array

    rows, width = one.shape[0], int(np.prod(one.shape[1:]))
    places, values = one.places.cpu().numpy().astype(np.int64), one.values.detach().cpu().numpy()
    starts = np.searchsorted(places, np.arange(rows + 1) * width)
    mask = csr_array((np.ones(len(places), dtype=np.bool_), places % width, starts), shape=(rows, width))
    geometry: dict[str, Any] = {}
    if one.geometry is not None:
        names = ("stride", "padding", "dilation", "groups")
        geometry = {"kernel": tuple(one.shape[2:]), **{name: getattr(one.geometry, name) for name in names}}
    step = Affine(
        weight=csr_array((values, places % width, starts), shape=(rows, width)),
        bias=np.zeros(rows) if bias is None else bias.detach().cpu().numpy(),
        inputs=one.shape[1] * geometry.get("groups", 1),
        **geometry,
    )
    return step, mask


def _replaced(
    steps: Sequence[Step],
    parts: Iterator[tuple[Any, Affine]],
    keep: Callable[[Any], object],
) -> Iterator[Step]:
    for step in steps:
        if isinstance(step, Affine):
            for one, mask in _parts(*next(parts)):
                if mask is not None:
                    keep(mask)
                yield one
        elif isinstance(step, Residual):
            branch = tuple(_replaced(step.branch, parts, keep))
            yield Residual(branch, tuple(_replaced(step.skip, parts, keep)))
        else:
            yield step
