"""Curves for TensorBoard, where it is installed: nothing depends on them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["curves"]


@contextlib.contextmanager
def curves(folder: Path, epochs: int) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Open the curves of a run.

    Parameters
    ----------
    folder
        It is that of the run; the curves go into ``tensorboard`` in there.
    epochs
        Epochs that are done; what an interrupted process drew beyond them is dropped.

    Yields
    ------
    callable
        Takes a line of the metrics; it does nothing where TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        yield lambda _: None
        return
    with SummaryWriter(folder / "tensorboard", purge_step=epochs + 1) as writer:

        def draw(line: dict[str, Any]) -> None:
            for name, value in line.items():
                if name != "epoch" and value is not None:
                    writer.add_scalar(name, value, line["epoch"])

        yield draw
