"""Trials that outlive their process: whether the k-th mask at a total of widths failed, looked up or found out.

Trials come in chunks of a fixed size, and chunk c holds the trials c n .. c n + n - 1 whoever asks. So the outcomes do
not depend on the number of workers, or on where an earlier process was stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ertheory.numbers import whole_number
from ertrain.errors import RunFolderError
from ertrain.storage.files import read_json, write_json

__all__ = ["Outcomes", "trial_seeds"]

_MOST_SEEDS = 10**6  # that are given at once

# Of a kind of trial, a total and the seeds of a chunk: which of them failed.
Fails = Callable[[int, list[list[int]]], list[list[bool]]]


def trial_seeds(seed: int, total: int, start: int, stop: int) -> list[int]:
    """Give the seeds of the trials start..stop - 1 at a total: that of the mask, and of the start of the training.

    Examples
    --------
    >>> trial_seeds(0, 20, 0, 5)[2:4] == trial_seeds(0, 20, 2, 4)
    True
    """
    seed, total, start = (whole_number(*one, least=0) for one in (("seed", seed), ("total", total), ("start", start)))
    stop = whole_number("stop", stop, least=start, most=start + _MOST_SEEDS)
    streams = (np.random.SeedSequence(seed, spawn_key=(total, trial)) for trial in range(start, stop))
    return [int(stream.generate_state(1, np.uint64)[0] >> np.uint64(1)) for stream in streams]


class Outcomes:
    """Outcomes of trials, kept in a file that is written whole after every wave of chunks.

    Parameters
    ----------
    path
        The file; its folder exists. None keeps nothing.
    inputs
        All that outcomes depend on, in types that JSON knows. A file of other inputs is refused.
    seed
        It is that of the trials.
    chunk
        Trials in a chunk.
    wave
        Chunks that are found out at once where one is needed.

    Raises
    ------
    RunFolderError
        If the file is damaged, or holds outcomes of other inputs.
    """

    def __init__(self, path: Path | None, inputs: Mapping[str, Any], *, seed: int, chunk: int, wave: int = 1) -> None:
        chunk, wave = whole_number("chunk", chunk, least=1), whole_number("wave", wave, least=1)
        self._path, self._inputs, self._seed, self._chunk, self._wave = path, dict(inputs), seed, chunk, wave
        self._known: dict[str, dict[str, str]] = {}
        content = None if path is None else read_json(path)
        if content is not None:
            if not _whole(content, chunk):
                raise RunFolderError(Path(str(path)), "no outcomes of trials")
            if content["inputs"] != self._inputs:
                raise RunFolderError(Path(str(path)), "holds outcomes of other inputs")
            self._known = content["outcomes"]

    def failed(self, kind: str, total: int, start: int, stop: int, fails: Fails) -> npt.NDArray[np.bool_]:
        """Say which of the trials start..stop - 1 at a total failed.

        Parameters
        ----------
        kind
            Name of the kind of trial.
        total
            It is that of the widths.
        start, stop
            Which trials.
        fails
            Given the total and lists of seeds, finds out which failed.
        """
        known = self._known.setdefault(kind, {})
        while len(known.get(str(total), "")) < stop:
            have = len(known.get(str(total), ""))
            starts = range(have, have + self._wave * self._chunk, self._chunk)
            seeds = [trial_seeds(self._seed, total, first, first + self._chunk) for first in starts]
            found = [failed for chunk in fails(total, seeds) for failed in chunk]
            known[str(total)] = known.get(str(total), "") + "".join("x" if failed else "." for failed in found)
            if self._path is not None:
                write_json(self._path, {"schema": 1, "inputs": self._inputs, "outcomes": self._known})
        return np.array([mark == "x" for mark in known[str(total)][start:stop]], dtype=np.bool_)


def _whole(content: Any, chunk: int) -> bool:
    if not isinstance(content, dict) or content.keys() != {"schema", "inputs", "outcomes"}:
        return False
    if content["schema"] != 1 or not isinstance(content["inputs"], dict):
        return False
    kinds = content.get("outcomes")
    if not isinstance(kinds, dict) or not all(isinstance(totals, dict) for totals in kinds.values()):
        return False
    marks = [text for totals in kinds.values() for text in totals.values()]
    return all(isinstance(text, str) and set(text) <= {"x", "."} and len(text) % chunk == 0 for text in marks)
