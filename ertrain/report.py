"""What the runs in a folder say together: means with intervals, and whether the paper's claims hold for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ertheory.errors import InvalidInput
from ertrain.files import read_json
from ertrain.methods import METHODS
from ertrain.statistics import Mean, PairedDifference, mean_of, paired_difference

__all__ = ["Comparison", "Row", "compare", "read_results", "rows_of"]

Result = dict[str, Any]
Groups = dict[str, list[Result]]

_AGAINST = "erk"
_CLAIMED = ("balanced", "pyramidal")  # to beat or match ERK up to sparsity 0.99
_SPARSEST = Fraction(1, 100)
_LEVEL = 0.05  # of the two-sided test
_DENSE_START = "1"
_FROM_SPARSE = (
    "edge-popup",
    "gradual",
    "imp",
    "str",
)  # to reach from a random mask what they reach from a dense network
_NOTICEABLE = 0.01  # accuracies that differ by less are the same for the claim


@dataclass(frozen=True)
class Row:
    """Runs that differ in their seed alone.

    Parameters
    ----------
    recipe, data, model, width, method, ratio, density_target, final_target
        What they have in common; the final target is the density that the method was asked for, None if for none.
    accuracy_test, accuracy_test_best, accuracy_validation
        Means over the runs: after the last epoch, of the weights that were best on the validation images, and there.
    density_realised, density_final, density_low, density_high
        Means over the runs of the drawn mask and of the end of training; smallest and largest of the drawn ones.
    flops_ratio
        Operations of training relative to the dense network's.
    epochs
        Of training.
    seeds
        Of the runs.
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
    density_realised: float
    density_final: float
    density_low: float
    density_high: float
    flops_ratio: float
    epochs: int
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Comparison:
    """A claim of the paper beside what the runs say.

    Parameters
    ----------
    claim
        In words.
    data, model, density_target
        Where it was tested.
    ratio, against
        First and second in the difference of test accuracies; where the ratio is the same, the second is the start or
        the method that the first one is compared with.
    method
        Of the first.
    difference
        Over the seeds that both have.
    verdict
        ``"agrees"``, ``"disagrees"`` or ``"cannot tell"``.
    """

    claim: str
    data: str
    model: str
    density_target: str
    ratio: str
    against: str
    difference: PairedDifference
    verdict: str
    method: str = "fixed"

    def to_dict(self) -> dict[str, Any]:
        """Return all that is known, ready for JSON."""
        return asdict(self)


def read_results(folder: Path) -> list[Result]:
    """Read the results of all runs that are done in a folder or below it, each with its configuration.

    Raises
    ------
    InvalidInput
        If there is no such folder, or no result in it.
    RunFolderError
        If a file is damaged.
    """
    paths = sorted(folder.rglob("result.json")) if folder.is_dir() else []
    if not paths:
        raise InvalidInput("DIR", "a folder with runs that are done", str(folder))
    return [{**read_json(path), "configuration": read_json(path.with_name("config.json")) or {}} for path in paths]


def rows_of(results: Sequence[Result]) -> list[Row]:
    """Bring results into rows, by data, network, method, final and first density (the densest first) and ratio."""
    return [_row(group) for group in _groups(results).values()]


def compare(results: Sequence[Result]) -> list[Comparison]:
    """Set the claims of the paper about layer-wise ratios, starts and rewiring beside the results.

    Notes
    -----
    The paper says that balanced and pyramidal ratios beat or match ERK up to sparsity 0.99; that methods which go from
    dense to sparse end as well when they start from a random mask; and that RiGL improves on the fixed mask. The runs
    agree where the paired t-interval (95 %) of the difference lies above -0.01. They disagree where it lies below 0 and
    the mean is below -0.01. For an improvement it has to lie above 0 to agree, and below 0.01 to disagree. Otherwise,
    in particular with one seed, they can not tell. Only runs that share all of their configuration but the ratio, the
    density of the start or the method are compared, seed by seed.
    """
    groups = _groups(results)
    return [*_ratios_compared(groups), *_starts_compared(groups), *_rewiring_compared(groups)]


def _ratios_compared(groups: Groups) -> list[Comparison]:
    found = []
    fixed = [group for group in groups.values() if group[0]["method"] == "fixed"]
    others = {_without(group[0], "seed", "ratio"): group for group in fixed if _ratio(group) == _AGAINST}
    for group in fixed:
        one, density = group[0], Fraction(group[0]["density_target"])
        difference = _difference(group, others.get(_without(one, "seed", "ratio"), []))
        if _ratio(group) not in _CLAIMED or not _SPARSEST <= density < 1 or difference is None:
            continue
        claim = f"{one['ratio']} beats or matches {_AGAINST} up to sparsity 0.99"
        found.append(_comparison(claim, one, _AGAINST, difference, _verdict(difference.mean)))
    return found


