"""Files of arrays that are complete or not there: .npz and .safetensors, without pickle."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput

__all__ = ["SUFFIXES", "check_place", "write_arrays"]

SUFFIXES = (".npz", ".safetensors")


def check_place(path: Path, *, force: bool, argument: str = "path") -> None:
    """Refuse a place that cannot be written to, before anything is computed for it.

    Raises
    ------
    InvalidInput
        If the name has another ending, the file exists and `force` is not set, or its folder is missing.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidInput(argument, "a name that ends in .npz or .safetensors", str(path))
    if os.path.lexists(path) and not force:
        force_named = "--force" if argument.startswith("--") else "force"
        raise InvalidInput(argument, f"a file that does not exist yet, or {force_named}", str(path))
    if path.is_dir() or not path.parent.is_dir():
        raise InvalidInput(argument, "a file in a folder that exists", str(path))


def write_arrays(
    path: Path,
    arrays: Mapping[str, npt.NDArray[Any]],
    texts: Mapping[str, str],
    *,
    force: bool = False,
    check: Callable[[Path], None] | None = None,
) -> None:
    """Write arrays, and texts beside them.

    Parameters
    ----------
    path
        Ends in .npz or .safetensors.
    arrays
        Numbers by name.
    texts
        Words by name: arrays of text in .npz, metadata in .safetensors.
    force
        Whether to write over an existing file.
    check
        Called with the complete file under a passing name; what it raises leaves nothing behind.

    Raises
    ------
    InvalidInput
        If the place cannot be written to.
    """
    check_place(path, force=force)
    draft = path.with_name(f".{secrets.token_hex(8)}{path.suffix}")
    try:
        try:
            with draft.open("xb") as file:
                if path.suffix.lower() == ".npz":
                    words = {name: np.array(text) for name, text in texts.items()}
                    np.savez(file, allow_pickle=False, **words, **arrays)
                else:
                    from safetensors.numpy import save

                    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
                    file.write(save(contiguous, metadata=dict(texts)))
                file.flush()
                os.fsync(file.fileno())
        except (OSError, ValueError) as error:
            raise InvalidInput("path", "a place that can be written", str(path)) from error
        if check is not None:
            check(draft)
        try:
            draft.replace(path)
        except OSError as error:
            raise InvalidInput("path", "a place that can be written", str(path)) from error
    finally:
        draft.unlink(missing_ok=True)
