"""Scores of networks with dropout are those of a seed, whatever numbers were drawn before, and use up nobody's."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

from ertrain.ratios.scores import grasp, snip  # noqa: E402


@pytest.mark.parametrize("score", [snip, grasp])
def test_dropout_is_that_of_the_seed(score):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 20), nn.Tanh(), nn.Dropout(0.5), nn.Linear(20, 3))
    batch = torch.randn(8, 6), torch.randint(3, (8,))

    def scores(before: int, seed: int):
        torch.manual_seed(before)
        found = score(model, ["0", "3"], lambda: iter([batch]), seed=seed)
        assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(before)))
        return torch.cat([tensor.flatten() for tensor in found.values()])

    assert scores(1, 5).equal(scores(2, 5))
    assert not scores(1, 5).equal(scores(1, 6))
