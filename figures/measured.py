"""Draw figures of what training and students gave, from the numbers beside this file: all, or those that are named.

The numbers were measured by

    ertrain run ratios --only data=fashion-mnist --data-dir DATA --out RUNS
    ertrain report RUNS --plot DIR                                                      ratios, DIR/accuracy.csv
    ertrain verify widths --target 4-8-3 --sparsity .5 --delta .05 --plot figures       theory-meets-training
    ertrain verify widths --target digits-12 --sparsity .5 --delta .05 --plot digits    theory-meets-training-digits
    ertrain verify floors --target 3-1-1 --density .5 --delta .1 --plot figures         error-floors
    python benchmarks/basin.py --out RUNS                                               basin
    python benchmarks/capacity.py --out RUNS                                            capacity
    python benchmarks/factored_students.py --out RUNS                                   factored-students
    python benchmarks/sparsity.py sparsity|digits|ratios|report --out figures           the others
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ertheory.plots.accuracy import draw_accuracies, read_accuracies
from ertheory.plots.basin import draw_basin
from ertheory.plots.capacity import draw_capacity
from ertheory.plots.columns import Columns, columns_of
from ertheory.plots.factored_students import draw_factored_students
from ertheory.plots.files import write_together
from ertheory.plots.floors import draw_error_floors
from ertheory.plots.sparsity import draw_ratio_choice, draw_sparsity_fits
from ertheory.plots.style import rendered
from ertheory.plots.trained import draw_trained, read_trained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).parent


def read(path: Path) -> Columns:
    """Read columns as they were written."""
    return columns_of(path.read_text(encoding="utf-8"))


def fits(name: str, error: str) -> Callable[[Figure, Columns], None]:
    """Bring the fits to a drawing of errors against the density."""
    return lambda figure, columns: draw_sparsity_fits(figure, columns, read(HERE / f"{name}-fits.csv"), error=error)


DRAWINGS: dict[str, tuple[Callable[[Path], Columns], Callable[[Figure, Columns], None]]] = {
    "basin": (read, draw_basin),
    "capacity": (read, draw_capacity),
    "error-floors": (read, draw_error_floors),
    "factored-students": (read, draw_factored_students),
    "ratio-choice": (read, draw_ratio_choice),
    "ratios": (read_accuracies, draw_accuracies),
    "sparsity": (read, fits("sparsity", "rms error, in spreads of the teacher's outputs")),
    "sparsity-digits": (read, fits("sparsity-digits", "test error of digits")),
    "theory-meets-training": (read_trained, draw_trained),
    "theory-meets-training-digits": (read_trained, draw_trained),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or DRAWINGS:
        reading, drawing = DRAWINGS[name]
        images = rendered(drawing, reading(HERE / f"{name}.csv"))
        files = {f"{name}{ending}": content for ending, content in images.items()}
        print(*write_together(HERE, files, force=True), sep="\n", flush=True)
