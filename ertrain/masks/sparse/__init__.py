"""Sparse layers: the kept weights alone are stored, multiplied and trained."""

from ertrain.masks.sparse.convert import densify, sparsify
from ertrain.masks.sparse.layer import SparseLinear

__all__ = ["SparseLinear", "densify", "sparsify"]
