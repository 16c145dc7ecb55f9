"""What is loaded when the packages are: nothing that takes seconds and is not asked for yet."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

# PyTorch's compiler, figures, formulas, data sets, and what commands are parsed with.
LATER = {"torch._dynamo", "matplotlib", "sympy", "sklearn", "torchvision", "pandas", "tyro", "onnx", "triton"}


def loaded(code: str) -> set[str]:
    found = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(found.stdout.split())


def test_ertrain_loads_pytorch_once_it_is_used_and_nothing_that_waits():
    assert not {"torch", "numpy"} & loaded("import ertrain")
    names = loaded("import ertrain; ertrain.fit, ertrain.SparseLinear")
    assert {"torch", "ertrain.masks.sparse.layer"} <= names
    assert not LATER & names


def test_a_pass_of_a_sparse_layer_loads_no_compiler():
    code = (
        "import torch; from ertrain import SparseLinear; from ertrain.masks.sparse.chain import SparseSequential; "
        "SparseSequential(SparseLinear(2, 2, [[1, 0], [0, 1]]))(torch.ones(1, 2)).sum().backward()"
    )
    assert "torch._dynamo" not in loaded(code)


def test_ertheory_loads_no_pytorch():
    names = loaded("import ertheory, ertheory.bounds, ertheory.commands, ertheory.masks")
    assert not ({"torch", "ertrain"} | LATER) & names


def test_words_are_parsed_only_where_commands_are():
    code = "import ertrain.training, ertrain.own, ertrain.cli"
    assert "tyro" not in loaded(code)
    assert "tyro" in loaded("from ertrain.cli import main\ntry: main(['run', '--help'])\nexcept SystemExit: pass")
