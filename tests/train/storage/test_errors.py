"""Errors of folders: one line of at most 400 characters, and whole when they come from another process."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertrain.errors import RunFolderError  # noqa: E402


def test_errors_of_folders_survive_another_process():
    folder = RunFolderError(Path("runs/x"), "is in use")
    again = pickle.loads(pickle.dumps(folder))
    assert (str(again), again.path, again.reason) == ("runs/x: is in use", folder.path, folder.reason)


@pytest.mark.parametrize("length", [3, 199, 200, 201, 4000])
def test_errors_of_folders_keep_to_their_length(length):
    message = str(RunFolderError(Path("a" * length), "b" * length))
    assert len(message) == min(400, min(200, length) + 2 + min(length, 398 - min(200, length)))
    assert message.index(": ") == min(200, length)
