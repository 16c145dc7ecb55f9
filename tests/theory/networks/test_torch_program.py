"""Files of exported programs are read as what they compute, and nothing in them is unpickled or evaluated."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ertheory.check import evaluate
from ertheory.errors import InvalidInput
from ertheory.networks.network import Residual
from ertheory.networks.readers.targets import load_network, load_target

torch = pytest.importorskip("torch")
nn = torch.nn


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.second = nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1)
        self.last = nn.Linear(12, 2)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.norm(self.first(x)))
        x = nn.functional.max_pool2d(x + self.second(x), 2, ceil_mode=True)
        return self.last(x.flatten(1))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    torch.manual_seed(3)
    model = Block().double().eval()
    points = (torch.zeros(3, 1, 4, 3, dtype=torch.float64),)
    path = tmp_path_factory.mktemp("program") / "model.pt2"
    torch.export.save(torch.export.export(model, points, dynamic_shapes=({0: torch.export.Dim.AUTO},)), path)
    return model, path


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None], more: dict[str, bytes] | None = None) -> Path:
    """Copy an archive with other entries."""
    new = path.with_name("other.pt2")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(new, "w") as made:
        for name in old.namelist():
            content = change(name.partition("/")[2], old.read(name))
            if content is not None:
                made.writestr(name, content)
        for name, content in (more or {}).items():
            made.writestr(f"{old.namelist()[0].partition('/')[0]}/{name}", content)
    return new


def test_a_program_is_read_from_its_file(saved: tuple[Any, Path]) -> None:
    model, path = saved
    network = load_network(path)
    points = np.random.default_rng(0).normal(size=(5, 1, 4, 3))
    with torch.no_grad():
        expected = model(torch.from_numpy(points)).numpy()
    np.testing.assert_allclose(evaluate(network, points), expected, rtol=1e-12)
    assert any(isinstance(step, Residual) for step in network.steps)
    with pytest.raises(InvalidInput, match="chain of layers"):
        load_target(path)


class Trap:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("something was unpickled",))


TRAPPED = pickle.dumps(Trap())


def pickled(kind: str, name: str) -> Callable[[str, bytes], bytes]:
    """Say of an entry that it is pickled, and put a trap there."""

    def change(entry: str, content: bytes) -> bytes:
        if entry == f"data/{kind}/model_{kind}_config.json":
            config = json.loads(content)
            config["config"]["trap"] = {"path_name": name, "is_param": False, "use_pickle": True, "tensor_meta": None}
            return json.dumps(config).encode()
        return content

    return change


@pytest.mark.parametrize(
    ("kind", "name"),
    [("weights", "weight_0"), ("constants", "tensor_0"), ("constants", "custom_obj_0"), ("constants", "opaque_obj_0")],
)
def test_pickled_entries_are_refused(saved: tuple[Any, Path], kind: str, name: str) -> None:
    path = rewritten(saved[1], pickled(kind, name), {f"data/{kind}/{name}_trap": TRAPPED})
    with pytest.raises(InvalidInput, match=rf"other\.pt2: .*{kind} trap, which are pickled"):
        load_network(path)


def test_older_archives_and_their_pickles_are_refused(saved: tuple[Any, Path]) -> None:
    for more in ({"data/weights/model.pt": TRAPPED}, {"data/constants/model.pt": TRAPPED}, {"models/two.json": b"{}"}):
        with pytest.raises(InvalidInput, match=r"torch\.export\.save"):
            load_network(rewritten(saved[1], lambda _, content: content, more))
    inputs = rewritten(saved[1], lambda name, content: TRAPPED if "sample_inputs" in name else content)
    with pytest.raises(InvalidInput, match="undamaged program"):
        load_network(inputs)
    with pytest.raises(InvalidInput, match=r"torch\.export\.save.*no program"):
        load_network(rewritten(saved[1], lambda name, content: None if name.startswith("models/") else content))


@pytest.mark.parametrize(
    "formula",
    [
        "__import__('os').system('true')",
        "pytest.fail()",
        "[].append(s1)",
        "'s1'.upper()",
        "lambda: s1",
        "exit()",
        "s1;s2",
    ],
)
def test_sizes_that_are_no_arithmetic_are_refused(saved: tuple[Any, Path], formula: str) -> None:
    def change(name: str, content: bytes) -> bytes:
        if name != "models/model.json":
            return content
        text = content.decode()
        assert '"expr_str": "Symbol(' in text
        start = text.index('"expr_str": "') + len('"expr_str": "')
        return (text[:start] + formula + text[text.index('"', start) :]).encode()

    with pytest.raises(InvalidInput, match="the size"):
        load_network(rewritten(saved[1], change))


def test_damaged_files_and_whole_models_are_refused(saved: tuple[Any, Path], capfd: pytest.CaptureFixture[str]) -> None:
    content = saved[1].read_bytes()
    damaged = saved[1].with_name("damaged.pt2")
    rng = np.random.default_rng(5)
    whole, refused = load_network(saved[1]), 0
    for place in rng.integers(len(content), size=20):
        other = bytearray(content)
        other[place] ^= 1 << int(rng.integers(8))
        damaged.write_bytes(other)
        try:
            network = load_network(damaged)
        except InvalidInput:
            refused += 1
        else:  # a bit that nobody reads
            for one, same in zip(network.affine, whole.affine, strict=True):
                np.testing.assert_array_equal(one.weight.toarray(), same.weight.toarray())
    assert refused > 10
    damaged.write_bytes(content[:-30])
    with pytest.raises(InvalidInput, match=r"damaged\.pt2"):
        load_network(damaged)
    pickle_of_a_module = saved[1].with_name("model.pt")
    torch.save(saved[0], pickle_of_a_module)
    with pytest.raises(InvalidInput, match=r"whole models: torch\.export\.save, as \.pt2"):
        load_network(pickle_of_a_module)
    assert capfd.readouterr().err == ""
