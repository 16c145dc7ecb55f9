"""The file of a factored source: the arrays of any source, and an activation for each of its layers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ertheory.builders.factored.networks import FactoredNetwork
from ertheory.builders.factored.result import FactoredChain
from ertheory.builders.files import described_steps, drawn_texts, source_arrays
from ertheory.files import write_arrays
from ertheory.masks import read_mask
from ertheory.networks.network import Activation

__all__ = ["write_factored", "write_network"]


def write_factored(
    path: str | Path,
    chain: FactoredChain,
    *,
    with_masks: bool = True,
    force: bool = False,
    check: Callable[[Path], None] | None = None,
) -> None:
    """Write a factored source to a .npz or .safetensors file; arguments as for `write_embedding`.

    Raises
    ------
    InvalidInput
        If the place cannot be written to.

    Notes
    -----
    As `write_embedding` says, with ``activation`` an array of 2L - 1 texts, a JSON list in .safetensors. Where the
    source was solved for in rational numbers, ``rationals`` holds them as JSON: for each solved layer its number, and
    the weights in the order of ``W{l}_data`` as texts such as ``-2/3``.
    """
    path = Path(path)
    arrays = source_arrays(chain.source, chain.masks if with_masks else ())
    names = [step.name for step in chain.source.steps if isinstance(step, Activation)]
    texts: dict[str, str] = {}
    if path.suffix.lower() == ".npz":
        arrays["activation"] = np.array(names)
    else:
        texts["activation"] = json.dumps(names)
    texts |= drawn_texts(chain.masks)
    if chain.rationals is not None:
        texts["rationals"] = json.dumps(
            {str(layer): [str(one) for one in row] for layer, row in chain.rationals.items()}
        )
    write_arrays(path, arrays, texts, force=force, check=check)


def write_network(
    path: str | Path, built: FactoredNetwork, *, force: bool, check: Callable[[Path], None] | None
) -> None:
    """Write the source of a network that is no chain to a .npz or .safetensors file, with its masks.

    Raises
    ------
    InvalidInput
        If the place cannot be written to.

    Notes
    -----
    As `write_embedding` says, with ``steps``. Of several kinds of activations ``activation`` is a list, with one name
    for each layer but the last.
    """
    source = built.source
    names = [source.activation] if len(source.activations) < 2 else source.behind()
    texts = {"activation": json.dumps(names) if len(names) > 1 else names[0]}
    texts["steps"] = json.dumps(described_steps(source.steps))
    arrays = source_arrays(source, [read_mask(mask) for mask in built.masks])
    write_arrays(Path(path), arrays, texts, force=force, check=check)
