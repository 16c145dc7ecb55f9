"""Names of what has none: they differ where anything does that decides a run, and are the same in every process."""

from __future__ import annotations

import dataclasses
import enum
import functools
import types

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402
from torch.nn.functional import cross_entropy, l1_loss  # noqa: E402
from torch.utils.data import Dataset, Subset, TensorDataset, WeightedRandomSampler  # noqa: E402

from ertrain.own.fingerprints import fingerprint  # noqa: E402

SHARED = torch.ones(3)


def linear(inputs: int = 2, kind: torch.dtype = torch.float32) -> nn.Linear:
    return nn.Linear(inputs, 1).to(kind)


def sgd(rate: float, *, groups: int = 1) -> torch.optim.Optimizer:
    weights = [torch.ones(1) for _ in range(4)]
    return torch.optim.SGD([{"params": weights[at::groups]} for at in range(groups)], lr=rate)


class Weighted:
    """A loss as an object, which contains itself."""

    def __init__(self, weights):
        self.weights, self.me = weights, self

    def __call__(self, outputs, labels):
        return cross_entropy(outputs, labels, weight=self.weights)

    def method(self, outputs, labels):
        return self(outputs, labels)


class Scaled(nn.Module):
    """A network with a number that it does not speak of."""

    def __init__(self, scale):
        super().__init__()
        self.layer, self.scale = nn.Linear(2, 2), scale

    def forward(self, inputs):
        return self.layer(inputs) * self.scale


class Times(Dataset):
    def __init__(self, factor):
        self.factor = factor

    def __len__(self):
        return 3

    def __getitem__(self, place):
        return torch.ones(2) * place * self.factor, 0


class Kind(enum.Enum):
    ONE, TWO = 1, 2


@dataclasses.dataclass
class Setting:
    names: frozenset = frozenset({"a", "b", "c", "d"})


def inside(weights):
    def loss(outputs, labels):
        return cross_entropy(outputs, labels, weight=weights)

    return loss


def deeper(factor):
    return {
        1.0: lambda outputs, labels: [cross_entropy(outputs, labels) * 1.0 for _ in labels],
        2.0: lambda outputs, labels: [cross_entropy(outputs, labels) * 2.0 for _ in labels],
    }[factor]


def by_default(weights):
    return lambda outputs, labels, weights=weights: cross_entropy(outputs, labels, weight=weights)


def by_name(weights):
    return lambda outputs, labels, *, weights=weights: cross_entropy(outputs, labels, weight=weights)


def of_a_module(weights):
    """A function that refers to numbers of its module, with these there."""
    here = {"cross_entropy": cross_entropy, "SHARED": weights, "__name__": "mine"}
    exec("def loss(outputs, labels):\n    return cross_entropy(outputs, labels, weight=SHARED)", here)
    return here["loss"]


def network(nonlinearity):
    class Network(nn.Module):
        def forward(self, inputs):
            return inputs.tanh()

    class Other(nn.Module):
        def forward(self, inputs):
            return inputs.relu()

    Other.__qualname__ = Network.__qualname__
    return {"tanh": Network, "relu": Other}[nonlinearity]()


ONES, OTHERS = (torch.ones(3), np.ones(2), 1.0), (torch.arange(3.0), np.arange(2.0), 2.0)
ALIKE = {
    "module with weights": lambda of: nn.CrossEntropyLoss(weight=of[0]),
    "module with a setting": lambda of: nn.CrossEntropyLoss(label_smoothing=of[2] / 4),
    "partial": lambda of: functools.partial(cross_entropy, weight=of[0]),
    "closure": lambda of: inside(of[0]),
    "default": lambda of: by_default(of[0]),
    "default by name": lambda of: by_name(of[0]),
    "global": lambda of: of_a_module(of[0]),
    "function in a function": lambda of: deeper(of[2]),
    "object": lambda of: Weighted(of[0]),
    "method": lambda of: Weighted(of[1]).method,
    "attribute of a network": lambda of: Scaled(of[2]),
    "code of a network": lambda of: network("tanh" if of[2] == 1 else "relu"),
    "data set": lambda of: Times(of[2]),
    "data set of tensors": lambda of: TensorDataset(of[0]),
    "part of a data set": lambda of: Subset(Times(1), [0, int(of[2])]),
    "sampler": lambda of: WeightedRandomSampler(of[1].tolist(), 2),
    "mapping": lambda of: {"weights": of[1]},
    "set": lambda of: {1.0, of[2] + 3},
    "objects in an array": lambda of: np.array([of[2], None]),
    "no axes": lambda of: np.float32(of[2]),
    "bfloat16": lambda of: of[0].bfloat16()[2],
    "sparse": lambda of: of[0].to_sparse(),
    "enumeration": lambda of: Kind(int(of[2])),
    "dataclass": lambda of: Setting(frozenset({"a", of[2]})),
}


@pytest.mark.parametrize("case", ALIKE)
def test_names_know_the_numbers_that_things_hold_and_refer_to(case):
    make, started = ALIKE[case], "network" in case  # whose weights are drawn
    one, again, other = (fingerprint(make(of), started=started) for of in (ONES, ONES, OTHERS))
    assert one == again != other


def test_names_differ_where_anything_that_decides_a_run_does():
    """Functions by what they do and call, with which numbers; optimisers by kind, settings and groups."""
    parts = [
        linear(), linear(3), linear(kind=torch.float64), nn.Sequential(linear()), sgd(0.1), sgd(0.2),
        sgd(0.1, groups=2), torch.optim.Adam([torch.ones(1)], lr=0.1), lambda x: x + 1, lambda x: x + 2,
        lambda x: x - 1, lambda x: x.sin(), lambda x: x.cos(), cross_entropy, l1_loss, torch.sin, torch.cos, 1, 2, "1",
        None,
    ]  # fmt: skip
    names = [fingerprint(part) for part in parts]
    assert len(set(names)) == len(names)
    assert {len(name) for name in names} == {8}
    assert fingerprint(1, 2) != fingerprint(2, 1)
    assert fingerprint(sgd(0.1), linear(), started=True) == fingerprint(sgd(0.1), linear(), started=True)
    assert fingerprint(linear()) != fingerprint(linear())  # of weights that are drawn


def test_names_know_neither_addresses_nor_the_order_of_sets_nor_what_compiling_leaves():
    one, other = {0, 8}, {8, 0}  # in one place of a small table, the first that came before the second
    assert [*one] != [*other]
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(object()) == fingerprint(object())
    compiled = torch.compile(inside(SHARED), backend="eager")
    assert fingerprint(compiled) == fingerprint(inside(SHARED))


def test_where_a_module_lies_is_no_part_of_a_name():
    """The code of a loss is the same in another environment, or once its project has moved."""
    names = []
    for place in ("/here/losses.py", "/there/losses.py"):
        losses = types.ModuleType("losses")
        losses.__file__ = place
        known = {"losses": losses, "__name__": "__main__"}
        exec("def loss(outputs, labels):\n    return losses.mse(outputs, labels)", known)
        assert place in repr(losses)
        names.append(fingerprint(known["loss"]))
    assert names[0] == names[1]
