"""Sparse layers: the kept weights alone are stored, multiplied and trained."""

from ertrain.masks.sparse.convert import densify, sparsify
from ertrain.masks.sparse.layer import SparseLinear
from ertrain.masks.sparse.pointwise import SparsePointwise

__all__ = ["SparseLinear", "SparsePointwise", "densify", "sparsify"]
