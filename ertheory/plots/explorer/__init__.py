"""The explorer: one page of HTML that answers by itself, with sliders, curves and a drawing.

The page holds its own laws, in JavaScript: those of ``printed``, ``exact``, ``drop`` (one hidden layer), ``factored``
and of the necessary statements that are quick. A test compares them with the program's answers, in a browser and in
node where there is one. Nothing is asked of a server or a network.
"""

from __future__ import annotations

import json
from importlib.resources import files

__all__ = ["LAWS", "STATEMENTS", "explorer_page"]

LAWS = ("numbers.js", "blocks.js", "drop.js", "factored.js", "necessary.js", "answers.js")
STATEMENTS = ("printed", "exact", "drop", "factored", "theorem-2.3", "degree", "factored-paths", "factored-count")
_PAGE = ("charts.js", "drawing.js", "page.js")


def explorer_page(**given: str) -> str:
    """Write the page as text.

    Parameters
    ----------
    given
        The ``target``, ``sparsity`` and ``delta`` that the page starts with, as on the command line. What the address
        of the page says comes first.

    Examples
    --------
    >>> page = explorer_page(target="4-8-3", sparsity="1/2")
    >>> '{"target": "4-8-3", "sparsity": "1/2"}' in page, "http" in page.replace("http://www.w3.org", "")
    (True, False)
    """
    from ertheory import __version__

    laws, scripts = ("\n".join(map(_text, names)) for names in (LAWS, _PAGE))
    given_json = json.dumps(given).replace("<", "\\u003c")  # no text may end the script
    parts = {
        "/*STYLE*/": _text("style.css"),
        "<!--VERSION-->": __version__,
        "/*LAWS*/": laws,
        "/*GIVEN*/null": given_json,
        "/*PAGE*/": scripts,
    }
    page = _text("page.html")
    for mark, part in parts.items():
        page = page.replace(mark, part, 1)
    return page


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
