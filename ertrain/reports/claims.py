"""What the paper says about training, in words and in numbers, beside what runs say: paired, seed by seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from ertheory.results import Explained, Step
from ertrain.configuration import METHOD_SETTINGS
from ertrain.reports.results import Groups, Result, check_result, final_of, groups_of, without
from ertrain.reports.statistics import PairedDifference, paired_difference, student_quantile

__all__ = ["RULES", "Comparison", "compare", "paper_accuracy", "verdict_of"]

RULES = {
    "matches": "agrees: all of the interval above -1 point; disagrees: all below 0, and its middle below -1 point",
    "costs little": "agrees: all of the interval above -2 points; disagrees: all below 0, and its middle below -2",
    "improves": "agrees: all of the interval above 0; disagrees: all below 0",
    "degrades": "agrees: all of the interval below 0, and its middle below -1 point; disagrees: all above -1",
}
_POINT = 0.01
_LEVEL = 0.95

_RATIOS = "Balanced and pyramidal ratios beat or match ERK up to sparsity 0.99 (Table 1)."
_DEGRADES = "Beyond sparsity 0.99 everything degrades (Table 1)."
_STARTS = "For STR and IMP, a random start of sparsity up to 0.7 gives the accuracy of the dense one (Tables 3 and 4)."
_SPARSER = "For STR and IMP, a random start of sparsity up to 0.9 costs little (Tables 3 and 4)."
_POPUP = "Edge-popup from a random start of sparsity up to 0.8 stays competitive at a final sparsity of 0.9 (Table 5)."
_REWIRING = "Rewiring by RiGL improves on the fixed mask (Table 2)."
_NUMBER = "In its captions, from the dense start (ResNet18 on CIFAR-10, mean of three runs)."

# Test accuracies from the dense start, ResNet18 on CIFAR-10, by method and final density.
_ACCURACIES = {
    ("str", Fraction(1, 10)): 0.9466,
    ("str", Fraction(7, 1000)): 0.9095,
    ("imp", Fraction(1, 10)): 0.9338,
    ("imp", Fraction(1, 100)): 0.9139,
    ("edge-popup", Fraction(1, 10)): 0.8786,
}

_OF_FACTORED = ("factored", "failure_probability", "outer")
_AGAINST = "erk"
_CLAIMED = ("balanced", "pyramidal")
_SPARSEST = Fraction(1, 100)


@dataclass(frozen=True)
class Comparison(Explained):
    """A statement about two groups of runs, what the paper says of it, and what the runs say.

    Parameters
    ----------
    claim
        The statement that was tested.
    paper
        What the paper says, None where it says nothing about the case.
    data, model, density_target, final_target
        Where it was tested.
    ratio, against
        First and second in the difference of test accuracies; where the ratio is the same, the second is the start, the
        method, the density or the number that the first one is compared with.
    method
        It is that of the first.
    difference
        The mean over the seeds that both have.
    rule
        One of `RULES`, by which it was judged.
    verdict
        ``"agrees"``, ``"disagrees"`` or ``"cannot tell"``.
    settings
        They are those of the first, where there are others that look the same: ``"epochs=3"``. The second has those
        too, as far as they are not what is compared.
    """

    claim: str
    paper: str | None
    data: str
    model: str
    density_target: str
    final_target: str | None
    ratio: str
    against: str
    method: str
    difference: PairedDifference
    rule: str
    verdict: str
    settings: str

    @property
    def heading(self) -> str:
        """The statement, and where it was tested."""
        told = f", {self.settings}" if self.settings else ""
        return f"{self.claim}, {self.model} on {self.data}{told}"

    def steps(self) -> tuple[Step, ...]:
        """Give the paired t-interval with its numbers, in points, and the rule that makes the verdict of it."""
        mean = self.difference.mean
        interval: tuple[Step, ...] = ("one pair alone has no interval",)
        if mean.low is not None and mean.high is not None:
            quantile = student_quantile(mean.count, mean.level)
            spread = (mean.high - mean.value) / quantile
            p_value = self.difference.p_value
            interval = (
                f"d - t s/sqrt(n) to d + t s/sqrt(n), t the {(1 + mean.level) / 2:g} quantile of Student's law, n - 1 "
                "degrees",
                f"t = {quantile:.4f}, s/sqrt(n) = {100 * spread:.4f}: {100 * mean.low:+.4f} to {100 * mean.high:+.4f}",
                "all differences are the same: no test" if p_value is None else f"p = {p_value:.4g}, of d = 0",
            )
        return (
            "d = mean over seeds of (test accuracy - the other's), in points",
            f"n = {mean.count}: d = {100 * mean.value:+.4f}",
            *interval,
            f"{self.verdict}, by {self.rule!r}: {RULES[self.rule]}",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all that is known, ready for JSON."""
        return asdict(self)


