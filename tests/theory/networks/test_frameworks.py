"""Targets from trained networks: the counts, the weights, and the function they compute agree with the original."""

from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ertheory.errors import InvalidInput
from ertheory.networks.readers.frameworks import target_from_sklearn, target_from_torch
from ertheory.networks.readers.targets import load_target
from ertheory.networks.target import Target


class FakeTensor:
    """The few methods of a tensor that are called, in the order that torch needs."""

    def __init__(self, value: object) -> None:
        self._value = np.asarray(value)

    def is_complex(self) -> bool:
        return self._value.dtype.kind == "c"

    def detach(self) -> FakeTensor:
        return self

    cpu = detach

    def double(self) -> FakeTensor:
        return FakeTensor(self._value.astype(np.float64))

    def numpy(self) -> np.ndarray:
        return self._value


class Module:
    """A module with attributes; arrays become tensors."""

    def __init__(self, **attributes: object) -> None:
        for name, value in attributes.items():
            setattr(self, name, FakeTensor(value) if isinstance(value, list | np.ndarray) else value)

    def forward(self) -> None:
        """Stand in for torch's forward, to be overridden."""

    state_dict = dict


class Sequential(Module):
    __module__ = "torch.nn.modules.container"

    def __init__(self, *children: Module) -> None:
        self.children = children

    def __iter__(self) -> Iterator[Module]:
        return iter(self.children)


def fake(name: str, **attributes: object) -> Module:
    return type(name, (Module,), {"__module__": "torch.nn.modules.fake"})(**attributes)


def linear(weight: object, bias: object = None) -> Module:
    return fake("Linear", weight=np.asarray(weight, dtype=np.float32), bias=bias)


def conv(weight: object, bias: object = None, groups: int = 1, padding: object = (0, 0)) -> Module:
    return fake("Conv2d", weight=np.asarray(weight), bias=bias, groups=groups, padding=padding)


def norm(scale: object, shift: object, mean: object, var: object, name: str = "BatchNorm1d") -> Module:
    return fake(name, weight=scale, bias=shift, running_mean=mean, running_var=var, eps=0.5)


RELU, FLATTEN, POOL = fake("ReLU"), fake("Flatten", start_dim=1, end_dim=-1), fake("MaxPool2d", padding=0)
EYE, ROW = np.eye(2), np.ones((1, 2))


def test_a_chain_of_linear_layers() -> None:
    model = Sequential(FLATTEN, linear([[1, 0], [0, 3], [0, 0]], [1, 2, 3]), RELU, fake("Dropout"), linear([[1, 2, 0]]))
    target = target_from_torch(model)
    assert target.widths == (2, 3, 1)
    assert target.nonzeros == (2, 2)
    assert [weight.tolist() for weight in target.weights] == [[[1, 0], [0, 3], [0, 0]], [[1, 2, 0]]]
    assert [bias.tolist() for bias in target.biases] == [[1, 2, 3], [0]]
    assert load_target(model).widths == (2, 3, 1)


def test_one_relu_may_stand_at_several_places_and_sequentials_may_be_nested() -> None:
    inner = Sequential(linear(EYE), RELU, linear(EYE), RELU)
    assert target_from_torch(Sequential(inner, linear(EYE), RELU, linear(ROW))).depth == 4
    assert target_from_torch(linear(ROW)).widths == (2, 1)


def test_a_pruned_weight_is_multiplied_out_even_where_the_product_is_stale() -> None:
    layer = fake("Linear", weight=[[9.0, 9.0]], bias=None, weight_orig=[[2.0, 3.0]], weight_mask=[[1.0, 0.0]])
    assert target_from_torch(layer).weights[0].tolist() == [[2.0, 0.0]]
    state = {
        "weight_orig": FakeTensor([[2.0, 3.0]]),
        "weight_mask": FakeTensor([[0.0, 1.0]]),
        "bias": FakeTensor([1.0]),
    }
    target = target_from_torch(state)
    assert target.weights[0].tolist() == [[0.0, 3.0]]
    assert target.biases[0].tolist() == [1.0]


def test_grouped_convolutions_are_written_out_with_zeros_between_the_groups() -> None:
    weight = np.arange(1.0, 25.0).reshape(4, 1, 2, 3)
    target = target_from_torch(Sequential(conv(np.ones((2, 3, 1, 1))), RELU, conv(weight, groups=2)))
    layer, full = target.layers[1], target.weights[1]
    assert full.shape == (4, 2, 2, 3)
    assert layer.nonzeros == 24
    assert layer.column_nonzeros == (12, 12)
    np.testing.assert_array_equal(full[:2, 0], weight[:2, 0])
    np.testing.assert_array_equal(full[2:, 1], weight[2:, 0])
    assert not full[:2, 1].any()
    assert not full[2:, 0].any()


