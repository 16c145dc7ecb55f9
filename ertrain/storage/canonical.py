"""The canonical text of a configuration, its hash, and the file in which a run's folder keeps both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ertrain.errors import RunFolderError
from ertrain.storage.files import read_json

__all__ = ["canonical_text", "hash_of", "read_configuration"]

_SCHEMA = 1  # of the text that is hashed
_FILE = "config.json"


def canonical_text(values: Mapping[str, Any]) -> str:
    """Write values as JSON with sorted keys and no spaces.

    Examples
    --------
    >>> canonical_text({"seed": 0, "epochs": 3})
    '{"epochs":3,"schema":1,"seed":0}'
    """
    return json.dumps({"schema": _SCHEMA, **values}, sort_keys=True, separators=(",", ":"), allow_nan=False)


def hash_of(values: Mapping[str, Any]) -> str:
    """Give the sha256 of the canonical text of values, which names the folder of their run."""
    return hashlib.sha256(canonical_text(values).encode()).hexdigest()


def read_configuration(folder: Path) -> dict[str, Any] | None:
    """Read the configuration of a run, with its hash; None where there is none.

    Raises
    ------
    RunFolderError
        If the file is damaged: the hash is not that of the values beside it.
    """
    found: dict[str, Any] | None = read_json(folder / _FILE, {"hash": str})
    if found is None:
        return None
    values = {name: value for name, value in found.items() if name != "hash"}
    if hash_of(values) != found["hash"]:
        raise RunFolderError(folder / _FILE, "its values are not those of its hash")
    return found
