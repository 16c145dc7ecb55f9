"""Settings of the site. `make docs` builds it; every generated page is written anew from the packages before that."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from pages import mathml
from pages.prose import escape_docstring
from pages.writing import explorer, write_all

import ertheory

project = "ertheory"
author = "The ertheory developers"
copyright = "The ertheory developers, MIT licence"
version = release = ertheory.__version__

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
exclude_patterns = ["_build", "notes"]
# Docstrings write a name in single backticks; where it is a public one it becomes a link.
default_role = "py:obj"
autodoc_typehints = "none"  # numpydoc's sections say it in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
smartquotes_action = "qe"  # not dashes: `--only` in a heading is an option
nb_execution_mode = "off"  # notebooks are run by the tests and shown as they were rendered
nb_merge_streams = True

html_theme = "furo"
html_title = f"ertheory {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["choose.js"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False


def setup(app):
    """Write the generated pages, and leave mathematics to the browser, which needs no script for it."""
    mathml.register(app)
    app.connect("autodoc-process-docstring", escape_docstring, priority=100)
    app.connect("config-inited", lambda app, config: write_all(Path(app.srcdir)))
    app.connect("build-finished", lambda app, error: explorer(Path(app.outdir)))
