"""Draw Figure 2: the width of source layer 1 against the sparsity, for the target 784-128-10."""

from __future__ import annotations

from pathlib import Path

from ertheory.plots import draw

if __name__ == "__main__":
    print(*draw("figure2", Path(__file__).parent, force=True), sep="\n")
