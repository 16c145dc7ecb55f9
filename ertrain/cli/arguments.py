"""The arguments that several commands share, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import tyro

from ertheory.cli.options import option
from ertheory.errors import InvalidInput
from ertrain.configuration import Configuration
from ertrain.recipes import RECIPES, SCALES, recipe

__all__ = [
    "DataDir",
    "Density",
    "Device",
    "Only",
    "Out",
    "RecipeName",
    "Scale",
    "Seeds",
    "Set",
    "Sparsity",
    "read_runs",
]

RecipeName = Annotated[
    tyro.conf.Positional[str], option(metavar="RECIPE", help=f"One of {', '.join(sorted(RECIPES))}.")
]
Scale = Annotated[str, option(metavar="S", help=f"{', '.join(SCALES)}.")]
Seeds = Annotated[str, option(metavar="K", help="Repetitions, with the seeds 0 to K - 1.")]
DataDir = Annotated[str, option(metavar="DIR", help="Where data sets are, or are downloaded to.")]
Out = Annotated[str, option(metavar="DIR", help="Folder for the folders of runs.")]
Device = Annotated[str, option(metavar="D", help="auto, cpu, cuda or cuda:1.")]
Density = Annotated[str | None, option(metavar="P", help="Density of all runs, instead of those of the recipe.")]
Sparsity = Annotated[str | None, option(metavar="S", help="1 - density.")]
Only = Annotated[
    tuple[str, ...],
    option(metavar="NAME=VALUE", help="Leave out runs of the recipe that have other values than these."),
]
Set = Annotated[
    tuple[str, ...],
    option(metavar="NAME=VALUE", help="Other values for the configurations, such as epochs=3 ratio=erk."),
]


def read_runs(
    name: str,
    scale: str,
    seeds: str,
    *,
    only: Sequence[str],
    overrides: Sequence[str],
    density: str | None,
    sparsity: str | None,
) -> tuple[Configuration, ...]:
    """List the runs that the words of a command line ask for."""
    from ertheory.bounds.result import rational_text
    from ertheory.cli.arguments import read_integer
    from ertheory.numbers import probability

    texts = _pairs("--set", overrides)
    if density is not None and sparsity is not None:
        raise InvalidInput("--density", "at most one of --density and --sparsity", "both")
    if density is not None:
        texts["density"] = rational_text(probability("--density", density, one=True))
    if sparsity is not None:
        texts["density"] = rational_text(1 - probability("--sparsity", sparsity, zero=True))
    chosen, count = _pairs("--only", only), read_integer("--seeds", seeds)
    options = {"recipe": "RECIPE", "scale": "--scale", "seeds": "--seeds", "set": "--set", "only": "--only"}
    try:
        return recipe(name).configurations(scale, seeds=count, only=chosen, overrides=texts)
    except InvalidInput as error:  # named as in a call from Python
        asked = "--only" if error.argument in chosen else "--set"
        option = options.get(error.argument, f"{asked} {error.argument}")
        raise InvalidInput(option, error.allowed, error.value) from None


def _pairs(option: str, words: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise InvalidInput(option, "words like epochs=3", word)
        pairs[name] = value
    return pairs
