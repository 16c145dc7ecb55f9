"""Targets with weights, boxes, points of them, and masks, random and adversarial ones."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ertheory.masks import DrawnMask
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual, Step

__all__ = ["ANY", "DYADIC", "boxes", "chains", "conv_networks", "masks", "points", "residual_networks", "source_shapes"]

DYADIC = st.sampled_from([0.0, 0.0, 0.0, 1.0, -1.0, 0.5, -2.0, 0.25, -0.75, 3.0])
"""Weights whose products and sums are doubles; zeros are frequent."""

ANY = st.just(0.0) | st.sampled_from([0.1, -0.3, 1e-30, -7e20]) | st.floats(-1e100, 1e100)
"""Doubles of all kinds, subnormal ones too, that leave room for products."""

ENDS = st.sampled_from([-2.0, -1.0, 0.0, 0.1, 1.0, 1.5, -1e300, 1e-300, 3e5]) | st.floats(-1e3, 1e3)


def _array(draw: st.DrawFn, shape: Sequence[int], numbers: st.SearchStrategy[float]) -> Any:
    """Draw numbers; whole rows and columns vanish often."""
    size = int(np.prod(shape))
    array = np.reshape(draw(st.lists(numbers, min_size=size, max_size=size)), shape)
    rows = draw(st.lists(st.sampled_from([1.0, 1.0, 1.0, 0.0]), min_size=shape[0], max_size=shape[0]))
    columns = draw(st.lists(st.sampled_from([1.0, 1.0, 1.0, 0.0]), min_size=shape[1], max_size=shape[1]))
    return (
        array * np.reshape(rows, (-1, *[1] * (len(shape) - 1))) * np.reshape(columns, (1, -1, *[1] * (len(shape) - 2)))
    )


def _affine(draw: st.DrawFn, shape: Sequence[int], numbers: st.SearchStrategy[float], **geometry: Any) -> Affine:
    bias = draw(st.lists(numbers, min_size=shape[0], max_size=shape[0]))
    return Affine.from_dense(_array(draw, shape, numbers), bias, **geometry)


@st.composite
def boxes(draw: st.DrawFn, inputs: int, ends: st.SearchStrategy[float] = ENDS) -> Any:
    """Draw a box, degenerate and huge ones among them."""
    return np.array([sorted((draw(ends), draw(ends))) for _ in range(inputs)])


@st.composite
def chains(
    draw: st.DrawFn, numbers: st.SearchStrategy[float] = DYADIC, *, activation: str = "relu", depth: int = 4
) -> Network:
    """Draw a fully connected network of depth 1 to `depth`, with a box or without."""
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=depth + 1))
    steps: list[Step] = []
    for before, after in pairwise(widths):
        steps += [_affine(draw, (after, before), numbers), Activation(activation)]
    box = draw(st.none() | boxes(widths[0]))
    return Network(tuple(steps[:-1]), box)


@st.composite
def conv_networks(draw: st.DrawFn, *, nonnegative: bool | None = None) -> tuple[Network, tuple[int, ...]]:
    """Draw a convolutional network with stride, dilation, groups, padding, pooling, and the positions of its input."""
    axes = draw(st.integers(1, 2))
    positions = tuple(draw(st.integers(3, 5 if axes == 1 else 4)) for _ in range(axes))
    groups = draw(st.sampled_from([1, 1, 2]))
    channels = groups * draw(st.integers(1, 2))
    inputs, here = channels, positions
    steps: list[Step] = []
    for layer in range(draw(st.integers(1, 2))):
        groups = groups if layer == 0 else draw(st.sampled_from([g for g in (1, 2) if channels % g == 0]))
        kernel = tuple(draw(st.integers(1, min(2, size))) for size in here)
        padding = tuple(draw(st.integers(0, 1)) for _ in here)
        stride = tuple(draw(st.integers(1, 2)) for _ in here)
        room = zip(here, padding, kernel, strict=True)
        dilation = tuple(draw(st.integers(1, 2)) if (k - 1) * 2 < size + 2 * pad else 1 for size, pad, k in room)
        outputs = groups * draw(st.integers(1, 2))
        shape = (outputs, channels // groups, *kernel)
        geometry = {"padding": padding, "stride": stride, "dilation": dilation, "groups": groups}
        steps += [_affine(draw, shape, DYADIC, **geometry), Activation("relu")]
        channels = outputs
        here = tuple(
            (size + 2 * pad - far * (k - 1) - 1) // by + 1
            for size, pad, far, k, by in zip(here, padding, dilation, kernel, stride, strict=True)
        )
        if draw(st.booleans()):
            kind: Any = draw(st.sampled_from(["max", "average"]))
            if draw(st.booleans()):
                here = tuple(draw(st.integers(1, 3)) for _ in here)
                steps.append(Pool(kind, outputs=here))
            else:
                size = tuple(min(2, length) for length in here)
                steps.append(Pool(kind, size, (1,) * len(size)))
                here = tuple(length - window + 1 for length, window in zip(here, size, strict=True))
    if draw(st.booleans()):
        steps += [Pool("average"), _affine(draw, (2, channels), DYADIC)]
    else:
        steps += [Flatten(), _affine(draw, (2, channels * int(np.prod(here))), DYADIC)]
    wanted = draw(st.booleans()) if nonnegative is None else nonnegative
    ends = st.sampled_from([0.0, 0.0, 1.0, 0.5]) if wanted else st.sampled_from([-2.0, -0.25, 0.0, 1.0])
    return Network(tuple(steps), draw(boxes(inputs, ends))), positions


@st.composite
def residual_networks(draw: st.DrawFn, numbers: st.SearchStrategy[float] = DYADIC) -> Network:
    """Draw one to three residual blocks with identity and projection skips between two fully connected layers."""
    inputs, channels = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    steps: list[Step] = [_affine(draw, (channels, inputs), numbers)]
    if draw(st.booleans()):
        steps.append(Activation("relu"))
    for _ in range(draw(st.integers(1, 3))):
        after = channels if draw(st.booleans()) else draw(st.integers(1, 3))
        inner = draw(st.integers(1, 2))
        branch: tuple[Step, ...] = (_affine(draw, (after, channels), numbers),)
        if draw(st.booleans()):
            first, last = _affine(draw, (inner, channels), numbers), _affine(draw, (after, inner), numbers)
            branch = (first, Activation("relu"), last)
        identity = after == channels and draw(st.booleans())
        steps.append(Residual(branch, () if identity else (_affine(draw, (after, channels), numbers),)))
        if draw(st.booleans()):
            steps.append(Activation("relu"))
        channels = after
    steps.append(_affine(draw, (2, channels), numbers))
    return Network(tuple(steps), draw(st.none() | boxes(inputs)))


def points(box: Any, inputs: int, positions: Sequence[int] = ()) -> st.SearchStrategy[Any]:
    """Draw rational points of the box, corners often; shape (inputs, *positions)."""
    size = int(np.prod(positions))
    if box is None:
        number = st.fractions(-(10**6), 10**6, max_denominator=50) | st.sampled_from([Fraction(0), Fraction(1)])
        cells = st.lists(number, min_size=inputs * size, max_size=inputs * size)
        return cells.map(lambda values: np.reshape(np.array(values, dtype=object), (inputs, *positions)))
    share = st.sampled_from([Fraction(0), Fraction(1)]) | st.fractions(0, 1, max_denominator=50)

    def place(shares: list[Fraction]) -> Any:
        ends = [(Fraction(low), Fraction(high)) for low, high in np.asarray(box).tolist()]
        values = [
            ends[index // size][0] + part * (ends[index // size][1] - ends[index // size][0])
            for index, part in enumerate(shares)
        ]
        return np.reshape(np.array(values, dtype=object), (inputs, *positions))

    return st.lists(share, min_size=inputs * size, max_size=inputs * size).map(place)


def _walk(steps: Sequence[Step], below: int, size: int, factors: dict[int, int], shapes: list[tuple[int, int]]) -> Any:
    """Add the shapes of masks: `below` source channels for `size` target channels run in."""
    for step in steps:
        if isinstance(step, Affine):
            per = step.inputs // size * step.taps
            neurons = factors[len(shapes)]
            shapes.append((neurons, below // step.groups * per))
            below, size = neurons, step.outputs
        elif isinstance(step, Residual):
            after = _walk(step.branch, below, size, factors, shapes)
            _walk(step.skip, below, size, factors, shapes)
            below, size = after
    return below, size


@st.composite
def source_shapes(draw: st.DrawFn, network: Network, units: int, *, most: int = 3, fewest: int = 1) -> Any:
    """Draw the shapes of the masks 0..L: so many times as wide as the target, and a little more where there is room.

    The widths of a residual stream are equal, and those of layers with groups or before them multiples of the groups.
    """
    layers = network.affine
    parts = 2 if any(step.groups > 1 for step in layers) else 1
    stream = draw(st.integers(fewest, most)) if any(isinstance(step, Residual) for step in network.steps) else None
    factors = {}
    for number, step in enumerate(layers, start=1):
        copies = stream or draw(st.integers(fewest, most))
        more = 0 if stream else draw(st.integers(0, 1)) * parts
        factors[number] = step.outputs if number == len(layers) else (step.outputs * copies + more) * parts
    first = (units * draw(st.integers(fewest, most)) + draw(st.integers(0, 1)) * parts) * parts
    shapes = [(first, layers[0].inputs)]
    _walk(network.steps, first, layers[0].inputs, factors, shapes)
    return shapes


@st.composite
def masks(draw: st.DrawFn, shapes: Sequence[tuple[int, int]], *, first_full: bool = False) -> list[Any]:
    """Draw masks of several densities, and bad ones: empty rows and columns, one entry, none, all."""
    result: list[Any] = []
    for layer, shape in enumerate(shapes):
        if layer == 0 and first_full:
            result.append(np.ones(shape))
            continue
        kind = draw(st.sampled_from(["drawn"] * 4 + ["full"] * 3 + ["row", "column", "one", "hole"]))
        density = draw(st.sampled_from([Fraction(1, 4), Fraction(1, 2), Fraction(4, 5), Fraction(19, 20)]))
        mask = DrawnMask(shape, density, draw(st.integers(0, 10**6)), layer)
        if kind == "drawn":
            result.append(mask)
            continue
        array = np.ones(shape)
        row, column = draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))
        if kind == "row":
            array[row] = 0
        elif kind == "column":
            array[:, column] = 0
        elif kind == "hole":
            array[row, column] = 0
        elif kind == "one":
            array[:] = 0
            array[row, column] = 1
        result.append(array)
    return result
