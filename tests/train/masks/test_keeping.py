"""Masks that are not lost: whatever is done to weights, masks and optimisers, passes and steps stay inside them."""

from __future__ import annotations

import copy
import pickle
import warnings

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from hypothesis import settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

from ertheory.check import evaluate  # noqa: E402
from ertheory.errors import InvalidInput  # noqa: E402
from ertheory.layerwise import layer_densities  # noqa: E402
from ertheory.networks.readers.torch_read import network_from_torch  # noqa: E402
from ertrain.masks import attach_masks, draw_masks, guard, layer_shapes, masks_of  # noqa: E402
from ertrain.masks.clearing import clear, clear_at_once  # noqa: E402
from ertrain.masks.guarding import ENTRY_BY_ENTRY  # noqa: E402

OPTIMISERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, weight_decay=0.1),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.9, centered=True),
    "adafactor": lambda p: torch.optim.Adafactor(p, lr=0.01),
}


if hasattr(torch.optim, "Muon"):
    OPTIMISERS["muon"] = lambda p: torch.optim.Muon([one for one in p if one.dim() == 2], lr=0.01, weight_decay=0.1)


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 9), nn.Tanh(), nn.Linear(9, 3))


def tied_network() -> nn.Module:
    model = nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 9), nn.Tanh(), nn.Linear(9, 9), nn.Linear(9, 3))
    model[4].weight = model[2].weight
    return model


def masks_for(model: nn.Module, seed: int) -> dict:
    return draw_masks(layer_densities(layer_shapes(model), "0.4", "erk"), seed)


def masked(seed: int = 0, model: nn.Module | None = None) -> nn.Module:
    torch.manual_seed(seed)
    model = network() if model is None else model
    attach_masks(model, masks_for(model, seed))
    return model


def outside(model: nn.Module, optimiser=None) -> int:
    """Count what is not 0 outside the masks: in the weights, and in what an optimiser keeps about them."""
    count = 0
    for name, mask in masks_of(model).items():
        weight = model.get_submodule(name).weight
        kept = optimiser.state.get(weight, {}).values() if optimiser is not None else ()
        for tensor in (weight, *(one for one in kept if torch.is_tensor(one) and one.shape == weight.shape)):
            count += int(torch.count_nonzero(tensor[~mask]))
    return count


def loss_of(outputs):
    """Give a loss that cannot run away, however long one trains."""
    return outputs.tanh().square().sum()


def backward(model, inputs: int = 6) -> None:
    loss_of(model(torch.randn(7, inputs))).backward()


def step(model, optimiser, forward=None) -> None:
    optimiser.zero_grad()
    backward(model if forward is None else forward)
    optimiser.step()


LAYERS = ("0", "2", "5")


