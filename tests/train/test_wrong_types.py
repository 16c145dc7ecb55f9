"""What is no argument at all is refused in one line that names the argument, by every public function of `ertrain`."""

from __future__ import annotations

import contextlib
import pickle
import warnings

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

import ertheory  # noqa: E402
import ertrain  # noqa: E402
from ertheory.errors import InvalidInput  # noqa: E402
from ertheory.layerwise import layer_densities  # noqa: E402
from tests.wrong_types import not_named, public_functions, silent_methods  # noqa: E402

# They ask a question of any object, or begin when they are entered.
OF_ANYTHING = {
    "data.is_there", "masks.is_structured", "ratios.looks_at_weights", "storage.locked",
    "training.open_run",
}  # fmt: skip


def test_every_public_function_names_what_it_cannot_take():
    functions = dict(public_functions("ertrain"))
    assert len(functions) > 80
    said = {name.removeprefix("ertrain."): not_named(one) for name, one in functions.items()}
    assert {name: what for name, what in said.items() if what is not None} == dict.fromkeys(OF_ANYTHING, "returns")
    assert all(pickle.loads(pickle.dumps(one)) is one for one in functions.values())


def test_every_page_ends_so_that_its_functions_and_classes_name_wrong_types():
    assert list(silent_methods("ertrain")) == ["ertrain.cli.main"]


def test_masks_and_guards_name_it():
    model = nn.Sequential(nn.Linear(3, 2))
    optimiser = torch.optim.SGD(model.parameters())
    for wrong, line in [
        (lambda: ertrain.guard(3, model), "optimiser: expected a value of type Optimizer, got 3"),
        (lambda: ertrain.guard(optimiser, 3), "module: expected a value of type nn.Module, got 3"),
        (lambda: ertrain.attach_masks(model, 3), "masks: expected a value of type Mapping[str, Tensor], got 3"),
        (lambda: ertrain.layer_shapes(model, skip=3), "skip: expected a value of type Collection[str], got 3"),
        (lambda: ertrain.densify("x"), "module: expected a value of type nn.Module, got 'x'"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            wrong()
        assert str(caught.value) == line
    assert not optimiser._optimizer_step_pre_hooks


def test_warnings_point_to_who_called(tmp_path):
    """Naming takes a frame of its own, which warnings leave out."""
    densities = layer_densities([(3, 3)], "1/100", "uniform")
    words = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 4))
    optimiser = torch.optim.SGD(words.parameters())
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "result.json").write_text("[]")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ertrain.draw_masks(densities, seed=0)
        ertrain.start_sparse(words, optimiser, density="0.5", steps=9)
        with contextlib.suppress(InvalidInput):
            ertrain.read_results(tmp_path)
        ertheory.sample(out=tmp_path / "target.npz")
        ertheory.read_target(tmp_path / "target.npz")
    assert [one.filename for one in caught] == [__file__] * 4
