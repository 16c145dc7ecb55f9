"""Many small runs at once: replicas of one fully connected network, trained as one batched model.

Every replica has its own mask, weights, order of the data and result, as if it had been trained alone; a step of all of
them takes hardly longer than a step of one as long as the machine has nothing better to do than to start operations.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ertheory.errors import InvalidInput
from ertrain.configuration import Configuration
from ertrain.data import Data, Held, Images, load_data
from ertrain.masks.masking import guard
from ertrain.models import MLP
from ertrain.training.experiments import result_of
from ertrain.training.groups import Group, forget_group, locked_group
from ertrain.training.loop import learning_rate, make_optimiser, rehearse
from ertrain.training.process_group import Place
from ertrain.training.runs import Run, Standing, open_run
from ertrain.training.start import start_model
from ertrain.training.streams import generator

__all__ = ["can_be_replica", "perform_replicas", "share_of"]

_EVALUATED_AT_ONCE = 500
_SECONDS_BETWEEN_CHECKPOINTS = 5.0


class _Layer(nn.Module):
    """The same linear layer of all replicas: weight (replicas, outputs, inputs), bias (replicas, outputs)."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers]))
        masks = [layer._buffers.get("weight_mask") for layer in layers]
        if masks[0] is not None:
            self.register_buffer("weight_mask", torch.stack([mask for mask in masks if mask is not None]))

    def forward(self, inputs: Tensor) -> Tensor:  # (replicas, batch, inputs)
        return torch.baddbmm(self.bias[:, None], inputs, self.weight.transpose(1, 2))


class _Replicas(nn.Module):
    """Networks of one shape, side by side."""

    def __init__(self, models: Sequence[MLP]) -> None:
        super().__init__()
        for number in range(1, models[0].depth + 1):
            self.add_module(f"fc{number}", _Layer([getattr(model, f"fc{number}") for model in models]))

    def forward(self, inputs: Tensor) -> Tensor:  # (replicas, batch, inputs) to (replicas, batch, classes)
        hidden, layers = inputs, list(self.children())
        for layer in layers[:-1]:
            hidden = layer(hidden).relu()
        logits: Tensor = layers[-1](hidden)
        return logits


def share_of(configuration: Configuration) -> Configuration:
    """Return what replicas must have in common: all but seed, mask and start.

    Examples
    --------
    >>> one = Configuration(recipe="x", ratio="erk", density="0.1", seed=3)
    >>> share_of(one) == share_of(Configuration(recipe="x", ratio="uniform", density="0.5"))
    True
    """
    return replace(
        configuration,
        seed=0,
        ratio="uniform",
        density="1",
        drawing="independent",
        repair="none",
        initialisation="sparse",
    )


def can_be_replica(configuration: Configuration) -> bool:
    """Whether a run is one of a fully connected network with a fixed mask, plain: single precision, whole batches.

    Examples
    --------
    >>> can_be_replica(Configuration(recipe="x")), can_be_replica(Configuration(recipe="x", model="vgg16"))
    (True, False)
    """
    connected = configuration.model.startswith(("mlp-", "lenet-"))
    plain = configuration.augmentation == "none" and configuration.precision == "float32"
    return connected and plain and configuration.accumulation == 1 and configuration.method == "fixed"


def perform_replicas(
    configurations: Sequence[Configuration],
    out: Path,
    place: Place,
    *,
    data_dir: Path,
    progress: Callable[[int], object] = lambda _: None,
) -> list[dict[str, Any]]:
    """Perform runs of one network side by side, and return their results.

    Parameters
    ----------
    configurations
        Runs for which `can_be_replica` holds, with one `share_of`.
    out
        Folder for the folders of runs. Runs that are done are skipped; those that were interrupted go on to the same
        bits if the same runs are asked for again, in the same order.
    place
        Where to compute; one process.
    data_dir
        Where the data are, or are downloaded to.
    progress
        Called after every epoch with the number of runs.

    Raises
    ------
    InvalidInput
        If the runs can not be replicas of one another.
    RunFolderError
        If a folder can not be used.
    """
    if not all(map(can_be_replica, configurations)) or len(set(map(share_of, configurations))) > 1:
        raise InvalidInput("configurations", "runs of one fully connected network", len(configurations))
    distinct = tuple(dict.fromkeys(configurations))
    left = [one for one in distinct if result_of(one, out) is None]
    if left:
        data = load_data(left[0].data, data_dir, validation=left[0].validation).to(place.device)
        with locked_group(distinct, out, left) as group:
            _train(group, out, place, data, progress)
    if distinct:
        forget_group(distinct, out)
    return [result_of(one, out) or {} for one in configurations]


