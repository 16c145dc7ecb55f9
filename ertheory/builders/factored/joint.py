"""Both factors solved together, for one map that is given: fewer inner neurons than any scheme with a drawn factor.

Levenberg's and Marquardt's method on A B = W, with steps by conjugate gradients. That a solution exists nearby is then
proved. With r = A B - W, F(x + h) = r + J h + Q(h) and |Q(h)| <= |h|^2 / 2, so that by Brouwer's fixed-point theorem
there is an exact real solution on the same masks if 2 |r| <= sigma^2, sigma the smallest singular value of J. This
holds for this W and those around it: all W' with |W' - W| <= sigma^2 / 2 - |r|.

>>> rng = np.random.default_rng(0)
>>> first, second = rng.random((40, 20)) < 0.4, rng.random((20, 40)) < 0.4
>>> found = factor_jointly(rng.standard_normal((20, 20)), MaskPair.read(first, second))
>>> found.scheme, found.universal, found.certificate.exact, found.certificate.bound < 1e-12
('joint', None, True, True)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ertheory.builders.factored.certificate import residual_bound
from ertheory.builders.factored.conjugate import conjugate_gradients
from ertheory.builders.factored.derivative import Derivative
from ertheory.builders.factored.factors import Certificate, Factors
from ertheory.builders.factored.matching import Unmatched
from ertheory.builders.factored.pairs import Array, MaskPair
from ertheory.builders.factored.surjective import smallest_eigenvalue
from ertheory.errors import ConstructionFailed, InvalidInput

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["factor_jointly"]

_LARGEST = 10**6  # entries of a map
_STEPS = 60
_FINE = 2.0**-48  # of the length of W


def factor_jointly(
    weight: npt.ArrayLike,
    pair: MaskPair,
    *,
    seed: int = 0,
    name: str = "the map",
    certain: bool | None = None,
    progress: Callable[[float], object] | None = None,
) -> Factors:
    """Find W = A B on two masks by solving for both factors, and prove that it holds for some factors nearby.

    Parameters
    ----------
    weight
        W, shape (m, n), with at most 10**6 entries.
    pair
        The masks.
    seed
        It is that of the first guess.
    name
        How an error names the map.
    certain
        Whether the proof is to be without chance. Up to 10,000 entries with a path it always is. Up to 100,000 such a
        proof takes minutes and up to 5 GB, and is the default where there is so much memory, or it is enough. Else
        vectors are drawn, and ``doubt`` says how improbable it is that they misled the proof. If true, the proof is
        without chance however many entries there are, or refused; if false, vectors are drawn, which is quicker.
    progress
        It is told the length of the residual, as a share of that of W, after every step.

    Returns
    -------
    Factors
        The doubles, with a bound on |A B - W|; ``radius`` is that of a ball around W of which every map is reached.

    Raises
    ------
    InvalidInput
        If the shapes do not fit, or memory is too small for a proof that has to be without chance.
    ConstructionFailed
        If an entry other than 0 has no path, there are fewer unknowns than entries, the method does not converge, or
        nothing is proved. Most maps have a solution where the count leaves some percent, but not all.
    """
    from tqdm import tqdm

    wanted = np.asarray(weight, dtype=np.float64)
    if wanted.shape != (pair.outputs, pair.inputs):
        raise InvalidInput(f"weight of {name}", f"shape {(pair.outputs, pair.inputs)}, as the masks have", wanted.shape)
    if not np.isfinite(wanted).all():
        raise InvalidInput(f"weight of {name}", "finite numbers", wanted[~np.isfinite(wanted)][0].item())
    if wanted.size > _LARGEST:
        raise InvalidInput(f"weight of {name}", f"at most {_LARGEST} entries", wanted.size)
    reads, feeds = (mask.toarray().astype(np.float64) for mask in (pair.first, pair.second))
    _check_count(wanted, reads, feeds, name)
    scale = 2.0 ** np.frexp(np.abs(wanted).max(initial=0.0))[1] if wanted.any() else 1.0  # a power of 2: no rounding
    goal = wanted / scale
    point = _solved(goal, reads, feeds, np.random.default_rng(seed), progress)
    left = residual_bound(_sparse(point.second), _sparse(point.first), goal)
    length = left * np.sqrt(wanted.size) * (1 + 1e-9)
    form = "{desc}: {percentage:3.0f}% |{bar}| {elapsed}"
    with tqdm(total=1, desc=f"certificate of {name}", bar_format=form, delay=2, leave=False) as bar:

        def advance(share: float) -> None:
            bar.update(min(share, 1 - bar.n))  # an attempt that fails is followed by another

        lowest, doubt = smallest_eigenvalue(point, seed=seed, certain=certain, enough=2 * length, progress=advance)
    if not 2 * length <= lowest:
        reached = np.linalg.norm(goal - point.second @ point.first) / (np.linalg.norm(goal) or 1.0)
        short = f"{reached:.2g} of it is left" if reached > _FINE * 16 else "nothing is proved of one nearby"
        raise ConstructionFailed(f"{name}: no joint solution was found, {short}; another seed starts elsewhere")
    return Factors(
        first=_sparse(point.first * scale),
        second=_sparse(point.second),
        scheme="joint",
        universal=None,
        certificate=Certificate(bound=float(left * scale), exact=True, doubt=doubt),
        condition=float(np.sqrt((np.linalg.norm(point.first, 2) ** 2 + np.linalg.norm(point.second, 2) ** 2) / lowest)),
        radius=float(lowest / 2 - length) * scale * (1 - 1e-9),
    )


def _check_count(wanted: Array, reads: Array, feeds: Array, name: str) -> None:
    paths = feeds @ reads > 0
    lacking = np.argwhere((wanted != 0) & ~paths)
    if len(lacking):
        output, at = lacking[0].tolist()
        missing = tuple(Unmatched(name, "input", int(number)) for number in dict.fromkeys(lacking[:, 1].tolist()))
        raise ConstructionFailed(f"{name}: no path from input {at} to output {output}", missing)
    used = reads.any(axis=1) & feeds.any(axis=0)
    unknowns = int(reads[used].sum() + feeds[:, used].sum() - used.sum())
    if unknowns < paths.sum():
        few = f"{unknowns:,} unknowns beyond the scales of inner neurons, for {int(paths.sum()):,} entries"
        raise ConstructionFailed(f"{name}: {few}: almost no map is reached")


def _solved(
    goal: Array, reads: Array, feeds: Array, rng: np.random.Generator, progress: Callable[[float], object] | None
) -> Derivative:
    """Go down from a random start."""
    typical = np.sqrt(np.mean(goal**2)) if goal.any() else 1.0
    paths = max(1.0, float((feeds @ reads).mean()))
    size = np.sqrt(typical / np.sqrt(paths))
    first, second = (size * rng.standard_normal(mask.shape) * mask for mask in (reads, feeds))
    point = Derivative(second, first, feeds, reads)
    residual = goal - second @ first
    length, whole, damping = float(np.linalg.norm(residual)), max(float(np.linalg.norm(goal)), 1e-300), 1.0
    for _ in range(_STEPS):
        if length <= _FINE * whole or not damping < 1e12:
            break
        tolerance = min(0.1, np.sqrt(length / whole))

        def damped(v: Array, at: Derivative = point, plus: float = damping) -> Array:
            return at.gram(v) + plus * v

        where = conjugate_gradients(damped, residual, tolerance=float(tolerance), most=1000)
        change_second, change_first = point.step(where)
        second, first = point.second + change_second, point.first + change_first
        left = goal - second @ first
        linear = residual - (point.second @ change_first + change_second @ point.first)
        expected = length**2 - float(np.sum(linear * linear))
        gained = length**2 - float(np.sum(left * left))
        if gained > 0:
            point, residual, length = Derivative(second, first, feeds, reads), left, float(np.linalg.norm(left))
            damping = max(damping * (0.1 if gained > 0.7 * expected else 0.5 if gained > 0.3 * expected else 2), 1e-14)
        else:
            damping *= 4
        if progress is not None:
            progress(length / whole)
    return point


def _sparse(dense: Array) -> csr_array:
    from scipy.sparse import csr_array

    return csr_array(dense)
