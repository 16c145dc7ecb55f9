"""A step in advance: what cannot be trained is refused before a folder is made, in the name of what is wrong."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertrain.arguments import taken
from ertrain.data import NO_LABEL, Data, GivenBatches
from ertrain.training.epoch import Measure

__all__ = ["copied", "try_a_single", "try_out"]

_INPUTS = 8


def copied(model: nn.Module) -> nn.Module:
    """Copy somebody else's network, or refuse it.

    Raises
    ------
    InvalidInput
        If it cannot be copied.

    Examples
    --------
    >>> copied(nn.Linear(3, 4))
    Linear(in_features=3, out_features=4, bias=True)
    """
    with taken("model", "a network that copy.deepcopy can copy", type(model).__name__):
        return copy.deepcopy(model)


def try_out(model: nn.Module, data: Data, measure: Measure, *, counted: bool, tested: bool = False) -> None:
    """Take loss, its gradient and the metric at a few inputs, with a copy of a network.

    Parameters
    ----------
    model
        The network; it is copied.
    data
        What it is trained with.
    measure
        Loss and metric.
    counted
        Whether labels are numbers of classes, and there is an output for each of them.
    tested
        Whether there are data for a test.

    Raises
    ------
    InvalidInput
        If one of them cannot be had.

    Examples
    --------
    >>> from ertrain.own.supply import supplied_data
    >>> from ertrain.training.epoch import ONE_NETWORK
    >>> data = supplied_data((torch.zeros(20, 3), torch.arange(20) % 5))
    >>> try_out(nn.Linear(3, 4), data, ONE_NETWORK, counted=True)
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: train: expected labels from 0 to 3, one for each output, got 4
    """
    if not any(one.requires_grad for one in model.parameters()):
        raise InvalidInput("model", "a network with parameters that are trained", "one whose parameters are all frozen")
    with torch.random.fork_rng(devices=[]):
        inputs, labels = next(data.train.in_order(_INPUTS))
        inputs, labels = inputs[:_INPUTS].cpu(), labels[:_INPUTS].cpu()
        tried = copied(model).cpu().train(len(inputs) > 1)  # a single one has no statistics
        try:
            outputs = tried(data.normalised(inputs))
        except Exception as error:  # whatever a network of somebody else raises
            shape = " x ".join(map(str, inputs.shape[1:]))
            raise InvalidInput("model", f"a network for inputs of {shape} ({error})", _kind(model)) from error
        shapes = f"outputs {_described(outputs)} and labels {_described(labels)}"
        if counted and isinstance(outputs, Tensor) and outputs.dim() >= 2:
            _check_classes(data, outputs.shape[1], tested=tested)
        try:
            found = measure.loss(outputs, labels, 0.0)
        except InvalidInput:
            raise
        except Exception as error:
            raise InvalidInput("loss", f"a function that takes {shapes} ({error})", _kind(outputs)) from error
        if not found.requires_grad:
            raise InvalidInput("loss", "a function of outputs whose gradient can be taken", "a constant")
        try:
            with torch.no_grad():
                _ = torch.zeros((), dtype=torch.float64) + measure.correct(outputs, labels)
        except InvalidInput:
            raise
        except Exception as error:
            raise InvalidInput(
                "metric", f"a function that takes {shapes} and gives a number ({error})", None
            ) from error
        _try_others(tried.eval(), data, measure, tested=tested)


def try_a_single(model: nn.Module, data: Data, batch: int) -> None:
    """Refuse batches of one input where a network takes no single one in training, as with BatchNorm.

    Parameters
    ----------
    model
        The network; it is copied.
    data
        What it is trained with.
    batch
        Inputs that go through the network at once.

    Raises
    ------
    InvalidInput
        If it cannot.

    Examples
    --------
    >>> from ertrain.own.supply import supplied_data
    >>> data = supplied_data((torch.zeros(20, 3), torch.arange(20) % 5))
    >>> try_a_single(nn.BatchNorm1d(3), data, 2)
    >>> try_a_single(nn.BatchNorm1d(3), data, 1)
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: batch: expected ... (Expected more than 1 value per channel when training...), got 1
    """
    loaded = data.train if isinstance(data.train, GivenBatches) else None
    if (batch if loaded is None else loaded.smallest) > 1:
        return
    inputs = next(data.train.in_order(1))[0][:1].cpu()
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            copied(model).cpu().train()(data.normalised(inputs))
    except Exception as error:  # whatever a network of somebody else raises
        if loaded is None:
            raise InvalidInput("batch", f"2 inputs at once or more, for this network ({error})", batch) from error
        allowed = f"batches of 2 inputs or more, for this network, the last one too, as with drop_last=True ({error})"
        raise InvalidInput("train", allowed, "a DataLoader with a batch of one") from error


@torch.no_grad()
def _try_others(model: nn.Module, data: Data, measure: Measure, *, tested: bool) -> None:
    """Measure some of what is read after an epoch and after the last one: training should not have been in vain."""
    others = {"validation": data.validation} | ({"test": data.read_test()} if tested else {})
    for name, part in others.items():
        inputs, labels = next(part.in_order(_INPUTS))
        inputs, labels = inputs[:_INPUTS].cpu(), labels[:_INPUTS].cpu()
        try:
            outputs = model(data.normalised(inputs))
            measure.loss(outputs, labels, 0.0)
            measure.correct(outputs, labels)
        except Exception as error:  # as above
            shapes = f"inputs and labels like those of train ({error})"
            raise InvalidInput(name, shapes, f"{_described(inputs)} and {_described(labels)}") from error


def _check_classes(data: Data, classes: int, *, tested: bool) -> None:
    """Refuse labels that no output stands for, of all that can be looked at without reading everything."""
    parts = {"train": data.train, "validation": data.validation} | ({"test": data.read_test()} if tested else {})
    for name, part in parts.items():
        labels = part.labels[part.labels != NO_LABEL]
        wrong = labels[(labels < 0) | (labels >= classes)]
        if len(wrong):
            raise InvalidInput(name, f"labels from 0 to {classes - 1}, one for each output", int(wrong[0]))


def _described(given: Any) -> str:
    return f"of shape {tuple(given.shape)}" if isinstance(given, Tensor) else f"of type {type(given).__name__}"


def _kind(given: Any) -> str:
    return type(given).__name__
