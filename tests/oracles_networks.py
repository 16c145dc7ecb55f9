"""Networks and embeddings, decided the slow way: loops over plain lists and fractions, nothing taken from the builder.

Masks are dense arrays of zeros and ones here, one per source layer. A link is a tuple (output, input, tap).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ertheory.errors import ConstructionFailed
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual, Step

__all__ = [
    "attempt",
    "certificate_faults",
    "construct",
    "dense_masks",
    "drop_probability",
    "evaluate",
    "has_b_matching",
    "links",
    "owner",
]


def attempt(build: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, ConstructionFailed | None]:
    """Build, and give what was built or why it failed."""
    try:
        return build(*arguments, **options), None
    except ConstructionFailed as error:
        return None, error


# ---- evaluation


def evaluate(network: Network, point: Any) -> list[Fraction]:
    """Evaluate in rational arithmetic; `point` has shape (inputs,) or (channels, *positions)."""
    result = _run(network.steps, np.vectorize(Fraction, otypes=[object])(np.asarray(point, dtype=object)))
    return list(result.ravel())


def _run(steps: Sequence[Step], signal: Any) -> Any:
    for step in steps:
        if isinstance(step, Affine):
            signal = _affine(step, signal)
        elif isinstance(step, Activation):
            signal = np.vectorize(activation(step.name).exact, otypes=[object])(signal)
        elif isinstance(step, Flatten):
            signal = signal.ravel()
        elif isinstance(step, Pool):
            signal = _pool(step, signal)
        else:
            signal = _run(step.branch, signal) + _run(step.skip, signal)
    return signal


def _affine(step: Affine, signal: Any) -> Any:
    weight, bias = step.weight.toarray(), step.exact_bias
    axes = len(step.kernel)
    # Without a kernel every position is on its own, as in a convolution with one tap.
    kernel, stride = step.kernel or (1,) * (signal.ndim - 1), step.stride or (1,) * (signal.ndim - 1)
    padding, dilation = step.padding or (0,) * (signal.ndim - 1), step.dilation or (1,) * (signal.ndim - 1)
    assert not axes or axes == signal.ndim - 1
    sizes = [
        (size + 2 * pad - far * (taps - 1) - 1) // by + 1
        for size, pad, far, taps, by in zip(signal.shape[1:], padding, dilation, kernel, stride, strict=True)
    ]
    assert signal.shape[0] == step.inputs
    result = np.empty((step.outputs, *sizes), dtype=object)
    rows, columns = step.outputs // step.groups, step.inputs // step.groups
    for j in range(step.outputs):
        for place in itertools.product(*map(range, sizes)):
            total = bias[j]
            for number, (i, tap) in enumerate(
                itertools.product(range(columns), itertools.product(*map(range, kernel)))
            ):
                at = [
                    p * by + t * far - pad
                    for p, by, t, far, pad in zip(place, stride, tap, dilation, padding, strict=True)
                ]
                inside = all(0 <= a < size for a, size in zip(at, signal.shape[1:], strict=True))
                if weight[j, number] and inside:
                    total += Fraction(weight[j, number]) * signal[(j // rows * columns + i, *at)]
            result[(j, *place)] = total
    return result


def _pool(step: Pool, signal: Any) -> Any:
    if step.outputs:
        return _shared(step, signal)
    if not step.size:
        every = signal.reshape(len(signal), -1).tolist()
        return np.array(
            [max(row) if step.kind == "max" else sum(row, Fraction(0)) / len(row) for row in every], dtype=object
        )
    sizes = [
        # Windows begin where they end inside the padded axis, or inside the axis and the padding in front of it.
        sum(at + size <= length + 2 * pad or (step.ceil and at < length + pad) for at in range(0, length + 2 * pad, by))
        for length, pad, size, by in zip(signal.shape[1:], step.padding, step.size, step.stride, strict=True)
    ]
    result = np.empty((len(signal), *sizes), dtype=object)
    for channel, *place in itertools.product(range(len(signal)), *map(range, sizes)):
        window, count = [], 0
        for shift in itertools.product(*map(range, step.size)):
            at = [p * by + s - pad for p, by, s, pad in zip(place, step.stride, shift, step.padding, strict=True)]
            if all(0 <= a < length for a, length in zip(at, signal.shape[1:], strict=True)):
                window.append(signal[(channel, *at)])
            reach = zip(at, signal.shape[1:], step.padding, strict=True)
            count += all(-pad <= a < length + pad for a, length, pad in reach) if step.counted else 0
        largest = step.kind == "max"
        count = count if step.counted else len(window)
        result[(channel, *place)] = max(window) if largest else sum(window, Fraction(0)) / count
    return result


def _shared(step: Pool, signal: Any) -> Any:
    """Position a of n is read by output i of m if the pieces [a/n, (a+1)/n) and [i/m, (i+1)/m) of the axis meet."""
    outputs = [count or size for count, size in zip(step.outputs, signal.shape[1:], strict=True)]
    result = np.empty((len(signal), *outputs), dtype=object)
    for channel, *place in itertools.product(range(len(signal)), *map(range, outputs)):
        window = [
            signal[(channel, *at)]
            for at in itertools.product(*map(range, signal.shape[1:]))
            if all(
                a * m < (i + 1) * n and i * n < (a + 1) * m
                for a, i, n, m in zip(at, place, signal.shape[1:], outputs, strict=True)
            )
        ]
        result[(channel, *place)] = max(window) if step.kind == "max" else sum(window, Fraction(0)) / len(window)
    return result


# ---- which links have an edge


def owner(neuron: int, neurons: int, size: int) -> int:
    """Target neuron of which a source neuron is a copy, where they are shared out in blocks."""
    return neuron * size // neurons


def links(step: Affine, channels: int) -> Iterator[tuple[int, int, int, float]]:
    """Go through output, input channel, tap (or position) and value of the non-zero weights."""
    weight = step.weight.toarray()
    per = step.inputs // channels * max(1, math.prod(step.kernel))
    for j, column in np.argwhere(weight):
        group = j // (step.outputs // step.groups)
        yield int(j), group * (channels // step.groups) + int(column) // per, int(column) % per, weight[j, column]


def dense_masks(masks: Sequence[Any]) -> list[Any]:
    """Write masks out."""
    return [np.array(mask.to_csr().toarray()) if hasattr(mask, "to_csr") else np.array(mask) != 0 for mask in masks]


def construct(
    steps: Sequence[Step], masks: Sequence[Any], below: list[int], size: int, *, drop: bool
) -> tuple[list[tuple[int, int, int, int, int]], list[list[int]]]:
    """Decide the event of a construction above layer 0, whose owners are `below`, -1 for the dead.

    Parameters
    ----------
    steps
        With the first layer written in the units of layer 0.
    masks
        Of source layers 1..L, dense.
    below, size
        Unit of each neuron of layer 0, and how many units there are.

    Returns
    -------
    tuple
        What is missing, as (layer, copy, output, input or unit, tap), and the owners in layers 1..L.
    """
    missing: list[tuple[int, int, int, int, int]] = []
    owners: list[list[int]] = []

    def walk(inner: Sequence[Step], below: list[int], size: int) -> tuple[list[int], int]:
        for step in inner:
            if isinstance(step, Affine):
                below = affine(step, below, size)
                size = step.outputs
            elif isinstance(step, Residual):
                end, new = walk(step.branch, below, size)
                beside, _ = walk(step.skip, below, size)
                below = [a if a == b else -1 for a, b in zip(end, beside, strict=True)]
                size = new
        return below, size

    def affine(step: Affine, below: list[int], size: int) -> list[int]:
        layer, mask = len(owners) + 1, masks[len(owners)].reshape(len(masks[len(owners)]), -1)
        neurons = len(mask)
        per = step.inputs // size * max(1, math.prod(step.kernel))
        part = len(below) // step.groups
        own = []
        for v in range(neurons):
            j = owner(v, neurons, step.outputs)
            first = v // (neurons // step.groups) * part  # channels of its group
            lacking = []
            for out, i, tap, _ in links(step, size):
                if out == j and not any(
                    below[u] == i and mask[v, (u - first) * per + tap] for u in range(first, first + part)
                ):
                    lacking.append((layer, v, j, i, tap))
            if lacking and drop and layer < len(masks):
                j = -1
            else:
                missing.extend(lacking)
            own.append(j)
        owners.append(own)
        return own

    walk(steps, below, size)
    return missing, owners


def has_b_matching(allowed: Sequence[Sequence[bool]], units: int, copies: int) -> bool:
    """Whether units can be given so many neurons of their own; `allowed[k][u]` says whether neuron k can serve u."""
    states = {(0,) * units}
    for row in allowed:
        states |= {
            (*state[:u], state[u] + 1, *state[u + 1 :])
            for state in states
            for u in range(units)
            if row[u] and state[u] < copies
        }
    return (copies,) * units in states


# ---- what a builder returned


def certificate_faults(embedding: Any) -> list[str]:
    """Look for what is wrong with an embedding: edges off the mask, links realised not at all, twice or elsewhere."""
    faults: list[str] = []
    coding, source, masks = embedding.coding, embedding.source, dense_masks(embedding.masks)
    owners = [list(map(int, layer)) for layer in embedding.owners]
    zero = source.affine[0]
    weight = zero.weight.toarray()
    for k, unit in enumerate(owners[0]):
        expected = np.zeros(zero.inputs)
        if unit >= 0 and coding.inputs[unit] >= 0:
            expected[coding.inputs[unit]] = coding.weights[unit]
        if not np.array_equal(weight[k], expected):
            faults.append(f"layer 0: weights of neuron {k}")
        if zero.bias[k] != (coding.biases[unit] if unit >= 0 else 0):
            faults.append(f"layer 0: bias of neuron {k}")
    leading = len(embedding.target.steps) - len(
        list(itertools.dropwhile(lambda step: isinstance(step, Pool | Flatten), embedding.target.steps))
    )
    rewritten = (coding.first, *embedding.target.steps[leading + 1 :])
    built = source.steps[leading + 2 :]
    numbers = iter(range(1, len(owners)))

    def walk(target: Sequence[Step], made: Sequence[Step], below: list[int], size: int) -> tuple[list[int], int]:
        for wanted, step in zip(target, made, strict=True):
            if type(wanted) is not type(step):
                faults.append(f"a step {type(step).__name__} for {type(wanted).__name__}")
            if isinstance(wanted, Affine):
                layer = next(numbers)
                faults.extend(
                    f"layer {layer}: {fault}" for fault in _layer_faults(wanted, step, below, size, owners[layer])
                )
                below, size = owners[layer], wanted.outputs
            elif isinstance(wanted, Residual):
                end, new = walk(wanted.branch, step.branch, below, size)
                beside, _ = walk(wanted.skip, step.skip, below, size)
                if wanted.skip:
                    faults.extend(f"skip at {k}" for k, (a, b) in enumerate(zip(end, beside, strict=True)) if a != b)
                    below = end
                else:  # a channel can serve others below the skip, and be dead behind it
                    below = [a if a == b else -1 for a, b in zip(end, beside, strict=True)]
                    faults.extend(f"skip at {k}" for k, (a, b) in enumerate(zip(below, end, strict=True)) if a != b)
                size = new
            elif wanted != step:
                faults.append(f"another {type(step).__name__}")
        return below, size

    walk(rewritten, built, owners[0], coding.units)
    if owners[-1] != list(range(embedding.target.outputs)):
        faults.append("outputs out of place")
    for layer, (step, mask) in enumerate(zip(source.affine, masks, strict=True)):
        if (step.weight.toarray() != 0)[~mask.reshape(len(mask), -1)].any():
            faults.append(f"layer {layer}: a weight off the mask")
        if (step.weight.data == 0).any():
            faults.append(f"layer {layer}: a zero is stored")
    return faults


def _layer_faults(wanted: Affine, step: Any, below: list[int], size: int, own: list[int]) -> Iterator[str]:
    geometry = ("kernel", "stride", "padding", "dilation", "groups")
    if any(getattr(wanted, name) != getattr(step, name) for name in geometry):
        yield "another geometry"
    known: dict[int, dict[tuple[int, int], float]] = {j: {} for j in range(wanted.outputs)}
    for j, i, tap, value in links(wanted, size):
        known[j][i, tap] = value
    read: list[dict[tuple[int, int], list[float]]] = [{} for _ in own]
    for v, u, tap, value in links(step, len(below)):
        read[v].setdefault((below[u], tap), []).append(value)
    for v, j in enumerate(own):
        bias = step.exact_bias[v]
        if j < 0:
            if read[v] or bias or step.bias[v]:
                yield f"unused neuron {v} has a weight or a bias"
        elif read[v] != {link: [value] for link, value in known[j].items()}:
            yield f"neuron {v} realises other links"
        elif bias != wanted.exact_bias[j] or step.bias[v] != float(wanted.bias[j]):
            yield f"bias of neuron {v}"


# ---- laws


def drop_probability(weights: Sequence[Any], widths: Sequence[int], density: Fraction) -> Fraction:
    """Probability of the drop event with one hidden layer and layer 0 alive, from all masks; `widths` are N_0..N_2."""
    first, second = (Affine.from_dense(weight) for weight in weights)
    n0, n1, n2 = widths
    below = [owner(k, n0, first.inputs) for k in range(n0)]
    total = Fraction(0)
    for bits in itertools.product((0, 1), repeat=n1 * n0 + n2 * n1):
        masks = [np.reshape(bits[: n1 * n0], (n1, n0)), np.reshape(bits[n1 * n0 :], (n2, n1))]
        if not construct((first, second), masks, below, first.inputs, drop=True)[0]:
            total += density ** sum(bits) * (1 - density) ** (len(bits) - sum(bits))
    return total