class Whatever(RuleBasedStateMachine):
    """A masked, guarded network in hands that do not know of masks."""

    @initialize(name=st.sampled_from(sorted(OPTIMISERS)), seed=st.integers(0, 99), early=st.booleans())
    def start(self, name, seed, early):
        torch.manual_seed(seed)
        self.name, self.model = name, tied_network()
        self.optimiser = OPTIMISERS[name](self.model.parameters())
        if early:
            guard(self.optimiser, self.model)
        first = masks_for(self.model, seed)
        attach_masks(self.model, {"0": first["0"]})
        if not early:
            guard(self.optimiser, self.model)
        self.kept = copy.deepcopy(self.optimiser.state_dict()), copy.deepcopy(self.model.state_dict())

    @rule()
    def train(self):
        backward(self.model)
        self.optimiser.step()
        self.optimiser.zero_grad()
        assert outside(self.model, self.optimiser) == 0

    @rule()
    def accumulate(self):
        backward(self.model)

    @rule(reentrant=st.booleans())
    def compute_again_from_a_checkpoint(self, reentrant):
        inputs = torch.randn(7, 6, requires_grad=True)
        loss_of(checkpoint(self.model, inputs, use_reentrant=reentrant)).backward()

    @rule(overflow=st.booleans())
    def scale(self, overflow):
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**8)
        self.optimiser.zero_grad()
        scaler.scale(loss_of(self.model(torch.randn(7, 6)))).backward()
        if overflow:
            self.model[0].weight.grad[:] = torch.inf
        scaler.step(self.optimiser)
        scaler.update()
        self.optimiser.zero_grad()
        assert all(weight.isfinite().all() for weight in self.model.parameters())

    @rule(buffers=st.booleans(), seed=st.integers(0, 99))
    def average(self, buffers, seed):
        averaged = AveragedModel(self.model, use_buffers=buffers, multi_avg_fn=get_ema_multi_avg_fn(0.9))
        attach_masks(averaged.module, {name: masks_for(self.model, seed)[name] for name in masks_of(self.model)})
        averaged.update_parameters(self.model)
        averaged.update_parameters(self.model)
        with torch.no_grad():
            averaged(torch.ones(1, 6))
        assert outside(averaged.module) == 0

    @rule()
    def take_an_optimiser_of_another_model(self):
        with pytest.raises(InvalidInput, match=r"^optimiser: "):
            guard(OPTIMISERS[self.name](tied_network().parameters()), self.model)

    @rule(layer=st.sampled_from(["0", "5"]))
    def compute_weights_from_others_for_a_while(self, layer):
        owner = self.model.get_submodule(layer)
        nn.utils.parametrize.register_parametrization(owner, "weight", nn.Identity())  # leaves nothing, unlike a norm
        if layer in masks_of(self.model):
            with pytest.raises(InvalidInput, match="remove the parametrisation"):
                self.model(torch.ones(1, 6))
        nn.utils.parametrize.remove_parametrizations(owner, "weight")
        self.optimiser = OPTIMISERS[self.name](self.model.parameters())  # the weight is another parameter now
        guard(self.optimiser, self.model)
        self.remember()

    @rule(layer=st.sampled_from(LAYERS), seed=st.integers(0, 99))
    def mask_a_layer(self, layer, seed):
        attach_masks(self.model, {layer: masks_for(self.model, seed)[layer]})

    @rule()
    def step_with_what_is_there(self):
        self.optimiser.step()
        assert outside(self.model, self.optimiser) == 0

    @precondition(lambda self: self.name not in ("adafactor", "muon"))
    @rule()
    def closure(self):
        def loss():
            self.optimiser.zero_grad()
            value = loss_of(self.model(torch.randn(7, 6)))
            value.backward()
            return value.detach()

        self.optimiser.step(closure=loss)
        assert outside(self.model, self.optimiser) == 0

    @rule(seed=st.integers(0, 99))
    def mask_anew(self, seed):
        attach_masks(self.model, masks_for(self.model, seed))

    @rule()
    def mask_as_before(self):
        before = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        weights = [weight.clone() for weight in self.model.parameters()]
        attach_masks(self.model, masks_of(self.model))
        with torch.no_grad():
            self.model(torch.zeros(1, 6))
        assert all(before[name].equal(mask) for name, mask in self.model.state_dict().items() if "mask" in name)
        masks = masks_of(self.model)
        for (name, weight), was in zip(self.model.named_parameters(), weights, strict=True):
            mask = masks.get(name[0]) if name.endswith("weight") else None
            assert weight.equal(was if mask is None else torch.where(mask, was, 0))

    @rule(seed=st.integers(0, 99))
    def write_to_a_mask(self, seed):
        masks_of(self.model)["0"].data.copy_(masks_for(self.model, seed)["0"])

    @rule(layer=st.sampled_from(LAYERS), seed=st.integers(0, 99))
    def put_a_mask_in_the_place_of_another(self, layer, seed):
        if layer in masks_of(self.model):
            self.model.get_submodule(layer).weight_mask = masks_for(self.model, seed)[layer]

    @rule(layer=st.sampled_from(["0", "5"]))
    def put_a_weight_in_the_place_of_another(self, layer):
        owner = self.model.get_submodule(layer)
        owner.weight = nn.Parameter(torch.randn_like(owner.weight))
        self.optimiser.add_param_group({"params": [owner.weight]})
        self.remember()

    @rule(seed=st.integers(0, 99))
    def put_a_layer_in_the_place_of_another(self, seed):
        layer = nn.Linear(9, 3)
        attach_masks(layer, {"": masks_for(self.model, seed)["5"]})
        self.model[5] = layer
        self.optimiser.add_param_group({"params": [layer.weight]})
        self.remember()

    @rule(layer=st.sampled_from(LAYERS))
    def merge(self, layer):
        weight = self.model.get_submodule(layer).weight
        weight.data += torch.randn(len(weight), 1) @ torch.randn(1, weight.shape[1])

    @rule()
    def write_what_is_no_number(self):
        for name, mask in masks_of(self.model).items():
            self.model.get_submodule(name).weight.data[~mask] = torch.nan

    @rule(seed=st.integers(0, 99))
    def load_dense_weights(self, seed):
        torch.manual_seed(seed)
        self.model.load_state_dict(tied_network().state_dict(), strict=False)
        assert outside(self.model) == 0

    @rule(seed=st.integers(0, 99))
    def load_another(self, seed):
        self.model.load_state_dict(masked(seed, tied_network()).state_dict(), strict=False)
        assert outside(self.model) == 0

    @rule()
    def remember(self):
        self.kept = copy.deepcopy(self.optimiser.state_dict()), copy.deepcopy(self.model.state_dict())

    @rule()
    def rewind_the_optimiser(self):
        self.optimiser.load_state_dict(self.kept[0])

    @rule()
    def rewind_the_weights(self):
        with torch.no_grad():
            for name, weight in self.model.named_parameters():
                weight.copy_(self.kept[1][name])

    @rule(by=st.sampled_from(["deepcopy", "pickle"]))
    def copy(self, by):
        pair = self.model, self.optimiser
        guarded = any(layer._forward_pre_hooks and hook.guarded for layer, hook in self.hooks())
        self.model, self.optimiser = copy.deepcopy(pair) if by == "deepcopy" else pickle.loads(pickle.dumps(pair))
        if guarded:
            with pytest.raises(InvalidInput, match=r"^model: .*guard\(optimiser, model\)"):
                backward(self.model)
        guard(self.optimiser, self.model)

    def hooks(self):
        for layer in self.model.modules():
            for hook in layer._forward_pre_hooks.values():
                yield layer, hook

    @invariant()
    def a_pass_stays_inside(self):
        if not hasattr(self, "model"):
            return
        twin = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        inputs = torch.randn(5, 6)
        with torch.no_grad():
            given = self.model(inputs)
            for layer in ("0", "2", "4", "5"):  # the weight and the mask of 4 are those of 2
                mask = twin.get(f"{'2' if layer == '4' else layer}.weight_mask", torch.tensor(True))
                inputs = inputs @ torch.where(mask, twin[f"{layer}.weight"], 0).T + twin[f"{layer}.bias"]
                inputs = inputs.tanh() if layer in "02" else inputs
        torch.testing.assert_close(given, inputs)
        assert outside(self.model) == 0


