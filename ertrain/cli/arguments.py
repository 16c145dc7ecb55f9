"""The arguments that several commands share, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import tyro

from ertheory.errors import InvalidInput
from ertrain.configuration import Configuration
from ertrain.recipes import RECIPES, SCALES, recipe

__all__ = ["DataDir", "Density", "Device", "Out", "RecipeName", "Scale", "Seeds", "Set", "Sparsity", "read_runs"]

RecipeName = Annotated[
    tyro.conf.Positional[str], tyro.conf.arg(metavar="RECIPE", help=f"One of {', '.join(sorted(RECIPES))}.")
]
Scale = Annotated[str, tyro.conf.arg(metavar="S", help=f"{', '.join(SCALES)}.")]
Seeds = Annotated[str, tyro.conf.arg(metavar="K", help="Repetitions, with the seeds 0 to K - 1.")]
DataDir = Annotated[str, tyro.conf.arg(metavar="DIR", help="Where data sets are, or are downloaded to.")]
Out = Annotated[str, tyro.conf.arg(metavar="DIR", help="Folder for the folders of runs.")]
Device = Annotated[str, tyro.conf.arg(metavar="D", help="auto, cpu, cuda or cuda:1.")]
Density = Annotated[str | None, tyro.conf.arg(metavar="P", help="Density of all runs, instead of those of the recipe.")]
Sparsity = Annotated[str | None, tyro.conf.arg(metavar="S", help="1 - density.")]
Set = Annotated[
    tuple[str, ...],
    tyro.conf.arg(metavar="NAME=VALUE", help="Other values for the configurations, such as epochs=3 ratio=erk."),
]


def read_runs(
    name: str, scale: str, seeds: str, overrides: Sequence[str], density: str | None, sparsity: str | None
) -> tuple[Configuration, ...]:
    """List the runs that the words of a command line ask for."""
    from ertheory.cli.arguments import read_integer
    from ertheory.exact import probability
    from ertheory.results import rational_text

    texts = {}
    for word in overrides:
        key, equals, value = word.partition("=")
        if not equals:
            raise InvalidInput("--set", "words like epochs=3", word)
        texts[key] = value
    if density is not None and sparsity is not None:
        raise InvalidInput("--density", "at most one of --density and --sparsity", "both")
    if density is not None:
        texts["density"] = rational_text(probability("--density", density, one=True))
    if sparsity is not None:
        texts["density"] = rational_text(1 - probability("--sparsity", sparsity, zero=True))
    options = {"recipe": "RECIPE", "scale": "--scale", "seeds": "--seeds", "set": "--set"}
    try:
        return recipe(name).configurations(scale, seeds=read_integer("--seeds", seeds), overrides=texts)
    except InvalidInput as error:  # named as in a call from Python
        argument = options.get(error.argument, f"--set {error.argument}" if error.argument in texts else error.argument)
        raise InvalidInput(argument, error.allowed, error.value) from None