def test_pooling_leaves_the_counts_and_takes_the_weights() -> None:
    model = Sequential(conv(np.ones((3, 1, 2, 2)), padding="same"), RELU, POOL, FLATTEN, linear(np.ones((5, 12))))
    target = target_from_torch(model)
    assert target.weights is None
    assert target.nonzeros == (12, 60)
    assert target.layers[1].positions == 4
    without = target_from_torch(Sequential(*(child for child in model if child is not POOL)))
    assert without.weights is not None
    assert without.layers == target.layers


def normalised(values: np.ndarray, layer: Module) -> np.ndarray:
    scale, shift = layer.weight.numpy(), layer.bias.numpy()
    return (values - layer.running_mean.numpy()) / np.sqrt(layer.running_var.numpy() + layer.eps) * scale + shift


def applied(target: Target, points: np.ndarray) -> np.ndarray:
    values = points
    for index, (weight, bias) in enumerate(zip(target.weights, target.biases, strict=True), start=1):
        values = values @ weight.T + bias
        values = np.maximum(values, 0) if index < target.depth else values
    return values


def test_batch_norm_is_folded_before_and_behind_a_relu() -> None:
    rng = np.random.default_rng(1)

    def drawn(features: int) -> Module:
        mean, scale, shift = rng.normal(size=(3, features))
        return norm(scale, shift, mean, rng.uniform(0.1, 3, features))

    norms = [drawn(3), drawn(4), drawn(4), drawn(4), drawn(2)]
    first, second = rng.normal(size=(4, 3)).astype(np.float32), rng.normal(size=(2, 4)).astype(np.float32)
    bias = rng.normal(size=4)
    model = Sequential(norms[0], linear(first, bias), norms[1], RELU, norms[2], norms[3], linear(second), norms[4])
    points = rng.normal(size=(20, 3))
    hidden = np.maximum(normalised(normalised(points, norms[0]) @ first.T + bias, norms[1]), 0)
    expected = normalised(normalised(normalised(hidden, norms[2]), norms[3]) @ second.T, norms[4])
    np.testing.assert_allclose(applied(target_from_torch(model), points), expected, rtol=1e-12, atol=1e-12)


def test_batch_norm_without_parameters_and_with_a_zero_scale() -> None:
    plain = fake("BatchNorm1d", weight=None, bias=None, running_mean=[1.0, 0.0], running_var=[0.5, 3.5], eps=0.5)
    target = target_from_torch(Sequential(linear([[2.0, 0.0], [0.0, 4.0]]), plain))
    assert target.weights[0].tolist() == [[2.0, 0.0], [0.0, 2.0]]
    assert target.biases[0].tolist() == [-1.0, 0.0]
    # A channel that is scaled by 0 is a constant; its weights do not count.
    dead = norm([0.0, 1.0], [5.0, 0.0], [0.0, 0.0], [0.5, 0.5])
    assert target_from_torch(Sequential(linear(np.ones((2, 3))), dead)).nonzeros == (3,)
    behind = target_from_torch(Sequential(linear(EYE), RELU, dead, linear([[2.0, 3.0]])))
    assert behind.weights[1].tolist() == [[0.0, 3.0]]
    assert behind.biases[1].tolist() == [10.0]


def test_batch_norm_of_channels_is_folded_through_flatten_and_filters() -> None:
    double = norm([2.0, 3.0], [1.0, 0.0], [0.0, 0.0], [0.5, 0.5], "BatchNorm2d")
    model = Sequential(conv(np.ones((2, 1, 1, 1))), RELU, double, FLATTEN, linear([[1.0, 2.0, 3.0, 4.0]]))
    target = target_from_torch(model)
    assert target.weights[1].tolist() == [[2.0, 4.0, 9.0, 12.0]]  # channels first: two positions each
    assert target.biases[1].tolist() == [3.0]
    filters = np.arange(1.0, 5.0).reshape(1, 2, 1, 2)
    target = target_from_torch(Sequential(conv(np.ones((2, 1, 1, 1))), RELU, double, conv(filters, padding="valid")))
    assert target.weights[1].tolist() == [[[[2.0, 4.0]], [[9.0, 12.0]]]]
    assert target.biases[1].tolist() == [3.0]
    rows = target_from_torch(Sequential(conv(np.ones((2, 1, 1, 1))), double)).weights[0]
    assert rows.ravel().tolist() == [2.0, 3.0]


