"""The training loop, from top to bottom: data, network, optimiser, epochs, the test at the end.

Random numbers are functions of seed, epoch and step, and the learning rate is one of the step, so that a run which was
stopped goes on from its checkpoint as if nothing had happened.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from ertrain.configuration import Configuration
from ertrain.data import NO_LABEL, Data, Images, load_data
from ertrain.masks.masking import guard
from ertrain.methods import METHODS, FixedMask
from ertrain.ratios import Evidence
from ertrain.training.process_group import Place
from ertrain.training.runs import Run, Standing
from ertrain.training.start import start_model
from ertrain.training.streams import stream_seed
from ertrain.training.tensorboard import curves

__all__ = ["accuracy", "learning_rate", "make_optimiser", "rehearse", "train", "train_epoch"]

_EVALUATED_AT_ONCE = 2000

Progress = Callable[[dict[str, Any]], object]


def train(configuration: Configuration, run: Run, place: Place, data_dir: Path, progress: Progress) -> None:
    """Train one network, from where the run stands to its result.

    Parameters
    ----------
    configuration
        What to train.
    run
        The open folder of the run.
    place
        Where to compute.
    data_dir
        Where the data are.
    progress
        Called after every epoch with the line that went into ``metrics.jsonl``.
    """
    with _setting(configuration, place):
        _train(configuration, run, place, data_dir, progress)


def _train(configuration: Configuration, run: Run, place: Place, data_dir: Path, progress: Progress) -> None:
    device, cuda = place.device, place.device.type == "cuda"

    # --- Data: bytes on the device. The test stays unread until the end -------------------------------------------
    with place.in_turn():
        data = load_data(configuration.data, data_dir, validation=configuration.validation).to(device)

    # --- Network: drawn on the CPU, so that it is the same everywhere ---------------------------------------------
    rehearsal = partial(rehearse, configuration, data, Place(device))
    model, densities = start_model(
        configuration, data, fit=rehearsal, known=run.known_densities(), out=run.folder.parent
    )
    if place.first:
        run.describe_start(model, densities, data.train.shape)
    model = model.to(device, memory_format=_layout(place))  # type: ignore[call-overload]
    method = METHODS[configuration.method](
        configuration, model, data.train.shape, len(data.train) // configuration.batch
    )
    optimiser = make_optimiser(configuration, model, method.trained())

    # --- Standing: epochs that are done already ---------------------------------------------------------------------
    with place.in_turn():
        standing = run.resume(model, optimiser, method)
        if standing is None:  # so it is for the first process alone
            standing = Standing()
            method.begin(Evidence(data, configuration.seed, rehearsal))
            run.save(model, optimiser, standing, method)
    if place.first:
        run.forget_after(standing.epochs)
    if cuda and place.processes > 1:  # the statistics of a batch are those of the whole batch, as in one process
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    guard(optimiser, model)
    forward: nn.Module = model
    if place.processes > 1:
        forward = DistributedDataParallel(model, device_ids=[device.index] if cuda else None)
    if configuration.compile:
        forward = torch.compile(forward)  # type: ignore[assignment]

    # --- Epochs -----------------------------------------------------------------------------------------------------
    with curves(run.folder, standing.epochs) if place.first else contextlib.nullcontext(progress) as draw:
        for epoch in range(standing.epochs, method.epochs):
            began = time.perf_counter()
            loss, accuracy_train = train_epoch(configuration, forward, optimiser, data, epoch, place, method)
            validation = accuracy(model, data.validation, data, place)
            settled, rate = method.settled(epoch), optimiser.param_groups[0]["lr"]
            standing = standing.after(validation, model, 0.0, settled=settled)
            method.after_epoch(epoch, optimiser)  # what happens between rounds is paid for as well
            seconds = standing.seconds + time.perf_counter() - began
            standing = replace(standing, work=method.work, seconds=seconds)
            if not place.first:
                continue
            line = {
                "epoch": epoch + 1,
                "loss": loss if math.isfinite(loss) else None,
                "accuracy_train": accuracy_train,
                "accuracy_validation": validation,
                "learning_rate": rate,
                "seconds": round(standing.seconds, 3),
            }
            if configuration.method != "fixed":
                line["density"] = method.density()
            run.record(line)
            run.save(model, optimiser, standing, method)
            draw(line)
            progress(line)

    # --- Test: read once, now that nothing is left to be chosen -----------------------------------------------------
    test = data.read_test().to(device)
    final = accuracy(model, test, data, place)
    checked = accuracy(standing.best_of(model), test, data, place)
    if place.first:
        parts = {"train": data.train, "validation": data.validation, "test": test}
        sizes = {name: int(_labelled(part.labels)) for name, part in parts.items()}
        described = {"name": data.name, "sizes": sizes, "checksum": data.checksum}
        seen = configuration.epochs * method.steps * configuration.batch
        run.finish(model, standing, described, seen, method, accuracy_test=final, accuracy_test_best=checked)


def train_epoch(
    configuration: Configuration,
    forward: nn.Module,
    optimiser: torch.optim.Optimizer,
    data: Data,
    epoch: int,
    place: Place,
    method: FixedMask | None = None,
) -> tuple[float, float]:
    """Train for one epoch; return the mean loss and the share of training labels that were met."""
    device, steps = place.device, len(data.train) // configuration.batch
    phase, first = (epoch, 0) if method is None else (method.phase(epoch), method.first_step(epoch))
    torch.manual_seed(stream_seed(configuration.seed, "noise", epoch, place.rank))  # dropout's, where there is some
    forward.train()
    total_loss = torch.zeros((), dtype=torch.float64, device=device)
    correct = torch.zeros((), dtype=torch.int64, device=device)
    seen = torch.zeros((), dtype=torch.int64, device=device)
    batches = data.train.shuffled(
        configuration.batch,
        seed=configuration.seed,
        epoch=epoch,
        augmentation=configuration.augmentation,
        rank=place.rank,
        processes=place.processes,
    )
    for step, (inputs, labels) in enumerate(batches):
        if step < first:
            continue
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(configuration, phase + step / steps)
        part, labelled = -(-len(labels) // configuration.accumulation), _labelled(labels)
        seen += labelled
        for start in range(0, len(labels), part):
            some, theirs = inputs[start : start + part], labels[start : start + part]
            with torch.autocast(device.type, torch.bfloat16, enabled=configuration.precision == "bfloat16"):
                logits = forward(data.normalised(some).contiguous(memory_format=_layout(place, some)))
                loss = cross_entropy(logits, theirs, label_smoothing=configuration.label_smoothing, reduction="sum")
            # Processes average their gradients, each over its own share of the batch.
            (loss / labelled).backward()  # type: ignore[no-untyped-call]
            total_loss += loss.detach()  # nothing is read from the device before the epoch is over
            correct += (logits.argmax(1) == theirs).sum()
        if method is None:
            optimiser.step()
        else:
            method.step(optimiser, epoch * steps + step)
        optimiser.zero_grad(set_to_none=True)
    loss_sum, correct_sum, count = place.summed(torch.stack((total_loss, correct.double(), seen.double()))).tolist()
    return loss_sum / count, correct_sum / count


def learning_rate(configuration: Configuration, epoch: float) -> float:
    """Give the learning rate at a moment of training, in epochs from 0.

    Examples
    --------
    >>> configuration = Configuration(recipe="x", schedule="steps", milestones=(80, 120), learning_rate=0.1, epochs=160)
    >>> [round(learning_rate(configuration, epoch), 6) for epoch in (0, 79.9, 80, 120)]
    [0.1, 0.1, 0.01, 0.001]
    """
    highest, lowest = configuration.learning_rate, configuration.final_rate
    if epoch < configuration.warmup:
        return highest * (epoch + 1) / (configuration.warmup + 1)
    if configuration.schedule == "steps":
        return highest * configuration.decay ** sum(epoch >= at for at in configuration.milestones)
    if configuration.schedule == "cosine":
        share = (epoch - configuration.warmup) / max(configuration.epochs - configuration.warmup, 1)
        return lowest + (highest - lowest) * (1 + math.cos(math.pi * share)) / 2
    return highest


def make_optimiser(
    configuration: Configuration, model: nn.Module, parameters: Sequence[nn.Parameter] | None = None
) -> torch.optim.Optimizer:
    """Make the optimiser of a configuration, in the form that updates all weights at once; by default the model's."""
    trained = list(model.parameters()) if parameters is None else parameters
    options: dict[str, Any] = {"lr": configuration.learning_rate, "weight_decay": configuration.weight_decay}
    options["fused"] = True
    if configuration.optimiser in ("sgd", "nesterov"):
        options |= {"momentum": configuration.momentum, "nesterov": configuration.optimiser == "nesterov"}
        return torch.optim.SGD(trained, **options)
    kind = torch.optim.AdamW if configuration.optimiser == "adamw" else torch.optim.Adam
    return kind(trained, **options)


