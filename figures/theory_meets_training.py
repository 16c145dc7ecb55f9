"""Draw theory and training on one axis, from the numbers beside this file.

They were measured by

    ertrain verify widths --target 4-8-3 --sparsity .5 --delta .05 --plot figures --force

and for a trained classifier, with the files renamed, by

    ertrain verify widths --target digits-12 --sparsity .5 --delta .05 --plot digits
"""

from __future__ import annotations

from pathlib import Path

from ertheory.plots.files import write_together
from ertheory.plots.style import rendered
from ertheory.plots.trained import draw_trained, read_trained

if __name__ == "__main__":
    here = Path(__file__).parent
    for name in ("theory-meets-training", "theory-meets-training-digits"):
        images = rendered(draw_trained, read_trained(here / f"{name}.csv"))
        files = {f"{name}{ending}": content for ending, content in images.items()}
        print(*write_together(here, files, force=True), sep="\n")
