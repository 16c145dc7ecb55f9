"""Networks, what is counted of them, and how they are read and written.

A `Network` describes a function wholly, with the geometry of its convolutions; a `Target` is what the width bounds read
of it. `read_network` and `read_target` take what is in memory, `load_network` and `load_target` take files.

>>> read_target("784-128-10").nonzeros
(100352, 1280)
"""

from typing import TYPE_CHECKING

from ertheory._pages import page

if TYPE_CHECKING:
    from ertheory.networks.activations import ACTIVATIONS, ActivationFunction, activation
    from ertheory.networks.layer import Layer
    from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual
    from ertheory.networks.readers.onnx_read import network_from_onnx
    from ertheory.networks.readers.scikit_learn import network_from_sklearn
    from ertheory.networks.readers.state_dicts import target_from_state_dict
    from ertheory.networks.readers.targets import (
        load_network,
        load_target,
        read_network,
        read_target,
        target_from_sklearn,
        target_from_torch,
    )
    from ertheory.networks.readers.torch_masks import masks_from_torch
    from ertheory.networks.readers.torch_read import network_from_torch
    from ertheory.networks.reduction import Reduction, RemovedNeuron, reduce
    from ertheory.networks.source import Source, read_densities
    from ertheory.networks.target import Target, network_of
    from ertheory.networks.writers.target_file import write_target
    from ertheory.networks.writers.torch_module import network_to_torch

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "ActivationFunction",
    "Affine",
    "Flatten",
    "Layer",
    "Network",
    "Pool",
    "Reduction",
    "RemovedNeuron",
    "Residual",
    "Source",
    "Target",
    "activation",
    "load_network",
    "load_target",
    "masks_from_torch",
    "network_from_onnx",
    "network_from_sklearn",
    "network_from_torch",
    "network_of",
    "network_to_torch",
    "read_densities",
    "read_network",
    "read_target",
    "reduce",
    "target_from_sklearn",
    "target_from_state_dict",
    "target_from_torch",
    "write_target",
]

_WHERE = {
    "ertheory.networks.activations": "ACTIVATIONS ActivationFunction activation",
    "ertheory.networks.layer": "Layer",
    "ertheory.networks.network": "Activation Affine Flatten Network Pool Residual",
    "ertheory.networks.readers.onnx_read": "network_from_onnx",
    "ertheory.networks.readers.scikit_learn": "network_from_sklearn",
    "ertheory.networks.readers.state_dicts": "target_from_state_dict",
    "ertheory.networks.readers.targets": (
        "load_network load_target read_network read_target target_from_sklearn target_from_torch"
    ),
    "ertheory.networks.readers.torch_masks": "masks_from_torch",
    "ertheory.networks.readers.torch_read": "network_from_torch",
    "ertheory.networks.reduction": "Reduction RemovedNeuron reduce",
    "ertheory.networks.source": "Source read_densities",
    "ertheory.networks.target": "Target network_of",
    "ertheory.networks.writers.target_file": "write_target",
    "ertheory.networks.writers.torch_module": "network_to_torch",
}

if not TYPE_CHECKING:  # or every name would be one that the package has
    __getattr__, __dir__ = page(__name__, _WHERE)
