"""Draw the gap between the paper's widths, ours, and the necessary ones."""

from __future__ import annotations

from pathlib import Path

from ertheory.plots import draw

if __name__ == "__main__":
    print(*draw("gap", Path(__file__).parent, force=True), sep="\n")
