"""Files of arrays, .npz and .safetensors: complete or not there when written, whole or refused when read, no pickle."""

from __future__ import annotations

import os
import secrets
import stat
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput, one_line

__all__ = ["SUFFIXES", "check_place", "check_regular", "read_arrays", "undamaged", "write_arrays", "write_text"]

SUFFIXES = (".npz", ".safetensors")

_BFLOAT = "BF16"
_SAFE_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", _BFLOAT: "<u2", "BOOL": "?",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1",
}  # fmt: skip
# The record that ends a zip archive, as APPNOTE.TXT of PKWARE lays it out in 4.3.16.
_END = struct.Struct("<4s4H2LH")
_LENGTHS = 26  # where the header of a member says how long its name and its extra field are
_END_MARK = b"PK\x05\x06"


def read_arrays(path: Path, *, argument: str = "path") -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """Read the arrays of a file, and the metadata of a .safetensors file.

    Parameters
    ----------
    path
        Ends in .npz or .safetensors.
    argument
        Names the file in an error.

    Returns
    -------
    tuple
        The arrays by name, bfloat16 as float32; the texts by name.

    Raises
    ------
    InvalidInput
        If the file is not there, may not be read, is no regular file, is damaged, or holds pickled objects.
    """
    check_regular(path, argument=argument)
    with undamaged(path, argument, f"{path.suffix.lower()} file of plain arrays"):
        if path.suffix.lower() == ".npz":
            with path.open("rb") as file:
                return _npz(file, path, argument), {}
        return _safetensors(path.read_bytes(), argument)


@contextmanager
def undamaged(path: Path, argument: str, kind: str) -> Iterator[None]:
    """Turn whatever reading damaged bytes raises into a refusal of the file.

    Raises
    ------
    InvalidInput
        If the file is not there or may not be read, or something is raised within.
    """
    try:
        yield
    except InvalidInput:
        raise
    except FileNotFoundError:
        raise InvalidInput(argument, "a file that exists", str(path)) from None
    except PermissionError:
        raise InvalidInput(argument, "a file that may be read", str(path)) from None
    except Exception as error:  # damaged bytes raise a dozen kinds in zipfile, zlib, numpy, safetensors and torch
        raise InvalidInput(argument, f"an undamaged {kind}", str(path)) from error


def check_regular(path: Path, *, argument: str = "path") -> None:
    """Refuse what is no regular file, such as a folder, a device or a pipe, which would wait for a writer.

    Raises
    ------
    InvalidInput
        If it is none, or not there.
    """
    with undamaged(path, argument, "file"):
        mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise InvalidInput(argument, "a regular file", str(path))


def check_place(path: Path, *, force: bool, argument: str = "path", suffixes: tuple[str, ...] = SUFFIXES) -> None:
    """Refuse a place that cannot be written to, before anything is computed for it.

    Raises
    ------
    InvalidInput
        If the name has another ending, the file exists and `force` is not set, or its folder is missing.
    """
    if path.suffix.lower() not in suffixes:
        raise InvalidInput(argument, f"a name that ends in {' or '.join(suffixes)}", str(path))
    if os.path.lexists(path) and not force:
        raise InvalidInput(argument, "a file that does not exist yet, or `force`", str(path))
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
        It is called with the complete file under a passing name; what it raises leaves nothing behind.

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
            raise _unwritable("path", path, error) from error
        if check is not None:
            check(draft)
        try:
            draft.replace(path)
        except OSError as error:
            raise _unwritable("path", path, error) from error
    finally:
        draft.unlink(missing_ok=True)


def _unwritable(argument: str, path: Path, error: Exception) -> InvalidInput:
    reason = getattr(error, "strerror", None) or one_line(str(error))
    return InvalidInput(argument, f"a place that can be written ({reason})", str(path))


def write_text(path: Path, text: str, *, suffix: str, force: bool = False, argument: str = "path") -> None:
    """Write a text as UTF-8.

    Parameters
    ----------
    path, text
        The file, and what is written into it.
    suffix
        What the name must end in.
    force
        Whether to write over an existing file.
    argument
        Names the file in an error.

    Raises
    ------
    InvalidInput
        If the place cannot be written to.
    """
    check_place(path, force=force, argument=argument, suffixes=(suffix,))
    draft = path.with_name(f".{secrets.token_hex(8)}{suffix}")
    try:
        with draft.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise _unwritable(argument, path, error) from error
    finally:
        draft.unlink(missing_ok=True)


def _npz(file: BinaryIO, path: Path, argument: str) -> dict[str, npt.NDArray[Any]]:
    archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise InvalidInput(argument, "an archive of arrays", str(path))
    names = archive.files
    if len(set(names)) < len(names):
        raise InvalidInput(argument, "each key once", ", ".join(sorted(names)))
    _check_directory(file, archive)
    return {name: archive[name] for name in names}


def _check_directory(file: BinaryIO, archive: Any) -> None:
    """Compare the directory of an archive with the record that ends it.

    The standard library reads entries until the directory is used up. A longer comment, by one damaged bit, hides the
    entries that follow; the number in the record, and the members that the directory leaves no room for, show it.
    """
    directory = archive.zip
    place = file.seek(-_END.size, os.SEEK_END)
    mark, disk, first_disk, here, entries, size, offset, comment = _END.unpack(file.read())
    members = sorted(directory.infolist(), key=lambda member: member.header_offset)
    starts = [0]
    # Each member is a header of 30 bytes, its name, an extra field, and its bytes; the next one begins where it ends.
    for member in members:
        file.seek(member.header_offset + _LENGTHS)
        lengths = struct.unpack("<2H", file.read(4))
        starts.append(file.tell() + sum(lengths) + member.compress_size)
    if (
        mark != _END_MARK
        or (disk, first_disk, comment) != (0, 0, 0)
        or not here == entries == len(members)
        or offset + size != place
        or directory.start_dir != offset
        or [*(member.header_offset for member in members), offset] != starts
    ):
        msg = "the directory of the archive does not list what the archive holds"
        raise ValueError(msg)


def _safetensors(content: bytes, argument: str) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    import json

    import safetensors

    arrays: dict[str, npt.NDArray[Any]] = {}
    # The reader for numpy knows no bfloat16, so the bytes are interpreted here.
    for name, tensor in safetensors.deserialize(content):  # type: ignore[no-untyped-call]
        if tensor["dtype"] not in _SAFE_DTYPES:
            raise InvalidInput(argument, f"tensors of type {', '.join(_SAFE_DTYPES)}", f"{tensor['dtype']} in {name}")
        array = np.frombuffer(tensor["data"], dtype=_SAFE_DTYPES[tensor["dtype"]]).reshape(tensor["shape"])
        # bfloat16 is the upper half of a float32.
        arrays[name] = (array.astype("<u4") << 16).view("<f4") if tensor["dtype"] == _BFLOAT else array
    # The metadata stand in the header, which is JSON behind its length; it has just been found valid.
    (length,) = struct.unpack("<Q", content[:8])
    texts: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    return arrays, texts
