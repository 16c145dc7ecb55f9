"""What the runs in a folder say together: means with intervals, and what became of their masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from ertrain.recipes import RECIPES
from ertrain.reports.claims import Comparison, compare, paper_accuracy
from ertrain.reports.results import Result, final_of, groups_of, read_results, without
from ertrain.reports.statistics import Mean, mean_of

__all__ = ["Comparison", "Row", "compare", "is_of_recipe", "read_results", "rows_of"]


@dataclass(frozen=True)
class Row:
    """Runs that differ in their seed alone.

    Parameters
    ----------
    recipe, data, model, width, method, ratio, density_target, final_target
        What they have in common; the final target is the density that the method was asked for, None if for none.
    accuracy_test, accuracy_test_best, accuracy_validation
        Means over the runs: after the last epoch, of the weights that were best on the validation images, and there.
    accuracy_paper
        What the paper prints for it, None where that is not known.
    density_realised, density_final, density_low, density_high
        Means over the runs of the drawn mask and of the end of training; smallest and largest of the drawn ones.
    without_weights_expected, without_weights
        Neurons (channels) that no weight is kept for, before training: expected from the densities of the layers, and
        counted in the drawn masks; means over the runs, None where a run does not say.
    dead_neurons, neurons
        Neurons off every path from inputs to outputs, counted before training (mean over the runs), and all neurons;
        None of networks of somebody's own in which paths cannot be followed.
    flops_ratio
        Operations of training relative to the dense network's.
    epochs
        They are those of training.
    seeds
        They are those of the runs.
    diverged
        How many of them have a loss that was not finite in some epoch; they count in all means.
    settings
        What tells them apart from other rows that share all of the above, such as ``"epochs=3"``.
    is_of_recipe
        Whether the recipe has such runs, at some scale: not if they were changed.
    """

    recipe: str
    data: str
    model: str
    width: str
    method: str
    ratio: str
    density_target: str
    final_target: str | None
    accuracy_test: Mean
    accuracy_test_best: Mean
    accuracy_validation: Mean
    accuracy_paper: float | None
    density_realised: float
    density_final: float
    density_low: float
    density_high: float
    without_weights_expected: float | None
    without_weights: float | None
    dead_neurons: float | None
    neurons: int | None
    flops_ratio: float
    epochs: int
    seeds: tuple[int, ...]
    diverged: int
    settings: str
    is_of_recipe: bool


def rows_of(results: Sequence[Result]) -> list[Row]:
    """Bring results into rows, by data, network, method, final and first density (the densest first) and ratio.

    Raises
    ------
    InvalidInput
        If they are not what `read_results` gives.
    """
    return [_row(group) for group in groups_of(results).values()]


def is_of_recipe(result: Result) -> bool:
    """Whether the recipe that a result names has such a run, at some scale; a name that is no recipe's has all."""
    return result["recipe"] not in RECIPES or without(result, "seed") in _of_recipe(result["recipe"])


@cache
def _of_recipe(name: str) -> frozenset[str]:
    """List what a recipe has at its scales, as the keys of groups."""
    runs = [run for scale in RECIPES[name].scales for run in RECIPES[name].make(scale)]
    return frozenset(without({"configuration": run.to_dict()}, "seed") for run in runs)


def _row(group: Sequence[Result]) -> Row:
    def mean(name: str) -> Mean:
        return mean_of([run[name] for run in group])

    def known(name: str) -> float | None:
        return mean(name).value if all(run.get(name) is not None for run in group) else None

    one, realised = group[0], [run["density_realised"] for run in group]
    work, dense = (sum(run[name] for run in group) for name in ("flops_train", "flops_dense"))
    return Row(
        recipe=one["recipe"],
        data=one["data"]["name"],
        model=one["model"],
        width=one["width"],
        method=one["method"],
        ratio=one["ratio"],
        density_target=one["density_target"],
        final_target=final_of(one),
        accuracy_test=mean("accuracy_test"),
        accuracy_test_best=mean("accuracy_test_best"),
        accuracy_validation=mean("accuracy_validation"),
        accuracy_paper=paper_accuracy(one),
        density_realised=mean("density_realised").value,
        density_final=mean("density_final").value,
        density_low=min(realised),
        density_high=max(realised),
        without_weights_expected=known("without_weights_expected"),
        without_weights=known("without_weights"),
        dead_neurons=known("dead_neurons"),
        neurons=one["neurons"],
        flops_ratio=work / dense,
        epochs=one["epochs"],
        seeds=tuple(run["seed"] for run in group),
        diverged=sum(bool(run.get("diverged")) for run in group),
        settings=one["settings"],
        is_of_recipe=is_of_recipe(one),
    )
