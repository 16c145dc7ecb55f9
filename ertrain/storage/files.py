"""Files of a run: whole or not there, whatever moment the process is stopped at, and one process at a time."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ertrain.arguments import taken
from ertrain.errors import RunFolderError

__all__ = [
    "RESULT_ALSO",
    "RESULT_NEEDS",
    "draft_of",
    "locked",
    "read_json",
    "replace",
    "sync_folder",
    "write_json",
    "write_whole",
]

Kinds = Mapping[str, type | tuple[type, ...]]

# What every reader of a result looks at, and what else there may be: older results have less.
RESULT_NEEDS: Kinds = {
    "schema": int,
    "recipe": str,
    "config_hash": str,
    "model": str,
    "width": str,
    "method": str,
    "ratio": str,
    "density_target": str,
    "density_realised": (int, float),
    "density_final": (int, float),
    "dead_neurons": (int, type(None)),  # not known of some networks that were not ours
    "neurons": (int, type(None)),
    "layers": list,
    "accuracy_test": (int, float, type(None)),  # there may be no test
    "accuracy_test_best": (int, float, type(None)),
    "accuracy_validation": (int, float, type(None)),  # where it was no number, as in a run that diverged
    "epochs": int,
    "seed": int,
    "flops_train": int,
    "flops_dense": int,
    "data": dict,
}
RESULT_ALSO: Kinds = {
    "accuracy_validation_best": (int, float, type(None)),
    "backend": str,
    "best_epoch": int,
    "diverged": bool,
    "flops_search": int,
    "memory_dense": int,
    "memory_peak": (int, type(None)),
    "memory_train": int,
    "seconds": (int, float),
    "without_weights": int,
    "without_weights_expected": (int, float, type(None)),  # not known of masks with a structure
}

_BEYOND = 2**1000
_SECONDS_BETWEEN_TRIES = 0.1


def draft_of(path: Path) -> Path:
    """Name under which a file is written before it takes its place."""
    return path.with_name(f".{path.name}.draft")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that its name stands for the old content or the new one, and never for a part.

    Raises
    ------
    RunFolderError
        If it cannot be written, or its name is that of a device, a pipe or a folder; what is there is left as it was.
    """
    try:
        if path.exists() and not path.is_file():  # else a file would take the place of a device
            raise RunFolderError(path, "is no regular file")
        draft = draft_of(path)
    except ValueError as error:  # there is no name
        raise _failure(path, error) from error
    try:
        write_draft(path, content)
        draft.replace(path)
        sync_folder(path.parent)
    except (OSError, ValueError) as error:  # a name with a null byte is none that any system takes
        with contextlib.suppress(OSError, ValueError):
            draft.unlink()
        raise _failure(path, error) from error


def write_draft(path: Path, content: bytes) -> Path:
    """Write the draft of a file to the disk itself, and return its name."""
    draft = draft_of(path)
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft


def replace(before: Path, after: Path) -> None:
    """Rename a file in one step; a file that is not there is left alone."""
    try:
        before.replace(after)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _failure(after, error) from error


def sync_folder(folder: Path) -> None:
    """Have the names in a folder written to the disk, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON document for people to read as well.

    Raises
    ------
    InvalidInput
        If JSON cannot say the content: it has numbers of thousands of digits, or none that are finite, or is too deep.
    RunFolderError
        If it cannot be written; the old content is left as it was.
    """
    with taken("content", "what JSON can say", type(content).__name__):
        text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    write_whole(path, text.encode())


def read_json(path: Path, needs: Kinds | None = None, also: Kinds | None = None) -> Any:
    """Read a JSON document, None if there is no such file.

    Parameters
    ----------
    path
        The file.
    needs
        Names that an object must have at least, and the types of their values. Without them it may be anything.
    also
        Names that it may have besides, and the types of their values; without them, any.

    Raises
    ------
    RunFolderError
        If the file cannot be read or is damaged, or something else than such an object is in it.
    """
    try:
        content = json.loads(path.read_bytes(), parse_constant=_no_number)
        json.dumps(content, ensure_ascii=False).encode()  # halves of characters are no text
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise RunFolderError(path, f"no JSON document ({error})") from error
    except OSError as error:
        raise _failure(path, error) from error
    if needs is not None and not isinstance(content, dict):
        raise RunFolderError(path, f"a JSON object is expected, not {type(content).__name__}")
    there = {name: kind for name, kind in (also or {}).items() if name in content}
    for name, kind in {**(needs or {}), **there}.items():
        value = content.get(name)
        # To JSON a truth value is no number; and nothing that is counted or measured here is beyond any double.
        wrong = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
        if wrong or (isinstance(value, int) and abs(value) >= _BEYOND):
            raise RunFolderError(path, f"{name} is not what was written there ({type(value).__name__})")
    unknown = [] if also is None else [name for name in content if name not in {*(needs or {}), *also}]
    if unknown:
        raise RunFolderError(path, f"{unknown[0]!r} is no name that is written there")
    return content


def _no_number(text: str) -> None:
    msg = f"{text} is no number of JSON"
    raise ValueError(msg)


@contextlib.contextmanager
def locked(folder: Path, *, waiting: bool = False) -> Iterator[None]:
    """Keep other processes out of a folder, until the block or the process ends, in whatever way.

    Parameters
    ----------
    folder
        It is made where it is missing.
    waiting
        Whether to wait as long as another process is in there.

    Raises
    ------
    RunFolderError
        If another process is in there, or the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("a+b")
    except (OSError, ValueError) as error:
        raise _failure(folder, error) from error
    with file:
        while not _lock(file):
            if waiting:
                time.sleep(_SECONDS_BETWEEN_TRIES)
                continue
            raise RunFolderError(folder, "another process is working on this run")
        yield


def _lock(file: Any) -> bool:
    # The system drops the lock when the file is closed, and so also when the process is killed.
    try:
        if os.name == "posix":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        return False
    return True


def _failure(path: Path, error: OSError | ValueError) -> RunFolderError:
    return RunFolderError(path, f"cannot be used ({getattr(error, 'strerror', None) or error})")
