"""Networks, data, losses and optimisers of one's own: trained as by hand, resumed to the same bits, or refused."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402
from torch.nn.utils.parametrizations import weight_norm  # noqa: E402
from torch.utils.data import (  # noqa: E402
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

import ertrain  # noqa: E402
from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.cli import main  # noqa: E402
from ertrain.methods import METHODS  # noqa: E402
from ertrain.own.supply import supplied_data  # noqa: E402

NUMBERS = torch.Generator().manual_seed(0)
INPUTS = torch.randn(120, 6, generator=NUMBERS)
LABELS = (INPUTS[:, 0] + INPUTS[:, 1] > 0).long()
SETTINGS = {"epochs": 3, "batch": 20, "learning_rate": 0.05, "update_every": 2, "weight_decay": 0.0}


PAIRS, PAIRS_17 = TensorDataset(INPUTS, LABELS), TensorDataset(INPUTS[:17], LABELS[:17])


def normed() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def network(seed: int = 0, outputs: int = 2) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(6, 20), nn.ReLU(), nn.Dropout(0.1), nn.Linear(20, outputs))


def computed() -> nn.Module:
    """Make a network that holds what was computed from its weights, which cannot be copied."""
    model = network()
    model.twice = model[0].weight * 2
    return model


class Noisy(Dataset):
    """Augments with numbers of three libraries, as data sets do."""

    def __len__(self):
        return len(INPUTS)

    def __getitem__(self, place):
        noise = torch.rand(6) + float(np.random.rand())  # noqa: NPY002
        return INPUTS[place] + 0.1 * noise, LABELS[place]


class Endless(IterableDataset):
    def __iter__(self):
        return iter(zip(INPUTS, LABELS, strict=True))


class Long(Endless):
    def __len__(self):
        return len(LABELS)


def fitted(data, **options):
    return ertrain.fit(options.pop("model", None) or network(), data, **{"density": "0.3", **SETTINGS, **options})


def stopped_after(epochs: int):
    def progress(line):
        if line["epoch"] == epochs:
            raise KeyboardInterrupt

    return progress


def weights_of(result) -> list[torch.Tensor]:
    return [*result.model.state_dict().values(), *result.masks.values()]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_ends_at_its_density_and_reports_what_its_network_does(method):
    given = network()
    before = [one.clone() for one in given.parameters()]
    result = ertrain.fit(given, (INPUTS, LABELS), test=(INPUTS, LABELS), density="0.3", method=method, **SETTINGS)
    kept = sum(int((layer.weight != 0).sum()) for layer in (result.model[0], result.model[3]))
    assert sum(int(mask.sum()) for mask in result.masks.values()) == round(0.3 * 160)
    assert result.density_final == kept / 160
    assert kept >= 47  # a weight that grew last may have had no gradient since
    with torch.no_grad():
        right = (result.model.eval()(INPUTS).argmax(1) == LABELS).float().mean()
    assert result.accuracy_test == pytest.approx(float(right))
    assert result.folder is None
    assert all(one.equal(other) for one, other in zip(before, given.parameters(), strict=True))


def test_training_is_what_it_is_by_hand(tmp_path):
    """Whole batches, so that the order plays no part: masked gradient descent in a few lines of its own."""
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
    targets = INPUTS[:, :1] ** 2
    result = ertrain.fit(
        model, (INPUTS, targets), validation=(INPUTS, targets), density="0.5", epochs=4, batch=120,
        learning_rate=0.1, momentum=0.0, weight_decay=0.0, schedule="constant",
    )  # fmt: skip
    first, bias, second, last = (one.detach().double().clone() for one in model.parameters())
    masks = [result.masks["0"], result.masks["2"]]
    parameters = [first * masks[0], bias, second * masks[1], last]
    for _ in range(4):
        parameters = [one.requires_grad_() for one in parameters]
        hidden = torch.tanh(INPUTS.double() @ parameters[0].T + parameters[1])
        loss = ((hidden @ parameters[2].T + parameters[3] - targets) ** 2).mean()
        slopes = torch.autograd.grad(loss, parameters)
        slopes = [slopes[0] * masks[0], slopes[1], slopes[2] * masks[1], slopes[3]]
        parameters = [(one - 0.1 * slope).detach() for one, slope in zip(parameters, slopes, strict=True)]
    for ours, theirs in zip(result.model.parameters(), parameters, strict=True):
        assert ours.double().sub(theirs).abs().max() < 1e-6
    hidden = torch.tanh(INPUTS.double() @ parameters[0].T + parameters[1])
    error = ((hidden @ parameters[2].T + parameters[3] - targets) ** 2).mean()
    assert result.accuracy_validation == pytest.approx(-float(error), rel=1e-5)
    assert result.accuracy_test is None


KINDS = {
    "arrays": lambda: (INPUTS.numpy(), LABELS.numpy()),
    "dataset": Noisy,
    "loader": lambda: DataLoader(Noisy(), batch_size=20, shuffle=True),
    "own generator": lambda: DataLoader(Noisy(), batch_size=20, shuffle=True, generator=torch.Generator()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(tmp_path, kind):
    whole = fitted(KINDS[kind](), out=tmp_path / "whole", method="rigl", test=(INPUTS, LABELS))
    with pytest.raises(KeyboardInterrupt):
        fitted(KINDS[kind](), out=tmp_path / "parts", method="rigl", test=(INPUTS, LABELS), progress=stopped_after(2))
    np.random.rand()  # noqa: NPY002 - what others draw plays no part
    torch.rand(3)
    seen = []
    again = fitted(KINDS[kind](), out=tmp_path / "parts", method="rigl", test=(INPUTS, LABELS), progress=seen.append)
    assert [line["epoch"] for line in seen] == [3]
    assert all(one.equal(other) for one, other in zip(weights_of(whole), weights_of(again), strict=True))
    assert whole.accuracy_test == again.accuracy_test
    assert whole.folder.name == again.folder.name
    done = fitted(KINDS[kind](), out=tmp_path / "parts", method="rigl", test=(INPUTS, LABELS), progress=seen.append)
    assert len(seen) == 1
    assert all(one.equal(other) for one, other in zip(weights_of(done), weights_of(again), strict=True))


def test_the_bar_comes_to_the_epochs_that_are_done(tmp_path, monkeypatch):
    bars = []

    class Bar(contextlib.nullcontext):
        def __init__(self, total, **_):
            super().__init__(self)
            self.total, self.n = total, 0
            bars.append(self)

        def update(self, count):
            self.n += count

    monkeypatch.setattr("ertrain.own.fitting.tqdm", Bar)
    with pytest.raises(KeyboardInterrupt):
        fitted((INPUTS, LABELS), out=tmp_path, progress=stopped_after(2))
    fitted((INPUTS, LABELS), out=tmp_path)
    assert [(bar.n, bar.total) for bar in bars] == [(2, 3), (3, 3)]


@pytest.mark.parametrize("method", ["edge-popup", "granet", "imp", "str"])
def test_methods_with_a_state_go_on_to_the_same_bits(tmp_path, method):
    whole = fitted((INPUTS, LABELS), out=tmp_path / "whole", method=method)
    with pytest.raises(KeyboardInterrupt):
        fitted((INPUTS, LABELS), out=tmp_path / "parts", method=method, progress=stopped_after(1))
    again = fitted((INPUTS, LABELS), out=tmp_path / "parts", method=method)
    assert all(one.equal(other) for one, other in zip(weights_of(whole), weights_of(again), strict=True))


@pytest.mark.parametrize("method", ["fixed", "rigl", "imp"])
def test_tied_weights_have_one_mask_and_stay_tied(tmp_path, method):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.again, self.out = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 2)
            self.again.weight = self.first.weight

        def forward(self, inputs):
            return self.out(self.again(self.first(inputs).relu()))

    torch.manual_seed(0)
    model = Tied()
    options = {"density": "0.5", "method": method, **SETTINGS}
    whole = ertrain.fit(model, PAIR, **options)
    with pytest.raises(KeyboardInterrupt):
        ertrain.fit(model, PAIR, out=tmp_path, progress=stopped_after(1), **options)
    found = ertrain.fit(model, PAIR, out=tmp_path, **options)
    assert all(map(torch.equal, weights_of(found), weights_of(whole)))
    assert list(found.masks) == ["first", "out"]
    assert found.model.again.weight is found.model.first.weight
    assert not found.model.again.weight[~found.masks["first"]].any()


def test_validation_may_be_a_share():
    for share, count in (("1/4", 30), (0.5, 60)):
        sizes = fitted((INPUTS, LABELS), validation=share).result["data"]["sizes"]
        assert sizes == {"train": 120 - count, "validation": count}


def test_random_numbers_of_the_caller_are_left_alone():
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    fitted(DataLoader(Noisy(), batch_size=20, shuffle=True))
    ours = torch.rand(2), np.random.rand(2)  # noqa: NPY002
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    assert ours[0].equal(torch.rand(2))
    assert (ours[1] == np.random.rand(2)).all()  # noqa: NPY002


def test_what_decides_a_run_names_its_folder(tmp_path):
    def name(**options):
        return fitted(options.pop("data", (INPUTS, LABELS)), out=tmp_path, **options).folder.name

    def other_loss(outputs, labels):
        return nn.functional.cross_entropy(outputs, labels, label_smoothing=0.1)

    names = [
        name(),
        name(seed=1),
        name(data=(INPUTS, 1 - LABELS)),
        name(test=(INPUTS, LABELS)),
        name(loss=other_loss),
        *(name(loss=nn.CrossEntropyLoss(weight=torch.tensor([1.0, weight]))) for weight in (1.0, 2.0)),
        name(metric=lambda outputs, labels: 1.0),
        name(optimiser="adam"),
        name(optimiser=torch.optim.RMSprop),
        name(optimiser=lambda parameters: torch.optim.RMSprop(parameters, lr=0.5)),
        name(dense_layers=("last",)),
    ]
    assert len(set(names)) == len(names)
    assert all(one.startswith("fit-") for one in names)
    assert name() == names[0]
    with pytest.warns(UserWarning, match="began with other weights"):  # the start is no part of the name
        assert name(model=network(1)) == names[0]


def test_another_start_in_the_same_folder_is_said(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fitted((INPUTS, LABELS), out=tmp_path, progress=stopped_after(1))
    with pytest.warns(UserWarning, match="began with other weights"):
        ertrain.fit(network(1), (INPUTS, LABELS), density="0.3", out=tmp_path, **SETTINGS)


def test_the_schedule_keeps_the_proportions_of_an_optimiser():
    rates = []

    class Watched(torch.optim.SGD):
        def step(self, closure=None):
            rates.append([group["lr"] for group in self.param_groups])
            return super().step(closure)

    def made(parameters):
        groups = list(parameters)
        return Watched([{"params": groups[:2], "lr": 0.4}, {"params": groups[2:], "lr": 0.1}], lr=1.0)

    fitted((INPUTS, LABELS), optimiser=made, schedule="steps", milestones=(1,), decay=0.5)
    assert rates[0] == [0.4, 0.1]
    assert rates[-1] == [0.2, 0.05]
    assert {first / second for first, second in rates} == {4.0}


def test_optimisers_that_look_at_whole_weights_are_given_them():
    class Whole(torch.optim.SGD):
        def step(self, closure=None):
            shapes = {one.shape for group in self.param_groups for one in group["params"]}
            assert shapes == {(20, 6), (20,), (2, 20), (2,)}
            return super().step(closure)

    fitted((INPUTS, LABELS), optimiser=lambda parameters: Whole(parameters, lr=0.1))
    with pytest.raises(InvalidInput, match=r"^backend: expected masked"):
        fitted((INPUTS, LABELS), optimiser=lambda parameters: Whole(parameters, lr=0.1), backend="sparse")
    assert fitted((INPUTS, LABELS), backend="sparse").result["backend"] == "sparse"


def test_densities_of_single_layers_and_both_ways_of_counting():
    by_name = fitted((INPUTS, LABELS), density=None, densities={"3": "1/2", "*": "0.25"})
    assert {name: int(mask.sum()) for name, mask in by_name.masks.items()} == {"0": 30, "3": 20}
    whole = fitted((INPUTS, LABELS), density=None, densities={"3": 1, "*": "0.25"})
    assert {name: int(mask.sum()) for name, mask in whole.masks.items()} == {"0": 30, "3": 40}
    for wrong in (0, "1.1", -1):
        with pytest.raises(InvalidInput, match=r"^densities: expected a number in \(0, 1\] for '3', got "):
            fitted((INPUTS, LABELS), density=None, densities={"3": wrong, "*": "0.25"})
    for name in ("3,0", "3=0", 3):  # signs that the list of densities in a configuration needs itself
        with pytest.raises(InvalidInput, match=r"^densities: expected names of layers or patterns of them, got "):
            fitted((INPUTS, LABELS), density=None, densities={name: "0.5"})
    rewired = fitted((INPUTS, LABELS), density=None, densities={"0": "0.25"}, method="rigl")
    assert {name: int(mask.sum()) for name, mask in rewired.masks.items()} == {"0": 30, "3": 40}
    last = {"dense_layers": ("last",), "density": "0.5"}
    assert {name: int(mask.sum()) for name, mask in fitted((INPUTS, LABELS), **last).masks.items()} == {"0": 60}
    of_all = fitted((INPUTS, LABELS), counting="all", **last)  # the last has 40 of its own, of 160
    assert {name: int(mask.sum()) for name, mask in of_all.masks.items()} == {
        "0": 40
    }  # and 40 of the last: half of 160


def test_words_and_vectors_are_learned_too():
    words = torch.randint(0, 9, (80, 5), generator=NUMBERS)
    model = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 2))
    with pytest.warns(UserWarning, match=r"^0\.weight stay dense: .* 9% of the weights are in others"):
        result = ertrain.fit(model, (words, (words[:, 0] > 4).long()), density="0.5", epochs=1, batch=16)
    assert result.result["dead_neurons"] is None
    assert set(result.masks) == {"2", "4"}
    target = INPUTS @ torch.ones(6, 3)
    regression = ertrain.fit(network(outputs=3), (INPUTS, target), sparsity="0.5", epochs=1, batch=40)
    assert regression.accuracy_validation < 0  # minus the mean squared error


def test_the_report_reads_the_folder(tmp_path, capsys):
    for seed in range(2):
        fitted((INPUTS, LABELS), test=(INPUTS, LABELS), out=tmp_path, seed=seed, recipe="mine")
    assert main(["report", str(tmp_path), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["recipe"], row["method"], row["ratio"], row["density_target"]) == ("mine", "fixed", "erk", "0.3")
    assert row["accuracy_test"]["count"] == 2
    fitted((INPUTS, LABELS), out=tmp_path / "untested")
    with pytest.raises(InvalidInput, match=r"^DIR: .*not tested"), pytest.warns(UserWarning, match="was not tested"):
        ertrain.read_results(tmp_path / "untested")


def test_a_folder_that_cannot_be_used_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ertrain.RunFolderError, match="cannot be used"):
        fitted((INPUTS, LABELS), out=tmp_path / "file")


PAIR = (INPUTS, LABELS)
REFUSED = [
    ({"density": None}, "density: expected exactly one of"),
    ({"sparsity": "0.5"}, "density: expected exactly one of"),
    ({"density": None, "densities": {"nowhere": 0.5}}, "densities: expected names of layers"),
    (
        {"density": None, "densities": {"0": 0.5}, "method": "imp"},
        "final_density: expected a density, where imp prunes",
    ),
    (
        {"density": None, "densities": {"0": 0.5}, "method": "rigl", "final_density": 0.1},
        "final_density: expected nothing, where rigl rewires",
    ),
    ({"method": "magic"}, "method: expected one of"),
    ({"final_density": "0.1"}, "final_density: expected nothing with the method fixed"),
    ({"dense_layers": ("0", "3")}, "dense_layers: expected at least one layer with a mask, got ('0', '3')"),
    (
        {"dense_layers": ("first", "last")},
        "dense_layers: expected at least one layer with a mask, got ('first', 'last')",
    ),
    ({"dense_layers": ("0", "3"), "counting": "all"}, "dense_layers: expected at least one layer with a mask"),
    ({"dense_layers": "first"}, "dense_layers: expected names of layers in a list, got 'first'"),
    ({"dense_layers": ("first",), "counting": "all", "density": "0.5"}, "density: expected a number above 0.75"),
    ({"dense_layers": ("last",), "counting": "all", "density": "1/4"}, "density: expected a number above 0.25"),
    ({"colour": "red"}, "settings: expected names among accumulation, augmentation"),
    ({"width": "2"}, "settings: expected names among accumulation, augmentation"),
    ({"optimiser": "magic"}, "optimiser: expected one of adam, adamw, nesterov, sgd, got 'magic'"),
    ({"optimiser": torch.optim.LBFGS}, "optimiser: expected one that takes steps without a closure"),
    ({"optimiser": lambda parameters: 3}, "optimiser: expected a function that makes a torch.optim.Optimizer, got 3"),
    ({"loss": lambda outputs, labels: outputs}, "loss: expected a function of outputs and labels that gives a tensor"),
    ({"loss": "mse"}, "loss: expected a function of outputs and labels, got 'mse'"),
    ({"data": (INPUTS, LABELS[:5])}, "train: expected inputs"),
    ({"data": 3}, "train: expected a Dataset"),
    ({"data": TensorDataset(INPUTS)}, "train: expected pairs"),
    ({"data": DataLoader(Noisy(), 20, num_workers=1, persistent_workers=True)}, "train: expected a DataLoader without"),
    ({"data": DataLoader(Endless(), batch_size=20)}, "train: expected a DataLoader of a Dataset with a length"),
    ({"data": Endless()}, "train: expected a Dataset with a length"),
    ({"validation": "0"}, "validation: expected a number in (0, 1), got '0'"),
    ({"validation": 0.001}, "validation: expected a share that takes some"),
    ({"data": (INPUTS[:, :3], LABELS)}, "model: expected a network for inputs of 3"),
    (
        {"data": DataLoader(Noisy(), batch_size=20, sampler=WeightedRandomSampler([1.0] * 120, 120))},
        "validation: expected data",
    ),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=lambda one: one if isinstance(one, str) else None)
def test_what_cannot_be_is_refused_in_a_line(options, message):
    options = dict(options)
    with pytest.raises(InvalidInput) as caught:
        fitted(options.pop("data", PAIR), **options)
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) <= 400


@pytest.mark.parametrize(
    "loader",
    [
        DataLoader(PAIRS_17, batch_size=8, drop_last=True),
        DataLoader(PAIRS_17, batch_size=5),
        DataLoader(PAIRS_17, batch_size=4, sampler=RandomSampler(PAIRS_17, num_samples=12)),
    ],
)
def test_normed_networks_take_batches_of_two_or_more(loader):
    settings = {"validation": (INPUTS, LABELS), "density": "0.5", "epochs": 1}
    assert not ertrain.fit(normed(), loader, **settings).diverged
    last_of_one = DataLoader(PAIRS_17, batch_size=8)
    assert not ertrain.fit(network(), last_of_one, **settings).diverged  # which has no norm
    assert not ertrain.fit(normed(), PAIRS_17, batch=8, **settings).diverged  # what is over waits for the next epoch


@pytest.mark.filterwarnings("ignore:.*stay dense")
@pytest.mark.parametrize(
    ("model", "inputs", "dense"),
    [
        (nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(24, 2)), (INPUTS > 0).long(), ()),
        (network()[0:2].append(nn.Linear(20, 2)).double(), INPUTS.double(), ("first",)),
        (network()[0:2].append(nn.Linear(20, 2)), INPUTS, ("first",)),
    ],
    ids=["words", "double", "single"],
)
def test_networks_of_any_kind_of_number_are_trained_in_either_form(model, inputs, dense):
    """Gradients that are moved at once are not held, which is found with inputs of their kind."""
    found = [
        ertrain.fit(
            model, (inputs, LABELS), density="0.3", dense_layers=dense, optimiser="sgd", backend=backend, **SETTINGS
        )
        for backend in ("masked", "sparse")
    ]
    for one, other in zip(*map(weights_of, found), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert found[0].result["memory_train"] != found[1].result["memory_train"]


@pytest.mark.parametrize("model", [nn.ReLU(), nn.Embedding(3, 2), 3], ids=["empty", "embedding", "number"])
def test_networks_without_layers_that_have_masks_are_refused(model):
    with pytest.raises(InvalidInput, match=r"^model: "):
        ertrain.fit(model, PAIR, density="0.5", epochs=1)


def test_training_that_diverges_is_marked(tmp_path):
    targets = INPUTS.sum(1, keepdim=True)
    found = ertrain.fit(
        network(outputs=1),
        (INPUTS, targets),
        test=(INPUTS, targets),
        density="0.3",
        out=tmp_path,
        **{**SETTINGS, "learning_rate": 1e20},
    )
    assert found.diverged
    assert (found.accuracy_validation, found.accuracy_test) == (None, None)
    assert found.result["accuracy_validation_best"] is None
    with pytest.warns(UserWarning, match="of a run that diverged"), pytest.raises(InvalidInput, match="one: is of a"):
        ertrain.reports.read_results(tmp_path)


UNTRAINABLE = {
    "empty": ({"train": (INPUTS[:0], LABELS[:0])}, "train: expected inputs .* n of at least 1"),
    "empty test": ({"test": (INPUTS[:0], LABELS[:0])}, "test: expected inputs .* n of at least 1"),
    "empty loader": ({"train": DataLoader(TensorDataset(INPUTS[:0], LABELS[:0]))}, "train: .* at least one batch"),
    "generator": ({"train": ((one, 0) for one in INPUTS)}, "train: expected a Dataset with a length.*list"),
    "three": ({"train": (INPUTS, LABELS, LABELS)}, "train: expected a pair .inputs, labels. of arrays, got '3 of"),
    "text": ({"train": "digits"}, "train: expected a Dataset with a length"),
    "batches": (
        {"train": DataLoader(PAIRS, batch_sampler=BatchSampler(RandomSampler(PAIRS), 8, drop_last=False))},
        "train: expected a DataLoader with a batch_size, .* got 'one with a batch_sampler'",
    ),
    "no batches": (
        {"train": DataLoader(PAIRS, batch_size=None)},
        "train: expected a DataLoader with a batch_size, .* got 'one without'",
    ),
    "no share": ({"validation": 0}, "validation: expected data, a share of train in .0, 1., or None .*, got 0"),
    "last of one": (
        {"model": normed(), "train": DataLoader(PAIRS_17, batch_size=8), "validation": (INPUTS, LABELS)},
        "train: expected batches of 2 inputs or more.*drop_last=True.* got 'a DataLoader with a batch of one'",
    ),
    "each of one": ({"model": normed(), "batch": 1}, "batch: expected 2 inputs at once or more.* got 1"),
    "parts of one": ({"model": normed(), "batch": 8, "accumulation": 8}, "batch: expected 2 inputs at once or more"),
    "single": (
        {"model": normed(), "train": (INPUTS[:1], LABELS[:1]), "validation": (INPUTS, LABELS)},
        "batch: expected 2 inputs at once or more.* got 1",
    ),
    "iterable": ({"train": DataLoader(Endless(), batch_size=8)}, "train: expected a DataLoader .* with a length"),
    "dicts": (
        {"train": [{"x": one} for one in INPUTS]},
        "train: expected pairs of one input and one label.* got 'dict'",
    ),
    "two inputs": ({"train": [((one, one), 0) for one in INPUTS]}, "train: expected pairs of one input and one label"),
    "classes": ({"train": (INPUTS, LABELS + 5)}, "train: expected labels from 0 to 1, one for each output, got [56]"),
    "negative": ({"train": (INPUTS, LABELS - 1)}, "train: expected labels from 0 to 1, one for each output, got -1"),
    "shape": ({"train": (INPUTS, LABELS[:, None])}, "loss: expected a function that takes outputs of shape .*8, 2"),
    "numbers": (
        {"train": (INPUTS, LABELS.double())},
        "loss: expected a function that takes outputs .*8, 2.* labels .*8",
    ),
    "tuples": ({"model": nn.Sequential(nn.Linear(6, 6), nn.LSTM(6, 2))}, "loss: expected .* outputs of type tuple"),
    "unreduced": ({"loss": nn.CrossEntropyLoss(reduction="none")}, "loss: expected .* a tensor with one number"),
    "constant": ({"loss": lambda outputs, labels: torch.tensor(1.0)}, "loss: expected .* whose gradient can be taken"),
    "frozen": (
        {"model": network().requires_grad_(False)},
        "model: expected a network with parameters that are trained",
    ),
    "metric": ({"metric": lambda outputs, labels: None}, "metric: expected a function that takes outputs of shape"),
    "vector": ({"metric": lambda outputs, labels: labels}, "metric: expected .* gives one number"),
    "no optimiser": ({"optimiser": None}, "optimiser: expected sgd, nesterov, adam, adamw"),
    "made": ({"optimiser": torch.optim.SGD([torch.ones(1)])}, "optimiser: expected sgd, nesterov, adam, adamw"),
    "two-input model": ({"model": nn.Bilinear(6, 6, 2)}, "model: expected "),
    "mapping": ({"train": {"inputs": INPUTS, "labels": LABELS}}, "train: expected a Dataset with a length"),
    "validation": ({"validation": (INPUTS[:, :3], LABELS)}, "validation: expected inputs and labels like those of tr"),
    "test": ({"test": (INPUTS[:, :3], LABELS)}, "test: expected inputs and labels like those of train .*8, 3"),
    "test labels": ({"test": (INPUTS, LABELS.double())}, "test: expected inputs and labels like those of train"),
    "test classes": ({"test": (INPUTS, LABELS + 1)}, "test: expected labels from 0 to 1, one for each output, got 2"),
    "copied": ({"model": computed()}, "model: expected a network that copy.deepcopy can copy"),
    "meta": ({"model": network().to("meta")}, "model: expected a network whose weights are in memory"),
    "lazy": ({"model": nn.Sequential(nn.LazyLinear(2))}, "model: expected a known shape of the lazy layer '0'"),
    "no places": (
        {"train": DataLoader(Long(), batch_size=8), "validation": (INPUTS, LABELS)},
        "train: expected a DataLoader of a Dataset .*whose items have places, such as list.dataset., got 'one of Long'",
    ),
    "computed": ({"model": nn.Sequential(weight_norm(nn.Linear(6, 2)))}, "model: expected layers whose weight is a pl"),
    "nowhere": ({"dense_layers": ["nowhere"]}, "dense_layers: expected names of modules"),
    "out": ({"out": 3}, "out: expected a folder, got 3"),
    "device": ({"device": 3}, "device: expected auto, cpu or cuda"),
    "progress": ({"progress": 3}, "progress: expected a function"),
}


@pytest.mark.filterwarnings("ignore:.*stay dense")
@pytest.mark.parametrize("case", UNTRAINABLE)
def test_what_cannot_be_trained_is_refused_in_one_line_before_a_folder_is_made(case, tmp_path):
    options, said = UNTRAINABLE[case]
    options = {"model": network(), "train": (INPUTS, LABELS), "density": "0.3", **SETTINGS, **options}
    with pytest.raises(InvalidInput, match=f"^{said}") as caught:
        ertrain.fit(options.pop("model"), options.pop("train"), **{"out": tmp_path / "runs", **options})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 400
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (lambda model: model.bfloat16(), {}),
        (lambda model: model.double(), {}),
        (lambda model: model[0].weight.requires_grad_(False) is None or model, {}),
        (lambda model: model[0].weight.requires_grad_(False) is None or model, {"method": "grasp"}),
        (lambda model: model, {"metric": lambda outputs, labels: (outputs.argmax(1) == labels).float().mean()}),
        (lambda model: model, {"batch": 10_000}),
        (lambda model: model, {"batch": 108}),
    ],
    ids=["bfloat16", "double", "frozen", "frozen grasp", "metric", "large batch", "one batch"],
)
def test_odd_networks_and_batches_are_trained(change, options):
    model = change(network())
    found = ertrain.fit(model, (INPUTS, LABELS), density="0.3", **{**SETTINGS, **options})
    assert found.density_final == pytest.approx(0.3, abs=0.01)
    assert not found.diverged
    frozen = not model[0].weight.requires_grad
    mask = found.masks["0"]
    assert found.model[0].weight[mask].equal(model[0].weight[mask]) == frozen


def test_labels_that_are_all_0_say_nothing_of_the_number_of_classes():
    inputs = np.zeros((20, 3), dtype=np.float32)
    assert supplied_data((inputs, np.zeros(20, dtype=np.int64))).classes == 10
    assert supplied_data((inputs, np.arange(20) % 2)).classes == 2