def compare(results: Sequence[Result]) -> list[Comparison]:
    """Set what the paper says about ratios, starts and rewiring beside the results, and fixed masks beside none.

    Notes
    -----
    Judged by the paired t-interval (95 %) of the difference of test accuracies, each claim by one of `RULES`; in
    particular one seed cannot tell. Only runs that share all of their configuration but what is compared are compared,
    seed by seed. A start that the paper says nothing of is compared all the same: whether it matches the dense one.
    The paper's numbers have no seeds that could be paired with ours; there the interval is that of one sample.

    Raises
    ------
    InvalidInput
        If the results are not what `read_results` gives.
    """
    found = (_masks, _ratios, _degradation, _starts, _rewiring, _factored, _numbers)
    groups = groups_of(results)
    return [comparison for compared in found for comparison in compared(groups)]


def paper_accuracy(result: Result) -> float | None:
    """Return the test accuracy that the paper prints for a configuration like that of a result, if it prints one.

    Notes
    -----
    Of the printed numbers those in captions are known here: dense starts, ResNet18 on CIFAR-10.

    Raises
    ------
    InvalidInput
        If it is none of those that `read_results` gives.
    """
    check_result("result", result)
    like = result["model"] == "resnet18" and result["data"]["name"] == "cifar10" and result["width"] == "1"
    final = final_of(result)
    if not like or result["density_target"] != "1" or final is None:
        return None
    return _ACCURACIES.get((result["method"], Fraction(final)))


def _masks(groups: Groups) -> Iterator[Comparison]:
    """Compare every fixed mask with the dense network that was trained in the same way."""
    fixed = _fixed(groups)
    dense = {without(group[0], "seed", "density"): group for group in fixed if group[0]["density_target"] == "1"}
    for group in fixed:
        one = group[0]
        if one["density_target"] != "1":
            claim = f"a {one['ratio']} mask of density {one['density_target']} matches the dense network"
            others = dense.get(without(one, "seed", "density"), [])
            yield from _compared(claim, None, "matches", group, "dense network", others)


def _ratios(groups: Groups) -> Iterator[Comparison]:
    """Compare balanced and pyramidal ratios with ERK at their density."""
    fixed = _fixed(groups)
    others = {without(group[0], "seed", "ratio"): group for group in fixed if group[0]["ratio"] == _AGAINST}
    for group in fixed:
        one, density = group[0], Fraction(group[0]["density_target"])
        if one["ratio"] in _CLAIMED and _SPARSEST <= density < 1:
            claim = f"{one['ratio']} beats or matches {_AGAINST} up to sparsity 0.99"
            others_here = others.get(without(one, "seed", "ratio"), [])
            yield from _compared(claim, _RATIOS, "matches", group, _AGAINST, others_here)


def _degradation(groups: Groups) -> Iterator[Comparison]:
    """Compare every ratio at sparsities above 0.99 with itself at 0.99."""
    fixed = _fixed(groups)
    others = {
        without(group[0], "seed", "density"): group
        for group in fixed
        if Fraction(group[0]["density_target"]) == _SPARSEST
    }
    for group in fixed:
        one = group[0]
        if Fraction(one["density_target"]) < _SPARSEST:
            claim = f"{one['ratio']} is worse at density {one['density_target']} than at 0.01"
            others_here = others.get(without(one, "seed", "density"), [])
            yield from _compared(claim, _DEGRADES, "degrades", group, "density 0.01", others_here)


def _starts(groups: Groups) -> Iterator[Comparison]:
    """Compare every start from a random mask with the dense start of the same method to the same density."""
    dense = {
        without(group[0], "seed", "density"): group for group in groups.values() if group[0]["density_target"] == "1"
    }
    for group in groups.values():
        one, final = group[0], final_of(group[0])
        if one["method"] == "fixed" or one["density_target"] == "1" or final is None:
            continue
        paper, rule = _said_of_start(one["method"], Fraction(one["density_target"]), Fraction(final))
        start = f"{one['method']} from a random mask of density {one['density_target']} to {final}"
        claim = f"{start} {'matches' if rule == 'matches' else 'costs little against'} the dense start"
        others = dense.get(without(one, "seed", "density"), [])
        yield from _compared(claim, paper, rule, group, "dense start", others)


def _said_of_start(method: str, density: Fraction, final: Fraction) -> tuple[str | None, str]:
    if method in ("imp", "str") and density >= Fraction(3, 10):
        return _STARTS, "matches"
    if method in ("imp", "str") and density >= Fraction(1, 10):
        return _SPARSER, "costs little"
    if method == "edge-popup" and density >= Fraction(2, 10) and final == Fraction(1, 10):
        return _POPUP, "costs little"
    return None, "matches"


