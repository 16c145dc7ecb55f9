"""The arguments that several commands share, and how they are read."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated

from ertheory.bounds.result import rational_text
from ertheory.cli import reading
from ertheory.cli.options import Option
from ertheory.errors import InvalidInput, called
from ertrain.configuration import LIST_FIELDS, Configuration
from ertrain.data import is_there, load_data
from ertrain.recipes import RECIPES, SCALES, recipe
from ertrain.training.backend import BACKENDS, Backend

__all__ = [
    "BackendName",
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
    "folder_for",
    "in_data_dir",
    "in_words_of_set",
    "read_pairs",
    "read_runs",
    "with_data",
]

RecipeName = Annotated[
    str,
    Option(
        f"The recipe is one of {', '.join(sorted(RECIPES))}.",
        "RECIPE",
        read=reading.choice(*sorted(RECIPES)),
        positional=True,
    ),
]
Scale = Annotated[str, Option(f"The scale is one of {', '.join(SCALES)}.", "S", read=reading.choice(*SCALES))]
Seeds = Annotated[int, Option("Every run is repeated with the seeds 0 to K - 1.", "K", read=reading.whole(1))]
DataDir = Annotated[str, Option("Data sets are in this folder, or are downloaded to it.", "DIR")]
Out = Annotated[str, Option("Every run gets a folder inside this one.", "DIR")]
Device = Annotated[str, Option("Training is done on this device: auto, cpu, cuda or cuda:1.", "D")]
BackendName = Annotated[
    Backend,
    Option(
        "Layers are stored and multiplied in this way: masked, sparse (kept weights alone), or auto (the faster one).",
        "B",
        read=reading.choice(*BACKENDS),
    ),
]
Density = Annotated[
    Fraction | None,
    Option("All runs have this density, in (0, 1], instead of those of the recipe.", "P", read=reading.density),
]
Sparsity = Annotated[Fraction | None, Option("This is 1 - density, in [0, 1).", "S", read=reading.sparsity)]
Only = Annotated[
    tuple[str, ...],
    Option(
        "Leave out runs of the recipe that have other values than these, of which a name may have several: "
        "density=0.1,0.05.",
        "NAME=VALUE",
    ),
]
Set = Annotated[
    tuple[str, ...],
    Option(
        "Give the configurations other values, such as epochs=3 ratio=erk,uniform; with several, every run is done "
        "with each.",
        "NAME=VALUE",
    ),
]


def folder_for(option: str, text: str) -> Path:
    """Make a folder that an option names, before anything that takes long.

    Raises
    ------
    InvalidInput
        If it cannot be made.
    """
    folder = Path(text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidInput(option, f"a folder that can be written to ({reason})", text) from error
    return folder


def read_runs(
    name: str,
    scale: str,
    seeds: int,
    *,
    only: Sequence[str],
    overrides: Sequence[str],
    density: Fraction | None,
    sparsity: Fraction | None,
) -> tuple[Configuration, ...]:
    """List the runs that the words of a command line ask for."""
    texts = read_pairs("--set", overrides)
    if density is not None and sparsity is not None:
        raise InvalidInput("--density", "at most one of --density and --sparsity", "both")
    if density is not None:
        texts["density"] = (rational_text(density),)
    if sparsity is not None:
        texts["density"] = (rational_text(1 - sparsity),)
    chosen = read_pairs("--only", only)
    options = {"recipe": "RECIPE", "scale": "--scale", "seeds": "--seeds", "set": "--set", "only": "--only"}
    try:
        return recipe(name).configurations(scale, seeds=seeds, only=chosen, overrides=texts)
    except InvalidInput as error:  # named as in a call from Python
        given = {"--only": chosen, "--set": read_pairs("--set", overrides)}
        asked = [f"{option} {error.argument}" for option, pairs in given.items() if error.argument in pairs]
        if not asked:  # a value of the recipe's own does not fit what was given
            by_option = "--density" if density is not None else "--sparsity" if sparsity is not None else ""
            told = " and ".join(option for option in (by_option, *given) if given.get(option, option))
            asked = [f"{told}: {error.argument} of the runs" if told else error.argument]
        raise InvalidInput(options.get(error.argument, asked[0]), error.allowed, error.value) from None


def in_words_of_set(words: Sequence[str]) -> contextlib.AbstractContextManager[None]:
    """Name the option where a value that it gave turns out not to fit while a run is made."""
    return called(**{name: f"--set {name}" for name in read_pairs("--set", words)})


def with_data(
    runs: tuple[Configuration, ...], data_dir: Path, *, scale: str, words: Sequence[str], tell: bool
) -> tuple[Configuration, ...]:
    """Choose the runs whose data are there, before the first of them starts.

    Parameters
    ----------
    runs
        What was asked for.
    data_dir
        Where data are.
    scale
        With ``"quick"``, runs on data that are not there are left out as long as others remain. With another one, or
        where `words` ask for the data, they are downloaded.
    words
        What was given to ``--only`` and ``--set``.
    tell
        Whether to say on standard error what is left out.

    Raises
    ------
    InvalidInput
        If data are neither there nor can be had.
    """
    with in_data_dir(data_dir):
        missing = [name for name in dict.fromkeys(run.data for run in runs) if not is_there(name, data_dir)]
    kept = tuple(run for run in runs if run.data not in missing)
    if kept and scale == "quick" and not any(word.startswith("data=") for word in words):
        for name in missing if tell else ():
            count = sum(run.data == name for run in runs)
            said = f"{name} is not in {data_dir}: {count} of {len(runs)} runs are left out"
            print(f"ertrain: {said} (--only data={name} says how to get it)", file=sys.stderr)
        return kept
    with in_data_dir(data_dir):
        for name in missing:
            load_data(name, data_dir)
    return runs


@contextlib.contextmanager
def in_data_dir(folder: Path) -> Iterator[None]:
    """Name the option where the folder of the data cannot be used."""
    try:
        yield
    except OSError as error:
        allowed = f"a folder that can be used ({error.strerror or error})"
        raise InvalidInput("--data-dir", allowed, str(folder)) from error


def read_pairs(option: str, words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read values by name: one word may give several, and several words too. Lists as values hold commas themselves."""
    pairs: dict[str, tuple[str, ...]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise InvalidInput(option, "words like epochs=3", word)
        whole = name in LIST_FIELDS or value.startswith("layers:")
        values = (value,) if whole else tuple(value.split(","))
        pairs[name] = tuple(dict.fromkeys((*pairs.get(name, ()), *values)))
    return pairs
