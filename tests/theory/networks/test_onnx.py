"""ONNX files are read as what the reference implementation of the format computes, or refused by name."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ertheory.check import evaluate
from ertheory.cli import main
from ertheory.errors import InvalidInput
from ertheory.networks.network import Activation, Affine, Residual
from ertheory.networks.readers.onnx_read import network_from_onnx
from ertheory.networks.readers.targets import load_network, load_target

onnx = pytest.importorskip("onnx")
reference = pytest.importorskip("onnx.reference")
helper, TensorProto = onnx.helper, onnx.TensorProto

DOUBLE = TensorProto.DOUBLE
RNG = np.random.default_rng(5)


def node(kind: str, reads: str, gives: str, **attributes: Any) -> Any:
    return helper.make_node(kind, ["" if name == "-" else name for name in reads.split()], [gives], **attributes)


def model(nodes: list[Any], sizes: tuple[Any, ...], opset: int = 20, **constants: Any) -> Any:
    """Make a model from x, of the given shape with the points in front, to y."""
    rank = onnx.shape_inference.infer_shapes(_made(nodes, sizes, None, opset, constants)).graph.value_info
    found = {value.name: len(value.type.tensor_type.shape.dim) for value in rank}
    return _made(nodes, sizes, found.get("y", 2), opset, constants)


def _made(nodes: list[Any], sizes: tuple[Any, ...], rank: int | None, opset: int, constants: dict[str, Any]) -> Any:
    initializers = [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    output = helper.make_tensor_value_info("y", DOUBLE, None if rank is None else (None,) * rank)
    graph = helper.make_graph(
        nodes, "graph", [helper.make_tensor_value_info("x", DOUBLE, (None, *sizes))], [output], initializers
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("custom", 1)], ir_version=10
    )


def assert_same(made: Any, *shape: int, tolerance: float = 1e-12) -> Any:
    """Read a model, and compare with what the reference implementation gives."""
    points = RNG.normal(size=(6, *shape))
    expected = reference.ReferenceEvaluator(made).run(None, {"x": points})[0]
    assert np.ptp(expected) > 1e-6
    network = network_from_onnx(made)
    np.testing.assert_allclose(evaluate(network, points), expected, rtol=tolerance, atol=tolerance)
    return network


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


W, B, V = draw(5, 4), draw(5), draw(3, 5)
NORM = {"scale": draw(5), "shift": draw(5), "mean": draw(5), "var": np.abs(draw(5))}


# ---- layers


def test_matrices_with_every_way_to_write_them() -> None:
    nodes = [
        node("Gemm", "x w b", "h", transB=1, alpha=0.5, beta=2.0),
        node("Relu", "h", "a"),
        node("Transpose", "v", "t", perm=[1, 0]),
        node("MatMul", "a t", "m"),
        node("Add", "c m", "y"),
    ]
    network = assert_same(model(nodes, (4,), w=W, b=B, v=V, c=draw(3)), 4)
    assert [type(step) for step in network.steps] == [Affine, Activation, Affine]


@pytest.mark.parametrize("bias", [np.float64(0.7), draw(1), draw(5), draw(1, 5)])
def test_the_bias_of_a_gemm_is_spread(bias: Any) -> None:
    assert_same(model([node("Gemm", "x w b", "y", transB=1)], (4,), w=W, b=bias), 4)


def test_operations_with_constants_act_on_channels() -> None:
    nodes = [
        node("Sub", "x low", "s"),
        node("Div", "s wide", "d"),
        node("Conv", "d k", "c", strides=[2, 1]),
        node("Mul", "c scale", "m"),
        node("Sub", "one m", "n"),
        node("Relu", "n", "r"),
        node("Flatten", "r", "f"),
        node("Gemm", "f w", "y"),
    ]
    constants = {"low": draw(3, 1, 1), "wide": np.array(0.3), "k": draw(5, 3, 3, 3), "scale": draw(1, 5, 1, 1)}
    assert_same(model(nodes, (3, 7, 6), **constants, one=np.array([1.0]), w=draw(60, 2)), 3, 7, 6)


@pytest.mark.parametrize(
    "options",
    [
        {"strides": [2, 1], "pads": [1, 0, 1, 0], "dilations": [1, 2]},
        {"group": 2, "pads": [2, 2, 2, 2]},
        {"auto_pad": "SAME_UPPER"},
        {"auto_pad": "VALID"},
    ],
)
def test_convolutions(options: dict[str, Any]) -> None:
    filters = draw(6, 4 // options.get("group", 1), 3, 3)
    assert_same(model([node("Conv", "x k b", "y", **options)], (4, 8, 9), k=filters, b=draw(6)), 4, 8, 9)


@pytest.mark.parametrize("axes", [1, 3])
def test_convolutions_of_other_dimensions(axes: int) -> None:
    sizes = (6, 5, 7)[:axes]
    assert_same(model([node("Conv", "x k", "y")], (2, *sizes), k=draw(3, 2, *(2,) * axes)), 2, *sizes)


def test_batch_norm_pooling_and_flattening() -> None:
    nodes = [
        node("Conv", "x k", "c"),
        node("BatchNormalization", "c scale shift mean var", "n", epsilon=0.01),
        node("Relu", "n", "r"),
        node("MaxPool", "r", "p", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("AveragePool", "p", "q", kernel_shape=[2, 2], pads=[1, 0, 1, 0], count_include_pad=1),
        node("Dropout", "q", "d"),
        node("Reshape", "d shape", "f"),
        node("Identity", "w", "same"),
        node("Gemm", "f same", "y"),
    ]
    made = model(nodes, (3, 8, 8), k=draw(5, 3, 3, 3), **NORM, shape=np.array([0, -1]), w=draw(75, 2))
    assert_same(made, 3, 8, 8)


@pytest.mark.parametrize("behind", ["GlobalAveragePool", "GlobalMaxPool", "ReduceMean"])
def test_pooling_over_everything(behind: str) -> None:
    extra = {"axes": np.array([-1, 2])} if behind == "ReduceMean" else {}
    nodes = [
        node("Conv", "x k", "c"),
        node(behind, "c axes" if extra else "c", "p"),
        node("Squeeze", "p both", "s"),
        node("Gemm", "s w", "y"),
    ]
    made = model(nodes, (3, 6, 5), k=draw(5, 3, 3, 3), w=draw(5, 2), both=np.array([2, 3]), **extra)
    assert_same(made, 3, 6, 5)


def test_residual_blocks_with_a_projection_and_without() -> None:
    nodes = [
        node("Gemm", "x w", "h"),
        node("Relu", "h", "r"),
        node("Gemm", "r v", "b"),
        node("Gemm", "x p", "s"),
        node("Add", "s b", "t"),
        node("Relu", "t", "u"),
        node("Gemm", "u q", "z"),
        node("Add", "z u", "y"),
    ]
    network = assert_same(model(nodes, (4,), w=W.T, v=draw(5, 3), p=draw(4, 3), q=draw(3, 3)), 4)
    assert sum(isinstance(step, Residual) for step in network.steps) == 2


# ---- activations


@pytest.mark.parametrize(
    ("operator", "name"),
    [
        (node("Relu", "h", "a"), "relu"),
        (node("LeakyRelu", "h", "a", alpha=0.25), "leaky_relu:0.25"),
        (node("LeakyRelu", "h", "a"), "leaky_relu:0.009999999776482582"),
        (node("PRelu", "h slope", "a"), "prelu:0.5"),
        (node("Elu", "h", "a", alpha=2.0), "elu:2.0"),
        (node("Celu", "h", "a", alpha=0.5), "celu:0.5"),
        (node("Selu", "h", "a"), "selu"),
        (node("Shrink", "h", "a", lambd=0.5, bias=0.5), "softshrink:0.5"),
        (node("HardSigmoid", "h", "a", alpha=1 / 6, beta=0.5), "hardsigmoid"),
        (node("HardSwish", "h", "a"), "hardswish"),
        (node("Sigmoid", "h", "a"), "sigmoid"),
        (node("Tanh", "h", "a"), "tanh"),
        (node("Softplus", "h", "a"), "softplus"),
        (node("Mish", "h", "a"), "mish"),
        (node("Gelu", "h", "a"), "gelu"),
        (node("Gelu", "h", "a", approximate="tanh"), "gelu_tanh"),
        (node("Clip", "h - -", "a"), None),
        (node("Clip", "h zero", "a"), "relu"),
        (node("Clip", "h zero six", "a"), "relu6"),
        (node("Clip", "h six zero", "a"), None),
        (node("Selu", "h", "a", alpha=1.5), None),
        (node("HardSigmoid", "h", "a"), None),
        (node("Shrink", "h", "a", lambd=0.5), None),
        (node("Softmax", "h", "a"), None),
    ],
)
def test_activations(operator: Any, name: str | None) -> None:
    constants = {"slope": np.array([0.5]), "zero": np.array(0.0), "six": np.array(6.0)}
    made = model([node("Gemm", "x w", "h"), operator, node("Gemm", "a v", "y")], (4,), w=9 * W.T, v=V.T, **constants)
    if name is None:
        with pytest.raises(InvalidInput, match=rf"a \({operator.op_type}\)"):
            network_from_onnx(made)
    else:
        rounded = operator.op_type in ("Selu", "HardSigmoid", "HardSwish", "Gelu")  # constants in single precision
        assert assert_same(made, 4, tolerance=1e-5 if rounded else 1e-12).activation == name


def test_silu_is_read_from_its_two_operators() -> None:
    nodes = [node("Gemm", "x w", "h"), node("Sigmoid", "h", "g"), node("Mul", "g h", "a"), node("Gemm", "a v", "y")]
    assert assert_same(model(nodes, (4,), w=W.T, v=V.T), 4).activation == "silu"
    nodes[2] = node("Mul", "g g", "a")
    with pytest.raises(InvalidInput, match=r"a \(Mul\)"):
        network_from_onnx(model(nodes, (4,), w=W.T, v=V.T))


# ---- refusals


@pytest.mark.parametrize(
    ("operator", "message"),
    [
        (node("Conv", "x k", "y", pads=[1, 0, 0, 0]), r"y \(Conv\).* pads that are the same on both sides"),
        (node("Conv", "x k", "y", auto_pad="SAME_LOWER", strides=[2, 2]), "pads that are written out"),
        (node("AveragePool", "x", "y", kernel_shape=[2, 2], pads=[1, 1, 1, 1]), "count_include_pad"),
        (node("MaxPool", "x", "y", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), "ceil_mode"),
        (node("MaxPool", "x", "y", kernel_shape=[2, 2], dilations=[2, 2]), "dilations"),
        (node("MatMul", "x m", "y"), "the axes of points and of neurons"),
        (node("Conv", "x x", "y"), "a constant W"),
        (node("Mul", "x x", "y"), r"y \(Mul\)"),
        (node("Add", "x m", "y"), "one constant for each channel"),
        (node("Flatten", "x", "y", axis=2), "axis = 1"),
        (node("Reshape", "x shape", "y"), "a shape that flattens"),
        (node("Resize", "x - - shape", "y"), r"y \(Resize\)"),
        (node("Concat", "x x", "y", axis=1), r"y \(Concat\)"),
        (node("Gelu", "x", "y", domain="custom"), r"y \(custom\.Gelu\)"),
    ],
)
def test_what_would_be_another_function_is_refused(operator: Any, message: str) -> None:
    made = model([operator], (3, 4, 4), k=draw(2, 3, 3, 3), m=draw(4, 4), shape=np.array([-1, 3, 16, 1]))
    with pytest.raises(InvalidInput, match=message):
        network_from_onnx(made)


def test_two_inputs_are_refused() -> None:
    made = model([node("Add", "x z", "y")], (4,))
    made.graph.input.append(helper.make_tensor_value_info("z", DOUBLE, (None, 4)))
    with pytest.raises(InvalidInput, match="one input and one output"):
        network_from_onnx(made)


# ---- files


def chain() -> Any:
    nodes = [node("Gemm", "x w b", "h", transB=1), node("Relu", "h", "a"), node("Gemm", "a v", "y", transB=1)]
    return model(nodes, (4,), w=W, b=B, v=V)


def test_a_file_is_a_target(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(chain(), path)
    target = load_target(str(path))
    assert target.widths == (4, 5, 3)
    np.testing.assert_array_equal(load_network(path).affine[0].weight.toarray(), W)
    assert main(["width", "--target", str(path), "--sparsity", "0.5", "--delta", "0.1"]) == 0
    assert capsys.readouterr().out


def test_damaged_files_and_external_data_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(chain(), path)
    whole = path.read_bytes()
    for damaged in (b"", b"\xff" * 40, whole[:-60], whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(InvalidInput, match=r"model\.onnx"):
            load_network(path)
    onnx.save(chain(), path, save_as_external_data=True, location="numbers.bin", size_threshold=0)
    with pytest.raises(InvalidInput, match=r"model\.onnx, w: .*numbers inside the file"):
        load_network(path)


def test_without_the_package_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(chain(), path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InvalidInput, match=r'pip install "ertheory\[onnx\]"'):
        load_network(path)


@pytest.mark.parametrize("fixed", [False, True])
def test_models_that_pytorch_exports(tmp_path: Path, fixed: bool) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    nn = torch.nn
    torch.manual_seed(3)
    exported = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.SiLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(4, 4, 3, groups=2),
        nn.Hardtanh(),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(16, 3),
    ).eval()
    path = tmp_path / "model.onnx"
    image = torch.randn(2, 2, 8, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dynamic = None if fixed else ({0: torch.export.Dim("points")},)
        torch.onnx.export(
            exported, (image,), path, dynamo=True, dynamic_shapes=dynamic, external_data=False, verbose=False
        )
    with torch.no_grad():
        expected = exported(image).numpy()
    np.testing.assert_allclose(evaluate(load_network(path), image.numpy()), expected, rtol=1e-4, atol=1e-5)
