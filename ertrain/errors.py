"""What this package raises beside the errors of `ertheory.errors`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ertheory.errors import ErError, one_line, shortened

__all__ = ["RunFolderError"]


class RunFolderError(ErError):
    """The folder of a run cannot be used: it is in use, not writable, the disk is full, or its files are damaged.

    Parameters
    ----------
    path
        The file or folder.
    reason
        What is wrong with it, in words.
    """

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        named = shortened(one_line(str(path)), 200)
        super().__init__(f"{named}: {shortened(one_line(reason), 398 - len(named))}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Go from one process to another."""
        return type(self), (self.path, self.reason)
