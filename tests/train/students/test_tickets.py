"""Edge-popup in many networks at once: nothing but pruning, exactly so many weights, and errors that are true."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ertheory import build_ticket
from ertheory.check import evaluate
from ertheory.errors import InvalidInput
from ertheory.masks.drawn_source import DrawnSource
from ertheory.networks.network import Activation, Affine, Network
from ertheory.networks.source import Source
from ertheory.networks.target import Target
from tests.tickets import random_target, small

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertrain.streams import generator  # noqa: E402
from ertrain.students import tickets  # noqa: E402
from ertrain.students.batched import Budget  # noqa: E402
from ertrain.students.teacher import points_of  # noqa: E402
from ertrain.students.tickets import (  # noqa: E402
    edge_popup_tickets,
    grid_of,
    outputs_of,
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
    found = edge_popup_tickets([small(seed) for seed in seeds], drawn, Budget(steps=30), share=share, places=5)
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
    found = edge_popup_tickets(targets, drawn, Budget(steps=50), places=6)
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


@pytest.mark.parametrize("density", ["1", "1/2"])
def test_the_first_step_goes_down_the_straight_through_gradient(density):
    # One step of Adam at a rate far above all scores: those that grow in size are those whose gradient has another
    # sign, and the first are the ones that were smallest before, or largest among those that shrink.
    rate, share = 100.0, 0.5
    (source,) = drawn = sources((6, 5, 1), [4], density=density)
    found = edge_popup_tickets([small(4)], drawn, Budget(steps=1, learning_rate=rate), share=share, places=3)
    values, stream = stacked_sources(drawn), generator(4, "scores")
    scores = [2 * torch.rand(layer.shape[1:], generator=stream)[None] - 1 for layer in values]
    counts = [
        round(share * (mask.shape[0] * mask.shape[1] * float(Fraction(density)) + mask.shape[0]))
        for mask in source.masks
    ]

    def pruned(strengths):
        layers = []
        for value, strength, count in zip(values, strengths, counts, strict=True):
            lowest = strength[value != 0].sort().values[-count]
            layers.append(value * ((strength >= lowest) & (value != 0)))
        return layers

    before = [layer.requires_grad_() for layer in pruned([score.abs() for score in scores])]
    points = points_of([(-1, 1)] * 2, 64, generator(0, "points"))
    off = outputs_of(before, points) - outputs_of(stacked_targets([small(4)]), points)
    slopes = torch.autograd.grad(off.square().mean(), before)
    gradients = [slope * value * score.sign() for slope, value, score in zip(slopes, values, scores, strict=True)]
    # The first step of Adam is the rate times g / (|g| + 1e-8).
    moved = [
        (score - rate * gradient / (gradient.abs() + 1e-8)).abs()
        for score, gradient in zip(scores, gradients, strict=True)
    ]
    for kept, expected in zip(found.layers, pruned(moved), strict=True):
        assert kept.equal(expected)
    assert not all(kept.equal(first.detach()) for kept, first in zip(found.layers, before, strict=True))


@pytest.mark.parametrize(("steps", "looks"), [(7, 7), (40, 40), (100, 40)])
def test_errors_are_looked_at_forty_times_and_the_least_counts(steps, looks, monkeypatch):
    errors, better = [], tickets._better

    def looked(best, layers, found):
        errors.append(found)
        return better(best, layers, found)

    monkeypatch.setattr(tickets, "_better", looked)
    found = edge_popup_tickets([small(1), small(2)], sources((5, 4, 1), [1, 2]), Budget(steps=steps), places=3)
    assert len(errors) == looks
    assert found.errors.equal(torch.stack(errors).amin(0))


def test_alone_as_in_company():
    seeds = [11, 12, 13]
    together = edge_popup_tickets(
        [small(seed) for seed in seeds], sources((9, 7, 1), seeds), Budget(steps=20), places=9
    )
    for number, seed in enumerate(seeds):
        alone = edge_popup_tickets([small(seed)], sources((9, 7, 1), [seed]), Budget(steps=20), places=9)
        assert alone.errors[0].item() == pytest.approx(together.errors[number].item(), rel=1e-4)


def test_scores_learn():
    seeds = range(6)
    targets, drawn = [small(seed) for seed in seeds], sources((40, 30, 1), seeds, density=1)
    short, long = (edge_popup_tickets(targets, drawn, Budget(steps=steps, learning_rate=0.01)) for steps in (1, 300))
    assert (long.errors < short.errors).all()
    assert long.errors.mean() < short.errors.mean() / 4


@pytest.mark.parametrize(
    ("changes", "name"),
    [({"sources": []}, "sources"), ({"steps": 0}, "steps"), ({"share": 0.0}, "share"), ({"box": (0, 1)}, "targets")],
)
def test_values_outside_their_domain_are_refused(changes, name):
    targets = [small(0), small(1)]
    if "box" in changes:
        targets[1] = Target.from_arrays(targets[1].weights, targets[1].biases, domain=[changes["box"]] * 2)
    with pytest.raises(InvalidInput, match=rf"^{name}: "):
        edge_popup_tickets(
            targets, changes.get("sources", sources((3, 3, 1), [0, 1])), Budget(steps=changes.get("steps", 1)),
            share=changes.get("share", 0.5),
        )  # fmt: skip
