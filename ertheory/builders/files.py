"""The file of an embedding: the source as it is to be evaluated, and the masks that it lies on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ertheory.bounds.result import rational_text
from ertheory.builders.result import Embedding
from ertheory.files import write_arrays
from ertheory.masks import DrawnMask, Mask, seed_of
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual, Step

__all__ = ["described_steps", "drawn_texts", "source_arrays", "write_embedding"]


def write_embedding(
    path: str | Path,
    embedding: Embedding,
    *,
    with_masks: bool = True,
    force: bool = False,
    check: Callable[[Path], None] | None = None,
) -> None:
    """Write the source to a .npz or .safetensors file.

    Parameters
    ----------
    path
        It says where to write; the file is either complete or not there.
    embedding
        What a builder returned.
    with_masks
        Whether to write the whole masks, four bytes for every entry that they keep. Drawn masks can be drawn again
        from the seed and the densities, which are written in any case.
    force
        Whether to write over an existing file.
    check
        It is called with the complete file before it gets its name; what it raises leaves nothing behind.

    Raises
    ------
    InvalidInput
        If the place cannot be written to.

    Notes
    -----
    For each source layer l: ``W{l}_data``, ``W{l}_indices``, ``W{l}_indptr`` and ``W{l}_shape`` (CSR, doubles),
    ``b{l}``, and ``mask{l}_indices``, ``mask{l}_indptr``. Further ``domain`` where there is a box, ``activation``,
    ``seed`` and ``densities`` of drawn masks, and ``steps``, in JSON, where the source is no chain of fully connected
    layers.
    """
    arrays = source_arrays(embedding.source, embedding.masks if with_masks else ())
    write_arrays(Path(path), arrays, _texts(embedding), force=force, check=check)


def source_arrays(source: Network, masks: Sequence[Mask]) -> dict[str, npt.NDArray[Any]]:
    """Give the arrays of a source and of its masks, under the names that they have in a file."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for layer, step in enumerate(source.affine):
        arrays[f"W{layer}_data"] = step.weight.data
        arrays[f"W{layer}_indices"] = step.weight.indices
        arrays[f"W{layer}_indptr"] = step.weight.indptr
        arrays[f"W{layer}_shape"] = np.array(step.weight.shape, dtype=np.int64)
        arrays[f"b{layer}"] = step.bias
    for layer, mask in enumerate(masks):
        starts, columns = mask.rows(0, mask.shape[0])
        arrays[f"mask{layer}_indptr"], arrays[f"mask{layer}_indices"] = starts, columns
    if source.domain is not None:
        arrays["domain"] = source.domain
    return arrays


def _texts(embedding: Embedding) -> dict[str, str]:
    texts = {"activation": embedding.source.activation}
    if not embedding.source.is_chain:
        texts["steps"] = json.dumps(described_steps(embedding.source.steps))
    return texts | drawn_texts(embedding.masks)


def drawn_texts(masks: Sequence[Mask]) -> dict[str, str]:
    """Give the seed and the densities that masks can be drawn again from; nothing if one was given."""
    drawn = [mask for mask in masks if isinstance(mask, DrawnMask)]
    seed = seed_of(masks)
    if seed is None or len(drawn) < len(masks):
        return {}
    return {"seed": str(seed), "densities": ",".join(rational_text(mask.density) for mask in drawn)}


def described_steps(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Give the steps of a source as JSON can hold them, its affine steps by number."""
    return _described(steps, itertools.count())


def _described(steps: Sequence[Step], numbers: Any) -> list[dict[str, Any]]:
    return [_one(step, numbers) for step in steps]


def _one(step: Step, numbers: Any) -> dict[str, Any]:
    if isinstance(step, Affine):
        return {
            "affine": next(numbers),
            "inputs": step.inputs,
            "kernel": list(step.kernel),
            "stride": list(step.stride),
            "padding": list(step.padding),
            "dilation": list(step.dilation),
            "groups": step.groups,
        }
    if isinstance(step, Activation):
        return {"activation": step.name}
    if isinstance(step, Pool):
        outputs: dict[str, Any] = {"outputs": list(step.outputs)} if step.outputs else {}
        outputs |= {"ceil": True} if step.ceil else {}
        outputs |= {} if step.counted else {"counted": False}
        return {
            "pool": step.kind,
            "size": list(step.size),
            "stride": list(step.stride),
            "padding": list(step.padding),
            **outputs,
        }
    if isinstance(step, Flatten):
        return {"flatten": True}
    assert isinstance(step, Residual)
    return {"residual": {"branch": _described(step.branch, numbers), "skip": _described(step.skip, numbers)}}
