"""What a recipe is: a name, what it tests, and a function that returns the configurations of a scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ertheory.errors import InvalidInput
from ertrain.configuration import Configuration

__all__ = ["SCALES", "Recipe"]

SCALES = ("quick", "small", "paper")


@dataclass(frozen=True)
class Recipe:
    """An experiment.

    Parameters
    ----------
    name
        As in ``ertrain run NAME``.
    tests
        What it tests, in one sentence.
    minutes
        Rough cost by scale, for the three seeds of the paper: on two cores for ``"quick"``, one GPU for the others.
    make
        Returns the configurations of a scale, all with seed 0.
    """

    name: str
    tests: str
    minutes: Mapping[str, float]
    make: Callable[[str], tuple[Configuration, ...]]

    def configurations(
        self,
        scale: str,
        *,
        seeds: int = 3,
        only: Mapping[str, str] | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> tuple[Configuration, ...]:
        """List the runs of a scale, seed by seed, so that every method has been seen once before the first repeat.

        Parameters
        ----------
        scale
            One of those that the recipe has.
        seeds
            Number of repetitions; they have the seeds 0, 1, ...
        only
            Values by name; runs that have others are left out.
        overrides
            Values by name, as in `Configuration.changed`. Runs that become equal are listed once.

        Raises
        ------
        InvalidInput
            If the scale is none of the recipe's, no run is left, or another value lies outside its domain.
        """
        if scale not in self.minutes:
            raise InvalidInput("scale", f"one of {', '.join(self.minutes)}", scale)
        if seeds < 1:
            raise InvalidInput("seeds", "a whole number of at least 1", seeds)
        chosen = [one for one in self.make(scale) if one.changed(only or {}) == one]
        if not chosen:
            raise InvalidInput("only", f"values that some run of {self.name} has", dict(only or {}))
        made = [configuration.changed(overrides or {}) for configuration in chosen]
        listed = (
            configuration if overrides and "seed" in overrides else replace(configuration, seed=seed)
            for seed in range(seeds)
            for configuration in made
        )
        return tuple(dict.fromkeys(listed))
