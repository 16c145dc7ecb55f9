"""Somebody's own network, data, loss, method and loop: trained as a run is, or masked inside a loop of their own."""

from ertheory._typed import name_wrong_types
from ertrain.own.fitting import FitResult, fit
from ertrain.own.sparse_loop import SparseLoop, start_sparse
from ertrain.own.supply import supplied_data, supplied_measure

__all__ = ["FitResult", "SparseLoop", "fit", "start_sparse", "supplied_data", "supplied_measure"]

name_wrong_types(__name__)
