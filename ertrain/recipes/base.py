"""What a recipe is: a name, what it tests, and a function that returns the configurations of a scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from ertheory.errors import InvalidInput, called
from ertheory.numbers import whole_number
from ertrain.configuration import Configuration
from ertrain.methods import METHODS
from ertrain.methods.imp import rounds_of

__all__ = ["SCALES", "Cost", "Recipe"]

SCALES = ("quick", "small", "paper")
_MOST_SEEDS = 1_000_000
_MOST_RUNS = 100_000  # that can be listed in a moment

# An epoch with the settings of the quick scales, its validation and checkpoint too: seconds of one core, by network,
# width and data, and by factors and density where layers are products. Methods, and rounds of a ratio, take from 0.7 to
# 1.5 times as long.
_EPOCH_SECONDS: dict[tuple[str, ...], float] = {
    ("encoder-decoder", "2", "modular-addition-97"): 0.055,
    ("gcn-16", "1", "block-model"): 0.11,
    ("lenet-300-100", "1", "digits"): 0.035,
    ("lenet-300-100", "1", "digits", "2", "0.05"): 0.25,
    ("lenet-300-100", "1", "digits", "2", "0.1"): 0.11,
    ("lenet-300-100", "1", "digits", "2", "0.2"): 0.08,
    ("lenet-300-100", "1", "digits", "2", "0.5"): 0.045,
    ("lenet-300-100", "1", "fashion-mnist"): 1.6,
    ("lenet-300-100", "1", "fashion-mnist", "2", "0.05"): 14,
    ("lenet-300-100", "1", "fashion-mnist", "2", "0.1"): 5,
    ("lenet-300-100", "1", "fashion-mnist", "2", "0.2"): 4.5,
    ("lenet-300-100", "1", "fashion-mnist", "2", "0.5"): 4.5,
    ("lenet-300-100", "13.97", "digits"): 0.2,
    ("lenet-300-100", "16.67", "fashion-mnist"): 10,
    ("lenet-300-100", "2.04", "digits"): 0.035,
    ("lenet-300-100", "2.51", "fashion-mnist"): 4.5,
    ("lenet-300-100", "3.87", "digits"): 0.07,
    ("lenet-300-100", "5.21", "fashion-mnist"): 5,
    ("lenet-300-100", "6.81", "digits"): 0.08,
    ("lenet-300-100", "8.67", "fashion-mnist"): 8,
    ("mlp-256-256-256", "1", "breast-cancer"): 0.037,
    ("mlp-256-256-256", "1", "digits"): 0.09,
    ("mlp-256-256-256", "1", "wine"): 0.015,
    ("resnet20", "0.5", "digits"): 0.33,
    ("transformer", "0.5", "modular-addition-97"): 0.1,
}


@dataclass(frozen=True)
class Cost:
    """What a scale of a recipe takes.

    Parameters
    ----------
    runs
        Number of runs, over all seeds.
    epochs
        They are those of all of them together, at most, those that a ratio from IMP is found in included.
    minutes
        They are those of one core, from measured epochs; None where none were measured.
    """

    runs: int
    epochs: int
    minutes: float | None


@dataclass(frozen=True)
class Recipe:
    """An experiment.

    Parameters
    ----------
    name
        It is as in ``ertrain run NAME``.
    tests
        What it tests, in one sentence.
    make
        Returns the configurations of a scale, all with seed 0.
    scales
        Those that it has.
    """

    name: str
    tests: str
    make: Callable[[str], tuple[Configuration, ...]]
    scales: tuple[str, ...] = SCALES

    def configurations(
        self,
        scale: str,
        *,
        seeds: int = 3,
        only: Mapping[str, str | Sequence[str]] | None = None,
        overrides: Mapping[str, str | Sequence[str]] | None = None,
    ) -> tuple[Configuration, ...]:
        """List the runs of a scale, seed by seed, so that every method has been seen once before the first repeat.

        Parameters
        ----------
        scale
            One of those that the recipe has.
        seeds
            Number of repetitions; they have the seeds 0, 1, ...
        only
            Values by name, one or several; runs that have none of them are left out.
        overrides
            Values by name, as in `Configuration.changed`, one or several: every run is listed with each combination of
            them. Runs that become equal are listed once.

        Raises
        ------
        InvalidInput
            If the scale is none of the recipe's, no run has one of the values, another lies outside its domain, or
            there would be more than 100,000 runs.

        Examples
        --------
        >>> from ertrain.recipes import recipe
        >>> runs = recipe("table2").configurations(
        ...     "quick", seeds=1, only={"method": "fixed", "data": "digits"}, overrides={"epochs": ("3", "5")}
        ... )
        >>> [(run.density, run.epochs) for run in runs]
        [('0.05', 3), ('0.05', 5), ('0.02', 3), ('0.02', 5), ('0.01', 3), ('0.01', 5)]
        """
        if scale not in self.scales:
            raise InvalidInput("scale", f"one of {', '.join(self.scales)}", scale)
        seeds = whole_number("seeds", seeds, least=1, most=_MOST_SEEDS)
        chosen = list(self.make(scale))
        for name, values in _lists(only).items():
            with called(set="only"):
                having = {one for value in values for one in self._having(chosen, name, value)}
            chosen = [one for one in chosen if one in having]
        several = _lists(overrides)
        changes = [dict(zip(several, values, strict=True)) for values in product(*several.values())]
        if seeds * len(chosen) * len(changes) > _MOST_RUNS:
            most = max(_MOST_RUNS // (len(chosen) * len(changes)), 1)
            raise InvalidInput("seeds", f"at most {most:,}, with {len(chosen) * len(changes):,} runs each", seeds)
        made = [configuration.changed(change) for configuration in chosen for change in changes]
        listed = (
            configuration if overrides and "seed" in overrides else replace(configuration, seed=seed)
            for seed in range(seeds)
            for configuration in made
        )
        return tuple(dict.fromkeys(listed))

    def _having(self, runs: Sequence[Configuration], name: str, value: str) -> list[Configuration]:
        """Find the runs that have a value already. In some it may be impossible, as a density below the final one."""
        having, refused = list[Configuration](), list[InvalidInput]()
        for one in runs:
            try:
                if one.changed({name: value}) == one:
                    having.append(one)
            except InvalidInput as error:
                refused.append(error)
        if not having and runs and len(refused) == len(runs):
            raise refused[-1]
        if not having:
            there = ", ".join(dict.fromkeys(_written(getattr(one, name)) for one in runs))
            raise InvalidInput("only", f"values of {name} that some run of {self.name} has: {there}", value)
        return having

    def cost(self, scale: str, *, seeds: int = 3) -> Cost:
        """Count what a scale takes.

        Examples
        --------
        >>> from ertrain.recipes import recipe
        >>> recipe("table2").cost("paper")
        Cost(runs=51, epochs=8160, minutes=None)
        """
        runs = self.configurations(scale, seeds=1)
        epochs = [seeds * _epochs(run) for run in runs]
        if any(_kind(run) not in _EPOCH_SECONDS for run in runs):
            return Cost(seeds * len(runs), sum(epochs), None)
        seconds = sum(number * _EPOCH_SECONDS[_kind(run)] for run, number in zip(runs, epochs, strict=True))
        return Cost(seeds * len(runs), sum(epochs), seconds / 60)


def _lists(values: Mapping[str, str | Sequence[str]] | None) -> dict[str, tuple[str, ...]]:
    return {name: (one,) if isinstance(one, str) else tuple(one) for name, one in (values or {}).items()}


def _written(value: object) -> str:
    """Write a value as `Configuration.changed` reads it."""
    return (",".join(map(str, value)) if isinstance(value, tuple) else str(value)) or "''"


def _kind(run: Configuration) -> tuple[str, ...]:
    kind = run.model, run.width, run.data
    return (*kind, str(run.factored), run.density) if run.factored else kind


def _epochs(run: Configuration) -> int:
    rounds = 0
    if run.ratio == "imp":
        search = Configuration(recipe="imp", method="imp", final_density=run.density, round_keep=run.ratio_keep)
        rounds = rounds_of(search)
    return METHODS[run.method].total_epochs(run) + rounds * (run.ratio_epochs or run.epochs)
