"""Training of randomly masked networks in PyTorch.

The widths and densities come from `ertheory`, which never imports this package. It needs the extra ``train``:
``pip install "ertheory[train]"``.

>>> from torch import nn
>>> from ertheory.layerwise import layer_densities
>>> network = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 10))
>>> attach_masks(network, draw_masks(layer_densities(layer_shapes(network), "1/10", "erk"), seed=0, exact=True))
>>> sum(int(mask.sum()) for mask in masks_of(network).values())
90

From here on every forward pass stays inside the masks, and ``guard(optimiser, network)`` keeps masked weights at 0
through all steps of any optimiser.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING

from ertheory._pages import page

if TYPE_CHECKING:
    from ertrain.configuration import Configuration
    from ertrain.errors import RunFolderError
    from ertrain.masks import (
        DeadNeurons,
        attach_masks,
        dead_neurons,
        draw_masks,
        guard,
        layer_shapes,
        mask_gradients,
        masks_of,
        repair_masks,
    )
    from ertrain.masks.sparse import SparseConv2d, SparseLinear, densify, sparsify
    from ertrain.models import build_model, initialise, maskable
    from ertrain.own import FitResult, SparseLoop, fit, start_sparse
    from ertrain.ratios import PruningContext, allocate_sparsity
    from ertrain.recipes import recipe
    from ertrain.reports import compare, plot_curves, read_results, report_frame, rows_of
    from ertrain.training import ProcessGroup, join_process_group, perform, sweep

__all__ = [
    "Configuration",
    "DeadNeurons",
    "FitResult",
    "ProcessGroup",
    "PruningContext",
    "RunFolderError",
    "SparseConv2d",
    "SparseLinear",
    "SparseLoop",
    "allocate_sparsity",
    "attach_masks",
    "build_model",
    "compare",
    "dead_neurons",
    "densify",
    "draw_masks",
    "fit",
    "guard",
    "initialise",
    "join_process_group",
    "layer_shapes",
    "mask_gradients",
    "maskable",
    "masks_of",
    "perform",
    "plot_curves",
    "read_results",
    "recipe",
    "repair_masks",
    "report_frame",
    "rows_of",
    "sparsify",
    "start_sparse",
    "sweep",
]

_WHERE = {
    "ertrain.configuration": "Configuration",
    "ertrain.errors": "RunFolderError",
    "ertrain.masks": (
        "DeadNeurons attach_masks dead_neurons draw_masks guard layer_shapes mask_gradients masks_of repair_masks"
    ),
    "ertrain.masks.sparse": "SparseConv2d SparseLinear densify sparsify",
    "ertrain.models": "build_model initialise maskable",
    "ertrain.own": "FitResult SparseLoop fit start_sparse",
    "ertrain.ratios": "PruningContext allocate_sparsity",
    "ertrain.recipes": "recipe",
    "ertrain.reports": "compare plot_curves read_results report_frame rows_of",
    "ertrain.training": "ProcessGroup join_process_group perform sweep",
}


def _renamed(name: str) -> object:
    """Give what an old public name stands for, and warn."""
    old = None if name.startswith("_") else import_module("ertrain._deprecated")
    if old is None or name not in old.RENAMED:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    msg = f"ertrain.{name} is now ertrain.{old.RENAMED[name]}; the old name goes with the next release"
    warnings.warn(msg, DeprecationWarning, stacklevel=3)
    found: object = getattr(old, name)
    return found


if not TYPE_CHECKING:  # or every name would be one that the package has
    __getattr__, __dir__ = page(__name__, _WHERE, _renamed)