@torch.no_grad()
def accuracy(model: nn.Module, held: Images, data: Data, place: Place) -> float:
    """Share of labels that are met, in evaluation mode; the work is shared among processes."""
    mine = held.part(torch.arange(place.rank, len(held), place.processes))
    model.eval()
    correct = torch.zeros((), dtype=torch.int64, device=place.device)
    for inputs, labels in mine.in_order(_EVALUATED_AT_ONCE):
        correct += (model(data.normalised(inputs)).argmax(1) == labels).sum()
    return int(place.summed(correct)) / int(_labelled(held.labels))


def rehearse(configuration: Configuration, data: Data, place: Place, model: nn.Module) -> None:
    """Train a network as the run will be trained, for a pruning method that looks at trained weights."""
    epochs = configuration.ratio_epochs or configuration.epochs
    shortened = replace(configuration, epochs=epochs, warmup=min(configuration.warmup, epochs))
    model.to(memory_format=_layout(place))
    optimiser = make_optimiser(shortened, model)
    guard(optimiser, model)
    for epoch in range(epochs):
        train_epoch(shortened, model, optimiser, data, epoch, place)


def _labelled(labels: Tensor) -> Tensor:
    """Count the labels: of all images or rows, but of a graph only of the nodes that belong to a part."""
    return (labels != NO_LABEL).sum()


def _layout(place: Place, inputs: Tensor | None = None) -> torch.memory_format:
    images = inputs is None or inputs.dim() == 4
    return torch.channels_last if images and place.device.type == "cuda" else torch.contiguous_format


@contextlib.contextmanager
def _setting(configuration: Configuration, place: Place) -> Iterator[None]:
    """Choose between the same bits on the same machine and the fastest kernels, and leave things as they were."""
    cuda, strict = place.device.type == "cuda", configuration.deterministic
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
