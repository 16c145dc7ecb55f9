"""Draw theory and training on one axis, from the numbers beside this file.

They were measured by

    ertrain verify widths --target 4-8-3 --sparsity .5 --delta .05 --plot figures --force
"""

from __future__ import annotations

from pathlib import Path

from ertheory.plots.files import write_together
from ertheory.plots.style import rendered
from ertheory.plots.trained import draw_trained, read_trained

if __name__ == "__main__":
    here = Path(__file__).parent
    images = rendered(draw_trained, read_trained(here / "theory-meets-training.csv"))
    files = {f"theory-meets-training{ending}": content for ending, content in images.items()}
    print(*write_together(here, files, force=True), sep="\n")
