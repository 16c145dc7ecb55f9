"""Measured answers: the widths at which builders succeed, and whether a law agrees with drawn masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy.typing as npt

from ertheory.bounds import Reading
from ertheory.commands.arguments import read_delta, read_target, refuse_given
from ertheory.commands.written import Whole, read_box_text, read_whole
from ertheory.errors import one_of
from ertheory.montecarlo import CALIBRATED, Calibration, Verification
from ertheory.montecarlo import calibrate as calibrate_target
from ertheory.montecarlo import verify as verify_statement
from ertheory.montecarlo.generic_ranks import calibrate_ranks
from ertheory.numbers import Rational

__all__ = ["calibrate", "verify"]


def calibrate(
    target: object,
    *,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    delta: Rational | None = None,
    confidence: Rational | None = None,
    failure_probability: Rational | None = None,
    method: str = "sharp",
    layer0: Reading | None = None,
    domain: npt.ArrayLike | None = None,
    level: Rational = "0.99",
    resolution: Rational = "0.01",
    seed: Whole = 0,
    workers: Whole | None = None,
    factors: Whole | None = None,
    progress: Callable[[int], object] | None = None,
) -> Calibration:
    """Measure the widths at which a builder succeeds, beside the proved ones, as ``ertheory calibrate`` does.

    Parameters
    ----------
    target
        A file, or whatever `ertheory.read_target` reads; one without weights stands for almost all weights.
    density, sparsity
        Exactly one of them is given: one number for all layers of the source, or one per source layer, layer 0 first.
    delta, confidence, failure_probability
        Exactly one of them is given: the failure probability in (0, 1) by either name, or 1 minus it.
    method
        The statement with whose widths the search begins, one of `ertheory.montecarlo.CALIBRATED`, or ``factored``:
        then masks are looked for that reach an open set of maps, as their ranks over a prime field say.
    layer0
        How layer 0 is read; the method chooses if this is left out.
    domain
        The box of the inputs: one interval (a, b) for all of them, or shape (d, 2). If left out, it is the box of the
        target, or else [0, 1] for each input.
    level
        The confidence of all conclusions together, in (0, 1).
    resolution
        The search ends when it knows each width up to this share of it, in (0, 1).
    seed
        The seed of the masks, a whole number of at least 0.
    workers
        The number of processes; one per processor if left out. No result depends on it.
    factors
        The method ``factored`` has 2 or 3 masked maps for each map of the target; 2 if left out.
    progress
        A function that is told of masks that were looked at.

    Returns
    -------
    Calibration
        The proved widths, the measured ones, and the tests between them.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.

    Examples
    --------
    >>> options = {"delta": "1/4", "resolution": "1/5", "workers": 1}
    >>> calibrate("1-4-6", method="matching", density="1,1,1/2", **options).widths
    (1, 16, 6)
    """
    known, domain = read_target(target), read_box_text(domain)
    seed, workers = read_whole("seed", seed), read_whole("workers", workers)
    if domain is None and known.network is not None and known.domain is None:
        domain = (0.0, 1.0)
    if one_of("method", method, (*CALIBRATED, "factored")) == "factored":
        refuse_given("a method that reads it", layer0=layer0, domain=domain)
        return calibrate_ranks(
            known,
            factors=2 if factors is None else read_whole("factors", factors),
            density=density,
            sparsity=sparsity,
            failure_probability=read_delta(delta, confidence, failure_probability),
            level=level,
            resolution=resolution,
            seed=seed,
            workers=workers,
            progress=progress,
        )
    refuse_given("`method` factored to go with it", factors=factors)
    return calibrate_target(
        known,
        method=method,
        density=density,
        sparsity=sparsity,
        failure_probability=read_delta(delta, confidence, failure_probability),
        layer0=layer0,
        domain=domain,
        level=level,
        resolution=resolution,
        seed=seed,
        workers=workers,
        progress=progress,
    )


def verify(
    statement: str,
    *,
    trials: Whole | None = None,
    seed: Whole = 0,
    build: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Verification:
    """Check the law of a statement against masks that are really drawn, as ``ertheory verify`` does.

    Parameters
    ----------
    statement
        One of `ertheory.montecarlo.STATEMENTS`.
    trials
        The number of masks to draw, from 1 to 10^9. If left out, as many as the statement needs.
    seed
        The seed of the masks, a whole number of at least 0.
    build
        Whether a source is built in every mask and proved to be the target, instead of reading the event off the mask.
    progress
        A function that is told the number of finished trials.

    Returns
    -------
    Verification
        What was counted, with an exact interval, and what the law predicts.

    Raises
    ------
    InvalidInput
        If there is no such statement, a number is out of range, or there is nothing to build.

    Examples
    --------
    >>> verify("theorem-2.3", trials=1_000, seed=5).agrees
    True
    """
    drawn, first = read_whole("trials", trials), read_whole("seed", seed)
    return verify_statement(statement, trials=drawn, seed=first, build=build, progress=progress)
