"""Target files: what is written is read back, what is damaged is refused in one line, and nothing is left behind."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ertheory import files
from ertheory.errors import InvalidInput
from ertheory.networks.network import Affine, Network
from ertheory.networks.readers.targets import (
    load_network,
    load_target,
    read_network,
    read_target,
    target_of,
    write_target,
)
from ertheory.networks.target import Target

SUFFIXES = [".npz", ".safetensors"]
FINITE = st.floats(allow_nan=False, allow_infinity=False)
SMALL = Target.from_arrays([[[1.0, 0.0], [2.0, 3.0]], [[1.0, -1.0]]], [[0.5, 0.0], [0.1]], domain=[[0, 1], [-1, 2]])


@st.composite
def dense_targets(draw: st.DrawFn) -> Target:
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [draw(arrays.arrays(np.float64, shape, elements=FINITE)) for shape in shapes]
    biases = [draw(arrays.arrays(np.float64, shape[:1], elements=FINITE)) for shape in shapes]
    box = draw(st.none() | arrays.arrays(np.float64, (widths[0], 2), elements=FINITE))
    return Target.from_arrays(weights, biases, domain=None if box is None else np.sort(box, axis=1))


def refused(call: object, *args: object, **keywords: object) -> str:
    """Call, expect a refusal, and give its message, which has to be one short line."""
    with pytest.raises(InvalidInput) as caught:
        call(*args, **keywords)  # type: ignore[operator]
    message = str(caught.value)
    assert len(message) <= 400
    assert len(message.splitlines()) == 1
    return message


def save(path: Path, **entries: object) -> Path:
    np.savez(path, **entries)
    return path


def safetensors_bytes(
    tensors: dict[str, tuple[str, list[int], bytes]], metadata: dict[str, str] | None = None
) -> bytes:
    """Lay out a .safetensors file by hand, for types that numpy does not have."""
    header: dict[str, object] = {} if metadata is None else {"__metadata__": metadata}
    body = b""
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def assert_same(first: Target, second: Target) -> None:
    assert first.layers == second.layers
    for name in ("weights", "biases"):
        for one, other in zip(getattr(first, name), getattr(second, name), strict=True):
            assert one.tobytes() == other.tobytes()
            assert one.shape == other.shape
    assert (first.domain is None) == (second.domain is None)
    if first.domain is not None and second.domain is not None:
        assert first.domain.tobytes() == second.domain.tobytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=40, deadline=None)
@given(target=dense_targets())
def test_what_is_written_is_read_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, target: Target
) -> None:
    path = tmp_path_factory.mktemp("round") / f"target{suffix}"
    write_target(path, target)
    assert_same(load_target(path), target)
    assert_same(load_target(str(path)), target)
    assert_same(target_of(str(path)), target)
    # Both did both before, and do for one release more.
    with pytest.deprecated_call(match="ertheory.load_target"):
        assert_same(read_target(path), target)
    with pytest.deprecated_call(match="ertheory.load_network"):
        read_network(str(path))
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_convolutions_and_the_flatten_behind_them_survive(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(5)
    weights = [rng.normal(size=(4, 3, 3, 3)), rng.normal(size=(2, 4, 1, 1)), rng.normal(size=(5, 18))]
    target = Target.from_arrays(weights, None)
    write_target(tmp_path / f"conv{suffix}", target)
    back = load_target(tmp_path / f"conv{suffix}")
    assert_same(back, target)
    assert back.layers[-1].positions == 9


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_weights_that_are_transposed_in_memory_are_written_as_they_look(tmp_path: Path, suffix: str) -> None:
    weight = np.asfortranarray(np.arange(1.0, 7.0).reshape(2, 3))
    write_target(tmp_path / f"t{suffix}", Target.from_arrays([weight]))
    np.testing.assert_array_equal(load_target(tmp_path / f"t{suffix}").weights[0], weight)


@pytest.mark.parametrize(
    "dtype", ["?", "i1", "u1", "<i2", "<u2", "<i4", ">i4", "<u4", "<i8", "<u8", "<f2", "<f4", ">f8"]
)
def test_every_number_type_is_read_exactly(tmp_path: Path, dtype: str) -> None:
    weight = np.array([[1, 0, 1]] if dtype == "?" else [[3, 0, 127]]).astype(dtype)
    assert load_target(save(tmp_path / "t.npz", W1=weight)).weights[0].tolist() == weight.astype(float).tolist()
    if dtype[0] != ">":
        from safetensors.numpy import save_file

        save_file({"W1": weight}, tmp_path / "t.safetensors")
        target = load_target(tmp_path / "t.safetensors")
        assert target.weights[0].tolist() == weight.astype(float).tolist()
        assert target.weights[0].dtype == np.float64


def test_bfloat16_is_read_exactly(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    data = np.array([0x3F80, 0xC000, 0x0001, 0x4049], dtype="<u2").tobytes()  # 1, -2, 2**-133, 3.140625
    path.write_bytes(safetensors_bytes({"W1": ("BF16", [2, 2], data)}))
    assert load_target(path).weights[0].tolist() == [[1.0, -2.0], [2.0**-133, 3.140625]]


def test_an_eight_bit_float_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    path.write_bytes(safetensors_bytes({"W1": ("F8_E4M3", [1, 1], b"\x38")}))
    assert "F8_E4M3" in refused(load_target, path)


def test_numbers_that_no_double_equals_are_refused(tmp_path: Path) -> None:
    exact = save(tmp_path / "exact.npz", W1=np.array([[2**53, -(2**53)]]))
    assert load_target(exact).weights[0].tolist() == [[2.0**53, -(2.0**53)]]
    for value in (2**53 + 1, -(2**53) - 1):
        assert "2**53" in refused(load_target, save(tmp_path / "large.npz", W1=np.array([[value]])))
    third = np.array([[1]], dtype=np.longdouble) / 3
    if np.finfo(np.longdouble).nmant > 52:
        assert "exactly" in refused(load_target, save(tmp_path / "long.npz", W1=third))


def test_biases_and_the_domain_may_be_left_out(tmp_path: Path) -> None:
    target = load_target(save(tmp_path / "t.npz", W1=np.ones((2, 3)), W2=np.ones((1, 2)), b2=np.array([4.0])))
    assert [bias.tolist() for bias in target.biases] == [[0.0, 0.0], [4.0]]
    assert target.domain is None


def test_the_activation_is_relu_or_nothing(tmp_path: Path) -> None:
    one = np.ones((1, 1))
    assert load_target(save(tmp_path / "relu.npz", W1=one, activation="relu")).widths == (1, 1)
    assert "tanh" in refused(load_target, save(tmp_path / "tanh.npz", W1=one, activation="tanh"))
    path = tmp_path / "t.safetensors"
    entry = {"W1": ("F64", [1, 1], one.tobytes())}
    path.write_bytes(safetensors_bytes(entry, {"activation": "relu", "format": "np"}))
    assert load_target(path).widths == (1, 1)
    path.write_bytes(safetensors_bytes(entry, {"activation": "gelu"}))
    assert "gelu" in refused(load_target, path)


LONG = "x\n" * 500
BAD_ENTRIES = {
    "no weights": ({"b1": np.ones(1)}, "W1"),
    "empty": ({}, "W1"),
    "unknown key": ({"W1": np.ones((1, 1)), "weight": np.ones(1)}, "weight"),
    "bias without a number": ({"W1": np.ones((1, 1)), "bias": np.ones(1)}, "keys W1"),
    "long key": ({"W1": np.ones((1, 1)), LONG: np.ones(1)}, "keys W1"),
    "gap": (
        {"W1": np.ones((1, 1)), "W3": np.ones((1, 1))},
        "W2: expected weights W1 to W2 without a gap, got 'W1, W3'",
    ),
    "from zero": ({"W0": np.ones((1, 1)), "W1": np.ones((1, 1))}, "W0"),
    "second name": ({"W1": np.ones((1, 1)), "W01": np.ones((1, 1))}, "W01"),
    "lonely bias": ({"W1": np.ones((1, 1)), "b2": np.ones(1)}, "b2"),
    "one dimension": ({"W1": np.ones(3)}, "W1"),
    "no dimension": ({"W1": np.float64(3)}, "W1"),
    "no rows": ({"W1": np.ones((0, 3))}, "W1"),
    "no chain": ({"W1": np.ones((2, 3)), "W2": np.ones((1, 3))}, "layer 2"),
    "bias too long": ({"W1": np.ones((2, 3)), "b1": np.ones(3)}, "b1"),
    "NaN": ({"W1": np.array([[1.0, np.nan]])}, "W1: expected finite numbers, got nan"),
    "infinite bias": ({"W1": np.ones((1, 1)), "b1": np.array([np.inf])}, "b1"),
    "complex": ({"W1": np.array([[1j]])}, "W1"),
    "text": ({"W1": np.array([["1.0"]])}, "W1"),
    "domain upside down": ({"W1": np.ones((1, 1)), "domain": np.array([[1.0, 0.0]])}, "domain"),
    "domain of another shape": ({"W1": np.ones((1, 1)), "domain": np.array([0.0, 1.0])}, "domain"),
    "flatten of a fraction": ({"W1": np.ones((2, 1, 3)), "W2": np.ones((1, 3))}, "W2"),
}


@pytest.mark.parametrize("case", BAD_ENTRIES)
def test_entries_that_are_no_network_are_refused(tmp_path: Path, case: str) -> None:
    entries, part = BAD_ENTRIES[case]
    path = tmp_path / "t.npz"
    np.savez(path, **entries)
    assert part in refused(load_target, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.npz"]
    if "W1" in entries:
        assert part in refused(read_target, entries)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_truncated_file_is_refused_at_every_length(tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"whole{suffix}"
    write_target(whole, SMALL)
    data = whole.read_bytes()
    part = tmp_path / f"part{suffix}"
    for length in range(0, len(data), 7):
        part.write_bytes(data[:length])
        assert "undamaged" in refused(load_target, part)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200), place=st.integers(0, 10**6), keep=st.booleans())
def test_garbage_never_gives_anything_but_a_target_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, data: bytes, place: int, keep: bool
) -> None:
    path = tmp_path_factory.mktemp("garbage") / f"t{suffix}"
    write_target(path, SMALL)
    whole = path.read_bytes()
    place %= len(whole)
    path.write_bytes(whole[:place] + data + whole[place + len(data) :] if keep else data)
    try:
        assert isinstance(load_target(path), Target)
    except InvalidInput as error:
        assert len(str(error)) <= 400  # noqa: PT017 - either outcome is right


class Trap:
    """Sets off when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _spring, ()


