"""An architecture as a target: its layers counted, whether or not each reads what the one before it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ertheory.errors import InvalidInput
from ertheory.layerwise.architectures import LayerShape, architecture
from ertheory.networks.layer import Layer
from ertheory.networks.target import Target
from ertheory.numbers import number_of

__all__ = ["ModelTarget", "model_target"]


@dataclass(frozen=True)
class ModelTarget(Target):
    """The layers of an architecture in forward order, with skips and shortcuts between them.

    Parameters
    ----------
    layers
        The layers, shortcuts among them.
    network, domain
        ``None``: only counts are known.
    name
        The name of the architecture.
    names
        The names of the layers.

    Examples
    --------
    >>> resnet = model_target("resnet18")
    >>> str(resnet), resnet.depth, resnet.is_chain, model_target("vgg16").is_chain
    ('resnet18', 21, False, True)
    """

    name: str = ""
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.layers:
            raise InvalidInput("model", "at least one layer with weights", self.name)

    @property
    def is_chain(self) -> bool:
        """Whether each layer reads what the one before it writes, and nothing else does."""
        return all(above.inputs == below.outputs for below, above in pairwise(self.layers)) and not any(
            "downsample" in name or ".conv" in name for name in self.names
        )

    def __str__(self) -> str:
        return self.name


def model_target(model: str | Sequence[LayerShape]) -> ModelTarget:
    """Count the layers of an architecture.

    Parameters
    ----------
    model
        A name, as `ertheory.layerwise.architectures.architecture` knows them, or layers in forward order.

    Raises
    ------
    InvalidInput
        If the name is not known, or there are no layers.

    Examples
    --------
    >>> vgg = model_target("vgg16-imagenet")
    >>> vgg.layers[13].positions, sum(vgg.nonzeros)
    (49, 138344128)
    """
    shapes = architecture(model) if isinstance(model, str) else tuple(model)
    layers: list[Layer] = []
    for shape in shapes:
        below = layers[-1] if layers else None
        # A linear layer behind convolutions reads all positions of their channels.
        flat = below is not None and below.kernel and not shape.kernel and shape.inputs % below.outputs == 0
        positions = shape.inputs // below.outputs if below is not None and flat else 1
        layers.append(Layer(shape.outputs, shape.inputs // positions, shape.kernel, positions))
    name = model if isinstance(model, str) else number_of(len(layers), "layer")
    return ModelTarget(tuple(layers), name=name, names=tuple(shape.name for shape in shapes))
