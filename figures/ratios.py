"""Draw the accuracies of random masks with every layer-wise ratio, from the numbers beside this file.

They were measured by

    ertrain run ratios --data-dir DATA --out RUNS
    ertrain report RUNS --plot DIR

which writes them to DIR/accuracy.csv.
"""

from __future__ import annotations

from pathlib import Path

from ertheory.plots.accuracy import draw_accuracies, read_accuracies
from ertheory.plots.files import write_together
from ertheory.plots.style import rendered

if __name__ == "__main__":
    here = Path(__file__).parent
    images = rendered(draw_accuracies, read_accuracies(here / "ratios.csv"))
    files = {f"ratios{ending}": content for ending, content in images.items()}
    print(*write_together(here, files, force=True), sep="\n")
