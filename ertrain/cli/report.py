"""``ertrain report``."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Annotated

from ertheory.cli.arguments import Explain, Force, Format, Json
from ertheory.cli.notes import show_explained
from ertheory.cli.options import Option
from ertheory.cli.output import document, render, show, show_table, wrap
from ertheory.errors import InvalidInput
from ertheory.tables import Style, Table
from ertrain.cli.lettered import lettered
from ertrain.reports.claims import RULES, Comparison, compare
from ertrain.reports.report import Row, rows_of
from ertrain.reports.results import Result, is_tested, read_results
from ertrain.reports.statistics import Mean

__all__ = ["ReportCommand"]

_NOTES = (
    "test, best: accuracy in %, after the last epoch and of the weights that were best on the validation images; mean "
    "over n seeds ± half of its 95 % t-interval.",
    "realised: density of the drawn masks; final: at the end of training. flops: of training, relative to the dense "
    "network.",
    "bare: neurons (channels) without a single weight that leads to them, before training, counted in the drawn masks "
    "and (expected from the densities of the layers); dead: all that lie on no path from the inputs to the outputs.",
)
_PAPER_NOTE = "paper: what is printed for it."
_UNSAID = "The paper says nothing of these; whether they match the dense start all the same:"
_SHARED = ("recipe", "data", "model")  # stand above a table, and
_SPARE = ("best", "flops", "bare", "realised")  # what a narrow terminal does without, the first of them first
_OFTEN_SHARED = ("method", "ratio", "n")  # where they are the same in all of its rows


@dataclass(frozen=True)
class ReportCommand:
    """What the runs in a folder say together, and whether they agree with the paper."""

    folder: Annotated[str, Option("Runs are looked for in this folder, at any depth.", "DIR", positional=True)]
    format: Format = "table"
    plot: Annotated[
        str | None, Option("accuracy.png, accuracy.svg and accuracy.csv are written into this folder.", "DIR")
    ] = None
    curves: Annotated[
        str | None,
        Option(
            "curves.png, curves.svg and curves.csv, with all metrics, are written into this folder; also of runs "
            "without a test, which have no row.",
            "DIR",
        ),
    ] = None
    force: Force = False
    explain: Explain = False
    json: Json = False

    def run(self) -> int:
        """Read the results and lay them out."""
        with warnings.catch_warnings(record=True) as left_out:
            warnings.simplefilter("always")
            every = read_results(Path(self.folder), untested=self.curves is not None)
        for warning in left_out:
            print(f"ertrain: {warning.message}", file=sys.stderr)
        results = [one for one in every if is_tested(one)]
        if len(results) < len(every):
            said = f"no row, only curves, where there is no accuracy on test data: {len(every) - len(results)}"
            print(f"ertrain: {said} of {len(every)} runs", file=sys.stderr)
        rows, comparisons = rows_of(results), compare(results)
        files = [*self._draw(rows), *self._draw_curves(every)]
        if self.json:
            described = [one.to_dict() for one in comparisons]
            inputs = {"folder": self.folder, "plot": self.plot, "curves": self.curves, "force": self.force}
            listed = [asdict(row) for row in rows]
            show(document("report", inputs, rows=listed, claims=described, files=files))
            return 0
        if not rows:
            return 0  # which was said
        if self.format != "table":
            table = [_cells(row) for row in rows]
            show(render([list(cells.values()) for cells in table], list(table[0]), self.format))
        else:
            _show_tables(rows)
        if self.format in ("table", "markdown") and comparisons:
            _show_claims(comparisons, self.format)
        if self.explain:
            for one in comparisons:
                show_explained(one.explain())
        return 0

    def _draw(self, rows: list[Row]) -> list[str]:
        if self.plot is None:
            return []
        from ertrain.reports.plots import draw_report

        try:
            return [str(path) for path in draw_report(rows, Path(self.plot), force=self.force)]
        except InvalidInput as error:
            if not rows:
                raise InvalidInput("--plot", "runs with an accuracy on test data in DIR", self.folder) from None
            raise InvalidInput("--plot", error.allowed, error.value) from None

    def _draw_curves(self, results: list[Result]) -> list[str]:
        if self.curves is None:
            return []
        from ertrain.reports.curves import write_curves

        try:
            return [str(path) for path in write_curves(results, Path(self.curves), force=self.force)]
        except InvalidInput as error:
            raise InvalidInput("--curves", error.allowed, error.value) from None


def _show_tables(rows: Sequence[Row]) -> None:
    """Show a table for each network, narrow enough for a terminal: what its rows share stands above it."""
    table = [_cells(row) for row in rows]
    for _, group in groupby(table, key=lambda cells: [cells[name] for name in _SHARED]):
        cells = list(group)
        above = [name for name in _OFTEN_SHARED if len({one[name] for one in cells}) == 1]
        left_out = {*_SHARED, *above}
        if all(one["realised"] == one["final"] for one in cells):
            left_out.add("final")
        left_out |= {name for name in ("paper", "settings") if all(one[name] == "-" for one in cells)}
        headers = [name for name in cells[0] if name not in left_out]
        first = cells[0]
        shared = "".join(f", {name} {first[name]}" if name != "n" else f", n = {first[name]}" for name in above)
        show(f"{first['recipe']}: {first['model']} on {first['data']}{shared}\n")
        told, key = lettered(one["settings"] for one in cells)
        shown = [[{**one, "settings": told[one["settings"]]}[name] for name in headers] for one in cells]
        show_table(Table.of(headers, shown, spare=[name for name in _SPARE if name in headers]), "table")
        show(f"\n{key}\n" if key else "")
    for note in (*_NOTES, _PAPER_NOTE) if any(cells["paper"] != "-" for cells in table) else _NOTES:
        show(wrap(note))


def _show_claims(comparisons: Sequence[Comparison], style: Style) -> None:
    """Show what the paper says, and below it what the runs say of it."""
    show("")
    show(wrap("What the paper says, beside paired differences of test accuracies over the seeds, in points:"))
    said = list(dict.fromkeys(map(_said, comparisons)))
    for (paper, rule), some in groupby(sorted(comparisons, key=lambda one: said.index(_said(one))), key=_said):
        show("\n" + wrap(_UNSAID if paper is None else paper))
        show(wrap(f"  {RULES[rule]}"))
        for (model, data), group in groupby(some, key=lambda one: (one.model, one.data)):
            judged = list(group)
            told, key = lettered(one.settings for one in judged)
            show(f"\n{model} on {data}\n")
            headers = ["verdict", "runs", "against", "points", "95 % interval", "p", "n"]
            rows = [_judged(replace(one, settings=told[one.settings])) for one in judged]
            show_table(Table.of(headers, rows, spare=("p", "n", "95 % interval")), style)
            if key:
                show(f"\n{key}")


def _said(one: Comparison) -> tuple[str | None, str]:
    return one.paper, one.rule


def _cells(row: Row) -> dict[str, str]:
    return {
        "recipe": row.recipe if row.is_of_recipe else f"{row.recipe}, changed",
        "data": row.data,
        "model": row.model if row.width == "1" else f"{row.model} x {row.width}",
        "method": row.method,
        "ratio": row.ratio,
        "density": row.density_target,
        "realised": f"{row.density_realised:.4g}",
        "final": f"{row.density_final:.4g}",
        "bare": _bare(row),
        "dead": "-" if row.dead_neurons is None else f"{row.dead_neurons:.4g}",
        "flops": f"{row.flops_ratio:.3g}",
        "n": f"{row.accuracy_test.count} ({row.diverged} diverged)" if row.diverged else str(row.accuracy_test.count),
        "test": _mean(row.accuracy_test),
        "best": _mean(row.accuracy_test_best),
        "paper": "-" if row.accuracy_paper is None else f"{100 * row.accuracy_paper:.2f}",
        "settings": row.settings or "-",
    }


def _bare(row: Row) -> str:
    if row.without_weights is None or row.without_weights_expected is None:
        return "-"
    return f"{row.without_weights:.4g} ({round(row.without_weights_expected, 2):.4g})"


def _mean(mean: Mean) -> str:
    reach = "" if mean.high is None else f" ± {100 * (mean.high - mean.value):.2f}"
    return f"{100 * mean.value:.2f}{reach}"


def _judged(one: Comparison) -> list[str]:
    mean, p_value = one.difference.mean, one.difference.p_value
    known = mean.low is not None and mean.high is not None
    started = f"{one.method} from {one.density_target} to {one.final_target}"
    named = f"{one.ratio} at {one.density_target}" if one.method == "fixed" else started
    return [
        one.verdict,
        f"{named} ({one.settings})" if one.settings else named,
        one.against,
        f"{100 * mean.value:+.2f}",
        f"[{100 * mean.low:+.2f}, {100 * mean.high:+.2f}]" if known else "-",  # type: ignore[operator]
        "-" if p_value is None else f"{p_value:.2g}",
        str(mean.count),
    ]
