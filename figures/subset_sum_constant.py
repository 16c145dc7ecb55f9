"""Draw the constant that Lemma 2.4 as printed would need."""

from __future__ import annotations

from pathlib import Path

from ertheory.plots import draw

if __name__ == "__main__":
    print(*draw("subset-sum-constant", Path(__file__).parent, force=True), sep="\n")
