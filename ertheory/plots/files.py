"""Files that belong together: all of them are written, or none is."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ertheory.errors import InvalidInput

__all__ = ["refuse_existing", "write_together"]


def refuse_existing(paths: Iterable[Path]) -> None:
    """Refuse to write over a file.

    Raises
    ------
    InvalidInput
        If one of the files exists.
    """
    for path in paths:
        if path.exists() or path.is_symlink():
            raise InvalidInput("out", "a folder without this file (`force` replaces it)", str(path))


def write_together(folder: Path, contents: Mapping[str, bytes], *, force: bool = False) -> tuple[Path, ...]:
    """Write files into a folder, which is made where it is missing.

    Parameters
    ----------
    folder
        Files are written into this folder.
    contents
        File names and what goes into them.
    force
        Whether to replace files that exist.

    Returns
    -------
    tuple of Path
        The files, in the order given.

    Raises
    ------
    InvalidInput
        If the folder cannot be made or written to, or a file exists and `force` is not set.

    Notes
    -----
    Everything is first written beside its place and then moved there. If that fails half-way, what stood there before
    is put back.
    """
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        staging = tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder)
    paths = {folder / name: data for name, data in contents.items()}
    with _explained(folder), staging as name:
        new = Path(name) / "new"
        old = Path(name) / "old"
        for stage in (new, old):
            stage.mkdir()
        for path, data in paths.items():
            (new / path.name).write_bytes(data)
            if path.is_dir():
                raise InvalidInput("out", f"a folder without a folder {path.name}", str(folder))
        if not force:
            refuse_existing(paths)
        try:
            for path in paths:
                if path.exists():
                    shutil.copyfile(path, old / path.name)
                (new / path.name).replace(path)
        except BaseException:
            for path in paths:
                _put_back(path, old / path.name, unchanged=(new / path.name).exists())
            raise
    return tuple(paths)


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except InvalidInput:
        raise
    except (OSError, ValueError) as error:  # the disk is full, for example, or no system takes the name
        allowed = f"a folder that can be written to ({getattr(error, 'strerror', None) or error})"
        raise InvalidInput("out", allowed, str(folder)) from None


def _put_back(path: Path, before: Path, *, unchanged: bool) -> None:
    if unchanged:
        return
    if before.exists():
        before.replace(path)
    else:
        path.unlink(missing_ok=True)
