"""The network of a run before its first step: built, masked, initialised, each from a stream of its own."""

from __future__ import annotations

import torch
from torch import nn

from ertheory.errors import InvalidInput
from ertrain.configuration import Configuration
from ertrain.data import Data
from ertrain.initialisation import initialise
from ertrain.masking import attach_masks, draw_masks
from ertrain.models import build_model
from ertrain.ratios import share_out
from ertrain.shapes import layer_shapes
from ertrain.streams import generator, stream_seed

__all__ = ["start_model"]


def start_model(configuration: Configuration, data: Data) -> nn.Module:
    """Build the network that a configuration describes, with its masks and its first weights, on the CPU.

    Parameters
    ----------
    configuration
        What to build.
    data
        Its images give the shapes; ratios that are taken from a pruning method look at those to train with.

    Raises
    ------
    InvalidInput
        If a layer that should stay dense is not there, or all of them should.

    Examples
    --------
    >>> from pathlib import Path
    >>> from ertrain.data import load_data
    >>> from ertrain.masking import masks_of
    >>> configuration = Configuration(recipe="example", density="0.1", drawing="exact", dense_layers=("last",))
    >>> masks = masks_of(start_model(configuration, load_data("digits", Path())))
    >>> {name: int(mask.sum()) for name, mask in masks.items()}
    {'fc1': 1920, 'fc2': 3000}
    """
    # Layers draw weights when they are made. They are drawn again below, and nobody else's numbers are used up.
    with torch.random.fork_rng(devices=[]):
        model = build_model(
            configuration.model, inputs=data.train.shape, classes=data.classes, width=configuration.width
        )
    names = [layer.name for layer in layer_shapes(model)]
    words = {"first": names[0], "last": names[-1]}
    skip = tuple(words.get(name, name) for name in configuration.dense_layers)
    if set(names) <= set(skip):
        raise InvalidInput("dense_layers", "at least one layer with a mask", configuration.dense_layers)
    initialise(model, "kaiming", generator(configuration.seed, "weights"))
    densities = share_out(model, configuration.density, configuration.ratio, skip=skip)
    masks = draw_masks(densities, stream_seed(configuration.seed, "mask"), exact=configuration.drawing == "exact")
    attach_masks(model, masks)
    initialise(model, configuration.initialisation, generator(configuration.seed, "weights"))
    return model
