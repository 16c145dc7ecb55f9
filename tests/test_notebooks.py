"""The notebooks: each one runs from a clean start, and the rendered file beside it has the same cells.

Here cells train for fewer steps, draw fewer masks, and take the numbers of figures from `figures/`, which
`tests/theory/plots/test_plots.py` compares with computed ones. `make notebooks` runs them as they are.
"""

from __future__ import annotations

import os
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "notebooks").glob("[0-9]*.py"))
# What is computed many times over, and how often here.
SHORTER = {
    "03_sharp_widths": {"verify(statement, seed=1,": "verify(statement, trials=500, seed=1,"},
    "05_training": {"epochs=20": "epochs=2"},
    "06_sparse_to_sparse": {"epochs=12": "epochs=2", "epochs=6": "epochs=1"},
    "07_theory_meets_training": {"steps=2000": "steps=40", "least=64": "least=16"},
    "08_factored": {"trials=5_000": "trials=500"},
    "10_found_by_training": {'"epochs": "3"': '"epochs": "1"', "steps=1000": "steps=40"},
}
KEPT_FIGURES = f"""
from functools import partial
from pathlib import Path

from ertheory import plots
from ertheory.plots.columns import columns_of


def kept(name, progress=None):
    return columns_of((Path({str(ROOT)!r}) / "figures" / f"{{name}}.csv").read_text(encoding="utf-8"))


plots._DATA.update({{name: partial(kept, name) for name in plots.FIGURES}})
"""


def names(path: Path) -> str:
    return path.stem


def shortened(source: Path) -> nbformat.NotebookNode:
    """Read a notebook, with less to compute in its cells."""
    notebook = jupytext.read(source)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for long, short in SHORTER.get(source.stem, {}).items():
        assert any(long in cell.source for cell in code), long
        for cell in code:
            cell.source = cell.source.replace(long, short)
    if any("plots import draw" in cell.source for cell in code):
        notebook.cells.insert(0, nbformat.v4.new_code_cell(KEPT_FIGURES))
    return notebook


def test_there_is_a_notebook():
    assert SOURCES
    assert {source.stem for source in SOURCES} >= {*SHORTER}


@pytest.mark.parametrize("source", SOURCES, ids=names)
def test_runs(source, tmp_path, monkeypatch):
    if "from ertrain" in source.read_text():
        pytest.importorskip("torch", reason="needs the extra 'train'")
    # The kernel is a process of its own: it finds the package here even where it is not installed.
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    folder = tmp_path / "work"
    folder.mkdir()
    notebook = shortened(source)
    NotebookClient(notebook, kernel_name="python3", timeout=300, resources={"metadata": {"path": folder}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert shown
    assert not [output for output in shown if output.get("name") == "stderr"]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("source", SOURCES, ids=names)
def test_rendered_has_the_same_cells(source):
    fresh = jupytext.read(source)
    kept = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert [(cell.cell_type, cell.source) for cell in kept.cells] == [
        (cell.cell_type, cell.source) for cell in fresh.cells
    ]
    code = [cell for cell in kept.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [output for cell in code for output in cell.outputs if output.output_type == "error"]
