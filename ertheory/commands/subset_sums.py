"""How many random variables come close to a target by a subset sum: proved, measured, printed or simulated."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from ertheory.bounds import LAWS, MODES, LawLike, Mode, SubsetSumCount, UniformPart, n_required
from ertheory.commands.arguments import called, near_zero_is_density, read_delta, read_one_density, refuse_given
from ertheory.commands.written import Whole, read_whole
from ertheory.errors import InvalidInput, one_of
from ertheory.montecarlo import SimulatedSubsetSum, simulate_subset_sum
from ertheory.numbers import Rational, exact_rational, probability

__all__ = ["read_law", "subset_sum"]

_PARTS = {"half_width": "a number B above 0", "mass": "a probability A in (0, 1]"}


def subset_sum(
    *,
    epsilon: Rational,
    density: Rational | None = None,
    sparsity: Rational | None = None,
    delta: Rational | None = None,
    confidence: Rational | None = None,
    failure_probability: Rational | None = None,
    z: Rational | None = None,
    uniform: bool = False,
    law: LawLike | str = "uniform",
    mode: Mode | None = None,
    constant: Rational | None = None,
    blocks: bool = False,
    extrapolate: bool = False,
    kept: Whole | None = None,
    locked: Rational | None = None,
    simulate: bool = False,
    trials: Whole | None = None,
    seed: Whole | None = None,
    level: Rational | None = None,
    workers: Whole | None = None,
    progress: Callable[[int], object] | None = None,
) -> SubsetSumCount | SimulatedSubsetSum:
    """Compute how many random variables a subset sum under a mask needs, as ``ertheory subset-sum`` does.

    Parameters
    ----------
    epsilon
        The distance to the target that is allowed, in (0, 1).
    density, sparsity
        Exactly one of them is given: the probability that a variable survives the mask, in (0, 1], or 1 minus it.
    delta, confidence, failure_probability
        Exactly one of them is given: the failure probability in (0, 1) by either name, or 1 minus it.
    z
        The target, in [-1, 1] unless `blocks` is set; 1 if left out.
    uniform
        Whether every target in [-1, 1] has to be met at once, instead of one.
    law
        The law of the variables: ``uniform``, U[-1,1]; ``product``, U[-1,1] times U[0,1]; or ``"B,A"``, any law that is
        uniform on [-B, B] with probability A, which mode ``rigorous`` reads, also as a `UniformPart`.
    mode
        ``rigorous`` (proved; if left out), ``calibrated`` (measured) or ``printed`` (with `constant`).
    constant
        The constant of the printed formula, which the paper does not name.
    blocks
        Whether a target beyond [-1, 1] is split into blocks of variables, in mode ``rigorous``.
    extrapolate
        Whether mode ``calibrated`` may answer outside the ranges that were measured.
    kept
        No sum may have more than so many variables, which guarantees the sparsity of a ticket (mode ``rigorous``).
    locked
        The probability, below the density, that a variable is part of every sum and cannot be left out, as in a
        partially frozen network (mode ``rigorous``); 0 if left out.
    simulate
        Whether the number is measured by Monte Carlo instead.
    trials, seed, level, workers
        The number of trials of the simulation, its seed (0 if left out), the level of its interval (0.95 if left out),
        and the number of its threads.
    progress
        A function that is told the number of finished trials.

    Returns
    -------
    SubsetSumCount or SimulatedSubsetSum
        The number of variables, with bounds on its failure probability, or with the interval of a simulation.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain, or outside what was measured, or has nothing to act on.

    Examples
    --------
    >>> subset_sum(density=0.5, epsilon=0.01, delta=0.01).n
    69
    >>> subset_sum(density=0.5, epsilon=0.01, delta=0.01, kept=8).n
    227
    >>> subset_sum(density=0.5, epsilon=0.01, delta=0.01, locked=0.1).n
    227
    >>> subset_sum(density=0.5, epsilon=0.1, delta=0.1, simulate=True, trials=20_000).n
    19
    """
    chosen = "rigorous" if mode is None else one_of("mode", mode, MODES)
    if simulate:
        refuse_given(
            "no `simulate` beside it",
            mode=mode,
            constant=constant,
            blocks=blocks,
            extrapolate=extrapolate,
            kept=kept,
            locked=locked,
        )
    else:
        refuse_given("`simulate` to go with it", trials=trials, seed=seed, level=level, workers=workers)
        if chosen != "calibrated":
            refuse_given("`mode` calibrated to go with it", extrapolate=extrapolate)
    share = read_one_density(density, sparsity)
    tolerance = probability("epsilon", epsilon)
    failure = read_delta(delta, confidence, failure_probability)
    if uniform and z is not None:
        raise InvalidInput("z", "no target with `uniform`, which is about all of [-1, 1]", z)
    goal = Fraction(1) if z is None else exact_rational("z", z)
    if abs(goal) > 1 and not blocks:
        allowed = "a target in [-1, 1]; `blocks` splits a larger one into blocks of variables (mode rigorous)"
        raise InvalidInput("z", allowed, z)
    with (
        called(failure_probability="delta"),
        near_zero_is_density((share,), given="density" if density is not None else "sparsity"),
    ):
        if simulate:
            return simulate_subset_sum(
                share,
                tolerance,
                failure,
                z=goal,
                uniform=uniform,
                law=one_of("law", law, LAWS),
                trials=read_whole("trials", trials),
                seed=0 if seed is None else read_whole("seed", seed),
                level=Fraction(95, 100) if level is None else level,
                workers=read_whole("workers", workers),
                progress=progress,
            )
        return n_required(
            density=share,
            epsilon=tolerance,
            failure_probability=failure,
            z=goal,
            uniform=uniform,
            law=read_law(law),
            mode=chosen,
            constant=constant,
            extrapolate=extrapolate,
            kept=read_whole("kept", kept),
            locked=0 if locked is None else locked,
        )


def read_law(law: LawLike | str) -> LawLike:
    """Read the law of the variables.

    Examples
    --------
    >>> read_law("1/2,1")
    UniformPart(half_width=Fraction(1, 2), mass=Fraction(1, 1))
    """
    if isinstance(law, UniformPart) or law in LAWS:
        return law
    parts = law.split(",") if isinstance(law, str) else []
    if len(parts) != 2:
        allowed = f"one of {', '.join(LAWS)}, or B,A for one that is uniform on [-B,B] with probability A"
        raise InvalidInput("law", allowed, law)
    try:
        return UniformPart(exact_rational("half_width", parts[0]), exact_rational("mass", parts[1]))
    except InvalidInput as error:
        raise InvalidInput("law", f"B,A with {_PARTS[error.argument]}", law) from None
