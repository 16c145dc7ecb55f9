"""Data that somebody brings along: batches by seed and epoch, everybody's random numbers, checksums, refusals."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.data import GivenArrays, GivenBatches, GivenItems  # noqa: E402
from ertrain.streams import generator  # noqa: E402

COUNT = 40
INPUTS = torch.arange(2 * COUNT, dtype=torch.float32).reshape(COUNT, 2)
PAIRS = TensorDataset(INPUTS, torch.arange(COUNT) % 3)
PLACES = torch.arange(COUNT).flip(0)[:35]


class Noisy:
    """Draws from three libraries, and has numbers of classes."""

    targets = tuple(range(COUNT))

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, place: int):
        drawn = [float(torch.rand(())), random.random(), float(np.random.rand())]  # noqa: NPY002
        return torch.tensor([place, *drawn], dtype=torch.float64), place


def states() -> tuple:
    return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002


def test_an_epoch_of_items_is_a_function_of_seed_and_epoch_and_processes_share_its_batches():
    items = GivenItems(PAIRS, PLACES)
    assert len(items) == 35
    order = PLACES[torch.randperm(35, generator=generator(1, "order", 2))]
    batches = list(items.shuffled(8, seed=1, epoch=2))
    assert [len(labels) for _, labels in batches] == [8] * 4  # what does not fill a last one is left out
    assert torch.cat([inputs for inputs, _ in batches]).equal(INPUTS[order[:32]])
    assert torch.cat([labels for _, labels in batches]).equal(order[:32] % 3)
    for rank in range(4):
        mine = list(items.shuffled(8, seed=1, epoch=2, rank=rank, world_size=4))
        assert all(one[0].equal(whole[0][rank::4]) for one, whole in zip(mine, batches, strict=True))
    whole = torch.cat([inputs for inputs, _ in items.in_order(8)])
    assert whole.equal(INPUTS[PLACES])
    assert items.part(torch.tensor([3, 1])).places.tolist() == [36, 38]
    assert items.part(PLACES < 6).places.tolist() == [5]
    assert items.shape == (2,)


def test_what_items_draw_is_drawn_from_streams_and_nobody_elses_numbers_move():
    items, before = GivenItems(Noisy(), torch.arange(COUNT)), states()

    def seen(**options):
        return torch.cat([inputs for inputs, _ in items.shuffled(10, **{"seed": 0, "epoch": 0, **options})])

    first = seen()
    assert seen().equal(first)
    for drawn in first[:, 1:].T:
        assert len(drawn.unique()) == COUNT  # every batch draws other ones
    for other in (seen(seed=1), seen(epoch=1)):
        for column in (1, 2, 3):
            assert not set(other[:, column].tolist()) & set(first[:, column].tolist())
    one, again = (torch.cat([inputs for inputs, _ in items.in_order(10)]) for _ in range(2))
    assert one.equal(again)
    assert all(len(drawn.unique()) == COUNT for drawn in one.T)
    assert items.checksum() == items.checksum()
    assert items.shape == (4,)
    assert states() == before


@pytest.mark.parametrize("count", [1, 15, 16, 17, 40])
def test_the_checksum_of_items_is_that_of_sixteen_of_them_spread_from_the_first_to_the_last(count):
    places = torch.linspace(0, count - 1, min(16, count)).long()
    digest = hashlib.sha256(f"TensorDataset {count}".encode())
    digest.update(INPUTS[places].numpy().tobytes() + (places % 3).numpy().tobytes())
    assert GivenItems(PAIRS, torch.arange(count)).checksum() == digest.hexdigest()


def test_labels_of_items_are_their_classes_where_those_are_known():
    places = torch.tensor([4, 2])
    assert GivenItems(Noisy(), places).labels.tolist() == [4, 2]
    assert GivenItems(PAIRS, places).labels.tolist() == [0, 0]
    for targets in (torch.rand(COUNT), torch.zeros(COUNT - 1), torch.arange(COUNT)[:, None]):  # of something else
        made = type("Held", (), {"targets": targets, "__len__": lambda _: COUNT})()
        assert GivenItems(made, places).labels.tolist() == [0, 0]
        assert GivenItems(made, places).labels.dtype == torch.int64


def test_a_loader_makes_its_own_batches_the_same_for_the_same_epoch():
    given = GivenBatches(DataLoader(PAIRS, batch_size=12, shuffle=True))
    assert (len(given), given.shape, given.labels.tolist()) == (48, (2,), [0] * 48)  # the last batch counts as full
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    first, again, other = (
        torch.cat([inputs for inputs, _ in given.shuffled(12, seed=3, epoch=epoch)]) for epoch in (0, 0, 1)
    )
    assert first.equal(again)
    assert not first.equal(other)
    assert first[:, 0].sort().values.equal(INPUTS[:, 0])
    assert [len(labels) for _, labels in given.in_order(5)] == [12, 12, 12, 4]
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002
    assert given.part(torch.tensor([39, 40, 47])).places.tolist() == [39]  # there is nothing behind the last
    assert given.checksum() != GivenBatches(DataLoader(PAIRS, batch_size=12)).checksum()


def test_a_generator_of_the_loader_is_taken_along():
    loader = DataLoader(PAIRS, batch_size=40, shuffle=True, generator=torch.Generator())
    one, again = (next(GivenBatches(loader).shuffled(40, seed=3, epoch=0))[0] for _ in range(2))
    assert one.equal(again)


def test_what_nobody_can_serve_is_refused():
    items, loader = GivenItems(PAIRS, PLACES), GivenBatches(DataLoader(PAIRS, batch_size=12))
    usual = {"seed": 0, "epoch": 0}
    for batch, processes in ((0, 1), (36, 1), (8, 3)):
        with pytest.raises(InvalidInput, match=rf"^batch: expected a multiple of {processes} from 1 to 35"):
            next(items.shuffled(batch, world_size=processes, **usual))
    assert len(next(items.shuffled(35, **usual))[1]) == 35
    with pytest.raises(InvalidInput, match=r"^batch: expected 12, as the DataLoader has it, got 6"):
        loader.shuffled(6, **usual)
    for options in ({"world_size": 2}, {"rank": 1}):
        with pytest.raises(InvalidInput, match=r"^train: expected a Dataset or arrays, for several processes"):
            loader.shuffled(12, **options, **usual)
    for given in (items, loader):
        with pytest.raises(InvalidInput, match=r"^augmentation: expected none for a Dataset or DataLoader"):
            next(given.shuffled(12, augmentation="crop-zero", **usual))
        assert [numbers.tolist() for numbers in given.statistics()] == [[0.0], [1.0]]
    for inputs, labels in ((torch.tensor(1.0), torch.tensor(1)), (INPUTS, PLACES), (INPUTS[:0], PLACES[:0])):
        with pytest.raises(InvalidInput, match=r"^data: expected inputs \(n, \*shape\) and labels"):
            GivenArrays(inputs, labels)
