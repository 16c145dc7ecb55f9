"""Checkpoints: one is whole at every moment, whatever a kill or the disk does to the files."""

from __future__ import annotations

import errno
import json
import math
import os
import stat
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertrain.errors import RunFolderError  # noqa: E402
from ertrain.storage import files  # noqa: E402
from ertrain.storage.canonical import canonical_text  # noqa: E402
from ertrain.storage.checkpoints import Checkpoint, load_checkpoint, save_checkpoint  # noqa: E402
from ertrain.storage.files import locked, read_json, write_json, write_whole  # noqa: E402


def checkpoint(epoch: int) -> Checkpoint:
    weights = {"fc.weight": torch.full((3, 4), float(epoch)), "fc.weight.mask_final": torch.arange(12) % 5 < epoch}
    return Checkpoint(weights, {"optimiser.0.step": torch.tensor(float(epoch))}, {"epochs": epoch})


def epoch_of(folder: Path) -> int:
    """Read the checkpoint, and see that all parts of it are of one epoch."""
    found = load_checkpoint(folder)
    if found is None:
        return 0
    epoch = found.scalars["epochs"]
    expected = checkpoint(epoch)
    assert all(found.weights[name].equal(tensor) for name, tensor in expected.weights.items())
    assert all(found.state[name].equal(tensor) for name, tensor in expected.state.items())
    return epoch


class Killed(BaseException):
    """What no handler of errors catches, as no handler catches a kill."""


def kill_at(patch: pytest.MonkeyPatch, moment: int) -> list[int]:
    """Stop at a given operation on files: half of a file is written, or a name has not been changed yet."""
    count = [0]
    replace, fsync = Path.replace, os.fsync

    def stop_or(operation):
        def wrapped(*arguments):
            count[0] += 1
            if count[0] == moment:
                if operation is fsync and not stat.S_ISDIR(os.fstat(arguments[0]).st_mode):
                    os.ftruncate(arguments[0], os.fstat(arguments[0]).st_size // 2)
                raise Killed
            return operation(*arguments)

        return wrapped

    patch.setattr(Path, "replace", stop_or(replace))
    patch.setattr(os, "fsync", stop_or(fsync))
    return count


def test_the_newest_checkpoint_is_read(tmp_path):
    assert load_checkpoint(tmp_path) is None
    for epoch in (1, 2, 3):
        save_checkpoint(tmp_path, checkpoint(epoch))
        assert epoch_of(tmp_path) == epoch


@pytest.mark.parametrize("before", [0, 1, 3])
def test_a_kill_at_any_moment_of_writing_leaves_the_old_or_the_new_checkpoint(tmp_path, before):
    outcomes = set()
    for moment in range(1, 100):
        folder = tmp_path / str(moment)
        folder.mkdir()
        for epoch in range(1, before + 1):
            save_checkpoint(folder, checkpoint(epoch))
        with pytest.MonkeyPatch.context() as patch:
            kill_at(patch, moment)
            try:
                save_checkpoint(folder, checkpoint(before + 1))
            except Killed:
                pass
            else:
                break
        outcomes.add(epoch_of(folder) - before)
        # What is taken up can be saved again.
        save_checkpoint(folder, checkpoint(before + 2))
        assert epoch_of(folder) == before + 2
    assert moment > 6
    assert outcomes == {0, 1}


def test_kills_while_taking_up_and_writing_again_never_lose_the_last_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)  # the order of operations is what counts here
    tried = 0
    for first in range(3, 11):
        for second in range(1, 4):
            for third in range(1, 11):
                folder = tmp_path / f"{first}-{second}-{third}"
                folder.mkdir()
                save_checkpoint(folder, checkpoint(1))
                save_checkpoint(folder, checkpoint(2))
                for moment, work in (
                    (first, lambda folder=folder: save_checkpoint(folder, checkpoint(3))),
                    (second, lambda folder=folder: load_checkpoint(folder)),
                    (third, lambda folder=folder: (load_checkpoint(folder), save_checkpoint(folder, checkpoint(3)))),
                ):
                    with pytest.MonkeyPatch.context() as patch:
                        kill_at(patch, moment)
                        try:
                            work()
                        except Killed:
                            tried += 1
                assert epoch_of(folder) in (2, 3)
    assert tried > 400


def test_contents_reach_the_disk_before_names_and_names_before_it_is_done(tmp_path, monkeypatch):
    """A machine that loses its power may forget what was not flushed, and names that were changed since."""
    done, fsync, replace = [], os.fsync, Path.replace

    def flush(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def rename(before, after):
        done.append("name")
        return replace(before, after)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(Path, "replace", rename)
    for epoch in (1, 2):
        done.clear()
        save_checkpoint(tmp_path, checkpoint(epoch))
        assert done[: done.index("name")] == ["file"] * 3
        assert done[-1] == "folder"
        assert set(done[3:-1]) == {"name"}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files as Linux lists them")
def test_no_file_stays_open(tmp_path):
    save_checkpoint(tmp_path, checkpoint(1))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for epoch in (2, 3, 4):
        save_checkpoint(tmp_path, checkpoint(epoch))
        load_checkpoint(tmp_path)
        write_json(tmp_path / "one.json", {"epoch": epoch})
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("name", ["checkpoint.safetensors", "state.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone"])
def test_a_damaged_checkpoint_is_found_and_the_one_before_it_is_used(tmp_path, name, damage):
    for epoch in (1, 2, 3):
        save_checkpoint(tmp_path, checkpoint(epoch))
    spoil(tmp_path / name, damage)
    assert epoch_of(tmp_path) == 2
    # A kill in the middle of the next write does not lose it.
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, 6)
        with pytest.raises(Killed):
            save_checkpoint(tmp_path, checkpoint(3))
    assert epoch_of(tmp_path) == 2


