"""Masks on modules: drawn as the theory has them, and never left by a weight or what an optimiser keeps about it."""

from __future__ import annotations

import copy
import math
from fractions import Fraction

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import nn  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertheory.layerwise import RATIOS, layer_densities  # noqa: E402
from ertheory.masks import draw_masks as theory_masks  # noqa: E402
from ertheory.networks.source import Source  # noqa: E402
from ertrain import layer_shapes  # noqa: E402
from ertrain.masks.guarding import guard  # noqa: E402
from ertrain.masks.masking import attach_masks, draw_masks, mask_gradients, masks_of  # noqa: E402

OPTIMISERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.01),
    "amsgrad": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "fused adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1, fused=True),
    "fused nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1, fused=True),
}


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 16, 9), nn.ReLU(),
        nn.Linear(9, 4),
    )  # fmt: skip


def masked_network(seed: int = 0, density: str = "0.3") -> nn.Module:
    torch.manual_seed(seed)
    model = network()
    attach_masks(model, draw_masks(layer_densities(layer_shapes(model), density, "erk"), seed))
    return model


def train(model, optimiser, steps: int, *, accumulation: int = 1, forward=None, autocast: bool = False, seed: int = 5):
    torch.manual_seed(seed)
    forward = model if forward is None else forward
    for _ in range(steps):
        for _ in range(accumulation):
            images, labels = torch.randn(8, 2, 4, 4), torch.randint(4, (8,))
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                loss = nn.functional.cross_entropy(forward(images), labels)
            (loss / accumulation).backward()
        optimiser.step()
        optimiser.zero_grad()


def assert_invariant(model, optimiser=None):
    """Weights outside the mask and all that is kept about them are 0; those inside have moved."""
    assert masks_of(model)
    for name, mask in masks_of(model).items():
        weight = model.get_submodule(name).weight
        assert torch.count_nonzero(weight[~mask]) == 0
        assert torch.count_nonzero(weight[mask]) == mask.sum()
        kept = optimiser.state[weight] if optimiser is not None else {}
        for value in kept.values():
            if torch.is_tensor(value) and value.shape == weight.shape:
                assert torch.count_nonzero(value[~mask]) == 0
                assert torch.count_nonzero(value[mask]) > 0


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("variant", ["plain", "accumulation", "bfloat16"])
def test_the_invariant_holds_for_every_optimiser(name, variant):
    model = masked_network()
    optimiser = OPTIMISERS[name](model.parameters())
    guard(optimiser, model)
    train(model, optimiser, 6, accumulation=3 if variant == "accumulation" else 1, autocast=variant == "bfloat16")
    assert_invariant(model, optimiser)


@settings(max_examples=20)
@given(
    name=st.sampled_from(sorted(OPTIMISERS)),
    density=st.sampled_from(["0.05", "0.3", "0.9", "1"]),
    ratio=st.sampled_from(RATIOS),
    steps=st.integers(1, 5),
    seed=st.integers(0, 2**32),
)
def test_masked_weights_stay_zero(name, density, ratio, steps, seed):
    torch.manual_seed(seed)
    model = network()
    masks = draw_masks(layer_densities(layer_shapes(model), density, ratio), seed)
    attach_masks(model, masks)
    optimiser = OPTIMISERS[name](model.parameters())
    guard(optimiser, model)
    train(model, optimiser, steps)
    for layer, mask in masks.items():
        assert masks_of(model)[layer].equal(mask)
        assert torch.count_nonzero(model.get_submodule(layer).weight[~mask]) == 0


def test_without_the_guard_masked_weights_come_alive():
    model = masked_network()
    train(model, OPTIMISERS["nesterov"](model.parameters()), 2)
    with pytest.raises(AssertionError):
        assert_invariant(model)


@pytest.mark.parametrize("name", ["nesterov", "adamw"])
def test_guarded_training_is_training_with_the_mask_in_the_forward_pass(name):
    model, multiplied = masked_network(), without_hooks(masked_network())
    for layer, mask in masks_of(model).items():
        nn.utils.parametrize.register_parametrization(multiplied.get_submodule(layer), "weight", Multiply(mask.clone()))
    optimiser = OPTIMISERS[name](model.parameters())
    guard(optimiser, model)
    train(model, optimiser, 5)
    train(multiplied, OPTIMISERS[name](multiplied.parameters()), 5)
    for layer in masks_of(model):
        torch.testing.assert_close(model.get_submodule(layer).weight, multiplied.get_submodule(layer).weight)


