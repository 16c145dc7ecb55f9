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
from ertheory.networks.readers.torch_read import network_from_torch
from ertheory.networks.writers.torch_module import network_to_torch

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


def test_operators_give_constants_in_every_dense_form() -> None:
    given = {
        "w": {"value": onnx.numpy_helper.from_array(W.T)},
        "half": {"value_float": 0.5},
        "shift": {"value_floats": [1.0, -2.0, 0.25, 3.0, -0.5]},
        "shape": {"value_ints": [-1, 5]},
        "three": {"value_int": 3},
    }
    nodes = [
        *(node("Constant", "", name, **value) for name, value in given.items()),
        node("MatMul", "x w", "m"),
        node("Mul", "half m", "h"),
        node("Add", "h shift", "s"),
        node("Reshape", "s shape", "r"),
        node("Mul", "r three", "y"),
    ]
    made = _made(nodes, (4,), 2, 20, {})
    points = RNG.normal(size=(6, 4))
    shift = np.array(given["shift"]["value_floats"])
    np.testing.assert_allclose(evaluate(network_from_onnx(made), points), 3 * (points @ W.T / 2 + shift), rtol=1e-14)


@pytest.mark.parametrize("form", ["value_string", "value_strings", "sparse_value"])
def test_constants_that_are_no_dense_numbers_are_refused(form: str) -> None:
    dense, places = (onnx.numpy_helper.from_array(np.array(numbers), "n") for numbers in ([1.0], [2]))
    value = {"value_string": "a", "value_strings": ["a", "b"], "sparse_value": None}[form]
    constant = node("Constant", "", "w", **{form: value or helper.make_sparse_tensor(dense, places, [4])})
    with pytest.raises(InvalidInput, match=rf"w \(Constant\): expected a dense tensor or numbers, got '?{form}"):
        network_from_onnx(_made([constant, node("MatMul", "x w", "y")], (4,), 1, 20, {}))


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


