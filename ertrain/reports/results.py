"""The results of the runs in a folder, and which of them belong together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any

from ertheory.errors import InvalidInput, warn
from ertrain.configuration import Configuration
from ertrain.errors import RunFolderError
from ertrain.storage.canonical import read_configuration
from ertrain.storage.files import RESULT_ALSO, RESULT_NEEDS, read_json

__all__ = [
    "Groups",
    "Result",
    "check_result",
    "configuration_of",
    "final_of",
    "groups_of",
    "is_tested",
    "read_results",
    "without",
]

_NEVER_SHOWN = {"schema", "config_hash", "layers"}

Result = dict[str, Any]
Groups = dict[str, list[Result]]


def read_results(folder: str | PathLike[str], *, untested: bool = False) -> list[Result]:
    """Read the results of all runs that are done in a folder or below it, each with its configuration.

    Parameters
    ----------
    folder
        Runs are looked for in this folder, at any depth.
    untested
        Whether runs without an accuracy on test data are among them: they have learning curves, but no row in a report.

    Raises
    ------
    InvalidInput
        If there is no such folder, or no result in it that can be read.

    Warns
    -----
    UserWarning
        Of each result that is damaged, or in the folder of another configuration: it is left out.
    """
    try:
        paths = sorted(Path(folder).rglob("result.json")) if Path(folder).is_dir() else []
    except (OSError, ValueError) as error:  # of a name that is none, or a folder that is not ours
        raise InvalidInput("DIR", f"a folder that can be read ({error})", str(folder)) from error
    if not paths:
        raise InvalidInput("DIR", "a folder with runs that are done", str(folder))
    results, reason = list[Result](), ""
    for path in paths:
        try:
            results.append(_read(path, untested=untested))
        except RunFolderError as error:
            reason = error.reason
            warn(f"left out: {error}")
    if not results:
        raise InvalidInput("DIR", f"a folder with a result to report (the last one: {reason})", str(folder))
    return results


def _read(path: Path, *, untested: bool) -> Result:
    result = read_json(path, RESULT_NEEDS, RESULT_ALSO)
    if not isinstance(result["data"].get("name"), str):
        raise RunFolderError(path, "data has no name")
    if not untested and not is_tested(result):
        what = "is of a run that diverged" if result.get("diverged") else "was not tested"
        raise RunFolderError(path, f"{what}, and has no accuracy to report; its curves are drawn by --curves")
    configuration = configuration_of(path.parent)
    if configuration is not None and configuration["hash"] != result["config_hash"]:
        raise RunFolderError(path, "is the result of another configuration than its folder's")
    try:
        Fraction(result["density_target"])
    except (ValueError, ZeroDivisionError) as error:
        raise RunFolderError(path, "density_target is no number") from error
    return {**result, "configuration": configuration or {}, "folder": str(path.parent)}


def is_tested(result: Result) -> bool:
    """Whether a run has the accuracies that a row of a report is made of."""
    return all(result[name] is not None for name in ("accuracy_test", "accuracy_test_best", "accuracy_validation"))


def configuration_of(folder: Path) -> Result | None:
    """Read the configuration of a run, with its hash; None where there is none.

    Raises
    ------
    RunFolderError
        If the file is damaged, or its values are none of a configuration.
    """
    found = read_configuration(folder)
    if found is not None:
        try:
            Configuration.from_dict({name: value for name, value in found.items() if name != "hash"})
        except InvalidInput as error:
            raise RunFolderError(folder / "config.json", str(error)) from error
    return found


def groups_of(results: Sequence[Result]) -> Groups:
    """Bring runs together that differ in their seed alone, by seed; each seed counts once.

    Groups are sorted by data, network, method, final and first density (the densest first) and ratio. Where those do
    not tell groups apart, runs have the values that do as ``"settings"``, such as ``"epochs=3"``.

    Raises
    ------
    InvalidInput
        If the results are not what `read_results` gives.
    """
    for result in results:
        check_result("results", result)
    groups: dict[str, dict[int, Result]] = {}
    for result in sorted(results, key=lambda one: (*_order(one)[:-1], without(one, "seed"), one["seed"])):
        groups.setdefault(without(result, "seed"), {}).setdefault(result["seed"], result)
    told = _told_apart({key: next(iter(group.values())) for key, group in groups.items()})
    return {key: [{**run, "settings": told[key]} for run in group.values()] for key, group in groups.items()}


def check_result(argument: str, result: Result) -> None:
    """Refuse what lacks something of a result of `read_results` that a report looks at."""
    lacking = sorted({*RESULT_NEEDS, "configuration"} - _NEVER_SHOWN - result.keys())
    if lacking:
        raise InvalidInput(argument, "what read_results gives", f"one without {', '.join(lacking)}")


def _told_apart(runs: Mapping[str, Result]) -> dict[str, str]:
    """Give the values in which each of some runs differs from others that look the same."""
    alike: dict[tuple[Any, ...], list[str]] = {}
    for key, run in runs.items():
        alike.setdefault(_order(run)[:-1], []).append(key)
    told = dict.fromkeys(runs, "")
    for keys in alike.values():
        configurations = [runs[key]["configuration"] for key in keys]
        names = sorted({name for one in configurations for name in one} - {"hash", "seed"})
        for name in names if len(keys) > 1 else ():
            if len({json.dumps(one.get(name)) for one in configurations}) > 1:
                for key, one in zip(keys, configurations, strict=True):
                    if name in one:  # what a run does not look at is no setting of it
                        told[key] = f"{told[key]} {name}={_shown(one[name])}".strip()
    return told


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def without(result: Result, *names: str) -> str:
    """Write down the configuration of a result without some of its values, as a key for those that share the rest.

    Examples
    --------
    >>> without({"configuration": {"ratio": "erk", "seed": 3, "hash": "e5"}}, "seed")
    '{"ratio": "erk"}'
    """
    left_out = {"hash", *names}
    content = {name: value for name, value in result["configuration"].items() if name not in left_out}
    return json.dumps(content, sort_keys=True)  # which makes a list of a tuple, as files have it


def final_of(result: Result) -> str | None:
    """Return the density that was asked for at the end, None where STR was asked for none."""
    return result["configuration"].get("final_density", result["density_target"]) or None


def _order(result: Result) -> tuple[Any, ...]:
    names = ("recipe", "model", "width", "method")
    final, density = -Fraction(final_of(result) or 0), -Fraction(result["density_target"])
    return result["data"]["name"], *(result[name] for name in names), final, density, result["ratio"], result["seed"]
