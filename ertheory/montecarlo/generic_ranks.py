"""How wide factored sources really must be: widths at which masks reach an open set of maps, by ranks.

A product of two or three matrices on drawn masks reaches an open set of maps just if its derivative has full rank
somewhere, and over a large prime field that is decided for a mask at a random point. This is less than what is proved
of wider masks: those hold every map. It is what almost all solvers can hope for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ertheory.bounds import width
from ertheory.bounds.factored.options import factors_of
from ertheory.builders.factored.pairs import MaskPair
from ertheory.builders.factored.triple import triple_locally_generic
from ertheory.builders.factored.verdict import locally_generic
from ertheory.errors import InvalidInput
from ertheory.masks import DrawnMask
from ertheory.montecarlo.anytime import AnytimeTest, decide_failure_rate
from ertheory.montecarlo.calibration import Calibration
from ertheory.networks.target import Target
from ertheory.numbers import Rational, probability, whole_number
from ertheory.processes import worker_processes

if TYPE_CHECKING:
    from joblib import Parallel

__all__ = ["calibrate_ranks"]

_MOST_EQUATIONS = 4096
_PARTS = 2**20  # the inner widths of a map are lowered together, in these parts of what lies above the fewest


def calibrate_ranks(
    target: Target,
    *,
    factors: int = 2,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    failure_probability: Rational,
    level: Rational = Fraction(99, 100),
    resolution: Rational = Fraction(1, 100),
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Calibration:
    """Search for the smallest inner widths at which masks have full rank with probability 1 - delta.

    Parameters
    ----------
    target
        A fully connected target without zeros, whose maps have at most 4,096 weights each.
    factors
        2 or 3.
    density, sparsity, failure_probability, level, resolution, seed, workers, progress
        They are as for `ertheory.montecarlo.calibrate`.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.

    Notes
    -----
    The maps are lowered one after the other; with three factors both inner widths of a map together, in proportion.

    Examples
    --------
    >>> asked = {"density": "1/2", "failure_probability": "1/4", "resolution": "1/10", "workers": 1}
    >>> found = calibrate_ranks(Target.from_text("5-5"), factors=3, **asked)
    >>> found.proved.widths, found.widths, found.test.verdict
    ((17, 9, 5), (11, 7, 5), 'at most')
    """
    count = factors_of({"factors": factors})
    seed = whole_number("seed", seed, least=0)
    known, delta = probability("level", level), probability("failure_probability", failure_probability)
    resolved = probability("resolution", resolution)
    for number, layer in enumerate(target.layers, start=1):
        if layer.kernel or layer.row_nonzeros is not None or layer.size > _MOST_EQUATIONS:
            allowed = f"fully connected layers without zeros, of at most {_MOST_EQUATIONS} weights"
            raise InvalidInput("target", allowed, f"layer {number} of {target}")
    proved = width(
        target, method="factored", density=density, sparsity=sparsity, failure_probability=delta, factors=count
    )
    start = tuple(int(size or 0) for size in proved.widths)
    rooms = [(min(layer.inputs, layer.outputs) - 1, count * index) for index, layer in enumerate(target.layers)]
    most = 1 + sum(
        max(0, max(start[at : at + count - 1]) - low - 1).bit_length() for low, at in rooms
    )  # each test halves what is left of a map
    each = 1 - (1 - known) / most
    tests: list[tuple[tuple[int, ...], AnytimeTest]] = []

    with worker_processes(workers or -1) as parallel:

        def enough(widths: tuple[int, ...], limit: Fraction) -> bool:
            fails = _failures(target, widths, proved.densities, (seed, len(tests)), parallel)
            found = decide_failure_rate(fails, limit=limit, level=each, progress=progress)
            tests.append((widths, found))
            return found.verdict == "at most"

        widths = start
        for done, (low, at) in enumerate(rooms, start=1):
            limit = delta * (len(rooms) + done) / (2 * len(rooms))
            widths = _lowered(widths, at, count - 1, low, resolved, partial(enough, limit=limit))
        if not any(tried == widths for tried, _ in tests):
            enough(widths, delta)
    final = next(found for tried, found in reversed(tests) if tried == widths)
    return Calibration(
        proved=proved,
        widths=widths,
        test=final,
        tests=tuple(tests),
        level=known,
        seed=seed,
        meaning="locally generic",
    )


def _lowered(
    widths: tuple[int, ...],
    at: int,
    inner: int,
    low: int,
    resolution: Fraction,
    enough: Callable[[tuple[int, ...]], bool],
) -> tuple[int, ...]:
    """Bisect between too few neurons between the factors of one map and those that it has."""
    high = widths[at : at + inner]

    def between(part: int) -> tuple[int, ...]:
        chosen = (low + -(-(size - low) * part // _PARTS) for size in high)
        return (*widths[:at], *chosen, *widths[at + inner :])

    below, above = 0, _PARTS
    while between(above) != between(below):
        middle = (below + above) // 2
        spread = max(x - y for x, y in zip(between(above), between(below), strict=True))
        if spread <= max(1, int(resolution * max(between(above)[at : at + inner]))):
            break
        if enough(between(middle)):
            above = middle
        else:
            below = middle
    return between(above)


def _failures(
    target: Target,
    widths: tuple[int, ...],
    densities: tuple[Fraction, ...],
    key: tuple[int, int],
    parallel: Parallel,
) -> Callable[[int], npt.NDArray[np.bool_]]:
    """Draw new masks at each call, and say of each whether the rank of a map is not full."""
    from joblib import delayed

    seeds = np.random.SeedSequence(key[0], spawn_key=(key[1],))
    shapes = list(zip(widths, (target.inputs, *widths), strict=False))

    def fails(trials: int) -> npt.NDArray[np.bool_]:
        words = [stream.generate_state(2, np.uint64) for stream in seeds.spawn(trials)]
        jobs = (
            delayed(_fails)(shapes, densities, len(shapes) // target.depth, int(high) << 64 | int(low))
            for high, low in words
        )
        return np.array(parallel(jobs), dtype=np.bool_)

    return fails


def _fails(shapes: list[tuple[int, int]], densities: tuple[Fraction, ...], count: int, seed: int) -> bool:
    layers = enumerate(zip(shapes, densities, strict=True))
    masks = [DrawnMask(shape, density, seed, layer) for layer, (shape, density) in layers]
    return not all(_full(masks[start : start + count], seed % 2**32) for start in range(0, len(masks), count))


def _full(masks: Sequence[DrawnMask], seed: int) -> bool:
    if len(masks) == 2:
        first, second = (mask.to_csr().astype(np.float64) for mask in masks)
        if (second @ first).nnz < first.shape[1] * second.shape[0]:
            return False  # an entry of A B is 0 whatever the numbers
        return locally_generic(MaskPair.read(*masks), seed=seed)
    return triple_locally_generic(masks, seed=seed)
