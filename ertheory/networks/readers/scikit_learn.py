"""Networks from scikit-learn: multi-layer perceptrons, and pipelines of scalers in front of one.

scikit-learn is not imported: an estimator is told by the name of its class and read through its attributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ertheory.errors import InvalidInput
from ertheory.networks.arrays import doubles
from ertheory.networks.network import Network
from ertheory.networks.readers.batch_norm import ChannelMap
from ertheory.networks.readers.chain import Chain

__all__ = ["network_from_sklearn"]

_PERCEPTRONS = ("MLPClassifier", "MLPRegressor")
_SCALERS = ("MaxAbsScaler", "MinMaxScaler", "RobustScaler", "StandardScaler")
_ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "relu": "relu", "tanh": "tanh"}


def network_from_sklearn(estimator: object) -> Network:
    """Read a network from a fitted perceptron of scikit-learn, or from a pipeline that ends with one.

    Parameters
    ----------
    estimator
        A fitted ``MLPClassifier`` or ``MLPRegressor``, or a ``Pipeline`` of StandardScaler, MinMaxScaler, MaxAbsScaler
        and RobustScaler that ends with one. Scalers are folded into the first layer, in float64.

    Returns
    -------
    Network
        The network in front of the estimator's last function (``out_activation_``): the logits of a classifier, in
        front of softmax or logistic; the prediction of a regressor, unless its loss puts another function behind it.

    Raises
    ------
    InvalidInput
        If it is another kind of object, or not fitted; a step of a pipeline that is not known is named.
    """
    chain = Chain()
    *scalers, (named, perceptron) = _steps("estimator", estimator)
    for name, scaler in scalers:
        chain.norm(name, _scaling(name, scaler), 0)
    if _kind(perceptron) not in _PERCEPTRONS:
        allowed = "a fitted MLPClassifier or MLPRegressor, or a pipeline of scalers that ends with one"
        raise InvalidInput(named, allowed, type(perceptron).__name__)
    weights, biases = getattr(perceptron, "coefs_", None), getattr(perceptron, "intercepts_", None)
    if weights is None or biases is None:
        raise InvalidInput(named, "a fitted estimator: call fit first", type(perceptron).__name__)
    activation = getattr(perceptron, "activation", None)
    if activation not in _ACTIVATIONS:
        raise InvalidInput(named, f"an activation of {', '.join(_ACTIVATIONS)}", activation)
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True), start=1):
        if index > 1:
            chain.activation(_ACTIVATIONS[activation])
        chain.layer(f"W{index}", doubles(f"W{index}", np.transpose(weight)), doubles(f"b{index}", bias))
    return Network(chain.finish())


def _steps(named: str, estimator: Any) -> Iterator[tuple[str, Any]]:
    if _kind(estimator) != "Pipeline":
        yield named, estimator
        return
    for name, step in estimator.steps:
        if step not in (None, "passthrough"):
            yield from _steps(f"{named}, step {name}", step)


def _kind(estimator: object) -> str | None:
    """Give the name of a class that is scikit-learn's own; what inherits from one may compute something else."""
    own = type(estimator)
    return own.__name__ if own.__module__.startswith("sklearn.") else None


def _scaling(named: str, scaler: Any) -> ChannelMap:
    """Give x -> (x - centre) / spread as a map of the inputs."""
    kind = _kind(scaler)
    if kind not in _SCALERS:
        raise InvalidInput(named, f"one of {', '.join(_SCALERS)} in front of the perceptron", type(scaler).__name__)
    if not hasattr(scaler, "n_features_in_"):
        raise InvalidInput(named, "a fitted scaler: call fit first", kind)
    ones, zeros = np.ones(scaler.n_features_in_), np.zeros(scaler.n_features_in_)
    if getattr(scaler, "clip", False):
        raise InvalidInput(named, "clip=False", True)
    if kind == "MinMaxScaler":
        return ChannelMap(doubles(named, scaler.scale_), doubles(named, scaler.min_))
    spread = getattr(scaler, "scale_", None)
    centre = getattr(scaler, "mean_" if kind == "StandardScaler" else "center_", None)
    if kind == "StandardScaler" and not scaler.with_mean:
        centre = None
    scale = ones / (ones if spread is None else doubles(named, spread))
    return ChannelMap(scale, zeros if centre is None else -doubles(named, centre) * scale)
