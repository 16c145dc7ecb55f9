"""Performing runs: each in its folder, taken up where it stands, skipped where it is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ertheory.errors import InvalidInput
from ertrain.configuration import MAY_BE_OWN, OWN, Configuration
from ertrain.errors import RunFolderError
from ertrain.storage.files import RESULT_ALSO, RESULT_NEEDS, read_json
from ertrain.training.backend import Backend
from ertrain.training.loop import train
from ertrain.training.process_group import ProcessGroup
from ertrain.training.runs import open_run
from ertrain.training.supplied import Supplied

__all__ = ["perform", "result_of"]


def perform(
    configuration: Configuration,
    out: Path,
    processes: ProcessGroup,
    *,
    data_dir: Path,
    progress: Callable[[dict[str, Any]], object] = lambda _: None,
    backend: Backend = "auto",
    supplied: Supplied | None = None,
    tested: bool = True,
) -> dict[str, Any]:
    """Perform one run, or what is left of it, and return its result.

    Parameters
    ----------
    configuration
        What to train.
    out
        Folder for the folders of runs.
    processes
        The process group that computes, from `ertrain.training.process_group.join_process_group`.
    data_dir
        Where the data are, or are downloaded to.
    progress
        It is called after every epoch with its line of the metrics.
    backend
        How layers are stored and multiplied: ``"masked"``, ``"sparse"`` or ``"auto"``, as in `choose_backend`.
    supplied
        Network, data, loss and optimiser, where they are not those that the configuration names.
    tested
        Whether the test is read at the end, as in `ertrain.training.loop.train`; a run that is done stays as it is.

    Returns
    -------
    dict
        The content of ``result.json``.

    Raises
    ------
    RunFolderError
        If the folder cannot be used.
    InvalidInput
        If the data cannot be had, or do not fit the configuration.
    """
    for name in MAY_BE_OWN if supplied is None else ():
        value = getattr(configuration, name)
        if f"{value}-".startswith(OWN):
            raise InvalidInput(name, "one that has a name; ertrain.fit takes what is your own", value)
    known = result_of(configuration, out)
    if known is None:
        with open_run(configuration, out, processes) as run:
            train(configuration, run, processes, data_dir, progress, backend, supplied, tested=tested)
        known = result_of(configuration, out)
    return known or {}


def result_of(configuration: Configuration, out: Path) -> dict[str, Any] | None:
    """Read the result of a run, None if it is not done.

    Raises
    ------
    RunFolderError
        If the file is damaged, or belongs to another configuration.
    """
    path = out / configuration.folder / "result.json"
    content: dict[str, Any] | None = read_json(path, RESULT_NEEDS, RESULT_ALSO)
    if content is not None and content["config_hash"] != configuration.hash:
        raise RunFolderError(path, "is the result of another configuration; remove it to run this one")
    return content
