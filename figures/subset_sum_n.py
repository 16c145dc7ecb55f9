"""Draw how many weights a random subset sum needs, measured and proved."""

from __future__ import annotations

from pathlib import Path

from ertheory.plots import draw

if __name__ == "__main__":
    print(*draw("subset-sum-n", Path(__file__).parent, force=True), sep="\n")
