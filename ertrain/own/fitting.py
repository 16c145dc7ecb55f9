"""One call that trains somebody's own network on their own data, by any of the methods, in a run folder or without."""

from __future__ import annotations

import copy
import hashlib
import math
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from tqdm import tqdm

from ertheory.errors import InvalidInput, called, warn
from ertheory.numbers import Rational
from ertrain.arguments import taken
from ertrain.configuration import OWN, Configuration
from ertrain.errors import RunFolderError
from ertrain.masks.guarding import moves_entries_alone
from ertrain.masks.masking import attach_masks
from ertrain.masks.shapes import layer_shapes
from ertrain.methods import METHODS
from ertrain.own.densities import AskedDensities
from ertrain.own.fingerprints import fingerprint
from ertrain.own.supply import Loss, Metric, needs_closure, supplied_data, supplied_measure
from ertrain.own.trial import copied, try_a_single, try_out
from ertrain.storage.checkpoints import load_checkpoint
from ertrain.storage.files import write_whole
from ertrain.training.backend import Backend
from ertrain.training.experiments import perform, result_of
from ertrain.training.kept_files import spread_weights
from ertrain.training.process_group import join_process_group
from ertrain.training.supplied import MakeOptimiser, Supplied

__all__ = ["FitResult", "fit"]

_START = "start.sha256"  # in the folder: of the weights that the run began with


@dataclass(frozen=True, eq=False)
class FitResult:
    """What `fit` returns.

    Parameters
    ----------
    model
        A trained copy of the network, with its masks, on the CPU.
    accuracy_test
        The metric on the test data after the last epoch, None without test data.
    accuracy_validation
        The metric on the validation data after the last epoch, None if it is no finite number.
    density_final
        Share of the weights of all layers with masks that is not 0.
    diverged
        Whether the loss or a metric was no finite number at some time.
    masks
        The masks by the names of the layers.
    folder
        It is that of the run, None where nothing was kept.
    result
        The content of ``result.json``.
    """

    model: nn.Module
    accuracy_test: float | None
    accuracy_validation: float | None
    density_final: float
    diverged: bool
    masks: Mapping[str, Tensor]
    folder: Path | None
    result: Mapping[str, Any]