def spoil(path: Path, damage: str) -> None:
    content = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
        return
    if damage == "flip":
        content[len(content) // 2] ^= 1
    path.write_bytes(
        bytes(content) if damage == "flip" else bytes(content[: len(content) // 2]) if damage == "cut" else b""
    )


def test_when_all_are_damaged_it_is_said(tmp_path):
    for epoch in (1, 2):
        save_checkpoint(tmp_path, checkpoint(epoch))
    spoil(tmp_path / "checkpoint.safetensors", "flip")
    spoil(tmp_path / "checkpoint.previous.safetensors", "cut")
    with pytest.raises(RunFolderError, match="all checkpoints are damaged"):
        load_checkpoint(tmp_path)


def test_a_wrong_digit_in_the_index_is_found(tmp_path):
    for epoch in (1, 2, 3):
        save_checkpoint(tmp_path, checkpoint(epoch))
    index = tmp_path / "state.json"
    index.write_text(index.read_text().replace('"epochs": 3', '"epochs": 9'))
    assert epoch_of(tmp_path) == 2


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("moment", [1, 2, 3])
def test_a_full_or_read_only_disk_is_a_clear_error_and_loses_nothing(tmp_path, monkeypatch, number, moment):
    save_checkpoint(tmp_path, checkpoint(1))
    calls = []

    def fail(descriptor):
        calls.append(descriptor)
        if len(calls) == moment:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(RunFolderError, match=os.strerror(number)):
        save_checkpoint(tmp_path, checkpoint(2))
    monkeypatch.undo()
    assert epoch_of(tmp_path) == 1
    assert not list(tmp_path.glob(".*draft"))


@pytest.mark.skipif(os.name != "posix", reason="limits of processes")
def test_a_disk_that_is_really_full(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no device that is always full")
    (tmp_path / ".state.json.draft").symlink_to("/dev/full")
    save = checkpoint(1)
    with pytest.raises(RunFolderError, match="No space left"):
        save_checkpoint(tmp_path, save)
    assert load_checkpoint(tmp_path) is None


def test_files_are_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    write_json(path, {"a": 1})
    for moment in (1, 2):
        with pytest.MonkeyPatch.context() as patch:
            kill_at(patch, moment)
            with pytest.raises(Killed):
                write_json(path, {"a": 2, "long": "x" * 1000})
        assert read_json(path) == {"a": 1}
    write_json(path, {"a": 2})
    assert read_json(path) == {"a": 2}
    monkeypatch.setattr(files.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(RunFolderError, match=r"result.json: cannot be used \(full\)"):
        write_whole(path, b"{}")
    assert read_json(path) == {"a": 2}


@pytest.mark.skipif(os.name != "posix", reason="makes a named pipe")
def test_a_file_never_takes_the_place_of_a_pipe_or_a_device(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path):
        with pytest.raises(RunFolderError, match="is no regular file"):
            write_whole(place, b"{}")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_what_is_no_number_is_never_written(tmp_path):
    for write in (
        lambda value: write_json(tmp_path / "x.json", {"a": value}),
        lambda value: save_checkpoint(tmp_path, Checkpoint({}, {}, {"a": value})),
        lambda value: canonical_text({"a": value}),
    ):
        for value in (math.nan, math.inf, -math.inf):
            with pytest.raises(ValueError, match="not JSON compliant"):
                write(value)
        write(1e308)
    assert json.loads((tmp_path / "state.json").read_text())["schema"] == 1


def test_damaged_json_is_a_clear_error(tmp_path):
    (tmp_path / "x.json").write_text('{"a": ')
    with pytest.raises(RunFolderError, match=r"x.json: no JSON document"):
        read_json(tmp_path / "x.json")
    assert read_json(tmp_path / "y.json") is None


def test_a_folder_admits_one_process_at_a_time(tmp_path):
    with locked(tmp_path / "run"):
        with pytest.raises(RunFolderError, match="another process is working on this run"), locked(tmp_path / "run"):
            pass
    with locked(tmp_path / "run"):
        pass


def test_where_there_is_no_posix_the_first_byte_is_locked_without_waiting(tmp_path, monkeypatch):
    """As Windows has it: the place in a file is where its lock begins, and who is late is told so by an error."""
    locks, free = [], [True]

    def locking(descriptor, mode, count):
        if not free[0]:
            raise OSError
        locks.append((descriptor, mode, count))

    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(LK_NBLCK="at once", locking=locking))
    monkeypatch.setattr(files, "os", SimpleNamespace(name="nt"))
    files.sync_folder(tmp_path / "nowhere")  # which opens a folder elsewhere
    with (tmp_path / ".lock").open("a+b") as file:
        file.write(b"some")
        assert files._lock(file)
        assert (locks, file.tell()) == ([(file.fileno(), "at once", 1)], 0)
        free[0] = False
        assert not files._lock(file)


def test_a_process_can_wait_for_the_one_before_it(tmp_path):
    entered = []

    def enter():
        with locked(tmp_path, waiting=True):
            entered.append(True)

    with locked(tmp_path):
        thread = threading.Thread(target=enter)
        before = time.process_time()
        thread.start()
        thread.join(0.5)
        assert not entered
        assert time.process_time() - before < 0.3  # it sleeps, and leaves the processor to the other one
    thread.join(60)
    assert entered


def test_a_folder_that_can_not_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match=r"file/run: cannot be used"), locked(tmp_path / "file" / "run"):
        pass