TestWhatever = Whatever.TestCase
TestWhatever.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.complex128])
@pytest.mark.parametrize("shape", [(3, 5), (140, 130)])
@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
def test_clearing_is_exact_whatever_the_numbers(kind, shape, layout):
    torch.manual_seed(1)
    mask = torch.rand(shape) < 0.3
    made = [(100 * torch.randn(shape)).to(kind) for _ in range(5)]
    if kind.is_floating_point:
        for tensor in made:
            tensor[0], tensor[1], tensor[2] = torch.nan, -torch.inf, -0.0
    if layout == "transposed":
        made = [tensor.T.contiguous().T for tensor in made]
    for count in range(1, 6):
        given = [tensor.clone() for tensor in made[:count]]
        clear(given, mask)
        for tensor, was in zip(given, made, strict=False):
            assert torch.where(mask, was, torch.zeros((), dtype=kind)).equal(tensor) or kind.is_floating_point
            torch.testing.assert_close(tensor[mask], was[mask], rtol=0, atol=0, equal_nan=True)
            assert torch.count_nonzero(tensor[~mask]) == 0
            assert not tensor[~mask].isnan().any()


@pytest.mark.parametrize("place", [0, 2047, 2048, 4095, 4096, 20_000, 20_479, 20_480, 20_500])
def test_one_number_outside_is_found_wherever_it_is(place):
    mask = torch.ones(20_501, dtype=torch.bool)
    mask[place] = False
    numbers = torch.arange(1.0, 20_502)
    for _ in range(2):
        clear([numbers], mask)
        assert numbers.equal(torch.where(mask, torch.arange(1.0, 20_502), 0))
        assert clear_at_once(numbers, mask)


