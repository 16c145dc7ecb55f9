"""Kept weights in files: matrices up to a size and kept entries beyond, of weights, masks and all that is theirs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

from ertrain.masks.sparse.kept import KeptLinear  # noqa: E402
from ertrain.training import kept_files  # noqa: E402
from ertrain.training.kept_files import held, spread_weights, written  # noqa: E402

MASK = torch.tensor([[1, 0, 1], [0, 1, 0]]).bool()
WHOLE = torch.tensor([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])


def checkpoint(*, moved_elsewhere: bool = False):
    """A model of one layer, its optimiser and method, and what is kept of it in the order of its entries."""
    model = nn.Sequential(KeptLinear(3, 2, MASK.tolist()))
    values = nn.Parameter(torch.ones(3))
    method = SimpleNamespace(stands_for=lambda: {"0": (model[0].weight, values)} if moved_elsewhere else {})
    moved = [values if moved_elsewhere else model[0].weight, model[0].bias]
    weights = {"0.weight": WHOLE[MASK], "0.weight.mask_final": MASK[MASK], "0.bias": torch.zeros(2)}
    state = {
        "optimiser.0.momentum_buffer": 10 * WHOLE[MASK],
        "optimiser.0.step": torch.tensor(5.0),
        "optimiser.1.momentum_buffer": torch.ones(3),  # of something else that is as long
        "best.0.weight": 20 * WHOLE[MASK],
        "method.scores.0": 30 * WHOLE[MASK],
        "method.thresholds": torch.ones(3),
    }
    return model, torch.optim.SGD(moved, lr=0.1), method, weights, state


@pytest.mark.parametrize("kind", ["no method", "a method", "one that moves something else"])
@pytest.mark.parametrize("large", [False, True])
def test_what_belongs_to_a_layer_is_written_as_a_matrix_or_as_it_is_kept_and_read_again(kind, large, monkeypatch):
    monkeypatch.setattr(kept_files, "_LARGE", 5 if large else 6)  # of six entries
    model, optimiser, method, weights, state = checkpoint(moved_elsewhere=kind == "one that moves something else")
    given = model, optimiser, None if kind == "no method" else method
    before = {**weights}, {**state}
    in_file = written(*given, weights, state)
    apart = {"0.bias": 1, "optimiser.0.step": 1, "optimiser.1.momentum_buffer": 1, "method.thresholds": 1}
    factors = {"optimiser.0.momentum_buffer": 10, "best.0.weight": 20, "method.scores.0": 30, "0.weight": 1}
    for some, old in zip(in_file, before, strict=True):
        for name in old:
            kept = large or name in apart
            wanted = old[name] if kept else MASK if "mask" in name else factors[name] * WHOLE
            assert some[name].equal(wanted), name
    pattern = {name: in_file[0][name].tolist() for name in in_file[0] if name.endswith(("starts", "columns"))}
    assert pattern == ({"0.weight.starts": [0, 2, 3], "0.weight.columns": [0, 2, 1]} if large else {})
    shown = spread_weights(nn.Sequential(nn.Linear(3, 2)), {**in_file[0]})
    assert shown["0.weight"].equal(WHOLE)
    assert shown["0.weight.mask_final"].equal(MASK)
    for some, old in zip(held(*given, *in_file), before, strict=True):
        assert some.keys() == old.keys()
        assert all(some[name].equal(old[name]) for name in old)


def test_weights_in_other_places_are_not_taken_up(monkeypatch):
    monkeypatch.setattr(kept_files, "_LARGE", 5)
    model, optimiser, method, weights, state = checkpoint()
    in_file = written(model, optimiser, method, weights, state)
    in_file[0]["0.weight.columns"] = torch.tensor([0, 1, 1], dtype=torch.int32)
    with pytest.raises(ValueError, match="the weights of 0 are in other places"):
        held(model, optimiser, method, *in_file)
