"""SET-MLP, "Truly sparse neural networks at scale", run from the reader's own copy on one of our networks.

The copy is that of https://github.com/SelimaC/large-scale-sparse-neural-networks: its folder holds
set_mlp_sequential.py and utils/nn_functions.py, and nothing of it is changed. Only its readers of data and its monitor,
which ask for packages that a step does not, have stand-ins.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from torch import Tensor, nn

MAIN = "set_mlp_sequential"
_WITHOUT = {
    "utils.load_data": "load_fashion_mnist_data",
    "wasap_sgd": "",
    "wasap_sgd.train": "",
    "wasap_sgd.train.monitor": "Monitor",
}


class Published:
    """A masked network with ReLU between its layers, as their program holds and trains it: SGD with momentum."""

    def __init__(self, folder: Path, model: nn.Module, rate: float, momentum: float) -> None:
        program = _loaded(folder)
        layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
        functions = (*(program.Relu for _ in layers[1:]), program.Softmax)
        with contextlib.redirect_stdout(io.StringIO()):  # it says how many weights it draws, which are replaced
            self.network = program.SET_MLP((2,) * (len(layers) + 1), functions, epsilon=1)
        for place, layer in enumerate(layers, start=1):
            kind = self.network.w[place].dtype  # double precision, as they have it
            self.network.w[place] = csr_matrix(layer.weight.detach().numpy().T, dtype=kind)
            self.network.b[place] = layer.bias.detach().numpy().astype(self.network.b[place].dtype)
        self.network.loss = program.CrossEntropy()
        self.network.learning_rate, self.network.momentum = rate, momentum
        self.network.weight_decay = self.network.dropout_rate = 0.0

    def step(self, images: Any, labels: Any) -> None:
        """Take a step, as a round of their loop over batches does; labels are rows with a 1."""
        sums, activations, masks = self.network._feed_forward(images, True)
        self.network._back_prop(sums, activations, masks, labels)

    def weights(self) -> list[Any]:
        """Give the weights as ours stand, (outputs, inputs)."""
        return [self.network.w[place].toarray().T for place in sorted(self.network.w)]

    def held(self) -> int:
        """Count the bytes of weights and momentum with their places, and of gradients in single precision."""
        total = 0
        for place, kept in self.network.w.items():
            places = kept.indices.nbytes + kept.indptr.nbytes
            total += 2 * (kept.data.nbytes + places) + 4 * kept.nnz + places + 3 * self.network.b[place].nbytes
        return total


def one_hot(labels: Tensor, classes: int) -> Any:
    """Write labels as their program reads them."""
    return np.eye(classes, dtype=np.float32)[labels.numpy()]


def _loaded(folder: Path) -> ModuleType:
    if MAIN not in sys.modules:
        if not (folder / f"{MAIN}.py").is_file():
            msg = f"--set-mlp: expected a folder with {MAIN}.py, got {folder}"
            raise SystemExit(msg)
        sys.path.insert(0, str(folder))
        for name, member in _WITHOUT.items():
            sys.modules[name] = ModuleType(name)
            if member:
                setattr(sys.modules[name], member, None)
    return importlib.import_module(MAIN)
