"""The training loop, from top to bottom: data, network, optimiser, epochs, the test at the end.

Random numbers are functions of seed, epoch and step, and the learning rate is one of the step, so that a run which was
stopped goes on from its checkpoint as if nothing had happened.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ertrain.configuration import Configuration
from ertrain.data import Data, Given, Images, load_data
from ertrain.masks.guarding import guard
from ertrain.methods import METHODS
from ertrain.ratios import PruningContext
from ertrain.training.backend import Backend, choose_backend, layers_of, never_dense
from ertrain.training.epoch import ONE_NETWORK, accuracies, inputs_at_once, labelled, memory_layout, train_epoch
from ertrain.training.memory import memory_of_run
from ertrain.training.optimisers import make_optimiser
from ertrain.training.process_group import ProcessGroup
from ertrain.training.runs import Run
from ertrain.training.start import start_model
from ertrain.training.state import TrainingState
from ertrain.training.supplied import Supplied
from ertrain.training.synced_norm import synced
from ertrain.training.tensorboard import curves

__all__ = ["described_data", "metrics_line", "pretrain", "train"]


Progress = Callable[[dict[str, Any]], object]


def train(
    configuration: Configuration,
    run: Run,
    processes: ProcessGroup,
    data_dir: Path,
    progress: Progress,
    backend: Backend = "auto",
    supplied: Supplied | None = None,
    *,
    tested: bool = True,
) -> None:
    """Train one network, from where the run stands to its result.

    Parameters
    ----------
    configuration
        What to train.
    run
        The open folder of the run.
    processes
        The process group that computes.
    data_dir
        Where the data are.
    progress
        It is called after every epoch with the line that went into ``metrics.jsonl``.
    backend
        How layers are stored, as in `ertrain.training.backend.choose_backend`. Results differ in roundings alone,
        and in what is dropped behind a sparse linear layer where there is dropout: its outputs lie in memory in another
        order, in which numbers are drawn. A run that was begun with one can be finished with another.
    supplied
        Network, data, loss and optimiser, where they are not those that the configuration names.
    tested
        Whether the test is read at the end. A search for settings does without; its results have no test accuracy.
    """
    with _setting(configuration, processes):
        _train(configuration, run, processes, data_dir, progress, backend, supplied, tested)


def _train(
    configuration: Configuration,
    run: Run,
    processes: ProcessGroup,
    data_dir: Path,
    progress: Progress,
    backend: Backend,
    supplied: Supplied | None,
    tested: bool,
) -> None:
    device, cuda = processes.device, processes.device.type == "cuda"

    # --- Data: bytes on the device. The test stays unread until the end -------------------------------------------
    with processes.main_first():
        if supplied is None:
            share = configuration.validation
            data = load_data(configuration.data, data_dir, examples=configuration.examples, validation=share).to(device)
        else:
            data = supplied.data.to(device)
    measure = ONE_NETWORK if supplied is None else supplied.measure
    own_optimiser = None if supplied is None else supplied.optimiser

    # --- Network: drawn on the CPU, so that it is the same everywhere ---------------------------------------------
    pretraining = partial(pretrain, configuration, data, ProcessGroup(device), supplied=supplied)

    def summed(outputs: Tensor, labels: Tensor) -> Tensor:
        return measure.loss(outputs, labels, 0.0)

    searched: list[int] = []
    model, densities = start_model(
        configuration,
        data,
        fit=pretraining,
        known=run.known_densities(),
        out=run.folder.parent,
        own=None if supplied is None else supplied.model,
        loss=summed,
        spend=searched.append,
        kept=never_dense(backend, configuration, processes),
    )
    if processes.is_main:
        run.describe_start(model, densities, data.train.shape, search=sum(searched))
    model = model.to(device, memory_format=memory_layout(processes))  # type: ignore[call-overload]
    method = METHODS[configuration.method](
        configuration, model, data.train.shape, len(data.train) // configuration.batch
    )
    optimiser = make_optimiser(configuration, model, method.trainable(), own_optimiser)

    # --- Training state: epochs that are done already ---------------------------------------------------------------
    with processes.main_first():
        state = run.resume(model, optimiser, method)
        if state is None:  # so it is for the first process alone
            state = TrainingState()
            method.before_training(PruningContext(data, configuration.seed, pretraining, loss=summed))
            state = replace(state, flops=method.flops)
            run.save(model, optimiser, state, method)
    if processes.is_main:
        run.drop_metrics_after(state.epochs)
    if processes.world_size > 1:  # the statistics of a batch are those of the whole batch, as in one process
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model) if cuda else synced(model)  # type: ignore[no-untyped-call]
    method.protect(optimiser, model)
    sparse = choose_backend(backend, configuration, model, processes)
    layers = layers_of(method, model, optimiser, sparse)
    at_once = max(configuration.batch, inputs_at_once(model, data.train.shape))
    forward: nn.Module = model
    if processes.world_size > 1:
        forward = DistributedDataParallel(model, device_ids=[device.index] if cuda else None)
    if configuration.compile:
        forward = torch.compile(forward)  # type: ignore[assignment]

    # --- Epochs -----------------------------------------------------------------------------------------------------
    with curves(run.folder, state.epochs) if processes.is_main else contextlib.nullcontext(progress) as draw:
        for epoch in range(state.epochs, method.epochs):
            began = time.perf_counter()
            sums = train_epoch(
                configuration, forward, optimiser, data, epoch, processes, method, layers=layers, measure=measure
            )
            parts = torch.stack((sums.loss, sums.correct.double(), sums.labels.double()))
            loss, correct, labels = processes.all_reduce(parts).tolist()
            (validation,) = accuracies(model, data.validation, data, processes, measure=measure, at_once=at_once)
            rate = optimiser.param_groups[0]["lr"]
            if layers is not None:
                layers.unpack()
            reached = method.at_final_density(epoch)
            state = state.after(validation, model, 0.0, at_final_density=reached, loss=loss / labels)
            method.after_epoch(epoch, optimiser)  # what happens between rounds is paid for as well
            seconds = state.seconds + time.perf_counter() - began
            state = replace(state, flops=method.flops, seconds=seconds)
            if not processes.is_main:
                continue
            line = metrics_line(state, loss / labels, correct / labels, rate)
            if configuration.method != "fixed":
                line["density"] = method.density()
            run.record(line)
            run.save(model, optimiser, state, method)
            draw(line)
            progress(line)

    # --- Test: read once, now that nothing is left to be chosen -----------------------------------------------------
    final = checked = None
    test = data.read_test().to(device) if tested and (supplied is None or supplied.tested) else None
    if test is not None:
        (final,) = accuracies(model, test, data, processes, measure=measure, at_once=at_once)
        checked = final
        if state.best_epoch != state.epochs or configuration.method != "fixed":  # others change weights after an epoch
            (checked,) = accuracies(state.best_model(model), test, data, processes, measure=measure, at_once=at_once)
    if processes.is_main:
        seen = configuration.epochs * method.steps * configuration.batch
        run.finish(
            model,
            state,
            described_data(data, test),
            seen,
            method,
            backend="sparse" if sparse else "masked",
            memory=memory_of_run(configuration, model, optimiser, method, layers, data.train.shape),
            accuracy_test=final,
            accuracy_test_best=checked,
        )


def metrics_line(state: TrainingState, loss: float, accuracy_train: float, rate: float) -> dict[str, Any]:
    """Describe the epoch after which a state is: a line of the metrics."""
    return {
        "epoch": state.epochs,
        "loss": loss if math.isfinite(loss) else None,
        "accuracy_train": accuracy_train if math.isfinite(accuracy_train) else None,
        "accuracy_validation": state.validation,
        "learning_rate": rate,
        "seconds": round(state.seconds, 3),
    }


def described_data(data: Data, test: Images | None) -> dict[str, Any]:
    """Describe a data set and its parts, by the numbers of their labels."""
    parts = {"train": data.train, "validation": data.validation, "test": test}
    sizes = {name: _size(part) for name, part in parts.items() if part is not None}
    return {"name": data.name, "sizes": sizes, "checksum": data.checksum}


def _size(part: Images) -> int:
    return len(part) if isinstance(part, Given) else int(labelled(part.labels))


def pretrain(
    configuration: Configuration,
    data: Data,
    processes: ProcessGroup,
    model: nn.Module,
    *,
    supplied: Supplied | None = None,
) -> None:
    """Train a network as the run will be trained, for a pruning method that looks at trained weights."""
    epochs = configuration.ratio_epochs or configuration.epochs
    shortened = replace(configuration, epochs=epochs, warmup=min(configuration.warmup, epochs))
    model.to(memory_format=memory_layout(processes))
    optimiser = make_optimiser(shortened, model, own=None if supplied is None else supplied.optimiser)
    measure = ONE_NETWORK if supplied is None else supplied.measure
    guard(optimiser, model)
    for epoch in range(epochs):
        train_epoch(shortened, model, optimiser, data, epoch, processes, measure=measure)


@contextlib.contextmanager
def _setting(configuration: Configuration, processes: ProcessGroup) -> Iterator[None]:
    """Choose between the same bits on the same machine and the fastest kernels, and leave things as they were."""
    cuda, strict = processes.device.type == "cuda", configuration.deterministic
    before = torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision()
    if strict and cuda:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(strict)
    torch.backends.cudnn.benchmark = cuda and not strict
    torch.set_float32_matmul_precision("highest" if strict else "high")
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.set_float32_matmul_precision(before[1])
