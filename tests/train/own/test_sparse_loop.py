"""The methods in somebody's own loop: to the bits of ours, saved and loaded, inside masks, or refused with a reason."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

import ertrain  # noqa: E402
from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.streams import generator  # noqa: E402

NUMBERS = torch.Generator().manual_seed(1)
INPUTS = torch.randn(60, 6, generator=NUMBERS)
LABELS = (INPUTS[:, 0] > INPUTS[:, 1]).long()
EPOCHS, BATCH = 4, 12
STEPS = EPOCHS * len(INPUTS) // BATCH
SETTINGS = {
    "fixed": {},
    "set": {"update_every": 3},
    "rigl": {"update_every": 3},
    "granet": {"update_every": 3},
    "gradual": {"update_every": 3},
    "str": {"update_every": 3},
    "edge-popup": {},
}


def network(seed: int = 2) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(6, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Linear(20, 2))


def sgd(parameters) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-3, nesterov=True, fused=True)


def started(method: str, *, start: int = 2, **options):
    model = network(start)
    optimiser = sgd(model.parameters())
    options = {"density": "0.3", "steps": STEPS, **SETTINGS[method], **options}
    return model, optimiser, ertrain.start_sparse(model, optimiser, method=method, **options)


def train(model, optimiser, sparse, first: int = 0, last: int = EPOCHS) -> None:
    """A loop as it stands in everybody's programs, with the batches of ours."""
    model.train()
    for epoch in range(first, last):
        order = torch.randperm(len(INPUTS), generator=generator(0, "order", epoch))
        for places in order.split(BATCH):
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(model(INPUTS[places]), LABELS[places], reduction="sum") / len(places)
            loss.backward()
            sparse.step()


def tensors(model) -> list[torch.Tensor]:
    return list(model.state_dict().values())


@pytest.mark.parametrize("method", SETTINGS)
def test_a_loop_of_ones_own_comes_to_the_bits_of_ours(method):
    model, optimiser, sparse = started(method)
    train(model, optimiser, sparse)
    ours = ertrain.fit(
        network(), (INPUTS, LABELS), validation=(INPUTS, LABELS), density="0.3", method=method, epochs=EPOCHS,
        batch=BATCH, optimiser=sgd, schedule="constant", backend="masked", **SETTINGS[method],
    )  # fmt: skip
    assert ours.model.state_dict().keys() == model.state_dict().keys()
    for name, tensor in ours.model.state_dict().items():
        assert tensor.equal(model.state_dict()[name]), name
    assert sparse.density() == 0.3
    assert sum(int(mask.sum()) for mask in sparse.masks().values()) == 48
    kept = {name: int(mask.sum()) for name, mask in sparse.masks().items()}
    assert sparse.densities() == pytest.approx({"0": kept["0"] / 120, "3": kept["3"] / 40})


# Of 20 steps every third, or after it, before three quarters are over; the pruning of GraNet ends after half of them.
CHANGES = {"set": [3, 6, 9, 12], "rigl": [3, 6, 9, 12], "gradual": [2, 5, 8, 11, 14], "granet": [2, 5, 8, 9, 11]}


@pytest.mark.parametrize("method", CHANGES)
def test_masks_change_at_steps_of_which_it_is_said(method):
    model, optimiser, sparse = started(method)
    said, seen = [], []
    for step in range(STEPS):
        said += [step] * sparse.changes_masks()
        before = {name: mask.clone() for name, mask in sparse.masks().items()}
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(INPUTS), LABELS).backward()
        sparse.step()
        seen += [step] * any(not mask.equal(before[name]) for name, mask in sparse.masks().items())
    assert set(seen) <= set(said)
    assert said == CHANGES[method]


