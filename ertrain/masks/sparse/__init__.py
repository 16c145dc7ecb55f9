"""Sparse layers: the kept weights alone are stored, multiplied and trained."""

from ertheory._typed import name_wrong_types
from ertrain.masks.sparse.convert import densify, sparsify
from ertrain.masks.sparse.convolution import SparseConv2d
from ertrain.masks.sparse.descent import SparseSGD
from ertrain.masks.sparse.layer import SparseLinear
from ertrain.masks.sparse.rewiring import rewire

__all__ = ["SparseConv2d", "SparseLinear", "SparseSGD", "densify", "rewire", "sparsify"]

name_wrong_types(__name__)
