"""Allocation of sparsity: densities layer by layer for an overall one, by formula or by what a pruning method keeps."""

from ertheory._typed import name_wrong_types
from ertrain.ratios.allocation import RATIOS, SHAPE_RATIOS, allocate_sparsity, by_layers, looks_at_weights
from ertrain.ratios.formulas import erdos_renyi, is_erdos_renyi
from ertrain.ratios.imp import imp_masks
from ertrain.ratios.scores import grasp, keep_highest, magnitude, snip, synflow_masks
from ertrain.ratios.searches import PruningContext, found_by_imp, found_by_synflow, scored

__all__ = [
    "RATIOS",
    "SHAPE_RATIOS",
    "PruningContext",
    "allocate_sparsity",
    "by_layers",
    "erdos_renyi",
    "found_by_imp",
    "found_by_synflow",
    "grasp",
    "imp_masks",
    "is_erdos_renyi",
    "keep_highest",
    "looks_at_weights",
    "magnitude",
    "scored",
    "snip",
    "synflow_masks",
]

name_wrong_types(__name__)
