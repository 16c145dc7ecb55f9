"""Training of randomly masked networks in PyTorch.

The widths and densities come from `ertheory`, which never imports this package. It needs the extra ``train``:
``pip install "ertheory[train]"``.

>>> from torch import nn
>>> from ertheory.layerwise import layer_densities
>>> network = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 10))
>>> attach_masks(network, draw_masks(layer_densities(layer_shapes(network), "1/10", "erk"), seed=0, exact=True))
>>> sum(int(mask.sum()) for mask in masks_of(network).values())
90

From here on ``guard(optimiser, network)`` keeps masked weights at 0 through all steps of any optimiser.
"""

from ertrain.configuration import Configuration
from ertrain.masks.flow import DeadNeurons, dead_neurons
from ertrain.masks.flow_repair import repair_masks
from ertrain.masks.masking import attach_masks, draw_masks, guard, mask_gradients, masks_of
from ertrain.masks.shapes import layer_shapes
from ertrain.models import build_model
from ertrain.ratios import Evidence, share_out
from ertrain.recipes import recipe
from ertrain.reports.report import compare, read_results, rows_of
from ertrain.training.experiments import perform
from ertrain.training.initialisation import initialise
from ertrain.training.parallel import sweep
from ertrain.training.process_group import Place, join

__all__ = [
    "Configuration",
    "DeadNeurons",
    "Evidence",
    "Place",
    "attach_masks",
    "build_model",
    "compare",
    "dead_neurons",
    "draw_masks",
    "guard",
    "initialise",
    "join",
    "layer_shapes",
    "mask_gradients",
    "masks_of",
    "perform",
    "read_results",
    "recipe",
    "repair_masks",
    "rows_of",
    "share_out",
    "sweep",
]