ONE = norm([1.0], [0.0], [0.0], [1.0])
CONV, SHIFTED = conv(np.ones((2, 2, 1, 1))), norm([1.0, 1.0], [1.0, 0.0], [0.0, 0.0], [0.5, 0.5])
BAD_MODELS = {
    "no layer": (Sequential(), "model"),
    "another module": (Sequential(linear(EYE), fake("Tanh"), linear(ROW)), r"model\[1\].*Tanh"),
    "nested": (Sequential(Sequential(linear(EYE), fake("Softmax"))), r"model\[0\]\[1\].*Softmax"),
    "transposed": (Sequential(fake("ConvTranspose2d", weight=EYE)), "ConvTranspose2d"),
    "relu at the end": (Sequential(linear(ROW), RELU), "linear last layer"),
    "relu at the start": (Sequential(RELU, linear(ROW)), r"model\[0\] \(ReLU\)"),
    "no relu between": (Sequential(linear(EYE), fake("Identity"), linear(ROW)), r"model\[2\] \(Linear\)"),
    "relu behind a waiting norm": (Sequential(linear(EYE), RELU, SHIFTED, RELU, linear(ROW)), r"model\[3\]"),
    "no flatten": (Sequential(CONV, RELU, linear(ROW)), "Flatten"),
    "convolution behind flatten": (Sequential(CONV, RELU, FLATTEN, CONV), r"model\[3\] \(Conv2d\)"),
    "convolution behind linear": (Sequential(linear(EYE), RELU, CONV), r"model\[2\] \(Conv2d\)"),
    "another flatten": (Sequential(fake("Flatten", start_dim=0, end_dim=-1), linear(ROW)), "start_dim"),
    "pooled neurons": (Sequential(linear(EYE), POOL, RELU, linear(ROW)), r"model\[1\] \(MaxPool2d\)"),
    "no statistics": (Sequential(linear(ROW), norm([1.0], [0.0], None, None)), "running statistics"),
    "negative variance": (Sequential(linear(ROW), norm([1.0], [0.0], [0.0], [-1.0])), "variance"),
    "norm of other features": (Sequential(linear(EYE), ONE), "2 features"),
    "norm before other features": (Sequential(SHIFTED, linear(np.ones((1, 3)))), "2 features"),
    "norm behind an old flatten": (Sequential(FLATTEN, linear(EYE), RELU, ONE, linear(ROW)), "1 features"),
    "two unequal norms": (Sequential(SHIFTED, ONE, linear(ROW)), "2 features"),
    "shift into padding": (Sequential(CONV, RELU, SHIFTED, conv(np.ones((1, 2, 3, 3)), padding=(1, 1))), "padding"),
    "shift into same": (Sequential(CONV, RELU, SHIFTED, conv(np.ones((1, 2, 3, 3)), padding="same")), "padding"),
    "shift into padded pooling": (Sequential(CONV, RELU, SHIFTED, fake("AvgPool2d", padding=1)), "padding"),
    "no chain": (Sequential(linear(EYE), RELU, linear(np.ones((1, 3)))), "layer 2"),
    "no number": (Sequential(linear([[np.nan]])), "finite"),
    "overflow": (Sequential(linear([[1e38]]), norm([1e300], [0.0], [0.0], [1.0])), "finite"),
    "complex": (Sequential(fake("Linear", weight=np.array([[1j]]), bias=None)), "real"),
    "quantised": (Sequential(fake("Linear", weight=lambda: None, bias=None)), "real"),
    "uninitialised": (Sequential(fake("Linear", weight=None, bias=None)), "weight"),
}


@pytest.mark.parametrize("case", BAD_MODELS)
def test_what_is_no_chain_is_refused_and_the_module_is_named(case: str) -> None:
    model, pattern = BAD_MODELS[case]
    with pytest.raises(InvalidInput, match=pattern) as caught:
        load_target(model)
    assert len(str(caught.value)) <= 400
    assert "\n" not in str(caught.value)


