"""Draw Theorem 2.3: the width that one hidden layer needs for a single ReLU neuron, printed and exact."""

from __future__ import annotations

from pathlib import Path

from ertheory.plots import draw

if __name__ == "__main__":
    print(*draw("lower-bound", Path(__file__).parent, force=True), sep="\n")
