"""The notebooks: each one runs from a clean start, and the rendered file beside it has the same cells."""

from __future__ import annotations

import os
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "notebooks").glob("[0-9]*.py"))


def names(path: Path) -> str:
    return path.stem


def test_there_is_a_notebook():
    assert SOURCES


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
    notebook = jupytext.read(source)
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
