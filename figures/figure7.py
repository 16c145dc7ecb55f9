"""Draw Figure 7: how five ratios share a budget of weights out among the layers of two networks."""

from __future__ import annotations

from pathlib import Path

from ertheory.plots import draw

if __name__ == "__main__":
    print(*draw("figure7", Path(__file__).parent, force=True), sep="\n")
