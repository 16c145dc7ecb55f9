"""Many small runs at once: replicas of one fully connected network, trained as one batched model.

Every replica has its own mask, weights, order of the data and result, as if it had been trained alone; a step of all of
them takes hardly longer than a step of one as long as the machine has nothing better to do than to start operations.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import stack_module_state

from ertheory.errors import InvalidInput
from ertrain.configuration import Configuration
from ertrain.data import Batch, Data, InMemory, load_data
from ertrain.masks.guarding import guard
from ertrain.models import MLP, BatchedLinear, BatchedMLP
from ertrain.streams import generator
from ertrain.training.epoch import EACH_NETWORK, accuracies, train_epoch
from ertrain.training.experiments import result_of
from ertrain.training.loop import described_data, metrics_line, pretrain
from ertrain.training.optimisers import make_optimiser
from ertrain.training.process_group import ProcessGroup
from ertrain.training.replica_group import ReplicaGroup, open_replica_group, remove_replica_group
from ertrain.training.runs import Run, open_run
from ertrain.training.start import start_model
from ertrain.training.state import TrainingState

__all__ = ["can_be_replica", "common_settings", "perform_replicas"]

_EVALUATED_AT_ONCE = 500
_SECONDS_BETWEEN_CHECKPOINTS = 5.0


class _Replicas(nn.Module):
    """Networks of one shape, side by side, for inputs of a shape."""

    def __init__(self, models: Sequence[MLP], inputs: tuple[int, ...]) -> None:
        super().__init__()
        parameters, buffers = stack_module_state(list(models))
        names = [f"fc{number}" for number in range(1, models[0].depth + 1)]
        layers = {
            name: BatchedLinear(
                parameters[f"{name}.weight"], parameters[f"{name}.bias"], buffers.get(f"{name}.weight_mask")
            )
            for name in names
        }
        self.networks, self._axes = BatchedMLP(layers), len(inputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs (replicas, batch, *shape), or (batch, *shape) for all alike, to (replicas, classes, batch)."""
        logits: Tensor = self.networks(inputs.flatten(-self._axes))
        return logits.transpose(1, 2)


