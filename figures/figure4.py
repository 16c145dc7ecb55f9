"""Draw Figure 4: a target, a random masked source, and the target found inside it."""

from __future__ import annotations

from pathlib import Path

from ertheory.plots import draw

if __name__ == "__main__":
    print(*draw("figure4", Path(__file__).parent, force=True), sep="\n")
