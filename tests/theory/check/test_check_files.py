"""The reader of embeddings: what is written is read, and every damage is refused in one line."""

from __future__ import annotations

import json
import pickle
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from ertheory.check import read_embedding
from ertheory.errors import InvalidInput
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual

TEXTS = ("activation", "steps", "seed", "densities")
SUFFIXES = [".npz", ".safetensors"]


def layers(*shapes: tuple[int, int], seed: int = 0) -> dict[str, Any]:
    """Make the arrays of layers in which about half of the weights are 0; the masks keep all."""
    rng = np.random.default_rng(seed)
    entries: dict[str, Any] = {"activation": "relu"}
    for layer, shape in enumerate(shapes):
        weight = Affine.from_dense(rng.standard_normal(shape) * (rng.random(shape) < 0.6)).weight
        entries |= {
            f"W{layer}_data": weight.data,
            f"W{layer}_indices": weight.indices,
            f"b{layer}": rng.random(shape[0]),
        }
        entries |= {f"W{layer}_indptr": weight.indptr, f"W{layer}_shape": np.array(shape)}
        entries[f"mask{layer}_indices"] = np.tile(np.arange(shape[1]), shape[0])
        entries[f"mask{layer}_indptr"] = np.arange(shape[0] + 1) * shape[1]
    return entries


def plain() -> dict[str, Any]:
    return {**layers((4, 2), (3, 4)), "domain": np.array([[0.0, 1.0], [-1.0, 2.0]]), "seed": "7", "densities": "1,1/10"}


def write(path: Path, entries: dict[str, Any]) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **entries)
        return path
    arrays = {key: np.ascontiguousarray(value) for key, value in entries.items() if key not in TEXTS}
    save_file(arrays, path, metadata={key: str(entries[key]) for key in TEXTS if key in entries})
    return path


def refused(path: Path) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read_embedding(path)
    assert len(str(caught.value)) <= 400
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_chain_is_read_as_it_was_written(tmp_path: Path, suffix: str) -> None:
    entries = plain()
    found = read_embedding(write(tmp_path / f"a{suffix}", entries))
    first, activation, second = found.network.steps
    assert isinstance(first, Affine)
    assert isinstance(second, Affine)
    assert activation == Activation("relu")
    for layer, step in enumerate((first, second)):
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(step.weight, part), entries[f"W{layer}_{part}"])
        np.testing.assert_array_equal(step.bias, entries[f"b{layer}"])
        mask = found.masks[layer]
        assert mask is not None
        assert mask.toarray().all()
        assert mask.shape == step.weight.shape
    np.testing.assert_array_equal(found.network.domain, entries["domain"])
    assert found.seed == 7
    assert found.densities == (1, Fraction(1, 10))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_may_be_left_out(tmp_path: Path, suffix: str) -> None:
    entries = layers((4, 2), (3, 4))
    del entries["mask1_indices"], entries["mask1_indptr"]
    found = read_embedding(write(tmp_path / f"a{suffix}", entries))
    assert found.network.domain is None
    assert (found.seed, found.densities) == (None, None)
    assert found.masks[0] is not None
    assert found.masks[1] is None


@pytest.mark.parametrize("densities", ['["1", "1/10"]', "1,0.1", np.array(["1", "1/10"])])
def test_densities_are_rationals_however_they_are_listed(tmp_path: Path, densities: Any) -> None:
    found = read_embedding(
        write(tmp_path / "a.npz", {**plain(), "densities": densities, "seed": np.array(2**63, np.uint64)})
    )
    assert found.densities == (1, Fraction(1, 10))
    assert found.seed == 2**63


