"""The check of an embedding: weights on the mask, the same function, and what floating point makes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from ertheory.check.evaluation import evaluate
from ertheory.check.factored import FactoredProof, is_factored, prove_factored
from ertheory.check.files import FilePath, read_embedding
from ertheory.check.geometry import leading
from ertheory.check.masks import off_mask
from ertheory.check.paired import is_paired, prove_paired
from ertheory.check.proof import Proof, common_box, prove
from ertheory.check.rounding import float_bound
from ertheory.errors import InvalidInput
from ertheory.networks.network import Activation, Network, Pool
from ertheory.networks.target import Target, network_of
from ertheory.numbers import whole_number
from ertheory.results import Result

__all__ = ["Check", "check_embedding", "check_file"]

_RANDOM_POINTS = 64
_MOST_CORNERS = 64


@dataclass(frozen=True, kw_only=True)
class Check(Result):
    """What was found about one embedding.

    Parameters
    ----------
    on_mask
        Whether all weights lie in the masks; ``None`` without masks.
    off_mask
        The first few that do not, as (source layer, row, column).
    equal
        Whether target and source are proved to differ by no more than ``difference_bound``.
    exact
        Whether they are proved to be the same function on the box; where rational weights are given, of which the
        doubles are the nearest, with those.
    difference_bound
        A bound on the difference of the functions on the box, rounded up; 0 where exact, ``None`` where nothing is
        proved.
    differs
        Where the source computes something else.
    float_bound
        A bound on the difference of the two outputs of `evaluate` on the box; ``None`` without a box or a proof.
    points
        Number of points at which both were evaluated.
    max_abs_error
        The largest difference of outputs there, in double precision.
    max_rel_error
        The same, divided by the largest modulus of a target output at these points.
    """

    on_mask: bool | None
    off_mask: tuple[tuple[int, int, int], ...]
    equal: bool
    exact: bool
    difference_bound: float | None
    differs: str | None
    float_bound: float | None
    points: int
    max_abs_error: float
    max_rel_error: float

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the embedding: masks, proof, and the measured error within its bound."""
        within = self.float_bound is None or self.max_abs_error <= self.float_bound
        return self.on_mask is not False and self.equal and within

    def to_dict(self) -> dict[str, Any]:
        """Give the check as values that JSON can hold; numbers that are infinite or no numbers become ``None``."""
        values = {**asdict(self), "off_mask": [list(entry) for entry in self.off_mask], "passed": self.passed}
        finite = (isinstance(value, float) and not math.isfinite(value) for value in values.values())
        return {name: None if odd else value for (name, value), odd in zip(values.items(), finite, strict=True)}


