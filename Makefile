# Three commands are enough on a fresh machine: `make figure2`, `make train` and `make test`. All set up what they need in .venv first,
# which belongs to this file: it may be emptied and made again.
# Another interpreter: `make test PYTHON=python3.12`, after `make clean` where .venv was made with a different one.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DELETE_ON_ERROR:
.PHONY: help setup figure2 train figures notebooks docs wheel proofs certificate test mutants lint clean

help:
	@echo "make figure2    print the widths for 784-128-10 at sparsity 0.9 and draw Figure 2"
	@echo "make train      train 75 sparse networks on digits, in two minutes: a table and a picture in runs/train"
	@echo "make setup      prepare .venv for development; the other commands do so where it is missing"
	@echo "make test       run the tests"
	@echo "make mutants    make lines of the program wrong, and print the share that the tests see (hours)"
	@echo "make gpu        run what needs a GPU, and write gpu.json; without a GPU, say so"
	@echo "make lint       check style, format and types"
	@echo "make figures    draw every figure again, those of what was measured from the numbers beside them"
	@echo "make proofs     check the machine-checked proofs (needs coqc; says how to get it)"
	@echo "make certificate FILE=answer.v"
	@echo "                check an answer that ertheory width --certificate wrote (needs coqc)"
	@echo "make notebooks  run every notebook and render it beside its source"
	@echo "make docs       make the site in docs/_build/html; a warning is an error"
	@echo "make wheel      build the wheel and the source archive into dist/"
	@echo "make clean      remove .venv and what tools left behind"

figure2: $(VENV)/.core
	$(BIN)/ertheory width --target 784-128-10 --sparsity 0.9 --delta 0.001
	$(BIN)/ertheory figure figure2 --out figures --force

# Needs no network once it is set up, and no data: digits come with scikit-learn. Called again, it goes on where it was.
train: $(VENV)/.train
	$(BIN)/ertrain sweep ratios --only data=digits ratio=uniform,erk,balanced,pyramidal --workers 2 --out runs/train
	$(BIN)/ertrain report runs/train --plot runs/train --curves runs/train --force
	@echo
	@echo "Drawn: runs/train/accuracy.png (test accuracy by density) and runs/train/curves.png (by epoch)"

setup: $(VENV)/.test

# Files with few tests may be the longest ones: in the order of their names, none of them is left for the end. A process
# that a time limit has ended is not replaced: pytest-xdist may wait for the next one for ever.
test: $(VENV)/.test
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --max-worker-restart 0

# What it finds out is kept in runs/mutants: called again, it goes on. `make mutants MUTANTS="--rooms ertheory/masks"`
mutants: $(VENV)/.test
	$(BIN)/python -m benchmarks.mutants $(MUTANTS)

# Without .venv: a machine with a GPU may have PyTorch already, and no way to anything else.
gpu:
	@$(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)) benchmarks/gpu.py

lint: $(VENV)/.test
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m mypy --strict

figures: $(VENV)/.core
	@set -e; for script in $(wildcard figures/*.py); do \
		echo "$(BIN)/python $$script"; \
		$(BIN)/python "$$script"; \
	done

# A notebook replaces the one before only after every cell has run. Neither times nor random names of cells are kept, so
# that the files change only where the results do.
define RENDER
import sys
from pathlib import Path

import jupytext
from nbclient import NotebookClient

for source in map(Path, sys.argv[1:]):
    print(f"{source} -> {source.with_suffix('.ipynb')}", flush=True)
    notebook = jupytext.read(source)
    for number, cell in enumerate(notebook.cells, start=1):
        cell["id"] = f"cell-{number}"
    where = {"metadata": {"path": source.parent}}
    NotebookClient(notebook, kernel_name="python3", record_timing=False, resources=where).execute()
    jupytext.write(notebook, source.with_suffix(".ipynb"))
endef
export RENDER

notebooks: $(VENV)/.notebook
	@$(BIN)/python -c "$$RENDER" $(wildcard notebooks/[0-9]*.py)

# Nothing is loaded from the network, and notebooks are shown as they were rendered. All pages are read each time, since a
# page that has not changed would not warn again.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx --quiet --fresh-env --fail-on-warning --keep-going --jobs auto --builder html docs docs/_build/html
	@echo "docs/_build/html/index.html"

wheel: $(VENV)/.core
	$(PIP) install build
	$(BIN)/python -m build --outdir dist

proofs:
	@$(PYTHON) proofs/check.py

certificate:
	@$(PYTHON) proofs/check.py $(FILE)

clean:
	rm -rf $(VENV) build dist docs/_build .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -path ./.git -prune -o -name __pycache__ -type d -exec rm -rf {} +

# Stamps are touched last: an installation that was cut short is done again. `--clear` removes what it left behind.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("$(PYTHON) is Python " + sys.version.split()[0] + ", 3.11 or newer is needed: make PYTHON=python3.12")'
	@echo "Creating $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.core: pyproject.toml $(VENV)/.created
	@echo "Installing ertheory ..."
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.train: pyproject.toml $(VENV)/.created
	@echo "Installing ertheory and PyTorch (some minutes) ..."
	@$(PIP) install --editable ".[train]"
	@touch $(VENV)/.core $@

$(VENV)/.notebook: pyproject.toml $(VENV)/.created
	@echo "Installing ertheory and what notebooks need ..."
	@$(PIP) install --editable ".[notebook]"
	@touch $@

$(VENV)/.docs: pyproject.toml $(VENV)/.created
	@echo "Installing ertheory and what makes the site, PyTorch too (some minutes) ..."
	@$(PIP) install --editable ".[docs]"
	@touch $@

# Everything of core and notebook is part of it.
$(VENV)/.test: pyproject.toml $(VENV)/.created
	@echo "Installing ertheory and all that the tests need, PyTorch too (some minutes) ..."
	@$(PIP) install --editable ".[test]"
	@touch $(VENV)/.core $(VENV)/.notebook $(VENV)/.train $@
