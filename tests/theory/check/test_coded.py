"""Rational weights of a coded layer 0: what is exact passes, and every number that is wrong is seen."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ertheory.builders.sharp.rational import rational_layer0, rational_rows
from ertheory.check.coded import differs_exactly
from ertheory.commands import embed
from ertheory.masks import read_mask
from ertheory.networks.network import Activation, Affine, Network


@pytest.fixture(scope="module", params=[("8-4-2", "1/2", 0), ("12-6-3", "4/5", 1), ("5-3-3-2", "1/2", 0)], ids=str)
def built(request):
    text, density, seed = request.param
    return embed(text, density=density, delta="1/20", method="sharp", layer0="coded", seed=seed, domain=(-1, 1))


def solved(built):
    embedding = built.embedding
    if built.exact_layer == 1:
        return None, {row.neuron: (row.weights, row.bias) for row in rational_rows(embedding)}
    found, top = rational_layer0(embedding), embedding.source.affine[1].weight.toarray()
    upper = {
        neuron: ({unit: Fraction(top[neuron, unit]) for unit in np.flatnonzero(top[neuron]).tolist()}, bias)
        for neuron, bias in found.biases.items()
    }
    return {row.neuron: (row.weights, row.bias) for row in found.rows}, upper


def test_the_command_says_exact_where_it_is(built):
    assert not built.check.exact  # with its doubles
    assert built.exact_layer in (0, 1)
    assert built.to_dict()["exact_layer"] == built.exact_layer
    assert f"rational weights of layer {built.exact_layer}" in built.steps()[-1]


def test_doubles_are_not_exact(built):
    embedding = built.embedding
    assert differs_exactly(embedding.target, embedding.source, embedding.masks, (None, None))


def test_every_wrong_number_is_seen(built):
    embedding, rows = built.embedding, solved(built)
    asked = embedding.target, embedding.source, embedding.masks
    assert differs_exactly(*asked, rows) == ""
    for layer, exact in enumerate(rows):
        if exact is None:
            continue
        neuron = max(exact, key=lambda one: len(exact[one][0]))
        weights, bias = exact[neuron]
        place = next(iter(weights))
        tiny = Fraction(1, 10**30)
        absent = next(one for one in range(10**6) if one not in embedding.masks[layer].rows(neuron, neuron + 1)[1])
        for wrong in (
            ({**weights, place: weights[place] + tiny}, bias),
            (weights, bias + tiny),
            (weights, bias - 10**6),
            ({**weights, absent: tiny}, bias),
        ):
            changed = [dict(one) if one is not None else None for one in rows]
            changed[layer][neuron] = wrong
            assert differs_exactly(*asked, tuple(changed))


def test_equal_neurons_of_the_target_count_as_one():
    """Copies of either of two equal neurons may stand for the other one; weights of a third may not."""
    domain = np.array([[0.0, 1.0]])
    target = Network(
        (Affine.from_dense([[2.0], [2.0], [1.0]]), Activation("relu"), Affine.from_dense([[1.0, 3.0, 5.0]])), domain
    )

    def source(*last):
        steps = Affine.from_dense([[1.0]]), Affine.from_dense([[2.0], [1.0]]), Affine.from_dense([list(last)])
        relu = Activation("relu")
        return Network((steps[0], relu, steps[1], relu, steps[2]), domain)

    masks = read_mask([[1]]), read_mask([[1], [1]]), read_mask([[1, 1]])
    assert differs_exactly(target, source(4.0, 5.0), masks, (None, None)) == ""
    assert differs_exactly(target, source(5.0, 4.0), masks, (None, None)) == "output 0 is another one"
    assert differs_exactly(target, source(4.0, 5.0), masks, ({0: ({0: Fraction(-1)}, Fraction(0))}, None))
    assert "activations" in differs_exactly(
        Network((target.steps[0], Activation("relu6"), target.steps[2]), domain), source(4.0, 5.0), masks, (None, None)
    )


def test_large_ones_are_not_looked_at():
    built = embed("70-2-1", density="9/10", delta="1/20", method="sharp", layer0="coded", domain=(0, 1))
    assert built.passed
    assert built.exact_layer is None