def _spring() -> None:
    pytest.fail("a file was unpickled")


def test_pickled_objects_are_refused_and_not_run(tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", W1=np.array([[Trap()]], dtype=object))
    assert "plain arrays" in refused(load_target, tmp_path / "objects.npz")
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Trap()))
    assert "plain arrays" in refused(load_target, tmp_path / "pickle.npz")
    with pytest.raises(pytest.fail.Exception):  # the trap works
        pickle.loads(pickle.dumps(Trap()))


def test_archives_of_something_else_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "array.npz").open("wb") as file:
        np.save(file, np.ones((2, 2)))
    assert "archive" in refused(load_target, tmp_path / "array.npz")
    buffer = io.BytesIO()
    np.save(buffer, np.ones((1, 1)))
    with zipfile.ZipFile(tmp_path / "twice.npz", "w") as archive:
        archive.writestr("W1.npy", buffer.getvalue())
        archive.writestr("W1", buffer.getvalue())
    assert "once" in refused(load_target, tmp_path / "twice.npz")
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as archive:
        archive.writestr("W1", "1 0 1")
    refused(load_target, tmp_path / "text.npz")


def test_paths_that_are_no_target_file_are_refused(tmp_path: Path) -> None:
    assert "exists" in refused(load_target, tmp_path / "missing.npz")
    assert "exists" in refused(load_target, str(tmp_path / ("a" * 100) / "missing.safetensors"))
    (tmp_path / "folder.npz").mkdir()
    refused(load_target, tmp_path / "folder.npz")
    assert ".safetensors" in refused(load_target, tmp_path / "model.bin")
    refused(load_target, "nul\0l.npz")
    refused(load_target, "a\nb" * 2000 + ".npz")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_is_written_over_only_by_force(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    path.write_bytes(b"precious")
    assert "force" in refused(write_target, path, SMALL)
    assert path.read_bytes() == b"precious"
    write_target(path, SMALL, force=True)
    assert_same(load_target(path), SMALL)
    assert os.listdir(tmp_path) == [path.name]  # noqa: PTH208


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_a_broken_link_counts_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "t.npz").symlink_to(tmp_path / "elsewhere")
    assert "force" in refused(write_target, tmp_path / "t.npz", SMALL)