def test_what_is_not_as_it_nearly_always_is_is_left_to_others():
    mask = torch.rand(140, 130) < 0.3
    clear([torch.ones(140, 130)], mask)  # the loop is loaded
    for weight, other in [
        (torch.ones(140, 130, dtype=torch.float64), mask),
        (torch.ones(140, 131), mask),
        (torch.ones(140 * 130), mask),
        (torch.ones(130, 140).T, mask),
        (torch.ones(140, 130), mask.float()),
        (torch.ones(140, 130), (torch.rand(130, 140) < 0.3).T),
    ]:
        before = weight.clone()
        assert not clear_at_once(weight, other)
        assert weight.equal(before)
    assert not clear_at_once(torch.ones(140, 130), mask, [torch.ones(140, 130, dtype=torch.float64)])
    about = torch.ones(140, 130)
    assert clear_at_once(torch.ones(140, 130), mask, [about])
    assert about.equal(mask.float())


def test_what_moves_entry_by_entry_does_so():
    # Were one of them to mix entries, gradients outside a mask would reach the weights inside.
    for kind in sorted(ENTRY_BY_ENTRY, key=lambda one: one.__name__):
        ends = []
        for size in (1.0, 100.0):
            weight = nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4))
            optimiser = kind([weight], lr=0.1)
            for number in range(1, 5):
                weight.grad = torch.full((3, 4), 0.3 * number)
                weight.grad[1:] *= size
                optimiser.step()
            ends.append(weight.detach()[0].clone())
        assert ends[0].equal(ends[1]), kind.__name__


@pytest.mark.parametrize("kind", ["Muon", "LBFGS"])
def test_optimisers_that_mix_entries_stay_inside(kind):
    if not hasattr(torch.optim, kind):
        pytest.skip(f"this PyTorch has no {kind}")
    model = masked()
    weights = [model.get_submodule(name).weight for name in masks_of(model)]
    optimiser = getattr(torch.optim, kind)(weights if kind == "Muon" else list(model.parameters()))
    guard(optimiser, model)
    inputs = torch.randn(7, 6)

    def loss():
        optimiser.zero_grad()
        value = model(inputs).square().sum()
        value.backward()
        return value.detach()

    losses = [float(optimiser.step(loss)) for _ in range(3)]
    assert losses[2] < losses[0]
    assert outside(model, optimiser) == 0


