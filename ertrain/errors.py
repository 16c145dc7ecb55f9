"""What this package raises beside the errors of `ertheory.errors`."""

from __future__ import annotations

from pathlib import Path

from ertheory.errors import ErError

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
        self.path = path
        super().__init__(f"{path}: {reason}")