@pytest.mark.parametrize("method", SETTINGS)
def test_a_loop_that_was_saved_goes_on_to_the_same_bits(method, tmp_path):
    whole = started(method)
    train(*whole)
    parts = started(method)
    train(*parts, last=2)
    path = tmp_path / "state.pt"
    torch.save([part.state_dict() for part in parts], path)
    again = started(method, seed=5)  # other masks and scores at first
    for part, state in zip(again, torch.load(path, weights_only=True), strict=True):
        part.load_state_dict(state)
    if method == "set":  # what grows is drawn by the seed
        again = started(method)
        for part, state in zip(again, torch.load(path, weights_only=True), strict=True):
            part.load_state_dict(state)
    train(*again, first=2)
    assert all(one.equal(other) for one, other in zip(tensors(whole[0]), tensors(again[0]), strict=True))
    assert again[2].steps == STEPS


@pytest.mark.parametrize("method", ["gradual", "granet", "edge-popup", "str"])
def test_a_loop_that_is_loaded_into_another_start_and_other_masks_goes_on_from_its_own(method):
    """Masks that were drawn independently have other numbers of weights with another seed."""
    options = {"density": "0.5", "final_density": "0.3", "drawing": "independent"}
    whole, again = started(method, **options), started(method, seed=5, start=3, **options)
    assert len({sum(int(mask.sum()) for mask in one[2].state_dict()["drawn"].values()) for one in (whole, again)}) == 2
    train(*whole, last=1)
    for part, state in zip(again, [copy.deepcopy(part.state_dict()) for part in whole], strict=True):
        part.load_state_dict(state)
    for each in (whole, again):
        train(*each, first=1)
    assert whole[2].state_dict()["method"].keys() == again[2].state_dict()["method"].keys()
    assert all(one.equal(other) for one, other in zip(tensors(whole[0]), tensors(again[0]), strict=True))
    assert int(sum(mask.sum() for mask in again[2].masks().values())) == round(0.3 * 160)


@pytest.mark.parametrize("method", ["fixed", "rigl"])
def test_masks_of_ones_own_are_where_it_begins(method):
    masks = {"0": torch.rand(20, 6, generator=NUMBERS) < 0.4}
    model, optimiser, sparse = started(method, density=None, masks=masks)
    kept = network()[0].weight.detach()[masks["0"]]
    assert sparse.masks()["0"].equal(masks["0"])
    assert model[0].weight.detach()[masks["0"]].equal(kept)
    assert int((model[0].weight != 0).sum()) == int(masks["0"].sum())
    train(model, optimiser, sparse)
    now = sparse.masks()["0"]
    assert now.sum() == masks["0"].sum()
    assert now.equal(masks["0"]) == (method == "fixed")
    assert sparse.masks().keys() == {"0"}


def test_pruning_stays_inside_masks_of_ones_own():
    masks = {"0": torch.rand(20, 6, generator=NUMBERS) < 0.5, "3": torch.rand(2, 20, generator=NUMBERS) < 0.5}
    model, optimiser, sparse = started("gradual", density=None, masks=masks, final_density="0.1")
    train(model, optimiser, sparse)
    assert sum(int(mask.sum()) for mask in sparse.masks().values()) == 16
    for name, mask in sparse.masks().items():
        assert not (mask & ~masks[name]).any()


def test_starting_in_a_random_mask_stays_in_it():
    model, optimiser, sparse = started("rigl", density="0.5", final_density="0.2", drawing="independent")
    drawn = sparse.state_dict()["drawn"]
    train(model, optimiser, sparse)
    for name, mask in sparse.masks().items():
        assert not (mask & ~drawn[name]).any()
        assert int(mask.sum()) < int(drawn[name].sum())


def test_any_optimiser_stays_inside():
    model = network()
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01)
    sparse = ertrain.start_sparse(model, optimiser, densities={"0": 0.25}, method="rigl", steps=STEPS, update_every=4)
    train(model, optimiser, sparse)
    assert int((model[0].weight != 0).sum()) <= 30 == int(sparse.masks()["0"].sum())
    assert (model[0].weight[~sparse.masks()["0"]] == 0).all()


