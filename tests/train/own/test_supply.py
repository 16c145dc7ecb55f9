"""What `ertrain.fit` makes of data, losses and metrics: types, shares that are set apart, and sums."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402
from torch.nn.functional import cross_entropy, l1_loss  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset, default_collate  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.data import NO_LABEL  # noqa: E402
from ertrain.own.fitting import _configuration  # noqa: E402
from ertrain.own.supply import supplied_data, supplied_measure  # noqa: E402
from ertrain.own.trial import try_out  # noqa: E402
from ertrain.training.epoch import ONE_NETWORK  # noqa: E402

INPUTS = torch.arange(16, dtype=torch.float32).reshape(8, 2)
TARGETS = torch.linspace(0, 1, 8)
GIVEN = {
    "targets": (INPUTS, TARGETS),
    "classes that are not known": (INPUTS, torch.arange(8) - 1),
    "classes of several places": (INPUTS, torch.arange(16).reshape(8, 2)),
    "dataset": TensorDataset(INPUTS, TARGETS),
    "loader": DataLoader(TensorDataset(INPUTS, TARGETS), batch_size=1),
}


@pytest.mark.parametrize("kind", [kind for kind in GIVEN if kind != "dataset"])
@pytest.mark.parametrize(("share", "apart"), [("1/8", 1), ("1/4", 2), ("7/8", 7), ("1/17", None), ("16/17", None)])
def test_a_share_takes_one_input_at_least_and_leaves_one(kind, share, apart):
    if apart is None:
        with pytest.raises(InvalidInput, match=r"^validation: expected a share that takes some of 8 and leaves some"):
            supplied_data(GIVEN[kind], share=share)
        return
    data = supplied_data(GIVEN[kind], share=share)
    parts = [torch.cat([inputs for inputs, _ in part.in_order(1)]) for part in (data.train, data.validation)]
    assert [len(part) for part in parts] == [8 - apart, apart]
    assert torch.cat(parts).sort(dim=0).values.equal(INPUTS)  # every input in one of them
    chosen = np.random.default_rng(2023).permutation(8)[:apart]  # as of all data sets, for every run
    assert parts[1].equal(INPUTS[sorted(chosen)])
    assert supplied_data(GIVEN[kind], share=share).checksum == data.checksum


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ("float32", None),
        ("float64", None),
        ("bool", "bool"),
        ("uint8", "int64"),
        ("int32", "int64"),
        ("int64", "int64"),
    ],
)
def test_labels_that_count_have_64_bits_and_other_numbers_the_type_of_the_weights(given, becomes, dtype):
    """Inputs that are no floating-point numbers, such as words, stay as they are."""
    numbers = np.arange(8).astype(given)
    data = supplied_data((numbers[:, None], numbers), (numbers[:, None], numbers), dtype=dtype)
    for part in (data.train, data.validation):
        assert str(part.labels.dtype) == (f"torch.{becomes}" if becomes else str(dtype))
        assert str(part.inputs.dtype) == (f"torch.{given}" if becomes else str(dtype))
    assert data.normalised(data.train.inputs) is data.train.inputs


def test_a_loader_that_is_split_stays_as_it_was_but_for_its_inputs():
    def joined(items):
        return default_collate(items)

    def began(number):
        return None

    given = {"batch_size": 3, "drop_last": True, "collate_fn": joined, "worker_init_fn": began, "num_workers": 2}
    for shuffle in (True, False):
        loader = DataLoader(TensorDataset(INPUTS, TARGETS), shuffle=shuffle, pin_memory=shuffle, **given)
        data = supplied_data(loader, share="1/4")
        again = data.train.loader
        assert {name: getattr(again, name) for name in given} == given
        assert type(again.sampler) is type(loader.sampler)
        assert again.pin_memory == shuffle
        assert len(data.train) == 6
        assert data.validation.collate is joined


OUTPUTS = torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, 5.0], [0.5, 0.0, 0.0]])
CLASSES = torch.tensor([0, 1, 1, NO_LABEL])


@pytest.mark.parametrize("loss", [None, cross_entropy])
def test_sums_of_classes_are_those_of_the_labels_that_are_there(loss):
    mean = float(-OUTPUTS[:3].log_softmax(1)[torch.arange(3), CLASSES[:3]].mean())
    for metric, met in ((None, 2), (lambda outputs, labels: 0.1, 0.1 * 3)):
        measure = supplied_measure(loss, metric, of_classes=True)
        assert int(measure.labels(CLASSES)) == int(measure.of_a_step(CLASSES)) == 3
        assert float(measure.loss(OUTPUTS, CLASSES, 0.0)) == pytest.approx(3 * mean)
        assert float(measure.correct(OUTPUTS, CLASSES)) == met  # in double precision
        assert (measure is ONE_NETWORK) == (loss is None and metric is None)


@pytest.mark.parametrize(("loss", "mean"), [(None, 2.5), (l1_loss, 1.5)])
@pytest.mark.parametrize("outputs", [(4, 1), (2, 2)], ids=["one output", "two outputs"])
def test_sums_of_numbers_are_those_of_the_inputs_however_many_outputs_there_are(loss, mean, outputs):
    off = torch.tensor([1.0, -1.0, 2.0, -2.0]).reshape(outputs)
    flat = loss is None and outputs[1] == 1  # numbers (n,) belong to outputs (n, 1)
    for metric, met in ((None, -mean), (lambda outputs, labels: 0.1, 0.1)):
        measure = supplied_measure(loss, metric, of_classes=False)
        labels = torch.zeros(outputs[0] if flat else outputs, dtype=torch.float64)
        assert int(measure.labels(labels)) == int(measure.of_a_step(labels)) == outputs[0]
        assert float(measure.loss(off, labels, 0.0)) == pytest.approx(outputs[0] * mean)
        assert float(measure.correct(off, labels)) == pytest.approx(outputs[0] * met)


@pytest.mark.parametrize("shape", [(4,), (4, 2)])
def test_labels_that_say_yes_or_no_are_counted_by_their_inputs(shape):
    measure = supplied_measure(None, None, of_classes=False)
    yes = torch.arange(torch.Size(shape).numel()).reshape(shape) % 4 == 0
    assert int(measure.labels(yes)) == 4
    assert float(measure.loss(torch.zeros(shape), yes, 0.0)) == pytest.approx(4 / 4)


def test_a_step_in_advance_takes_a_single_input_without_its_statistics_and_more_with_them():
    model, modes = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1)), []
    model[1].register_forward_hook(lambda layer, *_: modes.append((layer.training, len(_[0][0]))))
    for count in (1, 2, 8, 20):
        pair = (torch.rand(count, 2), torch.rand(count, 1))
        before = [one.clone() for one in model.state_dict().values()]
        try_out(model, supplied_data(pair, pair), supplied_measure(None, None, of_classes=False), counted=False)
        assert modes == [(count > 1, min(count, 8)), (False, min(count, 8))]  # then those that select
        assert all(map(torch.equal, before, model.state_dict().values()))
        modes.clear()


@pytest.mark.parametrize(
    ("method", "density", "drawing"),
    [
        ("fixed", "0.5", "exact"),
        ("imp", "0.5", "exact"),
        ("rigl", "1", "exact"),
        ("rigl", "0.5", "independent"),
        ("set", "0.5", "independent"),
        ("granet", "0.5", "exact"),
    ],
)
def test_masks_are_drawn_exactly_but_where_one_lies_inside_another(method, density, drawing):
    assert _configuration({}, method=method, density=density).drawing == drawing
    assert _configuration({"recipe": "mine"}, method=method, density=density).recipe == "mine"
