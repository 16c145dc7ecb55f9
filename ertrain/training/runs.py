"""The folder of a run: made once, taken up again after any interruption, complete when ``result.json`` is there.

config.json             the configuration, and its hash
environment.json        what it ran on: a list, one entry per kind of machine or version it was taken up on
metrics.jsonl           a line per epoch
checkpoint.safetensors  weights and masks, in the forms of `ertrain.training.kept_files`; state.safetensors and
                        state.json beside it
start.json              what the mask looked like before training
result.json             written last
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ertheory.errors import warn
from ertheory.layerwise import LayerDensities
from ertrain.configuration import OWN, Configuration
from ertrain.errors import RunFolderError
from ertrain.masks.entries import kept_by_neurons, whole_size
from ertrain.masks.flops import forward_flops, training_flops
from ertrain.masks.flow import DeadNeurons, dead_neurons, expected_without_weights
from ertrain.masks.masking import masks_of, without_masks
from ertrain.masks.structured import is_structured
from ertrain.methods import FixedMask
from ertrain.storage.canonical import read_configuration
from ertrain.storage.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from ertrain.storage.files import locked, read_json, write_json, write_whole
from ertrain.training.kept_files import held, written
from ertrain.training.memory import dense_memory, peak_memory, training_memory
from ertrain.training.optimisers import optimiser_tensors, restore_optimiser
from ertrain.training.process_group import ProcessGroup
from ertrain.training.state import TrainingState
from ertrain.training.threads import threads

__all__ = ["Run", "environment", "open_run"]

_SCHEMA = 1
_MOST_THREADS = 1024
_DECIDE = ("torch", "numpy", "machine", "device", "cuda", "threads", "processes")  # what bits may depend on
_START_NEEDS: Mapping[str, type | tuple[type, ...]] = {
    "densities": list,
    "density_realised": (int, float),
    "flops_forward": int,
    "flops_forward_dense": int,
    "without_weights": int,
    "without_weights_expected": (int, float, type(None)),
    "dead_neurons": (int, type(None)),
    "neurons": (int, type(None)),
}
_START_ALSO = {"flops_search": int, "layers": list}


@dataclass(frozen=True)
class Run:
    """An open run: its folder is locked for this process.

    Parameters
    ----------
    folder
        Where its files are.
    configuration
        What it trains.
    """

    folder: Path
    configuration: Configuration

    def known_densities(self) -> list[float] | None:
        """Densities of the layers, if they have been found out before: some take long."""
        known = self._start()
        if known is None:
            return None
        densities = known["densities"]
        if not all(type(one) in (int, float) and 0 <= one <= 1 for one in densities):
            raise RunFolderError(self.folder / "start.json", "densities are not numbers in [0, 1]")
        return list(densities)

    def _start(self) -> Any:
        return read_json(self.folder / "start.json", _START_NEEDS, _START_ALSO)

    def describe_start(
        self, model: nn.Module, densities: LayerDensities, inputs: tuple[int, ...], *, search: int
    ) -> None:
        """Write down what the masks look like before training, for inputs of a shape.

        `search` are the operations by which the densities were found, unless that was done by an earlier process.
        """
        masks, known = masks_of(model), self._start()
        layers = self._dead_neurons(model, inputs)
        content = {
            "densities": list(densities.densities),
            "density_realised": _share([_layer(model, name, mask) for name, mask in masks.items()]),
            "flops_forward": forward_flops(model, inputs),
            "flops_forward_dense": forward_flops(model, inputs, dense=True),
            "flops_search": search if known is None else _searched(known),
            "without_weights": sum(
                int((kept_by_neurons(model.get_submodule(name), mask) == 0).sum()) for name, mask in masks.items()
            ),
            "without_weights_expected": None
            if is_structured(self.configuration.drawing)
            else expected_without_weights(
                densities, drawing=self.configuration.drawing, repair=self.configuration.repair
            ),
            "dead_neurons": None if layers is None else sum(layer.dead for layer in layers),
            "neurons": None if layers is None else sum(layer.neurons for layer in layers),
            "layers": [asdict(layer) for layer in layers or ()],
        }
        write_json(self.folder / "start.json", content)

    def _dead_neurons(self, model: nn.Module, inputs: tuple[int, ...]) -> tuple[DeadNeurons, ...] | None:
        """Count them, or say that they are not known of somebody's own network, in which anything may stand."""
        try:
            return dead_neurons(model, inputs)
        except (IndexError, NotImplementedError, RuntimeError, TypeError, ValueError):
            if not self.configuration.model.startswith(OWN):
                raise
            return None

    def save(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        state: TrainingState,
        method: FixedMask | None = None,
    ) -> None:
        """Write a checkpoint; without a method the masks are those that were drawn."""
        masks = masks_of(model)
        drawn = masks if method is None else method.drawn
        weights = without_masks(model.state_dict()) | ({} if method is None else method.weights())
        for name, mask in masks.items():
            parameter = f"{name}.weight" if name else "weight"
            weights |= {f"{parameter}.mask_initial": drawn[name].clone(), f"{parameter}.mask_final": mask.clone()}
        tensors = {f"best.{name}": tensor for name, tensor in state.best_weights.items()}
        if method is not None:
            tensors |= {f"method.{name}": tensor for name, tensor in method.state().items()}
        tensors |= {f"optimiser.{name}": tensor for name, tensor in optimiser_tensors(optimiser).items()}
        save_checkpoint(self.folder, Checkpoint(*written(model, optimiser, method, weights, tensors), state.scalars))

    def resume(self, model: nn.Module, optimiser: torch.optim.Optimizer, method: FixedMask) -> TrainingState | None:
        """Take up where the last checkpoint stands; None if there is none yet."""
        checkpoint = load_checkpoint(self.folder)
        if checkpoint is None:
            return None
        try:
            return self._take_up(checkpoint, model, optimiser, method)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            allowed = f"a checkpoint of something else than this run ({type(error).__name__}: {error})"
            raise RunFolderError(self.folder, f"{allowed}; remove the folder to start it again") from error

    @staticmethod
    def _take_up(
        checkpoint: Checkpoint, model: nn.Module, optimiser: torch.optim.Optimizer, method: FixedMask
    ) -> TrainingState:
        known = model.state_dict()
        loaded = {}
        weights, tensors = held(model, optimiser, method, dict(checkpoint.weights), dict(checkpoint.state))
        for name, tensor in weights.items():
            if name.endswith(".mask_final"):
                loaded[name.removesuffix(".mask_final") + "_mask"] = tensor
            elif name in known:
                loaded[name] = tensor
        model.load_state_dict(loaded)
        kinds: dict[str, dict[str, Tensor]] = {"best": {}, "method": {}, "optimiser": {}}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition(".")
            kinds[kind][rest] = tensor
        restore_optimiser(optimiser, kinds["optimiser"])
        method.load(kinds["method"])
        state = TrainingState.from_scalars(checkpoint.scalars, kinds["best"])
        method.flops = state.flops
        return state

    def record(self, *lines: dict[str, Any]) -> None:
        """Add lines to the metrics."""
        path = self.folder / "metrics.jsonl"
        try:
            with path.open("ab") as file:
                file.write("".join(json.dumps(line, allow_nan=False) + "\n" for line in lines).encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RunFolderError(path, f"cannot be written ({error.strerror or error})") from error

    def finish(
        self,
        model: nn.Module,
        state: TrainingState,
        data: dict[str, Any],
        seen: int,
        method: FixedMask | None = None,
        /,
        *,
        backend: str = "masked",
        memory: int | None = None,
        **accuracies: float | None,
    ) -> None:
        """Write the result: data as described, and how many images one training sees, all its epochs together.

        That is what the dense network would be trained with, once, however many rounds or levels the method has. Where
        the state does not say what training took, it is that of the masks at the start, and where nobody says what
        memory it took, that of masked layers.
        """
        start, configuration = self._start(), self.configuration
        layers = [
            _layer(model, name, mask & (model.get_submodule(name).get_parameter("weight") != 0))
            for name, mask in masks_of(model).items()
        ]
        content = {
            "schema": _SCHEMA,
            "recipe": configuration.recipe,
            "config_hash": configuration.hash,
            "model": configuration.model,
            "width": configuration.width,
            "method": configuration.method,
            "ratio": configuration.ratio,
            "density_target": configuration.density,
            "density_realised": start["density_realised"],
            "density_final": _share(layers),
            "without_weights": start["without_weights"],
            "without_weights_expected": start["without_weights_expected"],
            "dead_neurons": start["dead_neurons"],
            "neurons": start["neurons"],
            "layers": layers,
            **{name: one if one is None or math.isfinite(one) else None for name, one in accuracies.items()},
            "accuracy_validation": state.validation,
            "accuracy_validation_best": state.best if state.best_epoch > 0 else None,
            "diverged": state.diverged or not all(bool(one.isfinite().all()) for one in model.parameters()),
            "best_epoch": state.best_epoch,
            "epochs": state.epochs,
            "seed": configuration.seed,
            "seconds": round(state.seconds, 3),
            "flops_train": _searched(start) + (state.flops or training_flops(start["flops_forward"], seen)),
            "flops_search": _searched(start),
            "flops_dense": training_flops(start["flops_forward_dense"], seen),
            "memory_train": training_memory(model, configuration, method) if memory is None else memory,
            "memory_dense": dense_memory(model, configuration),
            "memory_peak": peak_memory(),
            "backend": backend,
            "data": data,
        }
        write_json(self.folder / "result.json", content)

    def drop_metrics_after(self, epochs: int) -> None:
        """Drop lines of epochs that the checkpoint does not know, and what a kill left of a line."""
        path = self.folder / "metrics.jsonl"
        lines = []
        for line in path.read_bytes().splitlines() if path.exists() else []:
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                if json.loads(line)["epoch"] <= epochs:
                    lines.append(line + b"\n")
        write_whole(path, b"".join(lines))


@contextlib.contextmanager
def open_run(configuration: Configuration, parent: Path, processes: ProcessGroup) -> Iterator[Run]:
    """Open the folder of a configuration, making it if it is new; the first process locks it for all of the run.

    Raises
    ------
    RunFolderError
        If another process is in there, it cannot be written to, or it belongs to another configuration.
    """
    folder = parent / configuration.folder
    if not processes.is_main:
        yield Run(folder, configuration)
        return
    with locked(folder):
        known = read_configuration(folder)
        content = {"hash": configuration.hash, **configuration.to_dict()}
        if known is None:
            write_json(folder / "config.json", content)
        elif known["hash"] != configuration.hash:
            raise RunFolderError(folder, "belongs to another configuration")
        seen = read_json(folder / "environment.json")
        if not isinstance(seen, list | None) or not all(isinstance(one, dict) for one in seen or []):
            raise RunFolderError(folder / "environment.json", "a list of objects is expected")
        seen = seen or []
        with threads(_threads_of(seen, folder, processes)):
            here = environment(processes)
            unknown = {name for one in seen for name in one}.difference(here)
            if unknown:
                raise RunFolderError(folder / "environment.json", f"{min(unknown)!r} is no name that is written there")
            if here not in seen:
                _tell_of_differences(seen, here, folder)
                write_json(folder / "environment.json", [*seen, here])
            yield Run(folder, configuration)


def _threads_of(seen: list[dict[str, Any]], folder: Path, processes: ProcessGroup) -> int:
    """Give the number of threads that a run was begun with, which its last bits depend on."""
    now = torch.get_num_threads()
    began = seen[0].get("threads") if seen else now
    if type(began) is not int or not 1 <= began <= _MOST_THREADS or processes.world_size > 1:
        return now
    if began != now and processes.device.type == "cpu":
        said = f"{folder} was begun with {began} threads and goes on with as many, not {now}, to the same bits"
        warn(said)
        return began
    return now


def _tell_of_differences(seen: list[dict[str, Any]], here: dict[str, Any], folder: Path) -> None:
    """Say what is not as it was when a run began, so that other bits may come of it."""
    began = seen[0] if seen else here
    changed = [
        f"{name} {began.get(name)} before, {here[name]} now" for name in _DECIDE if began.get(name) != here[name]
    ]
    if changed:
        said = f"{folder} goes on elsewhere than it was begun ({'; '.join(changed)}): its last bits may differ"
        warn(said)


def environment(processes: ProcessGroup) -> dict[str, Any]:
    """Describe what a run runs on: versions, and the kind of machine, but neither its name nor its user."""
    import numpy
    import safetensors

    from ertheory import __version__

    cuda = processes.device.type == "cuda"
    return {
        "ertheory": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "safetensors": safetensors.__version__,
        "system": platform.system(),
        "machine": platform.machine(),
        "device": torch.cuda.get_device_name(processes.device) if cuda else "cpu",
        "cuda": torch.version.cuda if cuda else None,
        "threads": torch.get_num_threads(),
        "processes": processes.world_size,
    }


def _searched(start: Mapping[str, Any]) -> int:
    """Read what the search for densities took; older files do not say."""
    found = start.get("flops_search")
    return found if type(found) is int else 0


def _layer(model: nn.Module, name: str, kept: Tensor) -> dict[str, Any]:
    return {"name": name, "weights": whole_size(model.get_submodule(name)), "nonzeros": int(kept.sum())}


def _share(layers: list[dict[str, Any]]) -> float:
    return float(sum(layer["nonzeros"] for layer in layers) / sum(layer["weights"] for layer in layers))