def test_a_failing_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: io.BufferedWriter, **_: object) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    path = tmp_path / "t.npz"
    write_target(path, SMALL)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: full(io.BytesIO()))
        refused(write_target, path, SMALL, force=True)
    monkeypatch.setattr(files.np, "savez", full)
    refused(write_target, path, SMALL, force=True)
    refused(write_target, tmp_path / "new.npz", SMALL)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.npz"]


def test_places_and_targets_that_cannot_be_written(tmp_path: Path) -> None:
    refused(write_target, tmp_path / "missing" / "t.npz", SMALL)
    (tmp_path / "folder.npz").mkdir()
    refused(write_target, tmp_path / "folder.npz", SMALL)
    refused(write_target, tmp_path / "folder.npz", SMALL, force=True)
    assert ".npz" in refused(write_target, tmp_path / "t.txt", SMALL)
    assert "weights" in refused(write_target, tmp_path / "t.npz", Target.from_text("4-8-3"))
    strided = Network((Affine.from_dense(np.ones((2, 1, 3)), stride=(2,)),))
    assert "stride" in refused(write_target, tmp_path / "t.npz", Target.from_network(strided))
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder.npz"]


def test_one_door_for_everything_that_numpy_and_text_can_say() -> None:
    weights = [np.ones((3, 2)), np.eye(3)[:1]]
    assert read_target(SMALL) is SMALL
    assert read_target("4-8-3").widths == (4, 8, 3)
    for widths in ([4, 8, 3], (4, 8, 3), range(3, 0, -1), np.array([4, 8, 3])):
        assert read_target(widths).widths == tuple(widths)
    assert read_target([4, 8]).widths == (4, 8)
    assert read_target(weights).nonzeros == (6, 1)
    assert read_target(tuple(weights)).nonzeros == (6, 1)
    assert read_target([weight.tolist() for weight in weights]).nonzeros == (6, 1)
    for pair in ((weights, [np.ones(3), [2.0]]), [weights, [np.ones(3), np.array([2.0])]]):
        assert [bias.tolist() for bias in read_target(pair).biases] == [[1.0, 1.0, 1.0], [2.0]]
    assert read_target({"W1": np.ones((1, 2)), "b1": [3]}).biases[0].tolist() == [3.0]
    state = OrderedDict([("0.weight", weights[0]), ("0.bias", np.ones(3)), ("2.weight", weights[1])])
    assert read_target(state).widths == (2, 3, 1)