def without_hooks(model: nn.Module) -> nn.Module:
    """The same network without masks: what is 0 stays so only by what follows."""
    bare = network()
    bare.load_state_dict({name: tensor for name, tensor in model.state_dict().items() if "mask" not in name})
    return bare


class Multiply(nn.Module):
    def __init__(self, mask):
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, weight):
        return weight * self.mask


def test_the_invariant_holds_through_compilation():
    model = masked_network()
    optimiser = OPTIMISERS["nesterov"](model.parameters())
    guard(optimiser, model)
    train(model, optimiser, 3, forward=torch.compile(model, backend="aot_eager"))
    assert_invariant(model, optimiser)


def test_channels_last_and_moving_to_another_type_keep_the_invariant():
    model = masked_network().to(memory_format=torch.channels_last)
    optimiser = OPTIMISERS["nesterov"](model.parameters())
    guard(optimiser, model)
    train(model, optimiser, 3)
    assert_invariant(model, optimiser)
    model.double()
    assert all(mask.dtype == torch.bool for mask in masks_of(model).values())


def test_a_state_dict_carries_the_masks_and_the_guard_follows_what_is_loaded():
    model, other = masked_network(0), masked_network(1)
    optimiser = OPTIMISERS["nesterov"](other.parameters())
    guard(optimiser, other)
    train(other, optimiser, 2)
    other.load_state_dict(model.state_dict())
    assert all(masks_of(other)[name].equal(mask) for name, mask in masks_of(model).items())
    # The optimiser still remembers weights that the loaded masks remove: a new guard makes it forget them.
    guard(optimiser, other)
    train(other, optimiser, 3)
    assert_invariant(other, optimiser)


def test_a_guard_follows_masks_that_are_loaded_or_replaced():
    model, other = masked_network(0), masked_network(1)
    optimiser = OPTIMISERS["sgd"](other.parameters())  # remembers nothing
    guard(optimiser, other)
    train(other, optimiser, 2)
    other.load_state_dict(model.state_dict())
    train(other, optimiser, 2)
    assert all(masks_of(other)[name].equal(mask) for name, mask in masks_of(model).items())
    assert_invariant(other, optimiser)
    attach_masks(other, {name: mask & (torch.rand(mask.shape) < 0.7) for name, mask in masks_of(other).items()})
    train(other, optimiser, 2)
    assert_invariant(other, optimiser)


