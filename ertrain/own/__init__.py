"""Somebody's own network, data, loss, method and loop: trained as a run is, or masked inside a loop of their own."""

from ertrain.own.fitting import FitResult, fit
from ertrain.own.sparse_loop import SparseLoop, start_sparse
from ertrain.own.supply import supplied_data, supplied_measure

__all__ = ["FitResult", "SparseLoop", "fit", "start_sparse", "supplied_data", "supplied_measure"]