def common_settings(configuration: Configuration) -> Configuration:
    """Return what replicas must have in common: all but seed, mask and start.

    Examples
    --------
    >>> one = Configuration(recipe="x", ratio="erk", density="0.1", seed=3)
    >>> common_settings(one) == common_settings(Configuration(recipe="x", ratio="uniform", density="0.5"))
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
    plain = configuration.augmentation == "none" and configuration.precision == "float32" and not configuration.factored
    return connected and plain and configuration.accumulation == 1 and configuration.method == "fixed"


def perform_replicas(
    configurations: Sequence[Configuration],
    out: Path,
    processes: ProcessGroup,
    *,
    data_dir: Path,
    progress: Callable[[int], object] = lambda _: None,
) -> list[dict[str, Any]]:
    """Perform runs of one network side by side, and return their results.

    Parameters
    ----------
    configurations
        Runs for which `can_be_replica` holds, with one `common_settings`.
    out
        Folder for the folders of runs. Runs that are done are skipped; those that were interrupted go on to the same
        bits if the same runs are asked for again, in the same order.
    processes
        The process group that computes; one process.
    data_dir
        Where the data are, or are downloaded to.
    progress
        It is called after every epoch with the number of runs.

    Raises
    ------
    InvalidInput
        If the runs cannot be replicas of one another.
    RunFolderError
        If a folder cannot be used.
    """
    if not all(map(can_be_replica, configurations)) or len(set(map(common_settings, configurations))) > 1:
        raise InvalidInput("configurations", "runs of one fully connected network", len(configurations))
    distinct = tuple(dict.fromkeys(configurations))
    left = [one for one in distinct if result_of(one, out) is None]
    if left:
        first = left[0]
        data = load_data(first.data, data_dir, examples=first.examples, validation=first.validation)
        data = data.to(processes.device)
        with open_replica_group(distinct, out, left) as group:
            _train(group, out, processes, data, progress)
    if distinct:
        remove_replica_group(distinct, out)
    return [result_of(one, out) or {} for one in configurations]


def _train(
    group: ReplicaGroup, out: Path, processes: ProcessGroup, data: Data, progress: Callable[[int], object]
) -> None:
    held = data.train
    if not isinstance(held, InMemory):
        raise InvalidInput("data", "images that are held in memory", data.name)
    members, common = group.members, group.members[0]
    with contextlib.ExitStack() as stack:
        # No other process may take up a member, nor this one write into the folder of one that is done.
        runs = {
            number: stack.enter_context(open_run(one, out, processes))
            for number, one in enumerate(members)
            if result_of(one, out) is None
        }
        models = [_start(one, runs.get(number), out, processes, data) for number, one in enumerate(members)]
        replicas = _Replicas(models, held.shape).to(processes.device)
        optimiser = make_optimiser(common, replicas)
        states = group.resume(replicas.networks, optimiser)
        done = states[0].epochs
        guard(optimiser, replicas)
        for run in runs.values():
            run.drop_metrics_after(done)
        lines: list[list[dict[str, Any]]] = [[] for _ in members]
        saved = time.monotonic()
        for epoch in range(done, common.epochs):
            began = time.perf_counter()
            batches = _batches(members, held, epoch)
            sums = train_epoch(
                common, replicas, optimiser, data, epoch, processes, batches=batches, measure=EACH_NETWORK
            )
            found = sums.loss / sums.labels, sums.correct.double() / sums.labels
            validations = accuracies(
                replicas, data.validation, data, processes, measure=EACH_NETWORK, at_once=_EVALUATED_AT_ONCE
            )
            seconds = (time.perf_counter() - began) / len(members)
            rate = optimiser.param_groups[0]["lr"]
            _write_back(replicas, models)
            for number, (loss, right) in enumerate(zip(*(each.tolist() for each in found), strict=True)):
                states[number] = states[number].after(validations[number], models[number], seconds, loss=loss)
                lines[number].append(metrics_line(states[number], loss, right, rate))
            # Epochs of small networks take less time than files.
            if epoch + 1 == common.epochs or time.monotonic() - saved >= _SECONDS_BETWEEN_CHECKPOINTS:
                for number, run in runs.items():
                    run.record(*lines[number])
                    lines[number].clear()
                group.save(replicas.networks, optimiser, states)
                saved = time.monotonic()
            progress(len(members))
        _finish(runs, members, models, states, replicas, optimiser, data, processes)


def _start(configuration: Configuration, run: Run | None, out: Path, processes: ProcessGroup, data: Data) -> Any:
    """Make the network of a member, and write down what its mask looks like, first of all what took long to find."""
    known = None if run is None else run.known_densities()
    pretraining = partial(pretrain, configuration, data, processes)
    searched: list[int] = []
    model, densities = start_model(configuration, data, fit=pretraining, known=known, out=out, spend=searched.append)
    if run is not None:
        run.describe_start(model, densities, data.train.shape, search=sum(searched))
    return model


def _batches(members: Sequence[Configuration], held: InMemory, epoch: int) -> Iterator[Batch]:
    """Yield the batches of all members, each in the order that it has alone: inputs (replicas, batch, *shape)."""
    batch, device = members[0].batch, held.labels.device
    seeds = {one.seed for one in members}
    by_seed = {seed: torch.randperm(len(held), generator=generator(seed, "order", epoch)) for seed in seeds}
    orders = torch.stack([by_seed[one.seed] for one in members]).to(device)
    for start in range(0, len(held) // batch * batch, batch):
        chosen = orders[:, start : start + batch]
        yield held.inputs[chosen], held.labels[chosen]


def _finish(
    runs: Mapping[int, Run],
    members: Sequence[Configuration],
    models: Sequence[Any],
    states: Sequence[TrainingState],
    replicas: _Replicas,
    optimiser: torch.optim.Optimizer,
    data: Data,
    processes: ProcessGroup,
) -> None:
    """Read the test, and write what each run leaves behind."""
    _write_back(replicas, models)
    test = data.read_test().to(data.train.labels.device)
    best_models: list[Any] = [one.best_model(model) for one, model in zip(states, models, strict=True)]
    best = _Replicas(best_models, data.train.shape).to(processes.device)
    options: Any = {"measure": EACH_NETWORK, "at_once": _EVALUATED_AT_ONCE}
    finals, bests = (accuracies(each, test, data, processes, **options) for each in (replicas, best))
    for number, run in runs.items():
        one, model, state = members[number], models[number], states[number]
        run.save(model, _own_optimiser(one, optimiser, replicas, model, number), state)
        seen = len(data.train) // one.batch * one.batch * one.epochs
        final, checked = finals[number], bests[number]
        run.finish(model, state, described_data(data, test), seen, accuracy_test=final, accuracy_test_best=checked)


@torch.no_grad()
def _write_back(replicas: _Replicas, models: Sequence[nn.Module]) -> None:
    for number, model in enumerate(models):
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