def test_what_is_in_memory_is_read_and_only_for_now_loaded() -> None:
    for function in (load_target, load_network):
        with pytest.deprecated_call(match=r"ertheory\.read_(target|network)"):
            found = function([np.ones((2, 3)), np.ones((1, 2))])
        assert str(found) == "3-2-1" if function is load_target else (found.inputs, found.outputs) == (3, 1)
    with pytest.deprecated_call(match=r"ertheory\.read_target"):
        assert load_target("4-8-3").depth == 2
    assert "a .npz" in refused(load_target, "weights.bin")


@pytest.mark.parametrize(
    "thing",
    [None, 3, 3.5, b"4-8-3", "", "four", "784", [], [4], [4, 8.0], [4, True], [4, "8"], object(), {}, {"a": 1},
     np.ones((2, 2)), [np.ones(3)], [[1.0, [2.0]], [3.0]], [[[1.0, 2.0], [3.0]]], {"W1": "x"},
     ([np.ones((1, 1))], [[1.0], [1.0]]), [[[[1.0], [1.0, 2.0]]], [[1.0]]],
     np.array(5), [None], Path("4-8-3"), [np.array([[None]])]],
)  # fmt: skip
def test_one_door_refuses_everything_else(thing: object) -> None:
    refused(target_of, thing)


def test_no_flipped_bit_of_an_archive_gives_another_target(tmp_path: Path) -> None:
    whole = tmp_path / "whole.npz"
    write_target(whole, SMALL)
    data, path = bytearray(whole.read_bytes()), tmp_path / "flipped.npz"
    directory = data.index(b"PK\x01\x02")
    # Every bit of the directory and of the record behind it, and one bit of every fifth byte before.
    flips = [(place, bit) for place in range(directory, len(data)) for bit in range(8)]
    flips += [(place, place % 8) for place in range(0, directory, 5)]
    stopped = 0
    for place, bit in flips:
        data[place] ^= 1 << bit
        path.write_bytes(data)
        data[place] ^= 1 << bit
        try:
            found = load_target(path)
        except InvalidInput:
            stopped += 1
            continue
        assert_same(found, SMALL)
    assert stopped > len(flips) / 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("suffix", [*SUFFIXES, ".pt"])
def test_a_pipe_is_refused_at_once(tmp_path: Path, suffix: str) -> None:
    os.mkfifo(tmp_path / f"pipe{suffix}")
    assert "regular file" in refused(load_target, tmp_path / f"pipe{suffix}")


def test_errors_from_a_file_name_the_file(tmp_path: Path) -> None:
    path = save(tmp_path / "net.npz", W1=np.array([[np.nan]]))
    assert refused(load_target, path).startswith("net.npz, W1: expected finite numbers")
