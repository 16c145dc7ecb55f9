"""``ertrain report``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ertheory.cli.arguments import Format
from ertheory.cli.output import document, render, show, wrap
from ertheory.errors import InvalidInput
from ertrain.report import Comparison, Row, compare, read_results, rows_of
from ertrain.statistics import Mean

__all__ = ["ReportCommand"]

_HEADERS = [
    "data",
    "model",
    "method",
    "ratio",
    "density",
    "realised",
    "final",
    "n",
    "test",
    "best on validation",
    "flops",
]


@dataclass(frozen=True)
class ReportCommand:
    """What the runs in a folder say together."""

    folder: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="DIR", help="Folder with runs, at any depth.")]
    format: Format = "table"
    plot: Annotated[
        str | None, tyro.conf.arg(metavar="DIR", help="Folder for accuracy.png, accuracy.svg and accuracy.csv.")
    ] = None
    force: bool = False
    """Write over files that exist."""
    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Read the results and lay them out."""
        results = read_results(Path(self.folder))
        rows, comparisons = rows_of(results), compare(results)
        files = self._draw(rows)
        if self.json:
            described = [one.to_dict() for one in comparisons]
            inputs = {"folder": self.folder, "plot": self.plot, "force": self.force}
            listed = [asdict(row) for row in rows]
            show(document("report", inputs, rows=listed, claims=described, files=files))
            return 0
        show(render([_cells(row) for row in rows], _HEADERS, self.format))
        if self.format == "table":
            show("\nTest accuracy after the last epoch, and of the weights that were best on the validation images:")
            show("mean over n seeds, with the half-width of its 95 % t-interval. Flops: relative to the dense network.")
        if self.format in ("table", "markdown") and comparisons:
            show(
                "\nClaims of the paper, by paired t-intervals (95 %) of the test accuracy over seeds. Runs agree where"
            )
            show("the interval lies above -1 point, and disagree where it lies below 0 and its middle below -1 point;")
            show("with an improvement they agree where it lies above 0, and disagree where it lies below 1 point:\n")
            for one in comparisons:
                line = wrap(_sentence(one)) if self.format == "table" else f"- {_sentence(one)}"
                show(line)
        return 0

    def _draw(self, rows: list[Row]) -> list[str]:
        if self.plot is None:
            return []
        from ertrain.plots import draw_report

        try:
            return [str(path) for path in draw_report(rows, Path(self.plot), force=self.force)]
        except InvalidInput as error:
            raise InvalidInput("--plot", error.allowed, error.value) from None


def _cells(row: Row) -> list[str]:
    return [
        row.data,
        row.model if row.width == "1" else f"{row.model} x {row.width}",
        row.method,
        row.ratio,
        row.density_target,
        f"{row.density_realised:.4g}",
        f"{row.density_final:.4g}",
        str(row.accuracy_test.count),
        _mean(row.accuracy_test),
        _mean(row.accuracy_test_best),
        f"{row.flops_ratio:.3g}",
    ]


def _mean(mean: Mean) -> str:
    reach = "" if mean.high is None else f" ± {100 * (mean.high - mean.value):.2f}"
    return f"{100 * mean.value:.2f}{reach} %"


def _sentence(one: Comparison) -> str:
    mean = one.difference.mean
    interval = "" if mean.low is None or mean.high is None else f" [{100 * mean.low:+.2f}, {100 * mean.high:+.2f}]"
    return (
        f"{one.verdict}: {one.claim} ({one.model} on {one.data}, density {one.density_target}: "
        f"{100 * mean.value:+.2f}{interval} points, n = {mean.count})"
    )