REFUSED = [
    ({"method": "imp"}, "method: expected another one here; imp needs ertrain.fit"),
    ({"method": "snip"}, "method: expected another one here; snip needs ertrain.fit"),
    ({"method": "magic"}, "method: "),
    ({"steps": 0}, "steps: "),
    ({"steps": 10**12 + 1}, "steps: "),
    ({"ratio": "snip"}, "ratio: "),
    ({"colour": "red"}, "settings: expected names among drawing"),
    ({"update_every": 5}, "settings: "),
    ({"masks": {"0": torch.ones(20, 6, dtype=torch.bool)}}, "density: expected nothing beside masks"),
    ({"density": None, "masks": {"0": torch.ones(20, 6)}}, "masks: "),
    ({"density": None, "masks": {"9": torch.ones(20, 6) > 0}}, "masks: "),
    ({"density": None, "masks": {"0": torch.ones(20, 6) > 0}, "method": "gradual"}, "final_density: "),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_cannot_be_is_refused_in_a_line(options, message):
    model = network()
    options = {"density": "0.3", "steps": STEPS, **options}
    with pytest.raises(InvalidInput) as caught:
        ertrain.start_sparse(model, sgd(model.parameters()), **options)
    assert str(caught.value).startswith(message)


def test_more_steps_than_announced_and_states_of_others_are_refused():
    model, _, sparse = started("fixed", steps=1)
    loss = model(INPUTS).sum()
    loss.backward()
    sparse.step()
    with pytest.raises(InvalidInput, match=r"^steps: "):
        sparse.step()
    with pytest.raises(InvalidInput, match=r"^state: "):
        started("str")[2].load_state_dict(sparse.state_dict())
    with pytest.raises(InvalidInput, match=r"^state: "):
        sparse.load_state_dict({"steps": 3})
    mine = sparse.state_dict()
    for wrong in (3, None, [], {**mine, "drawn": 3}, {**mine, "masks": {"0": 1}}, {**mine, "steps": "many"}):
        with pytest.raises(InvalidInput, match=r"^state: "):
            sparse.load_state_dict(wrong)
    assert sparse.steps == 1
    other = network()
    with pytest.raises(InvalidInput, match=r"^optimiser: "):
        ertrain.start_sparse(other, sgd(model.parameters()), density="0.3", method="str", steps=3)


@pytest.mark.parametrize("make", [lambda _: None, lambda parameters: torch.optim.LBFGS(parameters), lambda _: "sgd"])
def test_what_cannot_take_steps_is_refused_before_the_network_is_changed(make):
    model = nn.Sequential(nn.Linear(20, 50), nn.ReLU(), nn.Linear(50, 2))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(InvalidInput, match=r"^optimiser: expected a torch.optim.Optimizer that takes steps without"):
        ertrain.start_sparse(model, make(list(model.parameters())), density="0.3", steps=3)
    assert all(tensor.equal(before[name]) for name, tensor in model.state_dict().items())
    assert model.state_dict().keys() == before.keys()


@pytest.mark.parametrize("method", SETTINGS)
def test_an_optimiser_of_something_else_is_refused_before_the_network_is_changed(method):
    model = network()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    others = [("an optimiser of this model's parameters", network().parameters())]
    if method in ("edge-popup", "str"):
        others.append(("one that moves the weights of all layers with masks, got '3'", model[0].parameters()))
    for said, parameters in others:
        with pytest.raises(InvalidInput, match=rf"^optimiser: expected {said}"):
            ertrain.start_sparse(model, sgd(parameters), density="0.3", steps=3, method=method)
        assert model.state_dict().keys() == before.keys()
        assert all(tensor.equal(before[name]) for name, tensor in model.state_dict().items())


def test_masks_that_keep_nothing_are_said():
    model = network()
    with pytest.warns(UserWarning, match="masks keep none of 120 weights"):
        ertrain.start_sparse(model, sgd(model.parameters()), masks={"0": torch.zeros(20, 6) > 0}, steps=3)
