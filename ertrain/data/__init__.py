"""Data sets by name: inputs to train with, inputs that select, and inputs for the test, which are read once.

A validation split is always made, the same for every run, so that runs can be compared input by input.
Most are sets of images; a table of rows and a graph of nodes are held and split alike.
"""

from ertheory._typed import name_wrong_types
from ertrain.data.given import Given, GivenArrays, GivenBatches, GivenItems
from ertrain.data.in_memory import Batch, InMemory
from ertrain.data.nodes import NO_LABEL, Nodes
from ertrain.data.sets import AUGMENTATIONS, DATA, Data, Images, is_there, load_data, split
from ertrain.data.streamed import Streamed

__all__ = [
    "AUGMENTATIONS",
    "DATA",
    "NO_LABEL",
    "Batch",
    "Data",
    "Given",
    "GivenArrays",
    "GivenBatches",
    "GivenItems",
    "Images",
    "InMemory",
    "Nodes",
    "Streamed",
    "is_there",
    "load_data",
    "split",
]

name_wrong_types(__name__)