def _train(group: Group, out: Path, place: Place, data: Data, progress: Callable[[int], object]) -> None:
    held = data.train
    if not isinstance(held, Held):
        raise InvalidInput("data", "images that are held in memory", data.name)
    members, common = group.members, group.members[0]
    with contextlib.ExitStack() as stack:
        # No other process may take up a member, nor this one write into the folder of one that is done.
        runs = {
            number: stack.enter_context(open_run(one, out, place))
            for number, one in enumerate(members)
            if result_of(one, out) is None
        }
        models = [_start(one, runs.get(number), out, place, data) for number, one in enumerate(members)]
        replicas = _Replicas(models).to(place.device)
        optimiser = make_optimiser(common, replicas)
        standings = group.resume(replicas, optimiser)
        done = standings[0].epochs
        guard(optimiser, replicas)
        for run in runs.values():
            run.forget_after(done)
        lines: list[list[dict[str, Any]]] = [[] for _ in members]
        saved = time.monotonic()
        for epoch in range(done, common.epochs):
            began = time.perf_counter()
            losses, rights = _train_epoch(members, replicas, optimiser, data, held, epoch)
            validations = _accuracies(replicas, data.validation, data)
            seconds = (time.perf_counter() - began) / len(members)
            seen = len(held) // common.batch * common.batch
            for number, (validation, loss, right) in enumerate(zip(validations, losses, rights, strict=True)):
                _write_back(replicas, models[number], number)
                standings[number] = standings[number].after(validation, models[number], seconds)
                lines[number].append(
                    {
                        "epoch": epoch + 1,
                        "loss": loss / seen if math.isfinite(loss) else None,
                        "accuracy_train": right / seen,
                        "accuracy_validation": validation,
                        "learning_rate": optimiser.param_groups[0]["lr"],
                        "seconds": round(standings[number].seconds, 3),
                    }
                )
            # Epochs of small networks take less time than files.
            if epoch + 1 == common.epochs or time.monotonic() - saved >= _SECONDS_BETWEEN_CHECKPOINTS:
                for number, run in runs.items():
                    run.record(*lines[number])
                    lines[number].clear()
                group.save(replicas, optimiser, standings)
                saved = time.monotonic()
            progress(len(members))
        _finish(runs, members, models, standings, replicas, optimiser, data)


def _start(configuration: Configuration, run: Run | None, out: Path, place: Place, data: Data) -> Any:
    """Make the network of a member, and write down what its mask looks like, first of all what took long to find."""
    known = None if run is None else run.known_densities()
    rehearsal = partial(rehearse, configuration, data, place)
    model, densities = start_model(configuration, data, fit=rehearsal, known=known, out=out)
    if run is not None:
        run.describe_start(model, densities, data.train.shape)
    return model


def _train_epoch(
    members: Sequence[Configuration],
    replicas: _Replicas,
    optimiser: torch.optim.Optimizer,
    data: Data,
    held: Held,
    epoch: int,
) -> tuple[list[float], list[int]]:
    """Train all members for an epoch; return the sums of their losses, and how often they were right."""
    common = members[0]
    device, batch = held.labels.device, common.batch
    steps = len(held) // batch
    orders = _orders(members, len(held), epoch).to(device)
    losses = torch.zeros(len(members), dtype=torch.float64, device=device)
    correct = torch.zeros(len(members), dtype=torch.int64, device=device)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(common, epoch + step / steps)
        places = orders[:, step * batch : (step + 1) * batch]  # (replicas, batch)
        theirs = held.labels[places]
        logits = replicas(data.normalised(held.inputs[places]).flatten(2))
        each = cross_entropy(
            logits.transpose(1, 2), theirs, label_smoothing=common.label_smoothing, reduction="none"
        ).sum(1)
        (each.sum() / batch).backward()  # type: ignore[no-untyped-call]
        losses += each.detach()
        correct += (logits.argmax(2) == theirs).sum(1)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return losses.tolist(), correct.tolist()


def _finish(
    runs: Mapping[int, Run],
    members: Sequence[Configuration],
    models: Sequence[Any],
    standings: Sequence[Standing],
    replicas: _Replicas,
    optimiser: torch.optim.Optimizer,
    data: Data,
) -> None:
    """Read the test, and write what each run leaves behind."""
    for number, model in enumerate(models):
        _write_back(replicas, model, number)
    test = data.read_test().to(data.train.labels.device)
    finals = _accuracies(replicas, test, data)
    best_models: list[Any] = [one.best_of(model) for one, model in zip(standings, models, strict=True)]
    bests = _accuracies(_Replicas(best_models).to(test.labels.device), test, data)
    sizes = {"train": len(data.train), "validation": len(data.validation), "test": len(test)}
    described = {"name": data.name, "sizes": sizes, "checksum": data.checksum}
    for number, run in runs.items():
        one, model, standing = members[number], models[number], standings[number]
        run.save(model, _own_optimiser(one, optimiser, replicas, model, number), standing)
        seen = len(data.train) // one.batch * one.batch * one.epochs
        accuracies = {"accuracy_test": finals[number], "accuracy_test_best": bests[number]}
        run.finish(model, standing, described, seen, **accuracies)


def _orders(runs: Sequence[Configuration], images: int, epoch: int) -> Tensor:
    """Order of the images (replicas, images) in an epoch, the one that each run has alone."""
    seeds = {one.seed for one in runs}
    orders = {seed: torch.randperm(images, generator=generator(seed, "order", epoch)) for seed in seeds}
    return torch.stack([orders[one.seed] for one in runs])


@torch.no_grad()
def _accuracies(replicas: _Replicas, held: Images, data: Data) -> list[float]:
    count = next(replicas.parameters()).shape[0]
    correct = torch.zeros(count, dtype=torch.int64, device=held.labels.device)
    for images, labels in held.in_order(_EVALUATED_AT_ONCE):
        pixels = data.normalised(images).flatten(1).expand(count, -1, -1)
        correct += (replicas(pixels).argmax(2) == labels).sum(1)
    return [right / len(held) for right in correct.tolist()]


@torch.no_grad()
def _write_back(replicas: _Replicas, model: nn.Module, number: int) -> None:
    for stacked, own in zip(replicas.parameters(), model.parameters(), strict=True):
        own.copy_(stacked[number])


def _own_optimiser(
    configuration: Configuration,
    optimiser: torch.optim.Optimizer,
    replicas: _Replicas,
    model: nn.Module,
    number: int,
) -> torch.optim.Optimizer:
    """Cut one replica's part out of what the optimiser keeps."""
    own = make_optimiser(configuration, model)
    for stacked, parameter in zip(replicas.parameters(), model.parameters(), strict=True):
        for key, value in optimiser.state[stacked].items():
            whole = isinstance(value, Tensor) and value.shape == stacked.shape
            own.state[parameter][key] = value[number].clone() if whole else value
    return own
