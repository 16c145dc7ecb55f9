"""Draw the failure probability of random subset sums between its bounds."""

from __future__ import annotations

from pathlib import Path

from ertheory.plots import draw

if __name__ == "__main__":
    print(*draw("subset-sum-sandwich", Path(__file__).parent, force=True), sep="\n")
