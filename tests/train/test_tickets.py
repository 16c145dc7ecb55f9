"""Edge-popup in many networks at once: nothing but pruning, exactly so many weights, and errors that are true."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ertheory import build_ticket
from ertheory.check import evaluate
from ertheory.drawn import DrawnSource
from ertheory.errors import InvalidInput
from ertheory.network import Activation, Affine, Network
from ertheory.source import Source
from ertheory.target import Target
from tests.tickets import random_target, small

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertrain.students import Budget  # noqa: E402
from ertrain.tickets import (  # noqa: E402
    grid_of,
    outputs_of,
    popped_tickets,
    stacked_sources,
    stacked_targets,
)


def sources(widths, seeds, density="1/2", target="2-4-1"):
    one = Source.for_target(Target.from_text(target), widths=widths, densities=density)
    return [DrawnSource(one, seed) for seed in seeds]


def network(layers, number):
    steps = []
    for layer in layers:
        steps += [Affine.from_dense(layer[number, :, :-1].double().numpy(), layer[number, :, -1].double().numpy())]
        steps += [Activation("relu")]
    return Network(tuple(steps[:-1]))


@pytest.mark.parametrize("density", ["1", "1/2", "1/5"])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_a_ticket_is_its_source_pruned_to_so_many_entries(density, share):
    seeds, widths = [5, 6, 7], (12, 9, 1)
    drawn = sources(widths, seeds, density)
    found = popped_tickets([small(seed) for seed in seeds], drawn, Budget(steps=30), share=share, places=5)
    for layer, (inputs, outputs) in enumerate(zip((2, *widths), widths, strict=False)):
        count = max(1, round(share * (inputs * outputs * float(Fraction(density)) + outputs)))
        for number, source in enumerate(drawn):
            weights = np.c_[source.rows(layer, 0, outputs), source.biases(layer)].astype(np.float32)
            kept = found.layers[layer][number].numpy()
            assert ((kept == 0) | (kept == weights)).all()
            assert np.count_nonzero(kept) == min(count, np.count_nonzero(weights))


def test_the_error_is_the_largest_on_the_grid():
    seeds = [1, 2]
    targets = [random_target(seed, (3, 4, 2)) for seed in seeds]
    drawn = sources((10, 9, 2), seeds, target="3-4-2")
    found = popped_tickets(targets, drawn, Budget(steps=50), places=6)
    points = grid_of([(-1, 1)] * 3, 6)
    assert points.shape == (216, 3)
    for number, target in enumerate(targets):
        wanted = evaluate(network(stacked_targets(targets), number), points.double().numpy())
        hidden = np.maximum(points.double().numpy() @ target.weights[0].T + target.biases[0], 0)
        np.testing.assert_allclose(wanted, hidden @ target.weights[1].T + target.biases[1], atol=1e-5)
        got = evaluate(network(found.layers, number), points.double().numpy())
        assert found.errors[number].item() == pytest.approx(np.abs(got - wanted).max(), abs=1e-4)


def test_the_sources_are_those_that_are_built_in():
    ticket = build_ticket(small(3), widths=(80, 60), density=1, epsilon="0.1", seed=3, workers=1)
    layers = stacked_sources(sources((80, 60, 1), [3], density=1))
    for layer, step in zip(layers, ticket.network.affine, strict=True):
        kept = np.c_[step.weight.toarray(), step.bias].astype(np.float32)
        assert np.count_nonzero(kept)
        assert ((kept == 0) | (kept == layer[0].numpy())).all()


def test_the_first_step_goes_down_the_straight_through_gradient():
    # With one step of Adam every score moves by the learning rate against the sign of its gradient. Where all entries
    # are kept before it, the kept ones after it tell which scores grew.
    seeds, target = [4], [small(4)]
    drawn = sources((6, 5, 1), seeds, density=1)
    layers = [layer.requires_grad_() for layer in stacked_sources(drawn)]
    from ertrain.streams import generator
    from ertrain.teacher import points_of

    points = points_of([(-1, 1)] * 2, 64, generator(0, "points"))
    off = outputs_of(layers, points) - outputs_of(stacked_targets(target), points)
    slopes = torch.autograd.grad(off.square().mean(), layers)
    rate, share = 10.0, 1.0  # far above all scores: what they were does not matter, their signs do
    whole = popped_tickets(target, drawn, Budget(steps=1, learning_rate=rate), share=share, places=3)
    assert all(kept.equal(layer.detach()) for kept, layer in zip(whole.layers, layers, strict=True))
    stream = generator(4, "scores")
    for slope, layer in zip(slopes, layers, strict=True):
        score = (2 * torch.rand(layer.shape[1:], generator=stream) - 1) / layer.shape[2] ** 0.5
        moved = score - rate * (slope[0] * layer[0].detach() * score.sign()).sign()
        assert (moved.abs() > rate / 2).float().mean() > 0.5  # most entries matter to the loss


def test_alone_as_in_company():
    seeds = [11, 12, 13]
    together = popped_tickets([small(seed) for seed in seeds], sources((9, 7, 1), seeds), Budget(steps=20), places=9)
    for number, seed in enumerate(seeds):
        alone = popped_tickets([small(seed)], sources((9, 7, 1), [seed]), Budget(steps=20), places=9)
        assert alone.errors[0].item() == pytest.approx(together.errors[number].item(), rel=1e-4)


def test_scores_learn():
    seeds = range(6)
    targets, drawn = [small(seed) for seed in seeds], sources((40, 30, 1), seeds, density=1)
    short, long = (popped_tickets(targets, drawn, Budget(steps=steps, learning_rate=0.01)) for steps in (1, 300))
    assert (long.errors < short.errors / 3).all()


@pytest.mark.parametrize(
    ("changes", "name"),
    [({"sources": []}, "sources"), ({"steps": 0}, "steps"), ({"share": 0.0}, "share"), ({"box": (0, 1)}, "targets")],
)
def test_values_outside_their_domain_are_refused(changes, name):
    targets = [small(0), small(1)]
    if "box" in changes:
        targets[1] = Target.from_arrays(targets[1].weights, targets[1].biases, domain=[changes["box"]] * 2)
    with pytest.raises(InvalidInput, match=rf"^{name}: "):
        popped_tickets(
            targets, changes.get("sources", sources((3, 3, 1), [0, 1])), Budget(steps=changes.get("steps", 1)),
            share=changes.get("share", 0.5),
        )  # fmt: skip
