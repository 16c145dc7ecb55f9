"""Networks read from scikit-learn compute what the estimators predict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ertheory.check import evaluate
from ertheory.errors import InvalidInput
from ertheory.networks.readers.scikit_learn import network_from_sklearn
from ertheory.networks.readers.targets import read_network, read_target, target_from_sklearn

neural = pytest.importorskip("sklearn.neural_network")
preprocessing = pytest.importorskip("sklearn.preprocessing")
pipeline = pytest.importorskip("sklearn.pipeline")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def data(outputs: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(60, 4)) * [1, 10, 0.1, 3] + [5, -2, 0, 100]
    return points, ((points - points.mean(axis=0)) / points.std(axis=0)) @ rng.normal(size=(4, outputs))


def regressor(**options: Any) -> Any:
    return neural.MLPRegressor(hidden_layer_sizes=(5, 3), max_iter=40, random_state=0, **options)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_a_regressor_is_its_prediction(activation: str, outputs: int) -> None:
    points, answers = data(outputs)
    estimator = regressor(activation=activation).fit(points, answers.squeeze())
    network = network_from_sklearn(estimator)
    assert [step.outputs for step in network.affine] == [5, 3, outputs]
    assert network.is_chain
    predicted = estimator.predict(points).reshape(60, outputs)
    np.testing.assert_allclose(evaluate(network, points), predicted, rtol=1e-10, atol=1e-10)


def test_a_classifier_is_read_in_front_of_its_last_function() -> None:
    points, answers = data(3)
    estimator = neural.MLPClassifier((5, 3), max_iter=40, random_state=0).fit(points, answers.argmax(axis=1))
    assert estimator.out_activation_ == "softmax"
    exponentials = np.exp(evaluate(network_from_sklearn(estimator), points))
    shares = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, estimator.predict_proba(points), rtol=1e-9)
    estimator = neural.MLPClassifier((5, 3), max_iter=40, random_state=0).fit(points, answers[:, 0] > 0)
    assert estimator.out_activation_ == "logistic"
    logits = evaluate(read_network(estimator), points)[:, 0]
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), estimator.predict_proba(points)[:, 1], rtol=1e-9)


SCALERS = {
    "standard": lambda: preprocessing.StandardScaler(),
    "spread alone": lambda: preprocessing.StandardScaler(with_mean=False),
    "mean alone": lambda: preprocessing.StandardScaler(with_std=False),
    "min max": lambda: preprocessing.MinMaxScaler((-1, 2)),
    "max abs": lambda: preprocessing.MaxAbsScaler(),
    "robust": lambda: preprocessing.RobustScaler(),
    "robust spread": lambda: preprocessing.RobustScaler(with_centering=False),
    "robust centre": lambda: preprocessing.RobustScaler(with_scaling=False),
    "none": lambda: "passthrough",
    "two": lambda: pipeline.make_pipeline(preprocessing.MinMaxScaler(), preprocessing.StandardScaler()),
}


@pytest.mark.parametrize("case", SCALERS)
def test_scalers_are_folded_into_the_first_layer(case: str) -> None:
    points, answers = data()
    whole = pipeline.make_pipeline(SCALERS[case](), regressor()).fit(points, answers.squeeze())
    network = network_from_sklearn(whole)
    np.testing.assert_allclose(evaluate(network, points)[:, 0], whole.predict(points), rtol=1e-9, atol=1e-9)
    assert read_target(whole).widths == (4, 5, 3, 1)


def test_what_is_not_known_is_refused_and_the_step_is_named() -> None:
    points, answers = data()
    for estimator, pattern in (
        (regressor(), "fit first"),
        (pipeline.make_pipeline(preprocessing.StandardScaler(), regressor()), "fit first"),
        (pipeline.make_pipeline(preprocessing.PolynomialFeatures(1), regressor()), "polynomialfeatures.*scaler|Scaler"),
        (pipeline.make_pipeline(preprocessing.MinMaxScaler(clip=True), regressor()).fit(points, answers[:, 0]), "clip"),
        (pipeline.make_pipeline(preprocessing.StandardScaler()), "perceptron|MLPRegressor"),
        (neural.BernoulliRBM(), "BernoulliRBM"),
        (type("Halved", (neural.MLPRegressor,), {})(), "Halved"),
    ):
        with pytest.raises(InvalidInput, match=pattern) as caught:
            read_network(estimator)
        assert len(str(caught.value)) <= 400


def test_widths_are_for_relu() -> None:
    points, answers = data()
    with pytest.raises(InvalidInput, match="activation: expected ReLU"):
        target_from_sklearn(regressor(activation="tanh").fit(points, answers.squeeze()))