@called(masks="model", module="model", skip="dense_layers")
def fit(
    model: nn.Module,
    train: Any,
    *,
    validation: Any = None,
    test: Any = None,
    density: Rational | None = None,
    sparsity: Rational | None = None,
    densities: Mapping[str, Rational] | None = None,
    ratio: str = "erk",
    method: str = "fixed",
    final_density: Rational | None = None,
    epochs: int,
    batch: int = 128,
    optimiser: str | type[Optimizer] | MakeOptimiser = "sgd",
    learning_rate: float = 0.1,
    loss: Loss | None = None,
    metric: Metric | None = None,
    dense_layers: Sequence[str] = (),
    counting: str = "masked",
    seed: int = 0,
    out: str | Path | None = None,
    backend: Backend = "auto",
    device: str = "auto",
    progress: Callable[[dict[str, Any]], object] | None = None,
    **settings: Any,
) -> FitResult:
    """Train a network of your own in a random mask, or by any other method, on data of your own.

    Parameters
    ----------
    model
        Any module with linear or convolutional layers; it is copied, and its weights are the start.
    train, validation, test
        Each a `Dataset` whose items are pairs (input, label), a `DataLoader` of such pairs, or a pair (inputs, labels)
        of arrays or tensors. Inputs are used as they are. `validation` may also be the share of `train` that is
        set apart, a tenth by default.
    density, sparsity, densities
        One of the three: the share of the weights that the network has, 1 - that, or the densities of single layers by
        their names or patterns of them, such as ``{"features.*": 0.1}``; layers that are not named stay dense. With
        `final_density` they are those of the random mask that training starts from and stays in; otherwise methods
        that prune or rewire start from a dense mask.
    ratio
        How a density is shared out, one of `ertrain.ratios.RATIOS`.
    method
        One of `ertrain.methods.METHODS`.
    final_density
        Share of the weights at the end.
    epochs, batch
        They are as in `Configuration`; inputs that fill no batch wait for another epoch. A `DataLoader` has its own
        batches, of its `batch_size`.
    optimiser, learning_rate
        ``"sgd"``, ``"nesterov"``, ``"adam"`` or ``"adamw"`` with that rate; or a class, or a function that makes an
        optimiser of parameters, which has a rate of its own. Either follows the ``schedule``, a cosine by default.
    loss
        Function of outputs and labels of a batch, averaged over it; by default cross-entropy for numbers of classes,
        and the mean squared error for others.
    metric
        Function of outputs and labels of a batch, the larger the better; by default the share of labels that are met,
        and minus the loss where labels are no numbers of classes.
    dense_layers, counting
        Names of layers without a mask (``"first"`` and ``"last"`` too), and whether a density is that of the others,
        ``"masked"``, or of ``"all"`` linear and convolutional layers, those included.
    seed
        It is that of masks, order and noise.
    out
        Folder for the folder of the run. A report of it has a row where there is a test, and curves anyway. Called
        again, a run goes on where it stands, to the same bits, and one that is done is read. Without one, nothing is
        kept.
    backend
        It is as in `ertrain.perform`.
    device
        It is as in `ertrain.join_process_group`.
    progress
        It is called after every epoch with its line of the metrics.
    **settings
        Other fields of `Configuration`, such as ``weight_decay``, ``schedule`` or ``update_every``. ``recipe``, which
        names the folder, is ``"fit"`` by default; ``drawing`` is ``"exact"``, save where masks are drawn inside others.

    Returns
    -------
    FitResult
        It has the trained copy.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain, or the network cannot be masked or does not take the inputs.
    RunFolderError
        If the folder cannot be used.

    Warns
    -----
    UserWarning
        If there are weights that have no masks, such as those of embeddings. If the folder has a run of this network
        that began with other weights: it goes on from those.

    Examples
    --------
    >>> inputs = torch.randn(200, 20, generator=torch.Generator().manual_seed(0))
    >>> labels = (inputs[:, 0] > 0).long()
    >>> network = nn.Sequential(nn.Linear(20, 50), nn.ReLU(), nn.Linear(50, 2))
    >>> result = fit(network, (inputs, labels), density="0.2", epochs=2, batch=50)
    >>> result.density_final, sum(int(mask.sum()) for mask in result.masks.values())
    (0.2, 220)
    """
    if not layer_shapes(model) and not list(model.parameters()):
        raise InvalidInput("model", "a torch.nn.Module with parameters", model)
    if any(one.is_meta for one in model.parameters()):
        raise InvalidInput("model", "a network whose weights are in memory", "weights on the device 'meta'")
    if not isinstance(out, str | os.PathLike | None):
        raise InvalidInput("out", "a folder", out)
    if not callable(progress) and progress is not None:
        raise InvalidInput("progress", "a function of a line of the metrics", progress)
    floating = next((one.dtype for one in model.parameters() if one.is_floating_point()), torch.float32)
    if isinstance(validation, int):  # bool too
        raise InvalidInput("validation", "data, a share of train in (0, 1), or None for a tenth of it", validation)
    if isinstance(validation, str | float | Fraction):
        data = supplied_data(train, None, test, share=validation, dtype=floating)
    else:
        data = supplied_data(train, validation, test, dtype=floating)
    of_classes = not data.train.labels.is_floating_point() and data.train.labels.dtype != torch.bool
    asked = AskedDensities(
        density=density,
        sparsity=sparsity,
        densities=densities,
        ratio=ratio,
        method=method,
        final_density=final_density,
        dense_layers=dense_layers,
        counting=counting,
    )
    budget = asked.shared_out(model)
    make = None if isinstance(optimiser, str) else optimiser
    named, rate = _optimiser(optimiser, model, learning_rate)
    loader_batch = getattr(getattr(data.train, "loader", None), "batch_size", None)
    configuration = _configuration(
        settings,
        model=f"{OWN}{type(model).__name__}-{fingerprint(model, started=True)}",
        data=f"{OWN}{fingerprint(data.checksum, loss, metric)}",
        optimiser=named,
        learning_rate=rate,
        epochs=epochs,
        batch=min(batch, len(data.train)) if loader_batch is None else loader_batch,
        seed=seed,
        method=method,
        **budget,
    )
    measure = supplied_measure(loss, metric, of_classes=of_classes)
    counted = of_classes and loss is None and metric is None
    try_out(model, data, measure, counted=counted, tested=test is not None)
    try_a_single(model, data, configuration.batch // configuration.accumulation)
    supplied = Supplied(model, data, measure, tested=test is not None, optimiser=make)
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        processes = stack.enter_context(join_process_group(device))
        parent = Path(stack.enter_context(tempfile.TemporaryDirectory())) if out is None else Path(out)
        if out is None and processes.world_size > 1:
            raise InvalidInput("out", "a folder that all processes see", None)
        if processes.is_main:
            _remember_start(model, parent / configuration.folder)
        total = METHODS[configuration.method].total_epochs(configuration)
        bar = stack.enter_context(tqdm(total=total, unit=" epochs", delay=2, leave=False))

        def told(line: dict[str, Any]) -> None:
            bar.update(line["epoch"] - bar.n)
            if progress is not None:
                progress(line)

        backend = _backend(backend, make, model)
        perform(configuration, parent, processes, data_dir=parent, progress=told, backend=backend, supplied=supplied)
        with processes.main_first():  # so that all of them read what the first has written
            result = result_of(configuration, parent) or {}
        trained, masks = _trained(model, parent / configuration.folder)
    return FitResult(
        model=trained,
        accuracy_test=result["accuracy_test"],
        accuracy_validation=result["accuracy_validation"],
        density_final=result["density_final"],
        diverged=bool(result.get("diverged")),
        masks=masks,
        folder=None if out is None else parent / configuration.folder,
        result=result,
    )


def _configuration(settings: Mapping[str, Any], **known: Any) -> Configuration:
    names = {field.name for field in fields(Configuration)}
    for name in settings:
        if name not in names or name in known or name == "width":
            raise InvalidInput("settings", f"names among {', '.join(sorted(names - set(known)))}", name)
    nested = known["method"] in ("rigl", "set") and known["density"] != "1"
    usual = {"recipe": "fit", "initialisation": "own", "drawing": "independent" if nested else "exact"}
    return Configuration(**{**usual, **settings, **known})


def _optimiser(given: str | MakeOptimiser, model: nn.Module, rate: float) -> tuple[str, float]:
    """Name an optimiser, and give the learning rate that its schedule begins with."""
    if isinstance(given, str):
        return given, rate
    if not callable(given):
        raise InvalidInput("optimiser", "sgd, nesterov, adam, adamw, or what makes an optimiser of parameters", given)
    parameters = list(copied(model).parameters())
    allowed = "sgd, nesterov, adam, adamw, or what makes an optimiser of a list of the parameters"
    with taken("optimiser", allowed, getattr(given, "__name__", given)):
        made = given(parameters)
    if not isinstance(made, Optimizer):
        raise InvalidInput("optimiser", "a function that makes a torch.optim.Optimizer", made)
    if needs_closure(made):
        raise InvalidInput("optimiser", "one that takes steps without a closure", type(made).__name__)
    places = {id(parameter): place for place, parameter in enumerate(parameters)}
    groups = [[places.get(id(one)) for one in group["params"]] for group in made.param_groups]
    moved = [place is not None for group in groups for place in group]
    if not any(moved):
        raise InvalidInput("optimiser", "one of the parameters that it is given", type(made).__name__)
    named, rate = f"{OWN}{type(made).__name__}-{fingerprint(made, groups)}", float(made.param_groups[0]["lr"])
    if not 0 < rate < math.inf:
        raise InvalidInput("optimiser", "one with a learning rate above 0", rate)
    if all(moved):
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter)
        fits = taken("optimiser", "one that takes steps with dense gradients", type(made).__name__)
        with fits, torch.random.fork_rng(devices=[]):
            made.step()
    return named, rate


