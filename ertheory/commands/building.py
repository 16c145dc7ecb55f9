"""Build the target inside one drawn source, check it, and write it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.bounds import Reading
from ertheory.builders import BUILT, FORMS, Embedding, Form, Plan, plan, write_embedding
from ertheory.check import Check, check_embedding, check_file, float_bound
from ertheory.commands.arguments import called, read_delta, read_target
from ertheory.commands.points import read_points
from ertheory.commands.sampling import drawn_weights
from ertheory.errors import InvalidInput, TheoremNotApplicable, one_of
from ertheory.files import check_place
from ertheory.networks.arrays import read_box
from ertheory.networks.network import Network
from ertheory.networks.target import Target, network_of
from ertheory.numbers import Rational, whole_number

__all__ = ["Built", "embed"]

Array: TypeAlias = npt.NDArray[np.float64]
FilePath: TypeAlias = str | PathLike[str]

_UNBOUNDED = "unbounded"


@dataclass(frozen=True, kw_only=True)
class Built:
    """A source that holds the target.

    Parameters
    ----------
    plan
        The widths, and what they rest on.
    embedding
        The source, its masks, and the error bound.
    check
        What the checker found, which shares nothing with the builder.
    passed
        Whether the source is the target, or as close to it as the form of layer 0 claims.
    seed
        The seed of the masks.
    file
        Where the source was written, or ``None``.
    seconds
        How long building, checking and writing took.
    """

    plan: Plan
    embedding: Embedding
    check: Check
    passed: bool
    seed: int
    file: Path | None
    seconds: float


def embed(
    target: object,
    *,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    delta: Rational | None = None,
    confidence: Rational | None = None,
    failure_probability: Rational | None = None,
    method: str = "exact",
    layer0: Reading | None = None,
    seed: int = 0,
    domain: npt.ArrayLike | None = None,
    inputs: FilePath | npt.ArrayLike | None = None,
    activation: str | None = None,
    form: Form | None = None,
    out: FilePath | None = None,
    no_mask: bool = False,
    force: bool = False,
    planned: Callable[[Plan], object] | None = None,
    progress: Callable[[int], object] | None = None,
    checking: Callable[[int], object] | None = None,
) -> Built:
    """Build the target inside one random masked network and prove it, as ``ertheory embed`` does.

    Parameters
    ----------
    target
        Whatever `ertheory.load_target` reads. Where it gives widths alone, weights are drawn by the seed.
    density, sparsity
        Exactly one of them: one number for all layers of the source, or one per source layer, layer 0 first.
    delta, confidence, failure_probability
        Exactly one of them: the failure probability in (0, 1) by either name, or 1 minus it.
    method
        The statement whose widths the source gets; one that can be built.
    layer0
        How layer 0 is read; the method chooses if this is left out.
    seed
        The seed of the masks, a whole number of at least 0.
    domain
        The box of the inputs: one interval (a, b) for all of them, shape (d, 2) for one each, or ``"unbounded"``. If
        left out, it is the box of the target, or else [0, 1] for each input.
    inputs
        Points of the box, shape (n, d), at which errors are measured, or a .npy or .npz file of them. If left out,
        they are drawn by the seed.
    activation
        An activation that takes the place of the target's own, such as ``relu`` or ``gelu``.
    form
        How layer 0 hands inputs on, one of `ertheory.builders.FORMS`. If left out, the exact one that fits.
    out
        Where the source is written: .npz or .safetensors. Nothing is written if this is left out.
    no_mask
        Whether the masks are left out of the file; they can be drawn again from its seed and densities.
    force
        Whether a file that exists is written over.
    planned
        A function that is given the plan before the masks are drawn.
    progress
        A function that is told of mask entries that were drawn.
    checking
        A function that is told how many points the check has evaluated.

    Raises
    ------
    ConstructionFailed
        If the mask lacks an edge, which happens with probability delta at most.
    InvalidInput
        If an argument lies outside its domain.
    TheoremNotApplicable
        If the statement does not hold for this source.

    Examples
    --------
    >>> built = embed("3-4-2", sparsity=0.5, delta=0.05, seed=1)
    >>> built.passed, built.check.exact, built.plan.answer.widths
    (True, True, (48, 36, 2))
    """
    seed = whole_number("seed", seed, least=0)
    place = None if out is None else Path(out)
    if place is not None:
        with called(path="out"):
            check_place(place, force=force)
    known = read_target(target)
    network = _network(drawn_weights(known, seed), activation, domain)
    chosen = plan(
        network,
        method=one_of("method", method, BUILT),
        density=density,
        sparsity=sparsity,
        failure_probability=read_delta(delta, confidence, failure_probability),
        layer0=layer0,
        form=None if form is None else one_of("form", form, FORMS),
    )
    if chosen.coding.error is None and chosen.layer0 != "coded":
        msg = f"{network.activation}: weights would have to be rounded, which unbounded inputs turn into any error"
        raise TheoremNotApplicable(f"{msg}; state a box by `domain`")
    points = None if inputs is None else read_points(inputs, chosen.network.domain)
    if planned is not None:
        planned(chosen)
    started = time.perf_counter()
    embedding = chosen.embed(seed, progress=progress)
    if embedding.error_bound is None:
        raise InvalidInput("target", "weights and a box on which rounding costs less than 1e308", str(known))
    options = {"points": points, "seed": seed, "progress": checking}
    found, passed = _checked(embedding, place, options, with_masks=not no_mask, force=force)
    return Built(
        plan=chosen,
        embedding=embedding,
        check=found,
        passed=passed,
        seed=seed,
        file=place if passed else None,
        seconds=time.perf_counter() - started,
    )


def _network(target: Target, activation: str | None, domain: npt.ArrayLike | None) -> Network:
    network = network_of(target, activation=activation)
    if isinstance(domain, str):
        one_of("domain", domain, (_UNBOUNDED,))
        return Network(network.steps)
    if domain is None and network.domain is not None:
        return network
    return Network(network.steps, read_box((0.0, 1.0) if domain is None else domain, network.inputs))


class _CheckFailed(Exception):
    """Leaves nothing behind of a file that did not pass."""


def _checked(
    embedding: Embedding, place: Path | None, options: dict[str, Any], *, with_masks: bool, force: bool
) -> tuple[Check, bool]:
    """Check the source; write it, but only if it passes the check once it is read back."""
    if place is None:
        alone = check_embedding(embedding.target, embedding.source, embedding.masks, **options)
        return alone, _acceptable(embedding, alone)
    found: list[Check] = []

    def check(path: Path) -> None:
        found.append(check_file(path, embedding.target, masks=embedding.masks, **options))
        if not _acceptable(embedding, found[0]):
            raise _CheckFailed

    try:
        with called(path="out"):
            write_embedding(place, embedding, with_masks=with_masks, force=force, check=check)
    except _CheckFailed:
        return found[0], False
    return found[0], True


def _acceptable(embedding: Embedding, checked: Check) -> bool:
    """Whether the source is the target, or as close to it as the approximate form claims."""
    box = embedding.source.domain
    if embedding.coding.form != "approximate" or box is None:
        return checked.passed
    networks = embedding.target, embedding.source
    rounding = sum(float(float_bound(network, box).max(initial=0.0)) for network in networks)
    return checked.on_mask is True and checked.max_abs_error <= float(embedding.error_bound or 0) + rounding
