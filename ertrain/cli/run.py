"""``ertrain list`` and ``ertrain run``."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, Literal

from tqdm import tqdm

from ertheory.cli.arguments import Format, Json
from ertheory.cli.options import Option
from ertheory.cli.output import document, render, show, show_table, wrap
from ertheory.tables import Cell, Shown, Style, Table
from ertrain.cli.arguments import (
    BackendName,
    DataDir,
    Density,
    Device,
    Only,
    Out,
    RecipeName,
    Scale,
    Seeds,
    Set,
    Sparsity,
    folder_for,
    in_words_of_set,
    read_runs,
    with_data,
)
from ertrain.cli.lettered import lettered
from ertrain.configuration import Configuration
from ertrain.methods import METHODS
from ertrain.recipes import RECIPES
from ertrain.recipes.base import Cost
from ertrain.reports.report import is_of_recipe
from ertrain.reports.results import groups_of
from ertrain.training.backend import Backend
from ertrain.training.experiments import perform
from ertrain.training.process_group import ProcessGroup, join_process_group

__all__ = ["ListCommand", "RunCommand", "named", "perform_all", "show_results"]


@dataclass(frozen=True)
class ListCommand:
    """The recipes."""

    format: Format = "table"
    json: Json = False

    def run(self) -> int:
        """List them with their cost for three seeds."""
        costs = {one.name: {scale: one.cost(scale) for scale in one.scales} for one in RECIPES.values()}
        if self.json:
            recipes = [
                {
                    "name": one.name,
                    "scales": list(one.scales),
                    "methods": sorted({run.method for scale in one.scales for run in one.make(scale)}),
                    "runs": {scale: cost.runs for scale, cost in costs[one.name].items()},
                    "epochs": {scale: cost.epochs for scale, cost in costs[one.name].items()},
                    "minutes": {scale: cost.minutes for scale, cost in costs[one.name].items()},
                    "tests": one.tests,
                }
                for one in RECIPES.values()
            ]
            show(document("list", {}, recipes=recipes))
            return 0
        if self.format != "table":
            rows: list[list[Cell]] = [
                [one.name, scale, cost.runs, cost.epochs, cost.minutes, one.tests]
                for one in RECIPES.values()
                for scale, cost in costs[one.name].items()
            ]
            show(render(rows, ["recipe", "scale", "runs", "epochs", "minutes", "tests"], self.format))
            return 0
        for one in RECIPES.values():
            show(wrap(f"{one.name}: {', '.join(_shown(scale, cost) for scale, cost in costs[one.name].items())}"))
            show(wrap(f"  {one.tests}"))
        return 0


@dataclass(frozen=True)
class RunCommand:
    """Train the networks of a recipe, or go on where they stand."""

    recipe: RecipeName
    scale: Scale = "quick"
    seeds: Seeds = 3
    data_dir: DataDir = "data"
    out: Out = "runs"
    density: Density = None
    sparsity: Sparsity = None
    only: Only = ()
    set: Set = ()
    device: Device = "auto"
    backend: BackendName = "auto"
    quiet: Annotated[bool, Option("Say nothing of single epochs.")] = False
    format: Format = "table"
    json: Json = False

    def run(self) -> int:
        """Train them one after another."""
        runs = read_runs(
            self.recipe,
            self.scale,
            self.seeds,
            only=self.only,
            overrides=self.set,
            density=self.density,
            sparsity=self.sparsity,
        )
        with join_process_group(self.device) as processes:
            with processes.main_first():
                words = (*self.only, *self.set)
                runs = with_data(runs, Path(self.data_dir), scale=self.scale, words=words, tell=processes.is_main)
            data_dir, out = Path(self.data_dir), folder_for("--out", self.out)
            with in_words_of_set(self.set):
                results = perform_all(runs, out, processes, data_dir=data_dir, backend=self.backend, quiet=self.quiet)
            first = processes.is_main
        if first:
            inputs = {
                "recipe": self.recipe,
                "scale": self.scale,
                "seeds": sorted({run.seed for run in runs}),
                "data_dir": self.data_dir,
                "out": self.out,
                "device": str(processes.device),
                "backend": self.backend,
                "only": list(self.only),
                "set": list(self.set),
                "density": sorted({run.density for run in runs}),
            }
            show_results("run", inputs, runs, results, style="json" if self.json else self.format)
        return 0


def perform_all(
    runs: tuple[Configuration, ...],
    out: Path,
    processes: ProcessGroup,
    *,
    data_dir: Path,
    backend: Backend,
    quiet: bool,
) -> list[dict[str, Any]]:
    """Perform runs one after another, and tell of every epoch."""
    results = []
    with tqdm(total=sum(_planned(run) for run in runs), unit=" epochs", disable=not processes.is_main) as bar:
        for number, run in enumerate(runs, start=1):
            bar.set_description(f"run {number} of {len(runs)}")
            before, began = bar.n, False

            def progress(line: dict[str, Any], run: Configuration = run, before: int = before) -> None:
                nonlocal began
                if not began:
                    _passed(bar, line["epoch"] - 1)  # a run that goes on has done some of them before
                    began = True
                bar.update(before + line["epoch"] - bar.n)
                if not quiet:
                    tqdm.write(f"{named(run)}: {_in_words(line)}", file=sys.stderr)

            results.append(perform(run, out, processes, data_dir=data_dir, progress=progress, backend=backend))
            left = before + _planned(run) - bar.n
            bar.update(left) if began else _passed(bar, left)
    return results


def show_results(
    command: str,
    inputs: dict[str, Any],
    runs: tuple[Configuration, ...],
    results: list[dict[str, Any]],
    *,
    style: Style | Literal["json"],
) -> None:
    """Print what runs gave, as a table or as one JSON document."""
    if style == "json":
        listed = [{"folder": run.folder, **result} for run, result in zip(runs, results, strict=True)]
        show(document(command, inputs, results=listed, seed=inputs["seeds"]))
        return
    if style == "table":
        _show_means(runs, results)
        return
    rows: list[list[Cell]] = [
        [
            run.data,
            run.model,
            run.method,
            run.ratio,
            run.density,
            Shown(result["density_realised"], f"{result['density_realised']:.4g}"),
            Shown(result["density_final"], f"{result['density_final']:.4g}"),
            run.seed,
            Shown(result["accuracy_validation"], f"{result['accuracy_validation']:.4f}"),
            Shown(result["accuracy_test"], f"{result['accuracy_test']:.4f}"),
            run.folder,
        ]
        for run, result in zip(runs, results, strict=True)
    ]
    headers = [
        "data",
        "model",
        "method",
        "ratio",
        "density",
        "realised",
        "final",
        "seed",
        "validation",
        "test",
        "folder",
    ]
    show(render(rows, headers, style))


def _show_means(runs: tuple[Configuration, ...], results: list[dict[str, Any]]) -> None:
    """Show a line for each configuration, the mean over its seeds; what all lines of a table share stands above it."""
    groups: dict[Configuration, list[dict[str, Any]]] = {}
    for run, result in zip(runs, results, strict=True):
        groups.setdefault(replace(run, seed=0), []).append(result)
    known = [{**result, "configuration": run.to_dict()} for run, result in zip(runs, results, strict=True)]
    told = {one["config_hash"]: one for group in groups_of(known).values() for one in group}
    tables: dict[tuple[str, str, str], list[list[Cell]]] = {}
    for run, group in groups.items():
        names = ("density_realised", "density_final", "accuracy_validation", "accuracy_test")
        realised, final, validation, test = (fmean(one[name] for one in group) for name in names)
        accuracies = [Shown(accuracy, f"{100 * accuracy:.2f}") for accuracy in (validation, test)]
        shares = [Shown(share, f"{share:.4g}") for share in (realised, final)]
        one = told[group[0]["config_hash"]]
        lost = sum(bool(each.get("diverged")) for each in group)
        seeds = Shown(len(group), f"{len(group)} ({lost} diverged)") if lost else len(group)
        cells: list[Cell] = [run.ratio, run.density, *shares, seeds, *accuracies, one["settings"]]
        recipe = run.recipe if is_of_recipe(one) else f"{run.recipe}, changed"
        tables.setdefault((recipe, f"{run.model} on {run.data}", run.method), []).append(cells)
    headers = ["ratio", "density", "realised", "final", "seeds", "validation", "test", "settings"]
    for (recipe, where, method), rows in tables.items():
        show(f"{recipe}: {where}, method {method}")
        short, key = lettered(str(row[-1]) for row in rows)
        shown = len(headers) if any(short) else len(headers) - 1
        spare = ("realised",) if any(isinstance(row[4], Shown) for row in rows) else ("realised", "seeds")
        listed = [[*row[:-1], short[str(row[-1])]][:shown] for row in rows]
        show_table(Table.of(headers[:shown], listed, spare=spare), "table")
        show(f"\n{key}\n" if key else "")
    note = "Accuracies in %, means over the seeds. Intervals and what the paper says: ertrain report DIR. Every run by "
    show(wrap(f"{note}itself: --format csv. {_backends(results)}"))


def _backends(results: list[dict[str, Any]]) -> str:
    """Say what runs computed with, which the backend ``auto`` chooses."""
    sparse = sum(result.get("backend") == "sparse" for result in results)
    if sparse in (0, len(results)):
        return f"Backend: {'sparse' if sparse else 'masked'}."
    return f"Backend: sparse in {sparse} of {len(results)} runs, masked in the others."


def _passed(bar: Any, count: int) -> None:
    """Count what an earlier process has done, which says nothing of how fast this one is."""
    if bar.disable:  # it has none of these numbers then
        return
    bar.n += count
    bar.initial += count
    bar.last_print_n += count
    bar.refresh()


def named(run: Configuration) -> str:
    """Name a run for people."""
    method = "" if run.method == "fixed" else f"{run.method} to {run.final_density or 'its own density'} "
    return f"{run.data} {run.model} {method}{run.ratio} {run.density} seed {run.seed}"


def _planned(run: Configuration) -> int:
    return METHODS[run.method].total_epochs(run)


def _in_words(line: dict[str, Any]) -> str:
    loss = "not finite" if line["loss"] is None else f"{line['loss']:.4f}"
    return (
        f"epoch {line['epoch']}, loss {loss}, training {line['accuracy_train']:.4f}, "
        f"validation {line['accuracy_validation']:.4f}, {line['seconds']:.1f} s"
    )


def _shown(scale: str, cost: Cost) -> str:
    time = "" if cost.minutes is None else f", about {math.ceil(cost.minutes)} min on one core"
    return f"{scale} ({cost.runs:,} runs, {cost.epochs:,} epochs{time})"