def test_resumed_training_gives_the_same_bits():
    whole, halves = masked_network(), masked_network()
    for model, parts in ((whole, 1), (halves, 2)):
        state = None
        for part in range(parts):
            optimiser = OPTIMISERS["adamw"](model.parameters())
            if state is not None:
                optimiser.load_state_dict(state)
            guard(optimiser, model)
            for step in range(part * 4 // parts, (part + 1) * 4 // parts):
                train(model, optimiser, 1, seed=step)
            state = optimiser.state_dict()
            assert_invariant(model, optimiser)
    assert all(one.equal(other) for one, other in zip(whole.parameters(), halves.parameters(), strict=True))


def test_a_copy_has_masks_of_its_own():
    model = masked_network()
    twin = copy.deepcopy(model)
    for name, mask in masks_of(twin).items():
        assert mask.equal(masks_of(model)[name])
        assert mask.data_ptr() != masks_of(model)[name].data_ptr()
    optimiser = OPTIMISERS["adam"](twin.parameters())
    guard(optimiser, twin)
    train(twin, optimiser, 3)
    assert_invariant(twin, optimiser)


def test_a_guard_can_be_removed():
    model = masked_network()
    optimiser = OPTIMISERS["sgd"](model.parameters())
    with guard(optimiser, model):
        train(model, optimiser, 1)
        assert_invariant(model)
    train(model, optimiser, 1)
    with pytest.raises(AssertionError):
        assert_invariant(model)


def test_gradients_can_be_masked_by_hand():
    model = masked_network()
    model(torch.ones(2, 2, 4, 4)).square().sum().backward()
    mask_gradients(model)
    for name, mask in masks_of(model).items():
        assert torch.count_nonzero(model.get_submodule(name).weight.grad[~mask]) == 0


def test_masks_are_those_of_the_theory():
    # Densities are doubles here, so one that a double holds.
    source = Source(inputs=20, widths=(30, 7), densities=(Fraction(1, 4),) * 2, entries_per_pair=(1, 1))
    drawn = theory_masks(source, seed=11)
    masks = draw_masks(layer_densities(((30, 20), (7, 30)), Fraction(1, 4), "uniform"), 11)
    for ours, theirs in zip(masks.values(), drawn, strict=True):
        assert (ours.numpy() == theirs.to_csr().toarray()).all()


@pytest.mark.parametrize("drawing", ["independent", "exact", "constant-fan-in"])
@pytest.mark.parametrize("seed", [-1, 1.5, "1", None, 2**128, 10**400], ids=str)
def test_seeds_that_cannot_be_are_refused(drawing, seed):
    with pytest.raises(InvalidInput, match=r"^seed: expected a whole number from 0 to "):
        draw_masks(layer_densities(((3, 4),), "0.5", "erk"), seed, drawing=drawing)


def test_independent_masks_have_binomial_counts_and_are_nested():
    # 2 layers at 2 densities, each outside 5.5 standard deviations with probability 4e-8: false alarms below 2e-7, and
    # none at all while the seed stays as it is.
    shapes = ((64, 16, 3, 3), (300, 784))
    sparse, dense = (draw_masks(layer_densities(shapes, density, "uniform"), 3) for density in ("0.05", "0.4"))
    for masks, density in ((sparse, 0.05), (dense, 0.4)):
        for mask in masks.values():
            spread = math.sqrt(mask.numel() * density * (1 - density))
            assert abs(int(mask.sum()) - density * mask.numel()) < 5.5 * spread
    assert not any((sparse[name] & ~dense[name]).any() for name in sparse)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("density", ["0.01", "0.25", "1"])
def test_exact_masks_spend_the_budget_to_the_unit(ratio, density):
    densities = layer_densities(((64, 3, 3, 3), (40, 64, 3, 3), (10, 40)), density, ratio)
    masks = draw_masks(densities, 2, exact=True)
    assert tuple(int(mask.sum()) for mask in masks.values()) == densities.nonzero_counts()
    if ratio != "balanced-printed":
        assert sum(int(mask.sum()) for mask in masks.values()) == round(densities.density * densities.weights)


def test_exact_masks_choose_every_weight_alike():
    # Every entry of 4 x 5 is kept in 8 of 20: 2000 masks, 20 entries, each within 5.5 standard deviations.
    densities = layer_densities(((4, 5),), "0.4", "uniform")
    counts = sum(draw_masks(densities, seed, exact=True)["layer1"].double() for seed in range(2000))
    assert float((counts - 800).abs().max()) < 5.5 * math.sqrt(2000 * 0.4 * 0.6)


def test_layers_can_be_left_out():
    model = network()
    shapes = layer_shapes(model, skip=["6"])
    attach_masks(model, draw_masks(layer_densities(shapes, "0.2", "uniform"), 0))
    assert set(masks_of(model)) == {"0", "4"}
    assert torch.count_nonzero(model[6].weight) == model[6].weight.numel()


def test_a_tied_weight_is_masked_once():
    model = nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 5))
    model[1].weight = model[0].weight
    attach_masks(model, draw_masks(layer_densities(layer_shapes(model), "0.4", "uniform"), 0))
    optimiser = OPTIMISERS["adamw"](model.parameters())
    guard(optimiser, model)
    for _ in range(3):
        model(torch.ones(2, 5)).square().sum().backward()
        optimiser.step()
    assert_invariant(model, optimiser)


@pytest.mark.parametrize(
    "masks",
    [
        {"missing": torch.ones(2, 2, dtype=torch.bool)},
        {"6": torch.ones(4, 9)},
        {"6": torch.ones(9, 4, dtype=torch.bool)},
        {"6": [[True] * 9] * 4},
        {"1": torch.ones(6, dtype=torch.bool)},
    ],
)
def test_wrong_masks_are_refused_and_change_nothing(masks):
    model = network()
    with pytest.raises(InvalidInput, match=r"^mask"):
        attach_masks(model, {"0": torch.zeros(6, 2, 3, 3, dtype=torch.bool), **masks})
    assert not masks_of(model)


def test_parametrised_layers_are_refused():
    model = nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))
    with pytest.raises(InvalidInput, match="plain parameter"):
        attach_masks(model, {"": torch.ones(3, 3, dtype=torch.bool)})