def test_zeros_on_one_side_windows_that_round_up_and_padding_that_does_not_count() -> None:
    filters = np.random.default_rng(3).normal(size=(3, 2, 2, 3))
    nodes = [
        node("Conv", "x k", "c", pads=[1, 0, 0, 2], strides=[1, 2]),
        node("Relu", "c", "r"),
        node("MaxPool", "r", "p", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        node("AveragePool", "p", "q", kernel_shape=[2, 2], pads=[1, 1, 1, 1]),
        node("Conv", "q l", "s", auto_pad="SAME_LOWER"),
        node("GlobalAveragePool", "s", "g"),
        node("Flatten", "g", "f"),
        node("MatMul", "f w", "y"),
    ]
    later = np.random.default_rng(4).normal(size=(3, 3, 2, 2))
    assert_same(model(nodes, (2, 6, 7), k=filters, l=later, w=np.random.default_rng(5).normal(size=(3, 2))), 2, 6, 7)


# ---- refusals


@pytest.mark.parametrize(
    ("operator", "message"),
    [
        (node("MaxPool", "x", "y", kernel_shape=[2, 2], pads=[1, 0, 0, 0]), r"y \(MaxPool\).* the same on both sides"),
        (node("Conv", "x k", "y", auto_pad="SAME_LOWER", strides=[2, 2]), "pads that are written out"),
        (node("AveragePool", "x", "y", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), "ceil_mode"),
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
    constant = node("Constant", "", "w", value=onnx.numpy_helper.from_array(W.T, "weights"))
    made = _made([constant, node("MatMul", "x w", "y")], (4,), 2, 20, {})
    onnx.save(made, path, save_as_external_data=True, location="more.bin", size_threshold=0, convert_attribute=True)
    with pytest.raises(InvalidInput, match=r"model\.onnx, weights: .*numbers inside the file"):
        load_network(path)


def test_zeros_of_a_computed_shape_are_a_constant_unless_they_are_many() -> None:
    shift = onnx.numpy_helper.from_array(np.array([0.25]), "v")
    nodes = [node("MatMul", "x w", "m"), node("ConstantOfShape", "shape", "c", value=shift), node("Add", "m c", "y")]
    assert_same(model(nodes, (4,), w=W.T, shape=np.array([5])), 4)
    assert_same(model(nodes, (4,), w=draw(4, 1), shape=np.array([1])), 4)
    for shape, length in (([5000], 5000), ([70, 70], 4900)):
        with pytest.raises(InvalidInput, match=rf"c \(ConstantOfShape\): expected at most 4096 numbers, got {length}"):
            network_from_onnx(_made(nodes, (4,), 2, 20, {"w": W.T, "shape": np.array(shape)}))


def test_sparse_initializers_are_refused() -> None:
    numbers, places = (onnx.numpy_helper.from_array(np.array(one), "w") for one in ([1.0], [2]))
    made = _made([node("MatMul", "x w", "y")], (4,), 2, 20, {})
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(numbers, places, [4, 1]))
    with pytest.raises(InvalidInput, match="model: expected dense initializers, got 'sparse ones'"):
        network_from_onnx(made)


def test_without_the_package_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(chain(), path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InvalidInput, match=r'pip install "ertheory\[onnx\]"'):
        load_network(path)


# ---- sizes, zeros around maps, sums of many


@pytest.mark.parametrize("rows", [4, "rows"])
def test_a_reshape_may_compute_its_shape(rows: int | str) -> None:
    """As PyTorch's exporter writes x.view(x.size(0), x.size(1) * x.size(2) * x.size(3))."""
    nodes = [
        node("Conv", "x k", "c"),
        node("Shape", "c", "s"),
        node("Gather", "s zero", "points", axis=0),
        node("Slice", "s one four", "rest"),
        node("ReduceProd", "rest zeroth", "all", keepdims=0),
        node("Cast", "all", "whole", to=TensorProto.INT64),
        node("Unsqueeze", "points zeroth", "p"),
        node("Unsqueeze", "whole zeroth", "n"),
        node("Concat", "p n", "shape", axis=0),
        node("Reshape", "c shape", "f"),
        node("Gemm", "f w", "y"),
    ]
    constants = {"zero": np.array(0), "zeroth": np.array([0]), "one": np.array([1]), "four": np.array([4])}
    made = model(nodes, (2, rows, 5), k=draw(3, 2, 2, 2), w=draw(36, 2), **constants)
    assert_same(made, 2, 4, 5)
    made.graph.node[8].input[0], made.graph.node[8].input[1] = "n", "p"  # points last
    with pytest.raises(InvalidInput, match=r"f \(Reshape\).*a shape that flattens"):
        network_from_onnx(made)


def test_the_sizes_of_another_value_are_not_mixed_up() -> None:
    nodes = [node("Shape", "x", "s"), node("Add", "s s", "t"), node("Reshape", "x t", "f"), node("Gemm", "f w", "y")]
    with pytest.raises(InvalidInput, match=r"f \(Reshape\)"):
        network_from_onnx(model(nodes, (4,), w=draw(4, 2)))
    broken = [node("Gather", "k far", "g", axis=0), node("Conv", "x g", "y")]
    with pytest.raises(InvalidInput, match=r"g \(Gather\).*constants that it can be computed of"):
        network_from_onnx(model(broken, (3, 4, 4), k=draw(2, 3, 3, 3), far=np.array([7])))


@pytest.mark.parametrize("behind", ["Conv", "AveragePool"])
def test_zeros_are_taken_up_by_what_stands_behind(behind: str) -> None:
    last = (
        node("Conv", "q k", "c", pads=[1, 0, 1, 0], strides=[2, 1])
        if behind == "Conv"
        else node("AveragePool", "q", "c", kernel_shape=[3, 4], pads=[0, 1, 0, 1], count_include_pad=1)
    )
    nodes = [
        node("Conv", "x k", "h"), node("Relu", "h", "r"), node("Pad", "r pads", "p"), node("Pad", "p none", "q"), last,
        node("Conv", "c k", "y"),
    ]  # fmt: skip
    constants = {"pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "none": np.zeros(8, dtype=int)}
    assert_same(model(nodes, (3, 9, 9), k=draw(3, 3, 2, 2), **constants), 3, 9, 9)


@pytest.mark.parametrize(
    ("between", "pads", "message"),
    [
        ([node("Relu", "p", "c")], [0, 0, 1, 1, 0, 0, 1, 1], r"p \(Pad\).*takes its zeros up"),
        ([node("MaxPool", "p", "c", kernel_shape=[2, 2])], [0, 0, 1, 1, 0, 0, 1, 1], "takes its zeros up"),
        ([node("AveragePool", "p", "c", kernel_shape=[2, 2])], [0, 0, 2, 1, 0, 0, 2, 1], "at most half of the window"),
        ([node("MaxPool", "p", "c", kernel_shape=[2, 2])], [0, 0, 1, 0, 0, 0, 0, 0], "takes its zeros up"),
        ([node("Identity", "p", "c")], [0, 1, 1, 1, 0, 1, 1, 1], "pads of positions"),
        ([node("Identity", "p", "c")], [0, 0, -1, 0, 0, 0, -1, 0], "pads of positions"),
    ],
)
def test_zeros_that_nothing_takes_up_are_refused(between: list[Any], pads: list[int], message: str) -> None:
    made = model(
        [node("Pad", "x pads", "p"), *between, node("Conv", "c k", "y")], (3, 6, 6), k=draw(2, 3, 2, 2),
        pads=np.array(pads),
    )  # fmt: skip
    with pytest.raises(InvalidInput, match=message):
        network_from_onnx(made)
    for mode, filled in (("reflect", 0.0), ("constant", 1.0)):
        operator = node("Pad", "x pads filled", "p", mode=mode)
        made = model([operator, node("Conv", "p k", "y")], (3, 6, 6), k=draw(2, 3, 2, 2), pads=np.array(pads),
                     filled=np.array(filled))  # fmt: skip
        with pytest.raises(InvalidInput, match=r"p \(Pad\).*with zeros"):
            network_from_onnx(made)


def test_a_sum_may_have_any_number_of_values() -> None:
    nodes = [
        node("Gemm", "x w", "h"), node("Relu", "h", "r"), node("Gemm", "r v", "a"), node("Gemm", "x p", "b"),
        node("Gemm", "x q", "c"), node("Sum", "b a c", "s"), node("Relu", "s", "t"), node("Sum", "t", "u"),
        node("Gemm", "u o", "y"),
    ]  # fmt: skip
    network = assert_same(
        model(nodes, (4,), w=W.T, v=draw(5, 3), p=draw(4, 3), q=draw(4, 3), o=draw(3, 2)), 4
    )  # fmt: skip
    assert isinstance(network.steps[0], Residual)
    assert isinstance(network.steps[0].branch[0], Residual)


class _Narrow:
    """Models of PyTorch that its exporters write, by name."""

    @staticmethod
    def chain(nn: Any) -> Any:
        return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
                             nn.ZeroPad2d(1), nn.Conv2d(4, 4, 3), nn.AvgPool2d(2), nn.Flatten(), nn.Dropout(),
                             nn.Linear(64, 5), nn.Tanh(), nn.Linear(5, 3))  # fmt: skip

    @staticmethod
    def view(nn: Any) -> Any:
        class View(nn.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.conv, self.last = nn.Conv2d(3, 4, 5), nn.Linear(4 * 144, 3)

            def forward(self, x: Any) -> Any:
                x = self.conv(x).relu()
                x = x + x + nn.functional.hardtanh(x)
                return self.last(x.view(x.size(0), -1))

        return View()

    @staticmethod
    def resnet(nn: Any) -> Any:
        resnet = pytest.importorskip("torchvision.models.resnet")
        model = resnet.resnet18(num_classes=3)
        for name, layer in list(model.named_modules()):  # ResNet18, an eighth as wide
            if isinstance(layer, nn.Conv2d | nn.BatchNorm2d):
                owner = model.get_submodule(name.rpartition(".")[0])
                setattr(owner, name.rpartition(".")[2], _narrowed(nn, layer))
        model.fc = nn.Linear(64, 3)
        return model

    @staticmethod
    def mobilenet(nn: Any) -> Any:
        blocks = [[1, 8, 1, 1], [6, 8, 2, 2], [6, 16, 2, 2]]  # fewer, so that the exporter is done soon
        mobilenet = pytest.importorskip("torchvision.models.mobilenetv2")
        model = mobilenet.MobileNetV2(3, width_mult=0.5, inverted_residual_setting=blocks)
        for module in model.modules():  # untrained, its outputs are next to 0
            if isinstance(module, nn.BatchNorm2d):
                module.running_var.fill_(0.3)
        return model


def _narrowed(nn: Any, layer: Any) -> Any:
    if isinstance(layer, nn.BatchNorm2d):
        return nn.BatchNorm2d(layer.num_features // 8)
    inputs = layer.in_channels // 8 or 3
    return nn.Conv2d(inputs, layer.out_channels // 8, layer.kernel_size, layer.stride, layer.padding, bias=False)


EXPORTERS = ("legacy", "dynamo")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "exporter", "free"),
    [
        *((name, exporter, free) for name in ("chain", "view") for exporter in EXPORTERS for free in (False, True)),
        *((name, exporter, True) for name in ("resnet", "mobilenet") for exporter in EXPORTERS),
    ],
)
def test_models_go_through_onnx_and_back(tmp_path: Path, name: str, exporter: str, free: bool) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    torch.manual_seed(3)
    made = getattr(_Narrow, name)(torch.nn).eval()
    points, path = torch.randn(2, 3, 16, 16), tmp_path / "model.onnx"
    if exporter == "dynamo":
        dynamic = ({0: torch.export.Dim("points")},) if free else None
        options = {"dynamic_shapes": dynamic, "external_data": False, "verbose": False}
    else:
        options = {"input_names": ["x"], "dynamic_axes": {"x": {0: "points"}} if free else None}
    torch.onnx.export(made, (points,), path, dynamo=exporter == "dynamo", **options)
    network = load_network(path)
    with torch.no_grad():
        expected = made(points).numpy()
        written = network_to_torch(network)(points.double()).numpy()
    scale = np.abs(expected).max()
    assert np.ptp(expected) > 0.01 * scale > 0
    np.testing.assert_allclose(evaluate(network, points.numpy()), expected, rtol=1e-4, atol=1e-5 * scale)
    np.testing.assert_allclose(written, expected, rtol=1e-4, atol=1e-5 * scale)
    # Nothing was lost but the single precision of the file: the module says the same.
    assert len(network.affine) == len(network_from_torch(made).affine)


def test_models_that_pytorch_exports(tmp_path: Path) -> None:
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
        dynamic = ({0: torch.export.Dim("points")},)
        torch.onnx.export(
            exported, (image,), path, dynamo=True, dynamic_shapes=dynamic, external_data=False, verbose=False
        )
    with torch.no_grad():
        expected = exported(image).numpy()
    np.testing.assert_allclose(evaluate(load_network(path), image.numpy()), expected, rtol=1e-4, atol=1e-5)
