"""Moving scale between layers: the same function with weights that subset sums reach.

relu(s h) = s relu(h) for s > 0, so a hidden neuron may be made smaller if what reads it is made larger. Powers of two
keep every double exact.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ertheory.networks.target import Target

__all__ = ["balanced"]


def balanced(target: Target) -> Target:
    """Give the same ReLU network with hidden neurons divided by powers of two.

    A neuron whose weights exceed 1 is divided until they do not. One whose weights leave room is multiplied while a
    weight that reads it exceeds 1. A target for which that would not be exact is given back as it is.

    Parameters
    ----------
    target
        A fully connected target with weights.

    Examples
    --------
    >>> scaled = balanced(Target.from_arrays([[[3.0, 0.5]], [[0.25]]]))
    >>> [weight.tolist() for weight in scaled.weights]
    [[[0.75, 0.125]], [[1.0]]]
    """
    assert target.weights is not None
    assert target.biases is not None
    weights = [weight.copy() for weight in target.weights]
    biases = [bias.copy() for bias in target.biases]
    for layer in range(target.depth - 1):
        into, out = _exponent(np.abs(weights[layer]).max(axis=1)), _exponent(np.abs(weights[layer + 1]).max(axis=0))
        shift = np.where(into > 0, into, -np.minimum(np.maximum(out, 0), -into))
        changed = (weights[layer], -shift[:, None]), (biases[layer], -shift), (weights[layer + 1], shift[None, :])
        for array, exponents in changed:
            before = array.copy()
            np.ldexp(array, exponents, out=array)
            if not np.array_equal(np.ldexp(array, -exponents), before):
                return target  # numbers at the edge of the doubles lose digits
    return Target.from_arrays(weights, biases, domain=target.domain)


def _exponent(sizes: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Give the smallest e with size <= 2^e; 0 for a size of 0."""
    fraction, exponent = np.frexp(sizes)
    return np.where(sizes == 0, 0, exponent - (fraction == 0.5)).astype(np.int64)
