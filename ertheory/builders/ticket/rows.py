"""The neurons of one source layer: every copy chooses its edges, and copies that fail are dropped.

A neuron of a hidden layer is dealt to the target neuron that has the fewest copies. If its live edges allow no sums
that are close enough, it goes on to the next; if it can be none, it serves as a constant where its bias is positive.
All of it looks at one drawn source; nothing is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ertheory.builders.ticket.error import Array, Bounds, Integers, Signals, sums_error, through_relu
from ertheory.masks.drawn_source import DrawnSource

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["KeptRows", "hidden_rows", "output_rows"]

_AT_ONCE = 64  # rows that are dealt together
_MOST_TRIES = 4  # target neurons that one row tries to be


@dataclass(frozen=True, eq=False, kw_only=True)
class KeptRows:
    """What a ticket keeps of one source layer.

    Parameters
    ----------
    weights
        Kept weights, shape (N_l, N_{l-1}).
    biases
        Kept biases, 0 where left out. Shape (N_l,).
    signals
        What the neurons carry. There is no ReLU behind the outputs, and their boxes are not filled in.
    amplification
        Largest L1 norm of the weights of one neuron, constants left out.
    """

    weights: csr_array
    biases: Array
    signals: Signals
    amplification: float


@dataclass(frozen=True, eq=False)
class _Reader:
    """What one row needs to choose its edges; columns are sorted by unit, the own bias comes last."""

    below: Signals
    wanted: Array  # (target neurons, units)
    order: Integers
    starts: Integers
    middles: Array
    radii: Array
    kept: int  # at most so many edges stand for one weight; 0 for any number

    def choose(self, weights: Array, bias: float, neuron: int, allowance: float) -> npt.NDArray[np.bool_] | None:
        """Choose the edges of a row, in the order of its columns with the bias as last; None if it fails."""
        from ertheory.builders.ticket.subset import choose_row

        values = np.append((weights * self.below.factors)[self.order], bias)
        chosen = np.zeros(len(values), dtype=np.bool_)
        low, high = self.below.boxes.T
        arguments = self.wanted[neuron], (low + high) / 2, (high - low) / 2
        charge = choose_row(values, self.starts, self.middles, self.radii, *arguments, allowance, self.kept, chosen)
        if not charge <= allowance:
            return None
        kept = np.zeros(len(weights) + 1, dtype=np.bool_)
        kept[self.order] = chosen[:-1]
        kept[-1] = chosen[-1]
        return kept


def hidden_rows(
    source: DrawnSource,
    layer: int,
    below: Signals,
    wanted: Array,
    *,
    allowance: float,
    demand: Array,
    enough: int,
    workers: int,
    progress: Callable[[int], object],
    kept: int,
) -> KeptRows:
    """Make copies of target neurons from the rows of source layer l < L.

    Parameters
    ----------
    source
        A source that is drawn once.
    layer
        l, at least 1.
    below
        What layer l - 1 carries.
    wanted
        Coefficients of the units below in target layer l, the bias last; shape (n_l, units).
    allowance
        A copy whose sum may be off by more than about this in either direction is dropped.
    demand
        How many neurons there should be for each target neuron, and last for the constants, relative to the others; 0
        for none. Shape (n_l + 1,).
    enough
        Stop when there are so many copies of each, and constants.
    workers
        So many threads are used. The result does not depend on it.
    progress
        It is told how many rows were dealt.
    kept
        At most so many edges stand for one weight or bias of the target; 0 for any number.
    """
    rows, biases = source.source.widths[layer], source.biases(layer)
    reader = _reader(below, wanted, kept)
    constant = len(wanted)
    units = np.full(rows, -1)
    counts = dict.fromkeys(np.flatnonzero(demand).tolist(), 0)
    chosen: dict[int, tuple[Array, npt.NDArray[np.bool_]]] = {}

    def attempt(job: tuple[int, int, Array]) -> npt.NDArray[np.bool_] | None:
        row, neuron, weights = job
        return reader.choose(weights, biases[row], neuron, allowance)

    with ThreadPoolExecutor(workers) as pool:
        run = pool.map if workers > 1 else map
        for start in range(0, rows, _AT_ONCE):
            if min(counts.values()) >= enough:
                break
            stop = min(rows, start + _AT_ONCE)
            weights = dict(enumerate(source.rows(layer, start, stop), start=start))
            tried: dict[int, set[int]] = {row: set() for row in range(start, stop)}
            pending = list(tried)
            while pending:
                dealt = _deal(pending, tried, counts, demand, biases, constant)
                jobs = [(row, neuron, weights[row]) for row, neuron in dealt if neuron != constant]
                for (row, neuron, _), edges in zip(jobs, run(attempt, jobs), strict=True):
                    if edges is not None:
                        units[row], chosen[row] = neuron, (weights[row], edges)
                    else:
                        tried[row].add(neuron)
                        counts[neuron] -= 1
                units[[row for row, neuron in dealt if neuron == constant]] = constant
                pending = [row for row, neuron, _ in jobs if units[row] < 0]
            progress(stop - start)
    return _carried(source, layer, reader, units, chosen)


def output_rows(source: DrawnSource, layer: int, below: Signals, wanted: Array, *, kept: int) -> KeptRows:
    """Choose the edges of the outputs, none of which may be dropped; their errors stand in the signals."""
    biases, reader = source.biases(layer), _reader(below, wanted, kept)
    chosen = {}
    for row, weights in enumerate(source.rows(layer, 0, len(wanted))):
        edges = reader.choose(weights, biases[row], row, np.inf)
        assert edges is not None
        chosen[row] = weights, edges
    return _carried(source, layer, reader, np.arange(len(wanted)), chosen)


def _reader(below: Signals, wanted: Array, kept: int) -> _Reader:
    order = np.argsort(below.units, kind="stable")
    edges = np.arange(len(below.boxes) + 1)
    starts = np.searchsorted(below.units[order], edges)
    starts[-1] = len(order) + 1  # the own bias is a constant too
    middles, radii = (below.low + below.high) / 2, (below.high - below.low) / 2
    return _Reader(
        below=below,
        wanted=wanted,
        order=order,
        starts=starts,
        middles=np.append(middles[order], 0.0),
        radii=np.append(radii[order], 0.0),
        kept=kept,
    )


def _deal(
    rows: Sequence[int],
    tried: dict[int, set[int]],
    counts: dict[int, int],
    demand: Array,
    biases: Array,
    constant: int,
) -> list[tuple[int, int]]:
    """Give each row to the target neuron with the fewest copies for its demand; the constants count as one."""
    dealt = []
    for row in rows:
        open_to = [k for k in counts if k not in tried[row] and (k != constant or biases[row] > 0)]
        if len(tried[row]) >= _MOST_TRIES:
            open_to = [k for k in open_to if k == constant]
        if open_to:
            chosen = min(open_to, key=lambda k: counts[k] / demand[k])
            counts[chosen] += 1
            dealt.append((row, chosen))
    return dealt


def _carried(
    source: DrawnSource,
    layer: int,
    reader: _Reader,
    units: Integers,
    chosen: dict[int, tuple[Array, npt.NDArray[np.bool_]]],
) -> KeptRows:
    """Collect the rows and bound their errors."""
    from scipy.sparse import coo_array, csr_array

    below, wanted, drawn = reader.below, reader.wanted, source.biases(layer)
    rows, constant = len(units), len(wanted)
    copies = np.array(sorted(chosen), dtype=np.int64)
    columns = [np.flatnonzero(chosen[row][1][:-1]) for row in copies.tolist()]
    values = [chosen[row][0][here] for row, here in zip(copies.tolist(), columns, strict=True)]
    places = np.repeat(copies, [len(here) for here in columns]), np.concatenate([np.zeros(0, np.int64), *columns])
    weights = csr_array(coo_array((np.concatenate([np.zeros(0), *values]), places), shape=(rows, len(below.units))))
    biases = np.where(units == constant, drawn, 0.0)
    biases[copies] = [drawn[row] * chosen[row][1][-1] for row in copies.tolist()]
    error: Bounds = sums_error(weights[copies], biases[copies], below, wanted[units[copies]])
    boxes = np.ones((1, 2))
    if layer < len(source.source.widths) - 1:
        error, boxes = through_relu(error, wanted, below, units[copies])
    low, high = np.zeros(rows), np.zeros(rows)
    low[copies], high[copies] = error
    factors = np.where(units == constant, drawn, np.where(units >= 0, 1.0, 0.0))
    moving = (below.units >= 0) & (below.units != below.constant)
    norms = abs(weights) @ moving.astype(np.float64)
    return KeptRows(
        weights=weights,
        biases=biases,
        signals=Signals(units=units, factors=factors, low=low, high=high, boxes=boxes),
        amplification=float(norms.max(initial=0.0)),
    )
