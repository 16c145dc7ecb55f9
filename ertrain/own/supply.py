"""From what a caller of `ertrain.fit` gives to what the training loop takes."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss
from torch.utils.data import DataLoader, IterableDataset, RandomSampler, SequentialSampler, Subset

from ertheory.errors import InvalidInput
from ertheory.numbers import Rational, probability
from ertrain.arguments import taken
from ertrain.data import Data, GivenArrays, GivenBatches, GivenItems, split
from ertrain.own.fingerprints import fingerprint
from ertrain.training.epoch import ONE_NETWORK, Measure, labelled

__all__ = ["needs_closure", "supplied_data", "supplied_measure"]

_SPLIT_SEED = 2023  # of the validation inputs, as of all data sets
_CLASSES = 10  # where nothing is known of the labels

Part = GivenArrays | GivenItems | GivenBatches
Loss = Callable[[Any, Any], Tensor]
Metric = Callable[[Any, Any], Any]


class _GivenData(Data):
    """Inputs as they are given; floating-point ones in the type of the weights."""

    def normalised(self, inputs: Tensor) -> Tensor:
        """Leave the inputs as they are."""
        return inputs


def supplied_data(
    train: Any,
    validation: Any = None,
    test: Any = None,
    *,
    share: Rational = "1/10",
    dtype: torch.dtype = torch.float32,
) -> Data:
    """Bring data into the form that the loop takes.

    Parameters
    ----------
    train, validation, test
        Each a `Dataset`, a `DataLoader`, or a pair (inputs, labels) of arrays or tensors.
    share
        It is that of `train` that becomes the validation inputs where there are none; the same share of every class,
        where the classes are known.
    dtype
        What floating-point arrays are turned into, labels too.

    Raises
    ------
    InvalidInput
        If something else is given, or nothing is left to train with or to validate by.

    Examples
    --------
    >>> data = supplied_data((np.zeros((20, 3)), np.arange(20) % 2))
    >>> len(data.train), len(data.validation), data.classes
    (18, 2, 2)
    """
    kept = _named("train", train, dtype)
    selecting = None if validation is None else _named("validation", validation, dtype)
    testing = None if test is None else _named("test", test, dtype)
    if selecting is None:
        kept, selecting = _split(kept, train, share)
    parts = [
        _looked_at(name, part)
        for name, part in (("train", kept), ("validation", selecting), ("test", testing))
        if part is not None
    ]
    labels = kept.labels
    known = not labels.is_floating_point() and int(labels.max()) > 0
    classes = int(labels.max()) + 1 if known else _CLASSES

    def read_test() -> Any:
        if testing is None:
            raise InvalidInput("test", "data for a test", None)
        return testing

    checksum = hashlib.sha256(" ".join(parts).encode()).hexdigest()
    return _GivenData("own", classes, kept, selecting, read_test, checksum, torch.zeros(1), torch.ones(1))


def supplied_measure(loss: Loss | None, metric: Metric | None, *, of_classes: bool) -> Measure:
    """Say how outputs are measured.

    Parameters
    ----------
    loss
        It is that of outputs and labels of a batch, averaged over it; cross-entropy for numbers of classes and the mean
        squared error for others, if it is left out.
    metric
        It is that of outputs and labels of a batch, the larger the better: the share of labels that are met for numbers
        of classes, and minus the loss for others, if it is left out.
    of_classes
        Whether labels are numbers of classes.
    """
    for name, given in (("loss", loss), ("metric", metric)):
        if given is not None and not callable(given):
            raise InvalidInput(name, "a function of outputs and labels", given)
    if loss is None and metric is None and of_classes:
        return ONE_NETWORK
    mean: Loss = loss or (cross_entropy if of_classes else _squares)

    def summed(outputs: Any, labels: Tensor, smoothing: float) -> Tensor:  # noqa: ARG001
        found = mean(outputs, labels)
        if not isinstance(found, Tensor) or found.dim() != 0:
            got = tuple(found.shape) if isinstance(found, Tensor) else found
            raise InvalidInput("loss", "a function of outputs and labels that gives a tensor with one number", got)
        return found * _count(labels)

    def correct(outputs: Any, labels: Tensor) -> Tensor:
        if metric is None and of_classes:
            return ONE_NETWORK.correct(outputs, labels)
        value = -mean(outputs, labels) if metric is None else metric(outputs, labels)
        number = torch.as_tensor(value, dtype=torch.float64)
        if number.dim() != 0:
            raise InvalidInput("metric", "a function of outputs and labels that gives one number", tuple(number.shape))
        return number * _count(labels)

    return Measure(loss=summed, correct=correct, labels=_count, of_a_step=_count)


def _source(part: Part) -> str:
    """Tell apart what batches are made from, beyond the few items that a checksum looks at."""
    if isinstance(part, GivenArrays):
        return ""
    if isinstance(part, GivenItems):
        return fingerprint(part.dataset, part.places, part.collate)
    loader = part.loader
    return fingerprint(loader.dataset, loader.sampler, loader.collate_fn, loader.drop_last, loader.worker_init_fn)


def _named(name: str, given: Any, dtype: torch.dtype) -> Part:
    """Bring a part of the data into its form; what is wrong with it is said in its name."""
    try:
        with taken(name, "a Dataset with a length, a DataLoader, or a pair of arrays", type(given).__name__):
            return _part(name, given, dtype)
    except InvalidInput as error:
        raise InvalidInput(name, error.allowed, error.value) from error.__cause__


def _looked_at(name: str, part: Part) -> str:
    """Give the checksum of a part, for which some of its items are made into a batch."""
    try:
        with taken(name, "pairs of an input and a label that become two tensors", type(part).__name__):
            return f"{part.checksum()} {_source(part)}"
    except InvalidInput as error:
        raise InvalidInput(name, error.allowed, error.value) from error.__cause__


def _part(name: str, given: Any, dtype: torch.dtype) -> Part:
    if isinstance(given, DataLoader):
        made = GivenBatches(given)
        if len(made) == 0:
            raise InvalidInput(name, "a DataLoader with at least one batch", "one without")
        return made
    if isinstance(given, tuple | list) and len(given) == 2:
        inputs, labels = (_tensor(name, part) for part in given)
        if any(part.is_meta or part.layout != torch.strided for part in (inputs, labels)):
            raise InvalidInput(name, "arrays of numbers that are in memory, zeros too", "others")
        if inputs.is_floating_point():
            inputs = inputs.to(dtype)
        if labels.is_floating_point():
            labels = labels.to(dtype)
        elif labels.dtype != torch.bool:
            labels = labels.to(torch.int64)
        return GivenArrays(inputs, labels)
    has_items = hasattr(given, "__getitem__") and hasattr(given, "__len__")
    if has_items and not isinstance(given, IterableDataset | Mapping | Tensor | str | bytes):
        if len(given) == 0:
            raise InvalidInput(name, "data with at least one item", given)
        if isinstance(given, tuple | list) and all(isinstance(part, Tensor | np.ndarray) for part in given):
            raise InvalidInput(name, "a pair (inputs, labels) of arrays", f"{len(given)} of them")
        return GivenItems(given, torch.arange(len(given)))
    allowed = "a Dataset with a length, a DataLoader, or a pair (inputs, labels) of arrays"
    if hasattr(given, "__iter__") and not isinstance(given, Mapping | Tensor | str | bytes):
        allowed += "; list(...) makes one of pairs that come one after another"
    raise InvalidInput(name, allowed, type(given).__name__)


def _tensor(name: str, given: Any) -> Tensor:
    try:
        return given.detach() if isinstance(given, Tensor) else torch.from_numpy(np.array(given))
    except (TypeError, ValueError) as error:
        raise InvalidInput(name, f"arrays of numbers ({error})", type(given).__name__) from error


def _split(kept: Part, given: Any, share: Rational) -> tuple[Part, Part]:
    """Set validation inputs apart."""
    if isinstance(kept, GivenBatches):
        return _split_loader(given, share)
    labels = kept.labels
    if labels.dim() == 1 and labels.dtype == torch.int64 and bool((labels >= 0).all()):
        left, apart = split(kept, share)
        return left, apart  # type: ignore[return-value]
    places = _apart(len(kept), share)
    return kept.part(~places), kept.part(places)


def _split_loader(loader: DataLoader[Any], share: Rational) -> tuple[Part, Part]:
    if type(loader.sampler) not in (RandomSampler, SequentialSampler):
        allowed = "data, because a DataLoader with a sampler of its own cannot be split"
        raise InvalidInput("validation", allowed, None)
    dataset: Any = loader.dataset
    apart = _apart(len(dataset), share)
    again = DataLoader(
        Subset(dataset, (~apart).nonzero().flatten().tolist()),
        batch_size=loader.batch_size,
        shuffle=isinstance(loader.sampler, RandomSampler),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        drop_last=loader.drop_last,
        worker_init_fn=loader.worker_init_fn,
    )
    return GivenBatches(again), GivenItems(dataset, apart.nonzero().flatten(), loader.collate_fn)


def _apart(count: int, share: Rational) -> Tensor:
    chosen = round(probability("validation", share) * count)
    if not 0 < chosen < count:
        raise InvalidInput("validation", f"a share that takes some of {count} and leaves some", share)
    places = torch.zeros(count, dtype=torch.bool)
    places[torch.from_numpy(np.random.default_rng(_SPLIT_SEED).permutation(count)[:chosen])] = True
    return places


def _count(labels: Tensor) -> Tensor:
    if labels.is_floating_point() or labels.dtype == torch.bool:
        return labels.new_full((), len(labels), dtype=torch.int64)
    return labelled(labels)


def _squares(outputs: Tensor, labels: Tensor) -> Tensor:
    return mse_loss(outputs, labels.to(outputs.dtype).reshape(outputs.shape))


def needs_closure(optimiser: torch.optim.Optimizer) -> bool:
    """Whether an optimiser cannot take a step without a function that computes the loss anew."""
    closure = inspect.signature(type(optimiser).step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty
