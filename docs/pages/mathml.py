"""Mathematics as MathML, written at build time: no script, no font and no picture has to be loaded."""

from __future__ import annotations

import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

__all__ = ["register"]


def register(app) -> None:
    """Make ``mathml`` a renderer that `html_math_renderer` may name."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))


def _inline(translator, node) -> None:
    translator.body.append(tex2mathml(_known(node.astext())))
    raise nodes.SkipNode


def _block(translator, node) -> None:
    translator.body.append(f'<div class="math">{tex2mathml(_known(node.astext()), as_block=True)}</div>')
    raise nodes.SkipNode


def _known(tex: str) -> str:
    """Write what the converter does not know in the way that it does."""
    return re.sub(r"\\[Bb]ig+[lrm]?(?![a-z])", "", re.sub(r"\\dots\b", r"\\ldots", tex))
