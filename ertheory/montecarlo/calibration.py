"""How wide, really: the smallest widths at which a builder succeeds on a share of 1 - delta of the masks.

The proved widths are where the search begins; layer by layer it goes down as far as an anytime test allows.

>>> target, options = Target.from_text("1-4-6"), {"failure_probability": "1/4", "resolution": "1/5"}
>>> small = calibrate(target, method="matching", density="1,1,1/2", **options, workers=1)
>>> small.proved.widths, small.widths, small.test.verdict
((1, 25, 6), (1, 16, 6), 'at most')
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ertheory.bounds.result import Width
from ertheory.bounds.statement import Reading
from ertheory.builders import Plan, plan
from ertheory.errors import InvalidInput, one_of
from ertheory.masks import DrawnMask
from ertheory.montecarlo.anytime import AnytimeTest, decide_failure_rate
from ertheory.networks.network import Network
from ertheory.networks.target import Target
from ertheory.numbers import Rational, named_numbers, probability, whole_number
from ertheory.processes import worker_processes
from ertheory.results import Explained, Step

if TYPE_CHECKING:
    from joblib import Parallel

__all__ = ["CALIBRATED", "Calibration", "calibrate"]

# Methods whose builders use what the mask offers; the others have an exact law and nothing to measure.
CALIBRATED = ("drop", "sequential", "matching", "sharp")


@dataclass(frozen=True, kw_only=True)
class Calibration(Explained):
    """Widths that were found by building.

    Parameters
    ----------
    proved
        The proved widths that the search began with, and all inputs.
    widths
        N_0..N_L, each at most the proved one.
    test
        The anytime test at these widths; its interval is for the probability that the builder fails.
    tests
        All that were made, with the widths that each looked at, in this order.
    level
        With this probability, at least, all intervals of all tests cover the truth together.
    seed
        The same seed gives the same widths.
    meaning
        What a success is: ``built``, or ``locally generic`` where ranks say that an open set of maps is reached.
    """

    proved: Width
    widths: tuple[int, ...]
    test: AnytimeTest
    tests: tuple[tuple[tuple[int, ...], AnytimeTest], ...]
    level: Fraction
    seed: int
    meaning: str = "built"

    @property
    def total(self) -> int:
        """N_0 + ... + N_{L-1}."""
        return sum(self.widths[:-1])

    @property
    def masks(self) -> int:
        """How many masks were drawn in all tests."""
        return sum(test.trials for _, test in self.tests)

    @property
    def heading(self) -> str:
        """The method whose builder was run, and the reading of layer 0."""
        return f"{self.proved.method}, layer 0 {self.proved.layer0}: measured, beside the proved widths"

    def steps(self) -> tuple[Step, ...]:
        """Give the test that decided, its numbers, and what the proved widths were computed from."""
        test = self.test
        interval = f"[{test.interval.low:.6g}, {test.interval.high:.6g}]"
        return (
            "M_n(theta) = B(f + 1/2, n - f + 1/2) / (B(1/2, 1/2) theta^f (1 - theta)^(n - f)),  f failures of n masks",
            "the interval holds all theta with M_n(theta) < 1/alpha; it covers the truth at all n at once (Ville)",
            f"{named_numbers({'n': test.trials, 'f': test.failures, 'alpha': 1 - Fraction(test.interval.level)})}: "
            f"theta in {interval}, delta = {float(test.limit):.6g}: {test.verdict}",
            "measured widths " + ", ".join(f"N_{layer} = {one}" for layer, one in enumerate(self.widths)),
            "proved widths " + ", ".join(f"N_{layer} = {one}" for layer, one in enumerate(self.proved.widths)),
            *self.proved.steps(),
        )

    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows."""
        return {
            "proved": self.proved.to_dict(),
            "widths": list(self.widths),
            "total": self.total,
            **self.test.to_dict(),
            "masks": self.masks,
            "level_of_all": float(self.level),
            "tests": [{"widths": list(widths), **test.to_dict()} for widths, test in self.tests],
            "seed": self.seed,
            "meaning": self.meaning,
        }


