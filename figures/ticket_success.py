"""Draw how often pruning finds a strong ticket, by width, beside the widths of Theorem 2.5."""

from __future__ import annotations

from pathlib import Path

from ertheory.plots import draw

if __name__ == "__main__":
    print(*draw("ticket-success", Path(__file__).parent, force=True), sep="\n")
