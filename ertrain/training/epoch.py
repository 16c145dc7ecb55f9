"""An epoch of training, and a look at inputs that are held apart: of one network, or of many in one batched module.

Batches, random numbers and learning rates are functions of seed, epoch and step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ertheory.errors import InvalidInput
from ertrain.configuration import Configuration
from ertrain.data import NO_LABEL, Batch, Data, Images
from ertrain.masks.flops import layer_positions
from ertrain.masks.shapes import layer_shapes
from ertrain.masks.sparse import SparseSGD
from ertrain.methods import FixedMask
from ertrain.streams import stream_seed
from ertrain.training.backend import PackedLayers, ShownLayers
from ertrain.training.optimisers import learning_rate, set_learning_rate
from ertrain.training.process_group import ProcessGroup

__all__ = [
    "EACH_NETWORK",
    "ONE_NETWORK",
    "EpochSums",
    "Measure",
    "accuracies",
    "inputs_at_once",
    "labelled",
    "memory_layout",
    "train_epoch",
]

_MOST_AT_ONCE = 2000  # inputs that are tested in one pass
_ACTIVATIONS = 2**25  # of a layer in such a pass


@dataclass(frozen=True, eq=False)
class EpochSums:
    """Sums over the labels of some batches: scalars for one network, tensors (networks,) for many.

    Parameters
    ----------
    loss
        The sum of the losses, in double precision.
    correct
        How many labels were met.
    labels
        How many labels there were.
    """

    loss: Tensor
    correct: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Measure:
    """What is read off the outputs of a batch.

    Parameters
    ----------
    loss
        The sum of the losses, given outputs, labels and label smoothing: a scalar, or (networks,).
    correct
        How many labels are met, given outputs and labels, or another number that grows with them.
    labels
        How many labels there are.
    of_a_step
        How many of them one network sees.
    """

    loss: Callable[[Tensor, Tensor, float], Tensor]
    correct: Callable[[Tensor, Tensor], Tensor]
    labels: Callable[[Tensor], Tensor]
    of_a_step: Callable[[Tensor], Tensor]


def labelled(labels: Tensor) -> Tensor:
    """Count the labels: of all images or rows, but of a graph only of the nodes that belong to a part."""
    return (labels != NO_LABEL).sum()


# One network: logits (batch, classes, ...) and labels (batch, ...).
ONE_NETWORK = Measure(
    loss=lambda logits, labels, smoothing: cross_entropy(logits, labels, label_smoothing=smoothing, reduction="sum"),
    correct=lambda logits, labels: (logits.argmax(1) == labels).sum(),
    labels=labelled,
    of_a_step=labelled,
)

# Many, each by itself: logits (networks, classes, batch) and labels (networks, batch), or (batch,) for all alike.
EACH_NETWORK = Measure(
    loss=lambda logits, labels, smoothing: cross_entropy(
        logits, labels, label_smoothing=smoothing, reduction="none"
    ).sum(1),
    correct=lambda logits, labels: (logits.argmax(1) == labels).sum(1),
    labels=lambda labels: (labels != NO_LABEL).sum(-1),
    of_a_step=lambda labels: labelled(labels[0]),
)


def memory_layout(processes: ProcessGroup, inputs: Tensor | None = None) -> torch.memory_format:
    """Choose the layout of images, or of the weights of a network, that is fastest where they are computed with."""
    images = inputs is None or inputs.dim() == 4
    return torch.channels_last if images and processes.device.type == "cuda" else torch.contiguous_format


def train_epoch(
    configuration: Configuration,
    forward: nn.Module,
    optimiser: torch.optim.Optimizer,
    data: Data,
    epoch: int,
    processes: ProcessGroup,
    method: FixedMask | None = None,
    *,
    layers: PackedLayers | ShownLayers | None = None,
    batches: Iterable[Batch] | None = None,
    measure: Measure = ONE_NETWORK,
) -> EpochSums:
    """Train for one epoch.

    Parameters
    ----------
    configuration
        How to train.
    forward
        The network, compiled or wrapped or not, or many of them in one module.
    optimiser
        The optimiser of its parameters, with masks that are guarded.
    data
        The data set.
    epoch
        The number of the epoch, from 0.
    processes
        The process group that computes.
    method
        The sparse training method; by default the masks are fixed.
    layers
        Those that are stored sparse, at all steps but those at which the masks change.
    batches
        The batches of the epoch, where they are not those of the configuration's seed.
    measure
        `ONE_NETWORK`, `EACH_NETWORK`, or one of somebody's own.

    Returns
    -------
    EpochSums
        Sums over this process's share of the batches, which are those that the steps were taken with.
    """
    steps = len(data.train) // configuration.batch
    phase, first = (epoch, 0) if method is None else (method.schedule_epoch(epoch), method.first_step(epoch))
    torch.manual_seed(stream_seed(configuration.seed, "noise", epoch, processes.rank))  # of dropout
    forward.train()
    if batches is None:
        batches = data.train.shuffled(
            configuration.batch,
            seed=configuration.seed,
            epoch=epoch,
            augmentation=configuration.augmentation,
            rank=processes.rank,
            world_size=processes.world_size,
        )
    loss = torch.zeros((), dtype=torch.float64, device=processes.device)
    correct = seen = torch.zeros((), dtype=torch.int64, device=processes.device)
    for step, (inputs, labels) in enumerate(batches):
        if step < first:
            continue
        set_learning_rate(optimiser, learning_rate(configuration, phase + step / steps))
        changes = method is not None and method.changes_masks(epoch * steps + step)
        if layers is not None:
            if changes:
                layers.unpack()
            else:
                layers.pack()
        # Gradients that nobody looks at move what they belong to where they are found.
        moves = isinstance(layers, PackedLayers) and not changes and configuration.accumulation == 1
        part = -(-len(labels) // configuration.accumulation)
        count = measure.of_a_step(labels)
        for start in range(0, len(labels), part):
            some, theirs = inputs[start : start + part], labels[start : start + part]
            with torch.autocast(processes.device.type, torch.bfloat16, enabled=configuration.precision == "bfloat16"):
                outputs = forward(data.normalised(some).contiguous(memory_format=memory_layout(processes, some)))
                found = measure.loss(outputs, theirs, configuration.label_smoothing)
            # Processes average their gradients, each over its own share of the batch.
            mean = found.sum() / count
            if moves and isinstance(optimiser, SparseSGD):
                optimiser.go_back(mean)
            else:
                mean.backward()  # type: ignore[no-untyped-call]
            # Nothing is read from the device before the epoch is over.
            loss = loss + found.detach().double()
            with torch.no_grad():
                correct, seen = correct + measure.correct(outputs, theirs), seen + measure.labels(theirs)
        if layers is not None:
            layers.before_step()
        if method is None:
            optimiser.step()
        else:
            method.step(optimiser, epoch * steps + step)
        optimiser.zero_grad(set_to_none=True)
    return EpochSums(loss, correct, seen)


def inputs_at_once(model: nn.Module, inputs: tuple[int, ...]) -> int:
    """Say how many inputs one pass tests: activations of very wide layers would take more memory than their weights.

    Parameters
    ----------
    model
        The network.
    inputs
        Shape of one input.

    Examples
    --------
    >>> inputs_at_once(nn.Conv2d(3, 64, 3, padding=1), (3, 32, 32))
    512
    """
    outputs = {layer.name: layer.outputs for layer in layer_shapes(model)}
    try:
        positions: Mapping[str, int] = layer_positions(model, inputs)
    except InvalidInput:  # what cannot be counted may be trained all the same
        positions = {}
    most = max((number * max(1, positions.get(name, 1)) for name, number in outputs.items()), default=1)
    return max(1, min(_MOST_AT_ONCE, _ACTIVATIONS // most))


@torch.no_grad()
def accuracies(
    model: nn.Module,
    held: Images,
    data: Data,
    processes: ProcessGroup,
    *,
    measure: Measure = ONE_NETWORK,
    at_once: int = 2000,
) -> list[float]:
    """Give the share of labels that are met in evaluation mode, of one network or of each; processes share the work.

    Parameters
    ----------
    model
        The network, or many of them in one module.
    held
        The inputs to look at.
    data
        The data set that they belong to.
    processes
        The process group that computes.
    measure
        `ONE_NETWORK`, `EACH_NETWORK`, or one of somebody's own.
    at_once
        How many inputs are looked at in one pass.
    """
    alone = processes.world_size == 1
    mine = held if alone else held.part(torch.arange(processes.rank, len(held), processes.world_size))
    model.eval()
    correct = count = torch.zeros((), dtype=torch.int64, device=processes.device)
    for inputs, labels in mine.in_order(at_once):
        correct = correct + measure.correct(model(data.normalised(inputs)), labels)
        count = count + measure.labels(labels)
    total = int(processes.all_reduce(count))
    return [right / total for right in processes.all_reduce(correct).reshape(-1).tolist()]
