"""The checker of tickets: what was tampered with is found, and errors are bounded without looking at the builder."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import ertheory.check
from ertheory import Target, build_ticket, check_ticket, write_ticket
from ertheory.check import EmbeddingFile, read_embedding
from ertheory.check.ticket_error import Unproved, largest_error
from ertheory.errors import InvalidInput
from ertheory.files import write_arrays
from ertheory.networks.network import Activation, Affine, Network
from ertheory.networks.target import network_of
from tests import tickets

TARGET = tickets.small(3)


@pytest.fixture(scope="module")
def ticket():
    found = build_ticket(TARGET, widths=(210, 160), density="1/2", epsilon="0.1", seed=3)
    assert found.success
    return found


@pytest.fixture(scope="module")
def path(ticket, tmp_path_factory):
    place = tmp_path_factory.mktemp("tickets") / "ticket.npz"
    write_ticket(place, ticket)
    return place


@dataclass(frozen=True)
class Stated:
    """A ticket as somebody else might state it."""

    network: Network
    masks: tuple
    seed: int
    densities: tuple
    bits: int | None = None


def tampered(ticket, layer, change, **other):
    """Change the dense weights and the biases of one layer."""
    layers = list(ticket.network.affine)
    weight, bias = layers[layer].weight.toarray(), layers[layer].bias.copy()
    change(weight, bias)
    layers[layer] = Affine.from_dense(weight, bias)
    steps = [layers[0], *(step for affine in layers[1:] for step in (Activation("relu"), affine))]
    stated = {"masks": ticket.masks, "seed": ticket.seed, "densities": ticket.densities, **other}
    return Stated(network=Network(tuple(steps), ticket.network.domain), **stated)


@pytest.mark.parametrize("form", ["npz", "safetensors"])
def test_a_written_ticket_passes(ticket, tmp_path, form):
    place = tmp_path / f"ticket.{form}"
    write_ticket(place, ticket)
    checked = check_ticket(TARGET, place, epsilon="0.1")
    assert checked.passed
    assert checked == check_ticket(TARGET, ticket, epsilon="0.1")
    assert (checked.foreign, checked.off_mask, checked.wrong_masks, checked.reason) == ((), (), (), None)
    # Both bounds follow the same steps, one in rationals and one in doubles that are rounded outward.
    assert checked.error_certified <= ticket.error_certified <= checked.error_certified * (1 + 1e-6)
    assert checked.to_dict()["passed"] is True
    assert not check_ticket(TARGET, place, epsilon=Fraction(ticket.error_certified) / 2).passed


def test_masks_that_are_not_stated_are_those_of_the_seed(ticket):
    whole = check_ticket(TARGET, ticket, epsilon="0.1")
    assert check_ticket(TARGET, tampered(ticket, 0, lambda *_: None, masks=(None,) * 3), epsilon="0.1") == whole


def test_the_file_has_the_layout_of_embeddings(ticket, path):
    found = read_embedding(path)
    assert (found.seed, found.densities) == (3, (Fraction(1, 2),) * 3)
    for step, stored, mask in zip(ticket.network.affine, found.network.affine, found.masks, strict=True):
        assert (step.weight != stored.weight).nnz == 0
        assert (step.weight.astype(bool).astype(int) > mask.astype(int)).nnz == 0
    np.testing.assert_array_equal(found.network.domain, TARGET.domain)


def test_a_changed_weight_is_found(ticket):
    row, column = np.argwhere(ticket.network.affine[1].weight.toarray())[5]

    def change(weight, bias):
        weight[row, column] = np.nextafter(weight[row, column], 2)

    checked = check_ticket(TARGET, tampered(ticket, 1, change))
    assert not checked.passed
    assert checked.foreign == ((1, row, column),)
    assert checked.error_certified is None
    assert "not those of the source" in checked.reason


def test_a_changed_bias_is_found(ticket):
    def change(weight, bias):
        bias[np.flatnonzero(bias)[0]] *= -1

    checked = check_ticket(TARGET, tampered(ticket, 0, change))
    assert not checked.passed
    assert [place[::2] for place in checked.foreign] == [(0, -1)]


def test_a_weight_of_the_source_outside_its_mask_is_found(ticket):
    """The right number at a place that the ER mask does not keep."""
    whole = replace(ticket.source, source=replace(ticket.source.source, densities=(Fraction(1),) * 3)).rows(1, 0, 160)
    kept = ticket.source.rows(1, 0, 160) != 0
    used = np.diff(ticket.network.affine[1].weight.indptr) > 0
    row, column = np.argwhere(~kept & used[:, None])[0]

    def change(weight, bias):
        weight[row, column] = whole[row, column]

    checked = check_ticket(TARGET, tampered(ticket, 1, change))
    assert not checked.passed
    assert checked.foreign == ()
    assert checked.off_mask == ((1, row, column),)


def test_a_weight_too_many_or_too_few_is_on_the_mask_but_costs_accuracy(ticket):
    row, column = np.argwhere(ticket.network.affine[2].weight.toarray())[0]

    def drop(weight, bias):
        weight[row, column] = 0.0

    checked = check_ticket(TARGET, tampered(ticket, 2, drop), epsilon="0.1")
    assert (checked.foreign, checked.off_mask) == ((), ())
    assert checked.error_certified > ticket.error_certified

    first, hidden, _ = ticket.network.affine
    drawn, read = ticket.source.rows(1, 0, 160), np.diff(first.weight.indptr) > 0
    row, extra = np.argwhere(
        (drawn != 0) & read & (hidden.weight.toarray() == 0) & (np.diff(hidden.weight.indptr) > 0)[:, None]
    )[0]

    def add(weight, bias):
        weight[row, extra] = drawn[row, extra]

    checked = check_ticket(TARGET, tampered(ticket, 1, add), epsilon="0.1")
    assert (checked.foreign, checked.off_mask) == ((), ())
    assert checked.error_certified > ticket.error_certified


@pytest.mark.parametrize("other", [{"seed": 4}, {"densities": (Fraction(1, 2), Fraction(1, 3), Fraction(1, 2))}])
def test_a_wrong_seed_or_density_is_found(ticket, other):
    checked = check_ticket(TARGET, tampered(ticket, 0, lambda weight, bias: None, **other))
    assert not checked.passed
    assert checked.wrong_masks == ((0, 1, 2) if "seed" in other else (1,))
    assert bool(checked.foreign) == ("seed" in other)
    assert checked.off_mask


def test_a_mask_that_is_not_the_drawn_one_is_found(ticket, path):
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    texts = {name: str(arrays.pop(name)) for name in ("activation", "seed", "densities")}
    indices = arrays["mask1_indices"]
    indices[0] = next(column for column in range(210) if column not in indices[: arrays["mask1_indptr"][1]])
    other = path.with_name("other.npz")
    write_arrays(other, arrays, texts, force=True)
    checked = check_ticket(TARGET, other)
    assert checked.wrong_masks == (1,)
    assert not checked.passed


def test_another_target_is_not_certified(ticket):
    checked = check_ticket(tickets.small(4), ticket, epsilon="0.1")
    assert checked.foreign == ()
    assert checked.error_certified is None or checked.error_certified > 0.1
    assert not checked.passed


def test_neurons_of_layer_0_that_mix_inputs_prove_nothing():
    relu, box = Activation("relu"), np.array([[0.0, 1.0], [0.0, 1.0]])
    target = Network((Affine.from_dense([[1.0, 1.0]]),))
    mixing = Network((Affine.from_dense([[0.5, 0.5]]), relu, Affine.from_dense([[2.0]])), box)
    with pytest.raises(Unproved, match="neuron 0 of source layer 0 is neither a constant nor a part of one input"):
        largest_error(target, mixing)


def test_the_bound_is_exact_where_the_error_is_reached():
    """One input, x in [-1, 2]: errors on either side of 0 are not added up."""
    relu, box = Activation("relu"), np.array([[-1.0, 2.0]])
    target = Network((Affine.from_dense([[0.5]], [0.25]),))
    layers = Affine.from_dense([[1.0], [-1.0]]), relu, Affine.from_dense([[0.25, -0.75]], [0.25])
    assert largest_error(target, Network(layers, box)) == Fraction(1, 2)  # 0.25 * 2 on the right, 0.25 on the left


def test_copies_with_errors_of_their_own_are_amplified_by_the_l1_norm():
    """Two copies of one neuron, off by 1/8 on either side, read with 1 and -1/2: 1/8 + 1/16, not half of 1/8."""
    relu, box = Activation("relu"), np.array([[1.0, 1.0]])
    target = Network((Affine.from_dense([[1.0]], [1.0]), relu, Affine.from_dense([[0.5]])))
    copies = Affine.from_dense([[1.0], [1.0]], [1.125, 0.875])
    ticket = Network((Affine.from_dense([[1.0]]), relu, copies, relu, Affine.from_dense([[1.0, -0.5]])), box)
    assert largest_error(target, ticket) == Fraction(3, 16)


def test_scaled_copies_are_recognised():
    relu, box = Activation("relu"), np.array([[0.0, 1.0]])
    target = Network((Affine.from_dense([[4.0], [0.5]]), relu, Affine.from_dense([[0.25, 1.0]])))
    hidden = Affine.from_dense([[0.5], [1.0]])
    ticket = Network((Affine.from_dense([[1.0]]), relu, hidden, relu, Affine.from_dense([[1.0, 1.0]])), box)
    # 4 x as 1 x, and 0.5 x as itself: 0.25 * 4 * 1 x + 0.5 x = 1.5 x.
    assert largest_error(target, ticket) == 0


def test_what_cannot_be_checked_is_refused(ticket, path, tmp_path):
    found = read_embedding(path)
    for missing in ("seed", "densities"):
        with pytest.raises(InvalidInput, match="ticket: expected weights, a seed and densities"):
            check_ticket(TARGET, replace(found, **{missing: None}))
    with pytest.raises(InvalidInput, match="target: expected a fully connected target with weights"):
        check_ticket(Target.from_text("2-4-1"), ticket)
    with pytest.raises(InvalidInput, match="ticket: expected 4 fully connected layers"):
        check_ticket(tickets.random_target(0, (2, 4, 4, 1)), ticket)
    with pytest.raises(InvalidInput, match="ticket: expected inputs and outputs of the target"):
        check_ticket(tickets.random_target(0, (3, 4, 1)), ticket)
    with pytest.raises(InvalidInput, match="domain: expected a box"):
        check_ticket(TARGET, replace(found, network=Network(found.network.steps)))
    with pytest.raises(InvalidInput, match="path: expected a file that exists"):
        check_ticket(TARGET, tmp_path / "nothing.npz")
    assert isinstance(found, EmbeddingFile)


def test_nothing_is_written_over_and_no_failure_is_written(ticket, path, tmp_path):
    with pytest.raises(InvalidInput, match="path: expected a file that does not exist yet"):
        write_ticket(path, ticket)
    write_ticket(path, ticket, overwrite=True)
    failed = build_ticket(TARGET, widths=(6, 6), density=1, epsilon="0.001", seed=1)
    assert not failed.success
    with pytest.raises(InvalidInput, match="ticket: expected a ticket that is a success"):
        write_ticket(tmp_path / "failed.npz", failed)
    assert not list(tmp_path.iterdir())


def test_the_checker_imports_no_builder():
    folder = Path(ertheory.check.__file__).parent
    for name in ("ticket.py", "ticket_error.py", "redraw.py"):
        tree = ast.parse((folder / name).read_text(encoding="utf-8"))
        imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert not any(
            module.startswith(("ertheory.builders", "ertheory.masks.drawn_source", "ertheory.masks"))
            for module in imported
        )
    assert network_of(TARGET).is_chain