def calibrate(
    target: Target | Network,
    *,
    method: str = "sharp",
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    failure_probability: Rational,
    layer0: Reading | None = None,
    domain: npt.ArrayLike | None = None,
    level: Rational = Fraction(99, 100),
    resolution: Rational = Fraction(1, 100),
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Calibration:
    """Search for the smallest widths at which the builder fails on a share of at most delta of the masks.

    Parameters
    ----------
    target
        The network to represent; one without weights stands for almost all weights.
    method
        One of `CALIBRATED`.
    density, sparsity, failure_probability, layer0
        They are as for `ertheory.width`.
    domain
        Box of the inputs, as for `ertheory.plan`; the target's own if left out.
    level
        It is that of all conclusions together.
    resolution
        It lies in (0, 1): the search in a layer ends when what is enough and what is not are this share of a width
        apart, or one neuron.
    seed
        It is at least 0.
    workers
        Processes; one per processor if left out, 1 for this one. The result does not depend on it.
    progress
        It is told of masks that were looked at.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.

    Notes
    -----
    The last hidden layer is lowered first, then the one below it, down to layer 0. Of L layers with room, the k-th may
    bring the failure probability to delta (L + k) / (2 L), so that something is left for those below. Each bisection
    keeps a width that is proved or that a test has shown to be enough, and one that no test has; what a test cannot
    decide counts as not enough. The number of tests is limited beforehand, and each has its share of 1 - level. Each
    draws masks of its own. So the result is right with the stated probability, whatever else is true; that no smaller
    widths would do is not claimed: wider could be worse for a builder, and other layers could have been lowered first.

    Whether the builder succeeds is read off the masks: with a coded layer 0, matchings say whether weights exist, for
    almost all of them, and none are solved for. Where layer 0 is matched, its copies per input stay as proved.
    """
    one_of("method", method, CALIBRATED)
    seed = whole_number("seed", seed, least=0)
    if workers is not None:
        workers = whole_number("workers", workers, least=1)
    known, delta = probability("level", level), probability("failure_probability", failure_probability)
    resolved = probability("resolution", resolution)
    started = plan(
        _with_weights(target, seed) if isinstance(target, Target) else target,
        method=method,
        density=density,
        sparsity=sparsity,
        failure_probability=delta,
        layer0=layer0,
        domain=domain,
    )
    proved = tuple(int(width or 0) for width in started.answer.widths)
    below = _too_few(started)
    # Each halves the distance at least; and one test more where none of them helps.
    most = 1 + sum(max(0, high - low - 1).bit_length() for low, high in zip(below, proved, strict=False))
    each = 1 - (1 - known) / most
    tests: list[tuple[tuple[int, ...], AnytimeTest]] = []

    with worker_processes(workers or -1) as parallel:

        def test(widths: tuple[int, ...], limit: Fraction) -> bool:
            fails = _failures(started, widths, (seed, len(tests)), parallel)
            found = decide_failure_rate(fails, limit=limit, level=each, progress=progress)
            tests.append((widths, found))
            return found.verdict == "at most"

        widths = proved
        layers = [layer for layer, low in enumerate(below) if proved[layer] - low > 1]
        for done, layer in enumerate(reversed(layers), start=1):
            limit = delta * (len(layers) + done) / (2 * len(layers))
            widths = _lowered(widths, layer, below[layer], resolved, partial(test, limit=limit))
        if not any(tried == widths for tried, _ in tests):
            test(widths, delta)
    final = next(found for tried, found in reversed(tests) if tried == widths)
    return Calibration(proved=started.answer, widths=widths, test=final, tests=tuple(tests), level=known, seed=seed)


def _too_few(started: Plan) -> tuple[int, ...]:
    """Give for each layer that is lowered a width at which nothing can be built."""
    hidden = [step.outputs - 1 for step in started.network.affine[:-1]]
    inputs = 0 if started.layer0 == "coded" else started.coding.units * (started.copies or 1) - 1
    return (inputs, *hidden)


def _lowered(
    widths: tuple[int, ...], layer: int, low: int, resolution: Fraction, enough: Callable[[tuple[int, ...]], bool]
) -> tuple[int, ...]:
    """Bisect between what is too few neurons in one layer and what it has."""
    high = widths[layer]
    while high - low > max(1, int(resolution * high)):
        middle = (low + high) // 2
        if enough((*widths[:layer], middle, *widths[layer + 1 :])):
            high = middle
        else:
            low = middle
    return (*widths[:layer], high, *widths[layer + 1 :])


def _failures(
    started: Plan, widths: tuple[int, ...], key: tuple[int, int], parallel: Parallel
) -> Callable[[int], npt.NDArray[np.bool_]]:
    """Draw new masks at each call, and say of each whether the builder fails."""
    from joblib import delayed

    seeds = np.random.SeedSequence(key[0], spawn_key=(key[1],))
    shapes = started.shapes_at(widths)

    def fails(trials: int) -> npt.NDArray[np.bool_]:
        words = [stream.generate_state(2, np.uint64) for stream in seeds.spawn(trials)]
        jobs = (delayed(_fails)(started, shapes, int(high) << 64 | int(low)) for high, low in words)
        return np.array(parallel(jobs), dtype=np.bool_)

    return fails


def _fails(started: Plan, shapes: tuple[tuple[int, int], ...], seed: int) -> bool:
    layers = enumerate(zip(shapes, started.answer.densities, strict=True))
    masks = [DrawnMask(shape, density, seed, layer) for layer, (shape, density) in layers]
    return not started.found_in(masks)


def _with_weights(target: Target, seed: int) -> Target:
    if target.network is not None:
        return target
    random = np.random.default_rng(seed)
    shapes = [(layer.outputs, layer.inputs * layer.positions, *layer.kernel) for layer in target.layers]
    if any(np.prod(shape) != layer.nonzeros for shape, layer in zip(shapes, target.layers, strict=True)):
        raise InvalidInput("target", "weights, or layers without zeros", str(target))
    return Target.from_arrays([random.standard_normal(shape) for shape in shapes], domain=[(-1, 1)] * target.inputs)