def _backend(asked: Backend, make: MakeOptimiser | None, model: nn.Module) -> Backend:
    """Leave layers as they are for optimisers that look at more of a weight than each entry by itself."""
    if make is None or moves_entries_alone(make(list(copy.deepcopy(model).parameters()))):
        return asked
    if asked == "sparse":
        raise InvalidInput("backend", "masked with an optimiser that is none of PyTorch's entry by entry", asked)
    return "masked"


def _remember_start(model: nn.Module, folder: Path) -> None:
    """Write down which weights a run begins with, and say so if it began with others."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(bytes(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()))
    path = folder / _START
    try:
        known = path.read_text(encoding="utf-8") if path.exists() else None
    except (OSError, ValueError) as error:
        raise RunFolderError(folder, f"cannot be used ({getattr(error, 'strerror', None) or error})") from error
    if known is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise RunFolderError(folder, f"cannot be used ({getattr(error, 'strerror', None) or error})") from error
        write_whole(path, digest.hexdigest().encode())
    elif known != digest.hexdigest():
        said = f"{folder} has a run of this network that began with other weights, and goes on from those"
        warn(f"{said}; another seed, recipe or out starts anew")


def _trained(model: nn.Module, folder: Path) -> tuple[nn.Module, dict[str, Tensor]]:
    """Read the network from the checkpoint of its run."""
    checkpoint = load_checkpoint(folder)
    if checkpoint is None:
        raise InvalidInput("out", "a folder with a checkpoint", str(folder))
    trained, masks = copy.deepcopy(model).cpu(), {}
    weights = spread_weights(trained, dict(checkpoint.weights))
    for layer in layer_shapes(trained):  # a file has its tensors in any order
        name = f"{layer.name}.weight.mask_final" if layer.name else "weight.mask_final"
        if name in weights:
            masks[layer.name] = weights[name]
    trained.load_state_dict({name: tensor for name, tensor in weights.items() if ".mask_" not in name})
    attach_masks(trained, masks)
    return trained, masks