STEPS = [
    {"pool": "average", "size": [2, 2], "stride": [1, 1], "padding": [1, 1]},
    {"affine": 0, "inputs": 2, "kernel": [1, 1], "stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "groups": 1},
    {"activation": "relu"},
    {
        "residual": {
            "branch": [
                {"affine": 1, "inputs": 4, "kernel": [3, 1], "padding": [2, 0], "dilation": [2, 1], "groups": 2}
            ],
            "skip": [{"affine": 3, "inputs": 4, "kernel": [1, 1]}],
        }
    },
    {"residual": {"branch": [{"activation": "relu"}, {"affine": 2, "inputs": 6, "kernel": [1, 1]}], "skip": []}},
    {"activation": "relu"},
    {"pool": "max", "size": [], "stride": [], "padding": []},
    {"flatten": True},
    {"affine": 4, "inputs": 6, "kernel": [], "stride": [], "padding": [], "dilation": [], "groups": 1},
]


def shaped(steps: Any = STEPS) -> dict[str, Any]:
    return {
        **layers((4, 2), (6, 6), (6, 6), (6, 4), (3, 6)),
        "steps": steps if isinstance(steps, str) else json.dumps(steps),
    }


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_steps_are_read(tmp_path: Path, suffix: str) -> None:
    entries = shaped()
    found = read_embedding(write(tmp_path / f"a{suffix}", entries))
    steps = found.network.steps
    assert steps[0] == Pool("average", (2, 2), (1, 1), (1, 1))
    assert steps[6:8] == (Pool("max"), Flatten())
    block = steps[3]
    assert isinstance(block, Residual)
    (branch,) = block.branch
    assert isinstance(branch, Affine)
    assert (branch.kernel, branch.stride, branch.padding, branch.dilation) == ((3, 1), (1, 1), (2, 0), (2, 1))
    assert (branch.groups, branch.inputs) == (2, 4)
    assert isinstance(steps[4], Residual)
    assert steps[4].skip == ()
    # Layer 3 is the skip of the first block and comes before layer 2, and its mask comes with it.
    order = [0, 1, 3, 2, 4]
    for layer, step, mask in zip(order, found.network.affine, found.masks, strict=True):
        np.testing.assert_array_equal(step.weight.data, entries[f"W{layer}_data"])
        assert mask is not None
        assert mask.shape == step.weight.shape


def without(key: str) -> Any:
    return lambda entries: entries.pop(key)


def put(**values: Any) -> Any:
    return lambda entries: entries.update(values)


def at(key: str, place: int, value: Any) -> Any:
    def change(entries: dict[str, Any]) -> None:
        entries[key] = entries[key].copy()
        entries[key][place] = value

    return change


DAMAGES = [
    (without("W0_data"), "W0_data"),
    (without("W1_indices"), "W1_indices"),
    (without("W1_indptr"), "W1_indptr"),
    (without("b1"), "b1"),
    (without("activation"), "activation"),
    (without("mask1_indptr"), "mask1_indptr"),
    (without("mask0_indices"), "mask0_indices"),
    (without("W0_shape"), "path"),
    (without("W1_shape"), "path"),
    (put(W3_shape=np.array([1, 1])), "path"),
    (put(b2=np.ones(1)), "path"),
    (put(mask2_indices=np.ones(1)), "path"),
    (put(weights=np.ones(1)), "path"),
    (put(W00_data=np.ones(1)), "path"),
    (at("W0_data", 0, np.nan), "W0_data"),
    (at("W0_data", 0, np.inf), "W0_data"),
    (at("b1", 0, -np.inf), "b1"),
    (at("W0_indptr", 0, 1), "W0_indptr"),
    (at("W0_indptr", 2, 99), "W0_indptr"),
    (at("W0_indptr", -1, 99), "W0_indptr"),
    (at("W0_indptr", 1, -1), "W0_indptr"),
    (at("W1_indices", 0, 4), "W1_indices"),
    (at("W1_indices", 0, -1), "W1_indices"),
    (at("mask0_indices", 1, 0), "mask0_indices"),
    (at("mask0_indices", 0, 2), "mask0_indices"),
    (at("mask1_indptr", 1, 7), "mask1_indices"),
    (at("mask1_indptr", 1, 13), "mask1_indptr"),
    (put(W0_indptr=np.array([0, 0])), "W0_indptr"),
    (put(W0_indptr=np.zeros(5)), "W0_indptr"),
    (put(W0_indices=np.zeros((2, 2), dtype=int)), "W0_indices"),
    (put(W0_data=np.ones(1)), "W0_data"),
    (put(W0_data=np.ones(3, dtype=np.float32)), "W0_data"),
    (put(W0_data=np.array(["1"])), "W0_data"),
    (put(W0_shape=np.array([4, 2, 1])), "W0_shape"),
    (put(W0_shape=np.array([4, 0])), "W0_shape"),
    (put(W0_shape=np.array([4.0, 2.0])), "W0_shape"),
    (put(W0_shape=np.array([2**62, 2])), "W0_shape"),
    (put(b0=np.ones(3)), "bias"),
    (put(b0=np.ones((4, 1))), "bias"),
    (put(domain=np.zeros((3, 2))), "domain"),
    (put(domain=np.zeros(2)), "domain"),
    (put(domain=np.array([[0.0, 1.0], [1.0, 0.0]])), "domain"),
    (put(domain=np.array([[0.0, 1.0], [0.0, np.inf]])), "domain"),
    (put(activation="step"), "activation"),
    (put(seed="-1"), "seed"),
    (put(seed="seven"), "seed"),
    (put(densities="1,0"), "densities"),
    (put(densities="1,1e-99999999"), "densities"),
    (put(densities="[" * 100_000), "densities"),
    (put(activation="[" * 100_000), "activation"),
    (put(densities="1,11/10"), "densities"),
    (put(densities="1/0,1"), "densities"),
    (put(densities="a,b"), "densities"),
    (put(densities="[1, [2]]"), "densities"),
    (put(W1_shape=np.array([3, 5])), "steps"),
]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(("damage", "argument"), DAMAGES)
def test_damaged_entries_are_named(tmp_path: Path, suffix: str, damage: Any, argument: str) -> None:
    entries = plain()
    read_embedding(write(tmp_path / f"right{suffix}", entries))
    damage(entries)
    if suffix == ".safetensors" and any(
        np.asarray(entries[key]).dtype.kind == "U" for key in entries if key not in TEXTS
    ):
        pytest.skip("this format holds no text among its arrays")
    named = f"damaged{suffix}" if argument == "path" else f"damaged{suffix}, {argument}"
    assert refused(write(tmp_path / f"damaged{suffix}", entries)).argument == named


def step(place: int, **values: Any) -> list[Any]:
    return [{**one, **values} if number == place else one for number, one in enumerate(STEPS)]


def test_a_pool_to_a_number_of_outputs_is_read(tmp_path: Path) -> None:
    entries = shaped(step(6, outputs=[2, 3]))
    assert read_embedding(write(tmp_path / "a.npz", entries)).network.steps[6] == Pool("max", outputs=(2, 3))


def instead(place: int, *others: Any) -> list[Any]:
    return [*STEPS[:place], *others, *STEPS[place + 1 :]]


BLOCK = STEPS[3]["residual"]["branch"][0]  # type: ignore[index]


@pytest.mark.parametrize(
    "steps",
    [
        "no JSON",
        "{}",
        "[" * 100_000,
        "[" * 20 + "]" * 20,
        [],
        instead(8),
        instead(2, {"affine": 0, "inputs": 2, "kernel": [1, 1]}),
        step(8, affine=5),
        step(8, affine=-1),
        step(8, affine=True),
        step(8, affine="4"),
        step(8, inputs=7),
        step(8, inputs="6"),
        step(8, kernel=[2]),
        step(8, kernel=6),
        step(8, groups=4),
        step(8, groups=0),
        step(8, color="red"),
        step(8, pool="max"),
        step(1, stride=[1]),
        step(1, stride=[0, 1]),
        step(1, dilation=[1.5, 1]),
        step(1, padding=[-1, 0]),
        step(2, activation="step"),
        step(2, activation="silu"),
        step(2, activation=1),
        step(0, pool="median"),
        step(0, padding=[2, 2]),
        step(0, size=[2]),
        step(0, outputs=[2, 2]),
        step(6, outputs=[-1]),
        step(6, ceil=1),
        step(6, counted="no"),
        step(7, flatten=False),
        instead(7, "flatten"),
        instead(7, {}),
        instead(7, {"normalise": True}),
        instead(3, {"residual": {"branch": [BLOCK]}}, {"affine": 3, "inputs": 6}),
        instead(3, {"residual": {"branch": [], "skip": []}}),
        instead(3, {"residual": [BLOCK]}),
        instead(3, {"residual": {"branch": [BLOCK], "skip": [{"activation": "relu"}]}}),
        instead(3, {"residual": {"branch": [BLOCK], "skip": {}}}),
        instead(3, {"residual": {"branch": [BLOCK], "jump": []}}),
    ],
)
def test_damaged_steps_are_refused(tmp_path: Path, steps: Any) -> None:
    for suffix in SUFFIXES:
        refused(write(tmp_path / f"a{suffix}", shaped(steps)))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_cut_off_or_changed_is_refused(tmp_path: Path, suffix: str) -> None:
    whole = write(tmp_path / f"a{suffix}", plain()).read_bytes()
    for length in (0, 1, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        path = tmp_path / f"cut{suffix}"
        path.write_bytes(whole[:length])
        refused(path)
    (tmp_path / f"other{suffix}").write_bytes(b"not an archive at all" * 10)
    refused(tmp_path / f"other{suffix}")


class Trap:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was executed",))


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{**plain(), "b0": np.array([Trap()], dtype=object)})
    assert "undamaged" in str(refused(tmp_path / "a.npz"))
    np.savez(tmp_path / "b.npz", **{**plain(), "activation": np.array([Trap()], dtype=object)})
    refused(tmp_path / "b.npz")
    (tmp_path / "c.npz").write_bytes(pickle.dumps(Trap()))
    refused(tmp_path / "c.npz")
    np.save(tmp_path / "d.npy", np.ones(3))
    (tmp_path / "d.npy").rename(tmp_path / "d.npz")
    assert "archive" in str(refused(tmp_path / "d.npz"))


def test_a_key_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", plain())
    with zipfile.ZipFile(path) as archive:
        again = archive.read("b0.npy")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("b0.npy", again)
    assert "once" in str(refused(path))


def test_texts_have_their_place(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{**plain(), "activation": np.ones(2)})
    assert refused(tmp_path / "a.npz").argument == "a.npz, activation"
    arrays = {key: np.asarray(value) for key, value in plain().items() if key not in TEXTS}
    save_file(arrays | {"seed": np.array([7])}, tmp_path / "b.safetensors", metadata={"activation": "relu"})
    assert refused(tmp_path / "b.safetensors").argument == "b.safetensors, seed"
    save_file(arrays, tmp_path / "c.safetensors")
    assert refused(tmp_path / "c.safetensors").argument == "c.safetensors, activation"


def test_files_that_are_not_there_or_are_something_else(tmp_path: Path) -> None:
    assert "exists" in str(refused(tmp_path / "none.npz"))
    assert "exists" in str(refused(tmp_path / "none.safetensors"))
    assert ".npz or .safetensors" in str(refused(tmp_path / "a.pt"))
    (tmp_path / "folder.npz").mkdir()
    refused(tmp_path / "folder.npz")


def test_a_network_without_activations_may_name_one(tmp_path: Path) -> None:
    found = read_embedding(write(tmp_path / "a.npz", layers((3, 2))))
    assert found.network.activation == "identity"
    assert isinstance(found.network, Network)