def _rewiring(groups: Groups) -> Iterator[Comparison]:
    """Compare RiGL with the fixed mask of the density that it ends with."""
    own = ("density", "method", *METHOD_SETTINGS["rigl"])
    fixed = {(without(group[0], "seed", *own), Fraction(group[0]["density_target"])): group for group in _fixed(groups)}
    for group in groups.values():
        one, final = group[0], final_of(group[0])
        if one["method"] != "rigl" or final is None:
            continue
        claim = f"RiGL at {final} inside a mask of density {one['density_target']} improves on the fixed mask"
        others = fixed.get((without(one, "seed", *own), Fraction(final)), [])
        yield from _compared(claim, _REWIRING, "improves", group, "fixed mask", others)


def _factored(groups: Groups) -> Iterator[Comparison]:
    """Compare factored networks with the dense one that they contain, and with plain masks of their density.

    Every arm has the settings that serve it best, so optimiser and learning rate are no part of what they share.
    """
    own = ("seed", *_OF_FACTORED, "density", "width", "learning_rate", "optimiser", "weight_decay")
    products = [group for group in _fixed(groups) if group[0]["configuration"].get("factored")]
    plain = [group for group in _fixed(groups) if not group[0]["configuration"].get("factored")]
    for group, others in product(products, plain):
        one, other = group[0], others[0]
        if without(one, *own) != without(other, *own):
            continue
        frozen = "half-frozen " if one["configuration"]["outer"] == "frozen" else ""
        name = f"a network of {one['configuration']['factored']} {frozen}factors at density {one['density_target']}"
        same_width = one["width"] == other["width"]
        if other["density_target"] == "1" and same_width:
            yield from _compared(f"{name} matches the dense one in it", None, "matches", group, "dense network", others)
        elif other["density_target"] == one["density_target"]:
            against = "mask of its width" if same_width else f"mask of width {other['width']}"
            yield from _compared(f"{name} improves on a plain {against}", None, "improves", group, against, others)


def _numbers(groups: Groups) -> Iterator[Comparison]:
    """Compare dense starts with the numbers in the paper's captions."""
    for group in groups.values():
        number = paper_accuracy(group[0])
        if number is not None:
            printed = [{**run, "accuracy_test": number} for run in group]
            claim = f"{group[0]['method']} to {final_of(group[0])} reaches the printed {100 * number:.2f} %"
            yield from _compared(claim, _NUMBER, "matches", group, f"{100 * number:.2f} %", printed)


def _compared(
    claim: str, paper: str | None, rule: str, group: Sequence[Result], against: str, others: Sequence[Result]
) -> Iterator[Comparison]:
    """Compare test accuracies over the seeds that both have, if there are any."""
    second = {run["seed"]: run["accuracy_test"] for run in others}
    first = {run["seed"]: run["accuracy_test"] for run in group if run["seed"] in second}
    if not first:
        return
    difference = paired_difference(list(first.values()), [second[seed] for seed in first], _LEVEL)
    one = group[0]
    yield Comparison(
        claim=claim,
        paper=paper,
        data=one["data"]["name"],
        model=one["model"] if one["width"] == "1" else f"{one['model']} x {one['width']}",
        density_target=one["density_target"],
        final_target=final_of(one),
        ratio=one["ratio"],
        against=against,
        method=one["method"],
        difference=difference,
        rule=rule,
        verdict=verdict_of(difference, rule),
        settings=one["settings"],
    )


def verdict_of(difference: PairedDifference, rule: str) -> str:
    """Judge a difference of test accuracies, which are shares of 1, by one of the `RULES`.

    Examples
    --------
    >>> from ertrain.reports.statistics import Mean
    >>> verdict_of(PairedDifference(Mean(0.0, -0.005, 0.005, 3), 1.0), "matches")
    'agrees'
    """
    mean = difference.mean
    # Differences that are all the same, for accuracies are shares of few images, do not show how far they spread. All
    # of them 0 is another matter: two ratios can come to the same densities.
    if mean.low is None or mean.high is None or (difference.p_value is None and mean.value != 0):
        return "cannot tell"
    margin = 2 * _POINT if rule == "costs little" else _POINT
    if rule == "improves":
        return _word(agrees=mean.low > 0, disagrees=mean.high < 0)
    matches, worse = mean.low > -margin, mean.high < 0 and mean.value < -margin
    return _word(agrees=worse, disagrees=matches) if rule == "degrades" else _word(agrees=matches, disagrees=worse)


def _word(*, agrees: bool, disagrees: bool) -> str:
    return "agrees" if agrees else "disagrees" if disagrees else "cannot tell"


def _fixed(groups: Groups) -> list[list[Result]]:
    return [group for group in groups.values() if group[0]["method"] == "fixed"]
