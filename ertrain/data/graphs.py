"""Graphs: one that is drawn here, and the citation networks of Planetoid through PyTorch Geometric."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ertheory.errors import InvalidInput
from ertrain.data.nodes import Nodes

__all__ = ["PLANETOID", "block_model", "planetoid"]

# Our name, and the number of classes.
PLANETOID = {"citeseer": 6, "cora": 7, "pubmed": 3}

_SEED = 2023  # of the graph: the same for all runs
_CLASSES, _OF_A_CLASS = 5, 300
_WITHIN, _BETWEEN = 6.0, 4.0  # mean number of neighbours of the own class, and of all the others
_WORDS, _TYPICAL = 100, 20  # of them typical of a class
_OFTEN, _SELDOM = 0.08, 0.03  # how probable a word is in a node that it is typical of, and elsewhere


def block_model(folder: Path, *, train: bool) -> Nodes:  # noqa: ARG001
    """Draw a stochastic block model: 1,500 nodes of 5 classes, which neither edges nor words tell apart by themselves.

    Two nodes are joined independently of all others, more probably if they have the same class. Every node has some of
    100 words, those that are typical of its class more probably. As in a bag of words, the features of a node are
    those that it has, divided by their number. Two thirds of the nodes are for the test, equally many of every class.

    Examples
    --------
    >>> graph = block_model(Path(), train=True)
    >>> graph.shape, [int((block_model(Path(), train=part).labels >= 0).sum()) for part in (True, False)]
    ((100, 1500), [500, 1000])
    """
    rng = np.random.default_rng(_SEED)
    nodes = _CLASSES * _OF_A_CLASS
    labels = np.arange(nodes) % _CLASSES
    same = labels[:, None] == labels
    probable = np.where(same, _WITHIN / _OF_A_CLASS, _BETWEEN / (nodes - _OF_A_CLASS))
    joined = np.triu(rng.random((nodes, nodes)) < probable, 1)
    typical = np.arange(_WORDS) // _TYPICAL == labels[:, None]
    words = rng.random((nodes, _WORDS)) < np.where(typical, _OFTEN, _SELDOM)
    test = (np.arange(nodes) // _CLASSES) % 3 > 0
    return _graph(words, labels, np.argwhere(joined | joined.T).T, ~test if train else test)


def planetoid(name: str, folder: Path, *, train: bool) -> Nodes:
    """Read a citation network from a folder ``planetoid``, downloading it there if it is missing.

    The thousand test nodes are those of its public split. All the others that have a label there, 20 of every class to
    train with and 500 that select, are split anew, class by class, as every data set is here.

    Parameters
    ----------
    name
        One of `PLANETOID`.
    folder
        Where it is kept. PyTorch Geometric unpickles its files: they should be those of Planetoid.
    train
        Whether the labels of training and validation nodes are wanted, or else those of the test.

    Raises
    ------
    InvalidInput
        If PyTorch Geometric is not installed, or the files are neither there nor can be had.
    """
    try:
        from torch_geometric.datasets import Planetoid

        content: Any = Planetoid(str(folder / "planetoid"), name, split="public")[0]
    except (ImportError, OSError, RuntimeError) as error:
        allowed = f"a folder with {name} in planetoid or a connection, and torch-geometric installed ({error})"
        raise InvalidInput("data_dir", allowed, str(folder)) from error
    wanted = content.train_mask | content.val_mask if train else content.test_mask
    return _graph(*(part.numpy() for part in (content.x, content.y, content.edge_index, wanted)))


def _graph(words: Any, labels: Any, edges: Any, wanted: Any) -> Nodes:
    """Make a graph of features (nodes, features), labels (nodes,), edges (2, m) and the nodes whose labels are told."""
    features = words / np.maximum(words.sum(1, keepdims=True), 1)
    whole = Nodes(
        torch.from_numpy(features.T.astype(np.float32))[None],
        torch.from_numpy(labels.astype(np.int64))[None],
        torch.from_numpy(edges.astype(np.int64)),
    )
    return whole.part(torch.from_numpy(wanted)[None])
