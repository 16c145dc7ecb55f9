"""The network of a run before its first step: built, masked, initialised, each from a stream of its own."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ertheory.errors import InvalidInput, called
from ertheory.layerwise import LayerDensities
from ertheory.layerwise.architectures import LayerShape
from ertrain.configuration import NESTED, Configuration
from ertrain.data import Data, Nodes
from ertrain.masks.flops import layer_positions
from ertrain.masks.flow_repair import repair_masks
from ertrain.masks.masking import attach_masks, draw_masks
from ertrain.masks.shapes import layer_shapes
from ertrain.models import build_model, factor_model
from ertrain.models.initialisation import OWN_START, initialise
from ertrain.ratios import PruningContext, allocate_sparsity, looks_at_weights
from ertrain.ratios.scores import Loss, summed_cross_entropy
from ertrain.streams import generator, stream_seed
from ertrain.training.kept_start import draw_kept, without_memory

__all__ = ["start_model"]


def start_model(
    configuration: Configuration,
    data: Data,
    *,
    fit: Callable[[nn.Module], object] | None = None,
    known: Sequence[float] | None = None,
    out: Path | None = None,
    own: nn.Module | None = None,
    loss: Loss = summed_cross_entropy,
    spend: Callable[[int], object] = lambda _: None,
    kept: Callable[[LayerShape, float], bool] | None = None,
) -> tuple[nn.Module, LayerDensities]:
    """Build the network that a configuration describes, with its masks and its first weights, on the CPU.

    Parameters
    ----------
    configuration
        What to build.
    data
        Its inputs give the shapes; ratios that are taken from a pruning method look at those to train with.
    fit
        Trains a network in place, for the ratio of IMP.
    known
        Densities of the layers, where they have been found out before.
    out
        Folder for the folders of runs, where rounds of IMP are kept for all runs that begin with the same ones.
    own
        The network, where it has no name; it is copied.
    loss
        What SNIP and GraSP take the gradient of: the sum of the losses of a batch.
    spend
        It is called with the floating-point operations that the search for a ratio takes, where there is one.
    kept
        Which layers, by shape and density, hold their kept weights alone from the start, as in
        `ertrain.training.backend.never_dense`: their masks and weights are those that dense layers would have, bit for
        bit, where a dense layer could be held at all. Before a ratio that looks at weights is known, they are dense.

    Returns
    -------
    torch.nn.Module
        The network.
    LayerDensities
        The densities that its masks were drawn with.

    Raises
    ------
    InvalidInput
        If the network does not fit the inputs, a layer that should stay dense is not there, or all of them should.
    ConstructionFailed
        If the masks should be repaired within a budget that is too small for it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from ertrain.data import load_data
    >>> from ertrain.masks.masking import masks_of
    >>> configuration = Configuration(recipe="example", density="0.1", drawing="exact", dense_layers=("last",))
    >>> model, _ = start_model(configuration, load_data("digits", Path()))
    >>> {name: int(mask.sum()) for name, mask in masks_of(model).items()}
    {'fc1': 1920, 'fc2': 3000}
    """
    # Layers draw weights when they are made. They are drawn again below, and nobody else's numbers are used up.
    looks = known is None and looks_at_weights(configuration.ratio)  # then there are dense weights to be looked at
    sparse = kept is not None and not looks
    with torch.random.fork_rng(devices=[]):
        model = None
        if own is not None:
            model = own if sparse else copy.deepcopy(own).cpu()
        elif sparse and configuration.initialisation != OWN_START:
            model = without_memory(partial(_built, configuration, data))
        if model is None:
            model = _built(configuration, data)
    seed, names = configuration.seed, [layer.name for layer in layer_shapes(model)]
    words = {"first": names[0], "last": names[-1]}
    skip = tuple(words.get(name, name) for name in configuration.dense_layers)
    if set(names) <= set(skip):
        raise InvalidInput("dense_layers", "at least one layer with a mask", configuration.dense_layers)
    if not sparse:
        _check_inputs(model, configuration, data)
    context = None
    if known is None and not sparse:
        initialise(model, "kaiming" if own is None else configuration.initialisation, generator(seed, "weights"))
        rounds = None if out is None else out / _rounds_name(configuration)
        context = (
            None
            if fit is None
            else PruningContext(
                data=data,
                seed=seed,
                fit=fit,
                keep=configuration.ratio_keep,
                rounds=rounds,
                loss=loss,
                images=len(data.train) // configuration.batch * configuration.batch * _round_epochs(configuration),
                spend=spend,
            )
        )
    densities = _densities(model, configuration, skip, known, context)
    mask_seed, masks = stream_seed(seed, "mask"), None
    if kept is None or configuration.repair != "none":
        masks = draw_masks(densities, mask_seed, drawing=configuration.drawing)
    if masks is not None and configuration.repair != "none":
        rng = np.random.default_rng(stream_seed(seed, "repair"))
        masks = repair_masks(masks, rng, hold_budget=configuration.repair == "swap", groups=_groups(model))
    if kept is not None:
        by_gaps = configuration.method not in NESTED
        model = draw_kept(model, densities, mask_seed, configuration.drawing, kept, by_gaps=by_gaps, repaired=masks)
    else:
        attach_masks(model, masks or {})
    if sparse:
        _check_inputs(model, configuration, data)
    initialise(model, configuration.initialisation, generator(seed, "weights"))
    return model, densities


def _check_inputs(model: nn.Module, configuration: Configuration, data: Data) -> None:
    with _fitting(configuration, data):
        layer_positions(model, data.train.shape)


@contextlib.contextmanager
def _fitting(configuration: Configuration, data: Data) -> Iterator[None]:
    """Say of inputs that a network does not take that it is the wrong model: nobody has given a run any inputs."""
    try:
        yield
    except InvalidInput as error:
        if error.argument != "inputs":
            raise
        shape = " x ".join(map(str, data.train.shape))
        allowed = f"a network for inputs of {shape} ({error.__cause__ or error.allowed})"
        raise InvalidInput("model", allowed, configuration.model) from error


def _built(configuration: Configuration, data: Data) -> nn.Module:
    """Build a network that has a name, or its factors."""
    with _fitting(configuration, data):
        model = build_model(
            configuration.model,
            inputs=data.train.shape,
            classes=data.classes,
            width=configuration.width,
            edges=data.train.edges.cpu() if isinstance(data.train, Nodes) else None,
        )
    if not configuration.factored:
        return model
    return factor_model(
        model,
        density=configuration.density,
        failure_probability=configuration.failure_probability,
        factors=configuration.factored,
        outer=configuration.outer,
    )


def _densities(
    model: nn.Module,
    configuration: Configuration,
    skip: tuple[str, ...],
    known: Sequence[float] | None,
    context: PruningContext | None,
) -> LayerDensities:
    """Find the densities of the layers, or take those that are known."""
    with called(skip="dense_layers"):
        layer_shapes(model, skip=skip)
    if known is None:
        return allocate_sparsity(model, configuration.density, configuration.ratio, skip=skip, context=context)
    overall = Fraction(configuration.density)
    return LayerDensities(layer_shapes(model, skip=skip), configuration.ratio, overall, tuple(known))


def _rounds_name(configuration: Configuration) -> str:
    """Name a folder by all that decides the rounds of IMP, so that densities and methods share it."""
    epochs = _round_epochs(configuration)
    decides = replace(
        configuration,
        factored=0,
        recipe="imp",
        method="fixed",
        ratio="imp",
        density="1",
        drawing="independent",
        repair="none",
        initialisation="kaiming",
        epochs=epochs,
        warmup=min(configuration.warmup, epochs),
        ratio_epochs=0,
        compile=False,
    )
    return f"imp-rounds-{decides.hash[:16]}"


def _round_epochs(configuration: Configuration) -> int:
    return configuration.ratio_epochs or configuration.epochs


def _groups(model: nn.Module) -> dict[str, int]:
    return {name: layer.groups for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d)}
