"""Small networks with weights, to try the commands with."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ertheory.commands.arguments import called, read_target
from ertheory.commands.written import Whole, read_whole
from ertheory.errors import InvalidInput
from ertheory.networks.readers.targets import write_target
from ertheory.networks.target import Target
from ertheory.numbers import whole_number

__all__ = ["drawn_weights", "sample"]

_STEPS = 2**10  # weights are multiples of 1 / 1024, so that sources need no rounding


def sample(
    target: object = "4-8-3", *, seed: Whole = 0, out: str | PathLike[str] | None = None, force: bool = False
) -> Target:
    """Draw the weights of a small network to try the commands with, as ``ertheory sample`` does.

    Parameters
    ----------
    target
        The widths of a fully connected network, such as ``4-8-3``.
    seed
        The seed of the weights, a whole number of at least 0.
    out
        Where the network is written: .npz or .safetensors. Nothing is written if this is left out.
    force
        Whether a file that exists is written over.

    Returns
    -------
    Target
        Weights and biases from the normal distribution, scaled by 1 / sqrt(fan-in) and rounded to multiples of 1/1024
        that are not 0, and the box [-1, 1] of each input.

    Raises
    ------
    InvalidInput
        If the widths are none, or the place cannot be written to.

    Examples
    --------
    >>> sample("2-3-1", seed=4).weights[0].shape
    (3, 2)
    """
    seed = whole_number("seed", read_whole("seed", seed), least=0)
    known = read_target(target)
    if known.network is not None:
        raise InvalidInput("target", "widths such as 4-8-3, without weights", str(known))
    drawn = drawn_weights(known, seed)
    if out is not None:
        with called(path="out"):
            write_target(Path(out), drawn, force=force)
    return drawn


def drawn_weights(target: Target, seed: int) -> Target:
    """Give the target, with weights that are drawn by the seed where it has none.

    Examples
    --------
    >>> drawn_weights(read_target("2-3-1"), 0).domain.tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """
    if target.network is not None:
        return target
    if any(layer.row_nonzeros is not None or layer.kernel or layer.positions > 1 for layer in target.layers):
        allowed = "a network with its weights and the geometry of its convolutions, such as a module or a .onnx file"
        raise InvalidInput("target", allowed, f"{str(target)[:60]}, known by its counts alone")
    random = np.random.default_rng(seed)

    def draw(*shape: int, inputs: int) -> npt.NDArray[np.float64]:
        rounded = np.round(random.standard_normal(shape) / np.sqrt(inputs) * _STEPS) / _STEPS
        return np.where(rounded == 0, 1 / _STEPS, rounded)

    weights = [draw(one.outputs, one.inputs, inputs=one.inputs) for one in target.layers]
    biases = [draw(one.outputs, inputs=one.inputs) for one in target.layers]
    return Target.from_arrays(weights, biases, domain=[(-1, 1)] * target.inputs)
