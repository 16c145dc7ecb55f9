"""Networks that are no chains, as targets of factored sources: their maps are counted."""

from __future__ import annotations

import numpy as np
import pytest

import ertheory
from ertheory.bounds.factored.network import shapes_of_target
from ertheory.layerwise.network_target import network_target
from ertheory.networks.activations import ACTIVATIONS, activation
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual

ASKED = {"sparsity": "1/2", "delta": "1/100"}


def dense(outputs, inputs):
    return Affine.from_dense(np.random.default_rng(outputs + 100 * inputs).normal(size=(outputs, inputs)))


def skip(domain=((0.0, 1.0),) * 8):
    """A block with a projection, a norm, a block without one, and a last layer."""
    first = Residual((dense(12, 8), Activation("relu"), dense(12, 12)), (dense(12, 8),))
    second = Residual((dense(9, 12), Activation("gelu"), dense(12, 9)))
    norm = Affine.from_dense(np.diag(np.arange(1.0, 13.0)))
    steps = (first, Activation("relu"), norm, second, dense(3, 12))
    return Network(steps, None if domain is None else np.array(domain))


def test_maps_are_counted_in_order_and_norms_are_left():
    known = network_target(skip())
    assert [(layer.inputs, layer.outputs) for layer in known.layers] == [
        (8, 12),
        (12, 12),
        (8, 12),
        (12, 9),
        (9, 12),
        (12, 3),
    ]
    assert known.names == ("layer 1", "layer 2", "shortcut 3", "layer 5", "layer 6", "layer 7")
    assert known.left == ("layer 4 (a norm)",)
    assert not known.is_chain


def test_signs_of_inputs_follow_the_activations():
    """Behind a norm, a GELU or a sum that no ReLU follows, inputs may be negative; a branch reads its block's."""
    assert network_target(skip()).nonnegative == (True, True, True, False, False, False)
    below_zero = ((-1.0, 1.0),) * 8
    assert network_target(skip(below_zero)).nonnegative == (False, True, False, False, False, False)
    assert network_target(skip(None)).nonnegative[0] is False
    pooled = Network(
        (
            Affine.from_dense(np.ones((4, 1, 3, 3))),
            Activation("relu"),
            Pool("max", size=(2, 2)),
            Flatten(),
            dense(5, 16),
            Residual((dense(5, 5), Activation("sigmoid"), dense(5, 5))),
            Activation("relu"),
            dense(2, 5),
        )
    )
    found = network_target(pooled)
    assert found.nonnegative == (False, True, False, True, True)
    assert [shape.taps for shape in shapes_of_target(found)] == [9, 1, 1, 1, 1]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_is_behind_an_activation_counts_as_nowhere_negative_where_it_is(name):
    values = activation(name).function(np.concatenate([np.linspace(-50, 50, 10**4 + 1), [-1e100, -1e-3, 0.0]]))
    found = network_target(Network((dense(4, 3), Activation(name), dense(2, 4))))
    assert found.nonnegative == (False, bool(values.min() >= 0))


def test_convolutions_of_single_channels_are_left_as_they_are():
    alone = Affine.from_dense(np.ones((3, 1, 2, 2)), groups=3)
    found = network_target(Network((alone, Activation("relu"), Affine.from_dense(np.ones((5, 3, 1, 1))))))
    assert found.left == ("layer 1 (channel by channel)",)
    assert found.names == ("layer 2",)
    assert found.nonnegative == (True,)


def test_widths_are_those_of_a_chain_with_the_same_maps():
    """What lies between maps does not matter: a chain with another activation, and a skip over one of its maps."""
    chain = ertheory.width("8-12-12-3", method="factored", inner="identity", **ASKED)
    maps = [dense(12, 8), dense(12, 12), dense(3, 12)]
    plain = Network((maps[0], Activation("gelu"), maps[1], Activation("gelu"), maps[2]))
    over = Network((maps[0], Activation("relu"), Residual((maps[1],)), Activation("relu"), maps[2]))
    for network in (plain, over):
        found = ertheory.width(network, **ASKED)
        assert found.methods == ("factored", "factored-paths", "factored-count")
        assert found["factored"].widths == chain.widths
        assert found["factored"].success_lower == chain.success_lower >= 1 - found[0].failure_probability
        assert found["factored-paths"].total <= found["factored"].total


def test_widths_of_a_network_hold_the_other_way_round():
    asked = skip()
    widths = ertheory.width(asked, method="factored", **ASKED).widths
    (confident, *_) = ertheory.confidence(asked, widths, sparsity="1/2", method="factored")
    assert confident.success_lower >= 1 - ertheory.width(asked, method="factored", **ASKED).failure_probability
    (sparse, *_) = ertheory.sparsity(asked, ",".join(map(str, widths)), delta="1/100")
    assert sparse.method == "factored"
    assert 0.5 <= sparse.sparsity < 0.6


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: ertheory.width(skip(), method="exact", **ASKED), "exact: network of 6 maps, .* is no chain of layers"),
        (
            lambda: ertheory.confidence(skip(), (9,) * 11, sparsity=0.5, method="degree"),
            "degree: network of 6 maps, .* is no chain of layers",
        ),
        (lambda: ertheory.confidence(skip(), "9,9", sparsity=0.5), "widths: expected 11 or 12 source widths"),
        (
            lambda: network_target(
                Network((Affine.from_dense(np.ones((4, 2, 3)), groups=2), Residual((dense(4, 4),))))
            ),
            "groups of layer 1: expected 1, or as many as there are input channels, got 2",
        ),
        (lambda: network_target(Network((Affine.from_dense(np.eye(2)),))), "a linear map that is no scaling"),
    ],
)
def test_what_is_not_said_is_refused(ask, message):
    with pytest.raises(ertheory.ErError, match=message):
        ask()


def test_the_command_reads_such_a_file(tmp_path, capsys):
    torch = pytest.importorskip("torch")

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = torch.nn.Linear(6, 6), torch.nn.Linear(6, 6)

        def forward(self, given):
            return given + self.second(torch.relu(self.first(given)))

    path = tmp_path / "skip.pt2"
    model = torch.nn.Sequential(Block(), torch.nn.Linear(6, 2)).double()
    torch.export.save(torch.export.export(model, (torch.rand(2, 6, dtype=torch.float64),)), path)
    assert ertheory.cli.main(["width", "--target", str(path), "--sparsity", "0.5", "--delta", "0.01"]) == 0
    shown = capsys.readouterr().out
    assert "factored-paths" in shown
    assert "layer 3" in shown  # a row of its own for each map
