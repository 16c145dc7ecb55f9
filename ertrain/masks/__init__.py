"""Masks on modules, their invariant, what of a network they leave alive, and what it costs."""

from ertheory._typed import name_wrong_types
from ertrain.masks.flops import forward_flops, layer_positions, masked_flops, training_flops
from ertrain.masks.flow import DeadNeurons, dead_neurons, expected_without_weights
from ertrain.masks.flow_repair import REPAIRS, repair_masks
from ertrain.masks.guarding import Guard, guard
from ertrain.masks.masking import attach_masks, draw_masks, mask_gradients, masks_of, without_masks
from ertrain.masks.shapes import layer_shapes, turn_into_layers, unlisted
from ertrain.masks.structured import check_drawing, is_structured, structured_mask

__all__ = [
    "REPAIRS",
    "DeadNeurons",
    "Guard",
    "attach_masks",
    "check_drawing",
    "dead_neurons",
    "draw_masks",
    "expected_without_weights",
    "forward_flops",
    "guard",
    "is_structured",
    "layer_positions",
    "layer_shapes",
    "mask_gradients",
    "masked_flops",
    "masks_of",
    "repair_masks",
    "structured_mask",
    "training_flops",
    "turn_into_layers",
    "unlisted",
    "without_masks",
]

name_wrong_types(__name__)
