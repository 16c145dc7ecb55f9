"""The strong ticket: pruning alone turns a random network into an approximation of the target (Theorem 2.5).

Layer 0 carries the positive and negative parts of the inputs, layer l >= 1 copies of the neurons of target layer l, and
every target weight is a subset sum of live weights. Everything is chosen to make one number small, the certified error:
each choice is charged what it adds to it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ertheory.bounds.subset_sum.quantised import checked_bits
from ertheory.bounds.tickets.quantised import check_quantised
from ertheory.builders.ticket.balance import balanced
from ertheory.builders.ticket.error import Array, Signals, shares
from ertheory.builders.ticket.limits import MOST_VALUES
from ertheory.builders.ticket.reach import refuse_unreachable, what_failed
from ertheory.builders.ticket.result import Ticket, measure
from ertheory.builders.ticket.roles import input_roles
from ertheory.builders.ticket.rows import KeptRows, hidden_rows, output_rows
from ertheory.errors import InvalidInput
from ertheory.masks.drawn_source import DrawnSource
from ertheory.networks.arrays import read_box
from ertheory.networks.network import Activation, Affine, Network, Step
from ertheory.networks.source import Source
from ertheory.networks.target import Target
from ertheory.numbers import Rational, exact_rational, whole_number

__all__ = ["build_ticket"]

_LARGEST_ERROR = 10**300
_ROUNDING = Fraction(1, 2**30)  # where nothing may be missed; what is in fact missed is seldom so little
_MOST_PASSES = 8  # over the same source, each of which learns from the one before


def build_ticket(
    target: Target,
    *,
    widths: Sequence[int],
    density: Rational | Sequence[Rational],
    epsilon: Rational | None = None,
    seed: int = 0,
    domain: npt.ArrayLike | None = None,
    kept: int | None = None,
    bits: int | None = None,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Ticket:
    """Prune one fixed random ReLU network to within epsilon of a target.

    Parameters
    ----------
    target
        A target that is fully connected, with weights; read as a ReLU network with linear outputs.
    widths
        N_0..N_L of the source; the outputs N_L may be left out.
    density
        p_0..p_L of the masks, or one number for all layers.
    epsilon
        The largest error that is a success, a positive number; it bounds |target(x) - ticket(x)| for every output and
        every x of the box, as real numbers. Left out with `bits`, where sums are wanted that are exact.
    seed
        It is that of masks, weights and biases, which are drawn once and never again.
    domain
        Box of the inputs, one interval or shape (d, 2); that of the target where left out, else [0, 1].
    kept
        At most so many weights of a neuron stand for one weight of the target, and so many, with its bias, for one
        bias, which guarantees the sparsity of the ticket. Any number if left out.
    bits
        Weights and biases of the source are multiples of 2^-bits, and so are those of the target, none of which is
        scaled. What is certified is below 2^-30, for rounding; that it is 0 is for `ertheory.check_ticket` to prove.
    workers
        So many threads are used; one per processor if left out. The result does not depend on it.
    progress
        It is told how many source neurons were looked at so far.

    Returns
    -------
    Ticket
        ``success`` says whether the certified error is at most epsilon; if not, ``missing`` says what failed.

    Raises
    ------
    InvalidInput
        If an argument is out of range, or a weight exceeds the number of live edges that a neuron has on average, even
        after hidden neurons are scaled.

    Notes
    -----
    Theorem 2.5 of the paper: a source of depth L + 1 whose weights and biases are U[-1, 1] contains such a subnetwork
    if it is wide enough. Weights are masked; biases are not, but may be pruned like weights, which the construction
    needs: a feature neuron of layer 0 keeps no bias.

    Hidden target neurons are first divided by powers of two where weights exceed 1 (`balanced`), which changes no
    value. Copies that would cost too much are dropped. If the error is too large in the end, there are up to eight
    passes over the same source, which change what is dropped and how many neurons serve which unit.

    Examples
    --------
    >>> target = Target.from_arrays([[[0.5, -0.75]], [[0.625]]])
    >>> ticket = build_ticket(target, widths=(60, 30), density=1, epsilon="0.01", seed=1)
    >>> ticket.success, ticket.error_measured.error <= ticket.error_certified <= 0.01
    (True, True)
    """
    if not isinstance(target, Target) or target.weights is None or target.is_convolutional:
        raise InvalidInput("target", "a fully connected target with weights", str(target))
    if (epsilon is None) == (bits is None):
        raise InvalidInput("epsilon", "a positive number, or `bits` in its place", epsilon)
    allowed = _ROUNDING if epsilon is None else exact_rational("epsilon", epsilon)
    if not 0 < allowed <= _LARGEST_ERROR:
        raise InvalidInput("epsilon", "a positive number that a double can hold", epsilon)
    most_kept = 0 if kept is None else whole_number("kept", kept, least=1)
    if workers is not None:
        workers = whole_number("workers", workers, least=1)
    sizes = tuple(widths) if len(widths) != target.depth else (*widths, target.widths[-1])
    if bits is not None:
        check_quantised(target, checked_bits(bits))
    drawn = DrawnSource(Source.for_target(target, widths=sizes, densities=density), seed, bits)
    box = read_box((0.0, 1.0), target.inputs) if target.domain is None else target.domain
    if domain is not None:
        box = read_box(domain, target.inputs)
    stated = replace(target, domain=box)
    task = _Task(
        stated,
        balanced(stated) if bits is None else stated,
        drawn,
        box,
        float(allowed),
        workers or os.cpu_count() or 1,
        _summed(progress),
        most_kept,
    )
    for layer, size in enumerate(target.widths[:-1], start=1):
        refuse_unreachable(drawn.source, layer, task.wanted(layer), size)
    best = attempt = _attempt(task, demands := task.demands(), share := 1.0)
    for _ in range(_MOST_PASSES - 1):
        if _certified(best.error) <= allowed:
            break
        demands, share = _learned(task, attempt, demands, share)
        attempt = _attempt(task, demands, share)
        best = min(best, attempt, key=lambda one: one.error)
    return _ticket(task, best, allowed)


def _learned(
    task: _Task, attempt: _Attempt, demands: tuple[Array, ...], share: float
) -> tuple[tuple[Array, ...], float]:
    """Change the limits of the copies or what is asked for, according to what made the error of the last pass."""
    depth = task.target.depth
    if len(attempt.layers) < depth:
        return demands, share * 8
    below = attempt.first if depth == 1 else attempt.layers[-2].signals
    last = attempt.layers[-1]
    missed, passed_on = shares(last.weights, last.biases, below, task.wanted(depth))
    if passed_on > missed.sum():
        return demands, share / 4
    if depth == 1:  # both parts of an input count as one
        missed = np.append(np.maximum(missed[: below.inputs], missed[below.inputs : -1]), missed[-1])
    grown = demands[-1] * np.where(missed == missed.max(), 1.5, 1.0)
    return (*demands[:-1], grown), share


@dataclass(frozen=True, eq=False)
class _Task:
    target: Target
    scaled: Target
    source: DrawnSource
    box: Array
    epsilon: float
    workers: int
    progress: Callable[[int], object]
    kept: int  # 0 for any number

    def wanted(self, layer: int) -> Array:
        """Give the coefficients of the units below in target layer l, the bias last."""
        assert self.scaled.weights is not None
        assert self.scaled.biases is not None
        weight, bias = self.scaled.weights[layer - 1], self.scaled.biases[layer - 1]
        parts = [weight, -weight] if layer == 1 else [weight]
        return np.concatenate([*parts, bias[:, None]], axis=1)

    def demands(self) -> tuple[Array, ...]:
        """Give how many neurons should carry each input, then each neuron of target layers 1..L - 1; constants last.

        The larger the weight that has to be made up, the more are needed; constants are half as large on average.
        """
        assert self.scaled.weights is not None
        assert self.scaled.biases is not None
        found = []
        for weight, bias in zip(self.scaled.weights, self.scaled.biases, strict=True):
            largest = np.abs(weight).max(axis=0)
            found.append(np.append(np.where(largest > 0, largest + 1, 0.0), 2 * np.abs(bias).max() + 1))
        return tuple(found)

    def allowances(self, share: float) -> list[float]:
        """Give the errors that copies may have, layers 1..L - 1.

        Half of the error of a layer is left to its own weights, and half to the copies that it reads, divided by the
        largest L1 norm that a row is likely to have: twice that of the target, since subsets mix signs.
        """
        assert self.scaled.weights is not None
        limits = [self.epsilon]
        for weight in reversed(self.scaled.weights[1:]):
            norm = 2 * max(float(np.abs(weight).sum(axis=1).max()), 0.5)
            limits.append(limits[-1] / 2 / norm)
        return [share * limit for limit in reversed(limits[1:])]


@dataclass(frozen=True, eq=False)
class _Attempt:
    layers: tuple[KeptRows, ...]  # of source layers 1..L, or fewer if one failed
    first: Signals
    error: float  # infinite if a layer failed


def _attempt(task: _Task, demands: tuple[Array, ...], share: float) -> _Attempt:
    source, depth = task.source, task.target.depth
    weights = source.rows(0, 0, source.source.widths[0])
    first = below = input_roles(weights, source.biases(0), task.box, demands[0])
    layers: list[KeptRows] = []
    for layer, allowance in enumerate(task.allowances(share), start=1):
        demand = demands[layer]
        kept = hidden_rows(
            source,
            layer,
            below,
            task.wanted(layer),
            allowance=allowance,
            demand=demand,
            enough=math.ceil(2 * MOST_VALUES / source.source.densities[layer + 1]),
            workers=task.workers,
            progress=task.progress,
            kept=task.kept,
        )
        layers.append(kept)
        below = kept.signals
        if not np.isin(np.flatnonzero(demand[:-1]), below.units).all():
            return _Attempt(tuple(layers), first, np.inf)
    layers.append(output_rows(source, depth, below, task.wanted(depth), kept=task.kept))
    last = layers[-1].signals
    return _Attempt(tuple(layers), first, float(np.max(np.maximum(-last.low, last.high))))


def _summed(progress: Callable[[int], object] | None) -> Callable[[int], object]:
    """Add up what is reported piece by piece."""
    pieces: list[int] = []

    def report(done: int) -> None:
        pieces.append(done)
        if progress is not None:
            progress(sum(pieces))

    return report


def _certified(error: float) -> Fraction | float:
    return Fraction(error) if math.isfinite(error) else error


def _ticket(task: _Task, attempt: _Attempt, epsilon: Fraction) -> Ticket:
    success = _certified(attempt.error) <= epsilon
    missing: tuple[str, ...] = ()
    if not success:
        layer = len(attempt.layers)
        below = attempt.first if layer == 1 else attempt.layers[-2].signals
        missing = what_failed(task.source, layer, below, task.wanted(layer), attempt.layers[-1], float(epsilon))
    network = None
    measured = None
    if np.isfinite(attempt.error):
        network = _network(task, attempt)
        measured = measure(task.target, network, task.source.seed)
    return Ticket(
        target=task.target,
        source=task.source,
        epsilon=epsilon if task.source.bits is None else Fraction(0),
        success=success,
        error_certified=None if network is None else attempt.error,
        error_measured=measured,
        amplification=tuple(kept.amplification for kept in attempt.layers),
        missing=missing,
        network=network,
    )


def _network(task: _Task, attempt: _Attempt) -> Network:
    """Put the layers together, without what nothing reads."""
    from scipy.sparse import csr_array, diags_array

    source, first = task.source, attempt.first
    feature = (first.units >= 0) & (first.units != first.constant)
    weights = source.rows(0, 0, source.source.widths[0])
    places = np.flatnonzero(feature), first.units[feature] % task.target.inputs
    matrices = [csr_array((weights[places], places), shape=weights.shape)]
    biases = [np.where(first.units == first.constant, source.biases(0), 0.0)]
    matrices += [kept.weights for kept in attempt.layers]
    biases += [kept.biases for kept in attempt.layers]
    for layer in reversed(range(len(matrices) - 1)):
        used = np.diff(matrices[layer + 1].tocsc().indptr) > 0
        matrices[layer] = csr_array(diags_array(used.astype(np.float64)) @ matrices[layer])
        biases[layer] = np.where(used, biases[layer], 0.0)
    return Network(tuple(_steps(matrices, biases)), task.box)


def _steps(matrices: Sequence[object], biases: Sequence[Array]) -> Iterator[Step]:
    for layer, (matrix, bias) in enumerate(zip(matrices, biases, strict=True)):
        if layer:
            yield Activation("relu")
        yield Affine(weight=matrix, bias=bias, inputs=int(matrix.shape[1]))  # type: ignore[attr-defined]
