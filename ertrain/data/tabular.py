"""Tables: two that come with scikit-learn, and who is employed, from the American census, through folktables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ertheory.errors import InvalidInput
from ertrain.data.in_memory import InMemory

__all__ = ["TABLES", "employment", "table"]

# Our name, the function in sklearn.datasets, and the number of classes.
TABLES = {"breast-cancer": ("load_breast_cancer", 2), "wine": ("load_wine", 3)}

_EVERY = 5  # the share of the test rows is one in five
_YEAR, _STATE = "2018", "AL"


def table(name: str, folder: Path, *, train: bool) -> InMemory:  # noqa: ARG001
    """Read a table that comes with scikit-learn; every fifth row is for the test.

    Parameters
    ----------
    name
        One of `TABLES`.
    folder
        It is not needed.
    train
        Whether the rows to train with are wanted, or else those of the test.

    Examples
    --------
    >>> rows = table("breast-cancer", Path(), train=True)
    >>> len(rows), len(table("breast-cancer", Path(), train=False)), rows.shape
    (455, 114, (30,))
    """
    from sklearn import datasets

    content = getattr(datasets, TABLES[name][0])()
    return _rows(content.data, content.target, train=train)


def employment(folder: Path, *, train: bool) -> InMemory:
    """Read ACSEmployment: 16 features of the people of Alabama in 2018, and whether they are employed.

    Parameters
    ----------
    folder
        Where folktables keeps its files, or downloads them to.
    train
        Whether the rows to train with are wanted, or else those of the test, every fifth.

    Notes
    -----
    Ding, Hardt, Miller and Schmidt (NeurIPS 2021).

    Raises
    ------
    InvalidInput
        If folktables is not installed, or the files are neither there nor can be had.
    """
    try:
        from folktables import ACSDataSource, ACSEmployment

        source = ACSDataSource(_YEAR, "1-Year", "person", root_dir=str(folder))
        features, labels, _ = ACSEmployment.df_to_numpy(source.get_data(states=[_STATE], download=True))
    except (ImportError, OSError, RuntimeError) as error:
        allowed = f"a folder with the files of ACSEmployment or a connection, and folktables installed ({error})"
        raise InvalidInput("data_dir", allowed, str(folder)) from error
    return _rows(features, labels, train=train)


def _rows(features: Any, labels: Any, *, train: bool) -> InMemory:
    whole = InMemory(
        torch.from_numpy(np.asarray(features, dtype=np.float32)), torch.from_numpy(np.asarray(labels, dtype=np.int64))
    )
    test = torch.arange(len(whole)) % _EVERY == 0
    return whole.part(~test if train else test)