def test_names_alone_do_not_make_a_module() -> None:
    elsewhere = type("Linear", (Module,), {"__module__": "adapters.layers"})(weight=ROW, bias=None)
    with pytest.raises(InvalidInput, match="Linear"):
        target_from_torch(elsewhere)
    residual = type("Residual", (Sequential,), {"forward": lambda self: self})(linear(EYE), RELU, linear(EYE))
    with pytest.raises(InvalidInput, match="Residual"):
        target_from_torch(residual)
    renamed = type("Block", (Sequential,), {})(linear(EYE), RELU, linear(ROW))
    assert target_from_torch(renamed).widths == (2, 2, 1)


def test_a_state_dict_gives_its_layers_in_order() -> None:
    filters = FakeTensor(np.ones((4, 3, 3, 3), dtype=np.float32))
    state = {"body.0.weight": filters, "body.0.bias": FakeTensor(np.arange(4.0)), "head.weight": np.ones((2, 16))}
    target = target_from_torch(OrderedDict(state))
    assert target.widths == (3, 4, 2)
    assert target.layers[0].kernel == (3, 3)
    assert target.layers[1].positions == 4
    assert target.biases[0].tolist() == [0, 1, 2, 3]
    assert target.biases[1].tolist() == [0, 0]
    assert target_from_torch({"weight": ROW, "bias": [1.0]}).biases[0].tolist() == [1.0]


@pytest.mark.parametrize(
    ("state", "pattern"),
    [
        ({}, "state dict"),
        ({"0.weight": ROW, "1.weight": np.ones(1)}, "BatchNorm"),
        ({"0.weight": ROW, "1.running_mean": np.ones(1)}, "running_mean"),
        ({"0.weight": ROW, "1.bias": np.ones(1)}, "1.bias"),
        ({"0.weight": ROW, 7: np.ones(1)}, "7"),
        ({"0.weight_orig": ROW, "0.weight_u": np.ones(1)}, "state dict, 0"),
        ({"0.weight": ROW, "0.bias": np.ones(2)}, "b1"),
        ({"0.weight": "text"}, "real"),
        ({"0.weight": [[1.0], [1.0, 2.0]]}, "real"),
        ({"a\nb" * 300 + ".weight": np.ones(1)}, "state dict, a b"),
    ],
)
def test_a_state_dict_with_anything_else_is_refused(state: dict[Any, Any], pattern: str) -> None:
    with pytest.raises(InvalidInput, match=pattern) as caught:
        target_from_torch(state)
    assert len(str(caught.value)) <= 400
    assert "\n" not in str(caught.value)


def test_neither_library_is_loaded() -> None:
    known = ("torch", "sklearn", "safetensors")
    code = f"import sys, ertheory.networks.readers.targets; print([n for n in {known} if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def fitted(kind: str, outputs: int = 1, **options: object) -> tuple[Any, np.ndarray]:
    network = pytest.importorskip("sklearn.neural_network")
    rng = np.random.default_rng(3)
    points = rng.normal(size=(60, 4))
    answers = points @ rng.normal(size=(4, outputs))
    labels = answers.argmax(axis=1) if outputs > 1 else (answers[:, 0] > 0).astype(int)
    estimator = getattr(network, kind)(hidden_layer_sizes=(5, 3), max_iter=40, random_state=0, **options)
    return estimator.fit(points, labels if kind == "MLPClassifier" else answers.squeeze()), points


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_regressor_is_its_prediction() -> None:
    for outputs in (1, 3):
        estimator, points = fitted("MLPRegressor", outputs)
        target = target_from_sklearn(estimator)
        assert target.widths == (4, 5, 3, outputs)
        predicted = estimator.predict(points).reshape(60, outputs)
        np.testing.assert_allclose(applied(target, points), predicted, rtol=1e-10, atol=1e-10)
    assert load_target(estimator).widths == target.widths


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_classifier_is_read_in_front_of_its_last_function() -> None:
    estimator, points = fitted("MLPClassifier", 3)
    assert estimator.out_activation_ == "softmax"
    exponentials = np.exp(applied(target_from_sklearn(estimator), points))
    shares = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, estimator.predict_proba(points), rtol=1e-9)
    estimator, points = fitted("MLPClassifier")
    assert estimator.out_activation_ == "logistic"
    logits = applied(target_from_sklearn(estimator), points)[:, 0]
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), estimator.predict_proba(points)[:, 1], rtol=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimators_that_are_no_relu_network_are_refused() -> None:
    network = pytest.importorskip("sklearn.neural_network")
    with pytest.raises(InvalidInput, match="fit first"):
        load_target(network.MLPRegressor())
    estimator, _ = fitted("MLPRegressor", activation="tanh")
    with pytest.raises(InvalidInput, match="tanh"):
        load_target(estimator)
    pipeline = pytest.importorskip("sklearn.pipeline").make_pipeline(network.MLPRegressor())
    for other in (pipeline, network.BernoulliRBM()):
        with pytest.raises(InvalidInput, match=type(other).__name__):
            load_target(other)


