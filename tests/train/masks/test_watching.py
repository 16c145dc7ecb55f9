"""A guard sees every change of what has masks, and walks over the module again only where there is one."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.masks import attach_masks, guard, guarding, masks_of  # noqa: E402
from ertrain.masks.watching import Watch  # noqa: E402


class Parts(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Sequential(nn.Linear(4, 5), nn.ReLU())
        self.two = nn.Linear(5, 3)

    def forward(self, inputs):
        return self.two(self.one(inputs))


def masked():
    torch.manual_seed(0)
    module = Parts()
    attach_masks(module, {"one.0": torch.rand(5, 4) < 0.5})
    return module


def step(module, optimiser):
    optimiser.zero_grad()
    module(torch.randn(7, 4)).square().sum().backward()
    optimiser.step()


def other_mask(module):
    module.one[0].weight_mask = ~module.one[0].weight_mask


def mask_through_the_dictionary(module):
    module.one[0]._buffers["weight_mask"] = ~module.one[0].weight_mask


def no_mask(module):
    del module.one[0].weight_mask


def mask_elsewhere(module):
    attach_masks(module, {"two": torch.rand(3, 5) < 0.5})


def other_weight(module):
    module.one[0].weight = nn.Parameter(torch.randn(5, 4))


def other_layer(module):
    layer = nn.Linear(4, 5)
    attach_masks(layer, {"": torch.rand(5, 4) < 0.5})
    module.one[0] = layer


def layer_among_others(module):
    layer = nn.Linear(3, 3)
    attach_masks(layer, {"": torch.rand(3, 3) < 0.5})
    module.two = nn.Sequential(module.two, layer)


def layer_inside_a_part_that_had_none(module):
    layer = nn.Linear(5, 5)
    attach_masks(layer, {"": torch.rand(5, 5) < 0.5})
    module.one[1].inner = layer


CHANGES = [
    other_mask, mask_through_the_dictionary, no_mask, mask_elsewhere, other_weight, other_layer, layer_among_others,
    layer_inside_a_part_that_had_none,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen(change):
    module = masked()
    watch = Watch(module)
    assert watch.masks == 1
    assert watch.sees_no_change()
    change(module)
    assert not watch.sees_no_change()


@pytest.mark.parametrize("change", CHANGES)
def test_the_next_step_is_inside_what_is_there_now(change):
    module = masked()
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    guard(optimiser, module)
    step(module, optimiser)
    step(module, optimiser)
    change(module)
    known = {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}
    new = [parameter for parameter in module.parameters() if id(parameter) not in known]
    if new:
        optimiser.add_param_group({"params": new})
    step(module, optimiser)  # all weights outside have moved in it, were they not cleared
    for name, mask in masks_of(module).items():
        weight = module.get_submodule(name).weight
        assert (weight[~mask] == 0).all()
        kept = optimiser.state.get(weight, {}).get("momentum_buffer")
        assert kept is None or (kept[~mask] == 0).all()


def test_nothing_is_looked_for_again_where_all_is_as_it_was(monkeypatch):
    module = masked()
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    guard(optimiser, module)
    monkeypatch.setattr(guarding, "masked_layers", lambda _: pytest.fail("walks"))
    step(module, optimiser)
    masks_of(module)["one.0"].data.logical_not_()  # what a mask says is read, and not where it is
    step(module, optimiser)
    assert (module.one[0].weight[~module.one[0].weight_mask] == 0).all()
    other_mask(module)
    with pytest.raises(pytest.fail.Exception, match="walks"):
        step(module, optimiser)


def test_weights_that_the_optimiser_moves_no_more_are_left(monkeypatch):
    module = masked()
    attach_masks(module, {"two": torch.rand(3, 5) < 0.5})
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    guard(optimiser, module)
    step(module, optimiser)
    optimiser.param_groups[0]["params"] = list(module.one.parameters())
    with torch.no_grad():
        module.two.weight.fill_(1)
    optimiser.step()
    assert (module.two.weight == 1).all()  # until the next pass, for it is another optimiser's


def test_another_shape_inside_a_weight_is_refused_before_the_step():
    module = masked()
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    guard(optimiser, module)
    step(module, optimiser)
    optimiser.zero_grad()
    module.one[0].weight.data = torch.ones(5, 6)
    bias = module.two.bias.detach().clone()
    module.two.bias.grad = torch.ones(3)
    with pytest.raises(InvalidInput, match=r"shape \(5, 6\)"):
        optimiser.step()
    assert module.two.bias.equal(bias)


def test_masks_of_a_weight_that_layers_share_are_compared_at_every_step():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    mask = torch.rand(4, 4) < 0.5
    attach_masks(module, {"0": mask, "1": mask})
    module[1].weight = module[0].weight
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    guard(optimiser, module)
    step(module, optimiser)
    module[1].weight_mask.data.logical_not_()
    with pytest.raises(InvalidInput, match="one mask for a weight that layers share"):
        optimiser.step()
