"""Any PyTorch module with its linear maps as pairs of masked maps.

>>> import torch
>>> from torch import nn
>>> model = nn.Sequential(nn.Linear(6, 5), nn.GELU(), nn.Linear(5, 2)).double()
>>> found = embed_module(model, sparsity="0.5", failure_probability="0.01")
>>> x = torch.ones(1, 6, dtype=torch.float64)
>>> bool((found.module(x) - model(x)).abs().max() < 1e-12), list(found.error_bound)
(True, ['0', '2'])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ertheory.bounds.factored import FORMS, ORIENTATIONS, Orientation, Split
from ertheory.builders.factored.answers import MapAnswer
from ertheory.builders.factored.inner import INNER, Inner
from ertheory.builders.factored.modules.result import FactoredModule
from ertheory.builders.factored.planning import OUTER
from ertheory.errors import InvalidInput, one_of
from ertheory.numbers import Rational, probability

if TYPE_CHECKING:
    from ertheory.builders.factored.modules.layers import Layer
    from ertheory.builders.factored.modules.pair import MapPair
    from ertheory.builders.factored.modules.parts import Limits

__all__ = ["embed_module"]


def embed_module(
    module: Any,
    *,
    sparsity: Rational | None = None,
    density: Rational | None = None,
    failure_probability: Rational,
    seed: int = 0,
    layers: Sequence[str] | None = None,
    leave_out: Sequence[str] = (),
    outer: str = "solved",
    split: Split = "equal",
    inner: Inner = "identity",
    domain: npt.ArrayLike | None = None,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> FactoredModule:
    """Put a module, exactly, into a random one of the same architecture with two masked maps for every linear map.

    Parameters
    ----------
    module
        Any ``torch.nn.Module``. It is not changed.
    sparsity, density
        The share of entries that the masks drop, or keep; exactly one of the two is given.
    failure_probability
        The probability delta in (0, 1) that masks of these widths lack what some layer needs; it is shared out among
        the layers so that few weights are kept.
    seed
        The masks depend on it, the shapes of the layers and the density alone. At least 0.
    layers
        Names of the layers to replace, or of modules that hold them; all if left out. The projections of a
        ``torch.nn.MultiheadAttention`` are called q_proj, k_proj, v_proj and out_proj.
    leave_out
        Names of layers, or of modules that hold them, that stay as they are.
    outer
        With ``random`` the second map of every pair is drawn and frozen, and the first one carries all of the layer.
        With ``solved`` that is done where it needs fewest weights.
    split
        With ``best`` the two densities of a pair differ where this needs fewer weights, at the same overall density.
    inner
        What the neurons between two maps do: ``identity``, or ``relu``. Where a layer certainly reads nothing negative,
        as behind a ReLU, its first map is then positive, and the ReLU does nothing whatever the inputs are; elsewhere a
        bias lifts the inner neurons above 0 on a box that interval arithmetic finds, in evaluation mode.
        ``relu-positive`` is the first of these two alone. For ReLU the module has to be one that
        `ertheory.network_from_torch` can read.
    domain
        The box of the inputs of the module: (a, b), or shape (inputs, 2) by channel; unbounded if left out.
    workers
        So many threads solve; one per processor if left out.
    progress
        It is told how many entries of masks are done, layer after layer. What takes longer than two seconds shows a bar
        of the weights that are done, too.

    Returns
    -------
    FactoredModule
        The new module, its masks, and for every layer a proved bound on the error of its weights.

    Raises
    ------
    InvalidInput
        If the module has no layers that can be replaced, or lazy or quantised ones; if a name is unknown; or if an
        argument lies outside its domain.
    ModuleNotFoundError
        If PyTorch is not installed.
    InfeasibleWidth
        If more than 10**12 inner neurons were needed.
    TheoremNotApplicable
        If inner ReLU would need a box that there is not, or too large biases.
    ConstructionFailed
        If a drawn mask lacks a matching: the layer, and its input or output, are named.

    Notes
    -----
    Every Linear, Conv and ConvTranspose layer, and the Conv1D of the transformers library, becomes B, then A, then the
    bias, with A B = W. What is between the layers stays as it is. Depthwise convolutions, transposed ones with groups,
    recurrent layers and layers whose weight is tied to an embedding stay dense; `FactoredModule.left_dense` names them.
    Layers with thousands of inputs and outputs are cut into blocks of outputs, which are solved one by one.
    """
    from torch import nn  # and so do the modules beside this one: PyTorch takes seconds to load
    from tqdm import tqdm

    from ertheory.builders.factored.modules.build import build_pair
    from ertheory.builders.factored.modules.copies import copied, unshare
    from ertheory.builders.factored.modules.inner import layer_boxes, positive_layers
    from ertheory.builders.factored.modules.layers import open_attention, places, read_layers
    from ertheory.builders.factored.modules.parts import plan_layers

    if (sparsity is None) == (density is None):
        raise InvalidInput("density", "exactly one of density and sparsity", "none" if density is None else "both")
    kept = 1 - probability("sparsity", sparsity, zero=True) if density is None else density
    share = probability("density", kept, one=True)
    delta = probability("failure_probability", failure_probability)
    one_of("outer", outer, OUTER)
    known = one_of("inner", inner, INNER)
    if outer == "random" and known != "identity":
        raise InvalidInput("outer", "solved, where inner neurons have a ReLU", outer)
    if not isinstance(module, nn.Module):
        raise InvalidInput("module", "a torch.nn.Module", type(module).__name__)
    for argument, names in (("layers", layers), ("leave_out", leave_out)):
        if isinstance(names, str) or not all(isinstance(name, str) for name in names or ()):
            raise InvalidInput(argument, "a sequence of names", names)
    new = open_attention(copied(module), layers, leave_out)
    chosen, left = read_layers(new, layers, leave_out)
    unique = list({id(layer.module.weight): layer for layer in reversed(chosen)}.values())[::-1]
    boxes = {} if inner == "identity" else layer_boxes(module, unique, domain, known)
    positive = positive_layers(boxes, known)
    limits = [_limits(layer, outer, known, positive=layer.name in positive) for layer in unique]
    plans = plan_layers(unique, share, delta, split=split, limits=limits)
    built: dict[int, MapPair] = {}
    answers: dict[str, MapAnswer] = {}
    total = sum(layer.weight.numel() for layer in unique)
    with tqdm(total=total, unit=" weights", unit_scale=True, desc="layers", delay=2, leave=False) as bar:
        for number, plan in enumerate(plans):
            name = plan.layer.name
            made = build_pair(
                plan,
                seed=seed,
                number=number,
                frozen=outer == "random",
                inner=known,
                box=None if name in positive else boxes.get(name),
                positive=name in positive,
                workers=workers,
                progress=bar.update,
            )
            built[id(plan.layer.module.weight)], answers[plan.layer.name] = made
            if progress is not None:
                progress(sum(rows * columns for rows, columns in (mask.shape for mask in made[1].masks)))
    pairs = {id(layer.module): _in_place_of(layer, built[id(layer.module.weight)]) for layer in chosen}
    for _, parent, child, part in list(places(new)):
        if id(child) in pairs:
            setattr(parent, part, pairs[id(child)])
    new = pairs.get(id(new), new)
    unshare(new, module)
    return FactoredModule(
        module=new,
        maps=answers,
        left_dense=left,
        density=share,
        failure_probability=delta,
        seed=seed,
        inner=known,
    )


def _limits(layer: Layer, outer: str, inner: Inner, *, positive: bool) -> Limits:
    """Say what serves a layer: the primal where B has to be drawn, and no padding between a lift and its end."""
    from ertheory.builders.factored.modules.parts import Limits

    if positive:
        return Limits(("primal",))
    theorems: tuple[Orientation, ...] = ("dual",) if outer == "random" else ORIENTATIONS
    pads = layer.geometry is not None and layer.geometry.padding not in (0, "valid") and any(layer.geometry.padding)
    return Limits(theorems, ("linear", "spatial-first") if inner != "identity" and pads else FORMS)


def _in_place_of(layer: Layer, pair: MapPair) -> MapPair:
    """Give the pair for a layer; layers with one weight share the two maps, and have biases of their own."""
    from ertheory.builders.factored.modules.pair import MapPair

    made = MapPair(
        pair.first,
        pair.second,
        layer.module.bias,
        layer.attributes,
        transposed=layer.transposed,
        rectified=pair.rectified,
        lift=None if pair.shift is None or pair.taken is None else (pair.shift, pair.taken),
    )
    return made.train(layer.module.training)
