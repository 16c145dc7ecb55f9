"""Draw the figures that are computed from scratch, those of `ertheory figure`: all of them, or those that are named."""

from __future__ import annotations

import sys
from pathlib import Path

from ertheory.plots import FIGURES, draw

if __name__ == "__main__":
    for name in sys.argv[1:] or FIGURES:
        print(*draw(name, Path(__file__).parent, force=True), sep="\n", flush=True)
