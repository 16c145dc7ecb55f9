"""Ratios taken from pruning methods: budgets to the unit, scores by their definition, models left as they were."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402
from torch.func import functional_call, grad  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain import layer_shapes  # noqa: E402
from ertrain.data import load_data  # noqa: E402
from ertrain.errors import RunFolderError  # noqa: E402
from ertrain.masks.masking import attach_masks, draw_masks, masks_of  # noqa: E402
from ertrain.models import build_model  # noqa: E402
from ertrain.models.initialisation import initialise  # noqa: E402
from ertrain.ratios import RATIOS, SHAPE_RATIOS, PruningContext, allocate_sparsity  # noqa: E402
from ertrain.ratios.imp import imp_masks  # noqa: E402
from ertrain.ratios.scores import grasp, keep_highest, magnitude, snip, synflow_masks  # noqa: E402
from ertrain.streams import STREAMS, generator  # noqa: E402

PRUNING = sorted(set(RATIOS) - set(SHAPE_RATIOS))


def network() -> nn.Module:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 12), nn.ReLU(), nn.Linear(12, 10)
    )
    initialise(model, "kaiming", generator(0, "weights"))
    return model


@pytest.fixture(scope="module")
def context():
    def fit(model):
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        data = load_data("digits", Path())
        for images, labels in data.train.shuffled(200, seed=0, epoch=0):
            cross_entropy(model(data.normalised(images)), labels).backward()
            for name, mask in masks_of(model).items():
                model.get_submodule(name).weight.grad.mul_(mask)
            optimiser.step()
            optimiser.zero_grad()

    return PruningContext(load_data("digits", Path()), 0, fit, keep=0.3)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("density", ["0.02", "1/3", "1"])
def test_every_ratio_spends_its_budget_and_leaves_the_network_alone(ratio, density, context):
    model = network()
    before = copy.deepcopy(model.state_dict())
    densities = allocate_sparsity(model, density, ratio, context=context)
    assert all(tensor.equal(before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(0 <= one <= 1 for one in densities.densities)
    counts = densities.nonzero_counts()
    if ratio != "balanced-printed":
        assert sum(counts) == round(densities.density * densities.weights)
    if density == "1" and ratio != "balanced-printed":
        assert set(densities.densities) == {1.0}
    if ratio in PRUNING:  # whole numbers of weights
        assert counts == tuple(
            round(one * layer.weights) for one, layer in zip(densities.densities, densities.layers, strict=True)
        )
    assert densities.densities == allocate_sparsity(model, density, ratio, context=context).densities


def test_layers_that_stay_dense_take_no_part(context):
    densities = allocate_sparsity(network(), "0.1", "snip", skip=("6",), context=context)
    assert [layer.name for layer in densities.layers] == ["0", "4"]
    assert sum(densities.nonzero_counts()) == round(0.1 * (36 + 1728))


@pytest.mark.parametrize("ratio", ["grasp", "imp", "snip", "synflow"])
def test_pruning_methods_need_something_to_look_at(ratio):
    with pytest.raises(InvalidInput, match=rf"^context: .*{ratio}"):
        allocate_sparsity(network(), "0.1", ratio)


def test_unknown_ratios_are_refused():
    with pytest.raises(InvalidInput, match=r"^ratio: expected one of balanced"):
        allocate_sparsity(network(), "0.1", "lamp")


def two_layers() -> tuple[nn.Module, list[str], list[tuple[torch.Tensor, torch.Tensor]]]:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    images = torch.randn(14, 6, dtype=torch.float64)
    labels = torch.arange(14) % 3
    return model, ["0", "2"], [(images[:9], labels[:9]), (images[9:], labels[9:])]


def loss_of(model, batches, *, temperature: float = 1.0):
    def loss(parameters):
        return sum(
            cross_entropy(functional_call(model, parameters, (images,)) / temperature, labels, reduction="sum")
            for images, labels in batches
        )

    return loss


def test_pruning_methods_look_at_a_hundred_images_per_class_that_the_seed_chooses():
    data = load_data("digits", Path())
    few = replace(data, classes=3)  # so that there are more images than are looked at
    seen = {}
    for seed in (0, 1):
        batches = list(PruningContext(few, seed, fit=lambda _: None).batches())
        assert sum(len(labels) for _, labels in batches) == 300
        # Documented: a permutation from the run's seed and the position of the stream's name.
        state = np.random.SeedSequence(seed, spawn_key=(STREAMS.index("ratio"),)).generate_state(1, np.uint64)[0]
        order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(int(state) >> 1))[:300]
        assert torch.cat([labels for _, labels in batches]).equal(data.train.labels[order])
        images = torch.cat([images for images, _ in batches])
        assert images.equal(data.normalised(data.train.inputs[order]))
        seen[seed] = images
    assert not seen[0].equal(seen[1])
    every = list(PruningContext(data, 0, fit=lambda _: None).batches())
    assert sum(len(labels) for _, labels in every) == min(1000, len(data.train))


def test_snip_is_the_effect_of_a_weight_on_the_loss():
    model, names, batches = two_layers()
    parameters = {name: parameter.detach() for name, parameter in model.named_parameters()}
    loss, scores = loss_of(model, batches), snip(model, names, lambda: iter(batches))
    for name in names:
        key = f"{name}.weight"
        expected = (grad(loss)(parameters)[key] * parameters[key]).abs()
        torch.testing.assert_close(scores[name], expected)
    # By differences, for one weight: shrinking it by a millionth changes the loss by a millionth of its score.
    smaller = {**parameters, "0.weight": parameters["0.weight"].clone()}
    smaller["0.weight"][2, 3] *= 1 - 1e-6
    difference = float(loss(parameters) - loss(smaller)) * 1e6
    assert abs(difference) == pytest.approx(float(scores["0"][2, 3]), rel=1e-4)


def test_grasp_is_the_change_of_the_squared_gradient():
    model, names, batches = two_layers()
    parameters = {name: parameter.detach() for name, parameter in model.named_parameters()}
    loss = loss_of(model, batches, temperature=200)
    scores = grasp(model, names, lambda: iter(batches))

    def squared(weights):
        gradients = grad(loss)({**parameters, **weights})
        return sum(gradients[f"{name}.weight"].square().sum() for name in names)

    weights = {f"{name}.weight": parameters[f"{name}.weight"] for name in names}
    for name in names:
        expected = weights[f"{name}.weight"] * grad(squared)(weights)[f"{name}.weight"] / 2
        torch.testing.assert_close(scores[name], expected)


def test_magnitude_keeps_the_largest_of_all_layers():
    model = network()
    kept = keep_highest(magnitude(model, ["0", "4", "6"]), 300)
    weights = torch.cat([model[place].weight.detach().abs().flatten() for place in (0, 4, 6)])
    chosen = torch.cat([kept[name].flatten() for name in ("0", "4", "6")])
    assert int(chosen.sum()) == 300
    assert weights[chosen].min() >= weights[~chosen].max()


@pytest.mark.parametrize("count", [0, 1, 5, 6])
def test_ties_are_broken_to_an_exact_number(count):
    kept = keep_highest({"a": torch.ones(2, 2), "b": torch.ones(1, 2)}, count)
    assert sum(int(mask.sum()) for mask in kept.values()) == count


def test_synflow_agrees_with_a_reference_on_a_linear_chain():
    # For a linear network the score of a weight is its modulus times the flows into and out of it.
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(7, 6, bias=False), nn.Linear(6, 5, bias=False), nn.Linear(5, 2, bias=False))
    weights = [layer.weight.detach().abs().double() for layer in model]
    total = sum(weight.numel() for weight in weights)
    for number in range(1, 11):
        into = [torch.ones(7, dtype=torch.float64)]
        for weight in weights:
            into.append(weight @ into[-1])
        out = [torch.ones(2, dtype=torch.float64)]
        for weight in reversed(weights):
            out.insert(0, weight.T @ out[0])
        scores = [weight * out[place + 1][:, None] * into[place] for place, weight in enumerate(weights)]
        flat = torch.cat([score.flatten() for score in scores])
        kept = max(20, round(total * (20 / total) ** (number / 10)))
        threshold = flat.sort(descending=True).values[kept - 1]
        weights = [weight * (score >= threshold) for weight, score in zip(weights, scores, strict=True)]
    masks = synflow_masks(model, ["0", "1", "2"], (7,), 20, rounds=10)
    for weight, mask in zip(weights, masks.values(), strict=True):
        assert (weight > 0).equal(mask)


@pytest.mark.parametrize("name", ["resnet50", "vgg16"])
def test_synflow_is_finite_on_deep_networks_and_never_cuts_them(name):
    model = build_model(name, inputs=(3, 32, 32), classes=10, width="1/16")
    initialise(model, "kaiming", generator(0, "weights"))
    before = copy.deepcopy(model.state_dict())
    names = [layer.name for layer in layer_shapes(model)]
    total = sum(layer.weights for layer in layer_shapes(model))
    masks = synflow_masks(model, names, (3, 32, 32), total // 50, rounds=20)
    assert sum(int(mask.sum()) for mask in masks.values()) == total // 50
    assert all(tensor.equal(before[key]) for key, tensor in model.state_dict().items())
    on_the_way = [mask for key, mask in masks.items() if "downsample" not in key]
    if name == "vgg16":
        assert all(mask.any() for mask in on_the_way)
    # The flow through the network at its full width, far beyond what a float holds.
    deep = build_model("resnet50", inputs=(3, 32, 32), classes=10, width="1/16").double().eval()
    with torch.no_grad():
        for parameter in deep.parameters():
            parameter.abs_()
    assert torch.isfinite(deep(torch.ones(1, 3, 32, 32, dtype=torch.float64))).all()


def test_imp_prunes_inside_what_is_left_to_the_exact_number():
    model, seen = network(), []

    def fit(trained):
        seen.append({name: mask.clone() for name, mask in masks_of(trained).items()})
        for name in ("0", "4", "6"):  # the start is taken back: what was trained before has left no trace
            mask = masks_of(trained).get(name, torch.ones_like(trained.get_submodule(name).weight).bool())
            start = model.get_submodule(name).weight
            assert trained.get_submodule(name).weight.equal(start * mask)
        with torch.no_grad():
            for name in ("0", "4", "6"):
                trained.get_submodule(name).weight.mul_(torch.randn_like(trained.get_submodule(name).weight))

    masks = imp_masks(model, ["0", "4", "6"], 100, fit, keep=0.5)
    total = 36 + 1728 + 120
    counts = [sum(int(mask.sum()) for mask in one.values()) or total for one in [*seen, masks]]
    assert counts == [1884, 942, 471, 236, 118, 100]
    for before, after in zip(seen[1:], [*seen[2:], masks], strict=True):
        assert all(not (after[name] & ~before[name]).any() for name in after)
    with pytest.raises(InvalidInput, match=r"^keep: "):
        imp_masks(model, ["0"], 3, fit, keep=1.0)


@pytest.mark.parametrize("removed", [slice(0, 9), slice(21, 30), slice(0, 27, 3)], ids=["first", "last", "every third"])
def test_imp_keeps_weights_that_training_made_zero_before_those_it_removed(removed):
    """The first round removes nine chosen weights of thirty; then training makes all of them 0, and five are left."""
    model, rounds = nn.Linear(6, 5, bias=False), []
    sizes = torch.ones(30)
    sizes[removed] = 0.5

    def fit(trained):
        with torch.no_grad():
            trained[0].weight.copy_(sizes.reshape(5, 6) if len(rounds) == 1 else torch.zeros(5, 6))

    last = imp_masks(nn.Sequential(model), ["0"], 5, fit, keep=0.7, tell=rounds.append)
    assert [int(one["0"].sum()) for one in (*rounds, last)] == [30, 21, 15, 10, 7, 5]
    first = rounds[1]["0"].flatten()
    assert first.equal(sizes == 1)
    assert not (last["0"].flatten() & ~first).any()


def test_a_round_of_imp_removes_a_weight_at_least():
    """Where the share that is kept of a few weights would round to all of them."""
    rounds = []

    def tell(masks):
        rounds.append(int(masks["0"].sum()))
        assert len(rounds) <= 3

    masks = imp_masks(nn.Sequential(nn.Linear(4, 1, bias=False)), ["0"], 1, lambda _: None, keep=0.9, tell=tell)
    assert (rounds, int(masks["0"].sum())) == ([4, 3, 2], 1)


class Killed(BaseException):
    pass


def noisy_fit(counted: list[int], stop_at: int | None = None):
    """Multiply weights by numbers that depend on how many are left: a training that can be repeated."""

    def fit(trained):
        left = sum(int(trained.get_submodule(name).weight.count_nonzero()) for name in ("0", "4", "6"))
        if len(counted) + 1 == stop_at:
            raise Killed
        counted.append(left)
        numbers = torch.Generator().manual_seed(left)
        with torch.no_grad():
            for name in ("0", "4", "6"):
                weight = trained.get_submodule(name).weight
                weight.mul_(torch.randn(weight.shape, generator=numbers))

    return fit


def test_imp_goes_on_after_the_last_whole_round(tmp_path):
    model, names, plain = network(), ["0", "4", "6"], []
    expected = imp_masks(model, names, 100, noisy_fit(plain), keep=0.5)
    for stop_at in (1, 2, 2):  # each time one round more is done
        with pytest.raises(Killed):
            imp_masks(model, names, 100, noisy_fit([], stop_at), keep=0.5, folder=tmp_path)
    counted = []
    masks = imp_masks(model, names, 100, noisy_fit(counted), keep=0.5, folder=tmp_path)
    assert counted == plain[2:]
    assert all(masks[name].equal(expected[name]) for name in names)


def test_rounds_of_imp_serve_all_densities(tmp_path):
    model, names, counted = network(), ["0", "4", "6"], []
    for count, rounds in ((300, 3), (100, 2), (800, 0), (471, 0), (100, 0), (50, 1)):
        before = len(counted)
        shared = imp_masks(model, names, count, noisy_fit(counted), keep=0.5, folder=tmp_path)
        assert len(counted) - before == rounds
        alone = imp_masks(model, names, count, noisy_fit([]), keep=0.5)
        assert all(shared[name].equal(alone[name]) for name in names)


def test_a_damaged_round_of_imp_is_found(tmp_path):
    imp_masks(network(), ["0", "4", "6"], 800, noisy_fit([]), keep=0.5, folder=tmp_path)
    path = tmp_path / "2" / "checkpoint.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(RunFolderError, match="damaged; remove the folder"):
        imp_masks(network(), ["0", "4", "6"], 800, noisy_fit([]), keep=0.5, folder=tmp_path)


@pytest.mark.parametrize("ratio", PRUNING)
def test_weights_that_are_computed_from_others_are_refused_before_anything_is_changed(ratio, context):
    model = network()
    nn.utils.parametrizations.weight_norm(model[4])
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(InvalidInput, match=r"^module: expected layers whose weight is a plain parameter .* got '4'$"):
        allocate_sparsity(model, "1/3", ratio, context=context)
    with pytest.raises(InvalidInput, match=r"^masks: expected layers whose weight is a plain parameter, got '4'$"):
        attach_masks(model, draw_masks(allocate_sparsity(model, "1/3", "erk"), 0))
    assert all(tensor.equal(before[name]) for name, tensor in model.state_dict().items())
    assert not masks_of(model)


@pytest.mark.parametrize("drawing", ["exact", "independent"])
def test_a_density_that_keeps_no_weight_is_said(drawing):
    with pytest.warns(UserWarning, match="density 1e-09 keeps none of 1,884 weights"):
        masks = draw_masks(allocate_sparsity(network(), "1e-9", "erk"), 0, drawing=drawing)
    assert not any(mask.any() for mask in masks.values())