def _starts_compared(groups: Groups) -> list[Comparison]:
    """Compare every start from a random mask with the dense start of the same method to the same density."""
    from_dense = {
        _without(group[0], "seed", "density"): group
        for group in groups.values()
        if group[0]["density_target"] == _DENSE_START
    }
    found = []
    for group in groups.values():
        one, final = group[0], _final(group[0])
        if one["method"] not in _FROM_SPARSE or one["density_target"] == _DENSE_START or final is None:
            continue
        difference = _difference(group, from_dense.get(_without(one, "seed", "density"), []))
        if difference is not None:
            start = f"a random mask of density {one['density_target']}"
            claim = f"{one['method']} from {start} to {final} matches the dense start"
            found.append(_comparison(claim, one, "dense start", difference, _verdict(difference.mean)))
    return found


def _rewiring_compared(groups: Groups) -> list[Comparison]:
    """Compare RiGL with the fixed mask of the density that it ends with."""
    fixed: dict[tuple[Any, ...], list[Result]] = {}
    for group in groups.values():
        if group[0]["method"] == "fixed":
            fixed[_rewired(group[0], group[0]["density_target"])] = group
    found = []
    for group in groups.values():
        one, final = group[0], _final(group[0])
        if one["method"] != "rigl" or final is None:
            continue
        difference = _difference(group, fixed.get(_rewired(one, final), []))
        if difference is not None:
            claim = f"RiGL at {final} inside a mask of density {one['density_target']} improves on the fixed mask"
            found.append(_comparison(claim, one, "fixed mask", difference, _verdict(difference.mean, better=True)))
    return found


def _rewired(result: Result, final: str) -> tuple[Any, ...]:
    """All that RiGL and the fixed mask of a density share."""
    own = ("density", "method", *METHODS["rigl"].reads)
    return _without(result, "seed", *own), Fraction(final)


def _comparison(claim: str, one: Result, against: str, difference: PairedDifference, verdict: str) -> Comparison:
    return Comparison(
        claim=claim,
        data=one["data"]["name"],
        model=one["model"],
        density_target=one["density_target"],
        ratio=one["ratio"],
        against=against,
        difference=difference,
        verdict=verdict,
        method=one["method"],
    )


def _difference(group: Sequence[Result], others: Sequence[Result]) -> PairedDifference | None:
    """Compare test accuracies over the seeds that both have, if there are any."""
    second = {run["seed"]: run["accuracy_test"] for run in others}
    first = {run["seed"]: run["accuracy_test"] for run in group if run["seed"] in second}
    if not first:
        return None
    return paired_difference(list(first.values()), [second[seed] for seed in first], 1 - _LEVEL)


def _final(result: Result) -> str | None:
    """Return the density that was asked for at the end, None where STR was asked for none."""
    return result["configuration"].get("final_density", result["density_target"]) or None


def _verdict(mean: Mean, *, better: bool = False) -> str:
    if mean.low is None or mean.high is None:
        return "cannot tell"
    if better:
        return "agrees" if mean.low > 0 else "disagrees" if mean.high < _NOTICEABLE else "cannot tell"
    if mean.low > -_NOTICEABLE:
        return "agrees"
    return "disagrees" if mean.high < 0 and mean.value < -_NOTICEABLE else "cannot tell"


def _groups(results: Sequence[Result]) -> Groups:
    """Bring runs together that differ in their seed alone, by seed; each seed counts once."""
    groups: dict[str, dict[int, Result]] = {}
    for result in sorted(results, key=_order):
        groups.setdefault(_without(result, "seed"), {}).setdefault(result["seed"], result)
    return {key: list(group.values()) for key, group in groups.items()}


def _without(result: Result, *names: str) -> str:
    left_out = {"hash", *names}
    content = {name: value for name, value in result["configuration"].items() if name not in left_out}
    return json.dumps(content, sort_keys=True)


def _ratio(group: Sequence[Result]) -> str:
    return str(group[0]["ratio"])


def _order(result: Result) -> tuple[Any, ...]:
    names = ("recipe", "model", "width", "method")
    final, density = -Fraction(_final(result) or 0), -Fraction(result["density_target"])
    return result["data"]["name"], *(result[name] for name in names), final, density, result["ratio"], result["seed"]


def _row(group: Sequence[Result]) -> Row:
    def mean(name: str) -> Mean:
        return mean_of([run[name] for run in group])

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
        final_target=_final(one),
        accuracy_test=mean("accuracy_test"),
        accuracy_test_best=mean("accuracy_test_best"),
        accuracy_validation=mean("accuracy_validation"),
        density_realised=mean("density_realised").value,
        density_final=mean("density_final").value,
        density_low=min(realised),
        density_high=max(realised),
        flops_ratio=work / dense,
        epochs=one["epochs"],
        seeds=tuple(run["seed"] for run in group),
    )
