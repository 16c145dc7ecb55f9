"""Methods inside a random mask: what stays true at every step, and that interruptions leave no trace."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from safetensors.torch import load_file  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.data import load_data  # noqa: E402
from ertrain.masks.masking import masks_of  # noqa: E402
from ertrain.methods import METHODS  # noqa: E402
from ertrain.methods.base import highest_inside  # noqa: E402
from ertrain.methods.edge_popup import in_proportion, largest  # noqa: E402
from ertrain.methods.gradual import cubic  # noqa: E402
from ertrain.methods.popup_kernel import score_gradients, use_near  # noqa: E402
from ertrain.ratios import PruningContext  # noqa: E402
from ertrain.ratios.scores import grasp  # noqa: E402
from ertrain.training import make_optimiser  # noqa: E402
from ertrain.training.experiments import perform  # noqa: E402
from ertrain.training.process_group import join_process_group  # noqa: E402
from ertrain.training.replicas import can_be_replica  # noqa: E402
from ertrain.training.start import start_model  # noqa: E402

FIXED = Configuration(recipe="test", model="mlp-20-15", density="0.5", epochs=3, batch=100, learning_rate=0.05)
EXACT = replace(FIXED, drawing="exact")
STEPS = 12  # of an epoch of digits
REWIRED = replace(FIXED, method="rigl", final_density="0.2", update_every=5)
CONVOLUTIONAL = replace(FIXED, model="resnet20", width="1/8", epochs=2, batch=300)
CASES = {
    "rigl": REWIRED,
    "rigl-adam": replace(REWIRED, optimiser="adamw", learning_rate=0.01, ratio="erk"),
    "rigl-from-dense": replace(REWIRED, density="1", drawing="exact", label_smoothing=0.1, dense_layers=("last",)),
    "set": replace(REWIRED, method="set"),
    "gradual": replace(FIXED, method="gradual", final_density="0.1", update_every=5),
    "granet": replace(REWIRED, method="granet", final_density="0.1"),
    "granet-adam": replace(
        REWIRED, method="granet", optimiser="adamw", learning_rate=0.01, density="1", prune_until=0.8, drawing="exact"
    ),
    "granet-convolutional": replace(
        CONVOLUTIONAL, method="granet", final_density="0.2", update_every=2, accumulation=2
    ),
    "snip": replace(FIXED, method="snip", final_density="0.1", dense_layers=("last",)),
    "snip-convolutional": replace(CONVOLUTIONAL, method="snip", final_density="0.2", density="1"),
    "grasp": replace(FIXED, method="grasp", final_density="0.1", initialisation="kaiming"),
    "synflow": replace(FIXED, method="synflow", final_density="0.05", epochs=2),
    "imp": replace(FIXED, method="imp", final_density="0.3", epochs=2),
    "imp-step": replace(FIXED, method="imp", final_density="0.2", epochs=2, rewind_step=15, round_keep=0.5),
    "imp-rate": replace(FIXED, method="imp", final_density="0.35", epochs=2, rewind="rate", optimiser="adam"),
    "imp-tuned": replace(FIXED, method="imp", final_density="0.35", epochs=2, rewind="none", final_rate=0.01),
    "edge-popup": replace(
        FIXED, method="edge-popup", final_density="0.2", epochs=2, levels=2, initialisation="signed-constant"
    ),
    "str": replace(FIXED, method="str", final_density="0.15", update_every=5),
    "str-adam": replace(
        FIXED, method="str", final_density="0.1", update_every=3, optimiser="adamw", learning_rate=0.01
    ),
    "str-free": replace(FIXED, method="str", threshold_start=-4.0),
    "str-convolutional": replace(CONVOLUTIONAL, method="str", final_density="0.2", update_every=2),
    "edge-popup-convolutional": replace(CONVOLUTIONAL, method="edge-popup", final_density="0.2", density="1"),
    "imp-convolutional": replace(CONVOLUTIONAL, method="imp", final_density="0.35", epochs=1, rewind_step=2),
    "rigl-convolutional": replace(CONVOLUTIONAL, method="rigl", final_density="0.2", update_every=2, accumulation=2),
    "edge-popup-adam": replace(FIXED, method="edge-popup", final_density="0.1", optimiser="adamw", learning_rate=0.01),
}


class Killed(BaseException):
    pass


def run(configuration: Configuration, out: Path, *, stop_after: int | None = None) -> dict:
    def progress(line):
        if line["epoch"] == stop_after:
            raise Killed

    with join_process_group("cpu") as processes:
        return perform(configuration, out, processes, data_dir=out / "data", progress=progress)


def started(configuration: Configuration):
    """A method on its network, with its optimiser."""
    data = load_data("digits", Path())
    model, _ = start_model(configuration, data)
    method = METHODS[configuration.method](configuration, model, data.train.shape, STEPS)
    method.before_training(PruningContext(data, configuration.seed, fit=lambda _: None))
    optimiser = make_optimiser(configuration, model, method.trainable())
    method.protect(optimiser, model)
    return method, model, optimiser


def backward(model, seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    images, labels = torch.randn(50, 1, 8, 8, generator=rng), torch.randint(10, (50,), generator=rng)
    torch.nn.functional.cross_entropy(model(images), labels).backward()


def counts(model) -> dict[str, int]:
    return {name: int(mask.sum()) for name, mask in masks_of(model).items()}


@pytest.mark.parametrize("name", CASES)
def test_a_method_stays_inside_its_mask_and_interruptions_leave_no_trace(name, tmp_path, monkeypatch):
    configuration, seen = CASES[name], []

    class Watched(METHODS[configuration.method]):
        def step(self, optimiser, at):
            super().step(optimiser, at)
            for layer, mask in masks_of(self.model).items():
                weight = self.model.get_submodule(layer).weight
                assert mask.dtype == torch.bool
                assert not (mask & ~self.drawn[layer]).any()
                assert torch.count_nonzero(weight[~mask]) == 0
                for kept in optimiser.state.get(weight, {}).values():
                    assert kept.dim() == 0 or torch.count_nonzero(kept[~mask]) == 0
            seen.append(at)

    monkeypatch.setitem(METHODS, configuration.method, Watched)
    whole = run(configuration, tmp_path / "whole")
    assert seen == sorted(set(seen))
    for epoch in range(1, whole["epochs"]):
        with pytest.raises(Killed):
            run(configuration, tmp_path / "parts", stop_after=epoch)
    parts = run(configuration, tmp_path / "parts")
    one, other = (tmp_path / each / configuration.folder for each in ("whole", "parts"))
    for file in ("checkpoint.safetensors", "state.safetensors"):
        assert (one / file).read_bytes() == (other / file).read_bytes()
    of_the_process = {"seconds": 0, "memory_peak": 0}
    assert whole | of_the_process == parts | of_the_process
    weights = load_file(one / "checkpoint.safetensors")
    fixed, _ = start_model(configuration, load_data("digits", Path()))
    for layer, mask in masks_of(fixed).items():
        assert weights[f"{layer}.weight.mask_initial"].equal(mask)
        assert not (weights[f"{layer}.weight.mask_final"] & ~mask).any()


@pytest.mark.parametrize("method", ["rigl", "set"])
@pytest.mark.parametrize("density", ["1", "0.5"])
def test_without_drops_a_rewired_mask_is_the_fixed_one_bit_for_bit(method, density, tmp_path):
    rewired = replace(FIXED, method=method, density=density, final_density="0.2", update_every=3, drop_share=0.0)
    fixed = replace(FIXED, density="0.2")
    results = [run(one, tmp_path) for one in (rewired, fixed)]
    ours, theirs = (load_file(tmp_path / one.folder / "checkpoint.safetensors") for one in (rewired, fixed))
    for name in theirs:
        if not name.endswith("mask_initial"):
            assert ours[name].equal(theirs[name]), name
    assert results[0]["accuracy_test"] == results[1]["accuracy_test"]
    assert results[0]["flops_train"] == results[1]["flops_train"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (replace(EXACT, method="granet", drop_share=0.0, update_every=5), EXACT),
        (
            replace(REWIRED, method="granet", drop_share=0.0, prune_until=0.6),
            replace(REWIRED, method="gradual", update_until=0.6),
        ),
        *((replace(EXACT, method=name), EXACT) for name in ("gradual", "snip", "grasp", "synflow")),
    ],
    ids=lambda each: each.method,
)
def test_with_nothing_to_do_a_method_is_another_one_bit_for_bit(one, other, tmp_path):
    results = [run(each, tmp_path) for each in (one, other)]
    ours, theirs = (load_file(tmp_path / each.folder / "checkpoint.safetensors") for each in (one, other))
    assert ours.keys() == theirs.keys()
    for name in theirs:
        assert ours[name].equal(theirs[name]), name
    for key in ("accuracy_test", "accuracy_test_best", "density_final", "flops_train"):
        assert results[0][key] == results[1][key]


@settings(max_examples=25, deadline=None)
@given(
    method=st.sampled_from(["rigl", "set"]),
    optimiser=st.sampled_from(["nesterov", "sgd", "adamw"]),
    density=st.sampled_from(["1", "0.6", "0.25"]),
    share=st.floats(0.001, 0.99),
    seed=st.integers(0, 5),
)
def test_an_update_drops_the_smallest_and_grows_as_many_inside(method, optimiser, density, share, seed):
    configuration = replace(
        REWIRED, method=method, optimiser=optimiser, density=density, seed=seed, drop_share=share, update_every=4
    )
    method, model, optimiser = started(configuration)
    at_first = counts(model)
    for at in range(5):
        backward(model, at)
        before = {name: mask.clone() for name, mask in masks_of(model).items()}
        weights = {name: model.get_submodule(name).weight.detach().clone() for name in before}
        slopes = {name: model.get_submodule(name).weight.grad.abs() for name in before}
        method.step(optimiser, at)
        optimiser.zero_grad(set_to_none=True)
    share_now = share / 2 * (1 + math.cos(math.pi * 4 / method.end))
    assert counts(model) == at_first
    for name, mask in masks_of(model).items():
        weight, old = model.get_submodule(name).weight.detach(), before[name]
        assert not (mask & ~method.drawn[name]).any()
        number = math.floor(share_now * int(old.sum()))
        came, went = mask & ~old, old & ~mask
        assert int(came.sum()) == int(went.sum()) <= number
        assert weight[mask & old].equal(weights[name][mask & old])  # the step is left out
        assert torch.count_nonzero(weight[~mask]) == torch.count_nonzero(weight[came]) == 0
        for kept in optimiser.state[model.get_submodule(name).weight].values():
            assert kept.dim() == 0 or torch.count_nonzero(kept[~mask | came]) == 0
        if went.any():
            smallest = weights[name].abs()[old].sort().values[:number]
            assert weights[name].abs()[went].max() <= smallest[-1]
        if configuration.method == "rigl" and came.any():
            left_out = method.drawn[name] & ~mask
            if left_out.any():
                assert slopes[name][came].min() >= slopes[name][left_out].max()


def test_masks_change_on_time_and_never_after_the_end():
    for until, times in ((0.3, [7, 14, 21, 28, 35]), (0.298, [7, 14, 21, 28])):  # before step 36, and before 35.76
        method, _, _ = started(replace(REWIRED, epochs=10, update_every=7, update_until=until))
        assert [at for at in range(10 * STEPS) if method.rewires(at)] == times


def test_an_update_costs_what_it_looks_at(tmp_path):
    configuration = replace(REWIRED, epochs=1, update_every=4, update_until=0.5)  # one update, at step 4 of 12
    result = run(configuration, tmp_path)
    small = sum(layer["nonzeros"] for layer in result["layers"])
    start = json.loads((tmp_path / configuration.folder / "start.json").read_text())
    assert result["flops_train"] == 100 * (12 * 3 * 2 * small - 2 * small + start["flops_forward"])
    assert result["method"] == "rigl"
    assert result["density_realised"] == start["density_realised"]


@settings(max_examples=50, deadline=None)
@given(
    scores=st.lists(st.integers(0, 3), min_size=12, max_size=12),
    inside=st.lists(st.booleans(), min_size=12, max_size=12),
    count=st.integers(0, 14),
)
def test_the_highest_inside_are_exactly_so_many(scores, inside, count):
    score = torch.tensor(scores, dtype=torch.float32)
    masks = {"a": torch.tensor(inside[:5]), "b": torch.tensor(inside[5:]).reshape(7, 1)}
    chosen = highest_inside({"a": score[:5], "b": score[5:].reshape(7, 1)}, masks, count)
    flat, allowed = (torch.cat([each["a"], each["b"].flatten()]) for each in (chosen, masks))
    assert int(flat.sum()) == min(count, sum(inside))
    assert not (flat & ~allowed).any()
    if (rest := allowed & ~flat).any() and flat.any():
        assert score[flat].min() >= score[rest].max()


def test_what_a_method_does_not_read_is_no_part_of_a_run():
    assert replace(FIXED, drop_share=0.7, final_density="0.1") == FIXED
    assert "drop_share" not in FIXED.text
    assert "drop_share" in REWIRED.text
    assert replace(REWIRED, drop_share=0.7).hash != REWIRED.hash
    assert Configuration.from_dict(json.loads(json.dumps(REWIRED.to_dict()))) == REWIRED
    assert replace(REWIRED, final_density="").final_density == "0.5"
    assert can_be_replica(FIXED)
    assert not can_be_replica(REWIRED)


def test_a_configuration_without_methods_keeps_its_hash():
    # Folders of runs are named by it: that of this configuration was written down before there was a second method.
    assert Configuration(recipe="example", density="0.1").folder == "example-3a51e5755525d7be"


@settings(max_examples=20, deadline=None)
@given(
    every=st.integers(1, 9),
    until=st.floats(0.01, 0.99),
    final=st.sampled_from(["0.5", "0.2", "0.03"]),
    exact=st.booleans(),
)
def test_gradual_pruning_follows_its_schedule_to_the_exact_number(every, until, final, exact):
    configuration = replace(
        FIXED, method="gradual", final_density=final, update_every=every, update_until=until, epochs=2,
        drawing="exact" if exact else "independent",
    )  # fmt: skip
    method, model, optimiser = started(configuration)
    target = method.budget(final)
    total = sum(mask.numel() for mask in method.drawn.values())
    assert target == min(round(float(final) * total), sum(counts(model).values()))
    before = {name: mask.clone() for name, mask in masks_of(model).items()}
    for at in range(2 * STEPS):
        backward(model, at)
        method.step(optimiser, at)
        optimiser.zero_grad(set_to_none=True)
        left = sum(counts(model).values())
        if method.prunes(at + 1):
            assert left == cubic(method.size, target, at + 1, method.end)
        else:
            assert all(mask.equal(before[name]) for name, mask in masks_of(model).items())
        assert not any((mask & ~before[name]).any() for name, mask in masks_of(model).items())
        assert at + 1 < method.end or left == target
        before = {name: mask.clone() for name, mask in masks_of(model).items()}
    assert [method.at_final_density(epoch) for epoch in (0, 1)] == [method.end <= STEPS, True]


@settings(max_examples=20, deadline=None)
@given(
    every=st.integers(1, 9),
    prune_until=st.floats(0.01, 0.99),
    update_until=st.floats(0.01, 0.99),
    density=st.sampled_from(["1", "0.5"]),
    final=st.sampled_from(["0.5", "0.2", "0.03"]),
    share=st.floats(0.0, 0.9),
)
def test_granet_prunes_as_gradual_pruning_and_grows_as_rigl(every, prune_until, update_until, density, final, share):
    configuration = replace(
        REWIRED, method="granet", density=density, final_density=final, update_every=every, prune_until=prune_until,
        update_until=update_until, drop_share=share, epochs=2,
    )  # fmt: skip
    method, model, optimiser = started(configuration)
    target, ends = method.budget(final), math.floor(update_until * 2 * STEPS)
    for at in range(2 * STEPS):
        backward(model, at)
        before = {name: mask.clone() for name, mask in masks_of(model).items()}
        slopes = {name: model.get_submodule(name).weight.grad.abs() for name in before}
        method.step(optimiser, at)
        optimiser.zero_grad(set_to_none=True)
        left, done = sum(counts(model).values()), at + 1
        if done == method.end or (done < method.end and done % every == 0):
            assert left == cubic(method.size, target, done, method.end)
        else:
            assert left == sum(int(mask.sum()) for mask in before.values())
        rewires = share > 0 and done % every == 0 and done < ends
        for name, mask in masks_of(model).items():
            weight, came = model.get_submodule(name).weight, mask & ~before[name]
            assert not (mask & ~method.drawn[name]).any()
            assert torch.count_nonzero(weight[~mask]) == torch.count_nonzero(weight[came]) == 0
            for kept in optimiser.state[weight].values():
                assert kept.dim() == 0 or torch.count_nonzero(kept[~mask | came]) == 0
            assert rewires or not came.any()
            left_out = method.drawn[name] & ~mask
            if came.any() and left_out.any():
                assert slopes[name][came].min() >= slopes[name][left_out].max()
    assert sum(counts(model).values()) == target
    assert [method.at_final_density(epoch) for epoch in (0, 1)] == [method.end <= STEPS, True]


def test_granet_looks_at_all_weights_of_the_mask_when_it_grows(tmp_path):
    configuration = replace(EXACT, method="granet", epochs=1, update_every=4, update_until=0.5)
    result = run(configuration, tmp_path)  # nothing to prune; grows after 4 steps of 12, not after 8
    start = json.loads((tmp_path / configuration.folder / "start.json").read_text())
    assert result["flops_train"] == 100 * 12 * 3 * start["flops_forward"]
    sparse = replace(configuration, final_density="0.2", prune_until=0.01, update_every=6, update_until=0.6)
    result = run(sparse, tmp_path / "sparse")  # pruned after the first step, grows after the sixth
    small = 2 * sum(layer["nonzeros"] for layer in result["layers"])
    large = json.loads((tmp_path / "sparse" / sparse.folder / "start.json").read_text())["flops_forward"]
    assert result["flops_train"] == 100 * (3 * large + 10 * 3 * small + 2 * small + large)


@settings(max_examples=15, deadline=None)
@given(
    method=st.sampled_from(["snip", "grasp", "synflow"]),
    density=st.sampled_from(["1", "0.6", "0.3"]),
    final=st.sampled_from(["0.3", "0.1", "0.01", "0.001"]),
    initialisation=st.sampled_from(["kaiming", "sparse", "sparse-neuron"]),
    seed=st.integers(0, 5),
)
def test_pruning_at_the_start_leaves_exactly_so_many_inside(method, density, final, initialisation, seed):
    configuration = replace(
        FIXED, method=method, density=density, final_density=final, initialisation=initialisation, seed=seed
    )
    method, model, _ = started(configuration)
    first, _ = start_model(configuration, load_data("digits", Path()))
    assert sum(counts(model).values()) == method.budget(final)
    for name, mask in masks_of(model).items():
        assert not (mask & ~method.drawn[name]).any()
        weight, whole = model.get_submodule(name).weight.detach(), first.get_submodule(name).weight.detach()
        assert torch.count_nonzero(weight[~mask]) == 0
        if initialisation == "kaiming":
            assert weight.equal(whole * mask)
        elif initialisation == "sparse" and mask.any():
            larger = (int(method.drawn[name].sum()) / int(mask.sum())) ** 0.5
            torch.testing.assert_close(weight, whole * mask * larger)


@pytest.mark.parametrize("density", ["1", "0.5"])
@pytest.mark.parametrize("name", ["snip", "grasp"])
def test_scores_inside_a_mask_are_those_of_the_masked_network(name, density):
    configuration = replace(FIXED, method=name, density=density, final_density="0.2", initialisation="kaiming")
    method, model, _ = started(configuration)
    data = load_data("digits", Path())
    start, _ = start_model(configuration, data)
    start = start.double()
    layers = list(method.drawn)
    weights = [start.get_submodule(layer).weight.detach().clone().requires_grad_() for layer in layers]
    batches = list(PruningContext(data, 0, fit=lambda _: None).batches())
    temperature = 200 if name == "grasp" else 1
    loss = 0
    for images, labels in batches:
        masked = {
            f"{layer}.weight": weight * method.drawn[layer] for layer, weight in zip(layers, weights, strict=True)
        }
        logits = torch.func.functional_call(start, masked, (images.double(),))
        loss = loss + torch.nn.functional.cross_entropy(logits / temperature, labels, reduction="sum")
    slopes = torch.autograd.grad(loss, weights, create_graph=True)
    if name == "snip":
        expected = [(weight * slope).abs() for weight, slope in zip(weights, slopes, strict=True)]
    else:  # half of the squared norm of the gradient has the gradient H g
        half = sum((slope**2).sum() for slope in slopes) / 2
        expected = [weight * bent for weight, bent in zip(weights, torch.autograd.grad(half, weights), strict=True)]
        scores = grasp(start, layers, lambda: ((images.double(), labels) for images, labels in batches))
        for layer, score in zip(layers, expected, strict=True):
            torch.testing.assert_close(
                scores[layer], score.detach(), rtol=1e-9, atol=1e-9 * score.detach().abs().max().item()
            )
    inside = torch.cat([method.drawn[layer].flatten() for layer in layers])
    kept = torch.cat([masks_of(model)[layer].flatten() for layer in layers])
    score = torch.cat([each.detach().flatten() for each in expected])
    lowest, highest = score[kept].min(), score[inside & ~kept].max()
    assert lowest >= highest - 1e-4 * score.abs().max()  # the network is in single precision
    assert (score[kept] > highest).float().mean() > 0.99


@pytest.mark.parametrize("method", ["snip", "grasp", "synflow"])
def test_weights_that_do_nothing_are_kept_before_those_outside(method):
    method, model, _ = started(replace(EXACT, method=method, density="0.03", final_density="0.029"))
    masks = list(method.drawn.values())
    comes = [torch.ones(64, dtype=torch.bool)]
    for mask in masks:
        comes.append((mask & comes[-1]).any(1))
    goes = [torch.ones(10, dtype=torch.bool)]
    for mask in reversed(masks):
        goes.insert(0, (mask & goes[0][:, None]).any(0))
    alive = [mask & one & two[:, None] for mask, one, two in zip(masks, comes[:-1], goes[1:], strict=True)]
    assert sum(map(torch.count_nonzero, alive)) < method.budget("0.029") < method.size  # some without flow are kept
    assert sum(counts(model).values()) == method.budget("0.029")
    for name, mask in masks_of(model).items():
        assert not (mask & ~method.drawn[name]).any()


@pytest.mark.parametrize("density", ["1", "0.5"])
def test_synflow_inside_a_mask_is_its_closed_form(density):
    configuration = replace(FIXED, method="synflow", density=density, final_density="0.05")
    method, model, _ = started(configuration)
    start, _ = start_model(configuration, load_data("digits", Path()))
    weights = {name: start.get_submodule(name).weight.detach().double().abs().numpy() for name in method.drawn}
    (one, first), (two, second), (three, third) = weights.items()
    left = {name: mask.numpy().copy() for name, mask in method.drawn.items()}
    target = method.budget("0.05")
    for number in range(1, 101):
        a, b, c = first * left[one], second * left[two], third * left[three]
        flows = {  # what comes in, times the weight, times what goes on from there
            one: c.sum(0) @ b,
            two: c.sum(0),
            three: np.ones(len(c)),
        }
        comes = {one: np.ones(a.shape[1]), two: a.sum(1), three: b @ a.sum(1)}
        scores = {
            name: np.where(left[name], flows[name][:, None] * weights[name] * comes[name], -1.0) for name in weights
        }
        count = max(target, round(method.size * (target / method.size) ** (number / 100)))
        threshold = np.sort(np.concatenate([score.ravel() for score in scores.values()]))[-count]
        left = {name: score >= threshold for name, score in scores.items()}
    assert sum(int(mask.sum()) for mask in left.values()) == target  # without ties
    for name, mask in masks_of(model).items():
        assert np.array_equal(mask.numpy(), left[name])


@pytest.mark.parametrize("rewind", ["weights", "rate", "none"])
@pytest.mark.parametrize("rewind_step", [0, 2])
def test_imp_goes_back_to_what_it_should(rewind, rewind_step):
    configuration = replace(
        FIXED, model="resnet20", width="1/8", method="imp", final_density="0.3", epochs=2, rewind=rewind,
        rewind_step=rewind_step, final_rate=0.01,
    )  # fmt: skip
    method, model, optimiser = started(configuration)
    states = [copy.deepcopy(model.state_dict())]
    for at in range(4):
        backward(model, at)
        method.step(optimiser, at)
        optimiser.zero_grad(set_to_none=True)
        states.append(copy.deepcopy(model.state_dict()))
    assert not states[-1]["bn1.running_mean"].equal(states[rewind_step]["bn1.running_mean"])
    method.after_epoch(0, optimiser)  # in the middle of a round
    assert all(tensor.equal(states[-1][name]) for name, tensor in model.state_dict().items())
    method.after_epoch(1, optimiser)
    expected = states[rewind_step] if rewind == "weights" else states[-1]
    scores = torch.cat([states[-1][f"{name}.weight"].abs()[mask] for name, mask in method.drawn.items()])
    smallest = scores.sort(descending=True).values[method.left(1) - 1]
    assert sum(counts(model).values()) == method.left(1) < len(scores)
    for name, tensor in model.state_dict().items():
        layer = name.removesuffix(".weight")
        if layer in method.drawn:
            mask = masks_of(model)[layer]
            assert tensor.equal(expected[name] * mask)
            assert states[-1][name].abs()[mask].min() >= smallest
        elif not name.endswith("_mask"):
            assert tensor.equal(expected[name]), name
    assert bool(optimiser.state) == (rewind == "none")


@pytest.mark.parametrize(
    ("changes", "phases", "first_steps"),
    [
        ({}, [0, 1, 2, 0, 1, 2, 0, 1, 2], {}),
        ({"rewind": "rate"}, [0, 1, 2, 0, 1, 2, 0, 1, 2], {}),
        ({"rewind": "none", "final_rate": 0.01}, [0, 1, 2, 3, 3, 3, 3, 3, 3], {}),
        ({"rewind_step": 5}, [0, 1, 2, 0, 1, 2, 0, 1, 2], {3: 5, 6: 5}),
        ({"rewind_step": STEPS + 5}, [0, 1, 2, 1, 2, 1, 2], {3: 5, 5: 5}),
    ],
)
def test_rounds_of_imp(changes, phases, first_steps):
    configuration = replace(FIXED, method="imp", final_density="0.2", epochs=3, round_keep=0.5, **changes)
    method, _, _ = started(configuration)
    assert method.epochs == len(phases)
    assert [method.schedule_epoch(epoch) for epoch in range(method.epochs)] == phases
    firsts = {epoch: method.first_step(epoch) for epoch in range(method.epochs)}
    assert {epoch: step for epoch, step in firsts.items() if step} == first_steps
    assert [method.at_final_density(epoch) for epoch in range(method.epochs)].count(True) == (method.epochs - 3) // 2


@pytest.mark.parametrize("density", ["1", "0.5", "0.37"])
@pytest.mark.parametrize("final", ["0.35", "0.1", "0.017"])
@pytest.mark.parametrize("keep", [0.8, 0.5, 0.99])
def test_rounds_of_imp_shrink_to_the_exact_number(density, final, keep):
    configuration = replace(FIXED, density=density, method="imp", final_density=final, round_keep=keep)
    method, _, _ = started(configuration)
    sizes = [method.left(number) for number in range(method.rounds + 1)]
    assert sizes == sorted(sizes, reverse=True)
    total = sum(mask.numel() for mask in method.drawn.values())
    assert sizes[-1] == min(round(float(final) * total), sum(int(mask.sum()) for mask in method.drawn.values()))


def test_the_best_weights_have_the_final_density(tmp_path):
    configuration = replace(CASES["imp"], learning_rate=0.2)
    result = run(configuration, tmp_path)
    assert result["best_epoch"] > result["epochs"] - configuration.epochs
    best = load_file(tmp_path / configuration.folder / "state.safetensors")
    total = sum(layer["weights"] for layer in result["layers"])
    kept = sum(torch.count_nonzero(best[f"best.{layer['name']}.weight"]).item() for layer in result["layers"])
    assert kept == round(0.3 * total) == sum(layer["nonzeros"] for layer in result["layers"])


@settings(max_examples=25, deadline=None)
@given(
    density=st.sampled_from(["1", "0.5", "0.3"]),
    final=st.sampled_from(["0.3", "0.1", "0.02"]),
    initialisation=st.sampled_from(["signed-constant", "sparse", "kaiming"]),
    optimiser=st.sampled_from(["nesterov", "adamw"]),
    seed=st.integers(0, 3),
)
def test_edge_popup_moves_scores_alone_and_uses_exactly_so_many_weights(
    density, final, initialisation, optimiser, seed
):
    configuration = replace(
        FIXED, density=density, method="edge-popup", final_density=final, initialisation=initialisation,
        optimiser=optimiser, seed=seed,
    )  # fmt: skip
    method, model, moved = started(configuration)
    start, _ = start_model(configuration, load_data("digits", Path()))
    values = method.weights()
    for at in range(4):
        backward(model, at)
        slopes = {name: model.get_submodule(name).weight.grad.clone() for name in method.drawn}
        scores = {name: method._scores[name].detach().clone() for name in method.drawn}
        method.step(moved, at)
        moved.zero_grad(set_to_none=True)
        total = sum(mask.numel() for mask in method.drawn.values())
        drawn = sum(int(mask.sum()) for mask in method.drawn.values())
        assert sum(counts(model).values()) == min(round(float(final) * total), drawn)
        for name, mask in masks_of(model).items():
            whole, weight = values[f"{name}.weight"], model.get_submodule(name).weight.detach()
            inside = method.drawn[name]
            assert not (mask & ~inside).any()
            assert weight.equal(whole * mask)
            assert abs(int(mask.sum()) - sum(counts(model).values()) * int(inside.sum()) / drawn) < 1
            assert torch.count_nonzero(method._scores[name][~inside]) == 0
            kept = method._scores[name].detach().abs()[inside]
            chosen = mask[inside]
            if chosen.any() and not chosen.all():
                assert kept[chosen].min() >= kept[~chosen].max()
            if at == 0 and optimiser == "nesterov":  # the first step is the gradient and the decay, times 1 + momentum
                slope = slopes[name] * whole * scores[name].sign() + 5e-4 * scores[name]
                torch.testing.assert_close(method._scores[name].detach(), scores[name] - 0.05 * 1.9 * slope)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert torch.count_nonzero(parameter) == 0
    for name, inside in method.drawn.items():
        whole, first = values[f"{name}.weight"], start.get_submodule(name).weight.detach()
        last = int(masks_of(model)[name].sum())
        scale = 1 if initialisation == "kaiming" else (int(inside.sum()) / last) ** 0.5
        torch.testing.assert_close(whole, first * scale)
        if initialisation == "signed-constant":  # variance 2 / fan-in, for the inputs that a neuron keeps on average
            deviation = (2 * inside.shape[0] / last) ** 0.5
            torch.testing.assert_close(whole[inside].abs(), torch.full_like(whole[inside], deviation))


@settings(max_examples=60, deadline=None)
@given(scores=st.lists(st.integers(-4, 4) | st.just(math.nan), min_size=1, max_size=200), data=st.data())
def test_the_largest_are_exactly_so_many_whatever_the_ties(scores, data):
    inside = data.draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores)))
    vector = torch.tensor(scores, dtype=torch.float32)
    strength = [math.inf if math.isnan(score) else abs(score) for score in scores]
    ranked = sorted((at for at, there in enumerate(inside) if there), key=lambda at: (-strength[at], at))
    count = data.draw(st.integers(0, len(ranked)))
    chosen = largest(vector, torch.tensor(inside), count)
    assert chosen.nonzero().flatten().tolist() == sorted(ranked[:count])


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(1, 400),
    share=st.floats(0, 1),
    off=st.sampled_from([0.0, 1e-4, -1e-3, 5e-3, -0.05, 0.3]),
    steps=st.sampled_from([7, 100, 10**6]),
    nans=st.integers(0, 2),
)
def test_the_largest_are_found_near_a_threshold_from_whatever_was_there(seed, size, share, off, steps, nans):
    rng = np.random.default_rng(seed)
    scores = (rng.integers(-steps, steps + 1, size) / steps).astype(np.float32)  # with many ties, some, and none
    scores[rng.integers(size, size=nans)] = math.nan
    values, mask = rng.standard_normal(size, dtype=np.float32), rng.random(size) < 0.3
    weights, strength = np.where(mask, values, np.float32(0)), np.abs(scores)
    count = round(share * size)
    chosen = largest(torch.from_numpy(scores), torch.ones(size, dtype=torch.bool), count).numpy()
    numbers = strength[chosen & ~np.isnan(strength)]
    true = float(numbers.min()) if len(numbers) else 0.0
    near = max(true, 0.01) * (1 + off)
    found = use_near(scores, values, mask, weights, count, near, np.empty(size, np.int32))
    assert found in (0, true)
    if true >= 0.01 and abs(off) < 0.09:
        assert found == true
    if found > 0:
        assert np.array_equal(mask, chosen)
        assert np.array_equal(weights, np.where(chosen, values, 0))


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(0, 50), min_size=1, max_size=8), data=st.data())
def test_shares_are_in_proportion_and_add_up(sizes, data):
    total = data.draw(st.integers(0, sum(sizes)))
    shares = in_proportion(sizes, total)
    assert sum(shares) == total
    assert all(0 <= share <= size for share, size in zip(shares, sizes, strict=True))
    assert all(abs(share - total * size / max(sum(sizes), 1)) < 1 for share, size in zip(shares, sizes, strict=True))


def test_gradients_of_scores_are_those_of_the_definition():
    gradients, values, scores = np.random.default_rng(0).standard_normal((3, 100), dtype=np.float32)
    scores[::7], gradients[5] = 0, math.nan
    expected = gradients * values * np.sign(scores)
    score_gradients(gradients, values, scores)
    assert np.array_equal(gradients, expected, equal_nan=True)


def test_levels_of_edge_popup():
    configuration = replace(FIXED, density="1", method="edge-popup", final_density="0.25", epochs=3, levels=2)
    method, model, optimiser = started(configuration)
    total = sum(mask.numel() for mask in method.drawn.values())
    last = round(total / 4)
    assert (method.epochs, sum(counts(model).values())) == (6, round(math.sqrt(total * last)))
    assert [method.schedule_epoch(epoch) for epoch in range(6)] == [0, 1, 2, 0, 1, 2]
    assert [method.at_final_density(epoch) for epoch in range(6)] == [False] * 3 + [True] * 3
    backward(model, 0)
    method.step(optimiser, 0)
    scores = {name: kept.detach().clone() for name, kept in method._scores.items()}
    method.after_epoch(1, optimiser)
    assert sum(counts(model).values()) == round(math.sqrt(total * last))
    assert len(optimiser.state) == len(scores)
    method.after_epoch(2, optimiser)
    assert sum(counts(model).values()) == last
    assert len(optimiser.state) == 0  # momentum of a level is not that of the next one
    assert all(method._scores[name].equal(kept) for name, kept in scores.items())
    backward(model, 1)
    method.step(optimiser, 1)
    method.after_epoch(5, optimiser)
    assert len(optimiser.state) == len(scores)  # after the last one nothing is forgotten


def test_gradients_of_str_are_those_of_its_definition():
    configuration = replace(FIXED, method="str", threshold_start=-3.0, optimiser="sgd", momentum=0.0, weight_decay=0.0)
    method, model, optimiser = started(configuration)
    data = load_data("digits", Path())
    copied, _ = start_model(configuration, data)
    first = {name: copied.get_submodule(name).weight.detach().clone().requires_grad_() for name in method.drawn}
    thresholds = torch.full((len(first),), -3.0, requires_grad=True)
    softened = {
        f"{name}.weight": method.drawn[name] * weight.sign() * (weight.abs() - threshold.sigmoid()).relu()
        for (name, weight), threshold in zip(first.items(), thresholds, strict=True)
    }
    images, labels = torch.randn(50, 1, 8, 8, generator=torch.Generator().manual_seed(3)), torch.arange(50) % 10
    for forward in (lambda: torch.func.functional_call(copied, softened, (images,)), lambda: model(images)):
        torch.nn.functional.cross_entropy(forward(), labels).backward()
    method.step(optimiser, 0)
    torch.testing.assert_close(method.thresholds.detach(), thresholds.detach() - 0.05 * thresholds.grad)
    assert torch.count_nonzero(thresholds.grad) == len(first)
    for name, weight in first.items():
        torch.testing.assert_close(method._values[name].detach(), (weight - 0.05 * weight.grad).detach())


@settings(max_examples=20, deadline=None)
@given(
    density=st.sampled_from(["1", "0.5"]),
    final=st.sampled_from(["0.5", "0.1", "0.01"]),
    every=st.integers(1, 8),
    until=st.floats(0.05, 0.95),
    optimiser=st.sampled_from(["nesterov", "adam"]),
)
def test_str_is_steered_to_the_exact_number_and_keeps_it(density, final, every, until, optimiser):
    configuration = replace(
        FIXED, density=density, method="str", final_density=final, epochs=2, update_every=every, update_until=until,
        optimiser=optimiser, learning_rate=0.02,
    )  # fmt: skip
    method, model, moved = started(configuration)
    drawn, target, last = sum(counts(model).values()), method.budget(final), None
    operations, forward = 0, 2 * drawn
    for at in range(2 * STEPS):
        backward(model, at)
        method.step(moved, at)
        operations += configuration.batch * 3 * forward
        assert method.flops == operations
        moved.zero_grad(set_to_none=True)
        left = sum(counts(model).values())
        if (at + 1) % every == 0 or at + 1 == method.end:  # a step costs what was there when it was last looked
            forward = 2 * left
        if at + 1 < method.end and (at + 1) % every == 0:  # but for a weight that rounding puts on its threshold
            assert abs(left - cubic(drawn, target, at + 1, method.end)) <= 1
        if at + 1 >= method.end:
            assert left == target
            last = last or {name: mask.clone() for name, mask in masks_of(model).items()}
            assert all(mask.equal(last[name]) for name, mask in masks_of(model).items())
        for name, mask in masks_of(model).items():
            assert not (mask & ~method.drawn[name]).any()
            assert torch.count_nonzero(model.get_submodule(name).weight[~mask]) == 0
    assert [method.at_final_density(epoch) for epoch in (0, 1)] == [method.end <= STEPS, True]


def test_str_says_so_while_thresholds_do_nothing(tmp_path):
    with pytest.warns(RuntimeWarning, match="thresholds of STR are still 0 and remove no weight"):
        result = run(replace(FIXED, method="str"), tmp_path)
    assert result["density_final"] == result["density_realised"]
    assert run(CASES["str-free"], tmp_path)["density_final"] < result["density_realised"]
    assert run(CASES["str"], tmp_path)["density_final"] == pytest.approx(0.15, abs=1e-3)


def test_imp_rewinds_to_a_step_of_its_first_round():
    configuration = replace(CASES["imp-step"], epochs=2)
    last, _, _ = started(replace(configuration, rewind_step=2 * STEPS - 1))
    assert last.skipped == 2 * STEPS - 1
    with pytest.raises(InvalidInput, match=f"^rewind_step: expected a whole number below {2 * STEPS}, the steps of"):
        started(replace(configuration, rewind_step=2 * STEPS))