def test_a_torch_network_and_its_target_agree() -> None:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(0)
    relu = nn.ReLU()
    model = nn.Sequential(
        nn.Flatten(), nn.BatchNorm1d(6), nn.Linear(6, 5), nn.BatchNorm1d(5), relu, nn.Dropout(0.5),
        nn.Sequential(nn.Linear(5, 4, bias=False), relu, nn.BatchNorm1d(4)), nn.Linear(4, 3),
    ).double()  # fmt: skip
    model(torch.randn(50, 2, 3, dtype=torch.float64) * 3 + 1)  # running statistics that are not the first ones
    points = torch.randn(20, 2, 3, dtype=torch.float64)
    with torch.no_grad():
        expected = model.eval()(points).numpy()
    target = load_target(model)
    assert target.widths == (6, 5, 4, 3)
    np.testing.assert_allclose(applied(target, points.flatten(1).numpy()), expected, rtol=1e-11, atol=1e-11)


def test_torch_convolutions_and_their_filters_agree() -> None:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, stride=2), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Conv2d(4, 6, 3, groups=2, bias=False), nn.ReLU(), nn.BatchNorm2d(6), nn.Flatten(), nn.Linear(6 * 4, 3),
    ).double()  # fmt: skip
    model(torch.randn(30, 2, 8, 8, dtype=torch.float64))
    target = target_from_torch(model)
    assert target.nonzeros == (72, 108, 72)
    assert target.layers[2].positions == 4
    points = torch.randn(5, 2, 8, 8, dtype=torch.float64)
    weights, biases = map(list, ([torch.tensor(w) for w in target.weights], [torch.tensor(b) for b in target.biases]))
    values = nn.functional.conv2d(points, weights[0], biases[0], padding=1, stride=2).relu()
    values = nn.functional.conv2d(values, weights[1], biases[1]).relu().flatten(1)
    values = nn.functional.linear(values, weights[2], biases[2])
    with torch.no_grad():
        expected = model.eval()(points)
    np.testing.assert_allclose(values.numpy(), expected.numpy(), rtol=1e-11, atol=1e-11)
    pooled = nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(2, 1))
    assert target_from_torch(pooled).nonzeros == (6, 2)
    assert target_from_torch(pooled).weights is None


def test_torch_numbers_of_every_kind_are_read_exactly() -> None:
    torch = pytest.importorskip("torch")
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        layer = torch.nn.Linear(3, 2).to(dtype)
        np.testing.assert_array_equal(target_from_torch(layer).weights[0], layer.weight.detach().double().numpy())
    with pytest.raises(InvalidInput, match="real"):
        target_from_torch({"0.weight": torch.ones(1, 1, dtype=torch.complex64)})
    with pytest.raises(InvalidInput, match="real"):
        target_from_torch(torch.nn.Linear(2, 1, device="meta"))
    with pytest.raises(InvalidInput, match="model"):
        target_from_torch(torch.nn.Sequential(torch.nn.LazyLinear(2)))


def test_torch_state_dicts_pruned_layers_and_blocks() -> None:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    direct = target_from_torch(model)
    from_state = load_target(model.state_dict())
    for one, other in zip(direct.weights + direct.biases, from_state.weights + from_state.biases, strict=True):
        np.testing.assert_array_equal(one, other)
    mask = torch.tensor([[1.0, 0.0, 0.0, 0.0]] * 3)
    pytest.importorskip("torch.nn.utils.prune").custom_from_mask(model[0], "weight", mask)
    assert target_from_torch(model).nonzeros == (3, 6)
    assert target_from_torch(model.state_dict()).nonzeros == (3, 6)
    with pytest.raises(InvalidInput, match="TransformerEncoderLayer"):
        target_from_torch(nn.Sequential(nn.TransformerEncoderLayer(4, 1, 4)))
    with pytest.raises(InvalidInput, match="BatchNorm"):
        target_from_torch(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).state_dict())
    with pytest.raises(InvalidInput, match="ModuleList"):
        target_from_torch(nn.ModuleList([nn.Linear(2, 1)]))