def check_embedding(
    target: Target | Network,
    source: Network,
    masks: Sequence[Any] | None = None,
    *,
    points: npt.ArrayLike | None = None,
    seed: int = 0,
    rationals: Mapping[int, Sequence[Fraction]] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Check:
    """Check that a source computes a target with weights on its masks.

    Parameters
    ----------
    target
        A target with weights, read with the activation of the source, or a network.
    source
        The source; the box is its own, or that of the target where it has none.
    masks
        One per affine step of the source: dense, sparse, or with ``shape`` and ``contains(rows, columns)``.
    points
        Where both are evaluated, shape (points, inputs) or (points, channels, *positions), within the box; where left
        out, 64 random points of the box and its corners if they are few, or standard normal points without a box.
    seed
        It is that of the random points, at least 0.
    rationals
        Weights of a layer as rational numbers, in the order of the stored ones, in a source with two layers for each
        one of the target.
    progress
        It is told the number of points at which the source is evaluated, again and again.

    Raises
    ------
    InvalidInput
        If points are needed, because there are positions, or do not fit; or masks do not fit.

    Examples
    --------
    >>> from ertheory.networks.network import Activation, Affine
    >>> target = Target.from_arrays([[[2.0]], [[3.0]]], domain=[[0.0, 1.0]])
    >>> layers = [Affine.from_dense([[value]]) for value in (1.0, 2.0, 3.0)]
    >>> source = Network((layers[0], Activation("relu"), layers[1], Activation("relu"), layers[2]))
    >>> checked = check_embedding(target, source, [[[1]], [[1]], [[1]]])
    >>> checked.passed, checked.exact, checked.max_abs_error
    (True, True, 0.0)
    """
    network = network_of(target, activation=_outer_activation(source)) if isinstance(target, Target) else target
    box = common_box(network, source)
    places = _default_points(source, box, seed) if points is None else _given_points(points, box)
    outside = () if masks is None else off_mask(source, masks)
    proof = prove(network, source)
    if not proof.exact and is_factored(network, source):
        proof = _proof(prove_factored(network, source, box, rationals), proof)
    elif not proof.equal and is_paired(network, source):
        proof = _proof(prove_paired(network, source, box), proof)
    wanted, found = evaluate(network, places), evaluate(source, places, progress=progress)
    if wanted.shape != found.shape:
        raise InvalidInput("source", f"outputs of shape {wanted.shape[1:]}, as the target has", found.shape[1:])
    with np.errstate(invalid="ignore", over="ignore"):
        error = float(np.abs(wanted - found).max(initial=0.0))
        scale = float(np.abs(wanted).max(initial=0.0))
    return Check(
        on_mask=None if masks is None else not outside,
        off_mask=outside,
        equal=proof.equal,
        exact=proof.exact,
        difference_bound=proof.difference_bound,
        differs=proof.differs,
        float_bound=_float_bound(network, source, box, proof.difference_bound),
        points=len(places),
        max_abs_error=error,
        max_rel_error=error / scale if scale else (0.0 if error == 0 else math.inf),
    )


def check_file(path: FilePath, target: Target | Network, masks: Sequence[Any] | None = None, **options: Any) -> Check:
    """Check exactly the network that a file holds.

    Parameters
    ----------
    path
        A file that ``ertheory embed`` wrote.
    target
        What it should compute.
    masks
        Masks to check against, for a file without them; otherwise those of the file.
    **options
        They are points, seed and progress of `check_embedding`.

    Raises
    ------
    InvalidInput
        If the file cannot be read, or as in `check_embedding`.
    """
    embedding = read_embedding(path)
    if masks is None and all(mask is not None for mask in embedding.masks):
        masks = embedding.masks
    if embedding.rationals is not None:
        options.setdefault("rationals", embedding.rationals)
    return check_embedding(target, embedding.network, masks, **options)


def _proof(found: FactoredProof, other: Proof) -> Proof:
    """Give what was proved layer by layer, unless the other proof went further."""
    if found.differs is not None or (found.bound is None and not found.exact):
        return other if other.equal else Proof(equal=False, exact=False, difference_bound=None, differs=found.differs)
    return Proof(equal=True, exact=found.exact, difference_bound=found.bound)


def _outer_activation(source: Network) -> str:
    """Name the activation that a target shares with its source, where inner neurons may have one of their own."""
    names = [step.name for step in source.steps if isinstance(step, Activation)]
    mixed = source.is_chain and len(names) > 1 and len(names) % 2 and names[0] in ("identity", "relu")
    return names[1] if mixed and len(set(names)) > 1 else source.activation


def _float_bound(
    target: Network, source: Network, box: npt.NDArray[np.float64] | None, difference: float | None
) -> float | None:
    if box is None or difference is None:
        return None
    bounds = [float(float_bound(network, box).max(initial=0.0)) for network in (target, source)]
    return (sum(bounds) + difference) * (1 + 2.0**-50)


def _given_points(points: npt.ArrayLike, box: npt.NDArray[np.float64] | None) -> npt.NDArray[np.float64]:
    places = np.asarray(points, dtype=np.float64)
    if not len(places):
        raise InvalidInput("points", "at least one point", places.shape)
    if box is None or places.ndim < 2 or places.shape[1] != len(box):
        return places
    flat = places.reshape(*places.shape[:2], -1)
    outside = (flat < box[:, :1]) | (flat > box[:, 1:])
    if outside.any():
        raise InvalidInput("points", "points of the box on which the source is exact", flat[outside][0].item())
    return places


def _default_points(source: Network, box: npt.NDArray[np.float64] | None, seed: int) -> npt.NDArray[np.float64]:
    if (
        leading(source.steps)
        or any(step.kernel for step in source.affine)
        or any(isinstance(step, Pool) for step in source.steps)
    ):
        raise InvalidInput(
            "points", "points of shape (points, channels, *positions) for a network with positions", None
        )
    seed = whole_number("seed", seed, least=0)
    rng = np.random.default_rng(seed)
    if box is None:
        return rng.standard_normal((_RANDOM_POINTS, source.inputs))
    low, high = box.T
    places = [np.clip(low + rng.random((_RANDOM_POINTS, len(box))) * (high - low), low, high)]
    if 2 ** len(box) <= _MOST_CORNERS:
        places.append(np.array(list(product(*box.tolist()))))
    return np.concatenate(places)
