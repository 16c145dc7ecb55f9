"""Check a source that was built, and write it only if it passes the check once it is read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ertheory.builders import Embedding, write_embedding
from ertheory.builders.factored.files import write_factored
from ertheory.builders.factored.result import FactoredChain
from ertheory.check import Check, check_embedding, check_file, float_bound
from ertheory.commands.arguments import called

__all__ = ["CheckFailed", "checked"]


class CheckFailed(Exception):
    """Leaves nothing behind of a file that did not pass."""


def checked(
    embedding: Embedding | FactoredChain, place: Path | None, options: dict[str, Any], *, with_masks: bool, force: bool
) -> tuple[Check, bool]:
    """Check a source, and write it where a place is given.

    Parameters
    ----------
    embedding
        What a builder returned.
    place
        Where it is written, or ``None``.
    options
        They are points, seed and progress of `ertheory.check_embedding`.
    with_masks, force
        They are as for `ertheory.write_embedding`.

    Returns
    -------
    tuple of Check and bool
        What was found, and whether it is what the builder claims.
    """
    if place is None:
        if isinstance(embedding, FactoredChain):
            options = {**options, "rationals": embedding.rationals}
        alone = check_embedding(embedding.target, embedding.source, embedding.masks, **options)
        return alone, _acceptable(embedding, alone)
    found: list[Check] = []

    def check(path: Path) -> None:
        found.append(check_file(path, embedding.target, masks=embedding.masks, **options))
        if not _acceptable(embedding, found[0]):
            raise CheckFailed

    how: dict[str, Any] = {"with_masks": with_masks, "force": force, "check": check}
    try:
        with called(path="out"):
            if isinstance(embedding, FactoredChain):
                write_factored(place, embedding, **how)
            else:
                write_embedding(place, embedding, **how)
    except CheckFailed:
        return found[0], False
    return found[0], True


def _acceptable(embedding: Embedding | FactoredChain, found: Check) -> bool:
    """Whether the source is the target, or as close to it as the approximate form claims."""
    box = embedding.source.domain
    if isinstance(embedding, FactoredChain) or embedding.coding.form != "approximate" or box is None:
        return found.passed
    networks = embedding.target, embedding.source
    rounding = sum(float(float_bound(network, box).max(initial=0.0)) for network in networks)
    return found.on_mask is True and found.max_abs_error <= float(embedding.error_bound or 0) + rounding
