"""Checkpoints that survive a kill at any moment, full disks and damaged files. No pickle: safetensors and JSON.

A checkpoint is three files: ``checkpoint.safetensors`` (weights and masks), ``state.safetensors`` (what the optimiser
keeps and the best weights so far) and ``state.json`` (where the run stands, and the sha256 of the other two). The one
before it is kept beside it under names with ``previous``. All new files are written before the first is renamed, and
files belong together by their checksums, not by their names; so there is a complete checkpoint at every moment.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from ertrain.errors import RunFolderError
from ertrain.storage.files import draft_of, replace, sync_folder, write_draft

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]

_WEIGHTS, _STATE, _INDEX = "checkpoint.safetensors", "state.safetensors", "state.json"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Where a run stands.

    Parameters
    ----------
    weights
        Parameters, buffers and masks by name.
    state
        What else is made of numbers, by name.
    scalars
        What else there is, ready for JSON: epochs done, the best one, seconds.
    """

    weights: Mapping[str, Tensor]
    state: Mapping[str, Tensor]
    scalars: Mapping[str, Any]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; the one that was current becomes the previous one.

    Raises
    ------
    RunFolderError
        If it cannot be written; the current one is left as it was.
    """
    contents = {_WEIGHTS: _tensors(checkpoint.weights), _STATE: _tensors(checkpoint.state)}
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    index = {"schema": 1, "place": dict(checkpoint.scalars), "sha256": checksums}
    contents[_INDEX] = (json.dumps({**index, "own_sha256": _own(index)}, allow_nan=False) + "\n").encode()
    try:
        for name, content in contents.items():
            write_draft(folder / name, content)
    except OSError as error:
        for name in contents:
            with contextlib.suppress(OSError):
                draft_of(folder / name).unlink(missing_ok=True)
        raise RunFolderError(folder / name, f"cannot be written ({error.strerror or error})") from error
    for name in contents:
        replace(folder / name, _previous(folder / name))
    for name in contents:
        replace(draft_of(folder / name), folder / name)
    sync_folder(folder)


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """Read the newest checkpoint that is whole.

    Returns
    -------
    Checkpoint or None
        None if none was ever written.

    Raises
    ------
    RunFolderError
        If there are checkpoints, and all of them are damaged.
    """
    indices = [path for path in (folder / _INDEX, _previous(folder / _INDEX)) if path.exists()]
    for index in indices:
        found = _matching(folder, index)
        if found is None:
            continue
        checkpoint, paths = found
        # Under the current names again, or the next one would be written over files of this one.
        for name, path in paths.items():
            if path != folder / name:
                replace(path, folder / name)
        return checkpoint
    if indices:
        raise RunFolderError(folder, "all checkpoints are damaged; remove the folder to start the run again")
    return None


def _matching(folder: Path, index: Path) -> tuple[Checkpoint, dict[str, Path]] | None:
    """Read the checkpoint that an index describes, if its files are there under either name."""
    try:
        content = json.loads(index.read_bytes())
        if content.pop("own_sha256") != _own(content) or content.keys() != {"schema", "place", "sha256"}:
            return None
        checksums, scalars = content["sha256"], content["place"]
        paths, read = {_INDEX: index}, {}
        for name in (_WEIGHTS, _STATE):
            for path in (folder / name, _previous(folder / name)):
                held = path.read_bytes() if path.exists() else b""
                if hashlib.sha256(held).hexdigest() == checksums[name]:
                    paths[name], read[name] = path, load(held)
                    break
            else:
                return None
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return None
    return Checkpoint(read[_WEIGHTS], read[_STATE], scalars), paths


def _tensors(tensors: Mapping[str, Tensor]) -> bytes:
    """Write tensors as safetensors: those that share memory, such as tied weights, each in full."""
    plain, places = dict[str, Tensor](), set[int]()
    for name, tensor in tensors.items():
        plain[name] = tensor.detach().cpu().contiguous()
        place = plain[name].untyped_storage().data_ptr()
        if place in places:
            plain[name] = plain[name].clone()
        places.add(place)
    content: bytes = save(plain)
    return content


def _own(index: Mapping[str, Any]) -> str:
    """Checksum of the index itself: a wrong number of epochs is as bad as a wrong weight."""
    return hashlib.sha256(json.dumps(index, sort_keys=True).encode()).hexdigest()


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.stem}.previous{path.suffix}")