@pytest.mark.parametrize("by_name", [False, True])
def test_closures_show_no_gradient_outside_however_they_are_handed_over(by_name):
    """L-BFGS as in a network that multiplies its weights by the masks, where no gradient is outside to begin with."""
    model = masked().double()
    masks, inputs = masks_of(model), torch.randn(7, 6, dtype=torch.float64)
    plain, twin = (
        network(),
        {name: parameter.detach().clone().requires_grad_() for name, parameter in model.named_parameters()},
    )

    def of_twin():
        inside = {key: value * masks[key[:-7]] if key[:-7] in masks else value for key, value in twin.items()}
        return torch.func.functional_call(plain, inside, (inputs,))

    ends = []
    for parameters, forward in ((list(model.parameters()), lambda: model(inputs)), (list(twin.values()), of_twin)):
        optimiser = torch.optim.LBFGS(parameters, lr=0.1, max_iter=4)

        def loss(optimiser=optimiser, forward=forward):
            optimiser.zero_grad()
            value = forward().square().sum()
            value.backward()
            return value.detach()

        if not ends:
            guard(optimiser, model)
        for _ in range(2):
            optimiser.step(closure=loss) if by_name else optimiser.step(loss)
        ends.append([parameter.detach().clone() for parameter in parameters])
    assert outside(model) == 0
    for ours, theirs in zip(*ends, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


def test_an_optimiser_that_mixes_entries_sees_no_gradient_outside():
    class Mixing(torch.optim.Optimizer):
        def __init__(self, parameters):
            super().__init__(parameters, {})

        def step(self, closure=None):
            for group in self.param_groups:
                for weight in group["params"]:
                    weight.data -= weight.grad.sum()

    ends = []
    for size in (1.0, 100.0):
        model = masked()
        optimiser = Mixing(model.parameters())
        guard(optimiser, model)
        for weight in model.parameters():
            weight.grad = torch.ones_like(weight)
        for name, mask in masks_of(model).items():
            model.get_submodule(name).weight.grad[~mask] *= size
        optimiser.step()
        assert outside(model) == 0
        ends.append([weight.detach().clone() for weight in model.parameters()])
    assert all(one.equal(other) for one, other in zip(*ends, strict=True))


def test_nothing_is_divided_by_nothing():
    torch.manual_seed(0)
    model = nn.Linear(6, 4)
    attach_masks(model, masks_for(model, 3))
    for make in (torch.optim.Adam, torch.optim.AdamW):
        optimiser = make(model.parameters(), eps=0)
        with guard(optimiser, model):
            for _ in range(4):
                step(model, optimiser)
                assert outside(model, optimiser) == 0
        assert all(tensor.isfinite().all() for tensor in model.state_dict().values())


@pytest.mark.parametrize("name", ["Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop"])
def test_neurons_that_lead_nowhere_stay_where_they_are_though_nothing_is_divided_by_nothing(name):
    """The second of three hidden neurons has no reader: its weights, and what an optimiser keeps of them, stay."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 3), nn.Tanh(), nn.Linear(3, 4))
    masks = masks_for(model, 3)
    masks["0"][1], masks["2"][:] = True, torch.tensor([True, False, True])
    attach_masks(model, masks)
    optimiser = getattr(torch.optim, name)(model.parameters(), eps=0)
    before, others = model[0].weight[1].clone(), model[0].weight[0].clone()
    with guard(optimiser, model):
        for _ in range(4):
            step(model, optimiser)
            assert outside(model, optimiser) == 0
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())
    assert all(
        kept.isfinite().all() for state in optimiser.state.values() for kept in state.values() if torch.is_tensor(kept)
    )
    if name != "AdamW":  # which lets all weights decay
        assert model[0].weight[1].equal(before)
    assert not model[0].weight[0].equal(others)


def test_a_mask_that_is_attached_twice_is_the_last_one():
    # A cache of masks that is keyed by addresses confuses them, since memory is used again.
    for seed in range(20):
        model = nn.Sequential(nn.Linear(64, 64))
        optimiser = OPTIMISERS["nesterov"](model.parameters())
        attach_masks(model, masks_for(model, seed))
        guard(optimiser, model)
        step_of = torch.randn(5, 64)
        for again in (seed, seed + 1000, seed + 2000):
            attach_masks(model, masks_for(model, again))
            optimiser.zero_grad()
            model(step_of).square().sum().backward()
            optimiser.step()
        mask = masks_for(model, seed + 2000)["0"]
        assert masks_of(model)["0"].equal(mask)
        assert torch.count_nonzero(model[0].weight[~mask]) == 0
        assert torch.count_nonzero(model[0].weight[mask]) == mask.sum()  # and none of those inside is frozen


def test_a_guard_belongs_to_the_optimiser_of_its_module():
    with pytest.raises(InvalidInput, match=r"^optimiser: expected an optimiser of this module"):
        guard(OPTIMISERS["sgd"](masked().parameters()), masked())
    model = masked()
    biases = OPTIMISERS["sgd"]([model[0].bias])
    with pytest.raises(InvalidInput, match=r"^optimiser: expected one that moves weights with masks"):
        guard(biases, model)
    optimiser = OPTIMISERS["sgd"](model.parameters())
    guard(optimiser, model)
    for layer in (0, 2, 4):  # as when a module is rebuilt after its optimiser was made
        model[layer].weight = nn.Parameter(model[layer].weight.detach().clone())
    with pytest.raises(InvalidInput, match=r"^optimiser: "):
        step(model, optimiser)


def test_two_optimisers_share_a_module():
    model = masked()
    pair = OPTIMISERS["adamw"](model[0].parameters()), OPTIMISERS["nesterov"](model[2:].parameters())
    for optimiser in pair:
        guard(optimiser, model)
    for _ in range(3):
        backward(model)
        for optimiser in pair:
            optimiser.step()
            optimiser.zero_grad()
        assert all(outside(model, optimiser) == 0 for optimiser in pair)


def late_norm(model):
    nn.utils.parametrizations.weight_norm(model[0])


def late_norm_by_a_hook(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        nn.utils.weight_norm(model[0])


def late_pruning(model):
    prune.random_unstructured(model[0], "weight", 0.5)


@pytest.mark.parametrize("late", [late_norm, late_norm_by_a_hook, late_pruning])
def test_weights_that_are_computed_later_are_refused(late):
    model = masked()
    optimiser = OPTIMISERS["sgd"](model.parameters())
    guard(optimiser, model)
    backward(model)
    late(model)
    for refused in (lambda: model(torch.ones(1, 6)), optimiser.step, lambda: guard(optimiser, model)):
        with pytest.raises(InvalidInput, match="plain parameter: remove the parametrisation") as caught:
            refused()
        assert len(str(caught.value)) <= 400


def test_a_tied_weight_has_one_mask_in_all_its_uses():
    model = nn.Sequential(nn.Embedding(9, 6), nn.Linear(6, 9))
    model[1].weight = model[0].weight
    masked(model=model)
    mask = masks_of(model)["1"]
    model[0].weight.data += 1
    assert torch.count_nonzero(model[0](torch.arange(9))[~mask]) == 0
    assert model[0](torch.arange(9)).count_nonzero() == mask.sum()
    optimiser = OPTIMISERS["adam"](model.parameters())
    guard(optimiser, model)
    model(torch.arange(9)).square().sum().backward()
    optimiser.step()
    assert outside(model, optimiser) == 0
    twin = pickle.loads(pickle.dumps(model)).eval()
    twin[0].weight.data += 1
    assert torch.count_nonzero(twin[0](torch.arange(9))[~mask]) == 0
    late = masked()
    late[2].weight = nn.Parameter(late[2].weight.detach())
    late[0].weight = late[2].weight
    with pytest.raises(InvalidInput, match=r"^mask"):  # two masks, of two shapes or not, for one weight
        late(torch.ones(1, 9))
    pair = masked(model=nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6)))
    pair[1].weight = pair[0].weight
    with pytest.raises(InvalidInput, match=r"^masks: expected one mask"):
        guard(OPTIMISERS["sgd"](pair.parameters()), pair)


def test_attention_reads_its_weights_inside_their_masks():
    layer = nn.TransformerEncoderLayer(6, 2, 9, dropout=0.0, batch_first=True)
    masked(model=layer)
    inputs = torch.randn(2, 4, 6)
    for mode in (True, False):
        layer.train(mode)
        wanted = layer(inputs)
        for name, mask in masks_of(layer).items():
            layer.get_submodule(name).weight.data[~mask] = 1.0
        with torch.no_grad():
            torch.testing.assert_close(layer(inputs), wanted)
        assert outside(layer) == 0


def test_code_that_reads_the_weights_of_its_parts_finds_them_inside():
    class Reading(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleList([nn.Linear(6, 6)])

        def forward(self, inputs):
            return nn.functional.linear(inputs, self.parts[0].weight)

    model = masked(model=Reading())
    model.parts[0].weight.data += 1
    model(torch.ones(1, 6))
    assert outside(model) == 0


@pytest.mark.parametrize("kind", ["mean", "moving", "moving with buffers"])
def test_averages_stay_inside_their_masks(kind):
    model = masked()
    optimiser = OPTIMISERS["nesterov"](model.parameters())
    guard(optimiser, model)
    step(model, optimiser)
    options = {} if kind == "mean" else {"multi_avg_fn": get_ema_multi_avg_fn(0.9)}
    averaged = AveragedModel(model, use_buffers=kind == "moving with buffers", **options)
    for seed in range(4):
        step(model, optimiser)
        averaged.update_parameters(model)
        attach_masks(model, masks_for(model, seed))
        step(model, optimiser)
        averaged.update_parameters(model)
        with torch.no_grad():
            averaged(torch.ones(1, 6))
        assert outside(averaged.module) == 0
        assert outside(model, optimiser) == 0


def test_scaled_gradients_that_overflow_leave_no_trace():
    model = masked()
    optimiser = OPTIMISERS["nesterov"](model.parameters())
    guard(optimiser, model)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**8)
    for number in range(6):
        optimiser.zero_grad()
        scaler.scale(model(torch.randn(7, 6)).square().sum()).backward()
        if number % 2:
            model[0].weight.grad[:] = torch.inf
        scaler.step(optimiser)
        scaler.update()
        assert outside(model, optimiser) == 0
        assert all(weight.isfinite().all() for weight in model.parameters())


def test_weights_that_are_spread_over_processes_are_refused(tmp_path):
    fsdp = pytest.importorskip("torch.distributed.fsdp")
    if not hasattr(fsdp, "fully_shard"):
        pytest.skip("this PyTorch shards in another way")
    model = masked()
    optimiser = OPTIMISERS["sgd"](model.parameters())
    guard(optimiser, model)
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        fsdp.fully_shard(model)
        for refused in (
            lambda: guard(OPTIMISERS["sgd"](model.parameters()), model),
            lambda: model[0](torch.ones(1, 6)),
        ):
            with pytest.raises(InvalidInput, match=r"a whole weight in every process, as in DistributedDataParallel"):
                refused()
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpoints_of_activations_are_computed_again_inside(reentrant):
    model = masked()
    optimiser = OPTIMISERS["adamw"](model.parameters())
    guard(optimiser, model)
    for _ in range(3):
        step(model, optimiser, lambda inputs: checkpoint(model, inputs.requires_grad_(), use_reentrant=reentrant))
        assert outside(model, optimiser) == 0


def test_a_compiled_step_stays_inside():
    torch._dynamo.reset()
    model = masked()
    optimiser = OPTIMISERS["nesterov"](model.parameters())
    guard(optimiser, model)

    @torch.compile(backend="aot_eager")
    def compiled(inputs):
        optimiser.zero_grad()
        model(inputs).square().sum().backward()
        optimiser.step()

    for seed in (None, None, 5):
        if seed is not None:
            masks_of(model)["0"].data.copy_(masks_for(model, seed)["0"])
        compiled(torch.randn(7, 6))
        assert outside(model, optimiser) == 0
    forward = torch.compile(model, backend="aot_eager", fullgraph=True)
    model[2].weight.data += 1
    forward(torch.randn(7, 6))
    assert outside(model) == 0


def test_a_network_is_read_traced_and_exported_inside_its_masks():
    model = masked(model=nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 3)))
    model[0].weight.data += 1
    read = network_from_torch(model)
    inputs = torch.randn(5, 6)
    wanted = model(inputs)
    torch.testing.assert_close(torch.from_numpy(evaluate(read, inputs.double().numpy())).float(), wanted)
    exported = torch.export.export(model, (inputs,)).module()
    torch.testing.assert_close(exported(inputs), wanted)
    torch.testing.assert_close(torch.fx.symbolic_trace(model)(inputs), wanted)
